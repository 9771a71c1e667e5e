"""8-bit characters in a header: found in it, and in nothing else, whatever the pieces in which the letter comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime.eight_bit import HeaderOctets
from postino.mime.fields import FieldCollector


def found(letter: bytes, cuts=()) -> bool:
    header = HeaderOctets()
    buffer = bytearray(b"\xff" + letter + b"\xff")
    result = False
    start = 1
    for end in [*sorted(cuts), len(letter) + 1]:
        result = header.found(buffer, start, end) or result
        start = end
    return result


@pytest.mark.parametrize(
    "letter",
    [
        b"\x80",
        b"a: \xc3\xa4\r\n\r\n",
        b"\xe4: b",
        b"a: b\r\n\xff",
        b"a: b\r\n c\xe4\n\n",
        b"\r\xe4",
        b"a\n\r\r\n\xe4\n\n",
    ],
)
def test_in_a_header(letter):
    assert found(letter)


@pytest.mark.parametrize(
    "letter", [b"", b"a: b\r\n\r\n\xe4", b"\n\xe4", b"\r\n\xe4", b"a\n\n\xe4", b"a\n\r\n\xe4", b"\x7f\n"]
)
def test_not_in_a_header(letter):
    assert not found(letter)


PIECES = st.sampled_from([b"\r", b"\n", b"\r\n", b"a: b", b" ", b"\xe4", b"\x00", b"\x7f"])


@given(st.lists(PIECES, max_size=12).map(b"".join), st.data())
def test_the_header_is_what_others_take_for_it(letter, data):
    header = FieldCollector(())
    header.feed(letter)
    header.finish()
    cuts = data.draw(st.lists(st.integers(1, len(letter) + 1), max_size=6))
    assert found(letter, cuts) == any(octet > 127 for octet in letter[: header.header_length])
