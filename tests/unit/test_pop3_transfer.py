"""Dot-stuffing and line ends of RETR, and where TOP stops: the same for every split, and undone by our own receiver."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.pop3.transfer import Stuffer, TopCutter
from postino.smtp.dot_reader import DotReader


def stuff(pieces):
    stuffer = Stuffer()
    wire = b""
    for piece in pieces:
        # The letter's octets are in the middle of a buffer with look-alikes around them.
        buffer = bytearray(b"\r" + piece + b"\n.")
        for part, start, end in stuffer.pieces(buffer, 1, 1 + len(piece)):
            assert end > start
            wire += bytes(part[start:end])
    return wire + stuffer.ending()


def splits(data):
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for cut in range(1, len(data)):
        yield [data[:cut], data[cut:]]


def plain(letter):
    """The rules, octet by octet, without regard to speed."""
    wire = b""
    for i in range(len(letter)):
        octet = letter[i : i + 1]
        if octet == b"." and (i == 0 or letter[i - 1 : i] == b"\n"):
            wire += b"."
        if octet == b"\n" and letter[i - 1 : i] != b"\r":
            wire += b"\r"
        wire += octet
    if letter[-1:] == b"\r":
        wire += b"\n"
    elif letter and letter[-1:] != b"\n":
        wire += b"\r\n"
    return wire + b".\r\n"


def test_all_short_letters_agree_with_the_plain_rules():
    for length in range(7):
        for octets in itertools.product(b"\r\n.x", repeat=length):
            letter = bytes(octets)
            expected = plain(letter)
            for pieces in splits(letter):
                assert stuff(pieces) == expected, pieces


@pytest.mark.parametrize(
    ("letter", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n..\r\n", b"..\r\n...\r\n.\r\n"),
        (b"a\n.\nb\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r.\r\n", b"a\r.\r\n.\r\n"),
    ],
)
def test_examples(letter, wire):
    assert stuff([letter]) == wire


LINES = st.lists(st.text("ab.\0\xe9").map(lambda line: line.encode("latin-1") + b"\r\n"))


@given(LINES, st.data())
def test_our_receiver_undoes_our_stuffing(lines, data):
    letter = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(letter)), max_size=5)))
    wire = stuff([letter[a:b] for a, b in zip([0, *cuts], [*cuts, len(letter)], strict=True)])
    assert b"\r\n.\r\n" not in (b"\r\n" + wire)[:-5]
    received = bytearray()
    reader = DotReader(lambda buffer, start, end: received.extend(buffer[start:end]))
    assert reader.feed(wire, 0, len(wire)) == len(wire)
    assert reader.done
    assert bytes(received) == letter


def test_a_clean_block_is_one_piece():
    block = bytearray((b"x" * 70 + b"\r\n") * 28)
    stuffer = Stuffer()
    for _ in range(3):
        assert list(stuffer.pieces(block, 0, len(block))) == [(block, 0, len(block))]


def top(pieces, lines):
    cutter = TopCutter(lines)
    result = b""
    for piece in pieces:
        if cutter.done:
            break
        buffer = bytearray(b"\n" + piece + b"\n\n\n")
        result += bytes(buffer[1 : cutter.feed(buffer, 1, 1 + len(piece))])
    return result


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize(("lines", "expected"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (99999999, 3)])
def test_top(line_end, lines, expected):
    header = b"A: b" + line_end + b"C: d" + line_end + line_end
    body = [b"one" + line_end, line_end, b"three" + line_end]
    letter = header + b"".join(body)
    for pieces in splits(letter):
        assert top(pieces, lines) == header + b"".join(body[:expected])


def test_top_of_odd_letters():
    assert top([b"A: b\r\n"], 3) == b"A: b\r\n"
    assert top([b"\r\nbody\r\n"], 0) == b"\r\n"
    assert top([b"A: b\r\n\r\r\nC: d\r\n\r\nx\r\n"], 0) == b"A: b\r\n\r\r\nC: d\r\n\r\n"
    assert top([b"A: b\r\n\r\nlast line without end"], 1) == b"A: b\r\n\r\nlast line without end"
