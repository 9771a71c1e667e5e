"""The table of an open mailbox, and what its entries refer to: combinations of keywords, and sequence numbers."""

import random

import pytest

from postino.store import LimitReached
from postino.store import table as module
from postino.store.contents import Contents
from postino.store.flags import Change
from postino.store.space import blocks_of
from postino.store.table import (
    CHUNK_ENTRIES,
    DATE,
    EXTRA_BLOCK,
    MAX_SETS,
    MODSEQ,
    PLACE,
    SIZE,
    SIZE_MASK,
    SLOT_MASK,
    UID,
    WORDS,
    Table,
)


def filled(uids) -> Table:
    table = Table()
    for uid in uids:
        table.reserve(1)
        table.append(uid, uid + 1, uid + 2, uid + 3, uid + 4)
    return table


def check(table: Table, uids: list[int]) -> None:
    """The table holds these and nothing else."""
    assert len(table) == len(uids)
    assert [table.word(index, UID) for index in range(len(uids))] == uids
    for index in range(len(uids) - 1, -1, -1):
        words = [table.word(index, which) for which in (UID, PLACE, MODSEQ, SIZE, DATE)]
        assert words == [uids[index] + each for each in range(5)]
    for index in (-1, len(uids)):
        with pytest.raises(IndexError):
            table.word(index, UID)


def test_a_table_with_gaps() -> None:
    table = filled(range(1, 1001))
    for uid in range(1, 1001):
        if uid % 7:
            table.delete(table.index_of(uid))
    left = list(range(7, 1001, 7))
    check(table, left)
    assert [table.index_of(uid) for uid in left] == list(range(len(left)))
    assert (table.index_of(8), table.index_of(2000)) == (-1, -1)
    assert [table.lower_bound(uid) for uid in (1, 7, 8, 994, 995)] == [0, 0, 1, 141, 142]
    table.reserve(250)
    for uid in range(2001, 2251):
        table.append(uid, uid + 1, uid + 2, uid + 3, uid + 4)
    check(table, left + list(range(2001, 2251)))


def test_any_order_of_changes() -> None:
    chance = random.Random(1)
    table = Table()
    uids: list[int] = []
    following = 1
    for _ in range(400):
        if uids and chance.random() < 0.5:
            for uid in chance.sample(uids, chance.randrange(1, min(len(uids), 40) + 1)):
                table.delete(table.index_of(uid))
                uids.remove(uid)
        else:
            count = chance.randrange(1, 40)
            table.reserve(count)
            for _ in range(count):
                table.append(following, *[following + each for each in range(1, 5)])
                uids.append(following)
                following += chance.randrange(1, 4)
        check(table, uids)


@pytest.mark.parametrize("before", [0, 3, 10, 24, 25, 26])
def test_what_was_reserved_needs_no_memory(before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table = filled(range(1, before + 1))
    table.reserve(237)
    monkeypatch.setattr(module, "new_chunk", None)
    for uid in range(before + 1, before + 238):
        table.append(uid, uid + 1, uid + 2, uid + 3, uid + 4)
    check(table, list(range(1, before + 238)))


def test_pieces_of_memory_stay_small() -> None:
    table = filled(range(1, 500))
    assert max(len(chunk) for chunk in table._chunks) == CHUNK_ENTRIES * WORDS
    assert len(table._chunks) == 20
    # A small mailbox takes little.
    assert len(filled(range(1, 4))._chunks[0]) < CHUNK_ENTRIES * WORDS // 2


@pytest.mark.parametrize("failing", range(1, 6))
def test_without_memory_nothing_changes(monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    table = filled(range(1, 13))
    left = failing
    real = module.new_chunk

    def new_chunk(entries: int):
        nonlocal left
        left -= 1
        if not left:
            raise MemoryError
        return real(entries)

    monkeypatch.setattr(module, "new_chunk", new_chunk)
    with pytest.raises(MemoryError):
        table.reserve(200)
    check(table, list(range(1, 13)))
    table.reserve(200)
    for uid in range(13, 213):
        table.append(uid, uid + 1, uid + 2, uid + 3, uid + 4)
    check(table, list(range(1, 213)))


def test_an_emptied_table_fills_again() -> None:
    table = filled(range(1, 250))
    for uid in range(249, 0, -1):
        table.delete(table.index_of(uid))
    check(table, [])
    table.reserve(3)
    for uid in (300, 301, 302):
        table.append(uid, uid + 1, uid + 2, uid + 3, uid + 4)
    check(table, [300, 301, 302])


def test_flags_change_two_words() -> None:
    table = filled(range(1, 60))
    for index in (40, 3, 58, 0):
        table.set_flags(index, 1000 + index, 2000 + index)
    words = [table.word(40, which) for which in range(WORDS)]
    assert words == [41, 1040, 2040, 44, 45]
    assert [table.word(1, which) for which in range(WORDS)] == [2, 3, 4, 5, 6]


# What entries refer to.


def contents_with(*uids: int) -> Contents:
    contents = Contents(7, 1, True)
    for uid in uids:
        contents.table.reserve(1)
        contents.add(uid, 9, 0, 0, 1, 100, 1, 0)
    return contents


def test_combinations_of_keywords_are_numbered() -> None:
    contents = contents_with()
    places = [contents.place(9, 3, keywords) for keywords in (0, 5, 1 << 31, 5, 0)]
    assert [contents.keywords_of(place) for place in places] == [0, 5, 1 << 31, 5, 0]
    assert places[1] == places[3]
    assert {place & SLOT_MASK for place in places} == {9}
    changed = contents.changed_place(places[1], Change(1 << 8 + 31 | 4, 1 << 8 | 1))
    assert contents.keywords_of(changed) == 1 << 31 | 4
    assert changed >> 16 & 0x3F == 6


def test_there_are_so_many_combinations() -> None:
    contents = contents_with()
    for keywords in range(1, MAX_SETS):
        contents.set_number(keywords)
    assert contents.place(9, 0, MAX_SETS - 1) < 1 << 32
    assert contents.keywords_of(contents.place(9, 0, MAX_SETS - 1)) == MAX_SETS - 1
    contents.loading = False
    with pytest.raises(LimitReached):
        contents.set_number(MAX_SETS)


def test_reading_more_combinations_is_no_reason_to_refuse_the_mailbox() -> None:
    contents = contents_with()
    for keywords in range(1, MAX_SETS):
        contents.set_number(keywords)
    assert contents.keywords_of(contents.place(9, 0, MAX_SETS)) == 0


@pytest.mark.parametrize("size", [0, 4000, 4096, 5000, (1 << 29) - 1])
def test_a_block_for_the_trailer_is_remembered(size: int) -> None:
    contents = Contents(7, 1, True)
    contents.table.reserve(2)
    contents.add(1, 9, 0, 0, 1, size, blocks_of(size), 0)
    contents.add(2, 9, 0, 0, 1, size, blocks_of(size) + 1, 0)
    words = [contents.table.word(index, SIZE) for index in range(2)]
    assert [word & SIZE_MASK for word in words] == [size, size]
    assert [bool(word & EXTRA_BLOCK) for word in words] == [False, True]


def test_sequence_numbers_are_kept_less_the_base() -> None:
    contents = contents_with()
    contents.base = 1 << 40
    assert [contents.offset((1 << 40) + each) for each in (-5, 0, 7, 1 << 32)] == [0, 0, 7, 0xFFFFFFFF]
    contents.remember(3, (1 << 40) + 5)
    contents.remember(4, (1 << 40) + 5)
    contents.remember(5, (1 << 40) + 6)
    assert list(contents.history) == [3, 4, 5, 5, 5, 6]
