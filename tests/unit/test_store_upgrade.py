"""The upgrade from format 1: everything that a client can see stays, whatever is cut or fails on the way."""

import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from zlib import crc32

import pytest

from postino.store import INFO_ID, INFO_NAME, StoreFull, StoreUnavailable, files, format1
from postino.store.catalogue import INFO_COUNT, INFO_DAYS
from postino.store.flags import KEYWORD_SHIFT, SEEN
from postino.store.upgrade_letters import HeaderEnd
from postino_tools import mail_image
from tests.support import format1_builder, littlefs_files
from tests.support.format1_builder import ARCHIVE, DATE, FLAGGED, JUNK, SUBSCRIBED, TRASH, Builder, octets_of
from tests.support.format1_chip import OldChip, large_store, small, tiny
from tests.support.nor_chip import BLOCK, Chip, PowerLost, apply
from tests.support.store_flash import Flash

USERS = ("anna", "bert")
# The cuts one after the other take this long at most; then samples of the rest.
SECONDS = 60
IDLE_TURNS = 5


@pytest.fixture(autouse=True)
def host_files() -> Iterator[None]:
    yield
    littlefs_files.restore()


class Listener:
    def on_added(self, *_news) -> None:
        pass

    on_expunged = on_flags = on_lost = on_added


def seen(store) -> dict:
    """What Builder.expected() says of the same store."""
    found = {}
    for user in USERS:
        for info in store.mailboxes(user):
            box = store.open_mailbox(info[INFO_ID], Listener())
            try:
                rows = [row(store, box, index) for index in range(len(box))]
                found[user, info[INFO_NAME]] = (box.uidvalidity, box.uidnext, box.recent_from, info[4], rows)
            finally:
                box.close(box.listeners[0])
    return found


def row(store, box, index: int):
    reader = store.open_letter(box.letter(index))
    try:
        octets = bytearray(reader.size)
        assert reader.readinto(octets) == box.size(index) == reader.size
        assert reader.letter_id and len(store.letters.trailer_of(box.letter(index))[1]) > 0
        assert reader.header_length in (0, header_length(bytes(octets)))
    finally:
        reader.close()
    flags = box.flags(index)
    names = {str(1 << bit) for bit in range(5) if flags & 1 << bit}
    names |= {name for number, name in enumerate(box.keywords) if flags >> KEYWORD_SHIFT >> number & 1}
    return box.uid(index), bytes(octets), box.date(index), frozenset(names)


def header_length(octets: bytes) -> int:
    if b":" not in octets.partition(b"\n")[0]:
        return 0
    end = octets.find(b"\r\n\r\n")
    return len(octets) if end < 0 else end + 4


def opened(flash: Flash):
    """The store, and what it reported; nothing may be of damage."""
    lines: list[str] = []
    store = flash.mount(report=lines.append)
    assert not [line for line in lines if "damaged" in line or "missing" in line]
    return store, lines


def check(old: OldChip, flash: Flash):
    """The upgraded store has everything, and no file too many."""
    store, lines = opened(flash)
    assert seen(store) == old.expected
    check_trailers(old, flash)
    for _ in range(IDLE_TURNS):
        # Writes the state anew if the power went between its copies.
        store.maintain()
    findings = mail_image.check(mail_image.open_image(bytes(flash.chip.image)))
    assert not [finding for finding in findings if finding.severity != mail_image.NOTE], findings
    assert not [line for line in lines if "damaged" in line]
    check_files(store, flash, old)
    return store


def check_trailers(old: OldChip, flash: Flash) -> None:
    for slot, letter in enumerate(sorted(named_letters(old.builder))):
        message = old.builder.letters[letter]
        file = flash.system.open_file(f"/{slot >> 6:x}/{slot & 63:x}", "rb")
        octets = file.read()
        file.close()
        assert octets.startswith(message) and len(octets) > 128
        end = octets[len(message) :]
        magic, length, structure, mailboxes, _, number, size, header, _, crc = struct.unpack(
            "<4sHHHHIIIII", end[-36:-4]
        )
        assert (magic, length, structure, mailboxes, number) == (b"PLT2", len(end), 0, 1, letter)
        assert (size, header, crc) == (len(message), header_length(message), crc32(message))
        assert struct.unpack("<I", end[-4:])[0] == crc32(end[:-4])
        box = old.builder.boxes[struct.unpack("<I", end[:4])[0]]
        assert letter in [entry.letter for entry in box.entries.values()]


