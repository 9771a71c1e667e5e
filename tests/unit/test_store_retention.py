"""Retention: letters that leave a mailbox by themselves, after so many days in it or when there are too many."""

import pytest

from postino.store import INFO_ID, InvalidName, NoSuchMailbox
from postino.store.catalogue import INFO_COUNT, INFO_DAYS
from postino.store.keeper import _RETENTION_PAUSE
from postino.store.retention import due
from tests.device.store_driver import expire_all
from tests.unit.store_support import DATE, DAY, IDLE, Board, append, deliver, opened, uids_of


def uids(board: Board, name: str = "INBOX") -> list[int]:
    with opened(board.store, "anna", name) as box:
        return uids_of(box)


def due_uids(board: Board, name: str = "INBOX") -> list[int]:
    return list(due(board.store, board.info("anna", name)))[::3]


def test_by_days_in_the_mailbox(board: Board) -> None:
    board.store.set_retention("anna", "INBOX", 3, 0)
    for _ in range(4):
        deliver(board.store, ["anna"])
        board.seconds += DAY
    board.seconds = DATE + 4 * DAY
    assert due_uids(board) == [1]
    # On the second: it has been there for exactly three days.
    board.seconds = DATE + 3 * DAY
    assert due_uids(board) == []
    board.seconds += 1
    expire_all(board.store)
    assert uids(board) == [2, 3, 4]
    board.seconds += 30 * DAY
    board.idle()
    assert uids(board) == []
    assert board.slots() == set()
    assert board.reports == [
        "retention: 1 letters removed from INBOX of anna",
        "retention: 3 letters removed from INBOX of anna",
    ]


def test_by_number(board: Board) -> None:
    board.store.set_retention("anna", "INBOX", 0, 20)
    for number in range(70):
        deliver(board.store, ["anna"])
        if number == 40:
            board.fold("anna", "INBOX")
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge([69])
    # In slices; the oldest go.
    assert due_uids(board) == list(range(1, 17))
    expire_all(board.store)
    assert uids(board) == [*range(50, 69), 70]
    assert len(board.slots()) == 20
    board.start()
    expire_all(board.store)
    assert uids(board) == [*range(50, 69), 70]


def test_sessions_are_told(board: Board) -> None:
    for _ in range(3):
        deliver(board.store, ["anna"])
    board.store.set_retention("anna", "INBOX", 0, 1)
    with opened(board.store, "anna", "INBOX") as box:
        board.idle()
        assert uids_of(box) == [3]


def test_by_both(board: Board) -> None:
    board.store.set_retention("anna", "INBOX", 1, 2)
    for _ in range(3):
        deliver(board.store, ["anna"])
    board.seconds += 2 * DAY
    deliver(board.store, ["anna"])
    # One is too many, then all the old ones go.
    board.store.set_retention("anna", "INBOX", 1, 3)
    assert due_uids(board) == [1]
    expire_all(board.store)
    assert uids(board) == [4]


def test_nothing_goes_by_age_while_the_clock_is_unset(board: Board) -> None:
    board.store.set_retention("anna", "INBOX", 1, 0)
    deliver(board.store, ["anna"])
    board.seconds = 0
    expire_all(board.store)
    assert uids(board) == [1]
    board.seconds = DATE + 2 * DAY
    expire_all(board.store)
    assert uids(board) == []


def test_too_many_go_while_the_clock_is_unset(board: Board) -> None:
    board.store.set_retention("anna", "INBOX", 1, 1)
    for _ in range(2):
        deliver(board.store, ["anna"])
    board.seconds = 0
    expire_all(board.store)
    assert uids(board) == [2]


@pytest.mark.parametrize("folded", [False, True], ids=["log", "snapshot"])
def test_a_letter_of_unknown_date_does_not_go_by_age(board: Board, folded: bool) -> None:
    """The clock was not set when it came; what the letter itself says of its date does not matter."""
    board.store.set_retention("anna", "INBOX", 1, 0)
    board.seconds = 0
    deliver(board.store, ["anna"])
    board.seconds = DATE
    deliver(board.store, ["anna"])
    if folded:
        board.fold("anna", "INBOX")
    board.start()
    board.seconds = DATE + 4000 * DAY
    expire_all(board.store)
    assert uids(board) == [1]
    # By number it does.
    board.store.set_retention("anna", "INBOX", 0, 1)
    deliver(board.store, ["anna"])
    expire_all(board.store)
    assert uids(board) == [3]


