"""The reader of mail images: which transactions of the log count, and what shows that some of them are lost."""

import struct

import pytest

from postino_tools import mail_image
from postino_tools.mail_image import replay
from tests.support.mail_image_builder import BEGIN, BLOCK, COMMIT, FLAGS, SECTOR_HEADER, Box, ImageBuilder, fix_crc
from tests.unit.test_mail_image import assert_holds, letter_text
from tests.unit.test_mail_image_damage import change, found, log_record

FOLDED = 11
SEEN, ANSWERED, FLAGGED = 1, 2, 4


@pytest.fixture
def builder() -> ImageBuilder:
    return ImageBuilder(80)


@pytest.fixture
def inbox(builder) -> Box:
    """INBOX of anna, with one letter."""
    box = builder.box()
    builder.deliver(letter_text(1), box)
    return box


def flags_of(builder: ImageBuilder) -> list[str]:
    users = mail_image.describe(mail_image.open_image(builder.image()))["users"]
    return users["anna"]["INBOX"]["entries"][0]["flags"]


def put(builder: ImageBuilder, sequence: int, *records: tuple[int, int]) -> None:
    """Records with these marks, each of which sets a flag of anna's letter."""
    for marks, flag in records:
        payload = struct.pack("<IIBB2xII", 0, 0, flag, 0, 1, 1)
        builder.write(builder.record(FLAGS, 1, payload, marks, sequence))


def records_of(*transactions: tuple[int, list[tuple[int, int]]]):
    return transactions


# What follows transaction 3, as (sequence number, (marks, flag of each record)); and which flags count.
ORDERS = {
    "one record": (records_of((4, [(BEGIN | COMMIT, SEEN)])), [r"\Seen"]),
    "two records": (records_of((4, [(BEGIN, SEEN), (COMMIT, FLAGGED)])), [r"\Seen", r"\Flagged"]),
    "no BEGIN": (records_of((4, [(COMMIT, SEEN)]), (5, [(BEGIN | COMMIT, FLAGGED)])), [r"\Flagged"]),
    "no BEGIN in two records": (records_of((4, [(0, SEEN), (COMMIT, ANSWERED)])), []),
    "no COMMIT": (records_of((4, [(BEGIN, SEEN)]), (5, [(BEGIN | COMMIT, FLAGGED)])), [r"\Flagged"]),
    "begun again": (records_of((4, [(BEGIN, SEEN), (BEGIN | COMMIT, FLAGGED)])), []),
    "another in between": (records_of((4, [(BEGIN, SEEN)]), (5, [(COMMIT, ANSWERED)]), (4, [(COMMIT, FLAGGED)])), []),
    "more after the commit": (records_of((4, [(BEGIN | COMMIT, SEEN), (COMMIT, FLAGGED)])), []),
}


@pytest.mark.parametrize(("transactions", "flags"), ORDERS.values(), ids=ORDERS.keys())
def test_what_counts(builder, inbox, transactions, flags):
    for sequence, records in transactions:
        put(builder, sequence, *records)
    assert flags_of(builder) == flags


def test_a_transaction_without_its_beginning_is_an_error(builder, inbox):
    put(builder, 4, (0, SEEN), (COMMIT, FLAGGED))
    assert found(builder) == [("error", "log-begin")]


def test_the_tail_may_begin_in_a_transaction(builder, inbox):
    """Its first records were in the sector before, and the state has them."""
    builder.fold_all()
    builder.fold(inbox)
    put(builder, 4, (COMMIT, SEEN))
    assert (found(builder), flags_of(builder)) == ([], [r"\Seen"])
    builder.next_sector()
    builder.sequence = 4
    put(builder, 5, (COMMIT, FLAGGED))
    assert (found(builder), flags_of(builder)) == ([("error", "log-sequence"), ("error", "log-begin")], [r"\Seen"])


@pytest.mark.parametrize(("sequence", "flags"), [(3, [r"\Seen", r"\Flagged"]), (4, [])])
def test_a_header_says_that_a_number_is_used_up(builder, inbox, sequence, flags):
    put(builder, 4, (BEGIN, SEEN))
    builder.sequence = sequence
    builder.next_sector()
    put(builder, 4, (COMMIT, FLAGGED))
    assert flags_of(builder) == flags


def test_a_hole_in_a_transaction(builder, inbox):
    begin = len(builder.sectors[1])
    put(builder, 4, (BEGIN, SEEN), (0, ANSWERED), (COMMIT, FLAGGED))
    put(builder, 5, (BEGIN | COMMIT, 8))
    second = begin + (len(builder.sectors[1]) - begin) // 4
    builder.sectors[1] = change(builder.sectors[1], second + 20, b"\x55")
    assert (found(builder)[0], flags_of(builder)) == (("error", "log-record"), [r"\Deleted"])


def test_only_ones_where_a_record_should_be(builder, inbox):
    builder.flags(inbox, (1, 1), add=SEEN)
    start = log_record(builder, 3)
    builder.sectors[1] = builder.sectors[1][:start].ljust(len(builder.sectors[1]), b"\xff")
    builder.next_sector()
    assert ("error", "log-record") in found(builder)


def test_a_header_counts_only_in_its_place(builder, inbox):
    """Sector 9 belongs where sector 1 was; a copy of it elsewhere is none."""
    builder.fold_all()
    copy = builder.sectors[2]
    builder.flags(inbox, (1, 1), add=SEEN)
    image = bytearray(builder.image())
    log = (builder.blocks - builder.log_blocks) * BLOCK
    image[log + 5 * BLOCK : log + 6 * BLOCK] = copy.ljust(BLOCK, b"\xff")
    greater = copy[:12] + struct.pack("<I", 9) + copy[16:28]
    image[log + 6 * BLOCK : log + 7 * BLOCK] = fix_crc(greater + bytes(4)).ljust(BLOCK, b"\xff")
    store = mail_image.open_image(bytes(image))
    assert (mail_image.check(store), store.log.newest) == ([], 2)
    assert [entry.flags for entry in store.mailboxes[1].entries.values()] == [SEEN]


