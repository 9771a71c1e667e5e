"""Addresses, parameters, encoded words, IMAP strings and searching."""

import email.header
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import address, encoded_words, parameters, quoting
from postino.mime.search import Searcher, contains

END = (None, None, None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", []),
        (b" , ,", []),
        (b"anna@x.lan", [(None, None, b"anna", b"x.lan")]),
        (b"Anna B. C. <anna@x.lan>", [(b"Anna B. C.", None, b"anna", b"x.lan")]),
        (b'"Bohr, Anna \\"A\\"" <anna@x>', [(b'Bohr, Anna "A"', None, b"anna", b"x")]),
        (b"anna@x (Anna (the) Bohr)", [(b"Anna (the) Bohr", None, b"anna", b"x")]),
        (b"=?utf-8?q?J=C3=B6rg?= <j@x>,b@y", [(b"=?utf-8?q?J=C3=B6rg?=", None, b"j", b"x"), (None, None, b"b", b"y")]),
        (b"<@a.b,@c.d:joe@x>", [(None, b"@a.b,@c.d", b"joe", b"x")]),
        (
            b"Team: a@x, B <b@x>;, c@x",
            [
                (None, None, b"Team", None),
                (None, None, b"a", b"x"),
                (b"B", None, b"b", b"x"),
                END,
                (None, None, b"c", b"x"),
            ],
        ),
        (b"undisclosed-recipients:;", [(None, None, b"undisclosed-recipients", None), END]),
        (b"Open: a@x", [(None, None, b"Open", None), (None, None, b"a", b"x"), END]),
        (b"root", [(None, None, b"root", b"")]),
        (b"Scanner Room 2", [(None, None, b"Scanner Room 2", b"")]),
        (b"UPS <>", [(b"UPS", None, b"", b"")]),
        (b"joe@x <joe@x>", [(b"joe@x", None, b"joe", b"x")]),
        (b'"joe doe"@x', [(None, None, b"joe doe", b"x")]),
        (b"joe . doe @ x . lan", [(None, None, b"joe.doe", b"x.lan")]),
        (
            b"u@[192.0.2.7], v@[IPv6:2001:db8::1]",
            [(None, None, b"u", b"[192.0.2.7]"), (None, None, b"v", b"[IPv6:2001:db8::1]")],
        ),
        (b"J\xf6rg <j@x>", [(b"J\xf6rg", None, b"j", b"x")]),
        (b'"Broken <joe@x>', [(b"Broken", None, b"joe", b"x")]),
        (b"joe@x; ann@y", [(None, None, b"joe", b"x"), (None, None, b"ann", b"y")]),
        (b"Joe <joe@x, ann@y>", [(b"Joe", None, b"joe", b"x"), (None, None, b"ann", b"y")]),
    ],
)
def test_addresses(value, expected):
    assert address.parse(value) == expected


def test_address_limit():
    assert len(address.parse(b",".join([b"a%d@x" % i for i in range(5000)]))) == 64
    assert len(address.parse(b"g:a@x;" * 5000)) <= 64 * 2
    assert address.parse(b"g:" + b"a@x," * 5000)[-1] == END


@given(st.binary(max_size=200))
def test_any_octets_are_addresses_of_four(value):
    for entry in address.parse(value):
        assert len(entry) == 4
        assert entry == END or isinstance(entry[2], bytes)


@given(st.text(alphabet='<>@,:;"()\\[] a.=?/', max_size=60))
def test_any_specials(value):
    value = value.encode()
    assert all(len(entry) == 4 for entry in address.parse(value))
    _, pairs = parameters.parse(value)
    assert all(name and text is not None for name, text in pairs)
    encoded_words.decode(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text/html", (b"text", b"html", [])),
        (b"Text/HTML; Charset = utf-8 (really); x", (b"Text", b"HTML", [(b"Charset", b"utf-8")])),
        (
            b'multipart/mixed; boundary="a b"; x="q\\"q"',
            (b"multipart", b"mixed", [(b"boundary", b"a b"), (b"x", b'q"q')]),
        ),
        (b"multipart/mixed; boundary=----=_Part_1", (b"multipart", b"mixed", [(b"boundary", b"----=_Part_1")])),
        (b"application/pdf; name=my file (1).pdf", (b"application", b"pdf", [(b"name", b"my file .pdf")])),
        (b"a/b; name=file(1).pdf", (b"a", b"b", [(b"name", b"file(1).pdf")])),
        (b"a/b; f*0*=utf-8''a%20; f*1=b", (b"a", b"b", [(b"f*0*", b"utf-8''a%20"), (b"f*1", b"b")])),
        (b"a / b ; x=", (b"a", b"b", [(b"x", b"")])),
        (b"text", (b"text", b"plain", [(b"charset", b"us-ascii")])),
        (b"", (b"text", b"plain", [(b"charset", b"us-ascii")])),
        (None, (b"text", b"plain", [(b"charset", b"us-ascii")])),
    ],
)
def test_content_type(value, expected):
    kind, subtype, pairs = parameters.content_type(value)
    if value == b"a / b ; x=":
        kind, subtype = kind.strip(), subtype.strip()
    assert (kind, subtype, pairs) == expected


