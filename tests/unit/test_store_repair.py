"""The repair of a damaged mailbox: others do not wait for it, and one that fails is tried again."""

from collections.abc import Callable, Iterator

import pytest

from postino.store import INFO_ID, StoreUnavailable, records, repair
from postino.store.catalogue import FIRST_SECTOR, INFO_COUNTERS
from postino.store.flags import SEEN
from postino.store.keeper import _REPAIR_PAUSE, _SPARE_SECTORS
from tests.support.nor_chip import BLOCK
from tests.unit.faults_support import EIO, Faults
from tests.unit.store_support import IDLE, Board, append, change, content, deliver, opened, uids_of
from tests.unit.test_store_damaged_log import letters, spoil_record


def octets(board: Board) -> dict[tuple[str, str], list[bytes]]:
    """The letters of everybody, in order of their octets: those that came back have new UIDs."""
    return {key: sorted(row[2] for row in rows) for key, rows in letters(board).items()}


def snapshot_of(board: Board, user: str, name: str = "INBOX") -> str:
    return f"/index/{board.info(user, name)[INFO_ID]:x}"


# A page in a mailbox that nobody opens.


def nobody_opens(board: Board, letters: int = 30) -> list[bytes]:
    """Bert's mailbox: a page is damaged, and there is one letter in the log that a fold will come for."""
    for number in range(letters):
        deliver(board.store, ["bert"], b"letter %d" % number)
    board.fold("bert", "INBOX")
    board.idle()
    change(snapshot_of(board, "bert"), -100)
    deliver(board.store, ["bert"], b"later")
    return sorted([b"later", *(b"letter %d" % number for number in range(letters))])


def work(board: Board, until: Callable[[], bool]) -> None:
    """Anna is busy; a repair ends her session."""
    number = 0
    while not until():
        number += 1
        with opened(board.store, "anna", "INBOX") as box:
            box.change_flags([1], SEEN * (number & 1), SEEN * (~number & 1))
        assert number < 4000


def is_stuck(board: Board) -> bool:
    """Bert's records are the oldest in a log that needs their room."""
    log = board.store.log
    first = board.info("bert", "INBOX")[INFO_COUNTERS][FIRST_SECTOR]
    return log.tail == first and log.sector - log.tail + 1 > log.device.sectors - _SPARE_SECTORS


@pytest.fixture(params=[120, 1400], ids=["8 sectors", "10 sectors"])
def large(request: pytest.FixtureRequest) -> Iterator[Board]:
    board = Board(request.param)
    assert board.store.log.device.sectors == (8 if request.param == 120 else 10)
    deliver(board.store, ["anna"], b"of anna")
    yield board
    board.flash.release()


def test_others_work_until_its_records_are_the_oldest(large: Board) -> None:
    expected = nobody_opens(large)
    with pytest.raises(StoreUnavailable):
        work(large, lambda: False)
    assert is_stuck(large)
    large.idle()
    assert octets(large) == {("anna", "INBOX"): [b"of anna"], ("bert", "INBOX"): expected}
    sector = large.store.log.sector
    work(large, lambda: large.store.log.sector > sector + 2 * large.store.log.device.sectors)
    large.start()
    assert octets(large)["bert", "INBOX"] == expected


def test_others_never_wait_if_there_is_idle_time(large: Board) -> None:
    expected = nobody_opens(large)

    def goes_round() -> bool:
        large.store.maintain()
        return large.store.log.sector > 2 * large.store.log.device.sectors

    work(large, goes_round)
    assert octets(large)["bert", "INBOX"] == expected
    assert large.reports[-1] == "repair: 28 letters are back"


def test_it_is_repaired_after_a_restart_as_well(large: Board) -> None:
    expected = nobody_opens(large)
    with pytest.raises(StoreUnavailable):
        work(large, lambda: False)
    large.start()
    large.idle()
    work(large, lambda: large.store.log.sector > 20)
    assert octets(large)["bert", "INBOX"] == expected


