"""MULTIAPPEND and REPLACE when the log refuses, or memory runs out: before the commit nothing has happened.

Which call of the file system fails is in test_store_failures.py, what the chip may do in tests/crash.
"""

from collections.abc import Callable

import pytest

from postino.store import INFO_ID, StoreFull, delivery
from postino.store.contents import Contents
from postino.store.flags import DRAFT, SEEN
from postino.store.log import LONGEST_UNSPLIT, Log
from postino.store.log_device import RawLog
from postino.store.records import ADD
from tests.device.store_driver import View
from tests.unit.store_imap_support import DRAFTS, append_all, fill, replace, rows, settled
from tests.unit.store_support import Board, deliver, opened


def all_in(board: Board) -> None:
    with opened(board.store, *DRAFTS):
        append_all(board, *DRAFTS, b"one", b"two", b"three", flags=SEEN)


def in_its_place(board: Board) -> None:
    with opened(board.store, "anna", "Sent") as box, opened(board.store, *DRAFTS) as there:
        replace(board, box, 2, "Drafts", bytes(4500), DRAFT | there.keyword_bit("work", True))


ACTS = (all_in, in_its_place)


@pytest.fixture
def filled(board: Board) -> Board:
    return fill(board)


@pytest.mark.parametrize("act", ACTS)
def test_the_log_refuses(filled: Board, monkeypatch: pytest.MonkeyPatch, act: Callable) -> None:
    """The letters' files are there already: they go."""
    before = filled.seen()
    refusing = []

    def program(log: RawLog, *_arguments) -> None:
        refusing.append(log)
        raise OSError(28, "")

    writing = Log.record

    def record(log: Log, kind: int, mailbox: int, need: int = LONGEST_UNSPLIT) -> None:
        if kind == ADD:
            monkeypatch.setattr(RawLog, "program", program)
        writing(log, kind, mailbox, need)

    monkeypatch.setattr(Log, "record", record)
    with pytest.raises(StoreFull):
        act(filled)
    assert refusing
    monkeypatch.undo()
    assert filled.seen() == before
    deliver(filled.store, ["bert"])
    settled(filled)


@pytest.mark.parametrize("act", ACTS)
def test_no_memory_for_the_table(filled: Board, monkeypatch: pytest.MonkeyPatch, act: Callable) -> None:
    before = filled.seen()

    def refused(*_arguments) -> None:
        raise MemoryError

    monkeypatch.setattr(delivery, "reserve", refused)
    with pytest.raises(MemoryError):
        act(filled)
    monkeypatch.undo()
    assert filled.seen() == before
    settled(filled)


class Full:
    """In place of a function: memory runs out in its n-th call."""

    def __init__(self, function: Callable, call: int) -> None:
        self._function = function
        self._left = call

    def __get__(self, instance, _owner=None):
        return lambda *arguments: self(instance, *arguments)

    def __call__(self, *arguments):
        self._left -= 1
        if self._left == 0:
            raise MemoryError
        return self._function(*arguments)


def append_three(board: Board) -> None:
    append_all(board, *DRAFTS, b"one", b"two", b"three", flags=SEEN)


def replace_within(board: Board) -> None:
    replace(board, board.store.open_boxes[board.info(*DRAFTS)[INFO_ID]], 2, "Drafts", b"new")


def replace_into_it(board: Board) -> None:
    with opened(board.store, "anna", "Sent") as box:
        replace(board, box, 2, "Drafts", b"new")


def replace_out_of_it(board: Board) -> None:
    replace(board, board.store.open_boxes[board.info(*DRAFTS)[INFO_ID]], 2, "Sent", b"new")


PLACES = [
    (append_three, (Contents, "add"), 1),
    (append_three, (Contents, "add"), 3),
    (append_three, (View, "on_added"), 1),
    (replace_within, (Contents, "add"), 1),
    (replace_within, (View, "on_added"), 1),
    (replace_within, (Contents, "remember"), 1),
    (replace_within, (View, "on_expunged"), 1),
    # Three are read when Sent is opened.
    (replace_into_it, (Contents, "add"), 4),
    (replace_out_of_it, (Contents, "remember"), 1),
    (replace_out_of_it, (View, "on_expunged"), 1),
]


@pytest.mark.parametrize(("act", "place", "call"), PLACES)
def test_memory_runs_out_after_the_commit(
    filled: Board, monkeypatch: pytest.MonkeyPatch, act: Callable, place: tuple, call: int
) -> None:
    """It is done; the sessions are told that their mailbox is lost, and what is on flash counts."""
    with opened(filled.store, *DRAFTS):
        act(filled)
    expected = [rows(filled, "anna", name) for name in ("Drafts", "Sent")]
    filled = fill(Board())
    view = View()
    with opened(filled.store, *DRAFTS, view):
        monkeypatch.setattr(*place, Full(getattr(*place), call))
        act(filled)
        monkeypatch.undo()
        assert view.lost
    for _ in range(2):
        assert [rows(filled, "anna", name) for name in ("Drafts", "Sent")] == expected
        filled.idle()
    settled(filled)
