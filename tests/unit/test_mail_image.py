"""The reader of mail images: what a healthy store holds, however much of it is folded and wherever it lies."""

import hashlib
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postino_tools import flash_layout, mail_image, partition_table
from postino_tools.mail_image.filesystem import file_blocks
from postino_tools.mail_image.letters import path_of, slot_of
from tests.support.mail_image_builder import BLOCK, SECTOR_HEADER, SLOTS, Box, ImageBuilder, blocks_of_file

FLAGS = (r"\Seen", r"\Answered", r"\Flagged", r"\Deleted", r"\Draft")


def letter_text(number: int, size: int = 200) -> bytes:
    text = b"From: clara@office.lan\r\nSubject: letter %d\r\n\r\n" % number
    return text + random.Random(number).randbytes(max(0, size - len(text)))


def expected_box(box: Box) -> dict:
    return {
        "id": box.id,
        "uidvalidity": box.uidvalidity,
        "uidnext": box.uidnext,
        "highestmodseq": box.highest,
        "subscribed": bool(box.attributes & 1),
        "special_use": {0: None, 8: r"\Junk", 16: r"\Trash"}[box.attributes & ~1],
        "retention_days": box.retention[0],
        "retention_letters": box.retention[1],
        "keywords": box.keywords,
        "entries": [
            {
                "uid": entry.uid,
                "letter_id": entry.letter.id,
                "slot": entry.letter.slot,
                "size": len(entry.letter.message),
                "internaldate": entry.letter.internaldate,
                "save_date": entry.save_date,
                "flags": [name for bit, name in enumerate(FLAGS) if entry.flags >> bit & 1],
                "keywords": [name for bit, name in enumerate(box.keywords) if entry.keywords >> bit & 1],
                "modseq": entry.modseq,
                "sha256": hashlib.sha256(entry.letter.message).hexdigest(),
            }
            for entry in box.entries.values()
        ],
    }


def expected_users(builder: ImageBuilder) -> dict:
    users: dict[str, dict] = {}
    for box in builder.boxes.values():
        users.setdefault(box.user, {})[box.name] = expected_box(box)
    return users


def lines(image: bytes) -> list[str]:
    return [str(finding) for finding in mail_image.check(mail_image.open_image(image))]


def assert_holds(builder: ImageBuilder, findings: list[str] | None = None) -> None:
    """The image has the content that the builder thinks it has, and exactly these findings."""
    store = mail_image.open_image(builder.image())
    assert [str(finding) for finding in mail_image.check(store)] == (findings or [])
    content = mail_image.describe(store)
    assert content["users"] == expected_users(builder)
    assert content["sequence"] == builder.sequence


def fill(builder: ImageBuilder) -> tuple[Box, Box, Box]:
    """Two users, three mailboxes, and a bit of everything that can happen to a letter."""
    inbox, trash = builder.box("anna"), builder.box("anna", "Trash", attributes=17, retention=(30, 0))
    other = builder.box("ben")
    forwarded = builder.keyword(inbox, "$Forwarded")
    project = builder.keyword(inbox, "Projekt Größe")
    letters = [builder.deliver(letter_text(number, 100 + number * 900), inbox) for number in range(8)]
    builder.deliver(letter_text(100), inbox, other, flags=1)
    builder.deliver(letter_text(101), inbox, keywords=project)
    builder.copy(letters[2], trash, flags=3)
    builder.flags(inbox, (1, 3), (6, 6), add=5, keywords=forwarded)
    builder.flags(inbox, (2, 2), remove=4)
    builder.expunge(inbox, 3, 5, 9)
    builder.remove_files(letters[4].slot)
    builder.deliver(b"", other)
    return inbox, trash, other


def test_nothing_but_a_format():
    assert_holds(ImageBuilder())


