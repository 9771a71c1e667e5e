"""Damage of the log: it costs what the damaged transaction said, and letters that nothing names any more come back."""

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest

from postino.store import INFO_ID, LetterGone, StoreUnavailable, records, trailer
from postino.store.catalogue import INFO_COUNTERS, UIDNEXT
from postino.store.flags import FLAGGED, SEEN
from postino.store.records import padded
from tests.support.nor_chip import BLOCK
from tests.unit.store_support import USERS, Board, append, content, deliver, opened, uids_of

# Numbers that are passed over, since a lost record may have given them.
SKIPPED = 256


def places(board: Board, kind: int, mailbox: int = 0) -> list[tuple[int, int]]:
    """Sector and offset of all records of this kind, or of those of one mailbox."""
    found = []
    reader = board.store.log.reader()
    while reader.next():
        if reader.kind == kind and mailbox in (0, reader.mailbox):
            size = padded(records.RECORD_HEAD + reader.length + records.CRC_SIZE)
            found.append((reader.sector, reader._offset - size))
    return found


def spoil(board: Board, sector: int, offset: int) -> None:
    """An octet of the log loses a bit that it has, or wins one."""
    log = board.flash.device.log
    board.flash.chip.image[(board.flash.device.blocks + sector % log.sectors) * BLOCK + offset] ^= 0x10


def spoil_record(board: Board, kind: int, which: int = -1, mailbox: int = 0) -> None:
    """The log goes on after it: what stands last may be what a cut has left."""
    sector, offset = places(board, kind, mailbox)[which]
    board.store.subscribe("bert", "Drafts", False)
    spoil(board, sector, offset + records.RECORD_HEAD + 1)


def letters(board: Board) -> dict[tuple[str, str], list[tuple[int, str, bytes]]]:
    """UID, flags and octets of the letters in all mailboxes that have some."""
    found = {}
    for (user, name), seen in board.seen().items():
        rows = [(row[0], row[3], content(board.store, row[1])) for row in seen["entries"]]
        if rows:
            found[user, name] = rows
    return found


def test_a_delivery_comes_back_for_everybody(board: Board) -> None:
    deliver(board.store, USERS, b"first")
    deliver(board.store, USERS, b"lost")
    spoil_record(board, records.ADD)
    deliver(board.store, ["anna"], b"last")
    board.start()
    first = (1, "", b"first")
    assert letters(board) == {("anna", "INBOX"): [first, (3, "", b"last")], ("bert", "INBOX"): [first]}
    board.idle()
    found = letters(board)
    assert [row[1:] for row in found["anna", "INBOX"]] == [("", b"first"), ("", b"last"), ("", b"lost")]
    assert [row[1:] for row in found["bert", "INBOX"]] == [("", b"first"), ("", b"lost")]
    assert found["anna", "INBOX"][-1][0] == 4 + SKIPPED
    assert len(board.slots()) == 3
    assert board.store.slots.get(1) == 2
    assert board.reports[0].startswith("log damaged: sector 1, octet ")


def test_the_letter_and_its_slot_are_lost_together(board: Board) -> None:
    """No record says that there is a file."""
    deliver(board.store, ["anna"], b"first")
    append(board.store, "anna", "Archive", b"lost")
    spoil_record(board, records.ADD)
    sector, offset = places(board, records.SLOTS)[-1]
    spoil(board, sector, offset + 17)
    board.start()
    board.idle()
    assert [row[1:] for row in letters(board)["anna", "Archive"]] == [("", b"lost")]
    assert len(board.slots()) == 2


def test_numbers_are_passed_over(board: Board) -> None:
    deliver(board.store, USERS)
    before = {info[INFO_ID]: info[INFO_COUNTERS][UIDNEXT] for info in board.store.catalogue.infos}
    numbers = board.store.state
    expected = [numbers.next_letter, numbers.next_mailbox, numbers.next_uidvalidity]
    spoil_record(board, records.SLOTS)
    board.start()
    numbers = board.store.state
    found = [numbers.next_letter, numbers.next_mailbox, numbers.next_uidvalidity]
    assert found == [each + SKIPPED for each in expected]
    after = {info[INFO_ID]: info[INFO_COUNTERS][UIDNEXT] for info in board.store.catalogue.infos}
    assert after == {mailbox: uidnext + SKIPPED for mailbox, uidnext in before.items()}


def test_a_slot_that_was_about_to_be_written_costs_nothing(board: Board) -> None:
    deliver(board.store, USERS, b"first")
    deliver(board.store, ["anna"], b"second")
    spoil_record(board, records.SLOTS)
    before = letters(board)
    board.start()
    board.idle()
    assert letters(board) == before
    assert len(board.slots()) == 2


def test_flags_are_lost(board: Board) -> None:
    for _ in range(2):
        deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.change_flags([1], SEEN, 0)
        box.change_flags([1, 2], FLAGGED, 0)
    spoil_record(board, records.FLAGS, 0)
    board.start()
    for _ in range(2):
        assert [row[1] for row in letters(board)["anna", "INBOX"]] == [str(FLAGGED)] * 2
        board.idle()


