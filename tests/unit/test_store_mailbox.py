"""An open mailbox: flags, keywords, recent letters, UIDs, copies and moves, and what its sessions are told."""

import pytest

from postino.store import INFO_ID, INFO_UIDVALIDITY, LimitReached, NoSuchMailbox, StoreUnavailable, contents
from postino.store.flags import DELETED, FLAGGED, KEYWORD_SHIFT, MAX_KEYWORD_BYTES, MAX_KEYWORDS, SEEN
from postino.store.table import MAX_SETS
from tests.device.store_driver import View, history_of, names_of
from tests.unit.store_support import Board, append, content, deliver, opened, uids_of


def session(board: Board, box) -> View:
    """One more session that has this mailbox open."""
    view = View()
    assert board.store.open_mailbox(box.id, view) is box
    view.attach(box)
    return view


# What sessions are told.


def test_sessions_are_told_of_flags(board: Board) -> None:
    for _ in range(2):
        deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        one, two = session(board, box), session(board, box)
        box.change_flags([1], SEEN, 0, one)
        box.change_flags([1, 2], SEEN, 0, one)
        # Who asked hears of all letters, the others of those that have changed.
        assert (one.heard, two.heard) == ([1, 1, 2], [1, 2])
        before = board.operations()
        box.change_flags([1, 2], SEEN, 0, two)
        assert board.operations() == before
        assert two.heard == [1, 2, 1, 2]
        box.set_flags([1], FLAGGED | 1 << 5)
        assert (box.flags(0), box.flags(1)) == (FLAGGED, SEEN)
        for view in (one, two):
            assert view.flags == {1: [str(FLAGGED)], 2: [str(SEEN)]}
            box.close(view)


