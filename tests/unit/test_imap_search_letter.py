"""What SEARCH finds in letters: fields of all occurrences, decoded; texts of parts, decoded; nothing else."""

import asyncio
import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap.search import search
from tests.unit.imap_search_support import NOW, Box, Row, Session, sleep_ms

NESTED = """\
From: "Anna Q. Public" <anna@office.example>
To: bob@x.example,
\tcarol@y.example
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
 =?iso-8859-1?q?_aus_K=F6ln?=
X-Thing: one
X-Thing: two
Content-Type: multipart/mixed; boundary=x

preamble
--x
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable
X-Part: partfield

Hello w=F6rld soft=
break line
--x
Content-Type: message/rfc822

Subject: innersubject
From: inner@x.example

deepbody
--x
Content-Type: application/octet-stream; name="attachment.bin"
Content-Transfer-Encoding: base64

YmluYXJ5dGV4dA==
--x
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PGI+w4lsw6lvbm9yZTwvYj4=
--x--
epilogue
"""


@pytest.fixture(scope="module", autouse=True)
def micropython():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep_ms", sleep_ms, raising=False)
        yield


def crlf(text):
    return text.replace("\n", "\r\n").encode()


def found(content, key, text):
    """True if a search for the text under this key finds the letter."""
    octets = text.encode()
    session = Session(Box([Row(1, content)]))
    lines, _ = session.run(search, b"%s {%d+}\r\n%s" % (key, len(octets), octets))
    assert lines in ([b"* SEARCH"], [b"* SEARCH 1"])
    return lines == [b"* SEARCH 1"]


@pytest.mark.parametrize(
    ("key", "text", "wanted"),
    [
        (b"FROM", "anna q.", True),
        (b"FROM", "inner", False),
        (b"TO", "bob@x.example, carol", True),
        (b"SUBJECT", "GRÜße aus köln", True),
        (b"SUBJECT", "innersubject", False),
        (b"SUBJECT", "", True),
        (b"CC", "", False),
        (b"HEADER x-thing", "one", True),
        (b"HEADER x-thing", "two", True),
        (b"HEADER x-thing", "three", False),
        (b"HEADER x-thing", "", True),
        (b"HEADER x-thin", "", False),
        (b"HEADER x-part", "partfield", False),
        (b"BODY", "WÖRLD", True),
        (b"BODY", "softbreak", True),
        (b"BODY", "deepbody", True),
        (b"BODY", "éléonore", True),
        (b"BODY", "<B>", True),
        (b"BODY", "innersubject", False),
        (b"BODY", "partfield", False),
        (b"BODY", "preamble", False),
        (b"BODY", "epilogue", False),
        (b"BODY", "binarytext", False),
        (b"BODY", "YmluYXJ5", False),
        (b"BODY", "grüße", False),
        (b"BODY", "", True),
        (b"TEXT", "grüsse", False),
        (b"TEXT", "GRÜßE AUS", True),
        (b"TEXT", "x-thing: two", True),
        (b"TEXT", "innersubject", True),
        (b"TEXT", "partfield", True),
        (b"TEXT", "attachment.bin", True),
        (b"TEXT", "wörld", True),
        (b"TEXT", "binarytext", False),
        (b"TEXT", "preamble", False),
        (b"TEXT", "", True),
        (b"NOT BODY", "wörld", False),
        (b"OR SUBJECT nothing BODY", "wörld", True),
        (b"OR BODY nothing TEXT", "nothing", False),
        (b"BODY deepbody BODY", "éléonore", True),
        (b"BODY deepbody TEXT", "partfield", True),
        (b"TEXT innersubject BODY", "innersubject", False),
    ],
)
def test_where_texts_are_found(key, text, wanted):
    assert found(crlf(NESTED), key, text) == wanted


words = st.text(alphabet="aäÄßяЯ €x", min_size=1, max_size=12).map(str.strip).filter(bool)


@given(words, st.integers(0, 1200), st.sampled_from(["utf-8", "koi8-r", "iso-8859-15", "utf-16"]), st.booleans())
def test_wherever_it_lies_and_however_it_is_encoded(word, before, charset, in_base64):
    text = "." * before + word + "." * 40
    octets = text.encode(charset, "replace")
    if in_base64:
        encoding, body = b"base64", base64.encodebytes(octets).replace(b"\n", b"\r\n")
    else:
        encoding, body = b"quoted-printable", quopri.encodestring(octets, quotetabs=True).replace(b"\n", b"\r\n")
    head = b"Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n"
    letter = head % (charset.encode(), encoding) + body
    wanted = octets.decode(charset).find(word) >= 0
    assert found(letter, b"BODY", word) == wanted
    assert not found(letter, b"BODY", word + "ю")


