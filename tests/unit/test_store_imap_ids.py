"""Object identifiers (RFC 8474): the same for as long as the object is, and never given to another."""

import re

from postino.store import INFO_ID, INFO_NAME, Store, letter_object_id, mailbox_object_id
from tests.support.format1_chip import OldChip, small
from tests.unit.store_support import DATE, USERS, Board, change, deliver, opened

# RFC 8474 section 7: 1 to 255 of these.
OBJECT_ID = re.compile(rb"[A-Za-z][A-Za-z0-9_-]{1,254}")
LETTERS = 3


def mailbox_ids(store: Store, user: str) -> dict[str, bytes]:
    return {info[INFO_NAME]: mailbox_object_id(info) for info in store.mailboxes(user)}


def letter_ids(store: Store, user: str, name: str) -> list[bytes]:
    found = []
    with opened(store, user, name) as box:
        for index in range(len(box)):
            reader = store.open_letter(box.letter(index), box.size(index))
            try:
                found.append(letter_object_id(reader))
            finally:
                reader.close()
    return found


# Mailboxes.


def test_each_mailbox_has_one(board: Board) -> None:
    found = [each for user in USERS for each in mailbox_ids(board.store, user).values()]
    assert len(set(found)) == len(found) == 12
    assert all(OBJECT_ID.fullmatch(each) for each in found)


def test_a_rename_keeps_it_and_a_start_too(board: Board) -> None:
    board.store.create("anna", "a/b")
    before = mailbox_ids(board.store, "anna")
    board.store.rename("anna", "a", "x")
    board.start()
    after = mailbox_ids(board.store, "anna")
    assert (after["x"], after["x/b"]) == (before["a"], before["a/b"])


def test_inbox_keeps_its_own_when_it_is_renamed(board: Board) -> None:
    before = mailbox_ids(board.store, "anna")
    board.store.rename("anna", "INBOX", "Old")
    after = mailbox_ids(board.store, "anna")
    assert after["INBOX"] == before["INBOX"]
    assert after["Old"] not in before.values()


def test_another_mailbox_of_the_same_name_has_another(board: Board) -> None:
    seen = set()
    for _ in range(3):
        board.store.create("anna", "Lists")
        seen.add(mailbox_ids(board.store, "anna")["Lists"])
        board.store.delete("anna", "Lists")
        board.idle()
        board.start()
    assert len(seen) == 3


def test_another_store_has_others(board: Board) -> None:
    """Whoever comes from a board that was set up anew must not take one mailbox for the other."""
    before = set(mailbox_ids(board.store, "anna").values())
    other = Board()
    assert not before & set(mailbox_ids(other.store, "anna").values())


# Letters.


def test_copies_have_the_same(board: Board) -> None:
    for number in range(LETTERS):
        deliver(board.store, USERS, b"Subject: %d\r\n\r\n" % number)
    ids = letter_ids(board.store, "anna", "INBOX")
    assert len(set(ids)) == LETTERS
    assert all(OBJECT_ID.fullmatch(each) for each in ids)
    assert letter_ids(board.store, "bert", "INBOX") == ids
    with opened(board.store, "anna", "INBOX") as box:
        box.copy([1, 2], box.id)
        box.copy([1], board.info("anna", "Archive")[INFO_ID])
        box.move([1, 3], board.info("anna", "Trash")[INFO_ID])
    board.store.rename("anna", "Trash", "Bin")
    for turn in range(3):
        assert letter_ids(board.store, "anna", "INBOX") == [ids[1], ids[0], ids[1]]
        assert letter_ids(board.store, "anna", "Archive") == ids[:1]
        assert letter_ids(board.store, "anna", "Bin") == [ids[0], ids[2]]
        if turn == 0:
            board.start()
        else:
            board.fold("anna", "INBOX")
            board.fold("anna", "Bin")


def test_the_same_letter_that_comes_once_more_is_another(board: Board) -> None:
    for _ in range(2):
        deliver(board.store, ["anna"], b"the same")
    with opened(board.store, "anna", "INBOX") as box:
        letter = board.store.new_letter()
        letter.write(b"the same")
        ids = letter_ids(board.store, "anna", "INBOX")
        board.store.replace(letter, box, 1, box.id, 0, DATE)
    assert len(set(ids)) == 2
    after = letter_ids(board.store, "anna", "INBOX")
    assert after[0] == ids[1]
    assert after[1] not in ids


def test_none_is_given_again(board: Board) -> None:
    """Not after the letter has gone, nor after a letter that was given up, nor after a start."""
    seen: list[bytes] = []
    for number in range(12):
        deliver(board.store, ["anna"], b"the same")
        seen += letter_ids(board.store, "anna", "INBOX")
        with opened(board.store, "anna", "INBOX") as box:
            box.expunge([box.uid(0)])
        abandoned = board.store.new_letter()
        abandoned.write(b"given up")
        if number % 2:
            board.store.finish_letter(abandoned, board.info("anna", "INBOX")[INFO_ID], DATE)
        abandoned.abort()
        if number % 4 == 3:
            board.start()
        if number % 5 == 4:
            board.idle()
    assert len(set(seen)) == 12


def test_other_letters_of_an_older_store_have_others(board: Board) -> None:
    """Letter ids begin at 1 in each store."""
    deliver(board.store, ["anna"], b"old")
    before = letter_ids(board.store, "anna", "INBOX")
    other = Board()
    deliver(other.store, ["anna"], b"new")
    assert letter_ids(other.store, "anna", "INBOX")[0] not in before


def test_a_letter_with_a_damaged_trailer_has_none(board: Board) -> None:
    slot = deliver(board.store, ["anna"], bytes(200))
    whole = letter_ids(board.store, "anna", "INBOX")
    change(board.store.letters.path(slot), -10)
    assert whole[0] and letter_ids(board.store, "anna", "INBOX") == [b""]


def test_an_upgrade_from_format_1_keeps_the_letter_ids() -> None:
    """And entries of the same letter still have the same."""
    old = OldChip(small)
    flash = old.flash()
    try:
        for _ in range(2):
            store = flash.mount()
            numbers: dict[bytes, set[int]] = {}
            for box in old.builder.boxes.values():
                letters = [box.entries[uid].letter for uid in sorted(box.entries)]
                # Behind those that were upgraded.
                new = letter_ids(store, box.user, box.name)[len(letters) :]
                ids = letter_ids(store, box.user, box.name)[: len(letters)]
                assert [int(each.partition(b"-")[0][1:], 16) for each in ids] == letters
                assert not set(new) & set(ids)
                for each, number in zip(ids, letters, strict=True):
                    numbers.setdefault(each, set()).add(number)
            assert len(numbers) > 5
            assert all(len(each) == 1 for each in numbers.values())
            assert deliver(store, ["anna"]) >= 0
    finally:
        flash.release()