def test_a_copy_is_lost(board: Board) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.copy([1], board.info("anna", "Archive")[INFO_ID])
    spoil_record(board, records.ENTRIES)
    board.start()
    board.idle()
    assert letters(board) == {("anna", "INBOX"): [(1, "", b"letter")]}
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge([1])
    assert board.slots() == set()


@pytest.mark.parametrize("kind", [records.ENTRIES, records.EXPUNGE], ids=["arrival", "departure"])
def test_a_move_is_lost_as_a_whole(board: Board, kind: int) -> None:
    deliver(board.store, ["anna"])
    with opened(board.store, "anna", "INBOX") as box:
        box.move([1], board.info("anna", "Archive")[INFO_ID])
    spoil_record(board, kind)
    board.start()
    board.idle()
    assert letters(board) == {("anna", "INBOX"): [(1, "", b"letter")]}
    assert board.store.slots.get(0) == 1


def test_an_expunge_is_lost(board: Board) -> None:
    """The letter has gone, and cannot come back; nor is it there for ever."""
    for number in range(3):
        deliver(board.store, ["anna"], b"%d" % number)
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge([2])
    spoil_record(board, records.EXPUNGE)
    board.start()
    board.idle()
    with opened(board.store, "anna", "INBOX") as box:
        if len(box) == 3:
            with pytest.raises(LetterGone):
                content(board.store, box.letter(1))
            box.expunge([2])
        assert uids_of(box) == [1, 3]
    board.idle()
    assert {row[2] for row in letters(board)["anna", "INBOX"]} == {b"0", b"2"}
    assert len(board.slots()) == 2


def test_a_lost_expunge_does_not_show_the_letter_of_somebody_else(board: Board) -> None:
    """Its slot was free, and is given again."""
    deliver(board.store, ["anna"], b"for anna")
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge([1])
    spoil_record(board, records.EXPUNGE)
    while deliver(board.store, ["bert"], b"for bert") != 0:
        pass
    sent = len(letters(board)["bert", "INBOX"])
    for _ in range(2):
        board.start()
        assert readable(board, "anna") == []
        board.idle()
        assert readable(board, "anna") == []
        assert readable(board, "bert") == [b"for bert"] * sent
    assert ("anna", "INBOX") not in letters(board)


def readable(board: Board, user: str) -> list[bytes]:
    """The letters in his INBOX that he can read."""
    found = []
    with opened(board.store, user, "INBOX") as box:
        for index in range(len(box)):
            with suppress(StoreUnavailable, LetterGone):
                found.append(content(board.store, box.letter(index)))
    return found


def test_letters_of_a_lost_mailbox_do_not_go_to_somebody_else(board: Board) -> None:
    board.store.create("bert", "Lists")
    append(board.store, "bert", "Lists", b"for bert")
    spoil_record(board, records.MAILBOX, -1, board.info("bert", "Lists")[INFO_ID])
    board.start()
    assert board.info("bert", "Lists") is None
    board.idle()
    assert ("anna", "INBOX") not in letters(board)


@pytest.mark.parametrize("also", [(), (records.ADD, records.SLOTS)], ids=["alone", "and all that names a letter"])
def test_letters_of_a_lost_mailbox_stay(board: Board, also: tuple[int, ...]) -> None:
    """Nobody sees them any more, but their files are kept: `postino export` finds them."""
    deliver(board.store, ["anna"], b"for anna")
    board.store.create("bert", "Lists")
    for number in range(3):
        append(board.store, "bert", "Lists", b"for bert %d" % number)
    spoil_record(board, records.MAILBOX, -1, board.info("bert", "Lists")[INFO_ID])
    for kind in also:
        spoil_record(board, kind, -2)
    board.start()
    board.idle()
    assert "nobody knows whose letter 2 is: it stays where it is" in board.reports
    for start in range(3):
        sent = [b"later %d, %d" % (start, number) for number in range(25)]
        for octets in sent:
            deliver(board.store, USERS, octets)
        board.idle()
        assert owners(board) == sorted([("anna", b"for anna")] + [(user, octets) for octets in sent for user in USERS])
        assert [content(board.store, slot) for slot in range(1, 4)] == [b"for bert %d" % number for number in range(3)]
        assert [board.store.slots.get(slot) for slot in range(4)] == [1] * 4
        # Their slots are given again.
        for user in USERS:
            with opened(board.store, user, "INBOX") as box:
                box.expunge([uid for uid in uids_of(box) if uid > 1])
        board.start()


