"""Modification sequences and the history of expunged UIDs (RFC 7162), and folds, which must leave all as it was."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from postino.store import INFO_ID, LimitReached, OverQuota, StoreError, contents, files, fold
from postino.store.contents import MAX_HISTORY
from postino.store.flags import FLAGGED, SEEN
from tests.device.store_driver import history_of, names_of
from tests.unit.store_support import Board, append, deliver, opened, uids_of


def highest(board: Board, name: str = "INBOX") -> int:
    with opened(board.store, "anna", name) as box:
        return box.highest_modseq


def modseqs(board: Board, name: str = "INBOX") -> list[int]:
    with opened(board.store, "anna", name) as box:
        return [box.modseq(index) for index in range(len(box))]


# Modification sequences.


def test_an_empty_mailbox_has_one(board: Board) -> None:
    """RFC 7162 section 3.1.2.1: it is greater than 0."""
    assert highest(board) >= 1


def changing(do: Callable, touched: set[int]):
    return pytest.param(do, touched, id=do.__name__)


def flags(board: Board, box) -> None:
    box.change_flags([2], SEEN, 0)


def other_flags(board: Board, box) -> None:
    box.set_flags([1, 3], FLAGGED)


def delivery(board: Board, box) -> None:
    deliver(board.store, ["anna", "bert"])


def appended(board: Board, box) -> None:
    append(board.store, "anna", "INBOX")


def expunge(board: Board, box) -> None:
    box.expunge([2])


def copy(board: Board, box) -> None:
    box.copy([1, 2], box.id)


def move(board: Board, box) -> None:
    box.move([1, 2], board.info("anna", "Archive")[INFO_ID])


@pytest.mark.parametrize(
    ("do", "touched"),
    [
        changing(flags, {2}),
        changing(other_flags, {1, 3}),
        changing(delivery, {4}),
        changing(appended, {4}),
        changing(expunge, set()),
        changing(copy, {4, 5}),
        changing(move, set()),
    ],
)
def test_every_change_has_a_higher_one(board: Board, do: Callable, touched: set[int]) -> None:
    for _ in range(3):
        deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        before = dict(zip(uids_of(box), modseqs(board), strict=True))
        old = box.highest_modseq
        assert old == max(before.values())
        do(board, box)
        after = dict(zip(uids_of(box), modseqs(board), strict=True))
        assert box.highest_modseq > old
        for uid, modseq in after.items():
            assert modseq == (box.highest_modseq if uid in touched else before[uid])
    found = board.seen()
    board.start()
    assert board.seen() == found
    board.fold("anna", "INBOX")
    assert board.seen() == found


def test_what_changes_nothing_leaves_it(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.change_flags([1], SEEN, 0)
        before = box.highest_modseq
        box.change_flags([1], SEEN, FLAGGED)
        box.expunge([7])
        assert box.highest_modseq == before
    # What happens elsewhere does not matter.
    deliver(board.store, ["bert"])
    append(board.store, "anna", "Sent")
    assert highest(board) == before
    board.start()
    assert highest(board) == before


def test_a_mailbox_that_nobody_has_open_changes_too(board: Board) -> None:
    deliver(board.store, ["anna"])
    first = highest(board)
    deliver(board.store, ["anna"])
    assert modseqs(board) == [first, highest(board)]
    assert highest(board) > first


def test_it_does_not_fall_with_the_last_letter(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge([1])
        last = box.highest_modseq
    for _ in range(3):
        assert highest(board) == last
        board.fold("anna", "INBOX")
        board.idle()
        board.store.close()
        board.start()


# The history.


def history(board: Board, name: str = "INBOX") -> tuple[list, int]:
    """Runs of expunged UIDs with their modification sequences, and the floor."""
    with opened(board.store, "anna", name) as box:
        return history_of(box.contents), box.contents.floor


def test_expunged_uids_are_remembered(board: Board) -> None:
    for _ in range(9):
        deliver(board.store, ["anna"])
    expected = []
    with opened(board.store, "anna", "INBOX") as box:
        for uids, runs in (([2, 3, 5], [(2, 3), (5, 5)]), ([4, 6], [(4, 4), (6, 6)]), ([9], [(9, 9)])):
            box.expunge(uids)
            expected += [[*run, box.highest_modseq] for run in runs]
    for _ in range(2):
        assert history(board) == (expected, 0)
        board.start()
        assert history(board) == (expected, 0)
        board.fold("anna", "INBOX")


def test_a_moved_letter_is_remembered(board: Board) -> None:
    for _ in range(4):
        deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.move([1, 2, 4], board.info("anna", "Archive")[INFO_ID])
        assert history(board) == ([[1, 2, box.highest_modseq], [4, 4, box.highest_modseq]], 0)
        assert history(board, "Archive") == ([], 0)


@pytest.mark.parametrize("folded", [False, True], ids=["from the log", "from snapshots"])
def test_a_full_history_forgets_the_oldest_and_says_so(board: Board, folded: bool) -> None:
    deliver(board.store, ["anna"])
    gone = {}
    with opened(board.store, "anna", "INBOX") as box:
        for _ in range(8):
            box.copy(uids_of(box), box.id)
        for uid in range(2, 202, 2):
            box.expunge([uid])
            gone[uid] = box.highest_modseq
            if folded and uid % 20 == 0:
                board.fold("anna", "INBOX")
    for _ in range(2):
        runs, floor = history(board)
        assert len(runs) == MAX_HISTORY
        assert runs == [[uid, uid, gone[uid]] for uid in list(gone)[-MAX_HISTORY:]]
        # Complete above the floor.
        assert floor == gone[list(gone)[-MAX_HISTORY - 1]]
        board.start()


# Folds.


@pytest.fixture
def busy(board: Board) -> Board:
    """A mailbox of several pages with everything in it: in its snapshot, and later in the log."""
    for number in range(8):
        deliver(board.store, ["anna"], b"%d" % number)
    with opened(board.store, "anna", "INBOX") as box:
        for _ in range(4):
            box.copy(uids_of(box), box.id)
        for number in range(5):
            bit = box.keyword_bit(f"kw{number}", True)
            box.change_flags(uids_of(box)[number::7], bit | 1 << number, 0)
        box.expunge(range(3, 100, 11))
        box.claim_recent()
        board.fold("anna", "INBOX")
        change(board, box)
    board.store.set_retention("anna", "INBOX", 3, 400)
    # A cut would forget who has seen what.
    board.store.keeper.write_state()
    return board


def change(board: Board, box) -> None:
    append(board.store, "anna", "INBOX", b"new", SEEN)
    bit = box.keyword_bit("later", True)
    box.change_flags(uids_of(box)[::9], bit, SEEN)
    box.copy(uids_of(box)[-3:], box.id)
    box.expunge(uids_of(box)[::13])


def snapshot_says(board: Board) -> dict:
    """What is found when the store starts and there is nothing in the log but what others did."""
    board.store.keeper.write_state()
    board.start()
    return board.seen()


def test_a_fold_leaves_all_as_it_was(busy: Board) -> None:
    before = busy.seen()
    assert len(before["anna", "INBOX"]["entries"]) > 100
    busy.fold("anna", "INBOX")
    assert busy.seen() == before
    assert snapshot_says(busy) == before
    busy.fold("anna", "INBOX")
    assert snapshot_says(busy) == before


@pytest.mark.parametrize("at", range(0, 8, 2))
def test_a_fold_in_slices_does_not_mind_what_happens_between(busy: Board, at: int) -> None:
    with opened(busy.store, "anna", "INBOX") as box:
        job = fold.Fold(busy.store, busy.info("anna", "INBOX"))
        number = 0
        while job.step():
            if number == at // 2:
                change(busy, box)
            number += 1
        if at:
            change(busy, box)
    before = busy.seen()
    assert snapshot_says(busy) == before
    busy.idle()
    assert snapshot_says(busy) == before


def test_an_idle_fold_goes_in_slices(busy: Board) -> None:
    with opened(busy.store, "anna", "INBOX") as box:
        number = 0
        while busy.store.keeper._fold is None:
            box.change_flags(uids_of(box)[::3], FLAGGED * (number & 1), FLAGGED * (~number & 1))
            busy.store.maintain()
            number += 1
            assert number < 2000
        half = f"{busy.store.keeper._fold.info[INFO_ID]:x}.new"
        assert half in files.names_in("/index")
        change(busy, box)
    before = busy.seen()
    # A cut leaves the half-made one, which is never read.
    busy.start()
    assert busy.seen() == before
    busy.idle()
    assert half not in files.names_in("/index")
    assert busy.seen() == before


def come_round(board: Board) -> None:
    """So much happens elsewhere that the log has nothing of anna any more."""
    log = board.store.log
    until = log.sector + 2 * log.device.sectors
    number = 0
    while log.sector < until:
        number += 1
        board.store.subscribe("bert", "INBOX", bool(number & 1))
        if number % 30 == 0:
            board.idle()


def end_of_the_fold(board: Board) -> None:
    """And nothing from before it is left in the log."""
    while board.store.keeper._fold is not None:
        board.store.maintain()
    come_round(board)


def refused_change(board: Board, box, bit: int) -> None:
    """A combination too many: the keyword stays with the mailbox, but has not been stored."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "MAX_SETS", 1)
        with pytest.raises(LimitReached):
            box.change_flags([7], bit, 0)