def test_a_cut_at_that_moment_does_not_stop_the_repair(board: Board) -> None:
    """The log has to be settled as well, which needs the room that the damaged mailbox holds."""
    deliver(board.store, ["anna"], b"of anna")
    expected = nobody_opens(board)
    with pytest.raises(StoreUnavailable):
        work(board, lambda: False)
    log = board.store.log
    half = (board.flash.device.blocks + log.sector % log.device.sectors) * BLOCK + log.position
    board.flash.chip.image[half : half + 20] = bytes(20)
    board.start()
    assert board.store.log.dirty
    board.idle()
    assert not board.store.log.dirty
    assert octets(board)["bert", "INBOX"] == expected
    work(board, lambda: board.store.log.sector > 20)


def test_asking_for_its_status_is_enough(board: Board) -> None:
    expected = nobody_opens(board)
    board.start()
    assert board.store.status("bert", "INBOX")[0] == 3
    board.idle()
    assert board.store.status("bert", "INBOX")[0] == 31
    assert octets(board)["bert", "INBOX"] == expected


# Whose letters they are.


def lose_pages_of_both(board: Board) -> None:
    for user in ("anna", "bert"):
        board.fold(user, "INBOX")
        change(snapshot_of(board, user), -20)
    board.start()
    for user in ("anna", "bert"):
        with opened(board.store, user, "INBOX"):
            pass
    board.idle()


def test_letters_go_back_to_their_own_user(board: Board) -> None:
    for number in range(5):
        deliver(board.store, ["anna"], b"of anna %d" % number)
        deliver(board.store, ["bert"], b"of bert %d" % number)
    deliver(board.store, ["anna", "bert"], b"of both")
    # Their trailers name other mailboxes of the same user.
    append(board.store, "bert", "Sent", b"moved by bert")
    with opened(board.store, "bert", "Sent") as box:
        box.move([1], board.info("bert", "INBOX")[INFO_ID])
    lose_pages_of_both(board)
    assert octets(board) == {
        ("anna", "INBOX"): sorted([b"of both", *(b"of anna %d" % number for number in range(5))]),
        ("bert", "INBOX"): sorted([b"moved by bert", b"of both", *(b"of bert %d" % number for number in range(5))]),
    }


def test_a_letter_that_may_be_of_either_goes_to_neither(board: Board) -> None:
    """The mailbox that its trailer names is gone."""
    board.store.create("bert", "Lists")
    slot = len(board.slots())
    append(board.store, "bert", "Lists", b"of bert")
    with opened(board.store, "bert", "Lists") as box:
        box.move([1], board.info("bert", "INBOX")[INFO_ID])
    deliver(board.store, ["anna"], b"of anna")
    board.store.delete("bert", "Lists")
    board.idle()
    assert board.store.catalogue.dying() is None
    lose_pages_of_both(board)
    for _ in range(2):
        assert octets(board) == {("anna", "INBOX"): [b"of anna"]}
        assert content(board.store, slot) == b"of bert"
        assert board.store.slots.get(slot) == 1
        board.start()
        board.idle()
    assert "nobody knows whose letter 1 is: it stays where it is" in board.reports


# A repair that fails.

LOST = 1
EXPECTED = {
    ("anna", "INBOX"): [b"letter %d" % number for number in range(4)],
    ("anna", "Sent"): [b"sent"],
    ("bert", "INBOX"): [b"letter %d" % number for number in range(4) if number != LOST],
}


def fill(board: Board) -> None:
    for number in range(4):
        # The one that will be lost has one recipient.
        deliver(board.store, ["anna"] if number == LOST else ["anna", "bert"], b"letter %d" % number)
    append(board.store, "anna", "Sent", b"sent")


def lose_a_record(board: Board) -> None:
    fill(board)
    spoil_record(board, records.ADD, LOST)


