"""The dot reader and the POP3 stuffing under MicroPython, whose bytearray.find and count are not CPython's."""

import gc

from postino.pop3.transfer import Stuffer
from postino.smtp.dot_reader import DotReader

SMUGGLING = (
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
)
END = b"\r\n.\r\n"


def read(pieces):
    """Returns (letter, whether its end was seen, octets used)."""
    letter = bytearray()

    def emit(buffer, start, end):
        letter.extend(buffer[start:end])

    reader = DotReader(emit)
    used = 0
    for piece in pieces:
        buffer = bytearray(b".\r\n") + piece + b".\r\n"
        used += reader.feed(buffer, 3, 3 + len(piece))
        if reader.done:
            break
    return bytes(letter), reader.done, used


def stuff(pieces):
    stuffer = Stuffer()
    wire = bytearray()
    for piece in pieces:
        buffer = bytearray(b"\r") + piece + b"\n."
        for part, start, end in stuffer.pieces(buffer, 1, 1 + len(piece)):
            wire.extend(part[start:end])
    return bytes(wire) + stuffer.ending()


def words(alphabet, length):
    """All strings of so many octets of the alphabet."""
    word = bytearray(length)
    for number in range(len(alphabet) ** length):
        for i in range(length):
            word[i] = alphabet[number % len(alphabet)]
            number //= len(alphabet)
        yield bytes(word)


def octets(data):
    return [data[i : i + 1] for i in range(len(data))]


def test_no_ending_but_the_real_one():
    for ending in SMUGGLING:
        data = b"a" + ending + b"MAIL FROM:<evil@x>\r\nb"
        whole = read([data + END])
        assert whole[1:] == (True, len(data) + len(END)), ending
        assert b"MAIL FROM" in whole[0]
        assert not read([data])[1], ending
        for cut in range(1, len(data) + len(END)):
            assert read([(data + END)[:cut], (data + END)[cut:]]) == whole, (ending, cut)


def test_all_short_strings_whole_and_octet_by_octet():
    for length in range(1, 7):
        for data in words(b"\r\n.\0x", length):
            whole = read([data + END])
            assert whole[1], data
            assert read(octets(data + END)) == whole, data
            letter = whole[0].replace(b"\r\n", b"")
            assert b"\r" not in letter and b"\n" not in letter, data


def test_stuffing_is_undone():
    for length in range(7):
        for word in words(b".x|", length):
            letter = word.replace(b"|", b"\r\n") + b"\r\n"
            wire = stuff([letter])
            assert stuff(octets(letter)) == wire, letter
            assert read([wire]) == (letter, True, len(wire)), letter


def test_bare_line_feeds_become_pairs():
    assert stuff([b"a\n.\nb\n"]) == b"a\r\n..\r\nb\r\n.\r\n"
    assert stuff(octets(b"a\n.\nb")) == b"a\r\n..\r\nb\r\n.\r\n"


def test_a_clean_block_takes_no_memory_to_speak_of():
    total = [0]

    def emit(buffer, start, end):
        total[0] += end - start

    block = bytearray((b"x" * 70 + b"\r\n") * 28)
    reader = DotReader(emit)
    reader.feed(block, 0, len(block))
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(50):
        reader.feed(block, 0, len(block))
    assert total[0] == 51 * len(block)
    # Some bytes a block, for whatever the VM needs to call.
    assert gc.mem_alloc() - before < 50 * 400