def test_sessions_are_told_of_letters(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        view = session(board, box)
        append(board.store, "anna", "INBOX", b"2", SEEN)
        box.copy([1], box.id)
        box.expunge([2])
        assert view.uids == [1, 3]
        with opened(board.store, "anna", "Archive") as archive:
            other = session(board, archive)
            box.move([3], archive.id)
            assert (view.uids, other.uids) == ([1], [1])
            archive.close(other)
        box.close(view)


def test_the_last_session_frees_the_table(board: Board) -> None:
    with opened(board.store, "anna", "INBOX") as box:
        view = session(board, box)
        box.close(view)
        box.close(view)
        assert board.store.open_boxes == {box.id: box}
    assert board.store.open_boxes == {}


def test_sessions_of_a_deleted_mailbox_have_lost_it(board: Board) -> None:
    board.store.create("anna", "Lists")
    append(board.store, "anna", "Lists")
    view = View()
    box = board.store.open_mailbox(board.info("anna", "Lists")[INFO_ID], view)
    view.attach(box)
    board.store.delete("anna", "Lists")
    assert view.lost
    assert len(box) == 0
    assert (box.index_of(1), box.lower_bound(1)) == (-1, 0)
    calls = (
        lambda: box.expunge([1]),
        lambda: box.change_flags([1], SEEN, 0),
        lambda: box.copy([1], 1),
        lambda: box.move([1], 1),
        lambda: box.uid(0),
    )
    for call in calls:
        with pytest.raises(StoreUnavailable):
            call()
    box.close(view)
    with pytest.raises(NoSuchMailbox):
        board.store.open_mailbox(box.id, view)


def test_the_end_of_the_store_takes_the_mailboxes_with_it(board: Board) -> None:
    deliver(board.store, ["anna"])
    view = View()
    box = board.store.open_mailbox(board.info("anna", "INBOX")[INFO_ID], view)
    board.store.close()
    assert view.lost and len(box) == 0
    assert board.store.open_boxes == {}


# Flags and keywords.


def test_flags_survive_a_restart(board: Board) -> None:
    for _ in range(3):
        deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.change_flags([1, 2, 3], SEEN | DELETED, 0)
        # UIDs in no order, twice, and not there.
        box.change_flags([3, 1, 9, 3], FLAGGED, DELETED)
        expected = [SEEN | FLAGGED, SEEN | DELETED, SEEN | FLAGGED]
        assert [box.flags(index) for index in range(3)] == expected
    board.start()
    with opened(board.store, "anna", "INBOX") as box:
        assert [box.flags(index) for index in range(3)] == expected


def test_there_are_32_keywords(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        assert box.keyword_bit("$MDNSent") == 0
        bits = [box.keyword_bit(f"kw{number}", True) for number in range(MAX_KEYWORDS)]
        assert bits == [1 << KEYWORD_SHIFT + number for number in range(32)]
        assert box.keyword_bit("one-more", True) == 0
        assert box.keyword_bit("KW3", True) == bits[3]
        box.change_flags([1], bits[31] | bits[3], 0)
        board.fold("anna", "INBOX")
        box.change_flags([1], bits[7], bits[3])
    for _ in range(2):
        board.start()
        with opened(board.store, "anna", "INBOX") as box:
            assert names_of(box, 0) == ["kw31", "kw7"]
            assert box.keywords == [f"kw{number}" for number in range(32)]
        board.fold("anna", "INBOX")


def test_a_keyword_has_so_many_octets(board: Board) -> None:
    with opened(board.store, "anna", "INBOX") as box:
        assert box.keyword_bit("é" * (MAX_KEYWORD_BYTES // 2) + "x", True) == 0
        assert box.keyword_bit("é" * (MAX_KEYWORD_BYTES // 2), True)


def test_keywords_that_nobody_has_set_are_not_stored(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.keyword_bit("idea", True)
    board.start()
    with opened(board.store, "anna", "INBOX") as box:
        assert box.keywords == []


def test_too_many_combinations_of_keywords_change_nothing(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        bits = [box.keyword_bit(f"kw{number}", True) for number in range(12)]
        box.contents.sets.extend(range(1, MAX_SETS))
        before = board.operations()
        with pytest.raises(LimitReached):
            box.change_flags([1], bits[10] | bits[11], 0)
        # The keywords are not new to the mailbox any more only once they have been stored.
        assert board.operations() == before
        assert box.flags(0) == 0
        box.change_flags([1], bits[9], 0)
        assert names_of(box, 0) == ["kw9"]
    board.start()
    with opened(board.store, "anna", "INBOX") as box:
        assert names_of(box, 0) == ["kw9"]


@pytest.fixture
def many(board: Board, monkeypatch: pytest.MonkeyPatch) -> Board:
    """In place of 1,024 combinations of keywords a mailbox takes eight, none included: Sent has seven, INBOX others."""
    monkeypatch.setattr(contents, "MAX_SETS", 8)
    for name, first in (("Sent", 1), ("INBOX", 8)):
        for _ in range(7):
            append(board.store, "anna", name)
        with opened(board.store, "anna", name) as box:
            bits = [box.keyword_bit(f"kw{number}", True) for number in range(4)]
            for uid in range(1, 8):
                wanted = first + uid - 1
                box.change_flags([uid], sum(bit for number, bit in enumerate(bits) if wanted >> number & 1), 0)
    return board


def combination(number: int) -> list[str]:
    return [f"kw{bit}" for bit in range(4) if number >> bit & 1]


def keywords_of(box) -> list[list[str]]:
    return [[name for name in names_of(box, index) if name.startswith("kw")] for index in range(len(box))]


@pytest.mark.parametrize("folded", [False, True], ids=["log", "snapshot"])
@pytest.mark.parametrize("move", [False, True], ids=["copied", "moved"])
def test_too_many_combinations_in_a_closed_mailbox_leave_it_usable(many: Board, move: bool, folded: bool) -> None:
    """Those that are too many are not shown, and are when there are fewer."""
    sent = many.info("anna", "Sent")[INFO_ID]
    with opened(many.store, "anna", "INBOX") as box:
        (box.move if move else box.copy)(range(1, 8), sent)
    if folded:
        many.fold("anna", "Sent")
    for _ in range(2):
        with opened(many.store, "anna", "Sent") as box:
            assert keywords_of(box) == [combination(number) for number in range(1, 8)] + [[]] * 7
        many.start()
    with opened(many.store, "anna", "Sent") as box:
        box.change_flags([14], SEEN, 0)
        box.expunge(range(1, 8))
    many.fold("anna", "Sent")
    many.start()
    with opened(many.store, "anna", "Sent") as box:
        assert keywords_of(box) == [combination(number) for number in range(8, 15)]
        assert box.flags(6) & SEEN


def test_too_many_combinations_in_an_open_mailbox_are_refused(many: Board) -> None:
    sent = many.info("anna", "Sent")[INFO_ID]
    with opened(many.store, "anna", "Sent") as target, opened(many.store, "anna", "INBOX") as box:
        before = many.seen()
        for do in (box.copy, box.move):
            with pytest.raises(LimitReached):
                do(range(1, 8), sent)
        assert many.seen() == before
        assert len(target) == 7


def test_keywords_go_with_a_copy(board: Board) -> None:
    """Every mailbox numbers its keywords itself."""
    for _ in range(2):
        deliver(board.store, ["anna"])
    append(board.store, "anna", "Archive")
    with opened(board.store, "anna", "Archive") as archive:
        archive.change_flags([1], archive.keyword_bit("own", True), 0)
    with opened(board.store, "anna", "INBOX") as box:
        box.change_flags([1], box.keyword_bit("$Junk", True) | FLAGGED, 0)
        box.change_flags([1, 2], box.keyword_bit("own", True), 0)
        box.copy([1], board.info("anna", "Archive")[INFO_ID])
        with opened(board.store, "anna", "Archive") as archive:
            box.move([2], archive.id)
    expected = [["own"], ["$junk", str(FLAGGED), "own"], ["own"]]
    for _ in range(2):
        with opened(board.store, "anna", "Archive") as archive:
            assert [names_of(archive, index) for index in range(3)] == expected
            assert archive.keywords == ["own", "$Junk"]
        board.start()


def test_a_keyword_that_the_target_does_not_take_stays_behind(board: Board) -> None:
    deliver(board.store, ["anna"])
    append(board.store, "anna", "Archive")
    with opened(board.store, "anna", "Archive") as archive:
        bits = [archive.keyword_bit(f"kw{number}", True) for number in range(32)]
        archive.change_flags([1], bits[0], 0)
    with opened(board.store, "anna", "INBOX") as box:
        box.change_flags([1], box.keyword_bit("33rd", True) | box.keyword_bit("kw5", True), 0)
        box.copy([1], board.info("anna", "Archive")[INFO_ID])
        assert names_of(box, 0) == ["33rd", "kw5"]
    board.start()
    with opened(board.store, "anna", "Archive") as archive:
        assert [names_of(archive, index) for index in range(2)] == [["kw0"], ["kw5"]]


# Recent letters and UIDs.


def test_recent_is_claimed_once_and_kept_at_the_end(board: Board) -> None:
    for _ in range(2):
        deliver(board.store, ["anna"])
    assert board.store.status("anna", "INBOX")[1] == 2
    with opened(board.store, "anna", "INBOX") as box:
        assert (box.claim_recent(), box.claim_recent()) == (1, 3)
        deliver(board.store, ["anna"])
        assert box.recent_from == 3
    validity = board.info("anna", "INBOX")[INFO_UIDVALIDITY]
    for _ in range(2):
        assert board.store.status("anna", "INBOX")[:5] == (3, 1, 4, validity, 3)
        board.store.close()
        board.start()


def test_after_a_cut_letters_may_be_recent_again(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.claim_recent()
    assert board.store.status("anna", "INBOX")[1] == 0
    board.start()
    assert board.store.status("anna", "INBOX")[1] == 1


def test_uidnext_survives_the_expunge_of_the_last(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge([1])
    for _ in range(3):
        assert board.store.status("anna", "INBOX")[2] == 2
        board.start()
        board.fold("anna", "INBOX")
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        assert uids_of(box) == [2]


# Copies and moves.


@pytest.mark.parametrize("move", [False, True], ids=["copy", "move"])
def test_into_itself_it_leaves_the_new_letters_alone(board: Board, move: bool) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        validity, uids = (box.move if move else box.copy)([1, 2, 3], box.id)
        assert (validity, list(uids)) == (box.uidvalidity, [2])
        assert uids_of(box) == ([2] if move else [1, 2])
    board.start()
    with opened(board.store, "anna", "INBOX") as box:
        assert uids_of(box) == ([2] if move else [1, 2])


@pytest.mark.parametrize("move", [False, True], ids=["copy", "move"])
def test_of_letters_that_are_not_there_nothing_is_written(board: Board, move: bool) -> None:
    deliver(board.store, ["anna"])
    before = board.operations()
    with opened(board.store, "anna", "INBOX") as box:
        validity, uids = (box.move if move else box.copy)([7, 9], board.info("anna", "Trash")[INFO_ID])
        assert (validity, list(uids)) == (board.info("anna", "Trash")[INFO_UIDVALIDITY], [])
        with pytest.raises(NoSuchMailbox):
            box.copy([1], 99)
        assert board.operations() == before
        # Expunged by another session meanwhile.
        _, uids = box.copy([9, 1], board.info("anna", "Trash")[INFO_ID])
        assert list(uids) == [1]


def test_a_move_is_one_transaction(board: Board) -> None:
    """However many letters it has."""
    deliver(board.store, ["anna"], b"moved")
    with opened(board.store, "anna", "INBOX") as box:
        for _ in range(7):
            box.copy(uids_of(box), box.id)
        _, uids = box.move(uids_of(box), board.info("anna", "Archive")[INFO_ID])
        assert (len(uids), len(box)) == (128, 0)
    board.start()
    with opened(board.store, "anna", "Archive") as archive, opened(board.store, "anna", "INBOX") as box:
        assert uids_of(archive) == list(range(1, 129))
        assert content(board.store, archive.letter(127)) == b"moved"
        # What went out there and what came in here has one sequence number.
        assert {archive.modseq(index) for index in range(128)} == {archive.highest_modseq}
        assert history_of(box.contents) == [[1, 128, archive.highest_modseq]]
