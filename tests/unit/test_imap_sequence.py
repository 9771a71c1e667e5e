"""Sequence sets: the same as the set of numbers they stand for, without ever making it."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap import sequence
from postino.imap.errors import Bad

LARGEST = 60
number = st.one_of(st.integers(1, 80), st.just("*"))
part = st.one_of(number.map(lambda n: (n, n)), st.tuples(number, number))


def text_of(parts) -> bytes:
    return b",".join((b"%s" if a == b else b"%s:%s" % (str(a).encode(), b"%s")) % str(b).encode() for a, b in parts)


def numbers_of(parts) -> set[int]:
    result = set()
    for a, b in parts:
        first, last = (LARGEST if each == "*" else each for each in (a, b))
        result |= set(range(min(first, last), max(first, last) + 1))
    return result


def parse(text: bytes, largest: int = LARGEST):
    return sequence.parse(text.split(b","), largest)


@given(st.lists(part, min_size=1, max_size=30))
def test_as_sets_of_numbers(parts):
    pairs = parse(text_of(parts))
    wanted = numbers_of(parts)
    found = {n for k in range(0, len(pairs), 2) for n in range(pairs[k], pairs[k + 1] + 1)}
    assert found == wanted
    # Sorted, disjoint and not touching.
    assert all(pairs[k - 1] + 1 < pairs[k] for k in range(2, len(pairs), 2))
    assert [n for n in range(90) if sequence.contains(pairs, n)] == sorted(wanted)
    assert parse(sequence.text_of(pairs)) == pairs


@given(st.sets(st.integers(1, 1000)))
def test_adding_in_order(numbers):
    pairs = array("I")
    for each in sorted(numbers):
        sequence.add(pairs, each)
    assert pairs == sequence.merge(array("I", pairs))
    assert all(sequence.contains(pairs, each) for each in numbers)


def test_a_bomb_takes_no_room():
    assert list(parse(b",".join([b"1:4294967295", b"1:*"] * 200))) == [1, 4294967295]
    assert list(parse(b"*", 0)) == [0, 0]


@pytest.mark.parametrize("text", [b"", b",", b"0", b"1,,2", b"1:", b":1", b"a", b"1:2:3", b"4294967296", b"-1", b"1:0"])
def test_broken_sets(text):
    with pytest.raises(Bad):
        parse(text)


def test_the_number_of_ranges_is_limited():
    many = b",".join(b"%d" % (2 * k + 1) for k in range(sequence.MAX_RANGES))
    assert len(parse(many)) == 2 * sequence.MAX_RANGES
    with pytest.raises(Bad):
        parse(many + b",9999")


def test_everything():
    assert all(sequence.contains(sequence.everything(), number) for number in (1, 2, 1000, sequence.MAX_NUMBER))
    assert not sequence.contains(sequence.everything(), 0)