def refused_append(board: Board, box, bit: int) -> None:
    board.store.quota = 1
    with pytest.raises(OverQuota):
        append(board.store, "anna", "INBOX", b"refused", bit)
    board.store.quota = 0


@pytest.mark.parametrize("refused", [refused_change, refused_append])
@pytest.mark.parametrize("move", [False, True], ids=["copy", "move"])
def test_a_keyword_that_a_transfer_stores_survives_a_fold(board: Board, refused: Callable, move: bool) -> None:
    """The fold of the source began before: its snapshot lacks the keyword."""
    for number in range(60):
        deliver(board.store, ["anna"], b"%d" % number)
    board.fold("anna", "INBOX")
    deliver(board.store, ["anna"], b"late")
    with opened(board.store, "anna", "INBOX") as box:
        bit = box.keyword_bit("work", True)
        board.store.keeper._fold = fold.Fold(board.store, board.info("anna", "INBOX"), 1)
        board.store.maintain()
        refused(board, box, bit)
        (box.move if move else box.copy)([1], board.info("anna", "Archive")[INFO_ID])
        end_of_the_fold(board)
        box.change_flags([5], bit, 0)
    assert_the_keyword_is_kept(board, "INBOX")


@pytest.mark.parametrize("move", [False, True], ids=["copy", "move"])
@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "open"])
def test_a_keyword_that_a_transfer_brings_survives_a_fold(board: Board, is_open: bool, move: bool) -> None:
    """The fold of the target began before."""
    for number in range(60):
        append(board.store, "anna", "Archive", b"%d" % number)
    board.fold("anna", "Archive")
    append(board.store, "anna", "Archive", b"late")
    deliver(board.store, ["anna"])
    archive = board.info("anna", "Archive")
    with opened(board.store, "anna", "INBOX") as box, ExitStack() as stack:
        if is_open:
            stack.enter_context(opened(board.store, "anna", "Archive"))
        box.change_flags([1], box.keyword_bit("work", True), 0)
        board.store.keeper._fold = fold.Fold(board.store, archive, 1)
        board.store.maintain()
        (box.move if move else box.copy)([1], archive[INFO_ID])
        end_of_the_fold(board)
    with opened(board.store, "anna", "Archive") as box:
        box.change_flags([5], box.keyword_bit("work", True), 0)
    assert_the_keyword_is_kept(board, "Archive")