@pytest.mark.parametrize("upgraded", [False, True])
@pytest.mark.parametrize("folded", ["nothing", "state", "mailboxes", "all"])
def test_a_bit_of_everything(folded, upgraded):
    builder = ImageBuilder(upgraded=upgraded)
    boxes = fill(builder)
    if folded == "state":
        builder.fold_state()
    elif folded == "mailboxes":
        builder.fold(boxes[0])
        builder.fold(boxes[2])
    elif folded == "all":
        builder.fold_all()
    builder.deliver(letter_text(200), boxes[0])
    builder.flags(boxes[0], (1, 0xFFFFFFFF), add=16)
    assert_holds(builder)


def test_a_chip_and_a_file_and_other_kinds_of_octets(tmp_path):
    builder = ImageBuilder(448)
    fill(builder)
    table = partition_table.make_table(flash_layout.layout(4 << 20))
    chip = (b"\xff" * 0x8000 + table).ljust(0x240000, b"\xff") + builder.image()
    assert len(chip) == 4 << 20
    path = tmp_path / "flash.bin"
    path.write_bytes(chip)
    for source in (chip, bytearray(chip), path, str(path)):
        assert mail_image.describe(mail_image.open_image(source))["users"] == expected_users(builder)


def test_the_summary_counts_a_letter_once():
    builder = ImageBuilder()
    inbox, other = builder.box("anna"), builder.box("ben")
    letter = builder.deliver(letter_text(1, 300), inbox, other)
    builder.copy(letter, inbox)
    builder.deliver(letter_text(2, 500), inbox)
    summary = mail_image.summary(mail_image.open_image(builder.image()))
    assert summary == {"mailboxes": 2, "letters": 2, "octets": 800, "sequence": builder.sequence}


@pytest.mark.parametrize("upgraded", [False, True])
def test_the_log_goes_round(upgraded):
    builder = ImageBuilder(upgraded=upgraded)
    inbox = builder.box()
    builder.deliver(letter_text(1), inbox)
    while builder.newest < 3 * builder.log_blocks:
        for _ in range(50):
            builder.flags(inbox, (1, 1), add=1)
        builder.flags(inbox, (1, 1), remove=1)
        builder.fold_all()
    builder.flags(inbox, (1, 1), add=4)
    assert_holds(builder)


def test_records_of_one_transaction_in_two_sectors():
    builder = ImageBuilder()
    boxes = [builder.box(f"user{number}") for number in range(30)]
    while len(builder.sectors[builder.newest]) < BLOCK - 100:
        builder.flags(boxes[0], (1, 1), add=1)
    newest = builder.newest
    for box in boxes:
        box.name = "Other"
    builder.commit(*[(6, box.id, builder.mailbox_payload(box, created=False)) for box in boxes])
    assert builder.newest > newest
    assert_holds(builder)


def test_what_was_not_committed_does_not_count():
    builder = ImageBuilder()
    inbox = builder.box()
    letter = builder.deliver(letter_text(1), inbox)
    end = len(builder.sectors[1])
    builder.abandon((4, inbox.id, struct.pack("<IHH", 1, letter.slot, 1)))
    assert_holds(builder, [f"note: sector 1, octet {end} of the log: transaction 4 was not committed"])
    builder.flags(inbox, (1, 1), add=2)
    assert_holds(builder, [f"note: sector 1, octet {end} of the log: transaction 4 was not committed"])


@pytest.mark.parametrize("torn", [b"\x20\0\x08\x01", b"\0" * 40, bytes(range(200))])
def test_a_record_that_was_cut_does_not_matter(torn):
    builder = ImageBuilder()
    inbox = builder.box()
    builder.deliver(letter_text(1), inbox)
    end = len(builder.sectors[1])
    builder.sectors[1] += torn
    (line,) = lines(builder.image())
    assert line == f"note: sector 1, octets {end} to 4096 of the log: a record that was cut"
    # The log goes on in the next sector, whose header says where the good part ends.
    builder.next_sector(end)
    builder.flags(inbox, (1, 1), add=1)
    assert_holds(builder)


