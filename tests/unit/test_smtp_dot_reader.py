"""The end of a letter and its line ends: every ending that smuggles letters elsewhere, in every split of the input."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.smtp.dot_reader import DotReader

# facts: the ten endings with which letters have been smuggled past servers.
SMUGGLING = [
    b"\n.\n",
    b"\r.\r",
    b"\r.\n",
    b"\n.\r",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
]
END = b"\r\n.\r\n"
REST = b"QUIT\r\n"


def read(pieces):
    """Returns (letter or None if the end was not seen, octets that do not belong to it)."""
    letter = bytearray()
    reader = DotReader(lambda buffer, start, end: letter.extend(buffer[start:end]))
    rest = b""
    for piece in pieces:
        if reader.done:
            rest += piece
            continue
        # As in a connection's buffer: the unread octets are somewhere in the middle, and look-alikes are around them.
        buffer = bytearray(b"\r\n.\r\n") + piece + b".\r\n.\r\n"
        used = reader.feed(buffer, 5, 5 + len(piece))
        rest += piece[used:]
        assert reader.done or used == len(piece)
    return (bytes(letter) if reader.done else None), rest


def automaton(data):
    """What the rules say, octet by octet, written without regard to speed. Same result as `read`."""
    letter = b""
    line = b""
    after_crlf = True
    position = 0
    while position < len(data):
        octet = data[position : position + 1]
        if data[position : position + 2] == b"\r\n":
            if after_crlf and line == b".":
                return letter, data[position + 2 :]
            position += 2
        elif octet in (b"\r", b"\n"):
            position += 1
        else:
            line += octet
            position += 1
            continue
        if after_crlf and line[:1] == b".":
            line = line[1:]
        letter += line + b"\r\n"
        after_crlf = data[position - 2 : position] == b"\r\n"
        line = b""
    return None, b""


def splits(data):
    """The whole, single octets, and every cut in two."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for cut in range(1, len(data)):
        yield [data[:cut], data[cut:]]


@pytest.mark.parametrize("ending", SMUGGLING)
def test_no_ending_but_the_real_one_ends_a_letter(ending):
    data = b"Subject: x\r\n\r\nfirst" + ending + b"MAIL FROM:<evil@x>\r\nsecond"
    expected = automaton(data + END + REST)
    assert expected[1] == REST
    for pieces in splits(data):
        assert read(pieces) == (None, b"")
    for pieces in splits(data + END + REST):
        assert read(pieces) == expected
    assert b"MAIL FROM" in expected[0]


def test_all_short_strings_agree_with_the_automaton():
    count = 0
    for length in range(1, 7):
        for octets in itertools.product(b"\r\n.\0x", repeat=length):
            data = bytes(octets) + END
            expected = automaton(data)
            assert expected[0] is not None
            for pieces in splits(data):
                assert read(pieces) == expected, pieces
            count += 1
    assert count == 19530


def test_letters_have_no_bare_line_end_and_all_their_other_octets():
    for octets in itertools.product(b"\r\n.x", repeat=5):
        letter = read([bytes(octets) + END])[0]
        assert b"\r" not in letter.replace(b"\r\n", b"")
        assert b"\n" not in letter.replace(b"\r\n", b"")


@given(st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"\0", b"\xff", b"text"])), st.data())
def test_any_cut_gives_the_same_letter(parts, data):
    whole = b"".join(parts) + END + REST
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(pieces) == automaton(whole)


@given(st.lists(st.text("ab.\0\xe9").map(lambda line: line.encode("latin-1"))))
def test_what_was_stuffed_comes_out_as_it_was(lines):
    letter = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines)
    assert read([stuffed + b".\r\n"]) == (letter, b"")


def test_an_empty_letter():
    assert read([b".\r\n"]) == (b"", b"")


def test_a_clean_letter_goes_through_in_large_runs():
    runs = []
    reader = DotReader(lambda buffer, start, end: runs.append(end - start))
    block = bytearray((b"x" * 70 + b"\r\n") * 28)
    for _ in range(10):
        reader.feed(block, 0, len(block))
    assert runs == [len(block)] * 10


def test_a_line_of_any_length():
    line = b"y" * 100_000
    assert read([line[i : i + 2048] for i in range(0, len(line), 2048)] + [END])[0] == line + b"\r\n"
