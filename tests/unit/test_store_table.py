"""The table of an open mailbox, and what its rows refer to: combinations of keywords, and modification sequences."""

import random

import pytest

from postino.store import LimitReached, rows
from postino.store.contents import Contents
from postino.store.flags import Change
from postino.store.rows import CHUNK_OCTETS, UID, Rows
from postino.store.table import MAX_CHANGES, MAX_SETS, PLACE, SLOT_MASK, Table

# Rows of a full chunk of the table.
FULL = CHUNK_OCTETS // 6


def add(table: Rows, *uids: int) -> None:
    for uid in uids:
        table.append(uid, uid + 1)


def filled(uids) -> Table:
    table = Table()
    for uid in uids:
        table.reserve(1)
        add(table, uid)
    return table


def check(table: Rows, uids: list[int]) -> None:
    """The table holds these and nothing else."""
    assert len(table) == len(uids)
    assert [table.word(index, UID) for index in range(len(uids))] == uids
    for index in range(len(uids) - 1, -1, -1):
        assert [table.word(index, which) for which in (UID, PLACE)] == [uids[index], uids[index] + 1]
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
    add(table, *range(2001, 2251))
    check(table, left + list(range(2001, 2251)))


@pytest.mark.parametrize("table", [Table(), Rows(6)], ids=["table", "tail"])
def test_any_order_of_changes(table: Rows) -> None:
    chance = random.Random(1)
    uids: list[int] = []
    following = 1
    for turn in range(400):
        if uids and chance.random() < 0.5:
            for uid in chance.sample(uids, chance.randrange(1, min(len(uids), 40) + 1)):
                table.delete(table.index_of(uid))
                uids.remove(uid)
        else:
            count = chance.randrange(1, 40)
            table.reserve(count)
            for _ in range(count):
                add(table, following)
                uids.append(following)
                following += chance.randrange(1, 4)
        if turn % 100 == 99:
            table.clear()
            uids.clear()
        check(table, uids)