def lose_a_page(board: Board) -> None:
    fill(board)
    board.fold("anna", "INBOX")
    change(snapshot_of(board, "anna"), -20)


def lose_a_head(board: Board) -> None:
    lose_a_page(board)
    # Its page is as it was.
    change(snapshot_of(board, "anna"), -20)
    change(snapshot_of(board, "anna"), 20)


def notice(board: Board) -> None:
    """What is damaged is met in some way or other."""
    with opened(board.store, "anna", "INBOX"):
        pass


def wait(board: Board) -> None:
    for _ in range(_REPAIR_PAUSE + IDLE):
        board.store.maintain()


@pytest.mark.parametrize("error", [MemoryError(), OSError(EIO, "")], ids=["memory", "EIO"])
@pytest.mark.parametrize("lose", [lose_a_record, lose_a_page, lose_a_head], ids=["record", "page", "head"])
def test_whichever_call_of_a_repair_fails_it_is_tried_again(
    board: Board, monkeypatch: pytest.MonkeyPatch, lose: Callable[[Board], None], error: Exception
) -> None:
    lose(board)
    image = bytes(board.flash.chip.image)
    faults = Faults(monkeypatch, error)
    number = 0
    struck = True
    while struck:
        number += 1
        board.flash.chip.image[:] = image
        board.start()
        notice(board)
        faults.left = number
        board.idle()
        struck = faults.disarm()
        wait(board)
        assert octets(board) == EXPECTED, number
        board.start()
        board.idle()
        assert octets(board) == EXPECTED, number
        assert board.flash.system.open_files == set()
    assert number > 40


class Refused:
    """In place of the repair, which has no memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        monkeypatch.setattr(repair, "repair", self)

    def __call__(self, _store, _damaged: list) -> None:
        self.times += 1
        raise MemoryError


def test_other_idle_work_goes_on_meanwhile(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted mailbox is emptied, and retention and folds are not forgotten."""
    lose_a_record(board)
    board.start()
    board.store.delete("anna", "Sent")
    board.store.set_retention("bert", "INBOX", 0, 1)
    with monkeypatch.context() as patch:
        refused = Refused(patch)
        board.idle()
        assert refused.times == 1
    assert board.store.catalogue.dying() is None
    with opened(board.store, "bert", "INBOX") as box:
        assert [content(board.store, box.letter(index)) for index in range(len(box))] == [b"letter 3"]
    board.store.set_retention("bert", "INBOX", 0, 0)
    wait(board)
    assert octets(board)["anna", "INBOX"] == EXPECTED["anna", "INBOX"]


def test_it_is_not_tried_again_at_once(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_a_record(board)
    board.start()
    with monkeypatch.context() as patch:
        refused = Refused(patch)
        for _ in range(5 * _REPAIR_PAUSE):
            board.store.maintain()
        assert 4 <= refused.times <= 6
        deliver(board.store, ["bert"], b"meanwhile")
    wait(board)
    assert octets(board)["anna", "INBOX"] == EXPECTED["anna", "INBOX"]
    assert octets(board)["bert", "INBOX"] == sorted([*EXPECTED["bert", "INBOX"], b"meanwhile"])


def test_sessions_that_open_the_mailbox_before_it_is_tried_again(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they change stays."""
    lose_a_page(board)
    board.start()
    notice(board)
    with monkeypatch.context() as patch:
        Refused(patch)
        board.store.maintain()
        # Nor is the damage folded away.
        with pytest.raises(StoreUnavailable):
            board.fold("anna", "INBOX")
    append(board.store, "anna", "INBOX", b"new")
    with opened(board.store, "anna", "INBOX") as box:
        assert len(box) == 1
        box.change_flags(uids_of(box), SEEN, 0)
    wait(board)
    rows = letters(board)["anna", "INBOX"]
    assert rows[0][1:] == (str(SEEN), b"new")
    assert octets(board)["anna", "INBOX"] == sorted([b"new", *EXPECTED["anna", "INBOX"]])
