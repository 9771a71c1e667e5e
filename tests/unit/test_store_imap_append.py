"""MULTIAPPEND (RFC 3502): several letters get into a mailbox in one transaction, or none."""

import pytest

from postino.store import INFO_ID, INFO_UIDVALIDITY, LimitReached, NoSuchMailbox, OverQuota
from postino.store.catalogue import INFO_COUNTERS, LOG_OCTETS
from postino.store.delivery import MOST_LETTERS
from postino.store.errors import StoreUnavailable
from postino.store.flags import DRAFT, FLAGGED, SEEN
from postino.store.mailbox import Mailbox
from tests.device.store_driver import View
from tests.support.nor_chip import BLOCK
from tests.unit.store_imap_support import DRAFTS, append_all, rows, settled, written
from tests.unit.store_support import DATE, USERS, Board, append, deliver, opened, uids_of


@pytest.mark.parametrize("is_open", [False, True])
def test_all_get_in_at_once(board: Board, is_open: bool) -> None:
    append(board.store, "anna", "Sent", b"before")
    view = View()
    box = board.store.open_mailbox(board.info("anna", "Sent")[INFO_ID], view) if is_open else None
    if box is not None:
        view.attach(box)
    sequence = board.store.log.sequence
    validity, uids = append_all(board, "anna", "Sent", b"one", bytes(5000), b"", flags=SEEN | FLAGGED)
    assert (validity, list(uids)) == (board.info("anna", "Sent")[INFO_UIDVALIDITY], [2, 3, 4])
    # Three letters on their way, and one transaction.
    assert board.store.log.sequence == sequence + 4
    if box is not None:
        assert view.uids == uids_of(box) == [1, 2, 3, 4]
        assert len({box.modseq(index) for index in (1, 2, 3)}) == 1
        assert box.highest_modseq == box.modseq(3) == board.store.status("anna", "Sent")[7]
        box.close(view)
    wanted = [(2, b"one", DATE), (3, bytes(5000), DATE + 1), (4, b"", DATE + 2)]
    for turn in range(3):
        found = rows(board, "anna", "Sent")[1:]
        assert [(uid, octets, date) for uid, octets, _, date in found] == wanted
        assert {flags for _, _, flags, _ in found} == {SEEN | FLAGGED}
        if turn:
            board.fold("anna", "Sent")
        board.start()
    settled(board)


def test_sessions_are_told_once(board: Board) -> None:
    told = []

    class Listener(View):
        def on_added(self, box: Mailbox) -> None:
            told.append(len(box))
            super().on_added(box)

    with opened(board.store, "anna", "Sent", Listener()):
        append_all(board, "anna", "Sent", b"one", b"two", b"three")
    assert told == [0, 3]


def test_each_with_its_own_flags(board: Board) -> None:
    with opened(board.store, *DRAFTS) as box:
        work = box.keyword_bit("work", True)
        private = box.keyword_bit("private", True)
        letters = written(board, b"one", b"two", b"three")
        masks = (DRAFT | work, SEEN | work | private, 0)
        items = [(letter, mask, 0) for letter, mask in zip(letters, masks, strict=True)]
        board.store.append_all(box.id, items)
        assert [box.flags(index) for index in range(3)] == list(masks)
        assert box.keywords == ["work", "private"]
    board.start()
    assert [flags for _, _, flags, _ in rows(board, *DRAFTS)] == list(masks)
    settled(board)


def test_dates_that_32_bits_do_not_hold(board: Board) -> None:
    letters = written(board, b"one", b"two")
    items = [(letters[0], 0, -5), (letters[1], 0, 1 << 40)]
    board.store.append_all(board.info(*DRAFTS)[INFO_ID], items)
    assert [date for _, _, _, date in rows(board, *DRAFTS)] == [0, 0xFFFFFFFF]


def test_a_letter_whose_file_was_closed_at_once(board: Board) -> None:
    """Others come in while it waits, each with a number of its own."""
    mailbox = board.info(*DRAFTS)[INFO_ID]
    first, second = written(board, b"one", b"two")
    board.store.finish_letter(first, mailbox, DATE)
    assert first._file is None
    with pytest.raises(StoreUnavailable):
        first.write(b"more")
    slot = deliver(board.store, USERS, b"in between")
    board.store.finish_letter(second, mailbox, DATE)
    third = written(board, b"three")[0]
    board.fold("anna", "INBOX")
    board.store.keeper.write_state()
    assert list(board.store.append_all(mailbox, [(each, 0, DATE) for each in (first, second, third)])[1]) == [1, 2, 3]
    numbers = [board.store.letters.trailer_of(each.slot)[0][3] for each in (first, second, third)]
    assert numbers == sorted(set(numbers))
    assert board.store.letters.trailer_of(slot)[0][3] not in numbers
    assert [octets for _, octets, _, _ in rows(board, *DRAFTS)] == [b"one", b"two", b"three"]
    settled(board)


