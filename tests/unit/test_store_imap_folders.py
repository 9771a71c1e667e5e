"""CREATE with a special use (RFC 6154 section 3)."""

import pytest

from postino.store import (
    ARCHIVE,
    DRAFTS,
    INFO_ATTRIBUTES,
    INFO_NAME,
    JUNK,
    SENT,
    SUBSCRIBED,
    TRASH,
    InvalidName,
    MailboxExists,
    Store,
)
from postino.store.catalogue import DYING, INFO_DAYS
from tests.unit.store_support import Board


def uses(store: Store, user: str = "anna") -> dict[str, int]:
    """Of the mailboxes that a user does not have from the beginning."""
    usual = ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive")
    return {info[INFO_NAME]: info[INFO_ATTRIBUTES] for info in store.mailboxes(user) if info[INFO_NAME] not in usual}


@pytest.mark.parametrize("use", [0, DRAFTS, SENT, JUNK, TRASH, ARCHIVE, DRAFTS | ARCHIVE])
def test_a_mailbox_gets_its_use_and_its_parents_none(board: Board, use: int) -> None:
    operations = board.store.log.sequence
    board.store.create("anna", "Mail/2026/Special", use)
    assert board.store.log.sequence == operations + 1
    wanted = {"Mail": SUBSCRIBED, "Mail/2026": SUBSCRIBED, "Mail/2026/Special": SUBSCRIBED | use}
    for turn in range(3):
        assert uses(board.store) == wanted
        if turn:
            board.store.keeper.write_state()
        board.start()


def test_a_parent_that_is_there_keeps_its_own(board: Board) -> None:
    board.store.create("anna", "Gone", TRASH)
    board.store.create("anna", "Gone/Older", ARCHIVE)
    assert uses(board.store) == {"Gone": SUBSCRIBED | TRASH, "Gone/Older": SUBSCRIBED | ARCHIVE}


def test_several_mailboxes_may_have_the_same_use(board: Board) -> None:
    for number in range(3):
        board.store.create("anna", f"Sent {number}", SENT)
    assert uses(board.store) == {f"Sent {number}": SUBSCRIBED | SENT for number in range(3)}


def test_a_rename_takes_the_use_along(board: Board) -> None:
    board.store.create("anna", "Sent Messages", SENT)
    board.store.rename("anna", "Sent Messages", "Old/Sent Messages")
    board.store.subscribe("anna", "Old/Sent Messages", False)
    board.start()
    assert uses(board.store) == {"Old": SUBSCRIBED, "Old/Sent Messages": SENT}


@pytest.mark.parametrize("use", [64, DYING, SENT | DYING, SUBSCRIBED, -1])
def test_what_is_no_special_use_is_refused(board: Board, use: int) -> None:
    before = board.operations()
    with pytest.raises(InvalidName):
        board.store.create("anna", "a/b", use)
    assert uses(board.store) == {}
    assert board.operations() == before


def test_a_name_that_is_taken_keeps_its_use(board: Board) -> None:
    with pytest.raises(MailboxExists):
        board.store.create("anna", "Drafts", SENT)
    assert board.info("anna", "Drafts")[INFO_ATTRIBUTES] == SUBSCRIBED | DRAFTS


@pytest.mark.parametrize(("use", "days"), [(0, 0), (SENT, 0), (JUNK, 30), (TRASH, 30), (ARCHIVE, 0)])
def test_letters_go_after_a_time_as_they_do_in_the_mailboxes_of_that_use(board: Board, use: int, days: int) -> None:
    board.store.create("anna", "Special", use)
    board.start()
    assert board.info("anna", "Special")[INFO_DAYS] == days