@pytest.mark.parametrize("error", [MemoryError(), OSError(5, "")], ids=["memory", "EIO"])
@pytest.mark.parametrize("call", [1, 2])
def test_a_letter_that_cannot_be_looked_at_comes_back(
    board: Board, monkeypatch: pytest.MonkeyPatch, call: int, error: Exception
) -> None:
    """At the start, when it is decided whether what looks half written goes."""
    deliver(board.store, ["anna"], b"first")
    for number in range(2):
        deliver(board.store, ["anna"], b"lost %d" % number)
    deliver(board.store, ["anna"], b"last")
    for which in (1, 2):
        spoil_record(board, records.ADD, which)
    left = [call]
    look = trailer.read

    def fail(file):
        left[0] -= 1
        if left[0] == 0:
            raise error
        return look(file)

    with monkeypatch.context() as patch:
        patch.setattr(trailer, "read", fail)
        board.start()
    assert left[0] <= 0
    board.idle()
    assert owners(board) == [("anna", octets) for octets in (b"first", b"last", b"lost 0", b"lost 1")]
    assert [board.store.slots.get(slot) for slot in range(4)] == [1] * 4


def test_a_rename_is_lost(board: Board) -> None:
    append(board.store, "anna", "Archive", b"letter")
    board.store.rename("anna", "Archive", "Old")
    spoil_record(board, records.MAILBOX, -1, board.info("anna", "Old")[INFO_ID])
    board.start()
    board.idle()
    assert letters(board) == {("anna", "Archive"): [(1, "", b"letter")]}


@pytest.fixture
def sectors() -> Iterator[Board]:
    """Deliveries in five sectors of the log; a snapshot has some of them, the state none."""
    board = Board(300)
    for number in range(90):
        if number == 20:
            board.fold("anna", "INBOX")
        deliver(board.store, USERS[number % 2 : number % 2 + 1], b"%d" % number)
        append(board.store, "anna", "Archive", b"archived %d" % number)
    assert (board.store.log.tail, board.store.log.sector) == (1, 5)
    yield board
    board.flash.release()


def owners(board: Board) -> list[tuple[str, bytes]]:
    return sorted((user, row[2]) for (user, _), rows in letters(board).items() for row in rows)


@pytest.mark.parametrize("sector", [2, 3, 4, 5])
def test_the_header_of_a_sector_costs_its_transactions(sectors: Board, sector: int) -> None:
    """It says where the good part of the sector before ends, and the newest one that there is a sector at all."""
    before = owners(sectors)
    spoil(sectors, sector, 9)
    sectors.start()
    assert len(owners(sectors)) < len(before)
    sectors.idle()
    assert owners(sectors) == before
    deliver(sectors.store, USERS, b"new")
    sectors.start()
    sectors.idle()
    assert owners(sectors) == sorted([*before, ("anna", b"new"), ("bert", b"new")])


@pytest.mark.parametrize("seed", range(40))
def test_wherever_the_log_is_damaged_letters_come_back(sectors: Board, seed: int) -> None:
    """One, two or three octets of it: everybody has his letters, and nobody has another's."""
    chance = random.Random(seed)
    log = sectors.store.log
    if seed % 4 == 0:
        sectors.store.keeper.write_state()
    before = owners(sectors)
    for _ in range(1 + seed % 3):
        sector = chance.randrange(2, log.sector + 1)
        spoil(sectors, sector, chance.randrange(log.end_of(sector)))
    sectors.start()
    sectors.idle()
    assert owners(sectors) == before
    assert len(sectors.slots()) == len(before)
    references = [sectors.store.slots.get(slot) for slot in sorted(sectors.slots())]
    assert references == [1] * len(before)


@pytest.mark.parametrize("saved", ["state", "snapshot"])
@pytest.mark.parametrize("lost", range(1, 6))
def test_the_log_does_not_fall_behind_what_was_made_of_it(board: Board, saved: str, lost: int) -> None:
    """Its end is damaged, and looks like what a cut has left; but what was saved has transactions beyond that."""
    for number in range(4):
        deliver(board.store, ["anna"], b"%d" % number)
    if saved == "state":
        board.store.keeper.write_state()
    else:
        board.fold("anna", "INBOX")
    found = [place for kind in (records.ADD, records.SLOTS, records.FOLDED) for place in places(board, kind)]
    for sector, offset in sorted(found)[-lost:]:
        spoil(board, sector, offset + records.RECORD_HEAD + 1)
    expected = [("anna", b"%d" % number) for number in range(4)]
    board.start()
    board.idle()
    assert owners(board) == expected
    for number in range(4, 8):
        deliver(board.store, ["anna"], b"%d" % number)
        expected.append(("anna", b"%d" % number))
        assert owners(board) == expected
        board.start()
        board.idle()
        assert owners(board) == expected
    with opened(board.store, "anna", "INBOX") as box:
        assert len(set(uids_of(box))) == 8
        assert [board.store.slots.get(box.letter(index)) for index in range(8)] == [1] * 8


def test_the_repair_is_done_once(board: Board) -> None:
    """Numbers are passed over once for one damage."""
    for _ in range(3):
        deliver(board.store, ["anna"])
    spoil_record(board, records.ADD, 1)
    board.start()
    board.idle()
    board.reports.clear()
    found = board.seen()
    for _ in range(2):
        board.start()
        assert board.seen() == found
        board.idle()
    assert board.reports == []
