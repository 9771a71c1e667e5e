"""littlefs itself finds a block pointer that makes no sense: that costs what damage of the octets would."""

from collections.abc import Iterator

import pytest

from postino.store import INFO_ID, StoreUnavailable
from postino.store.flags import FLAGGED
from tests.support.nor_chip import BLOCK
from tests.unit.faults_support import CORRUPT, Faults
from tests.unit.store_support import Board, append, content, deliver, octets_of, opened, uids_of
from tests.unit.test_store_damage import come_round

# More than one block of a snapshot.
LETTERS = 150
STATES = ("/index/state", "/index/state.2")


def path_of(board: Board) -> str:
    return f"/index/{board.info('anna', 'Sent')[INFO_ID]:x}"


def rows(board: Board) -> list[tuple[int, int, bytes]]:
    """UID, flags and octets of the letters in the mailbox."""
    with opened(board.store, "anna", "Sent") as box:
        return [
            (box.uid(index), box.flags(index), content(board.store, box.letter(index))) for index in range(len(box))
        ]


def octets(board: Board) -> list[bytes]:
    return sorted(row[2] for row in rows(board))


def block_with(board: Board, found: bytes) -> int:
    """The first octet of the only block that has these."""
    image = board.flash.chip.image
    blocks = [at for at in range(0, board.flash.device.blocks * BLOCK, BLOCK) if found in image[at : at + BLOCK]]
    assert len(blocks) == 1
    return blocks[0]


def fill(board: Board, letters: int) -> None:
    """A mailbox of so many letters, all of them flagged and with a keyword, and nothing of it in the log."""
    for number in range(letters):
        append(board.store, "anna", "Sent", b"letter %d" % number)
    with opened(board.store, "anna", "Sent") as box:
        box.change_flags(uids_of(box), FLAGGED | box.keyword_bit("work", True), 0)
    deliver(board.store, ["anna", "bert"], b"untouched")
    board.fold("anna", "Sent")
    come_round(board)


def untouched(board: Board) -> dict:
    """The mailboxes without damage, as clients see them."""
    return {key: box for key, box in board.seen().items() if key != ("anna", "Sent")}


@pytest.fixture
def two_blocks() -> Iterator[Board]:
    board = Board(320)
    fill(board, LETTERS)
    yield board
    board.flash.release()


# A snapshot.


@pytest.mark.parametrize("at", [0, 1, 2, 3])
@pytest.mark.parametrize("first", ["opened", "counted", "folded", "deleted"])
def test_a_pointer_of_a_snapshot(two_blocks: Board, at: int, first: str) -> None:
    board = two_blocks
    before = octets(board)
    modseq = board.seen()["anna", "Sent"]["modseq"]
    others = untouched(board)
    last_page = (5).to_bytes(4, "little") + board.info("anna", "Sent")[INFO_ID].to_bytes(4, "little")
    board.flash.chip.image[block_with(board, last_page) + at] ^= 0x80
    board.start()
    if first == "opened":
        assert len(rows(board)) < LETTERS
    elif first == "counted":
        assert board.store.status("anna", "Sent")[0] < LETTERS
    elif first == "folded":
        with pytest.raises(StoreUnavailable):
            board.fold("anna", "Sent")
    else:
        board.store.delete("anna", "Sent")
    board.idle()
    assert untouched(board) == others
    if first == "deleted":
        assert len(board.slots()) == 1
        return
    assert octets(board) == before
    assert len({row[0] for row in rows(board)}) == LETTERS
    # Clients that ask for changes only are told of all letters, and that the history is not complete.
    seen = board.seen()["anna", "Sent"]
    assert min(row[5] for row in seen["entries"]) > modseq
    assert seen["floor"] >= modseq
    board.reports.clear()
    board.start()
    board.idle()
    assert octets(board) == before
    assert board.reports == []


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
def test_whichever_call_for_a_snapshot_finds_it(board: Board, monkeypatch: pytest.MonkeyPatch, lasting: bool) -> None:
    """Its head or one of its pages cannot be read: letters keep their UIDs or get new ones, and none is missing."""
    fill(board, 70)
    before = octets(board)
    image = bytes(board.flash.chip.image)
    path = path_of(board)
    faults = Faults(monkeypatch, OSError(CORRUPT, ""), lambda opened: opened.replace("//", "/") == path)
    number = 0
    struck = True
    while struck:
        number += 1
        board.flash.chip.image[:] = image
        board.start()
        faults.left = number
        faults.lasting = lasting
        shown = rows(board)
        if lasting:
            # The repair cannot read it either.
            board.store.maintain()
        struck = faults.left <= int(lasting)
        faults.disarm()
        assert struck or len(shown) == 70
        board.idle()
        assert octets(board) == before, number
        board.start()
        assert octets(board) == before, number
    assert number > 5


