"""The store as a whole: what it opens and what it leaves alone; letters in and out, each stored once."""

from pathlib import Path

import pytest

from postino.store import LetterGone, NoSuchMailbox, Store, StoreFull, StoreUnavailable, files
from postino.store.flags import FLAGGED, SEEN
from postino.store.slots import MANY, MOST, PENDING
from postino.store.unavailable import UnavailableStore
from tests.support.nor_chip import BLOCK
from tests.unit.store_support import DATE, IDLE, USERS, Board, append, change, content, deliver, opened, uids_of

STATES = ("/index/state", "/index/state.2")


# What it opens.


def test_a_blank_flash_is_formatted_once(board: Board) -> None:
    assert not board.store.is_blank_or_cut_format()
    before = board.operations()
    with pytest.raises(StoreUnavailable):
        board.store.format()
    assert board.operations() == before
    assert board.info("anna", "INBOX") is not None


def test_something_else_is_refused(board: Board) -> None:
    for path in STATES:
        files.remove(path)
    files.open_file("/holiday.jpg", "wb").close()
    store = board.flash.start()
    before = bytes(board.flash.chip.image)
    assert not store.is_blank_or_cut_format()
    for call in (store.open, store.format):
        with pytest.raises(StoreUnavailable):
            call()
    assert board.flash.chip.image == before


def test_damage_of_both_states_is_refused_and_nothing_written(board: Board) -> None:
    deliver(board.store, USERS)
    for path in STATES:
        change(path, 9)
    store = board.flash.start()
    before = bytes(board.flash.chip.image)
    for call in (store.open, store.format):
        with pytest.raises(StoreUnavailable):
            call()
    assert board.flash.chip.image == before


def test_a_log_without_any_header_is_refused_and_nothing_written(board: Board) -> None:
    deliver(board.store, USERS)
    sectors = board.flash.device.log.sectors
    chip = board.flash.chip
    for block in range(chip.blocks - sectors, chip.blocks):
        chip.image[block * BLOCK + 28] ^= 1
    store = board.flash.start()
    before = bytes(chip.image)
    with pytest.raises(StoreUnavailable):
        store.open()
    assert chip.image == before


def test_a_store_that_is_not_open_does_nothing(board: Board) -> None:
    deliver(board.store, ["anna"])
    board.store.close()
    before = board.operations()
    calls = (
        board.store.new_letter,
        lambda: board.store.open_letter(0),
        lambda: board.store.mailboxes("anna"),
        lambda: board.store.status("anna", "INBOX"),
        lambda: board.store.create("anna", "x"),
        lambda: board.store.used_bytes("anna"),
    )
    for call in calls:
        with pytest.raises(StoreUnavailable):
            call()
    board.store.maintain()
    board.store.close()
    assert board.store.free_bytes() == 0
    assert board.operations() == before


def test_what_stands_in_for_a_store_refuses_everything() -> None:
    stand_in = UnavailableStore("format 3")
    assert (stand_in.capacity_bytes(), stand_in.free_bytes()) == (0, 0)
    stand_in.maintain()
    stand_in.close()
    public = [name for name in dir(Store) if not name.startswith("_") and callable(getattr(Store, name))]
    # What the protocols call; the rest is between the modules of the store, or for the one that opens it.
    for name in ("new_letter", "open_letter", "deliver", "append", "mailboxes", "find", "create", "open_mailbox"):
        assert name in public
        with pytest.raises(StoreUnavailable, match="format 3"):
            getattr(stand_in, name)()