def test_parameter_limit():
    assert len(parameters.parse(b"a/b" + b";x=y" * 5000)[1]) == 16


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", b'""'),
        (b"plain text (x) [y] {z}~", b'"plain text (x) [y] {z}~"'),
        (b'a"b', b'{3}\r\na"b'),
        (b"a\\b", b"{3}\r\na\\b"),
        (b"\xc3\xb6", b"{2}\r\n\xc3\xb6"),
        (b"a\x00\r\nb", b"{5}\r\na \r\nb"),
        (b"x" * 600, b"{600}\r\n" + b"x" * 600),
        (None, b"NIL"),
    ],
)
def test_strings(value, expected):
    assert quoting.nstring(value) == expected


def test_every_octet_is_quoted_only_where_it_may():
    for octet in range(256):
        safe = 0x20 <= octet < 0x7F and octet not in b'"\\'
        assert (quoting.string(bytes([octet]))[:1] == b'"') == safe


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?Q?J=C3=B6rg_B?= <j@x>", "Jörg B <j@x>"),
        (b"=?UTF-8?B?w7Y=?= =?utf-8?B?w7Y?=", "öö"),
        (b"=?utf-8?B?ww==?= =?utf-8?B?tg==?=x", "öx"),
        (b"=?iso-8859-1?q?=E4?= =?utf-8?q?=C3=B6?= a", "äö a"),
        (b"=?windows-1252*de?q?=80?=", "€"),
        (b"=?iso-8859-15?q?=A4=E4?=", "€ä"),
        (b"=?koi8-r?q?a=C1?=", "a\ufffd"),
        (b"a =?utf-8?q?b?= c", "a b c"),
        (b"=?utf-8?x?b?= =?broken", "=?utf-8?x?b?= =?broken"),
        (b"=?utf-8?q?=ZZ=4?=", "=ZZ=4"),
        (b"raw \xc3\xb6", "raw ö"),
        (b"raw \xf6", "raw ö"),
        (b"=?=?=?", "=?=?=?"),
        (b"=?utf-8?q??=", ""),
    ],
)
def test_encoded_words(value, expected):
    assert encoded_words.decode(value) == expected


@given(
    st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=("Cs", "Zs", "Cc")), min_size=1, max_size=80)
)
def test_encoded_words_of_python(text):
    encoded = email.header.Header(text, "utf-8", maxlinelen=60).encode().encode()
    assert encoded_words.decode(encoded.replace(b"\n", b"\r\n")) == text


@given(st.binary(max_size=100))
def test_any_octets_decode(value):
    assert isinstance(encoded_words.decode(value), str)


def test_quadratic_words_are_quick():
    for value in (
        b"=?" * 4000,
        b"(" * 8000,
        b'"' * 8000,
        b"a " * 4000,
        b"a;" * 4000,
        b"=?a?q?" * 1300,
        b"\\(" * 4000,
        b"[" * 8000,
    ):
        encoded_words.decode(value)
        address.parse(value)
        parameters.parse(value)


def test_search_in_every_split():
    text = b"Dear Anna, the InVoice is here"
    for i in range(len(text)):
        searcher = Searcher(b"INVOICE")
        searcher.feed(text[:i])
        assert searcher.feed(text[i:])
    searcher = Searcher(b"invoice")
    assert any(searcher.feed(text[i : i + 1]) for i in range(len(text)))
    assert not Searcher(b"invoices").feed(text)
    assert Searcher(b"").found
    assert Searcher(b"H").feed(memoryview(text))
    assert contains(text, b"DEAR") and not contains(text, b"x")


def test_search_does_not_join_texts():
    searcher = Searcher(b"ab")
    searcher.feed(b"a")
    searcher.restart()
    assert not searcher.feed(b"b")


def test_search_against_find():
    rng = random.Random(3)
    for _ in range(300):
        text = bytes(rng.choice(b"abA\n") for _ in range(60))
        needle = bytes(rng.choice(b"abA") for _ in range(rng.randint(1, 6)))
        searcher = Searcher(needle)
        at = 0
        while at < len(text):
            step = rng.randint(1, 9)
            searcher.feed(text[at : at + step])
            at += step
        assert searcher.found == (needle.lower() in text.lower())
