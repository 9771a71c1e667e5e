"""A damaged log may call a slot free that has a letter in it: whatever it says, no letter is ever written over."""

import pytest

from postino.store import StoreUnavailable, files, records
from postino.store.keeper import _REPAIR_PAUSE
from tests.unit.store_support import DATE, Board, content, deliver, octets_of
from tests.unit.test_store_damaged_log import letters, owners, places, spoil


def lose_the_end(board: Board, count: int) -> None:
    """The last records of the log are damaged: it looks as if its end had been cut."""
    kinds = (records.ADD, records.SLOTS, records.EXPUNGE, records.MAILBOX)
    for sector, offset in sorted(place for kind in kinds for place in places(board, kind))[-count:]:
        spoil(board, sector, offset + records.RECORD_HEAD + 1)


@pytest.fixture
def four(board: Board) -> Board:
    for number in range(4):
        deliver(board.store, ["anna"], b"letter %d" % number)
    return board


ALL = [("anna", b"letter %d" % number) for number in range(4)]


@pytest.mark.parametrize("lost", [2, 4, 6, 8], ids=lambda lost: f"{lost // 2} letters")
def test_the_next_letter_brings_the_others_back(four: Board, lost: int) -> None:
    lose_the_end(four, lost)
    four.start()
    assert four.store.slots.get(3) == 0
    slot = deliver(four.store, ["bert"], b"new")
    assert slot not in range(4)
    expected = sorted([*ALL, ("bert", b"new")])
    assert owners(four) == expected
    assert four.reports[0] == f"damage: a letter is in slot {4 - lost // 2:x}"
    assert four.reports[-1] == f"repair: {lost // 2} letters are back"
    for _ in range(2):
        four.start()
        assert owners(four) == expected
        four.idle()
        assert owners(four) == expected
    assert [four.store.slots.get(slot) for slot in range(4)] == [1] * 4


def test_a_letter_in_transit_does_not_mind(four: Board) -> None:
    """Its slot has no letter in it yet when those before it turn up."""
    lose_the_end(four, 2)
    four.start()
    four.store.slots._next = 10
    four.store.slots.grow(20)
    coming = four.store.new_letter()
    coming.write(bytes(5000))
    four.store.slots._next = 3
    deliver(four.store, ["bert"], b"new")
    coming.write(bytes(5000))
    four.store.deliver(coming, ["bert"], DATE)
    expected = sorted([*ALL, ("bert", b"new"), ("bert", bytes(10000))])
    assert owners(four) == expected
    four.start()
    four.idle()
    assert owners(four) == expected


@pytest.mark.parametrize("error", [MemoryError(), OSError(5, "")], ids=["memory", "EIO"])
def test_a_repair_that_fails_costs_the_new_letter_only(
    four: Board, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    lose_the_end(four, 2)
    four.start()
    store = four.store

    def fail(*_arguments) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("postino.store.repair.repair", fail)
        with pytest.raises((MemoryError, StoreUnavailable)):
            deliver(store, ["bert"], b"refused")
        assert store.space.transit == 0
        deliver(store, ["bert"], b"into the slot behind it")
        store.slots._next = 3
        with pytest.raises((MemoryError, StoreUnavailable)):
            deliver(store, ["bert"], b"refused")
    assert content(store, 3) == b"letter 3"
    deliver(store, ["bert"], b"new")
    for _ in range(_REPAIR_PAUSE):
        store.maintain()
    assert owners(four) == sorted([*ALL, ("bert", b"into the slot behind it"), ("bert", b"new")])


def test_an_undamaged_end_is_not_looked_behind(four: Board) -> None:
    """It costs a look into the directory for each letter."""
    four.start()
    assert not four.store.letters.doubtful
    deliver(four.store, ["bert"], b"new")
    assert four.reports == []


def test_half_a_letter_of_a_cut_is_no_damage(four: Board) -> None:
    """Its slot was about to be written, which the log says."""
    four.store.new_letter().write(bytes(5000))
    four.start()
    deliver(four.store, ["bert"], b"new")
    assert owners(four) == sorted([*ALL, ("bert", b"new")])
    assert not [report for report in four.reports if "damage" in report]


# An older copy of the state.


class Older:
    """The newer copy of the state is damaged, and the log has gone on without what the older one lacks."""

    def __init__(self, board: Board) -> None:
        self.board = board
        for number in range(3):
            deliver(board.store, ["anna"], b"early %d" % number)
        board.store.keeper.write_state()
        old = octets_of("/index/state")
        for number in range(4):
            deliver(board.store, ["anna", "bert"], b"later %d" % number)
        go_round(board)
        board.store.close()
        self.sequence = board.store.log.sequence
        self.letter = board.store.state.next_letter
        put("/index/state.2", old)
        put("/index/state", b"damaged")
        board.start()


@pytest.fixture
def older(board: Board) -> Older:
    return Older(board)


def put(path: str, octets: bytes) -> None:
    file = files.open_file(path, "wb")
    file.write(octets)
    file.close()


def go_round(board: Board) -> None:
    log = board.store.log
    number = 0
    until = log.sector + log.device.sectors
    while log.tail < until:
        board.store.subscribe("bert", "Drafts", bool(number % 2))
        number += 1
        if number % 50 == 0:
            board.idle()


EXPECTED = sorted(
    [("anna", b"early %d" % number) for number in range(3)]
    + [(user, b"later %d" % number) for number in range(4) for user in ("anna", "bert")]
)


def test_an_older_state_without_its_log_is_damage(older: Older) -> None:
    board = older.board
    assert board.store.log.damaged
    assert [report for report in board.reports if report.startswith("log damaged")]
    board.idle()
    for _ in range(2):
        assert owners(board) == EXPECTED
        board.start()
        board.idle()
    assert not board.store.log.damaged


def test_after_an_older_state_nothing_is_given_twice(older: Older) -> None:
    """Neither UIDs nor slots nor the numbers of transactions and letters."""
    board = older.board
    assert board.store.log.sequence >= older.sequence
    assert board.store.state.next_letter >= older.letter
    board.idle()
    for number in range(20):
        deliver(board.store, ["anna", "bert"], b"new %d" % number)
    expected = sorted(EXPECTED + [(user, b"new %d" % number) for number in range(20) for user in ("anna", "bert")])
    for _ in range(2):
        assert owners(board) == expected
        for rows in letters(board).values():
            # The letters of before had seven UIDs at most.
            assert all(row[0] > 7 for row in rows if row[2].startswith(b"new"))
        board.start()
        board.idle()
