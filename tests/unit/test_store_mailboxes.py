"""The mailboxes of all users as trees of names: made, renamed, subscribed, deleted, and their letters with them."""

import pytest

from postino.store import (
    INFO_ATTRIBUTES,
    INFO_ID,
    INFO_NAME,
    INFO_UIDVALIDITY,
    JUNK,
    SENT,
    SUBSCRIBED,
    TRASH,
    InvalidName,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
    files,
)
from postino.store.catalogue import INFO_COUNT, INFO_COUNTERS, INFO_DAYS
from postino.store.errors import HasChildren
from postino.store.flags import SEEN
from tests.device.store_driver import names_of
from tests.support.nor_chip import BLOCK
from tests.unit.store_support import USERS, Board, append, deliver, opened, uids_of

# Letters of a dying mailbox that go in one slice.
SLICE = 16


# Users.


def test_a_new_user_has_the_usual_mailboxes(board: Board) -> None:
    infos = board.store.mailboxes("anna")
    assert [info[INFO_NAME] for info in infos] == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]
    assert board.info("anna", "Sent")[INFO_ATTRIBUTES] == SENT | SUBSCRIBED
    # Spam and rubbish go by themselves.
    days = {info[INFO_ATTRIBUTES] & ~SUBSCRIBED: info[INFO_DAYS] for info in infos if info[INFO_DAYS]}
    assert days == {JUNK: 30, TRASH: 30}
    everybody = [info for user in USERS for info in board.store.mailboxes(user)]
    for field in (INFO_UIDVALIDITY, INFO_ID):
        assert len({info[field] for info in everybody}) == 12
    before = board.operations()
    board.store.ensure_user("anna")
    assert board.operations() == before
    board.start()
    assert [info[:INFO_COUNTERS] for info in board.store.mailboxes("anna")] == [info[:INFO_COUNTERS] for info in infos]


@pytest.mark.parametrize("user", ["", "x" * 33, "é" * 17, "\ud800"])
def test_a_user_that_cannot_be(board: Board, user: str) -> None:
    with pytest.raises(InvalidName):
        board.store.ensure_user(user)
    assert board.store.mailboxes(user) == []


def test_a_user_is_removed(board: Board) -> None:
    shared = deliver(board.store, USERS, b"both")
    deliver(board.store, ["anna"], b"one")
    append(board.store, "anna", "Archive", b"two")
    board.store.remove_user("anna")
    assert board.store.mailboxes("anna") == []
    assert board.store.used_bytes("anna") == 0
    board.start()
    assert board.store.mailboxes("anna") == []
    board.idle()
    assert board.slots() == {shared}
    assert board.store.catalogue.dying() is None
    assert [board.store.status("bert", name)[0] for name in ("INBOX", "Archive")] == [1, 0]
    before = board.operations()
    board.store.remove_user("anna")
    assert board.operations() == before
    board.store.ensure_user("anna")
    assert board.store.status("anna", "INBOX")[:3] == (0, 0, 1)


# Names.


def test_names(board: Board) -> None:
    store = board.store
    store.create("anna", "a/b/c")
    assert store.find("anna", "a/b")[INFO_ATTRIBUTES] == SUBSCRIBED
    assert store.find("bert", "a") is None
    for name in ("a/b", "inbox", "InBox"):
        with pytest.raises(MailboxExists):
            store.create("anna", name)
    for name in ("", "/", "a//b", "a/", "/a", "a\r\nb", "x" * 300, "é" * 101, "a\x00", "a\x7f", "\ud800"):
        with pytest.raises(InvalidName):
            store.create("anna", name)
        with pytest.raises(InvalidName):
            store.rename("anna", "a", name)
    store.create("anna", "Grüße/日本")
    store.create("anna", "inbox/x")
    board.start()
    names = {info[INFO_NAME] for info in board.store.mailboxes("anna")}
    assert {"a", "a/b", "a/b/c", "Grüße", "Grüße/日本", "INBOX/x"} < names
    assert board.store.find("anna", "iNbOx/x") is not None
    # Only as a whole level.
    assert board.store.find("anna", "inboxes") is None