def check_files(store, flash: Flash, old: OldChip) -> None:
    tree = {path.lstrip("/") for path in flash.system.tree("/")}
    names = {name for name, _, _ in flash.system.entries("/")}
    assert not names & {"journal", "catalogue", "letters", "mailboxes"}
    index = {path for path in tree if path.startswith("index/")}
    boxes = {f"index/{number:x}" for number in old.builder.boxes}
    assert index == boxes | {"index/state", "index/state.2"}
    named: dict[int, int] = {}
    for box in old.builder.boxes.values():
        for entry in box.entries.values():
            named[entry.letter] = named.get(entry.letter, 0) + 1
    slots = {slot: named[letter] for slot, letter in enumerate(sorted(named))}
    letters = {path for path in tree if not path.startswith(("index/", "log/"))}
    assert letters == {f"{slot >> 6:x}/{slot & 63:x}" for slot in slots}
    assert slots == {slot: count for slot in range(store.slots.extent) if (count := store.slots.get(slot))}
    assert store.slots.blocks == sum(blocks_of(flash.system.size_of(f"/{path}")) for path in letters)


def blocks_of(octets: int) -> int:
    """Of littlefs: block number n begins with a pointer for each power of two that divides n."""
    blocks = 0
    while octets > 0:
        octets -= BLOCK - (4 * (blocks & -blocks).bit_length() if blocks else 0)
        blocks += 1
    return blocks


# What is kept.


@pytest.mark.parametrize("seed", range(1, 9))
def test_everything_is_kept(seed: int) -> None:
    old = OldChip(lambda root: format1_builder.small_store(seed, 40, root))
    flash = old.flash()
    store = check(old, flash)
    assert store.state.sequence >= old.builder.sequence
    assert store.state.next_letter > max(old.builder.letters.keys() & named_letters(old.builder))
    assert store.state.next_mailbox == old.builder.next_mailbox
    assert store.state.next_uidvalidity == old.builder.next_validity
    days = {info[INFO_NAME]: (info[INFO_DAYS], info[INFO_COUNT]) for info in store.mailboxes("anna")}
    assert days["Trash"] == days["Junk"] == (30, 0) and days["INBOX"] == (0, 0)
    store.close()
    check(old, Flash(old.blocks, flash.chip.image))


def named_letters(builder: Builder) -> set[int]:
    return {entry.letter for box in builder.boxes.values() for entry in box.entries.values()}


def test_the_upgraded_store_goes_on() -> None:
    old = OldChip(small)
    flash = old.flash()
    store, _ = opened(flash)
    letter = store.new_letter()
    letter.write(b"Subject: new\r\n\r\nnew\r\n")
    store.deliver(letter, ["anna", "bert"], DATE + 99)
    box = store.open_mailbox(store.find("anna", "INBOX")[INFO_ID], Listener())
    uids = [box.uid(index) for index in range(len(box))]
    assert uids[-1] == old.expected["anna", "INBOX"][1]
    assert box.highest_modseq > old.builder.sequence
    assert box.keywords == ["work", "später"]
    box.expunge(uids[:-1])
    box.change_flags(uids[-1:], box.keyword_bit("später") | FLAGGED, 0)
    before = seen(store)
    store.close()
    store, _ = opened(Flash(old.blocks, flash.chip.image))
    assert seen(store) == before
    assert len(before["anna", "INBOX"][4]) == 1