@given(st.text(alphabet="aäÄßя €x", min_size=1, max_size=60), st.sampled_from(["utf-8", "koi8-r", "iso-8859-1"]))
def test_encoded_words_of_python(text, charset):
    from email.header import Header

    text = text.encode(charset, "ignore").decode(charset).strip()
    field = Header(text, charset, header_name="Subject").encode().replace("\n", "\r\n")
    letter = f"X-First: 1\r\nSubject: {field}\r\n\r\n".encode()
    blank = " ".join(text.split())
    assert found(letter, b"SUBJECT", blank)
    assert not found(letter, b"SUBJECT", blank + "q")


@pytest.mark.parametrize(
    ("charset", "octets"),
    [
        (b"UTF-8", "Köln".encode()),
        (b"us-ascii", b"aus"),
        (b"iso-8859-1", "Köln".encode("latin-1")),
        (b"ISO-8859-15", "Köln".encode("iso-8859-15")),
        (b"windows-1252", "Köln".encode("cp1252")),
        (b"ISO-8859-2", "Köln".encode("iso-8859-2")),
        (b"ISO-8859-9", "Köln".encode("iso-8859-9")),
        (b"WINDOWS-1250", "Köln".encode("cp1250")),
        (b'"utf-8"', "KÖLN".encode()),
    ],
)
def test_charsets_of_the_question(charset, octets):
    session = Session(Box([Row(1, crlf(NESTED))]))
    lines, _ = session.run(search, b"CHARSET %s SUBJECT {%d+}\r\n%s" % (charset, len(octets), octets))
    assert lines == [b"* SEARCH 1"]


@pytest.mark.parametrize(
    ("charset", "text"),
    [("koi8-r", "Привет"), ("iso-8859-5", "Привет"), ("windows-1251", "Привет"), ("iso-8859-7", "γεια")],
)
def test_charsets_of_other_alphabets(charset, text):
    letter = f"Subject: {text.upper()}\r\n\r\n".encode()
    octets = text.encode(charset)
    line = b"CHARSET %s SUBJECT {%d+}\r\n%s" % (charset.encode(), len(octets), octets)
    assert Session(Box([Row(1, letter)])).run(search, line)[0] == [b"* SEARCH 1"]


@pytest.mark.parametrize(
    ("field", "day"),
    [
        (b"Date: Mon, 2 Nov 2026 23:30:00 -0800\r\n", b"2-Nov-2026"),
        (b"Date: 3 Nov 26 00:30 +0900\r\n", b"3-Nov-2026"),
        # Where there is no date, the earliest one counts (RFC 5256 2.2 says so of sorting).
        (b"Date: yesterday\r\n", b"1-Jan-1970"),
        (b"", b"1-Jan-1970"),
    ],
)
def test_the_day_of_sending(field, day):
    session = Session(Box([Row(1, b"From: a@x\r\n" + field + b"\r\n", date=NOW)]))
    for key, lines in (
        (b"SENTON ", [b"* SEARCH 1"]),
        (b"SENTBEFORE ", [b"* SEARCH"]),
        (b"SENTSINCE ", [b"* SEARCH 1"]),
    ):
        assert session.run(search, key + day)[0] == lines


def test_a_body_is_read_only_where_nothing_else_decides():
    letter = crlf(NESTED) + b"x" * 20000
    session = Session(Box([Row(1, letter)]))
    octets = []
    opened = session.server.store.open_letter

    def open_letter(slot, size):
        reader = opened(slot, size)
        read = reader.readinto

        def readinto(buffer):
            octets.append(read(buffer))
            return octets[-1]

        reader.readinto = readinto
        return reader

    session.server.store.open_letter = open_letter
    session.run(search, b"OR SUBJECT aus BODY deepbody")
    assert sum(octets) == 1024
    octets.clear()
    session.run(search, b"OR SUBJECT nothing BODY deepbody")
    assert sum(octets) > 20000