def test_a_letter_that_waits_and_then_is_given_up(board: Board) -> None:
    mailbox = board.info(*DRAFTS)[INFO_ID]
    # The directory of letters stays.
    deliver(board.store, ["bert"])
    free = board.store.space.free()
    letters = written(board, b"one", bytes(9000))
    for letter in letters:
        board.store.finish_letter(letter, mailbox, DATE)
    assert len(board.slots()) == 3
    for letter in letters:
        letter.abort()
    assert len(board.slots()) == 1
    assert board.store.space.free() == free
    settled(board)


def test_none_at_all(board: Board) -> None:
    before = board.operations()
    validity, uids = board.store.append_all(board.info(*DRAFTS)[INFO_ID], [])
    assert (validity, len(uids)) == (board.info(*DRAFTS)[INFO_UIDVALIDITY], 0)
    assert board.operations() == before


def test_as_many_as_there_may_be(board: Board) -> None:
    octets = [b"letter %d" % number for number in range(MOST_LETTERS)]
    uids = append_all(board, *DRAFTS, *octets)[1]
    assert list(uids) == list(range(1, MOST_LETTERS + 1))
    assert [each for _, each, _, _ in rows(board, *DRAFTS)] == octets
    with pytest.raises(LimitReached):
        append_all(board, *DRAFTS, *octets, b"one more")
    assert len(rows(board, *DRAFTS)) == MOST_LETTERS
    settled(board)


def test_a_quota_counts_all_of_them(board: Board) -> None:
    board.store.quota = 3 * BLOCK
    with pytest.raises(OverQuota):
        append_all(board, *DRAFTS, b"one", b"two", bytes(5000))
    assert rows(board, *DRAFTS) == []
    append_all(board, *DRAFTS, b"one", bytes(5000))
    assert board.store.used_bytes("anna") == 3 * BLOCK
    settled(board)


def test_the_mailbox_is_gone(board: Board) -> None:
    board.store.create("anna", "Lists")
    mailbox = board.info("anna", "Lists")[INFO_ID]
    letters = written(board, b"one", b"two")
    board.store.finish_letter(letters[0], mailbox, DATE)
    board.store.delete("anna", "Lists")
    with pytest.raises(NoSuchMailbox):
        board.store.finish_letter(letters[1], mailbox, DATE)
    with pytest.raises(NoSuchMailbox):
        board.store.append_all(mailbox, [(letter, 0, DATE) for letter in letters])
    for letter in letters:
        letter.abort()
    settled(board)


def test_one_that_is_not_whole_spoils_all(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = written(board, b"one", b"two", b"three")
    letters[1]._broken = True
    with pytest.raises(StoreUnavailable):
        board.store.append_all(board.info(*DRAFTS)[INFO_ID], [(letter, 0, DATE) for letter in letters])
    assert rows(board, *DRAFTS) == []
    for letter in letters:
        letter.abort()
    settled(board)


def test_too_many_combinations_of_keywords(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postino.store.contents.MAX_SETS", 2)
    with opened(board.store, *DRAFTS) as box:
        masks = [box.keyword_bit(name, True) for name in ("one", "two")]
        letters = written(board, b"one", b"two")
        with pytest.raises(LimitReached):
            board.store.append_all(box.id, [(each, mask, 0) for each, mask in zip(letters, masks, strict=True)])
        assert len(box) == 0
        for letter in letters:
            letter.abort()
    settled(board)


def test_many_times_over(board: Board) -> None:
    """Without idle work: what the mailbox has in the log stays within its bound all the same (docs/limits.md)."""
    for number in range(30):
        append_all(board, *DRAFTS, *(b"%d" % each for each in range(8)))
        with opened(board.store, *DRAFTS) as box:
            box.expunge(uids_of(box))
        append_all(board, *DRAFTS, b"one", b"two", b"three")
        assert board.info(*DRAFTS)[INFO_COUNTERS][LOG_OCTETS] <= 12288, number
    settled(board)
