"""The structure of a letter that comes in: the same that reading it finds, or unknown."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import incoming
from postino.mime.incoming import MOST_ENTITIES, Incoming
from postino.mime.structure import StructureScanner


class Writer:
    def describe(self, header_length, structure):
        self.described = (header_length, structure)


def described(data, cuts=(), known=False):
    letter = Incoming()
    buffer = bytearray(data)
    start = 0
    for end in [*cuts, len(data)]:
        letter.feed(buffer, start, end, data.count(b"\n", start, end) if known else -1)
        start = end
    writer = Writer()
    letter.describe(writer)
    return writer.described


def scanned(data):
    scanner = StructureScanner()
    scanner.feed(data)
    return scanner.finish().numbers


def multipart(parts, boundary=b"b"):
    head = b'From: a@b\r\nContent-Type: multipart/mixed; boundary="%s"\r\n\r\n' % boundary
    return head + b"".join(b"--%s\r\n\r\npart\r\n" % boundary for _ in range(parts)) + b"--%s--\r\n" % boundary


PIECES = [b"--b", b"--b--", b"\r\n", b"\n", b"\r", b"-", b"\r\n-", b"x" * 50, b"Content-Type: message/rfc822\r\n\r\n"]


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.data())
def test_the_same_as_reading_finds(pieces, data):
    letter = multipart(1) + b"".join(pieces)
    places = st.integers(0, len(letter))
    cuts = sorted(data.draw(st.lists(places, max_size=8)))
    for known in (False, True):
        header_length, structure = described(letter, cuts, known)
        assert array("I", structure) == scanned(letter)
        assert header_length == letter.index(b"\r\n\r\n") + 4


def test_an_entity_is_20_octets():
    letter = b"A: b\r\n\r\none\r\ntwo\r\n"
    assert described(letter) == (8, bytes([0, 0, 0, 0, 8, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]))


def test_too_many_entities_are_not_kept():
    letter = multipart(MOST_ENTITIES - 1)
    assert len(described(letter)[1]) == 20 * MOST_ENTITIES
    letter = multipart(MOST_ENTITIES)
    assert described(letter) == (letter.index(b"\r\n\r\n") + 4, b"")
    assert described(letter, range(1, len(letter))) == (letter.index(b"\r\n\r\n") + 4, b"")


def test_a_long_type_is_left_to_the_reader():
    for length in range(900, 1100):
        letter = b"Content-Type: text/plain; name=%s\r\n\r\nx" % (b"n" * length)
        _, structure = described(letter)
        assert structure == (bytes(scanned(letter)) if length + 17 <= incoming.FIELD_LIMIT else b""), length


@pytest.mark.parametrize("where", ["__init__", "feed_run", "finish"])
def test_without_memory_the_structure_stays_unknown(monkeypatch, where):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(StructureScanner, where, fail)
    _, structure = described(multipart(2))
    assert structure == b""


def test_dropped_in_the_header():
    letter = Incoming()
    letter.feed(b"Subject: a", 0, 10)
    letter.drop()
    letter.feed(b"\r\n\r\n", 0, 4)
    writer = Writer()
    letter.describe(writer)
    assert writer.described == (0, b"")