@pytest.mark.parametrize("move", [False, True], ids=["copied", "moved"])
@pytest.mark.parametrize("folded", [False, True], ids=["log", "snapshot"])
def test_the_time_starts_anew_in_another_mailbox(board: Board, move: bool, folded: bool) -> None:
    deliver(board.store, ["anna"])
    board.seconds += 29 * DAY
    with opened(board.store, "anna", "INBOX") as box:
        (box.move if move else box.copy)([1], board.info("anna", "Trash")[INFO_ID])
    if folded:
        board.fold("anna", "Trash")
    board.start()
    board.seconds += 29 * DAY
    expire_all(board.store)
    assert uids(board, "Trash") == [1]
    board.seconds += 2 * DAY
    expire_all(board.store)
    assert uids(board, "Trash") == []
    assert uids(board) == ([] if move else [1])


def test_only_the_mailbox_that_has_it(board: Board) -> None:
    append(board.store, "anna", "Junk")
    append(board.store, "anna", "Sent")
    append(board.store, "bert", "Junk")
    board.store.set_retention("bert", "Junk", 0, 0)
    board.seconds += 31 * DAY
    expire_all(board.store)
    found = {key for key, box in board.seen().items() if box["entries"]}
    assert found == {("anna", "Sent"), ("bert", "Junk")}


def test_the_walk_of_all_mailboxes_is_not_made_in_every_slice(board: Board) -> None:
    """It reads all that has a retention."""
    deliver(board.store, ["anna"])
    board.store.set_retention("anna", "INBOX", 1, 0)
    board.idle()
    reads = board.flash.chip.reads
    board.idle()
    assert board.flash.chip.reads == reads
    board.seconds += 2 * DAY
    board.idle()
    assert uids(board) == []


def slices(board: Board, count: int) -> None:
    for _ in range(count):
        board.store.maintain()


def test_by_number_while_the_clock_is_unset(board: Board) -> None:
    """There is no time by which the next walk comes: slices stand in for seconds."""
    board.seconds = 0
    board.store.set_retention("anna", "INBOX", 0, 1)
    board.idle()
    for _ in range(2):
        for _ in range(5):
            deliver(board.store, ["anna"])
        slices(board, _RETENTION_PAUSE + IDLE)
        assert len(uids(board)) == 1
    assert uids(board) == [10]


@pytest.mark.parametrize("seconds", [0, DATE], ids=["unset", "set"])
def test_a_new_setting_is_looked_at_at_once(board: Board, seconds: int) -> None:
    board.seconds = seconds
    for _ in range(5):
        deliver(board.store, ["anna"])
    board.idle()
    for limit in (3, 1):
        board.store.set_retention("anna", "INBOX", 0, limit)
        board.idle()
        assert uids(board) == list(range(6 - limit, 6))


def test_by_age_as_soon_as_the_clock_is_set(board: Board) -> None:
    deliver(board.store, ["anna"])
    board.store.set_retention("anna", "INBOX", 1, 0)
    # A start without a time server.
    board.seconds = 0
    board.start()
    deliver(board.store, ["anna"])
    slices(board, _RETENTION_PAUSE + IDLE)
    assert uids(board) == [1, 2]
    board.seconds = DATE + 2 * DAY
    board.idle()
    # When the second one came is not known.
    assert uids(board) == [2]


def test_a_clock_that_was_wrong_does_not_stop_it(board: Board) -> None:
    """It is put back by years: the next walk does not wait for them."""
    board.store.set_retention("anna", "INBOX", 0, 1)
    board.seconds = DATE + 4000 * DAY
    board.idle()
    board.seconds = DATE
    for _ in range(5):
        deliver(board.store, ["anna"])
    slices(board, _RETENTION_PAUSE + IDLE)
    assert uids(board) == [5]


def test_the_setting(board: Board) -> None:
    board.store.set_retention("anna", "inbox", 65535, 65535)
    board.start()
    assert board.info("anna", "INBOX")[INFO_DAYS : INFO_COUNT + 1] == (65535, 65535)
    for values in ((-1, 0), (0, -1), (65536, 0), (0, 65536)):
        with pytest.raises(InvalidName):
            board.store.set_retention("anna", "INBOX", *values)
    with pytest.raises(NoSuchMailbox):
        board.store.set_retention("anna", "nothing", 1, 1)
    assert board.info("anna", "INBOX")[INFO_DAYS : INFO_COUNT + 1] == (65535, 65535)
    # More days than there have been since 1970 keep everything.
    deliver(board.store, ["anna"])
    expire_all(board.store)
    assert uids(board) == [1]
