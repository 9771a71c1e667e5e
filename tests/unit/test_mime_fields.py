"""Header fields: collected, filtered, unfolded, whatever the split of the input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import fields
from postino.mime.fields import FieldCollector, HeaderFilter

LETTER = (
    b"Return-Path: <a@b>\r\nFROM : Anna\r\n <anna@x>\r\nsubject:  two\r\n\tlines \r\nno field here\r\nTo: b@x\r\n"
    b"Subject: again\r\nX-Empty:\r\nX-Folded:  a\r\n \tb\r\n \t\r\n c\rd\r\n \r\n\r\nSubject: in the body\r\n"
)
NAMES = (b"from", b"subject", b"x-empty", b"cc", b"x-folded")


def collect(pieces, names=NAMES, limit=fields.FIELD_LIMIT, octets=None):
    collector = FieldCollector(names, limit, octets)
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
def test_collects_unfolded_in_every_split(letter):
    end = letter.find(b"Subject: in the body")
    for pieces in splits(letter):
        collector = collect(pieces)
        assert collector.header_length == end
        assert collector.get(b"from") == b"Anna <anna@x>"
        # The last one counts.
        assert collector.get(b"subject") == b"again"
        assert collector.get(b"x-empty") == b""
        assert collector.get(b"x-folded") == b"a \tb \t c\rd"
        assert collector.get(b"cc") is None
        assert collector.get(b"to") is None


@pytest.mark.parametrize(
    ("letter", "length"),
    [
        (b"", 0),
        (b"\r\n", 2),
        (b"\nbody", 1),
        (b"plain text", 10),
        (b"plain text\r\nA: b\r\n\r\nx", 20),
        (b" starts folded\r\nA: b\r\n\r\nx", 24),
        (b"x" * 500 + b": y\r\n\r\nx", 507),
        (b": no name\r\n\r\nx", 13),
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
        assert collector.clipped
        assert collector.get(b"subject") == b"s"
        assert collector.get(b"cc") == b"c"
        assert collector.header_length == len(letter)


def test_all_fields_together_are_limited():
    names = tuple(b"x%d" % number for number in range(10))
    letter = b"".join([name + b":" + b"v" * 1000 + b"\r\n" for name in names]) + b"\r\n"
    collector = collect([letter], names)
    assert sum(len(collector.get(name)) for name in names) == fields.HEADER_LIMIT
    assert len(collector.get(b"x0")) == 1000


def test_the_room_of_a_field_that_does_not_count_is_given_back():
    letter = (b"Subject: " + b"s" * 1000 + b"\r\n") * 10 + b"X0: x\r\n\r\n"
    collector = collect([letter], (b"subject", b"x0"))
    assert not collector.clipped
    assert collector.get(b"x0") == b"x"


def again(letter, names, size, limit=fields.FIELD_LIMIT):
    """A collector that reads long fields of the letter again, in blocks of that size."""

    def octets(start, end):
        for at in range(start, end, size):
            yield letter[at : min(at + size, end)]

    return collect([letter], names, limit, octets)


@pytest.mark.parametrize("size", [1, 2, 3, 100, 512])
def test_long_fields_are_read_again(size):
    lines = b"\r\n\t ".join([b"%d\r%d  " % (number, number) for number in range(2000)])
    letter = b"To: a@x\r\nX0:  \r\n " + lines + b"\r\n \r\nTo:  " + lines + b"\r\nX1:\r\nTo:\r\n\r\nX2: body"
    collector = again(letter, (b"to", b"x0", b"x1"), size)
    value = lines.replace(b"\r\n", b"").rstrip()
    assert b"".join(collector.pieces(b"x0")) == value
    assert collector.get(b"x0") == value[: fields.VALUE_LIMIT]
    assert b"".join(collector.pieces(b"to")) == b"a@x,   " + value + b","
    assert collector.get(b"x1") == b""
    assert all(0 < len(piece) <= 3 * fields.PIECE for piece in collector.pieces(b"x0"))


def test_what_is_read_again_is_limited():
    value = b"v" * 1000000
    collector = again(b"To: a\r\nX0:" + value + b"\r\nTo:" + value + b"\r\nTo: b\r\n\r\n", (b"to", b"x0"), 512)
    assert sum(len(piece) for piece in collector.pieces(b"x0")) == fields.AGAIN_LIMIT
    assert sum(len(piece) for piece in collector.pieces(b"to")) < fields.AGAIN_LIMIT + 10


@given(
    st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r", b"\r\n ", b"\n\t", b","]), max_size=40),
    st.integers(1, 9),
    st.sampled_from([b"cc", b"subject", b"x0"]),
)
def test_read_again_is_the_same_as_kept(parts, size, name):
    letter = name + b":" + b"".join(parts) + b"\r\n" + name + b": more \r\n\r\n"
    kept = again(letter, (name,), size)
    short = again(letter, (name,), size, 0)
    assert b"".join(short.pieces(name)) == kept.get(name) == b"".join(kept.pieces(name))


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
            b"Return-Path: <a@b>\r\nno field here\r\nTo: b@x\r\nX-Empty:\r\n"
            b"X-Folded:  a\r\n \tb\r\n \t\r\n c\rd\r\n \r\n\r\n"
        )
        assert filtered(pieces, (b"nothing",)) == b"\r\n"


@pytest.mark.parametrize(
    ("letter", "invert", "result"),
    [
        (b"", False, b""),
        (b"no header", True, b"no header"),
        (b"no header", False, b""),
        (b"no header\r\nA: b\r\n\r\n", True, b"no header\r\n\r\n"),
        (b" folded\r\nA: b\r\n\r\n", True, b" folded\r\n\r\n"),
        (b" folded\r\nA: b\r\n\r\n", False, b"A: b\r\n\r\n"),
        (b"A: b", False, b"A: b"),
        (b"A: b\r\n", False, b"A: b\r\n"),
        (b"A: b\r\nX: y", False, b"A: b\r\n"),
        (b"A: b\r\nX: y", True, b"X: y"),
        (b"A: b\r\njun", True, b"jun"),
        (b"A: b\n\nx", False, b"A: b\n\n"),
    ],
)
def test_filter_of_odd_headers_makes_nothing_up(letter, invert, result):
    for pieces in splits(letter):
        assert filtered(pieces, (b"a",), invert) == result
