"""A snapshot that lost whole pages, or that is missing: only the number of its entries tells."""

from collections.abc import Callable

import pytest

from postino.store import INFO_ID, StoreUnavailable, files, snapshot
from postino.store.flags import SEEN
from tests.unit.store_support import Board, append, content, deliver, octets_of, opened, uids_of
from tests.unit.test_store_damage import come_round

LETTERS = 60
ALL = sorted(b"letter %d" % number for number in range(LETTERS))


def path_of(board: Board) -> str:
    return f"/index/{board.info('anna', 'Sent')[INFO_ID]:x}"


def octets(board: Board) -> list[bytes]:
    with opened(board.store, "anna", "Sent") as box:
        return sorted(content(board.store, box.letter(index)) for index in range(len(box)))


def lose_pages(board: Board, pages: int) -> None:
    """So many are left, whole; with less than 0, no file is."""
    path = path_of(board)
    before = octets_of(path)
    if pages < 0:
        files.remove(path)
        return
    file = files.open_file(path, "wb")
    file.write(before[: before.index(b"PG") + pages * snapshot.PAGE_SIZE])
    file.close()


@pytest.fixture
def filled(board: Board) -> Board:
    """Three pages, and nothing of them in the log."""
    for number in range(LETTERS):
        append(board.store, "anna", "Sent", b"letter %d" % number, SEEN)
    deliver(board.store, ["bert"], b"untouched")
    board.fold("anna", "Sent")
    come_round(board)
    return board


left = pytest.mark.parametrize("pages", [2, 1, 0, -1], ids=["one lost", "two lost", "all lost", "missing"])


@left
@pytest.mark.parametrize("how", ["opened", "counted", "delivered and opened"])
def test_letters_come_back(filled: Board, pages: int, how: str) -> None:
    shown = max(0, 28 * pages)
    lose_pages(filled, pages)
    filled.start()
    expected = ALL
    if how == "delivered and opened":
        append(filled.store, "anna", "Sent", b"new")
        expected = sorted([*ALL, b"new"])
        shown += 1
    if how == "counted":
        assert filled.store.status("anna", "Sent")[0] == shown
    else:
        assert len(octets(filled)) == shown
    filled.idle()
    assert octets(filled) == expected
    with opened(filled.store, "anna", "Sent") as box:
        kept = [uid for uid in uids_of(box) if uid <= LETTERS]
        assert kept == list(range(1, max(0, 28 * pages) + 1))
    assert filled.reports[-1] == f"repair: {LETTERS - len(kept)} letters are back"
    filled.reports.clear()
    filled.start()
    filled.idle()
    assert octets(filled) == expected
    assert filled.reports == []


@left
def test_a_fold_does_not_hide_it(filled: Board, pages: int) -> None:
    """After it nobody would know that there was more."""
    lose_pages(filled, pages)
    filled.start()
    append(filled.store, "anna", "Sent", b"new")
    with pytest.raises(StoreUnavailable):
        filled.fold("anna", "Sent")
    filled.idle()
    assert octets(filled) == sorted([*ALL, b"new"])


@left
def test_a_deleted_mailbox_takes_all_its_letters_with_it(filled: Board, pages: int) -> None:
    lose_pages(filled, pages)
    filled.start()
    filled.store.delete("anna", "Sent")
    filled.idle()
    assert filled.store.catalogue.dying() is None
    assert len(filled.slots()) == 1


def is_opened(board: Board) -> None:
    with opened(board.store, "anna", "Sent"):
        pass


@left
@pytest.mark.parametrize("first", [is_opened, Board.idle], ids=["noticed", "not noticed"])
def test_retention_by_number_takes_the_surplus_only(filled: Board, pages: int, first: Callable) -> None:
    """What cannot be seen is there all the same: it is neither what is too much, nor does it make others so."""
    lose_pages(filled, pages)
    filled.start()
    first(filled)
    filled.store.set_retention("anna", "Sent", 0, 40)
    filled.idle()
    is_opened(filled)
    filled.idle()
    # The next walk of the retention.
    filled.seconds += 3601
    filled.idle()
    found = octets(filled)
    assert len(found) == 40
    assert set(found) < set(ALL)
    assert len(filled.slots()) == 41


@pytest.mark.parametrize("limit", [1, 100])
def test_a_mailbox_that_never_had_a_snapshot_is_whole(board: Board, limit: int) -> None:
    for number in range(5):
        append(board.store, "anna", "Sent", b"%d" % number)
    board.store.set_retention("anna", "Sent", 0, limit)
    board.start()
    is_opened(board)
    board.idle()
    assert octets(board) == [b"%d" % number for number in range(5)][-limit:]
    assert not [report for report in board.reports if "repair" in report]