@pytest.mark.parametrize("blocks", [64, 1300, 2688])
def test_the_log_of_an_upgraded_store_has_eight_files(blocks):
    builder = ImageBuilder(blocks, upgraded=True)
    inbox = builder.box()
    builder.deliver(letter_text(1), inbox)
    for _ in range(10):
        builder.fold_all()
    assert_holds(builder)
    assert {path for path in mail_image.open_image(builder.image()).filesystem.files if path.startswith("log/")} == {
        f"log/{number}" for number in range(8)
    }
    builder.files["log/8"] = builder.files["log/00"] = builder.sectors[builder.newest]
    assert found(builder) == [("warning", "stray")] * 2


# The end of the log is lost ------------------------------------------------------------------------------------------


def test_the_header_of_the_newest_sector(builder, inbox):
    builder.next_sector()
    builder.flags(inbox, (1, 1), add=SEEN)
    builder.sectors[2] = change(builder.sectors[2], 8, b"\x55")
    assert (found(builder), flags_of(builder)) == ([("error", "log-sector")], [])


def test_a_sector_that_is_not_needed_and_has_no_header_is_no_damage(builder, inbox):
    for _ in range(builder.log_blocks):
        builder.fold_all()
    old = builder.newest + 1 - builder.log_blocks
    builder.sectors[old] = bytes(SECTOR_HEADER) + builder.record(FLAGS, 1, bytes(12), BEGIN | COMMIT, 2)
    assert found(builder) == []


def test_a_snapshot_ahead_of_the_log(builder, inbox):
    builder.sequence += 10
    builder.fold(inbox)
    store = mail_image.open_image(builder.image())
    (finding,) = mail_image.check(store)
    assert (finding.kind, store.is_log_damaged) == ("snapshot", True)
    assert finding.text.endswith("the end of the log is lost")


def test_a_snapshot_of_an_unknown_mailbox_ahead_of_the_log(builder, inbox):
    """The record that made the mailbox is lost too."""
    builder.sequence += 10
    builder.files["index/7"] = builder.snapshot(Box(7, "ben", "New", 5))
    assert found(builder) == [("error", "snapshot")]


def test_a_mailbox_whose_making_is_lost(builder, inbox):
    """The values it has later are all that is known of it."""
    second = len(builder.sectors[1])
    other = builder.box("ben", "Old")
    builder.change_box(other, "New", 1)
    builder.deliver(letter_text(2), other)
    builder.sectors[1] = change(builder.sectors[1], second + 20, b"\x55")
    assert ("error", "log-mailbox") in found(builder)
    users = mail_image.describe(mail_image.open_image(builder.image()))["users"]
    assert [entry["uid"] for entry in users["ben"]["New"]["entries"]] == [1]


def test_a_uid_that_is_given_twice(builder, inbox):
    """The first letter keeps it."""
    inbox.uidnext = 1
    builder.deliver(letter_text(2), inbox)
    assert ("error", "uid-again") in found(builder)
    (entry,) = mail_image.describe(mail_image.open_image(builder.image()))["users"]["anna"]["INBOX"]["entries"]
    assert (entry["uid"], entry["letter_id"]) == (1, 1)


# FOLDED --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("above", "kinds"), [(0, []), (1, [("error", "folded")])])
def test_the_snapshot_that_the_log_names(builder, inbox, above, kinds):
    builder.fold(inbox)
    builder.commit((FOLDED, inbox.id, struct.pack("<Q", builder.sequence + above)))
    assert found(builder) == kinds


def test_the_snapshot_that_the_log_names_is_missing(builder, inbox):
    builder.commit((FOLDED, inbox.id, struct.pack("<Q", builder.sequence)))
    assert found(builder) == [("error", "folded")]


def test_a_fold_of_a_mailbox_that_is_gone(builder, inbox):
    builder.commit((FOLDED, 77, struct.pack("<Q", 99)))
    assert found(builder) == []


def test_a_fold_whose_snapshot_is_damaged_is_reported_once(builder, inbox):
    builder.fold(inbox)
    builder.commit((FOLDED, inbox.id, struct.pack("<Q", builder.sequence)))
    builder.files["index/1"] = change(builder.files["index/1"], 20, b"\x55")
    assert {kind for _, kind in found(builder)} & {"folded", "snapshot"} == {"snapshot"}


# Much work -----------------------------------------------------------------------------------------------------------


def test_changes_of_more_flags_than_a_log_can_say(builder, inbox, monkeypatch):
    monkeypatch.setattr(replay, "FLAGS_MAX", 5)
    for _ in range(7):
        builder.flags(inbox, (1, 1), (1, 1), add=SEEN)
    builder.flags(inbox, (1, 1), add=FLAGGED)
    assert (found(builder), flags_of(builder)) == ([("error", "log-flags")], [r"\Seen"])


@pytest.mark.parametrize("runs", [[(1, 2), (2, 3)], [(3, 3), (1, 2)], [(1, 0xFFFFFFFF), (2, 2)], [(2, 1), (1, 3)]])
def test_runs_in_any_order(builder, runs):
    box = builder.box()
    for number in range(3):
        builder.deliver(letter_text(number), box)
    builder.flags(box, *runs, add=SEEN)
    assert_holds(builder)
