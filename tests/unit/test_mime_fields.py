"""Header fields: collected, filtered, unfolded, whatever the split of the input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import fields
from postino.mime.fields import FieldCollector, HeaderFilter

LETTER = (
    b"Return-Path: <a@b>\r\nFROM : Anna\r\n <anna@x>\r\nsubject:  two\r\n\tlines \r\nno field here\r\nTo: b@x\r\n"
    b"Subject: again\r\nX-Empty:\r\n\r\nSubject: in the body\r\n"
)
NAMES = (b"from", b"subject", b"x-empty", b"cc")


def collect(pieces, names=NAMES, limit=fields.FIELD_LIMIT):
    collector = FieldCollector(names, limit)
    for piece in pieces:
        if not collector.feed(piece):
            break
    collector.finish()
    return collector


def filtered(pieces, names, invert=False):
    header = HeaderFilter(names, invert)
    out = []
    for piece in pieces:
        out += header.feed(piece)
        if header.done:
            break
    return b"".join(out + header.finish())


def splits(data):
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(1, len(data)):
        yield [data[:i], data[i:]]
    yield [memoryview(bytearray(data))]


@pytest.mark.parametrize("letter", [LETTER, LETTER.replace(b"\r\n", b"\n")])
def test_collects_first_occurrence_unfolded_in_every_split(letter):
    end = letter.find(b"\n\n") + 2 if b"\r" not in letter else letter.find(b"\r\n\r\n") + 4
    for pieces in splits(letter):
        collector = collect(pieces)
        assert collector.header_length == end
        assert collector.get(b"from") == b"Anna <anna@x>"
        assert collector.get(b"subject") == b"two\tlines"
        assert collector.get(b"x-empty") == b""
        assert collector.get(b"cc") is None
        assert collector.get(b"to") is None


@pytest.mark.parametrize(
    ("letter", "length"),
    [
        (b"", 0),
        (b"\r\n", 2),
        (b"\nbody", 1),
        (b"plain text", 0),
        (b"plain text\r\nA: b\r\n\r\n", 0),
        (b" starts folded\r\nA: b\r\n\r\n", 0),
        (b"x" * 500 + b": y\r\n\r\n", 0),
        (b": no name\r\n\r\n", 0),
        (b"From joe Mon Jan 1 00:00:00 2026\r\nA: b\r\n\r\nx", 42),
        (b"A: b", 4),
        (b"A: b\r\nC: d\r\n", 12),
        (b"A: b\r", 5),
        (b"A: b\r\n\r", 7),
        (b"A: b\r\n\rX: y\r\n\r\n", 15),
    ],
)
def test_where_odd_headers_end(letter, length):
    for pieces in splits(letter):
        assert collect(pieces).header_length == length


def test_limits_hold_and_what_follows_is_read():
    letter = b"From: " + b"f" * 1000000 + b"\r\nSubject: s\r\n" + b"X: y\r\n" * 10000 + b"Cc: c\r\n\r\n"
    for size in (100, 2048, len(letter)):
        collector = collect([letter[i : i + size] for i in range(0, len(letter), size)])
        assert len(collector.get(b"from")) == fields.FIELD_LIMIT
        assert collector.get(b"subject") == b"s"
        assert collector.get(b"cc") == b"c"
        assert collector.header_length == len(letter)


def test_all_fields_together_are_limited():
    names = (b"a", b"b", b"c", b"d")
    letter = b"".join([name + b":" + b"v" * 8000 + b"\r\n" for name in names]) + b"\r\n"
    collector = collect([letter], names)
    assert sum(len(collector.get(name)) for name in names) <= fields.HEADER_LIMIT
    assert len(collector.get(b"a")) == 8000


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_octets_give_the_same_in_any_split(data, size):
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    whole, cut = collect([data]), collect(pieces)
    assert whole.header_length == cut.header_length
    assert [whole.get(name) for name in NAMES] == [cut.get(name) for name in NAMES]
    assert filtered([data], NAMES) == filtered(pieces, NAMES)
    assert filtered([data], NAMES, True) == filtered(pieces, NAMES, True)


def test_filter_keeps_exact_octets():
    for pieces in splits(LETTER):
        assert filtered(pieces, (b"subject", b"from")) == (
            b"FROM : Anna\r\n <anna@x>\r\nsubject:  two\r\n\tlines \r\nSubject: again\r\n\r\n"
        )
        assert filtered(pieces, (b"subject", b"from"), True) == (
            b"Return-Path: <a@b>\r\nno field here\r\nTo: b@x\r\nX-Empty:\r\n\r\n"
        )
        assert filtered(pieces, (b"nothing",)) == b"\r\n"


@pytest.mark.parametrize(
    ("letter", "invert", "result"),
    [
        (b"", False, b"\r\n"),
        (b"no header", True, b"\r\n"),
        (b"no header\r\nA: b\r\n\r\n", True, b"\r\n"),
        (b"A: b", False, b"A: b\r\n\r\n"),
        (b"A: b\r\n", False, b"A: b\r\n\r\n"),
        (b"A: b\r\nX: y", False, b"A: b\r\n\r\n"),
        (b"A: b\r\nX: y", True, b"X: y\r\n\r\n"),
        (b"A: b\r\njun", True, b"jun\r\n\r\n"),
        (b"A: b\n\nx", False, b"A: b\n\n"),
    ],
)
def test_filter_of_odd_headers_ends_with_a_blank_line(letter, invert, result):
    for pieces in splits(letter):
        assert filtered(pieces, (b"a",), invert) == result
