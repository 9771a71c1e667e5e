"""Messages with NUL in APPEND: the parts that have it are stored in base64, and nothing else is changed (RFC 3516)."""

import base64
import email
import email.policy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postino.store.errors import StoreFull
from tests.unit.test_imap_binary import append8, value_of
from tests.unit.test_imap_session import letters_of, micropython, server, talk

__all__ = ["micropython", "server"]

BOUNDARY = b"=_nul"


def part(body, kind=b"application/octet-stream", encoding=b"Content-Transfer-Encoding: binary\r\n", more=b""):
    return b"%sContent-Type: %s\r\n%s\r\n%s" % (encoding, kind, more, body)


def multipart(*parts):
    head = b'Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="%s"\r\n\r\n' % BOUNDARY
    return head + b"".join(b"--%s\r\n%s\r\n" % (BOUNDARY, each) for each in parts) + b"--%s--\r\n" % BOUNDARY


def fetched(server, message, items):
    """What FETCH says of a message that was appended."""
    said = talk(server, append8(message), b"S EXAMINE INBOX", b"a FETCH 1 " + items)
    letters_of(server, "INBOX").expunge([server.store.status("anna", "INBOX")[2] - 1])
    assert b"A OK [APPENDUID" in said and b"a OK FETCH" in said
    return said


octets = st.one_of(st.binary(max_size=90), st.binary(min_size=1000, max_size=3000), st.just(b"a\0" * 2000))
OPTIONS = {"max_examples": 60, "deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(**OPTIONS)
@given(st.lists(octets, min_size=1, max_size=4))
def test_parts_come_as_they_were_sent(server, bodies):
    # What begins like a delimiter would be one.
    bodies = [body.replace(b"--", b"++") for body in bodies]
    names = [b"BINARY.PEEK[%d]" % number for number in range(1, len(bodies) + 1)]
    said = fetched(server, multipart(*map(part, bodies)), b"(RFC822.SIZE BODY.PEEK[] %s)" % b" ".join(names))
    whole = value_of(said, b"BODY[]")[1]
    assert b"\0" not in whole and b"RFC822.SIZE %d " % len(whole) in said
    parts = email.message_from_bytes(whole, policy=email.policy.SMTP).get_payload()
    assert isinstance(parts, list) and len(parts) == len(bodies)
    for number, body in enumerate(bodies, 1):
        assert value_of(said, b"BINARY[%d]" % number)[1] == body
        encoding = parts[number - 1].get_all("Content-Transfer-Encoding")
        assert encoding == ["base64" if b"\0" in body else "binary"]
        if b"\0" in body:
            assert parts[number - 1].get_payload(decode=True) == body


def test_what_is_stored(server):
    message = multipart(
        part(b"text\r\n", b"text/plain"), part(b"\0" * 58, more=b"X-A: b\r\n c\r\n"), part(b"x", b"a/b")
    )
    whole = value_of(fetched(server, message, b"(BODY.PEEK[] BODYSTRUCTURE)"), b"BODY[]")[1]
    encoded = base64.b64encode(b"\0" * 57) + b"\r\n" + base64.b64encode(b"\0") + b"\r\n"
    expected = b"Content-Type: application/octet-stream\r\nX-A: b\r\n c\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert whole == message.replace(part(b"\0" * 58, more=b"X-A: b\r\n c\r\n"), expected + encoded)


@pytest.mark.parametrize(
    ("message", "stored"),
    [
        (
            b"Subject: x\r\n\r\na\0",
            b"Subject: x\r\n" + b"Content-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n\r\nYQA=\r\n",
        ),
        (b"Mime-version: 1.0\n\n\0", b"Mime-version: 1.0\nContent-Transfer-Encoding: base64\r\n\r\nAA==\r\n"),
        (b"\r\n\0", b"Content-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n\r\nAA==\r\n"),
        (b"\n\0", b"Content-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n\r\nAA==\r\n"),
    ],
)
def test_letters_of_one_part(server, message, stored):
    assert value_of(fetched(server, message, b"BODY.PEEK[]"), b"BODY[]")[1] == stored


def test_a_letter_in_a_letter(server):
    inner = b"Subject: inside\r\n\r\n\0\r\n"
    said = fetched(server, multipart(part(inner, b"message/rfc822")), b"(BODY.PEEK[1] BINARY.PEEK[1.1] BODYSTRUCTURE)")
    assert value_of(said, b"BODY[1]")[1] == (
        b"Subject: inside\r\nContent-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n\r\nAA0K\r\n"
    )
    assert value_of(said, b"BINARY[1.1]") == (b"~", b"\0\r\n")
    assert b'"base64"' in said.partition(b"BODYSTRUCTURE")[2].lower()


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: \0\r\n\r\ntext",
        b"no header\0",
        b"Content-Transfer-Encoding: base64\r\n\r\nQ\0UI=",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=00\0",
        b"Content-Transfer-Encoding: x-own\r\n\r\n\0",
        b"Content-Type: multipart/mixed\r\n\r\n\0",
        multipart(part(b"x")).replace(b"--=_nul\r\n", b"\0\r\n--=_nul\r\n", 1),
    ],
)
def test_where_mime_allows_no_nul_it_stays_and_is_not_sent(server, message):
    said = fetched(
        server, message, b"(RFC822.SIZE BODY.PEEK[] BODY.PEEK[HEADER.FIELDS (Subject)] ENVELOPE BINARY.PEEK[])"
    )
    assert value_of(said, b"BODY[]")[1] == message.replace(b"\0", b"\x80")
    assert value_of(said, b"BINARY[]") == (b"~", message)
    assert b"\0" not in value_of(said, b"BODY[HEADER.FIELDS (Subject)]")[1]
    assert b"RFC822.SIZE %d " % len(message) in said


def test_several_in_one_command(server):
    first = b"Subject: 1\r\n\r\na\0"
    second = b"Subject: 2\r\n\r\nb"
    command = b"a APPEND INBOX ~{%d+}\r\n%s {%d+}\r\n%s ~{%d+}\r\n%s" % (
        *(len(first), first, len(second), second, len(first), first),
    )
    said = talk(server, command, b"s SELECT INBOX", b"f FETCH 1:* (BINARY.PEEK[1] BODY.PEEK[1])")
    assert b":3] APPEND completed" in said
    assert said.count(b"BODY[1] {6}\r\nYQA=\r\n BINARY[1] ~{2}\r\na\0)") == 2


def test_without_room_for_the_other_nothing_is_left(server, monkeypatch):
    talk(server, b"z NOOP")
    real = server.store.new_letter
    left = [1]

    def new_letter():
        left[0] -= 1
        if left[0] < 0:
            raise StoreFull("no room")
        return real()

    monkeypatch.setattr(server.store, "new_letter", new_letter)
    said = talk(server, append8(b"Subject: x\r\n\r\n\0"), b"z STATUS INBOX (MESSAGES)")
    assert b"A NO [OVERQUOTA]" in said and b"(MESSAGES 0)" in said
    assert not server.store.letters._writing and not server.store.letters.busy


def test_the_quota_counts_what_is_stored(server):
    server.store.quota = 4096
    assert b"A OK" in talk(server, append8(b"Subject: x\r\n\r\n" + b"\0" * 2500))
    letters_of(server, "INBOX").expunge([1])
    assert b"A NO [OVERQUOTA]" in talk(server, append8(b"Subject: x\r\n\r\n" + b"\0" * 3500))
    assert not server.store.letters._writing and not server.store.letters.busy