def test_it_works_in_a_plain_folder(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert store.is_blank_or_cut_format()
    store.format()
    store.open()
    for user in USERS:
        store.ensure_user(user)
    slot = deliver(store, USERS, bytes(range(256)) * 40)
    again = Store(str(tmp_path))
    again.open()
    assert content(again, slot) == bytes(range(256)) * 40
    assert [again.status(user, "INBOX")[0] for user in USERS] == [1, 1]


# Letters.


def test_a_letter_is_read_as_it_was_written(board: Board) -> None:
    octets = bytes(range(256)) * 40
    deliver(board.store, ["anna"], octets)
    board.start()
    with opened(board.store, "anna", "INBOX") as box:
        assert content(board.store, box.letter(0)) == octets
        assert (box.size(0), box.date(0), box.flags(0)) == (len(octets), DATE, 0)


def test_a_letter_of_several_users_is_stored_once(board: Board) -> None:
    slot = deliver(board.store, ["anna", "bert", "anna"], b"once")
    assert board.slots() == {slot}
    assert board.store.slots.get(slot) == 2
    with opened(board.store, "anna", "INBOX") as box:
        assert uids_of(box) == [1]
        box.expunge([1])
    assert board.slots() == {slot}
    with opened(board.store, "bert", "INBOX") as box:
        assert content(board.store, box.letter(0)) == b"once"
        box.expunge([1])
    assert board.slots() == set()


def test_references_count_every_entry(board: Board) -> None:
    slot = deliver(board.store, USERS)
    with opened(board.store, "anna", "INBOX") as box:
        for name in ("Archive", "Archive", "Trash"):
            box.copy([1], board.info("anna", name)[0])
        box.move([1], board.info("anna", "Sent")[0])
    assert board.store.slots.get(slot) == 5
    board.start()
    assert board.store.slots.get(slot) == 5
    with opened(board.store, "anna", "Archive") as box:
        box.expunge([1, 2])
    board.store.delete("anna", "Trash")
    board.idle()
    assert board.store.slots.get(slot) == 2
    assert board.slots() == {slot}


def test_a_letter_with_too_many_references_to_count_stays(board: Board) -> None:
    slot = deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        for _ in range(8):
            box.copy(uids_of(box), box.id)
        assert len(box) == 256 > MOST
        assert board.store.slots.get(slot) == MANY
        box.expunge(uids_of(box))
    assert board.slots() == {slot}
    board.start()
    assert board.store.slots.get(slot) == MANY
    assert content(board.store, slot) == b"letter"


def test_an_unknown_user_gets_nothing_and_nobody_else_does(board: Board) -> None:
    with pytest.raises(NoSuchMailbox):
        deliver(board.store, ["anna", "nobody"])
    assert board.store.status("anna", "INBOX")[0] == 0
    assert board.slots() == set()
    with pytest.raises(NoSuchMailbox):
        board.store.append(board.store.new_letter(), 99, 0, DATE)


def test_a_letter_to_nobody_is_refused_and_gone(board: Board) -> None:
    before = board.store.free_bytes()
    with pytest.raises(NoSuchMailbox):
        deliver(board.store, [], bytes(9000))
    assert board.slots() == set()
    assert list(board.store.slots.pending()) == []
    # The directory of the letters stays.
    assert board.store.free_bytes() == before - 2 * BLOCK
    board.start()
    assert board.slots() == set()


def test_a_reader_reads_on_after_the_expunge(board: Board) -> None:
    slot = deliver(board.store, ["anna"], b"x" * 10000)
    with opened(board.store, "anna", "INBOX") as box:
        readers = [board.store.open_letter(slot) for _ in range(3)]
        box.expunge([1])
    board.idle()
    other = deliver(board.store, ["anna"], b"y" * 10000)
    buffer = bytearray(4096)
    for reader in readers:
        reader.seek(9000)
        assert reader.readinto(buffer) == 1000
        assert bytes(buffer[:1000]) == b"x" * 1000
        assert board.slots() == {slot, other}
        reader.close()
        reader.close()
    assert board.slots() == {other}
    with pytest.raises(LetterGone):
        board.store.open_letter(slot)


def test_half_a_letter_is_gone_after_a_cut(board: Board) -> None:
    kept = deliver(board.store, ["anna"])
    letter = board.store.new_letter()
    letter.write(bytes(5000))
    letter.finish(99, [board.info("anna", "INBOX")[0]], DATE)
    assert board.slots() == {kept, letter.slot}
    board.start()
    assert board.slots() == {kept}
    assert board.store.slots.get(letter.slot) != PENDING
    assert not board.store.letters.leftovers


def test_idle_work_leaves_letters_that_come_in(board: Board) -> None:
    letter = board.store.new_letter()
    letter.write(b"half")
    board.idle()
    letter.write(b" and half")
    board.store.deliver(letter, ["anna"], DATE)
    letter.abort()
    with opened(board.store, "anna", "INBOX") as box:
        assert content(board.store, box.letter(0)) == b"half and half"


def test_an_aborted_letter_leaves_nothing(board: Board) -> None:
    free = board.store.free_bytes()
    for _ in range(3):
        letter = board.store.new_letter()
        letter.write(bytes(30000))
        letter.abort()
    assert board.slots() == set()
    # The directory of the letters has been made.
    assert board.store.free_bytes() == free - 2 * BLOCK


# Room.


def fill(board: Board, size: int = 20000) -> int:
    """Delivers until there is no room; the number of letters."""
    for number in range(200):
        try:
            deliver(board.store, ["anna"], bytes(size))
        except StoreFull:
            return number
    raise AssertionError("never full")


def test_full_flash_refuses_letters_and_nothing_else(board: Board) -> None:
    count = fill(board)
    assert count > 5
    before = board.slots()
    assert len(before) == count
    with opened(board.store, "anna", "INBOX") as box:
        box.change_flags([1], SEEN, 0)
        box.expunge([2])
        assert box.flags(0) == SEEN
    deliver(board.store, ["anna"], bytes(20000))
    with pytest.raises(StoreFull):
        deliver(board.store, ["anna"], bytes(20000))
    # The store has counted rightly: littlefs has what it promised.
    system = board.flash.system
    assert (system.blocks - system.used_blocks()) * BLOCK >= board.store.free_bytes()
    board.store.create("anna", "Lists/Python")
    board.store.delete("anna", "Junk")
    board.idle()
    board.start()
    assert board.store.status("anna", "INBOX")[0] == count


def test_full_flash_keeps_on_folding(board: Board) -> None:
    """There is always room to write the largest snapshot anew."""
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        for _ in range(7):
            box.copy(uids_of(box), box.id)
    fill(board, 3000)
    with opened(board.store, "anna", "INBOX") as box:
        for number in range(600):
            box.change_flags(uids_of(box)[number % 7 :: 7], FLAGGED * (number & 1), FLAGGED * (~number & 1))
        board.fold("anna", "INBOX")
        before = [box.flags(index) for index in range(len(box))]
    board.start()
    with opened(board.store, "anna", "INBOX") as box:
        assert [box.flags(index) for index in range(len(box))] == before


def test_copies_are_refused_without_room(board: Board) -> None:
    slot = deliver(board.store, ["anna"])
    fill(board, 100)
    with opened(board.store, "anna", "INBOX") as box:
        with pytest.raises(StoreFull):
            box.copy(uids_of(box), board.info("anna", "Archive")[0])
        count = len(box)
        # A move takes no room.
        box.move([1], board.info("anna", "Archive")[0])
    assert board.store.slots.get(slot) == 1
    assert board.store.status("anna", "INBOX")[0] == count - 1


def test_what_was_expunged_is_free_again(board: Board) -> None:
    deliver(board.store, ["anna"])
    board.idle()
    free = board.store.free_bytes()
    for _ in range(5):
        with opened(board.store, "anna", "INBOX") as box:
            for _ in range(4):
                deliver(board.store, ["anna"], bytes(9000))
            assert board.store.free_bytes() == free - 12 * BLOCK
            box.expunge(uids_of(box)[1:])
        assert board.store.free_bytes() == free
    assert board.store.capacity_bytes() == board.flash.device.blocks * BLOCK


# The log.


def test_the_log_is_folded_before_it_is_full(board: Board) -> None:
    """Whatever happens, and without any idle time."""
    append(board.store, "bert", "Sent", b"kept")
    deliver(board.store, ["anna"])
    log = board.store.log
    with opened(board.store, "anna", "INBOX") as box:
        for number in range(3000):
            box.change_flags([1], FLAGGED * (number & 1), FLAGGED * (~number & 1))
            assert log.sectors_free() >= 2
    assert log.sector > 3 * log.device.sectors
    board.start()
    assert board.store.status("bert", "Sent")[0] == 1
    with opened(board.store, "anna", "INBOX") as box:
        assert box.flags(0) == FLAGGED


def test_idle_work_comes_to_an_end(board: Board) -> None:
    for _ in range(30):
        deliver(board.store, USERS)
    for _ in range(IDLE):
        board.store.maintain()
    before = board.operations()
    board.idle()
    assert board.operations() == before
