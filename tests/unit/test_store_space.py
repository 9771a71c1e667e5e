"""What the store counts beside letters: both copies of the state, and a log that lies in files."""

from collections.abc import Iterator

import pytest

from postino.store import Store, StoreFull, files
from postino.store.log_device import FILE_SECTORS
from postino.store.space import blocks_of
from tests.support.nor_chip import BLOCK
from tests.support.store_flash import ROOT, Flash
from tests.unit.store_support import DATE, Board, deliver, opened, uids_of

USERS = tuple("a user with a long name %d" % number for number in range(20))


def room(store: Store) -> int:
    """Blocks."""
    return store.free_bytes() // BLOCK


# The state.


@pytest.fixture
def long_state() -> Iterator[Board]:
    """A state of several blocks, of names alone."""
    board = Board(400, USERS)
    yield board
    board.flash.release()


def state_blocks(board: Board) -> int:
    """What both copies take now."""
    board.store.keeper.write_state()
    return 2 * blocks_of(files.size_of("/index/state"))


def test_a_long_state_counts_its_blocks(long_state: Board) -> None:
    """Beside a store with as many mailboxes of short names."""
    other = Board(400, [f"u{number}" for number in range(len(USERS))])
    try:
        # As long as a name, but for the digits.
        short = state_blocks(other)
        expected = room(other.store)
    finally:
        long_state.flash.system.use()
    blocks = state_blocks(long_state)
    assert blocks >= short + 2
    for _ in range(2):
        assert room(long_state.store) == expected - blocks + short
        long_state.store.need_replay()
        long_state.store.maintain()
        assert room(long_state.store) == expected - blocks + short
        long_state.start()


def test_the_slots_in_the_state_count() -> None:
    """One octet each, whether there is a letter or not; a directory is two blocks."""
    board = Board(1400)
    before = room(board.store)
    blocks = state_blocks(board)
    board.store.slots.grow(8192)
    grown = state_blocks(board) - blocks
    assert grown == 4
    for _ in range(2):
        assert room(board.store) == before - 2 * 8192 // 64 - grown
        board.start()
    board.flash.release()


def test_users_that_go_give_the_blocks_of_the_state_back(long_state: Board) -> None:
    before = room(long_state.store), state_blocks(long_state)
    for user in USERS[1:]:
        long_state.store.remove_user(user)
        for _ in range(8):
            long_state.store.maintain()
    assert long_state.store.catalogue.dying() is None
    assert state_blocks(long_state) == 2 < before[1]
    # And those of the directory, for their snapshots.
    assert room(long_state.store) > before[0] + before[1] - 2


# The log.


class InFiles:
    """A store as an upgrade leaves it: its log lies in files of the file system."""

    def __init__(self, blocks: int) -> None:
        self.flash = Flash(blocks)
        self.flash.start()
        self.flash.device.log = None
        self.store = self.start()

    def start(self) -> Store:
        self.store = Store(ROOT, lambda: DATE, self.flash.device)
        self.store.start()
        return self.store

    def used(self) -> int:
        return self.flash.system.used_blocks()


@pytest.fixture
def in_files() -> Iterator[InFiles]:
    made = InFiles(220)
    for user in ("anna", "bert"):
        made.store.ensure_user(user)
    yield made
    made.flash.release()


def test_a_raw_log_takes_no_room_of_the_letters(board: Board) -> None:
    assert board.store.space.log == 0


def test_a_log_in_files_counts_what_it_grows_to(in_files: InFiles) -> None:
    """Its sectors and their directory, also before they are there."""
    assert in_files.store.space.log == FILE_SECTORS + 2
    assert in_files.start().space.log == FILE_SECTORS + 2
    in_files.store.need_replay()
    in_files.store.maintain()
    assert in_files.store.space.log == FILE_SECTORS + 2
    before = in_files.used()
    sector = in_files.store.log.sector
    number = 0
    while in_files.store.log.sector < sector + FILE_SECTORS:
        number += 1
        in_files.store.subscribe("bert", "INBOX", bool(number & 1))
    grown = in_files.used() - before
    assert FILE_SECTORS - 2 < grown <= in_files.store.space.log


def test_a_full_store_has_room_for_its_log(in_files: InFiles) -> None:
    """Whatever is done to the letters, littlefs is never full."""
    store = in_files.store
    number = 0
    with pytest.raises(StoreFull):
        while True:
            number += 1
            deliver(store, [("anna", "bert")[number & 1]], bytes(3000 * (number % 3) + 100))
    most = in_files.used()
    for number in range(600):
        with opened(store, ("anna", "bert")[number & 1], "INBOX") as box:
            box.change_flags(uids_of(box)[::2], number & 1, ~number & 1)
        most = max(most, in_files.used())
        if number % 7 == 0:
            store.maintain()
    assert most < in_files.flash.device.blocks
    with opened(store, "anna", "INBOX") as box:
        box.expunge(uids_of(box))
    deliver(store, ["anna"])