def test_modification_sequences_stay_what_they_were_at_the_upgrade() -> None:
    """Format 1 told nobody any; from here on they only rise."""
    flash = OldChip(small).flash()
    store, _ = opened(flash)

    def told():
        box = store.open_mailbox(store.find("anna", "INBOX")[INFO_ID], Listener())
        return box, [box.modseq(index) for index in range(len(box))]

    box, first = told()
    highest = box.highest_modseq
    assert len(first) > 1 and 0 < max(first) <= highest
    seen_already = box.flags(0) & SEEN
    box.change_flags([box.uid(0)], SEEN & ~seen_already, seen_already)
    assert [box.modseq(index) for index in range(len(box))] == [box.highest_modseq, *first[1:]]
    assert highest < box.highest_modseq
    highest = box.highest_modseq
    store.keeper.fold_now(box.info)
    assert [box.modseq(index) for index in range(len(box))] == [highest, *first[1:]]
    store = flash.mount()
    box, again = told()
    assert (again, box.highest_modseq) == ([highest, *first[1:]], highest)


def test_a_large_store() -> None:
    old = OldChip(large_store, 1200)
    assert len(old.expected["anna", "b"][4]) > 400
    assert len(named_letters(old.builder)) > 2 * 150
    check(old, old.flash())


def test_an_empty_store() -> None:
    old = OldChip(Builder)
    flash = old.flash()
    store, _ = opened(flash)
    store.ensure_user("anna")
    assert len(store.mailboxes("anna")) == 6


def test_twenty_four_keywords_and_long_names() -> None:
    def build(root: str) -> Builder:
        builder = Builder(root)
        box = builder.create("anna", "x" * 100 + "/" + "y" * 99)
        for number in range(24):
            bit = builder.keyword(box, chr(97 + number) * 64)
            builder.add(builder.letter(octets_of(number, 700)), box, flags=bit | 256)
            if number == 11:
                builder.checkpoint()
        builder.write_journal()
        return builder

    old = OldChip(build)
    check(old, old.flash())


def test_a_message_that_ends_like_a_trailer() -> None:
    """It is the octets of the message all the same."""
    trailers = []

    def build(root: str) -> Builder:
        builder = Builder(root)
        box = builder.create("anna", "INBOX")
        for end in (b"", *trailers):
            builder.add(builder.letter(octets_of(1, 500) + end), box)
        builder.write_journal()
        return builder

    flash = OldChip(build).flash()
    opened(flash)
    file = flash.system.open_file("/0/0", "rb")
    octets = file.read()
    file.close()
    for letter in (1, 2):
        end = bytearray(octets[500:])
        struct.pack_into("<I", end, len(end) - 24, letter)
        trailers.append(bytes(end))
    old = OldChip(build)
    check(old, old.flash())


def test_a_letter_that_is_missing_stays_missing() -> None:
    def build(root: str) -> Builder:
        builder = small(root)
        box = next(iter(builder.boxes.values()))
        files.remove(f"{root}/letters/0/{next(iter(box.entries.values())).letter:x}")
        return builder

    old = OldChip(build)
    lines: list[str] = []
    store = old.flash().mount(report=lines.append)
    assert [line for line in lines if "is missing" in line]
    box = store.open_mailbox(store.find("anna", "INBOX")[INFO_ID], Listener())
    assert len(box) == len(old.expected["anna", "INBOX"][4])


@pytest.mark.parametrize(
    "octets", [b"", b"\r\n", b"\n", b"A: b", b"A: b\n\nc\r\n\r\n", b"A: b\r\n\r\nc\n\n", b"no header"]
)
def test_header_ends(octets: bytes) -> None:
    """Whatever the pieces."""
    expected = len(octets)
    if octets == b"no header":
        expected = 0
    elif octets.startswith(b"A: b\n\n"):
        expected = 6
    elif octets.startswith(b"A: b\r\n\r\n"):
        expected = 8
    for size in (4, 5, 6, 7, 100):
        end = HeaderEnd()
        for start in range(0, len(octets), size):
            end.feed(octets[start : start + size])
        assert end.length == expected, size


# What is refused.


def damaged_journal(root: str) -> Builder:
    builder = small(root)
    change_octet(f"{root}/journal", 40)
    return builder


