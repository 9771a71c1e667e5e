"""Damage that meets something else: a failure in the repair, a second damage, a slot that is given again at once."""

import pytest

from postino.store import INFO_ID, records, recovery, repair
from postino.store.catalogue import FIRST_SECTOR, INFO_COUNTERS
from tests.unit.faults_support import EIO, Faults
from tests.unit.store_support import Board, append, change, content, deliver, opened
from tests.unit.test_store_corrupt import block_with
from tests.unit.test_store_damaged_log import letters, owners, places, spoil, spoil_record
from tests.unit.test_store_repair import octets, snapshot_of, wait
from tests.unit.test_store_slot_taken import EXPECTED, Older, lose_the_end


@pytest.fixture
def board():
    made = Board()
    yield made
    made.flash.release()


def test_after_damage_in_the_middle_of_the_log_no_letter_is_written_over(board):
    """Its records of the slot are lost, and slots are given again when all have been."""
    for number in range(5):
        deliver(board.store, ["anna"], b"letter %d" % number)
    board.store.subscribe("bert", "Drafts", False)
    for kind in (records.ADD, records.SLOTS):
        sector, offset = places(board, kind)[2]
        spoil(board, sector, offset + records.RECORD_HEAD + 1)
    board.start()
    assert board.store.log.damaged
    for number in range(63):
        deliver(board.store, ["bert"], b"new %d" % number)
    board.idle()
    assert [octet for user, octet in owners(board) if user == "anna"] == [b"letter %d" % n for n in range(5)]


def test_after_an_older_state_no_letter_is_written_over(board):
    """The very first delivery finds a slot that looks free in the older state."""
    older = Older(board).board
    deliver(older.store, ["bert"], b"new")
    older.idle()
    assert owners(older) == sorted([*EXPECTED, ("bert", b"new")])


@pytest.mark.parametrize("when", ["at once", "later"])
def test_the_letter_of_a_lost_mailbox_goes_to_nobody_else(board, when):
    """Though mailboxes of just one user are damaged."""
    for number in range(3):
        deliver(board.store, ["anna"], b"of anna %d" % number)
    board.fold("anna", "INBOX")
    board.store.keeper.write_state()
    board.store.create("bert", "Lists")
    append(board.store, "bert", "Lists", b"private letter of bert")
    spoil_record(board, records.MAILBOX, -1, board.info("bert", "Lists")[INFO_ID])
    if when == "at once":
        change(snapshot_of(board, "anna"), -20)
    board.start()
    board.idle()
    if when == "later":
        board.fold("anna", "INBOX")
        change(snapshot_of(board, "anna"), -20)
        board.start()
        letters(board)
        board.idle()
    assert ("anna", b"private letter of bert") not in owners(board)


@pytest.mark.parametrize("error", [MemoryError(), OSError(EIO, "")], ids=["memory", "EIO"])
def test_a_letter_of_several_comes_back_to_all_of_them(board, monkeypatch, error):
    """Also after a failure in the repair: then the references must still say what is missing."""
    for number in range(4):
        deliver(board.store, ["anna", "bert"], b"letter %d" % number)
    spoil_record(board, records.ADD, 1)
    image = bytes(board.flash.chip.image)
    faults = Faults(monkeypatch, error)
    expected = [b"letter %d" % number for number in range(4)]
    for number in range(1, 140):
        board.flash.chip.image[:] = image
        board.start()
        faults.left = number
        board.idle()
        faults.disarm()
        wait(board)
        assert octets(board) == {("anna", "INBOX"): expected, ("bert", "INBOX"): expected}, number


def test_a_letter_id_is_not_given_twice(board):
    """The repair that a taken slot brings about passes over numbers too."""
    for number in range(4):
        deliver(board.store, ["anna"], b"letter %d" % number)
    lose_the_end(board, 2)
    board.start()
    slots = [*range(4), deliver(board.store, ["bert"], b"new")]
    readers = [board.store.open_letter(slot) for slot in slots]
    ids = [reader.letter_id for reader in readers]
    for reader in readers:
        reader.close()
    assert len(set(ids)) == 5


def test_a_uid_is_not_given_twice(board):
    for number in range(5):
        deliver(board.store, ["anna"], b"letter %d" % number)
    with opened(board.store, "anna", "INBOX") as box:
        # Clients have seen it as UID 4.
        box.expunge([4])
    lose_the_end(board, 5)
    board.start()
    board.store.slots._next = 4
    board.store.slots.grow(5)
    deliver(board.store, ["anna"], b"new")
    with opened(board.store, "anna", "INBOX") as box:
        found = {box.uid(index): content(board.store, box.letter(index)) for index in range(len(box))}
    assert found.get(4, b"letter 3") == b"letter 3"
    assert found.get(5, b"letter 4") == b"letter 4"


def test_other_idle_work_goes_on_when_the_damaged_mailbox_is_due_for_a_fold(board, monkeypatch):
    """It cannot be folded before the repair, which fails and is tried again only after a pause."""
    for number in range(30):
        deliver(board.store, ["bert"], b"%d" % number)
    board.fold("bert", "INBOX")
    change(snapshot_of(board, "bert"), -100)
    deliver(board.store, ["bert"], b"later")
    log = board.store.log
    number = 0
    while log.sector - board.info("bert", "INBOX")[INFO_COUNTERS][FIRST_SECTOR] <= 3:
        number += 1
        board.store.subscribe("anna", "Drafts", bool(number & 1))
    append(board.store, "anna", "Sent")
    for _ in range(3):
        deliver(board.store, ["anna"])
    board.start()
    board.store.delete("anna", "Sent")
    board.store.set_retention("anna", "INBOX", 0, 1)

    def refused(*_arguments):
        raise MemoryError

    monkeypatch.setattr(repair, "repair", refused)
    for _ in range(600):
        board.store.maintain()
    lines = board.reports.count("store: mailbox %x is damaged" % board.info("bert", "INBOX")[INFO_ID])
    found = board.store.catalogue.dying(), board.store.status("anna", "INBOX")[0], lines < 20
    assert found == (None, 1, True)


@pytest.mark.parametrize("how", ["CORRUPT", "octets"])
def test_a_repair_shows_all_letters_when_it_is_done(how):
    """Without the head all records of the log count, in the fold that ends the repair too."""
    board = Board(320)
    for number in range(150):
        append(board.store, "anna", "Sent", b"letter %d" % number)
    board.fold("anna", "Sent")
    if how == "CORRUPT":
        page = (5).to_bytes(4, "little") + board.info("anna", "Sent")[INFO_ID].to_bytes(4, "little")
        board.flash.chip.image[block_with(board, page) + 3] ^= 0x80
    else:
        change(snapshot_of(board, "anna", "Sent"), 20)
        for page in range(6):
            change(snapshot_of(board, "anna", "Sent"), 300 + 1024 * page)
    board.start()
    with opened(board.store, "anna", "Sent"):
        pass
    board.idle()
    assert [line for line in board.reports if line.startswith("repair: ")]
    shown = board.store.status("anna", "Sent")[0]
    board.flash.release()
    assert shown == 150


def test_the_log_takes_nothing_until_the_replay_is_through(board, monkeypatch):
    """What the replay has not reached does not count yet."""
    deliver(board.store, ["anna"])

    def fail(_job):
        raise MemoryError

    monkeypatch.setattr(recovery._Replay, "run", fail)
    board.store.need_replay()
    board.store.maintain()
    assert not board.store.log.ready
