"""Addresses, parameters, encoded words, IMAP strings and searching."""

import email.header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import address, encoded_words, parameters, quoting

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
        (b"root (Cron Daemon)", [(b"Cron Daemon", None, b"root", b"")]),
        # Several words are a name, as devices send it.
        (b"Scanner Room 2", [(b"Scanner Room 2", None, b"", b"")]),
        (b"Ann at office.lan, b@x", [(b"Ann at office.lan", None, b"", b""), (None, None, b"b", b"x")]),
        (b"Clara clara@x>, b@x", [(b"Clara clara", None, b"", b""), (None, None, b"b", b"x")]),
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
        # Obsolete, but right (RFC 5322 4.4).
        (b" , a@x, , (c), b@x,", [(None, None, b"a", b"x"), (None, None, b"b", b"x")]),
        (
            b'"".empty@x, first."second".third@x',
            [(None, None, b".empty", b"x"), (None, None, b"first.second.third", b"x")],
        ),
        (b"<,@a,,@b,:joe@x>", [(None, b"@a,@b", b"joe", b"x")]),
        # Comments: behind an address they are its name, before it and in brackets they are nothing.
        (
            b"(a) joe@x, joe(b)@x(c), <joe@x> (d), <(e) joe@x>",
            [
                (None, None, b"joe", b"x"),
                (b"c", None, b"joe", b"x"),
                (None, None, b"joe", b"x"),
                (None, None, b"joe", b"x"),
            ],
        ),
        (b"joe@x (a) ()", [(None, None, b"joe", b"x")]),
        # What is wrong goes up to the next comma.
        (b"joe@x (never closed, ann@y", [(None, None, b"joe", b"x"), (None, None, b"ann", b"y")]),
        (b"joe@x y, ann@y", [(None, None, b"joe", b"x"), (None, None, b"ann", b"y")]),
        (
            b"two@at@x, <joe doe@x>, ann@y",
            [
                (None, None, b"two", b"at"),
                (None, None, b"joe", b""),
                (None, None, b"ann", b"y"),
            ],
        ),
        (b"joe@x) <ann@y>", [(None, None, b"joe", b"x")]),
        (b'"a" b <joe@x> rest, Ann <ann@y', [(b"a b", None, b"joe", b"x"), (b"Ann", None, b"ann", b"y")]),
        (b"<<joe@x>>, <mailto:ann@y>", [(None, None, b"joe", b"x"), (None, None, b"ann", b"y")]),
        (
            b"A: a@x, B: b@x;, c@x;",
            [
                (None, None, b"A", None),
                (None, None, b"a", b"x"),
                (None, None, b"b", b"x"),
                END,
                (None, None, b"c", b"x"),
            ],
        ),
        (b"<@only.host>, <@a:>", [(None, None, b"", b"only.host"), (None, b"@a", b"", b"")]),
        (b"joe@x; ann@y", [(None, None, b"joe", b"x"), (None, None, b"ann", b"y")]),
        (b"Joe <joe@x, ann@y>", [(b"Joe", None, b"joe", b"x"), (None, None, b"ann", b"y")]),
    ],
)
def test_addresses(value, expected):
    assert address.parse(value) == expected


def test_any_number_of_addresses():
    assert len(address.parse(b",".join([b"a%d@x" % i for i in range(5000)]))) == 5000
    assert len(address.parse(b"g:a@x;" * 5000)) == 15000


def test_texts_of_addresses_are_limited():
    for value in (b"x" * 5000 + b"@y", b'"' + b"x" * 900 + b'" ' * 3 + b"<a@y>", b"<" + b"x." * 3000 + b"@y>"):
        [(name, _, mailbox, _)] = address.parse(value)
        assert len(name or b"") <= address.TEXT_LIMIT and len(mailbox) <= address.TEXT_LIMIT


ADDRESS_LIST = b'"B, (\\") C" <@a,@b:"joe doe" . x@y>, T: a@x (c (d) \\) e), u@[IPv6:1::2];, "".z@x, (e) f g'


@pytest.mark.parametrize("size", range(1, 30))
def test_addresses_in_pieces(size):
    pieces = [ADDRESS_LIST[i : i + size] for i in range(0, len(ADDRESS_LIST), size)]
    assert address.parse(pieces) == address.parse(ADDRESS_LIST)


@given(st.text(alphabet='<>@,:;"()\\[] a.', max_size=60), st.integers(1, 9))
def test_any_specials_in_pieces(value, size):
    value = value.encode()
    assert address.parse([value[i : i + size] for i in range(0, len(value), size)]) == address.parse(value)


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
        # Pieces are joined, behind the others; what is encoded stays so (RFC 2231 6).
        (b"a/b; f*0*=utf-8''a%20; f*1=b", (b"a", b"b", [(b"f*", b"utf-8''a%20b")])),
        (b"a/b; F*1=2; x=y; f*0=1; f*3=4; g*=z", (b"a", b"b", [(b"x", b"y"), (b"g*", b"z"), (b"f", b"12")])),
        (b"a/b; f*1=2; *0=x; f*x=y", (b"a", b"b", [(b"*0", b"x"), (b"f*x", b"y")])),
        (b"text/plain/more; a=b", (b"text", b"plain", [(b"charset", b"us-ascii")])),
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
    assert len(parameters.parse(b"a/b" + b";x=y" * 5000)[1]) == 32


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
        (b"=?koi8-r?q?a=C1?=", "aа"),
        (b"=?x-nobody-knows?q?a=C1?=", "a\ufffd"),
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
