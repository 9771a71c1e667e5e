"""The tokenizer of IMAP commands: what it reads, what it refuses, and that the chunks of a line do not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap import wire
from postino.imap.errors import Bad, Goodbye


def parser(text: bytes, *more: bytes) -> wire.Parser:
    """A parser over one line, or over line, literal, line and so on."""
    pieces = [text, *more]
    return wire.Parser([[piece] if k % 2 == 0 else piece for k, piece in enumerate(pieces)])


def quote(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


printable = st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(str.encode)


@given(printable)
def test_quoted_strings(text):
    read = parser(quote(text))
    assert read.string() == text
    read.end()


@given(st.binary())
def test_literals(octets):
    read = parser(b"{%d}" % len(octets), octets, b" X")
    if b"\0" in octets:
        # RFC 3501 9, CHAR8.
        with pytest.raises(Bad):
            read.string()
        return
    assert read.string() == octets
    read.space()
    assert read.atom() == b"X"


@given(st.lists(printable, min_size=1), st.integers(1, 9))
def test_chunks_do_not_show(texts, size):
    line = b" ".join(quote(text) for text in texts)
    read = wire.Parser([[line[at : at + size] for at in range(0, len(line), size)]])
    for k, text in enumerate(texts):
        if k:
            read.space()
        assert read.astring() == text
    read.end()


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_nothing_but_bad_is_raised(pieces):
    if len(pieces) % 2 == 0:
        pieces.append(b"")
    for method in ("atom", "string", "astring", "nstring", "flag", "attribute", "number", "piece", "list_mailbox"):
        read = parser(*pieces)
        try:
            getattr(read, method)()
            read.space()
        except Bad:
            pass


@pytest.mark.parametrize(
    ("line", "announced"),
    [
        (b"a LOGIN {5}", (5, True, False)),
        (b"a LOGIN {5+}", (5, False, False)),
        (b"a APPEND x ~{5}", (5, True, True)),
        (b"a APPEND x UTF8 (~{5+}", (5, False, True)),
        (b"{0}", (0, True, False)),
        (b"{4294967295}", (4294967295, True, False)),
        (b"a LOGIN {-1}", None),
        (b"a LOGIN {}", None),
        (b"a LOGIN {+}", None),
        (b"a LOGIN {5++}", None),
        (b"a LOGIN 5}", None),
        (b"a LOGIN {5} ", None),
        (b"a LOGIN", None),
        (b"", None),
    ],
)
def test_literal_announcements(line, announced):
    assert wire.announcement(line) == announced
    for size in (1, 2, 3):
        chunks = [b"x" * wire.CHUNK + line[:-size], line[-size:]]
        assert wire.announcement(wire.tail_of(chunks)) == announced


@pytest.mark.parametrize("size", [b"9223372036854775808", b"9999999999999999999", b"1" * 30])
def test_impossible_literals(size):
    with pytest.raises(Bad):
        wire.announcement(b"a LOGIN {%s}" % size)
    # It comes unasked, and cannot be skipped.
    with pytest.raises(Goodbye):
        wire.announcement(b"a LOGIN {%s+}" % size)


@pytest.mark.parametrize("text", [b'"', b'"a', b'"a\\', b'"a\\b"', b'"a\rb"', b'"a\0b"', b"{3}", b"(", b""])
def test_broken_strings(text):
    with pytest.raises(Bad):
        parser(text).string()


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters='"\\\r\n\0')))
def test_quoted_strings_may_be_utf8(text):
    """RFC 6855 3."""
    assert parser(b'"%s"' % text.encode()).string() == text.encode()


# A stray octet, an overlong form, a surrogate, beyond the last code point, one cut short.
@pytest.mark.parametrize("octets", [b"\x80", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_octets_that_are_no_utf8_are_bad(octets):
    with pytest.raises(Bad):
        parser(b'"a%sb"' % octets).string()
    assert parser(b"{%d}" % len(octets), octets, b"").string() == octets


def test_numbers():
    assert parser(b"4294967295").number() == 4294967295
    for text in (b"4294967296", b"-1", b"1x", b"", b"99999999999999999999"):
        with pytest.raises(Bad):
            parser(text).number()


def test_parentheses_nest_eight_deep():
    read = parser(b"(" * 9)
    for _ in range(8):
        read.open_list()
    with pytest.raises(Bad):
        read.open_list()


def test_partial_fetch():
    assert parser(b"0.65536>").piece() == (0, 65536)
    assert parser(b"4294967296.9223372036854775807>").piece() == (1 << 32, (1 << 63) - 1)
    longest = b"9223372036854775807.9223372036854775807>"
    for size in range(1, len(longest)):
        read = wire.Parser([[longest[:size], longest[size:]]])
        assert read.piece() == ((1 << 63) - 1, (1 << 63) - 1) and read.at_end()
    for text in (b"0>", b"0.>", b".5>", b"0.5", b"a.5>", b"9223372036854775808.1>", b"1.99999999999999999999>"):
        with pytest.raises(Bad):
            parser(text).piece()


def test_tags():
    assert wire.is_tag(b"a1")
    for tag in (b"", b"+", b"a+", b"*", b'"a', b"a{", b"\x80", b"a\x00"):
        assert not wire.is_tag(tag)