@pytest.mark.parametrize("letters", [0, 3])
def test_the_mailbox_can_be_used_meanwhile(two_blocks: Board, monkeypatch: pytest.MonkeyPatch, letters: int) -> None:
    board = two_blocks
    path = path_of(board)
    board.start()
    faults = Faults(monkeypatch, OSError(CORRUPT, ""), lambda opened: opened.replace("//", "/") == path)
    board.flash.system.use()
    faults.left, faults.lasting = 1, True
    with opened(board.store, "anna", "Sent"):
        for number in range(letters):
            append(board.store, "anna", "Sent", b"new %d" % number)
    faults.disarm()
    board.idle()
    assert len(rows(board)) == LETTERS + letters
    assert [row[2] for row in rows(board) if row[2].startswith(b"new")] == [b"new %d" % n for n in range(letters)]


# A copy of the state.


@pytest.fixture
def long_state() -> Iterator[Board]:
    """A state of several blocks."""
    board = Board(300, tuple("a user with a long name %d" % number for number in range(20)))
    deliver(board.store, ["a user with a long name 0"], b"letter")
    board.store.keeper.write_state()
    yield board
    board.flash.release()


def users_of(board: Board) -> list[tuple]:
    return [info[:7] for info in board.store.catalogue.infos]


@pytest.mark.parametrize("copy", [0, 1])
@pytest.mark.parametrize("at", range(4))
def test_a_pointer_of_a_copy_of_the_state(long_state: Board, copy: int, at: int) -> None:
    board = long_state
    before = users_of(board)
    end = octets_of(STATES[0])[-30:]
    image = board.flash.chip.image
    blocks = [at for at in range(0, board.flash.device.blocks * BLOCK, BLOCK) if end in image[at : at + BLOCK]]
    assert len(blocks) == 2
    image[blocks[copy] + at] ^= 0x80
    board.start()
    assert board.reports == ["a copy of the state is damaged"]
    assert users_of(board) == before
    board.idle()
    assert octets_of(STATES[0]) == octets_of(STATES[1])
    board.start()
    assert board.reports == ["a copy of the state is damaged"]
    assert users_of(board) == before


@pytest.mark.parametrize("path", STATES)
def test_whichever_call_for_a_copy_of_the_state_finds_it(
    board: Board, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """From some call on nothing of it can be read: opening it, its length, the first or another piece of it."""
    fill(board, 20)
    before = board.seen()
    image = bytes(board.flash.chip.image)
    # It is opened, read in pieces, and its CRC is read.
    calls = 2 + (len(octets_of(path)) + 251) // 256
    for number in range(1, calls + 1):
        board.flash.chip.image[:] = image
        board.reports.clear()
        with monkeypatch.context() as patch:
            faults = Faults(patch, OSError(CORRUPT, ""), lambda opened: opened.replace("//", "/") == path)
            faults.left, faults.lasting = number, True
            board.start()
        assert board.reports == ["a copy of the state is damaged"], number
        board.flash.system.use()
        assert board.seen() == before
        board.idle()
        assert octets_of(STATES[0]) == octets_of(STATES[1])
