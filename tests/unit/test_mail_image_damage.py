"""The reader of mail images: each kind of damage is found, costs what it must, and is never a traceback."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postino_tools import flash_layout, mail_image, partition_table
from postino_tools.mail_image import NotAStore
from tests.support.mail_image_builder import (
    ADD,
    BLOCK,
    DROP,
    EXPUNGE,
    FLAGS,
    KEYWORD,
    REFERENCES,
    SLOTS,
    SPOOL,
    UNSUBSCRIBED,
    Box,
    ImageBuilder,
    fix_crc,
    make_littlefs,
    with_crc,
)
from tests.unit.test_mail_image import letter_text


@pytest.fixture
def builder() -> ImageBuilder:
    return ImageBuilder(80)


@pytest.fixture
def inbox(builder) -> Box:
    """INBOX of anna, with three letters."""
    box = builder.box()
    for number in range(3):
        builder.deliver(letter_text(number), box)
    return box


def found(builder: ImageBuilder) -> list[tuple[str, str]]:
    """Severity and kind of every finding."""
    store = mail_image.open_image(builder.image())
    findings = mail_image.check(store)
    mail_image.describe(store)
    return [(finding.severity, finding.kind) for finding in findings]


def uids(builder: ImageBuilder, user: str = "anna", name: str = "INBOX") -> list[int]:
    content = mail_image.describe(mail_image.open_image(builder.image()))
    return [entry["uid"] for entry in content["users"][user][name]["entries"]]


def change(content: bytes, offset: int, new: bytes) -> bytes:
    """The content with other octets at an offset, from the end if it is negative."""
    offset %= len(content)
    return content[:offset] + new + content[offset + len(new) :]


def change_file(builder: ImageBuilder, path: str, offset: int, new: bytes) -> None:
    builder.files[path] = change(builder.files[path], offset, new)


def change_states(builder: ImageBuilder, offset: int, new: bytes) -> None:
    """Both copies, with CRCs that hold."""
    for path in ("index/state", "index/state.2"):
        builder.files[path] = fix_crc(change(builder.files[path], offset, new))


# Not a store ---------------------------------------------------------------------------------------------------------


def chip(mail: bytes) -> bytes:
    table = partition_table.make_table(flash_layout.layout(4 << 20))
    return ((b"\xff" * 0x8000 + table).ljust(0x240000, b"\xff") + mail).ljust(4 << 20, b"\xff")


NO_STORES = {
    "nothing": (b"", "neither"),
    "erased": (b"\xff" * 65536, "blank"),
    "zeros": (bytes(65536), "neither"),
    "a text": (b"some text " * 10_000, "neither"),
    "only the name": (b"\0" * 8 + b"littlefs" + bytes(BLOCK * 4 - 16), "cannot be mounted"),
    "a chip without mail": (chip(b""), "the mail partition is blank"),
    "a chip that is too short": (chip(b"")[: 2 << 20], "beyond the chip"),
    "a chip with other mail": (chip(b"\0" * BLOCK), "no littlefs superblock"),
    "half a block too much": (make_littlefs({}, 16) + b"\xff" * 100, "whole blocks"),
    "longer than the partition": (make_littlefs({"index/state": b""}, 16)[: 8 * BLOCK], "16 blocks"),
    "an empty littlefs": (make_littlefs({}, 16), "empty littlefs"),
    "a format that was cut": (make_littlefs({"index/state.2.new": b"x"}, 16)[: 16 * BLOCK], "format was cut"),
    "another littlefs": (make_littlefs({"boot.py": b"print()"}, 16), "other files"),
    "format 1": (make_littlefs({"journal": b"PJN1", "letters/0/1": b"x"}, 16), "format 1"),
}


@pytest.mark.parametrize(("image", "reason"), NO_STORES.values(), ids=NO_STORES.keys())
def test_what_is_no_store_is_refused(image, reason):
    with pytest.raises(NotAStore, match=reason):
        mail_image.open_image(image)


def test_a_newer_format_is_not_read(builder):
    change_states(builder, 4, b"\x03")
    with pytest.raises(NotAStore, match="format 3"):
        mail_image.open_image(builder.image())


# The state -----------------------------------------------------------------------------------------------------------


def test_both_copies_of_the_state(builder, inbox):
    for path in ("index/state", "index/state.2"):
        change_file(builder, path, 9, b"\x55")
    kinds = found(builder)
    assert kinds[:3] == [("error", "state"), ("error", "state"), ("error", "state-lost")]
    assert kinds.count(("warning", "leak")) == 3


def test_copies_that_differ(builder, inbox):
    builder.fold_state()
    builder.files["index/state.2"] = fix_crc(change(builder.files["index/state.2"], 20, b"\x55"))
    assert ("error", "state-differs") in found(builder)


def test_a_state_that_the_log_does_not_reach(builder, inbox):
    old = dict(builder.files)
    builder.fold_all()
    for path in ("index/state", "index/state.2"):
        builder.files[path] = old[path]
    assert ("error", "state-behind") in found(builder)


def test_a_state_copy_that_the_log_does_not_reach(builder, inbox):
    old = builder.files["index/state.2"]
    builder.fold_all()
    builder.files["index/state.2"] = old
    assert found(builder) == [("warning", "state-behind")]


def test_a_state_ahead_of_the_log(builder, inbox):
    builder.sequence += 10
    builder.fold_state()
    assert found(builder) == [("error", "state-ahead")] * 2


STATE_CHANGES = {
    # Offset in the state of one mailbox of anna with three letters in slots 0 to 2, and what is said about it.
    "next letter id": (16, 3, "counter"),
    "next mailbox id": (20, 1, "counter"),
    "next UIDVALIDITY": (24, 5, "counter"),
    "blocks of all letters": (28, 1, "blocks"),
    "references too low": (40, 0, "references"),
    "references too high": (40, 9, "leak"),
    "pending and in use": (40, 255, "pending"),
    "mailbox id 0": (43, 0, "counter"),
    "UIDNEXT": (51, 2, "uidnext"),
    "entries": (55, 2, "mailbox-counts"),
    "blocks of the mailbox": (59, 2, "mailbox-counts"),
    "first recent UID": (63, 9, "recent"),
    "highest modification sequence": (67, 99, "modseq"),
    "attributes": (76, 64, "attributes"),
    "no user": (-13, 0, "name"),
}


@pytest.mark.parametrize(("offset", "value", "kind"), STATE_CHANGES.values(), ids=STATE_CHANGES.keys())
def test_numbers_of_the_state(builder, inbox, offset, value, kind):
    builder.fold_all()
    if kind == "name":
        inbox.user = ""
        builder.fold_state()
    else:
        change_states(builder, offset, struct.pack("<I", value) if offset not in (40, 76) else bytes([value]))
    assert kind in {found_kind for _, found_kind in found(builder)}


NAMES = {
    "twice": ("anna", "INBOX", 0),
    "empty": ("anna", "", 0),
    "an empty level": ("anna", "a//b", 0),
    "a control character": ("anna", "a\nb", 0),
    "inbox": ("anna", "Inbox", 0),
    "deleted with a name": ("anna", "a", 256),
    "no UTF-8": ("anna", b"a\xffb", 0),
}


@pytest.mark.parametrize(("user", "name", "attributes"), NAMES.values(), ids=NAMES.keys())
def test_names(builder, inbox, user, name, attributes):
    if isinstance(name, bytes):
        builder.box(user, "a?b")
        builder.fold_state()
        for path in ("index/state", "index/state.2"):
            builder.files[path] = fix_crc(builder.files[path].replace(b"a?b", name))
    else:
        builder.box(user, name, attributes)
    assert found(builder) == [("error", "name")]
    store = mail_image.open_image(builder.image())
    assert sum(len(boxes) for boxes in mail_image.describe(store)["users"].values()) == 2 - (attributes == 256)


@pytest.mark.parametrize(
    ("user", "name"), [("", "a"), ("anna", "a//b"), ("anna", "INBOX"), ("anna", "a\nb"), ("anna", "twice")]
)
def test_names_of_subscriptions_without_a_mailbox(builder, inbox, user, name):
    builder.nonexistent = [("anna", "twice"), (user, name)]
    builder.fold_state()
    assert found(builder) == [("error", "name")]


def test_a_subscription_without_a_user(builder, inbox):
    builder.nonexistent = [("anna", "Old")]
    builder.fold_state()
    for path in ("index/state", "index/state.2"):
        builder.files[path] = fix_crc(builder.files[path].replace(b"anna\0Old", b"anna.Old"))
    assert {kind for _, kind in found(builder)} >= {"state", "state-lost"}


@pytest.mark.parametrize(("user", "name"), [("anna", "Old"), ("ben", "Gone"), ("ben", "")])
def test_a_subscription_that_is_not_there_ends(builder, inbox, user, name):
    builder.leave_name(builder.box("anna", "Gone"))
    builder.unsubscribe(user, name)
    assert found(builder) == [("error", "log-name")]


@pytest.mark.parametrize("payload", [b"", b"anna", b"\xff"])
def test_a_subscription_that_says_nothing_ends(builder, inbox, payload):
    builder.commit((UNSUBSCRIBED, 0, payload))
    assert found(builder) == [("error", "log-payload")]


def test_a_state_out_of_order(builder, inbox):
    builder.box("ben")
    builder.fold_state()
    for path in ("index/state", "index/state.2"):
        content = builder.files[path]
        first, second = content.index(b"annaINBOX"), content.index(b"benINBOX")
        swapped = content[: first - 40] + content[first + 9 : second + 8] + content[first - 40 : first + 9]
        builder.files[path] = with_crc(swapped + content[second + 8 : -4])
    assert found(builder) == [("error", "state")] * 2


def test_a_uidvalidity_twice(builder, inbox):
    builder.next_uidvalidity -= 1
    builder.box("ben")
    assert found(builder) == [("error", "twice")]


# The log -------------------------------------------------------------------------------------------------------------


def log_record(builder: ImageBuilder, number: int) -> int:
    """Where the record `number` of sector 1 begins."""
    offset = 32
    for _ in range(number):
        (length,) = struct.unpack_from("<H", builder.sectors[1], offset)
        offset += -(-length // 16) * 16
    return offset


def test_a_record_in_the_middle(builder, inbox):
    # MAILBOX, then SLOTS and ADD of each letter.
    builder.sectors[1] = change(builder.sectors[1], log_record(builder, 4) + 20, b"\x55")
    kinds = found(builder)
    assert ("error", "log-record") in kinds
    assert ("error", "letter") not in kinds
    assert uids(builder) == [1, 3]


def test_the_last_record_looks_like_one_that_was_cut(builder, inbox):
    builder.sectors[1] = change(builder.sectors[1], log_record(builder, 6) + 20, b"\x55")
    assert found(builder) == [("note", "log-torn"), ("note", "pending")]
    assert uids(builder) == [1, 2]


def test_the_last_record_of_an_older_sector(builder, inbox):
    builder.sectors[1] = change(builder.sectors[1], log_record(builder, 6) + 20, b"\x55")
    builder.next_sector()
    assert ("error", "log-record") in found(builder)


@pytest.mark.parametrize("damaged", [1, 2])
def test_a_part_of_a_transaction(builder, inbox, damaged):
    first = log_record(builder, 7)
    parts = [(EXPUNGE, inbox.id, struct.pack("<IHH", uid, uid - 1, 1)) for uid in (1, 2, 3)]
    builder.commit(*parts)
    builder.sectors[1] = change(builder.sectors[1], first + 32 * (damaged - 1) + 17, b"\x55")
    assert ("error", "log-record") in found(builder)
    assert uids(builder) == [1, 2, 3]


def test_the_header_of_the_only_sector(builder, inbox):
    builder.sectors[1] = change(builder.sectors[1], 8, b"\x55")
    assert ("error", "log-missing") in found(builder)


def test_the_header_of_a_sector_in_the_middle(builder, inbox):
    for _ in range(2):
        builder.next_sector()
        builder.flags(inbox, (1, 1), add=1)
    builder.sectors[2] = change(builder.sectors[2], 8, b"\x55")
    assert ("error", "log-sector") in found(builder)
    assert uids(builder) == [1, 2, 3]


def test_a_tail_too_far_away(builder, inbox):
    for _ in range(10):
        builder.next_sector()
    assert ("error", "log-tail") in found(builder)


def test_an_end_beyond_the_sector(builder, inbox):
    builder.next_sector(5000)
    assert ("error", "log-end") in found(builder)


def test_a_header_with_another_sequence_number(builder, inbox):
    builder.sequence -= 1
    builder.next_sector()
    assert ("error", "log-sequence") in found(builder)


def test_a_sequence_number_that_goes_back(builder, inbox):
    builder.sequence = 2
    builder.flags(inbox, (1, 1), add=1)
    assert ("error", "log-order") in found(builder)


def test_a_transaction_that_goes_on_after_its_commit(builder, inbox):
    builder.sequence -= 1
    builder.flags(inbox, (1, 1), add=1)
    assert ("error", "log-commit") in found(builder)


RECORDS = {
    "too short": (ADD, 0, b"\0\0", "log-payload"),
    "half a run": (FLAGS, 1, bytes(12 + 5), "log-payload"),
    "no such mailbox": (FLAGS, 9, bytes(12), "log-mailbox"),
    "a UID again": (ADD, 0, struct.pack("<HHIIIIIIIB3x", 0, 1, 1, 200, 1_700_000_000, 0, 1, 2, 0, 0), "uid-again"),
    "a letter out of nowhere": (EXPUNGE, 1, struct.pack("<IHH", 9, 9, 1), "references"),
    "a UID that is not there": (EXPUNGE, 1, struct.pack("<IHH", 9, 2, 1), "expunge"),
    "a letter in another slot": (EXPUNGE, 1, struct.pack("<IHH", 1, 2, 1), "expunge"),
    "a mailbox with letters": (DROP, 1, b"", "drop"),
    "a mailbox id again": (6, 1, struct.pack("<IHHHBB", 777_001, 0, 0, 0, 1, 3) + b"benINBOX", "mailbox-again"),
    "a keyword number": (KEYWORD, 1, b"\x20name", "keywords"),
    "a keyword without a name": (KEYWORD, 1, b"\0", "keywords"),
    "unknown flags": (FLAGS, 1, struct.pack("<IIBB2xII", 0, 0, 32, 0, 1, 1), "entry"),
    "unknown keywords": (FLAGS, 1, struct.pack("<IIBB2xII", 4, 0, 0, 0, 1, 1), "entry"),
    "too few references": (REFERENCES, 0, struct.pack("<HHH", 0, 1, 0), "references"),
    "too many references": (REFERENCES, 0, struct.pack("<HHH", 0, 1, 2), "leak"),
    "a slot that is in use": (SLOTS, 0, struct.pack("<H", 1), "pending"),
}


@pytest.mark.parametrize(("kind", "mailbox", "payload", "expected"), RECORDS.values(), ids=RECORDS.keys())
def test_records_that_make_no_sense(builder, inbox, kind, mailbox, payload, expected):
    builder.commit((kind, mailbox, payload))
    assert expected in {found_kind for _, found_kind in found(builder)}


def test_mail_that_goes_out_is_skipped(builder, inbox):
    builder.commit((SPOOL, 0, b"\1\0\0\0\0\0\0\0x@example.org"))
    assert found(builder) == []


@pytest.mark.parametrize("kind", [0, 13, 255])
@pytest.mark.parametrize("payload", [b"", b"whatever a later version may have to say"], ids=len)
def test_kinds_of_a_later_version_are_passed_over(builder, inbox, kind, payload):
    builder.commit((kind, 1, payload))
    builder.commit((kind, 77, payload))
    builder.flags(inbox, (1, 1), add=1)
    assert found(builder) == []
    assert uids(builder) == [1, 2, 3]


# Snapshots -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folded(builder, inbox) -> ImageBuilder:
    """60 letters in three pages, two of them gone, everything folded."""
    builder.keyword(inbox, "word")
    for number in range(57):
        builder.deliver(letter_text(number, 20), inbox, keywords=1)
    builder.expunge(inbox, 59, 60)
    builder.remove_files(58, 59)
    builder.fold_all()
    assert found(builder) == []
    return builder


def test_a_page(folded):
    head = 64 + 5 + 2 * 12 + 4
    change_file(folded, "index/1", head + 1024 + 20, b"\x55")
    kinds = found(folded)
    assert kinds[0] == ("error", "snapshot")
    assert kinds.count(("warning", "leak")) == 28
    assert uids(folded) == [*range(1, 29), *range(57, 59)]


def test_a_head(folded):
    change_file(folded, "index/1", 20, b"\x55")
    assert [kind for kind in found(folded) if kind[0] == "error"] == [("error", "snapshot")]
    assert uids(folded) == list(range(1, 59))
    box = mail_image.describe(mail_image.open_image(folded.image()))["users"]["anna"]["INBOX"]
    assert (box["uidnext"], box["keywords"]) == (61, [])
    assert {entry["modseq"] for entry in box["entries"]} == {box["highestmodseq"]}


@pytest.mark.parametrize("length", [0, 10, 64, 90, 97, 1000, 2000, -36, -1])
def test_a_snapshot_that_is_cut_short(folded, length):
    folded.files["index/1"] = folded.files["index/1"][:length]
    assert ("error", "snapshot") in found(folded)


@pytest.mark.parametrize(
    ("field", "value"),
    # Index of a 4-octet field in the head.
    {"mailbox": (2, 7), "UIDVALIDITY": (3, 7), "UIDNEXT": (4, 5), "recent": (5, 99), "sequence": (6, 999)}.values(),
)
def test_numbers_of_a_snapshot(folded, field, value):
    head, pages = folded.files["index/1"][:97], folded.files["index/1"][97:]
    folded.files["index/1"] = fix_crc(change(head, field * 4, struct.pack("<I", value))) + pages
    assert ("error", "snapshot") in found(folded)


@pytest.mark.parametrize("run", [(0, 0, 0), (5, 5, 0), (60, 59, 0), (59, 70, 0), (59, 60, 9999)])
def test_histories_that_make_no_sense(folded, run):
    head, pages = folded.files["index/1"][:97], folded.files["index/1"][97:]
    folded.files["index/1"] = fix_crc(change(head, 69 + 12, struct.pack("<III", *run))) + pages
    assert ("error", "snapshot") in found(folded)


def test_uids_out_of_order(builder, inbox):
    inbox.entries = dict(reversed(inbox.entries.items()))
    builder.fold_all()
    assert found(builder) == [("error", "snapshot")]


# Letters and other files ---------------------------------------------------------------------------------------------

LETTER_CHANGES = {
    "the message": (50, b"\x55", 1),
    "the trailer's CRC": (-2, b"\x55", 1),
    "no trailer": (-36, b"X", 1),
    "the first mailboxes": (-40, b"\x55", 1),
}


@pytest.mark.parametrize(("offset", "new", "errors"), LETTER_CHANGES.values(), ids=LETTER_CHANGES.keys())
def test_a_letter(builder, inbox, offset, new, errors):
    change_file(builder, "0/1", offset, new)
    assert found(builder) == [("error", "letter")] * errors
    assert uids(builder) == [1, 2, 3]


TRAILERS = {
    # Offset in the last 36 octets.
    "letter id": (12, 9, ["counter", "letter"]),
    "letter id of another": (12, 1, ["letter", "twice"]),
    "size": (16, 199, ["letter", "letter"]),
    "header": (20, 201, ["letter"]),
    "date": (24, 5, ["letter"]),
    "length": (4, 10, ["letter"]),
}


@pytest.mark.parametrize(("offset", "value", "kinds"), TRAILERS.values(), ids=TRAILERS.keys())
def test_trailers_that_make_no_sense(builder, inbox, offset, value, kinds):
    new = struct.pack("<H" if offset == 4 else "<I", value)
    builder.files["0/1"] = fix_crc(change(builder.files["0/1"], offset - 36, new))
    if offset != 4:
        letter = builder.files["0/1"]
        builder.files["0/1"] = letter[:200] + with_crc(letter[200:-4])
    assert sorted(kind for _, kind in found(builder)) == kinds


ENTITIES = {
    "fine": ([(0, 40, 200, 1, 1), (40, 50, 60, 0, 0x100), (60, 70, 80, 0, 0x100)], []),
    "beyond the message": ([(0, 40, 201, 1, 0)], ["letter"]),
    "a kind": ([(0, 40, 200, 1, 5)], ["letter"]),
    "around itself": ([(0, 40, 200, 1, 0x100)], ["letter"]),
    "two letters": ([(0, 40, 200, 1, 0), (0, 40, 200, 1, 0)], ["letter"]),
    "half an entity": (b"1234", ["letter"]),
}


@pytest.mark.parametrize(("entities", "kinds"), ENTITIES.values(), ids=ENTITIES.keys())
def test_structures(builder, inbox, entities, kinds):
    structure = entities if isinstance(entities, bytes) else b"".join(struct.pack("<5I", *each) for each in entities)
    builder.add(builder.letter(letter_text(9), structure=structure), inbox)
    assert [kind for _, kind in found(builder)] == kinds


def test_a_letter_that_is_gone(builder, inbox):
    del builder.files["0/1"]
    assert found(builder) == [("error", "letter")]


def test_a_file_that_can_be_read_in_part(builder, inbox):
    builder.deliver(letter_text(7, 30_000), inbox)
    image = bytearray(builder.image())
    # The last data block of a littlefs file is followed to the ones before it by the pointers at its beginning.
    last = image.index(letter_text(7, 30_000)[-200:]) // BLOCK
    image[last * BLOCK : last * BLOCK + 4] = b"\xff\0\0\0"
    store = mail_image.open_image(bytes(image))
    assert "letter" in {finding.kind for finding in mail_image.check(store)}
    assert len(store.message(3, 30_000)) <= 30_000


STRAYS = {
    "a letter": ("0/20", [("warning", "leak")]),
    "a snapshot": ("index/77", [("warning", "stray")]),
    "in the root": ("journal", [("warning", "stray")]),
    "in a folder": ("1/zz", [("warning", "stray")]),
    "half a letter": ("~", [("note", "half-made")]),
    "a log": ("log/1", [("warning", "stray")]),
    "deep": ("0/1x/2/3", [("warning", "stray")]),
}


@pytest.mark.parametrize(("path", "kinds"), STRAYS.values(), ids=STRAYS.keys())
def test_files_that_nothing_names(builder, inbox, path, kinds):
    builder.files[path] = b"x" * 200
    assert found(builder) == kinds


def test_files_of_format_1():
    builder = ImageBuilder(upgraded=True)
    builder.deliver(letter_text(1), builder.box())
    builder.files |= {"journal": b"PJN1", "letters/1/2": b"x"}
    assert found(builder) == [("note", "format-1")] * 2


# Anything ------------------------------------------------------------------------------------------------------------


def full_builder() -> ImageBuilder:
    builder = ImageBuilder()
    inbox, trash = builder.box(), builder.box("ben", "Größe/x", attributes=17)
    builder.keyword(inbox, "word")
    for number in range(40):
        builder.deliver(letter_text(number, 30), inbox, trash, keywords=1)
    builder.expunge(inbox, 3, 4, 7)
    builder.fold(inbox)
    builder.fold_state("index/state")
    builder.flags(inbox, (5, 9), add=1)
    builder.expunge(trash, 3, 4)
    builder.letter(b"x")
    return builder


FULL = full_builder()
FULL_IMAGE = FULL.image()
USED = [at for at in range(0, len(FULL_IMAGE), 32) if FULL_IMAGE[at : at + 32].strip(b"\xff")]


def survive(image: bytes) -> None:
    """Whatever is in the image: findings or a refusal, nothing else."""
    try:
        store = mail_image.open_image(image)
    except NotAStore as error:
        assert str(error)
        return
    assert all(str(finding) for finding in mail_image.check(store))
    mail_image.describe(store)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(USED), st.integers(0, 31), st.integers(1, 255)), min_size=1, max_size=8))
def test_flipped_octets(flips):
    image = bytearray(FULL_IMAGE)
    for start, offset, bits in flips:
        image[start + offset] ^= bits
    survive(bytes(image))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(USED), st.sampled_from([b"\0", b"\xff", b"x"])), min_size=1, max_size=5))
def test_blocks_that_are_gone(blocks):
    image = bytearray(FULL_IMAGE)
    for at, octet in blocks:
        start = at // BLOCK * BLOCK
        image[start : start + BLOCK] = octet * BLOCK
    survive(bytes(image))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["index/state", "index/1", "0/0"]), st.integers(0, 2000), st.binary(min_size=1, max_size=4))
def test_wrong_octets_under_a_right_crc(path, offset, new):
    builder = ImageBuilder()
    builder.__dict__.update(FULL.__dict__, files=dict(FULL.files))
    content = builder.files[path]
    if path == "index/1":
        offset %= 97
        content = fix_crc(change(content[:97], offset, new)[:97]) + content[97:]
    else:
        content = fix_crc(change(content, offset, new)[: len(content)])
    builder.files[path] = content
    survive(builder.image())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4), st.binary(max_size=60)), min_size=1, max_size=5))
def test_records_with_any_payload(records):
    builder = ImageBuilder()
    builder.__dict__.update(FULL.__dict__, sectors=dict(FULL.sectors), files=dict(FULL.files))
    for record in records:
        builder.commit(record)
    survive(builder.image())