def damaged_catalogue(root: str) -> Builder:
    builder = small(root)
    change_octet(f"{root}/catalogue", 20)
    return builder


def damaged_snapshot(root: str) -> Builder:
    builder = small(root)
    change_octet(f"{root}/mailboxes/1", 50)
    return builder


def missing_snapshot(root: str) -> Builder:
    builder = small(root)
    files.remove(f"{root}/mailboxes/1")
    return builder


def missing_catalogue(root: str) -> Builder:
    builder = small(root)
    files.remove(f"{root}/catalogue")
    return builder


def later_format(root: str) -> Builder:
    builder = small(root)
    header = builder.header(0)[:24]
    header = format1_builder.summed(header[:4] + b"\x03\x00" + header[6:])
    format1_builder.write_file(f"{root}/journal", header)
    return builder


def change_octet(path: str, at: int) -> None:
    file = files.open_file(path, "rb")
    octets = bytearray(file.read())
    file.close()
    octets[at] ^= 1
    format1_builder.write_file(path, bytes(octets))


DAMAGES = (damaged_journal, damaged_catalogue, damaged_snapshot, missing_snapshot, missing_catalogue, later_format)


@pytest.mark.parametrize("build", DAMAGES, ids=lambda build: build.__name__)
def test_a_damaged_store_is_left_as_it_is(build: Callable[[str], Builder]) -> None:
    flash = OldChip(build).flash()
    store = flash.start()
    with pytest.raises(StoreUnavailable):
        store.open()
    assert not flash.chip.operations


# Cuts.


def cut_chips(old: OldChip, image: bytes, cuts: int | None = None) -> Iterator[tuple[int, bytearray, bool]]:
    """(number, flash, whether it is the last) before each operation of a start, or as many as are sampled."""
    flash = old.flash(image)
    opened(flash)
    operations = flash.chip.operations
    chosen = set(range(len(operations) + 1))
    if cuts is not None:
        chosen = set(random.Random(len(operations)).sample(sorted(chosen), min(cuts, len(chosen))))
    now = bytearray(image)
    for number in range(len(operations) + 1):
        if number in chosen:
            yield number, bytearray(now), number == len(operations)
        if number < len(operations):
            apply(now, operations[number])


