"""Sorting in little memory: the same as Python's sorted(), however few entries there is room for."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap import sort_order
from postino.imap.sort_order import CHUNK_OCTETS, SPARE_CHUNKS, Entries, Sorter

# Keys as SORT makes them: no octet of the text is NUL, one is at its end. Few letters make many long ties.
texts = st.text(alphabet="ab", max_size=80).map(lambda text: text.encode() + b"\0")
keys = st.lists(st.one_of(texts, st.sampled_from([b"a" * 60 + b"\0", b"\0", b"a" * 60 + b"b\0"])), max_size=150)


def run(wanted, most_octets=8192, gone=frozenset()):
    """Sorts keys, whose numbers are 1, 2, 3 ..., and returns the numbers told and how many keys were read."""
    told = []
    reads = 0

    async def key_of(number):
        nonlocal reads
        reads += 1
        return None if number in gone else wanted[number - 1]

    async def emit(number):
        told.append(number)

    asyncio.run(Sorter(len(wanted), lambda: range(1, len(wanted) + 1), key_of, emit, most_octets).run())
    return told, reads


def in_order(wanted):
    return sorted(range(1, len(wanted) + 1), key=lambda number: (wanted[number - 1], number))


@given(keys)
def test_as_sorted_does_it(wanted):
    assert run(wanted)[0] == in_order(wanted)


@given(keys)
def test_in_a_single_piece_of_memory(wanted):
    assert run(wanted, CHUNK_OCTETS)[0] == in_order(wanted)


@given(keys, st.sets(st.integers(1, 150)))
def test_what_is_gone_is_at_most_told_in_vain(wanted, gone):
    told = [number for number in run(wanted, CHUNK_OCTETS, gone)[0] if number not in gone]
    assert told == [number for number in in_order(wanted) if number not in gone]


def test_many_messages_take_more_passes_and_no_more_memory():
    wanted = [b"%05d\0" % (number * 7919 % 5000) for number in range(2500)]
    told, reads = run(wanted)
    assert told == in_order(wanted)
    # 1,024 entries in 8 KB: three passes.
    assert reads == 3 * 2500


def test_all_alike():
    told, reads = run([b"the same\0"] * 2500)
    assert told == list(range(1, 2501))
    assert reads == 3 * 2500


def test_a_long_common_beginning_is_skipped_at_once():
    beginning = b"NEWS OF THE WEEK FROM EVERYBODY TO EVERYBODY: "
    wanted = [beginning + b"%05d\0" % (number * 7919 % 5000) for number in range(2500)]
    told, reads = run(wanted)
    assert told == in_order(wanted)
    assert reads == 4 * 2500
    told, reads = run(wanted[:1000])
    assert told == in_order(wanted[:1000])
    # Once, again for the next segment, and again where they differ.
    assert reads <= 3 * 1000 + 2


def test_one_pass_where_all_entries_fit():
    wanted = [b"%04d\0" % (number * 7919 % 1000) for number in range(1000)]
    told, reads = run(wanted)
    assert told == in_order(wanted) and reads == 1000


def scarce(monkeypatch, left):
    """Lets sort_order take so many pieces of memory, and no more."""

    def take(size):
        nonlocal left
        if not left:
            raise MemoryError
        left -= 1
        return bytearray(size)

    monkeypatch.setattr(sort_order, "bytearray", take, raising=False)


@pytest.mark.parametrize("left", [1, 2, SPARE_CHUNKS, SPARE_CHUNKS + 3])
def test_with_less_memory_there_are_more_passes(monkeypatch, left):
    scarce(monkeypatch, left)
    wanted = [b"%05d\0" % (number * 7919 % 200) for number in range(200)]
    told, reads = run(wanted)
    assert told == in_order(wanted)
    # A few pieces are always left to others; with one there are few entries, and many passes.
    entries = max(1, left - SPARE_CHUNKS) * (CHUNK_OCTETS // 32)
    assert reads >= 200 * (200 // entries)


def test_without_any_memory_it_fails(monkeypatch):
    scarce(monkeypatch, 0)
    with pytest.raises(MemoryError):
        run([b"a\0"])


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=120), st.integers(1, 60))
def test_entries_are_the_smallest_in_order(values, wanted):
    entries = Entries(16, wanted)
    per_chunk = CHUNK_OCTETS // 16
    room = (wanted + per_chunk - 1) // per_chunk * per_chunk
    for value in values:
        entries.add(value)
    ordered = sorted(values)
    assert [entries.get(at) for at in range(entries.count)] == ordered[:room]
    assert entries.cut == (ordered[room] if len(values) > room else None)
    for value in values[:5]:
        at = entries.lower_bound(value, 0, entries.count)
        assert at == len([each for each in ordered[:room] if each < value])
