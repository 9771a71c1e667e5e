"""What only a generated mistake in the store has shown to be untested (tests/crash/mutants)."""

import struct

import pytest

from postino.store import Store, files, fold, keeper, snapshot
from postino.store.catalogue import ENTRIES, INFO_COUNTERS, INFO_ID
from postino.store.records import ENTRIES as ENTRIES_RECORD
from postino.store.records import ENTRIES_HEAD
from postino.store.slots import MOST_RESOLVED, NO_SLOT, Slots
from tests.unit.store_support import IDLE, Board, deliver, opened, uids_of


def payload(slots: Slots) -> list[int]:
    octets = bytes(slots.payload(NO_SLOT))
    return list(struct.unpack(f"<{len(octets) // 2}H", octets))[1:]


def test_the_list_of_removals_keeps_its_place_however_often_slots_are_taken_again() -> None:
    slots = Slots(1000)
    for slot in range(MOST_RESOLVED):
        slots.intend(slot)
    for turn in range(2 * MOST_RESOLVED):
        # The last of them is followed by none, the others by one or two.
        several = 1 + turn % 3
        for slot in range(several):
            slots.intend(slot)
            slots.resolve(slot)
        slots.intend(MOST_RESOLVED)
        assert slots.take(False) not in payload(slots)
        assert len(payload(slots)) == slots.resolved
        slots.logged()
    for slot in range(MOST_RESOLVED):
        slots.intend(slot)
        slots.resolve(slot)
    assert payload(slots) == list(range(MOST_RESOLVED))


def test_a_fold_that_fails_while_it_is_done_anew_leaves_no_file_open(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(board.store, ["anna"])
    board.fold("anna", "INBOX")
    job = fold.Fold(board.store, board.info("anna", "INBOX"))

    def full(_path, _contents):
        raise OSError(files.ENOSPC, "")

    # It finds another number of entries than the head says, and writes everything once more.
    monkeypatch.setattr(snapshot, "Writer", full)
    with pytest.raises(OSError):
        job._rewrite(job._entries.contents)
    job.abort()
    assert not board.flash.system.open_files


def test_idle_work_says_that_there_is_more_as_long_as_letters_expire(board: Board) -> None:
    """Whoever calls it waits long after it has said that there is nothing left."""
    for _ in range(3):
        deliver(board.store, ["anna", "bert"])
    for user in ("anna", "bert"):
        board.store.set_retention(user, "INBOX", 0, 1)
    slices = 0
    while board.store.maintain():
        slices += 1
        assert slices < IDLE
    assert [board.info(user, "INBOX")[INFO_COUNTERS][ENTRIES] for user in ("anna", "bert")] == [1, 1]


def test_a_repair_is_done_once(board: Board) -> None:
    """Nor again when the time of one that has failed would come."""
    deliver(board.store, ["anna"])
    board.store.note_damage(board.info("anna", "INBOX")[INFO_ID])
    for _ in range(IDLE + 2 * keeper._REPAIR_PAUSE):
        board.store.maintain()
    assert sum("repair" in line for line in board.reports) == 1, board.reports


def test_a_copy_leaves_the_letter_id_to_the_trailer(board: Board) -> None:
    """The record says 0 there, as docs/store.md has it."""
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.copy(uids_of(box), board.info("anna", "Trash")[INFO_ID])
    reader = board.store.log.reader(board.info("anna", "Trash")[INFO_ID])
    found = []
    while reader.next():
        if reader.kind == ENTRIES_RECORD:
            found.append([reader.word(ENTRIES_HEAD + at) for at in (0, 4, 8)])
    assert found == [[1, 0, len(b"letter")]]


def test_an_open_mailbox_knows_its_next_uid_after_a_copy(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box, opened(board.store, "anna", "Trash") as target:
        box.copy(uids_of(box), target.id)
        assert (uids_of(target), target.uidnext) == ([1], 2)
        box.move(uids_of(box), target.id)
        assert (uids_of(target), target.uidnext) == ([1, 2], 3)


def test_a_retention_that_is_set_holds_at_once(board: Board) -> None:
    """Not only when the next walk is due."""
    for _ in range(3):
        deliver(board.store, ["anna"])
    board.idle()
    board.store.set_retention("anna", "INBOX", 0, 1)
    board.idle()
    assert board.info("anna", "INBOX")[INFO_COUNTERS][ENTRIES] == 1


def test_without_a_clock_the_time_is_not_known() -> None:
    assert Store("/").now() == 0
