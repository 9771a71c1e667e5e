"""The quota of each user: what counts, what is refused, and that nobody else is."""

import pytest

from postino.store import INFO_ID, OverQuota
from postino.store.flags import SEEN
from tests.support.nor_chip import BLOCK
from tests.unit.store_support import USERS, Board, append, deliver, opened, uids_of


def test_what_counts(board: Board) -> None:
    assert board.store.used_bytes("anna") == 0
    deliver(board.store, USERS, bytes(5000))
    append(board.store, "anna", "Sent", b"small")
    used = {"anna": 3 * BLOCK, "bert": 2 * BLOCK}
    with opened(board.store, "anna", "INBOX") as box:
        box.copy([1], box.id)
        used["anna"] += 2 * BLOCK
        box.move([2], board.info("anna", "Archive")[INFO_ID])
        for _ in range(2):
            assert {user: board.store.used_bytes(user) for user in USERS} == used
            board.fold("anna", "INBOX")
        box.expunge([1])
    used["anna"] -= 2 * BLOCK
    board.start()
    assert {user: board.store.used_bytes(user) for user in USERS} == used
    board.store.delete("anna", "Archive")
    assert board.store.used_bytes("anna") == BLOCK


def test_a_block_that_the_trailer_begins_counts(board: Board) -> None:
    append(board.store, "anna", "Sent", bytes(BLOCK - 10))
    assert board.store.used_bytes("anna") == 2 * BLOCK
    board.start()
    with opened(board.store, "anna", "Sent") as box:
        assert (box.size(0), box.blocks(0)) == (BLOCK - 10, 2)
        box.expunge([1])
    assert board.store.used_bytes("anna") == 0


def test_room_for_a_letter(board: Board) -> None:
    deliver(board.store, ["anna"], bytes(5000))
    assert board.store.has_room_for("anna", 1 << 30)
    board.store.quota = 4 * BLOCK
    assert board.store.has_room_for("anna", 2 * BLOCK - 100)
    assert not board.store.has_room_for("anna", 2 * BLOCK)
    assert board.store.has_room_for("bert", 4 * BLOCK - 100)


def test_an_append_over_quota_is_refused(board: Board) -> None:
    board.store.quota = 3 * BLOCK
    for _ in range(3):
        append(board.store, "anna", "Sent")
    before = board.seen()
    with pytest.raises(OverQuota):
        append(board.store, "anna", "INBOX")
    assert board.seen() == before
    assert len(board.slots()) == 3
    append(board.store, "bert", "INBOX")
    with opened(board.store, "anna", "Sent") as box:
        box.expunge([2])
    append(board.store, "anna", "INBOX")


def test_copies_over_quota_are_refused_and_moves_are_not(board: Board) -> None:
    board.store.quota = 3 * BLOCK
    append(board.store, "anna", "INBOX")
    with opened(board.store, "anna", "INBOX") as box:
        box.copy([1], box.id)
        box.copy([1], board.info("anna", "Archive")[INFO_ID])
        with pytest.raises(OverQuota):
            box.copy([1], board.info("anna", "Archive")[INFO_ID])
        box.move([1], board.info("anna", "Archive")[INFO_ID])
        box.change_flags([2], SEEN, 0)
        assert uids_of(box) == [2]
    assert board.store.used_bytes("anna") == 3 * BLOCK
    assert board.store.status("anna", "Archive")[0] == 2


def test_copies_that_would_go_over_the_quota_are_refused(board: Board) -> None:
    """All of them, though there is room for some; each costs what the letter takes."""
    board.store.quota = 6 * BLOCK
    append(board.store, "anna", "INBOX", bytes(5000))
    append(board.store, "anna", "INBOX")
    archive = board.info("anna", "Archive")[INFO_ID]
    with opened(board.store, "anna", "INBOX") as box:
        box.copy([2], archive)
        before = board.seen()
        for refused in ([1, 2], (1, 2, 3)):
            with pytest.raises(OverQuota):
                box.copy(refused, archive)
        assert board.seen() == before
        box.copy([1], archive)
        assert board.store.used_bytes("anna") == 6 * BLOCK
        with pytest.raises(OverQuota):
            box.copy([2], box.id)
        # It takes no room.
        box.move([1, 2], archive)
    assert board.store.used_bytes("anna") == 6 * BLOCK


@pytest.mark.parametrize("blocks", [1, 2])
def test_moves_are_not_refused_over_quota(board: Board, blocks: int) -> None:
    """Also in a mailbox that was filled by mail, beyond it."""
    deliver(board.store, ["anna"], bytes(4000 * blocks))
    deliver(board.store, ["anna"])
    board.store.quota = BLOCK
    trash = board.info("anna", "Trash")[INFO_ID]
    with opened(board.store, "anna", "INBOX") as box:
        with pytest.raises(OverQuota):
            box.copy([1], trash)
        box.move([1, 2], trash)
        assert len(box) == 0
    assert board.store.status("anna", "Trash")[0] == 2


def test_a_delivery_is_not_refused_here(board: Board) -> None:
    """Who takes mail in asks has_room_for() while the sender can still be told; a letter taken is delivered."""
    board.store.quota = BLOCK
    deliver(board.store, USERS)
    assert not board.store.has_room_for("anna", 1)
    deliver(board.store, USERS)
    assert [board.store.status(user, "INBOX")[0] for user in USERS] == [2, 2]
