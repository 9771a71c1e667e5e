"""Memory runs out: before a commit nothing has happened; after it, what is in memory is read from flash again.

Here it runs out at chosen places; tests/crash/test_micropython_failures.py has every allocation of MicroPython.
"""

from collections.abc import Callable

import pytest

from postino.store import INFO_ID, LetterGone, StoreUnavailable, loading, recovery, state
from postino.store.catalogue import BLOCKS, ENTRIES, INFO_COUNTERS, UIDNEXT
from postino.store.contents import Contents
from postino.store.flags import FLAGGED, SEEN
from postino.store.table import Table
from tests.device.store_driver import View
from tests.unit.store_support import DATE, USERS, Board, append, content, deliver, opened, uids_of


class Full:
    """In place of a function: memory runs out in its n-th call."""

    def __init__(self, function: Callable, call: int = 1) -> None:
        self._function = function
        self._left = call

    def __get__(self, instance, _owner=None):
        return lambda *arguments: self(instance, *arguments)

    def __call__(self, *arguments):
        self._left -= 1
        if self._left == 0:
            raise MemoryError
        return self._function(*arguments)


def in_memory(board: Board) -> tuple:
    """What the store knows without reading: references, blocks, counters."""
    store = board.store
    references = [store.slots.get(slot) for slot in range(store.slots.extent)]
    counted = [
        (info[INFO_ID], info[INFO_COUNTERS][UIDNEXT], info[INFO_COUNTERS][ENTRIES], info[INFO_COUNTERS][BLOCKS])
        for info in store.catalogue.infos
    ]
    return references, store.slots.blocks, store.space.transit, store.state.next_letter, counted


@pytest.fixture
def letters(board: Board) -> Board:
    """Four letters in each INBOX; those of anna have room in the table for one more at most."""
    for number in range(4):
        deliver(board.store, USERS, b"letter %d" % number)
    return board


# Before the commit.


@pytest.fixture
def too_large(letters: Board, monkeypatch: pytest.MonkeyPatch) -> Board:
    """A mailbox Archive for whose table there is no memory."""
    append(letters.store, "anna", "Archive", b"large", SEEN)
    archive = letters.info("anna", "Archive")[INFO_ID]

    make_table = Contents.make_table

    def refused(contents: Contents) -> None:
        if contents.mailbox == archive:
            raise MemoryError
        make_table(contents)

    monkeypatch.setattr(Contents, "make_table", refused)
    return letters


def test_a_mailbox_too_large_does_not_keep_the_store_from_opening(too_large: Board) -> None:
    too_large.start()
    deliver(too_large.store, ["anna"])
    assert too_large.store.status("anna", "INBOX")[0] == 5
    view = View()
    with pytest.raises(MemoryError):
        too_large.store.open_mailbox(too_large.info("anna", "Archive")[INFO_ID], view)
    assert too_large.store.open_boxes == {}