def test_too_many_mailboxes(board: Board) -> None:
    with pytest.raises(LimitReached):
        for number in range(200):
            board.store.create("anna", f"m{number}")
    assert len(board.store.mailboxes("anna")) == 100
    board.store.create("bert", "m")
    board.store.delete("anna", "m0")
    with pytest.raises(LimitReached):
        board.store.create("anna", "m0/x")
    board.store.create("anna", "m0")
    board.start()
    assert len(board.store.mailboxes("anna")) == 100


def test_subscription(board: Board) -> None:
    board.store.subscribe("anna", "inbox", False)
    board.start()
    assert not board.info("anna", "INBOX")[INFO_ATTRIBUTES] & SUBSCRIBED
    assert board.info("bert", "INBOX")[INFO_ATTRIBUTES] & SUBSCRIBED
    before = board.operations()
    board.store.subscribe("anna", "INBOX", False)
    assert board.operations() == before
    board.store.subscribe("anna", "INBOX", True)
    assert board.info("anna", "INBOX")[INFO_ATTRIBUTES] & SUBSCRIBED
    with pytest.raises(NoSuchMailbox):
        board.store.subscribe("anna", "nothing", True)


# Renaming.


def test_a_rename_takes_children_along_and_keeps_identity(board: Board) -> None:
    board.store.create("anna", "a/b")
    board.store.create("anna", "ab")
    append(board.store, "anna", "a/b", b"letter", SEEN)
    board.store.set_retention("anna", "a/b", 3, 7)
    before = [board.info("anna", name) for name in ("a", "a/b")]
    board.store.rename("anna", "a", "x/y")
    board.start()
    after = [board.info("anna", name) for name in ("x/y", "x/y/b")]
    for field in (INFO_ID, INFO_UIDVALIDITY, INFO_ATTRIBUTES, INFO_DAYS, INFO_COUNT):
        assert [info[field] for info in after] == [info[field] for info in before]
    assert board.info("anna", "a") is None
    assert board.info("anna", "x") is not None
    assert board.info("anna", "ab") is not None
    assert board.store.status("anna", "x/y/b")[0] == 1


def test_an_open_mailbox_is_renamed(board: Board) -> None:
    append(board.store, "anna", "Archive")
    with opened(board.store, "anna", "Archive") as box:
        board.store.rename("anna", "Archive", "Old")
        box.change_flags([1], SEEN, 0)
        append(board.store, "anna", "Old")
        assert uids_of(box) == [1, 2]
    assert board.store.status("anna", "Old")[:3] == (2, 2, 3)


def test_a_rename_that_is_not_possible(board: Board) -> None:
    board.store.create("anna", "a/b")
    before = board.operations()
    with pytest.raises(InvalidName):
        board.store.rename("anna", "a", "a/b/d")
    with pytest.raises(NoSuchMailbox):
        board.store.rename("anna", "nothing", "x")
    for name in ("Sent", "a/b", "inbox"):
        with pytest.raises(MailboxExists):
            board.store.rename("anna", "a", name)
    # The name of the child would be too long.
    with pytest.raises(InvalidName):
        board.store.rename("anna", "a", "x" * 199)
    assert board.operations() == before


def test_a_rename_of_inbox_moves_its_letters(board: Board) -> None:
    deliver(board.store, USERS)
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.change_flags([2], SEEN | box.keyword_bit("work", True), 0)
        board.store.rename("anna", "inbox", "Old/Mail")
        assert len(box) == 0
    board.start()
    assert board.store.status("anna", "INBOX")[:3] == (0, 0, 3)
    with opened(board.store, "anna", "Old/Mail") as box:
        assert [names_of(box, index) for index in range(2)] == [[], ["1", "work"]]
    assert board.store.status("bert", "INBOX")[0] == 1


