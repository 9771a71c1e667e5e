"""REPLACE (RFC 8508): one letter comes and another one goes in one transaction, or neither."""

import pytest

from postino.store import INFO_ID, INFO_UIDVALIDITY, LetterGone, NoSuchMailbox, OverQuota
from postino.store.catalogue import INFO_COUNTERS, LOG_OCTETS, UIDNEXT
from postino.store.errors import StoreUnavailable
from postino.store.flags import DELETED, DRAFT, SEEN
from postino.store.mailbox import Mailbox
from tests.device.store_driver import View
from tests.support.nor_chip import BLOCK
from tests.unit.store_imap_support import DRAFTS, fill, replace, rows, settled, written
from tests.unit.store_support import DATE, USERS, Board, append, deliver, opened, uids_of

# Octets of a mailbox's own records in the log (docs/limits.md).
MOST_LOGGED = 12288


@pytest.fixture
def filled(board: Board) -> Board:
    return fill(board)


def test_a_draft_is_replaced(filled: Board) -> None:
    with opened(filled.store, *DRAFTS) as box, opened(filled.store, *DRAFTS):
        sequence = filled.store.log.sequence
        validity, uid = replace(filled, box, 2, "Drafts", b"a better one", DRAFT | SEEN)
        assert (validity, uid) == (box.uidvalidity, 4)
        assert filled.store.log.sequence == sequence + 2
        assert uids_of(box) == [1, 3, 4]
        assert box.modseq(2) == box.highest_modseq == sequence + 2
    seen = [(1, b"Drafts 0", 0), (3, b"Drafts 2", 0), (4, b"a better one", DRAFT | SEEN)]
    for turn in range(3):
        assert [row[:3] for row in rows(filled, *DRAFTS)] == seen
        if turn:
            filled.fold(*DRAFTS)
        filled.start()
    assert filled.info(*DRAFTS)[INFO_COUNTERS][UIDNEXT] == 5
    settled(filled)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_draft_that_is_sent_goes_to_another_mailbox(filled: Board, is_open: bool) -> None:
    view = View()
    there = filled.store.open_mailbox(filled.info("anna", "Sent")[INFO_ID], view) if is_open else None
    if there is not None:
        view.attach(there)
    with opened(filled.store, *DRAFTS) as box:
        assert replace(filled, box, 1, "Sent", b"sent", SEEN) == (filled.info("anna", "Sent")[INFO_UIDVALIDITY], 4)
        assert uids_of(box) == [2, 3]
        history = box.vanished_since(box.highest_modseq - 1)
        assert list(history[0]) == [1, 1]
    if there is not None:
        assert view.uids == uids_of(there) == [1, 2, 3, 4]
        there.close(view)
    filled.start()
    assert [row[1] for row in rows(filled, *DRAFTS)] == [b"Drafts 1", b"Drafts 2"]
    assert rows(filled, "anna", "Sent")[-1][:3] == (4, b"sent", SEEN)
    settled(filled)


def test_sessions_hear_of_the_new_letter_first(board: Board) -> None:
    """As after an append and an expunge; they must be able to number the letters at each moment."""
    append(board.store, *DRAFTS, b"old")
    told = []

    class Listener(View):
        def on_added(self, box: Mailbox) -> None:
            told.append(("added", uids_of(box)))
            super().on_added(box)

        def on_expunged(self, uid: int) -> None:
            told.append(("expunged", uid))
            super().on_expunged(uid)

    with opened(board.store, *DRAFTS, Listener()) as box:
        replace(board, box, 1, "Drafts", b"new")
    assert told == [("added", [1]), ("added", [1, 2]), ("expunged", 1)]


def test_the_old_letter_is_gone_in_the_meantime(filled: Board) -> None:
    before = filled.seen()
    with opened(filled.store, *DRAFTS) as box:
        box.expunge([2])
        with pytest.raises(LetterGone):
            replace(filled, box, 2, "Drafts", b"too late")
        with pytest.raises(LetterGone):
            replace(filled, box, 4, "Sent", b"never there")
        assert uids_of(box) == [1, 3]
    assert filled.seen()["anna", "Sent"] == before["anna", "Sent"]
    settled(filled)


def test_the_other_mailbox_is_gone(filled: Board) -> None:
    before = filled.seen()
    letter = written(filled, b"new")[0]
    with opened(filled.store, *DRAFTS) as box:
        with pytest.raises(NoSuchMailbox):
            filled.store.replace(letter, box, 1, 999, 0, DATE)
        letter.abort()
        assert uids_of(box) == [1, 2, 3]
    assert filled.seen() == before
    settled(filled)


def test_the_own_mailbox_is_lost(filled: Board) -> None:
    view = View()
    box = filled.store.open_mailbox(filled.info(*DRAFTS)[INFO_ID], view)
    filled.store.lose(box)
    with pytest.raises(StoreUnavailable):
        replace(filled, box, 1, "Sent", b"new")
    assert view.lost
    settled(filled)


def test_a_letter_that_is_in_other_mailboxes_too_stays_there(board: Board) -> None:
    deliver(board.store, USERS, b"for both")
    with opened(board.store, "anna", "INBOX") as box:
        replace(board, box, 1, "INBOX", b"for anna")
    assert [row[1] for row in rows(board, "bert", "INBOX")] == [b"for both"]
    assert [row[1] for row in rows(board, "anna", "INBOX")] == [b"for anna"]
    settled(board)


def test_a_letter_that_is_being_read_is_read_to_its_end(filled: Board) -> None:
    with opened(filled.store, *DRAFTS) as box:
        reader = filled.store.open_letter(box.letter(1))
        replace(filled, box, 2, "Drafts", b"new")
        octets = bytearray(8)
        assert reader.readinto(octets) == 8 and octets == b"Drafts 1"
        reader.close()
    settled(filled)


def test_a_quota_counts_what_the_old_letter_gives_free(board: Board) -> None:
    append(board.store, *DRAFTS, bytes(9000))
    board.store.quota = 3 * BLOCK
    with opened(board.store, *DRAFTS) as box:
        replace(board, box, 1, "Drafts", bytes(9001))
        with pytest.raises(OverQuota):
            replace(board, box, 2, "Drafts", bytes(13000))
        # Also where less is allowed by now than there is.
        board.store.quota = 2 * BLOCK
        replace(board, box, 2, "Drafts", bytes(9001))
        replace(board, box, 3, "Drafts", b"small")
    assert board.store.used_bytes("anna") == BLOCK
    settled(board)


def test_many_times_over(board: Board) -> None:
    """A client that saves a draft every minute: the log comes round, and nothing is left of the old ones.

    No idle work is done: what the mailbox has in the log stays within its bound all the same.
    """
    append(board.store, *DRAFTS, b"draft 0", DRAFT)
    with opened(board.store, *DRAFTS) as box:
        for number in range(1, 200):
            replace(board, box, number, "Drafts", b"draft %d" % number, DRAFT | (DELETED if number % 2 else 0))
            assert board.info(*DRAFTS)[INFO_COUNTERS][LOG_OCTETS] <= MOST_LOGGED
        assert uids_of(box) == [200]
    assert [row[1] for row in rows(board, *DRAFTS)] == [b"draft 199"]
    settled(board)
