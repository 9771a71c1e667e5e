"""Subscriptions outlive their mailboxes: names that are subscribed to and do not exist (RFC 3501 6.3.9)."""

from collections.abc import Iterator

import pytest

from postino.store import (
    INFO_ID,
    INFO_NAME,
    INFO_UIDVALIDITY,
    LimitReached,
    NoSuchMailbox,
    folders,
    nonexistent,
)
from tests.unit.store_support import USERS, Board, append, deliver


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.flash.release()


def names(board: Board, user: str = "anna") -> list[str]:
    return [name.decode() for name in board.store.nonexistent(user)]


def leave(board: Board, *left: str, user: str = "anna") -> None:
    """Mailboxes come and go; the subscriptions stay."""
    for name in left:
        board.store.create(user, name)
        board.store.delete(user, name)


def everywhere(board: Board) -> Iterator[None]:
    """As it is, after a power cut, and after starts from the state alone."""
    yield
    board.start()
    yield
    board.store.keeper.write_state()
    board.start()
    yield
    board.store.close()
    board.start()
    yield


def test_a_name_stays_until_it_is_unsubscribed(board: Board) -> None:
    board.store.create("anna", "Später")
    append(board.store, "anna", "Später")
    board.store.delete("anna", "Später")
    leave(board, "Lists")
    for _ in everywhere(board):
        assert names(board) == ["Später", "Lists"]
        board.idle()
    board.store.subscribe("anna", "Später", False)
    for _ in everywhere(board):
        assert names(board) == ["Lists"]
    board.store.subscribe("anna", "Lists", False)
    for _ in everywhere(board):
        assert names(board) == names(board, "bert") == []


def test_what_was_not_subscribed_leaves_nothing(board: Board) -> None:
    board.store.create("anna", "Lists/2026")
    board.store.subscribe("anna", "Lists", False)
    board.store.rename("anna", "Lists", "Old")
    board.store.subscribe("anna", "Old/2026", False)
    board.store.delete("anna", "Old/2026")
    for _ in everywhere(board):
        assert names(board) == ["Lists/2026"]


def test_it_is_no_mailbox(board: Board) -> None:
    there = [info[INFO_ID] for info in board.store.mailboxes("anna")]
    deliver(board.store, ["anna"])
    used = board.store.used_bytes("anna")
    leave(board, "Gone")
    board.idle()
    assert [info[INFO_ID] for info in board.store.mailboxes("anna")] == there
    assert len(board.store.catalogue.infos) == len(there) * len(USERS)
    assert board.store.find("anna", "Gone") is None
    assert board.store.used_bytes("anna") == used
    for refused in (
        lambda: board.store.delete("anna", "Gone"),
        lambda: board.store.rename("anna", "Gone", "Other"),
        lambda: board.store.status("anna", "Gone"),
        lambda: board.store.set_retention("anna", "Gone", 1, 1),
    ):
        with pytest.raises(NoSuchMailbox):
            refused()


def test_subscribing_to_it_changes_nothing(board: Board) -> None:
    leave(board, "INBOX/Gone")
    before = board.operations()
    board.store.subscribe("anna", "inbox/Gone", True)
    assert board.operations() == before
    for user, name in (("anna", "Never"), ("bert", "INBOX/Gone"), ("anna", ""), ("anna", "gone")):
        for wanted in (True, False):
            with pytest.raises(NoSuchMailbox):
                board.store.subscribe(user, name, wanted)
    assert names(board) == ["INBOX/Gone"]
    board.store.subscribe("anna", "Inbox/Gone", False)
    assert names(board) == []


def test_a_mailbox_that_comes_has_the_name_again(board: Board) -> None:
    leave(board, "a/b", "c", "d", "e")
    board.store.delete("anna", "a")
    assert names(board) == ["a/b", "c", "d", "e", "a"]
    validity = max(info[INFO_UIDVALIDITY] for info in board.store.catalogue.infos)
    # Itself, above it, by a rename, and by a rename of INBOX.
    board.store.create("anna", "a/b/x")
    board.store.create("anna", "new/in")
    board.store.rename("anna", "new", "c")
    deliver(board.store, ["anna"])
    board.store.rename("anna", "INBOX", "d")
    for _ in everywhere(board):
        assert names(board) == ["e", "new/in", "new"]
        for name in ("a", "a/b", "a/b/x", "c", "c/in", "d"):
            info = board.info("anna", name)
            assert info[4] & 1 and info[INFO_UIDVALIDITY] > validity
    assert board.store.status("anna", "d")[0] == 1


def test_a_tree_is_renamed_to_and_fro(board: Board) -> None:
    board.store.create("anna", "a/b/c")
    board.store.rename("anna", "a", "x")
    assert sorted(names(board)) == ["a", "a/b", "a/b/c"]
    board.store.rename("anna", "x", "a")
    for _ in everywhere(board):
        assert sorted(names(board)) == ["x", "x/b", "x/b/c"]
        assert board.info("anna", "a/b/c")


def test_a_user_takes_the_names_along(board: Board) -> None:
    leave(board, "one", "two")
    leave(board, "one", user="bert")
    board.store.remove_user("anna")
    for _ in everywhere(board):
        assert (names(board), names(board, "bert")) == ([], ["one"])
    board.store.ensure_user("anna")
    assert names(board) == []
    # Deleted without a subscription left: no record is wasted on it.
    records = board.store.log.sequence
    board.store.remove_user("anna")
    assert board.store.log.sequence == records + 1