@pytest.mark.parametrize("before", [0, 3, 10, FULL - 1, FULL, FULL + 1])
def test_what_was_reserved_needs_no_memory(before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table = filled(range(1, before + 1))
    table.reserve(237)
    assert table.room() >= 237
    monkeypatch.setattr(rows, "new_chunk", None)
    add(table, *range(before + 1, before + 238))
    check(table, list(range(1, before + 238)))


def test_pieces_of_memory_stay_small() -> None:
    table = filled(range(1, 500))
    assert max(2 * len(chunk) for chunk in table._chunks) == 6 * FULL <= CHUNK_OCTETS
    assert len(table._chunks) == -(-499 // FULL)
    # A small mailbox takes little.
    assert len(filled(range(1, 4))._chunks[0]) < FULL


@pytest.mark.parametrize("failing", range(1, 4))
def test_without_memory_nothing_changes(monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    table = filled(range(1, 13))
    left = failing
    real = rows.new_chunk

    def new_chunk(form: str, words: int):
        nonlocal left
        left -= 1
        if not left:
            raise MemoryError
        return real(form, words)

    monkeypatch.setattr(rows, "new_chunk", new_chunk)
    with pytest.raises(MemoryError):
        table.reserve(200)
    check(table, list(range(1, 13)))
    table.reserve(200)
    add(table, *range(13, 213))
    check(table, list(range(1, 213)))


def test_an_emptied_table_fills_again() -> None:
    table = filled(range(1, 250))
    for uid in range(249, 0, -1):
        table.delete(table.index_of(uid))
    check(table, [])
    table.reserve(3)
    add(table, 300, 301, 302)
    check(table, [300, 301, 302])


def test_places_are_replaced() -> None:
    table = filled(range(1, 160))
    for index in (140, 3, 158, 0):
        table.set_place(index, 0xFFFFFF00 + index)
    wanted = [0xFFFFFF00, 3, 4, 0xFFFFFF03, 0xFFFFFF8C, 0xFFFFFF9E]
    assert [table.word(index, PLACE) for index in (0, 1, 2, 3, 140, 158)] == wanted
    assert [table.word(index, UID) for index in (0, 140)] == [1, 141]


def test_words_are_replaced() -> None:
    rows_of_six = Rows(6)
    rows_of_six.reserve(30)
    add(rows_of_six, *range(1, 31))
    for index in (29, 3):
        rows_of_six.set_word(index, 5, 0xFFFFFF00 + index)
    assert [rows_of_six.word(index, 5) for index in (3, 29)] == [0xFFFFFF03, 0xFFFFFF1D]


GAPS = [1, 2, 65536, 65537, 65538, 131074, 131075, 400000, 0x80000000, 0xFFFFFFFD, 0xFFFFFFFE]


def test_uids_far_from_each_other() -> None:
    table = Table()
    for uid in GAPS:
        table.reserve_for(1, uid)
        add(table, uid)
    check(table, GAPS)
    assert len(table._chunks) == 6
    for index, uid in enumerate(GAPS):
        assert table.index_of(uid) == table.lower_bound(uid) == index
        assert table.lower_bound(uid + 1) == index + 1
    assert [table.index_of(uid) for uid in (3, 65535, 131073, 300000, 0xFFFFFFFF)] == [-1] * 5
    table.delete(table.index_of(65537))
    table.delete(0)
    check(table, [uid for uid in GAPS if uid not in (1, 65537)])


@pytest.mark.parametrize("before", [1, 10, FULL - 1, FULL])
@pytest.mark.parametrize("first", [65000, 65530, 65537, 70000])
def test_what_was_reserved_for_uids_far_away_needs_no_memory(
    before: int, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = filled(range(1, before + 1))
    table.reserve_for(137, first)
    monkeypatch.setattr(rows, "new_chunk", None)
    add(table, *range(first, first + 137))
    check(table, [*range(1, before + 1), *range(first, first + 137)])


def test_a_uid_that_nobody_has_made_room_for() -> None:
    """The table is dropped then, as after any lack of memory."""
    table = filled(range(1, 4))
    with pytest.raises(MemoryError):
        table.append(70000, 0)
    check(table, [1, 2, 3])


# Changes since the snapshot.


def change(table: Table, sequence: int, indexes) -> None:
    assert table.begin_change()
    for index in indexes:
        table.prepare_note(index)
    for index in indexes:
        table.note(index, sequence)


def changes_of(table: Table) -> list[int]:
    return [table.changed(index) for index in range(len(table))]


def test_the_last_change_of_a_letter_is_known() -> None:
    table = filled(range(1, 101))
    change(table, 7, [0, 70, 99])
    change(table, 9, [70])
    change(table, 1 << 31, [5])
    wanted = [0] * 100
    wanted[0], wanted[70], wanted[99], wanted[5] = 7, 9, 7, 1 << 31
    assert changes_of(table) == wanted
    table.delete(0)
    table.delete(68)
    del wanted[0], wanted[68]
    assert changes_of(table) == wanted
    table.reserve(30)
    add(table, *range(200, 230))
    assert changes_of(table) == wanted + [0] * 30


def test_a_row_that_comes_where_another_was_has_not_changed() -> None:
    table = filled(range(1, 4))
    change(table, 7, [0, 1, 2])
    table.delete(2)
    table.delete(1)
    table.reserve(2)
    add(table, 4, 5)
    assert changes_of(table) == [7, 0, 0]


def test_changes_that_a_snapshot_has_are_forgotten_and_later_ones_are_not() -> None:
    table = filled(range(1, 101))
    for sequence in range(10, 20):
        change(table, sequence, [sequence, 50])
    table.forget_changes(9)
    assert table.changes == 10
    table.forget_changes(14)
    wanted = [0] * 100
    for sequence in range(15, 20):
        wanted[sequence] = sequence
    wanted[50] = 19
    assert changes_of(table) == wanted
    assert table.changes == 5
    change(table, 20, [3])
    table.forget_changes(20)
    assert changes_of(table) == [0] * 100
    assert table.changes == 0
    assert set(table._marks) == {None}


def test_there_is_room_for_so_many_changes() -> None:
    table = filled(range(1, 301))
    for sequence in range(1, MAX_CHANGES + 1):
        change(table, sequence, [sequence])
    assert not table.begin_change()
    assert table.begin_change(MAX_CHANGES)
    # One that is no letter's last any more makes room.
    table.note(3, MAX_CHANGES)
    change(table, 1000, [0])
    wanted = [1000, *range(1, MAX_CHANGES + 1)] + [0] * (300 - 1 - MAX_CHANGES)
    wanted[3] = MAX_CHANGES
    assert changes_of(table) == wanted
    assert not table.begin_change()


def test_in_need_the_oldest_changes_become_one_that_is_not_lower() -> None:
    table = filled(range(1, 301))
    for sequence in range(1, MAX_CHANGES + 1):
        change(table, 10 * sequence, [sequence])
    table.merge_oldest()
    change(table, 5000, [0])
    wanted = [5000, 20, 20] + [10 * sequence for sequence in range(3, MAX_CHANGES + 1)] + [0] * (299 - MAX_CHANGES)
    assert changes_of(table) == wanted


def test_any_order_of_changes_of_flags() -> None:
    chance = random.Random(2)
    table = filled(range(1, 201))
    wanted = [0] * 200
    following = 201
    for sequence in range(1, 3000):
        if not table.begin_change():
            until = sequence - chance.randrange(1, 150)
            table.forget_changes(until)
            wanted = [each if each > until else 0 for each in wanted]
        indexes = chance.sample(range(len(table)), chance.randrange(0, 4))
        change(table, sequence, indexes)
        for index in indexes:
            wanted[index] = sequence
        if chance.random() < 0.3:
            index = chance.randrange(len(table))
            table.delete(index)
            del wanted[index]
            table.reserve(1)
            add(table, following)
            following += 1
            wanted.append(0)
        assert changes_of(table) == wanted


# What rows refer to.


def contents_with(*uids: int) -> Contents:
    contents = Contents(7, 1, True)
    for uid in uids:
        contents.reserve(1)
        contents.add(uid, 9, 0, 0, 1, (100, 1, 0, 0))
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


def test_sequence_numbers_are_kept_less_the_base() -> None:
    contents = contents_with()
    contents.base = 1 << 40
    assert [contents.offset((1 << 40) + each) for each in (-5, 0, 7, 1 << 32)] == [0, 0, 7, 0xFFFFFFFF]
    contents.remember(3, (1 << 40) + 5)
    contents.remember(4, (1 << 40) + 5)
    contents.remember(5, (1 << 40) + 6)
    assert list(contents.history) == [3, 4, 5, 5, 5, 6]
