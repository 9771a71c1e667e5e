"""The store where heap is short: idle folds wait or are given up, what must be folded is, and one page is enough."""

import pytest

from postino.store import fold, heap, keeper, snapshot
from postino.store.catalogue import FIRST_SECTOR, INFO_COUNTERS
from postino.store.keeper import _FOLD_PAUSE, _HEAP_FOR_FOLD, _HEAP_WITH_FOLD, _IDLE_FOLD_AT
from tests.unit.store_support import Board, deliver, opened, uids_of

# Letters whose records fill the log several times over.
MANY = 700
BLOCKS = 1200


class Heap:
    """Stands in for gc.mem_free(), and counts who asks."""

    def __init__(self) -> None:
        self.octets = 0
        self.asked = 0

    def free(self, enough: int) -> int:
        self.asked += 1
        return self.octets


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> Heap:
    found = Heap()
    monkeypatch.setattr(heap, "free", found.free)
    return found


@pytest.fixture
def board():
    board = Board(BLOCKS)
    yield board
    board.flash.release()


def fill_until_due(board: Board) -> None:
    """Letters until an idle fold of INBOX is due."""
    while board.info("anna", "INBOX")[INFO_COUNTERS][keeper.LOG_OCTETS] <= _IDLE_FOLD_AT:
        deliver(board.store, ["anna"])


def is_folded(board: Board) -> bool:
    return not board.info("anna", "INBOX")[INFO_COUNTERS][FIRST_SECTOR]


def test_the_log_keeps_room_without_any_idle_fold(board, scarce):
    log = board.store.log
    for _ in range(MANY):
        deliver(board.store, ["anna"])
        board.store.maintain()
        assert board.store.keeper._fold is None
    assert log.sector > 2 * log.device.sectors
    with opened(board.store, "anna", "INBOX") as box:
        assert len(uids_of(box)) == MANY


def test_idle_folds_begin_once_there_is_heap(board, scarce):
    fill_until_due(board)
    for _ in range(3 * _FOLD_PAUSE):
        board.store.maintain()
    assert not is_folded(board)
    scarce.octets = _HEAP_FOR_FOLD
    board.idle()
    assert is_folded(board)


def test_a_look_at_the_heap_is_rare(board, scarce):
    """It takes a collection."""
    fill_until_due(board)
    scarce.asked = 0
    for _ in range(5 * _FOLD_PAUSE):
        board.store.maintain()
    assert 1 <= scarce.asked <= 6


def test_a_fold_under_way_is_given_up_and_made_later(board, scarce):
    scarce.octets = _HEAP_FOR_FOLD
    fill_until_due(board)
    while board.store.keeper._fold is None:
        assert board.store.maintain()
    scarce.octets = _HEAP_WITH_FOLD - 1
    board.store.maintain()
    assert board.store.keeper._fold is None and not is_folded(board)
    scarce.octets = _HEAP_FOR_FOLD
    for _ in range(_FOLD_PAUSE):
        board.store.maintain()
    board.idle()
    assert is_folded(board)


@pytest.mark.parametrize("failing", ["Window", "Writer"])
def test_a_fold_that_must_be_made_does_with_one_page(board, monkeypatch, failing):
    fill_until_due(board)
    owner = fold if failing == "Window" else snapshot
    real = getattr(owner, failing)
    sizes = []

    def short_of_memory(*arguments):
        sizes.append(arguments[0])
        if len(sizes) == 1:
            raise MemoryError
        return real(*arguments)

    monkeypatch.setattr(owner, failing, short_of_memory)
    before = board.seen()
    board.fold("anna", "INBOX")
    assert is_folded(board) and len(sizes) == 2
    if failing == "Window":
        assert sizes[1] == 1
    assert board.seen() == before


def test_one_page_serves_two_mailboxes(board, scarce):
    for number in range(60):
        deliver(board.store, ["anna"], b"x" * (50 + number))
    with opened(board.store, "anna", "INBOX") as box, opened(board.store, "anna", "Archive") as other:
        box.copy(uids_of(box), other.id)
        for name in ("INBOX", "Archive"):
            board.fold("anna", name)
        for index in range(len(box)):
            assert box.size(index) == other.size(index)
        assert board.store.pages._older is None
        first = [box.size(index) for index in range(len(box))]
        scarce.octets = 1 << 20
        for _ in range(40):
            assert [box.size(index) for index in range(len(box))] == first
            assert other.size(0) == first[0]
        assert board.store.pages._older is not None