def test_users_whose_names_begin_alike(board: Board) -> None:
    for user in ("ann", "annamaria"):
        board.store.ensure_user(user)
        leave(board, "of " + user, user=user)
    leave(board, "of anna")
    board.store.remove_user("ann")
    assert [names(board, user) for user in ("ann", "anna", "annamaria")] == [[], ["of anna"], ["of annamaria"]]


def test_a_repair_leaves_them_alone(board: Board) -> None:
    leave(board, "one", "two")
    deliver(board.store, ["anna"])
    board.store.keeper.repair_now()
    board.store.subscribe("anna", "one", False)
    for _ in everywhere(board):
        assert names(board) == ["two"]
        assert board.store.status("anna", "INBOX")[0] == 1


# The limits of the names ----------------------------------------------------------------------------------------------


def octets(*left: str, user: str = "anna") -> int:
    """What the names count."""
    return sum(24 + len(user) + 1 + len(name) for name in left)


def test_the_oldest_names_of_a_user_are_forgotten(board: Board) -> None:
    numbered = [f"{number:03}" for number in range(80)]
    most = nonexistent.MAX_USER_OCTETS // octets("000")
    assert 50 < most < 70
    for count, name in enumerate(numbered, 1):
        leave(board, name)
        assert names(board) == numbered[max(0, count - most) : count]
    left = numbered[-most:]
    for _ in everywhere(board):
        assert names(board) == left
    # A longer one, exactly in place of two; and one of an octet more.
    leave(board, "x" * (octets("000") + 3))
    assert names(board) == [*left[2:], "x" * (octets("000") + 3)]
    assert octets(*names(board)) == octets(*left) <= nonexistent.MAX_USER_OCTETS


def test_the_oldest_names_of_all_are_forgotten(board: Board) -> None:
    wide = [f"{number:02}" + "w" * 150 for number in range(12)]
    board.store.ensure_user("cora")
    for user in ("cora", "bert", "anna"):
        leave(board, *wide, user=user)
    most = nonexistent.MAX_USER_OCTETS // octets(wide[0])
    for _ in everywhere(board):
        assert names(board) == names(board, "bert") == wide[-most:]
        # Those of the user who was there first.
        assert names(board, "cora") == wide[len(wide) - nonexistent.MAX_OCTETS // octets(wide[0]) + 2 * most :]
    assert sum(24 + len(name) for name in board.store.catalogue.names) <= nonexistent.MAX_OCTETS


def test_a_rename_of_many_leaves_the_names_that_there_is_room_for(board: Board) -> None:
    leave(board, "first")
    for number in range(90):
        board.store.create("anna", f"tree/{number:02}")
    board.store.rename("anna", "tree", "wood")
    left = names(board)
    assert "first" not in left and "tree" in left
    assert nonexistent.MAX_USER_OCTETS - octets("tree/00") < octets(*left) <= nonexistent.MAX_USER_OCTETS
    for _ in everywhere(board):
        assert names(board) == left


def test_what_names_take_counts_as_room(board: Board) -> None:
    """The state grows with them, twice."""
    board.store.letters.tidy()
    index = board.store._index_blocks()[0]
    for user in USERS:
        leave(board, *(f"{number}" + "n" * 190 for number in range(9)), user=user)
    board.idle()
    assert sum(len(name) for name in board.store.catalogue.names) > 3500
    assert board.store._index_blocks()[0] == index + 2


# The heap -------------------------------------------------------------------------------------------------------------


def heap(monkeypatch, octets: int) -> None:
    monkeypatch.setattr(folders.gc, "mem_free", lambda: octets // 4, raising=False)
    monkeypatch.setattr(folders.gc, "mem_alloc", lambda: octets - octets // 4, raising=False)


def test_mailboxes_of_all_users_have_a_part_of_the_heap(board: Board, monkeypatch) -> None:
    # Twelve are there from the start: room for four more with names of four octets.
    there = sum(folders._MAILBOX_OCTETS + len(info[INFO_NAME]) for info in board.store.catalogue.infos)
    heap(monkeypatch, folders.HEAP_PARTS * (there + 4 * (folders._MAILBOX_OCTETS + 4)))
    made = []
    for number in range(9):
        made.append(f"{number:04}")
        try:
            board.store.create(USERS[number % 2], made[-1])
        except LimitReached:
            made.pop()
            break
    assert made == ["0000", "0001", "0002", "0003"]
    before = board.operations()
    for refused in (
        lambda: board.store.create("bert", "x" * 60),
        lambda: board.store.rename("anna", "0000", "x" * 90),
        lambda: board.store.rename("anna", "0000", "a/b"),
    ):
        with pytest.raises(LimitReached):
            refused()
    assert board.operations() == before
    # What does not grow is done; so is what a new user needs.
    board.store.rename("anna", "0000", "abcd")
    board.store.ensure_user("cora")
    assert len(board.store.mailboxes("cora")) == 6
    with pytest.raises(LimitReached):
        board.store.create("anna", "x")
    board.store.rename("anna", "abcd", "abc")
    board.store.delete("anna", "abc")
    board.store.delete("anna", "0002")
    board.store.remove_user("cora")
    board.idle()
    board.store.create("anna", "x")
