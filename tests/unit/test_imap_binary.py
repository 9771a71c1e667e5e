"""BINARY of parts in all encodings, whole and in pieces, against the decoders of CPython (RFC 3516)."""

import base64
import quopri
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postino.imap import binary
from tests.unit.test_imap_session import append, letters_of, micropython, server, talk

__all__ = ["micropython", "server"]


def letter(encoding, body, kind=b"application/octet-stream"):
    return b"Subject: x\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (kind, encoding, body)


def append8(octets):
    """APPEND of what may hold NUL."""
    return append(octets).replace(b"INBOX {", b"INBOX ~{", 1)


def value_of(said, label):
    """The literal or the empty string behind a label: (what it is announced by, its octets)."""
    after = said.partition(label + b" ")[2]
    if after.startswith(b'""'):
        return b"", b""
    announced = re.match(rb"(~?)\{(\d+)\}\r\n", after)
    assert announced is not None, after[:60]
    start = announced.end()
    return announced[1], after[start : start + int(announced[2])]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.binary(max_size=40), st.binary(min_size=1000, max_size=4000)),
    st.sampled_from((b"base64", b"quoted-printable", b"binary")),
    st.sampled_from((b"application/octet-stream", b"Text/html", b"")),
    st.integers(0, 4100),
    st.integers(1, 4100),
)
def test_parts_come_as_they_were_before_they_were_encoded(server, octets, encoding, kind, offset, length):
    if encoding == b"base64":
        body = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    elif encoding == b"quoted-printable":
        body = quopri.encodestring(octets.replace(b"\r", b"=0D"), quotetabs=True)
        octets = quopri.decodestring(body).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        body = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    else:
        body = octets
    if kind != b"application/octet-stream":
        # Lines of texts end in CRLF, whatever ended them before they were encoded (RFC 3516 6).
        octets = re.sub(rb"\r?\n", b"\r\n", octets)
    items = b"(BINARY.SIZE[1] BINARY.PEEK[1] BINARY.PEEK[1]<%d.%d>)" % (offset, length)
    said = talk(server, append8(letter(encoding, body, kind)), b"S EXAMINE INBOX", b"a FETCH 1 " + items)
    letters_of(server, "INBOX").expunge([server.store.status("anna", "INBOX")[2] - 1])
    assert b"BINARY.SIZE[1] %d BINARY" % len(octets) in said
    for label, expected in (
        (b"BINARY[1]", octets),
        (b"BINARY[1]<%d>" % offset, octets[offset : offset + length]),
    ):
        tilde, value = value_of(said, label)
        assert value == expected
        # A literal8 where there is a NUL, and only there.
        assert (tilde == b"~") == (b"\0" in expected)


def test_a_letter_as_a_whole_has_no_encoding(server):
    whole = letter(b"base64", b"QUI=\r\n")
    said = talk(
        server,
        append(whole),
        b"S EXAMINE INBOX",
        b"a FETCH 1 (BINARY.PEEK[] BINARY.SIZE[])",
        b"b FETCH 1 BINARY.PEEK[HEADER]",
        b"c FETCH 1 BINARY.PEEK[1.MIME]",
        b"d FETCH 1 BINARY.SIZE[HEADER.FIELDS (Subject)]",
    )
    assert value_of(said, b"BINARY[]")[1] == whole
    assert b"BINARY.SIZE[] %d)" % len(whole) in said
    # RFC 3516 7: a section of BINARY is a part number, or nothing.
    for tag in (b"b", b"c", b"d"):
        assert b"\r\n%s BAD BINARY" % tag in said


@pytest.mark.parametrize(
    ("encoding", "body", "code"),
    [
        (b"x-own", b"abc", b"UNKNOWN-CTE"),
        (b"uuencode", b"begin", b"UNKNOWN-CTE"),
        (b"base64", b"AA!!", b"PARSE"),
        (b"base64", b"AAA", b"PARSE"),
        (b"quoted-printable", b"=ZZ", b"PARSE"),
    ],
)
def test_what_cannot_be_decoded_is_refused_and_nothing_is_read(server, encoding, body, code):
    good = letter(b"base64", b"QUI=")
    talk(server, append(good), append(letter(encoding, body)), append(good))
    said = talk(server, b"S SELECT INBOX", b"a FETCH 1:3 BINARY[1]", b"b FETCH 1:3 FLAGS", b"c FETCH 2 BINARY.SIZE[1]")
    assert b"a NO [%s] " % code in said and b"c NO [%s] " % code in said
    # The others are there; only they have been read.
    assert said.count(b"BINARY[1] {2}\r\nAB)") == 2
    assert b"* 2 FETCH (FLAGS (\\Recent))" in said and b"* 3 FETCH (FLAGS (\\Seen \\Recent))" in said


def test_a_long_part_is_sent_in_small_pieces(server, monkeypatch):
    octets = bytes(range(256)) * 50
    talk(server, append(letter(b"base64", base64.encodebytes(octets).replace(b"\n", b"\r\n"))))
    written = []

    class Conn:
        def __init__(self, conn):
            self.conn = conn

        async def write(self, data):
            written.append(bytes(data))
            await self.conn.write(data)

    real = binary.send
    monkeypatch.setattr(binary, "send", lambda conn, letter, part: real(Conn(conn), letter, part))
    said = talk(server, b"S EXAMINE INBOX", b"a FETCH 1 BINARY.PEEK[1]<0.12000>", b"b NOOP")
    assert b"\r\nb OK" in said and b"a OK" in said
    assert max(map(len, written)) <= binary.PIECE and b"".join(written[1:]) == octets[:12000]