def torn(generator: random.Random) -> Callable[[Chip, tuple[int, bytes | None]], None]:
    """Of the operation that is cut a part is done."""

    def part(chip: Chip, operation: tuple[int, bytes | None]) -> None:
        start, data = operation
        if data is None:
            chip.image[start : start + BLOCK // 2] = b"\xff" * (BLOCK // 2)
        else:
            apply(chip.image, (start, data[: generator.randrange(1, len(data) + 1)]))

    return part


def test_every_cut() -> None:
    old = OldChip(tiny)
    stop = time.monotonic() + SECONDS
    checked = 0
    for number, image, last in cut_chips(old, old.image):
        if time.monotonic() < stop or number % 16 == 0 or last:
            check(old, old.flash(image))
            checked += 1
    print(f"{checked} cuts checked")
    assert checked > 100


def test_cuts_of_cuts() -> None:
    """The upgrade that goes on after a cut is cut as well."""
    old = OldChip(tiny)
    stop = time.monotonic() + SECONDS
    for _, image, _ in cut_chips(old, old.image, 40):
        for _, again, _ in cut_chips(old, bytes(image), 5):
            check(old, old.flash(again))
        if time.monotonic() > stop:
            break


def test_torn_operations() -> None:
    old = OldChip(small)
    generator = random.Random(5)
    flash = old.flash()
    opened(flash)
    total = len(flash.chip.operations)
    for cut in sorted(generator.sample(range(1, total + 1), 60)):
        flash = old.flash()
        flash.chip.cut_in(cut, torn(generator))
        with pytest.raises(PowerLost):
            flash.mount()
        flash.chip.power_on()
        check(old, flash)


def test_once_begun_the_old_firmware_refuses_it() -> None:
    """Before any letter has moved, the header of the journal has a format that is not 1."""
    old = OldChip(tiny)
    moved = False
    for _, image, _ in cut_chips(old, old.image):
        flash = old.flash(image)
        flash.start()
        tree = flash.system.tree("/")
        if "/journal" not in tree:
            return
        file = flash.system.open_file("/journal", "rb")
        begun = file.read(6)[4] == format1.FORMAT_BEGUN
        file.close()
        moved = "/0/0" in tree
        assert begun or not moved
    raise AssertionError("the journal stays")


# Room, and failures.


def filled(letters: int, size: int, left: int) -> Callable[[str], Builder]:
    """A store with about so many blocks left."""

    def build(root: str) -> Builder:
        builder = Builder(root)
        inbox = builder.create("anna", "INBOX")
        trash = builder.create("anna", "Trash", SUBSCRIBED | TRASH)
        for number in range(letters):
            builder.add(builder.letter(octets_of(number, size)), inbox if number % 3 else trash)
        builder.checkpoint()
        junk = builder.create("anna", "Junk", SUBSCRIBED | JUNK)
        free = files.statvfs(root)[3] - left - 1
        builder.add(builder.letter(octets_of(0, max(1, free) * (BLOCK - 8))), junk)
        builder.write_journal()
        return builder

    return build


@pytest.mark.parametrize("size", [120, 3000, 4096])
def test_little_room(size: int) -> None:
    """Either it works, or nothing is written."""
    worked = []
    for left in range(0, 100, 3):
        old = OldChip(filled(60, size, left), 160)
        flash = old.flash()
        store = flash.start()
        try:
            store.open()
        except StoreFull as error:
            assert str(error).startswith("no room to upgrade the mail store: ")
            assert not flash.chip.operations
            assert not worked
            continue
        worked.append(old.free)
        flash.system = None
        check(old, Flash(old.blocks, flash.chip.image))
    print(f"{size}: works with {worked[0]} free blocks")
    assert worked and worked[0] < 20 + 60 * (size in (120, 4096))


def test_unnamed_letters_make_room() -> None:
    def build(root: str) -> Builder:
        builder = filled(60, 3000, 40)(root)
        builder.letter(octets_of(99, 36 * 4088))
        builder.skip_letters(1000)
        builder.letter(b"Subject: half")
        return builder

    old = OldChip(build)
    assert old.free < 8
    check(old, old.flash())


class Failing:
    """One of the calls that change something fails, from the point of view of the store."""

    NAMES = ("remove", "rename", "make_directory", "remove_directory")

    def __init__(self, number: int) -> None:
        self.left = number
        for name in self.NAMES:
            setattr(files, name, self.wrapped(getattr(files, name)))
        self.open = files.open_file
        files.open_file = self.open_file

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(5)

    def wrapped(self, function):
        def call(*arguments):
            self.count()
            return function(*arguments)

        return call

    def open_file(self, path: str, mode: str):
        file = self.open(path, mode)
        if mode != "rb":
            file.write = self.wrapped(file.write)
            close = file.close

            # Whether what was written is there after that, nobody knows.
            def failing() -> None:
                close()
                self.count()

            file.close = failing
        return file


def test_every_call_may_fail() -> None:
    """The file system says no to one call; the next start goes on."""
    old = OldChip(tiny)
    number = 0
    while True:
        number += 1
        flash = old.flash()
        store = flash.start()
        failing = Failing(number)
        with suppress(StoreUnavailable):
            store.open()
        if failing.left > 0:
            break
        check(old, old.flash(flash.chip.image))
    print(f"{number} calls")
    assert number > 100


def test_every_record_of_an_old_checkpoint_is_skipped() -> None:
    """A checkpoint that was cut before its journal: the snapshots and the catalogue have all of its records."""

    def build(root: str) -> Builder:
        builder = small(root)
        for box in builder.boxes.values():
            builder.write_snapshot(box)
        builder.write_catalogue()
        return builder

    old = OldChip(build)
    assert ("anna", "Archiv/2026") in old.expected and old.expected["anna", "Archiv/2026"][3] == ARCHIVE
    check(old, old.flash())