def test_a_rename_of_a_large_inbox_moves_all_of_it(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        for _ in range(8):
            box.copy(uids_of(box), box.id)
        assert len(box) == 256
    board.store.rename("anna", "INBOX", "Old")
    board.start()
    assert [board.store.status("anna", name)[0] for name in ("INBOX", "Old")] == [0, 256]


# Deleting.


def test_what_is_not_deleted(board: Board) -> None:
    board.store.create("anna", "a/b")
    before = board.operations()
    with pytest.raises(HasChildren):
        board.store.delete("anna", "a")
    with pytest.raises(InvalidName):
        board.store.delete("anna", "inbox")
    for name in ("nothing", "a/", ""):
        with pytest.raises(NoSuchMailbox):
            board.store.delete("anna", name)
    assert board.operations() == before


def test_made_again_it_has_a_higher_uidvalidity(board: Board) -> None:
    board.store.create("anna", "Lists")
    append(board.store, "anna", "Lists")
    old = board.info("anna", "Lists")
    board.store.delete("anna", "Lists")
    for _ in range(2):
        board.store.create("anna", "Lists")
        new = board.info("anna", "Lists")
        assert new[INFO_UIDVALIDITY] > old[INFO_UIDVALIDITY]
        assert new[INFO_ID] > old[INFO_ID]
        assert board.store.status("anna", "Lists")[:3] == (0, 0, 1)
        board.store.delete("anna", "Lists")
        board.start()
        board.idle()
        old = new
    assert [info[INFO_NAME] for info in board.store.mailboxes("anna")].count("Lists") == 0


def filled(board: Board, name: str, letters: int) -> None:
    board.store.create("anna", name)
    for number in range(letters):
        append(board.store, "anna", name, b"%d" % number)


def test_the_letters_of_a_deleted_mailbox_go_in_slices(board: Board) -> None:
    free = board.store.free_bytes()
    filled(board, "Lists", 50)
    board.fold("anna", "Lists")
    identity = board.info("anna", "Lists")[INFO_ID]
    board.store.delete("anna", "Lists")
    # At once it is gone for everybody, and its name is free.
    assert board.info("anna", "Lists") is None
    assert board.store.used_bytes("anna") == 0
    board.store.create("anna", "Lists")
    left = [len(board.slots())]
    while board.store.catalogue.dying() is not None:
        board.store.maintain()
        left.append(len(board.slots()))
    assert left == [50, 34, 18, 2, 0, 0]
    assert f"{identity:x}" not in files.names_in("/index")
    # What is left are the directory of the letters, and the names of the mailboxes.
    assert board.store.free_bytes() >= free - 4 * BLOCK


@pytest.mark.parametrize("slices", range(6))
def test_a_cut_does_not_keep_a_deleted_mailbox(board: Board, slices: int) -> None:
    filled(board, "Lists", 50)
    with opened(board.store, "anna", "Lists") as box:
        kept = box.letter(7)
        box.copy([8], board.info("anna", "Archive")[INFO_ID])
    board.fold("anna", "Lists")
    board.store.delete("anna", "Lists")
    for _ in range(slices):
        board.store.maintain()
    board.start()
    assert board.info("anna", "Lists") is None
    assert len(board.slots()) == max(1, 50 - SLICE * slices + (slices > 0))
    board.idle()
    assert board.slots() == {kept}
    assert board.store.catalogue.dying() is None
    board.start()
    assert board.slots() == {kept}
    assert board.store.slots.get(kept) == 1


def test_a_delivery_while_mailboxes_die(board: Board) -> None:
    filled(board, "Lists", 40)
    board.store.delete("anna", "Lists")
    new = []
    while board.store.catalogue.dying() is not None:
        new.append(deliver(board.store, ["anna"]))
        board.store.maintain()
    assert board.slots() == set(new)
    board.start()
    assert board.slots() == set(new)
    assert board.store.status("anna", "INBOX")[0] == len(new)