def test_a_sector_whose_erase_was_cut_is_free():
    builder = ImageBuilder()
    inbox = builder.box()
    builder.deliver(letter_text(1), inbox)
    builder.fold_all()
    assert builder.newest == 2
    old = builder.sectors[1]
    for cut in (old[:16] + bytes(len(old) - 16), old[:SECTOR_HEADER] + b"\0" * 100, b"\x5a" * BLOCK):
        builder.sectors[1] = cut
        assert_holds(builder)


def test_a_copy_of_the_state_that_is_older_or_damaged():
    builder = ImageBuilder()
    inbox = builder.box()
    builder.fold_state()
    builder.deliver(letter_text(1), inbox)
    builder.fold_state("index/state")
    assert_holds(builder, ["note: index/state.2 is older than index/state"])
    for path in ("index/state", "index/state.2"):
        damaged = dict(builder.files)
        content = bytearray(damaged[path])
        content[20] ^= 1
        builder.files[path] = bytes(content)
        assert_holds(builder, [f"error: {path}: the CRC of the state does not hold"])
        builder.files = damaged


def test_pending_slots_and_half_made_files():
    builder = ImageBuilder()
    inbox = builder.box()
    builder.letter(letter_text(1))
    builder.deliver(letter_text(2), inbox)
    builder.expunge(inbox, 1)
    builder.commit((SLOTS, 0, struct.pack("<H", 7)))
    builder.pending.append(7)
    builder.files |= {"index/1.new": b"x", "index/state.new": b"", "0/~": b"half"}
    noted = [
        "note: 0/0: a letter that is to be removed",
        "note: 0/1: a letter that is to be removed",
        "note: 0/~: a letter that was not finished",
        "note: index/1.new: a file that was not finished",
        "note: index/state.new: a file that was not finished",
    ]
    assert_holds(builder, noted)
    builder.fold_state()
    assert_holds(builder, noted)


def test_a_mailbox_on_its_way_out():
    builder = ImageBuilder()
    inbox, folder = builder.box(), builder.box(name="Old/Plans")
    letter = builder.deliver(letter_text(1), folder, inbox)
    builder.change_box(folder, "", 256)
    store = mail_image.open_image(builder.image())
    content = mail_image.describe(store)
    assert mail_image.check(store) == []
    assert (list(content["users"]["anna"]), content["dying"], content["mailboxes"]) == (["INBOX"], [folder.id], 1)
    builder.expunge(folder, 1)
    builder.drop(folder)
    assert builder.references == {letter.slot: 1}
    assert_holds(builder)


@pytest.mark.parametrize("folded", [False, True])
def test_subscriptions_without_a_mailbox(folded):
    builder = ImageBuilder()

    def holds(**wanted: list[str]) -> None:
        if folded:
            builder.fold_state()
        assert_holds(builder)
        assert mail_image.describe(mail_image.open_image(builder.image()))["nonexistent"] == wanted

    builder.box()
    lists, other, third = (builder.box(user, "Listen/März") for user in ("anna", "ben", "annamaria"))
    holds()
    builder.leave_name(lists, "Old")
    builder.leave_name(other, "Neu")
    builder.leave_name(third, "Neu")
    holds(anna=["Listen/März"], ben=["Listen/März"], annamaria=["Listen/März"])
    builder.leave_name(lists)
    builder.drop(lists)
    holds(anna=["Listen/März", "Old"], ben=["Listen/März"], annamaria=["Listen/März"])
    builder.unsubscribe("anna", "Listen/März")
    # A mailbox that comes, and one that gets the name, take it off the list.
    builder.nonexistent.remove(("anna", "Old"))
    builder.box("anna", "Old")
    builder.nonexistent.remove(("ben", "Listen/März"))
    builder.change_box(other, "Listen/März", 1)
    builder.leave_name(third, "Plans")
    holds(annamaria=["Listen/März", "Neu"])
    builder.unsubscribe("annamaria", "")
    holds()