def assert_the_keyword_is_kept(board: Board, name: str) -> None:
    """The letter that got it later has it, and no other one gets its number."""
    board.start()
    with opened(board.store, "anna", name) as box:
        box.change_flags([6], box.keyword_bit("other", True), 0)
        kept = {box.uid(index): names_of(box, index) for index in range(len(box)) if box.uid(index) in (5, 6)}
        assert kept == {5: ["work"], 6: ["other"]}


def test_a_fold_of_a_mailbox_that_goes_is_given_up(busy: Board) -> None:
    append(busy.store, "anna", "Sent")
    with opened(busy.store, "anna", "Sent") as box:
        for _ in range(6):
            box.copy(uids_of(box), box.id)
    info = busy.info("anna", "Sent")
    busy.store.keeper._fold = fold.Fold(busy.store, info)
    busy.store.maintain()
    busy.store.delete("anna", "Sent")
    before = busy.seen()
    busy.idle()
    assert busy.seen() == before
    assert not [name for name in files.names_in("/index") if name.startswith(f"{info[INFO_ID]:x}")]


def test_a_fold_that_fails_leaves_the_old_snapshot(busy: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    before = busy.seen()

    def refused(_old: str, _new: str) -> None:
        raise OSError(5, "")

    rename = files.rename
    monkeypatch.setattr(files, "rename", refused)
    with pytest.raises((OSError, StoreError)):
        busy.fold("anna", "INBOX")
    monkeypatch.setattr(files, "rename", rename)
    assert busy.seen() == before
    assert snapshot_says(busy) == before