def test_a_mailbox_too_large_is_counted_and_filled(too_large: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    append(too_large.store, "anna", "Archive", b"more")
    with opened(too_large.store, "anna", "INBOX") as box:
        box.change_flags([1], box.keyword_bit("work", True), 0)
        box.copy([1], too_large.info("anna", "Archive")[INFO_ID])
    assert too_large.store.status("anna", "Archive")[:3] == (3, 3, 4)
    too_large.fold("anna", "Archive")
    too_large.store.close()
    too_large.start()
    assert too_large.store.status("anna", "Archive")[4] == 2
    monkeypatch.undo()
    with opened(too_large.store, "anna", "Archive") as box:
        assert [content(too_large.store, box.letter(index)) for index in range(3)] == [b"large", b"more", b"letter 0"]


def test_no_room_in_the_table_of_a_session(letters: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery to several users of whom one has his mailbox open."""
    before = in_memory(letters)
    with opened(letters.store, "bert", "INBOX") as box:
        monkeypatch.setattr(Table, "reserve_for", Full(Table.reserve_for))
        with pytest.raises(MemoryError):
            deliver(letters.store, USERS)
        assert len(box) == 4
        assert in_memory(letters) == before
        deliver(letters.store, USERS)
        assert len(box) == 5


# After the commit.


def delivery(board: Board, box) -> None:
    deliver(board.store, USERS)


def flags(board: Board, box) -> None:
    box.change_flags([1, 3], FLAGGED, 0)


def expunge(board: Board, box) -> None:
    box.expunge([1, 2, 4])


def copy(board: Board, box) -> None:
    with opened(board.store, "anna", "Trash", View()):
        box.copy([1, 2], board.info("anna", "Trash")[INFO_ID])


def move(board: Board, box) -> None:
    with opened(board.store, "anna", "Trash", View()):
        box.move([1, 2], board.info("anna", "Trash")[INFO_ID])


PLACES = [
    (delivery, (Contents, "add")),
    (delivery, (View, "on_added")),
    (flags, (Table, "set_place")),
    (flags, (Table, "note")),
    (flags, (View, "on_flags")),
    (expunge, (Contents, "remember")),
    (expunge, (Table, "delete")),
    (expunge, (View, "on_expunged")),
    (copy, (Table, "append")),
    (move, (Table, "append")),
    (move, (Contents, "remember")),
]


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize(("do", "place"), PLACES, ids=[f"{do.__name__}, {place[1]}" for do, place in PLACES])
def test_the_table_is_read_from_flash_again(
    letters: Board, monkeypatch: pytest.MonkeyPatch, do: Callable, place: tuple, call: int
) -> None:
    other = Board()
    for number in range(4):
        deliver(other.store, USERS, b"letter %d" % number)
    with opened(other.store, "anna", "INBOX") as box:
        do(other, box)
    expected = contents_of(other)
    letters.flash.system.use()
    views = [View(), View()]
    with opened(letters.store, "anna", "INBOX", views[0]) as box:
        letters.store.open_mailbox(box.id, views[1])
        views[1].attach(box)
        monkeypatch.setattr(*place, Full(getattr(*place), call))
        do(letters, box)
        monkeypatch.undo()
        assert [view.lost for view in views] == ([True, True] if lost(do, place, call) else [False, False])
        box.close(views[1])
    assert contents_of(letters) == expected
    letters.store.maintain()
    now = in_memory(letters)
    letters.start()
    assert in_memory(letters) == now
    assert contents_of(letters) == expected


def lost(do: Callable, place: tuple, call: int) -> bool:
    """Only the one table that a delivery goes into has one call."""
    return not (do is delivery and place[1] == "add" and call == 2)


def contents_of(board: Board) -> dict:
    """What clients see, but for UIDVALIDITYs."""
    found = {}
    for key, box in board.seen().items():
        found[key] = (box["uidnext"], box["history"], [(row[0], *row[2:]) for row in box["entries"]])
    return found


# Reading everything again.


@pytest.fixture
def stale(letters: Board, monkeypatch: pytest.MonkeyPatch) -> Board:
    """Memory ran out while letters went: how many references there are is not known any more."""
    letters.store.keeper.write_state()
    with opened(letters.store, "anna", "INBOX", View()) as box:
        monkeypatch.setattr(Contents, "remember", Full(Contents.remember, 2))
        box.expunge([1, 2, 3])
        monkeypatch.undo()
    return letters


def refuses(board: Board) -> bool:
    """Nothing is written until it has been read."""
    before = board.operations()
    calls = (
        lambda: deliver(board.store, USERS),
        lambda: board.store.create("anna", "x"),
        lambda: board.store.delete("anna", "Junk"),
        lambda: board.store.rename("anna", "Junk", "x"),
    )
    for call in calls:
        with pytest.raises(StoreUnavailable):
            call()
    return board.operations() == before


def test_until_then_nothing_is_written(stale: Board) -> None:
    assert refuses(stale)
    with opened(stale.store, "anna", "INBOX") as box:
        assert uids_of(box) == [4]
        with pytest.raises(StoreUnavailable):
            box.change_flags([4], SEEN, 0)
        assert content(stale.store, box.letter(0)) == b"letter 3"
    stale.store.maintain()
    deliver(stale.store, USERS)
    now = in_memory(stale)
    stale.start()
    assert in_memory(stale) == now


def test_sessions_are_told(stale: Board) -> None:
    view = View()
    box = stale.store.open_mailbox(stale.info("bert", "INBOX")[INFO_ID], view)
    stale.store.maintain()
    assert view.lost and len(box) == 0
    with opened(stale.store, "bert", "INBOX") as box:
        assert uids_of(box) == [1, 2, 3, 4]


def test_the_end_comes_before_it(stale: Board) -> None:
    """The state on flash stays what it is."""
    before = stale.operations()
    stale.store.close()
    assert stale.operations() == before
    stale.start()
    assert stale.store.status("anna", "INBOX")[:3] == (1, 1, 5)


def test_letters_in_transit_stay(letters: Board) -> None:
    store = letters.store
    coming = store.new_letter()
    coming.write(bytes(5000))
    with opened(store, "anna", "INBOX", View()) as box:
        box.claim_recent()
        slot = box.letter(1)
        reader = store.open_letter(slot)
        box.expunge([2])
    with opened(store, "bert", "INBOX", View()) as box:
        box.expunge([2])
    before = in_memory(letters)
    store.reload()
    assert in_memory(letters) == before
    assert store.status("anna", "INBOX")[:3] == (3, 0, 5)
    coming.write(bytes(5000))
    store.deliver(coming, ["anna"], DATE)
    coming.abort()
    assert reader.readinto(bytearray(100)) == 8
    reader.close()
    with pytest.raises(LetterGone):
        store.open_letter(slot)
    now = in_memory(letters)
    letters.start()
    assert in_memory(letters) == now
    with opened(letters.store, "anna", "INBOX") as box:
        assert content(letters.store, box.letter(3)) == bytes(10000)


PARTS = {
    "state": (state, "read"),
    "mailbox": (state, "_read_mailbox"),
    "replay": (recovery._Replay, "run"),
    "record": (recovery._Replay, "_expunge"),
}


@pytest.mark.parametrize("place", PARTS.values(), ids=PARTS.keys())
def test_there_is_no_memory_for_that_either(stale: Board, monkeypatch: pytest.MonkeyPatch, place: tuple) -> None:
    """What is half read must not be taken for all: slots that look free have letters in them."""
    monkeypatch.setattr(*place, Full(getattr(*place)))
    stale.store.maintain()
    monkeypatch.undo()
    assert refuses(stale)
    stale.store.maintain()
    deliver(stale.store, ["anna"], b"later")
    assert [row[6] for row in stale.seen()["bert", "INBOX"]["entries"]] == digests_of_letters(stale)


def digests_of_letters(board: Board) -> list[str]:
    other = Board()
    for number in range(4):
        deliver(other.store, ["bert"], b"letter %d" % number)
    found = [row[6] for row in other.seen()["bert", "INBOX"]["entries"]]
    board.flash.system.use()
    return found


def test_loading_is_given_up_as_a_whole(letters: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_read_pages", Full(loading._read_pages))
    letters.fold("anna", "INBOX")
    view = View()
    with pytest.raises(MemoryError):
        letters.store.open_mailbox(letters.info("anna", "INBOX")[INFO_ID], view)
    assert letters.flash.system.open_files == set()
    with opened(letters.store, "anna", "INBOX") as box:
        assert uids_of(box) == [1, 2, 3, 4]