def test_many_references_are_never_lowered():
    builder = ImageBuilder()
    inbox = builder.box()
    letter = builder.deliver(letter_text(1), inbox)
    for _ in range(260):
        builder.copy(letter, inbox)
    builder.expunge(inbox, *range(1, 101))
    assert builder.references[letter.slot] == 254
    assert_holds(builder)
    builder.fold_all()
    assert_holds(builder)


def test_a_letter_that_comes_back_within_a_transaction():
    """MOVE by a writer that takes the letter out before it puts it in."""
    builder = ImageBuilder()
    inbox, trash = builder.box(), builder.box(name="Trash")
    letter = builder.deliver(letter_text(1), inbox)
    entry = (1, letter.id, len(letter.message), letter.internaldate, 0, letter.slot, letter.blocks, 0)
    builder.commit(
        (4, inbox.id, struct.pack("<IHH", 1, letter.slot, letter.blocks)),
        (2, trash.id, struct.pack("<I", 5) + struct.pack("<IIIIIHHB3x", *entry)),
    )
    store = mail_image.open_image(builder.image())
    assert mail_image.check(store) == []
    assert [entry["uid"] for entry in mail_image.describe(store)["users"]["anna"]["Trash"]["entries"]] == [1]


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 8188, 8189, 12272, 12273, 75_000, 1 << 20])
def test_blocks_of_files(size):
    assert file_blocks(size) == blocks_of_file(size)


@given(st.integers(0, 0xFFFE))
def test_slots_and_paths(slot):
    assert slot_of(path_of(slot)) == slot


@pytest.mark.parametrize("path", ["0/40", "00/1", "1/01", "index/1", "0/1/2", "0/A", "0", "0/~"])
def test_paths_of_no_slot(path):
    assert slot_of(path) is None


ACTIONS = st.sampled_from(
    ["deliver", "both", "copy", "flags", "keyword", "expunge", "remove", "fold", "state", "all", "abandon", "rename"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, max_size=60), st.randoms(use_true_random=False))
def test_any_history(actions, source):
    builder = ImageBuilder(96)
    boxes = [builder.box("anna"), builder.box("anna", "Junk", attributes=9), builder.box("zoë", "Ideen/Größe")]
    for number, action in enumerate(actions):
        act(builder, action, source, boxes, number)
    store = mail_image.open_image(builder.image())
    assert [str(each) for each in mail_image.check(store) if each.severity != mail_image.NOTE] == []
    assert mail_image.describe(store)["users"] == expected_users(builder)


def act(builder: ImageBuilder, action: str, source: random.Random, boxes: list[Box], number: int) -> None:
    box = source.choice(boxes)
    uids = sorted(box.entries)
    chosen = sorted(source.sample(uids, min(len(uids), 3)))
    if action == "deliver":
        builder.deliver(letter_text(number, source.choice([10, 300, 5000])), box, flags=source.choice([0, 1]))
    elif action == "both":
        builder.deliver(letter_text(number), *boxes[:2])
    elif action == "copy" and uids:
        builder.copy(box.entries[chosen[0]].letter, source.choice(boxes), flags=2)
    elif action == "flags" and uids:
        builder.flags(box, *[(uid, uid) for uid in chosen], add=source.choice([1, 4, 8]), remove=source.choice([0, 2]))
    elif action == "keyword" and uids and len(box.keywords) < 32:
        builder.flags(box, (chosen[0], chosen[-1]), keywords=builder.keyword(box, f"word{number}"))
    elif action == "expunge" and uids:
        builder.expunge(box, *chosen)
    elif action == "remove" and builder.pending:
        builder.remove_files(*builder.pending[:2])
    elif action == "fold":
        builder.fold(box)
    elif action == "state":
        builder.fold_state()
    elif action == "all":
        builder.fold_all()
    elif action == "abandon":
        builder.abandon((3, box.id, struct.pack("<IIBB2xII", 0, 0, 31, 0, 1, 0xFFFFFFFF)))
    elif action == "rename":
        builder.change_box(boxes[2], f"Ideen/{number}", 1)
