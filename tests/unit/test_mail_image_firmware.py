"""The reader of mail images against the firmware: on a log with any damage both find the same letters.

The firmware opens the image as at a start, before any idle work: then it has repaired nothing yet.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from postino.store import INFO_ID, StoreError
from postino.store.errors import StoreUnavailable
from postino_tools import mail_image
from tests.support.nor_chip import BLOCK
from tests.support.store_flash import Flash
from tests.unit.store_support import DATE, USERS, Board, append, content, deliver, opened, uids_of

BLOCKS = 500
ROUNDS = 25

# Marks a subscribed name without a mailbox, which has no letters.
NO_MAILBOX = "no mailbox: "

# (user, name) -> UID -> SHA-256 of the letter; None where the firmware holds it back.
Letters = dict[tuple[str, str], dict[int, str | None]]


@dataclass
class Recorded:
    """A chip whose log is going to be damaged: where its sectors lie, and how far the newest goes."""

    image: bytes
    first_block: int
    sectors: int
    tail: int
    newest: int
    position: int

    def address(self, number: int, offset: int) -> int:
        return (self.first_block + number % self.sectors) * BLOCK + offset


def record(work: Callable[[Board], None]) -> Recorded:
    board = Board(BLOCKS)
    try:
        work(board)
        log, device = board.store.log, board.flash.device
        return Recorded(
            bytes(board.flash.chip.image), device.blocks, log.device.sectors, log.tail, log.sector, log.position
        )
    finally:
        board.flash.release()


def spread(board: Board) -> None:
    """Letters for many mailboxes in turn: none of them is folded for long, so that the log grows as long as it may."""
    for number in range(12):
        board.store.create(USERS[number % 2], f"Box {number}")
    for number in range(300):
        user, name = USERS[number % 2], f"Box {number % 12}"
        append(board.store, user, name, b"Subject: %d\r\n\r\nx\r\n" % number, number % 4)
        if number % 10 == 9:
            deliver(board.store, USERS, b"Subject: both %d\r\n\r\n" % number)
            with opened(board.store, user, name) as box:
                box.expunge(uids_of(box)[:1])


def changes(board: Board) -> None:
    """Copies, moves, expunges and flags in between: transactions of many records, some in two sectors."""
    archive = board.info("anna", "Archive")[INFO_ID]
    for number in range(150):
        deliver(board.store, ["anna"] if number % 3 else USERS, b"Subject: %d\r\n\r\nx\r\n" % number)
        if number % 20 == 19:
            with opened(board.store, "anna", "INBOX") as box:
                uids = uids_of(box)
                box.copy(uids[-40:], archive)
                box.change_flags(uids[4:30:2], 1, 0)
                box.expunge(uids[:3])


def folded(board: Board) -> None:
    """Idle work has folded a part of it; then mailboxes are made, renamed and dropped."""
    changes(board)
    board.idle()
    for number in range(30):
        board.store.create("bert", f"Plans/{number}")
        append(board.store, "bert", f"Plans/{number}", b"Subject: plan %d\r\n\r\n" % number)
        if number % 5 == 4:
            board.store.rename("bert", f"Plans/{number}", f"Old/{number}")
        if number % 5 == 3:
            board.store.delete("bert", f"Plans/{number}")
        if number % 10 == 7:
            board.store.subscribe("bert", f"Plans/{number - 4}", False)
    changes(board)


@pytest.fixture(scope="module", params=[spread, changes, folded], ids=lambda work: work.__name__)
def recorded(request) -> Recorded:
    return record(request.param)


def flip_bits(recorded: Recorded, source: random.Random) -> tuple[bytes, list[tuple[int, int]]]:
    """The image with some bits flipped, in headers more often than chance would have it; and where."""
    image = bytearray(recorded.image)
    places = []
    for _ in range(source.choice((1, 1, 2, 5))):
        number = source.randrange(recorded.tail, recorded.newest + 1)
        end = 32 if source.random() < 0.15 else BLOCK if number < recorded.newest else recorded.position
        offset = source.randrange(end)
        image[recorded.address(number, offset)] ^= 1 << source.randrange(8)
        places.append((number, offset))
    return bytes(image), places


def overwrite(recorded: Recorded, source: random.Random) -> tuple[bytes, list[tuple[int, int]]]:
    """The image with stretches of the log blank or zero, or a sector in place of another; and where."""
    image = bytearray(recorded.image)
    places = []
    for _ in range(source.choice((1, 1, 2, 3))):
        number = source.randrange(recorded.tail, recorded.newest + 2)
        offset = source.choice((0, source.randrange(BLOCK // 16) * 16))
        size = min(source.choice((16, 64, 512, BLOCK)), BLOCK - offset)
        content = source.choice((b"\xff" * size, bytes(size)))
        if source.randrange(3) == 0:
            offset = 0
            other = recorded.address(source.randrange(recorded.tail, recorded.newest + 1), 0)
            content = image[other : other + BLOCK]
        at = recorded.address(number, offset)
        image[at : at + len(content)] = content
        places.append((number, offset))
    return bytes(image), places


def of_firmware(image: bytes) -> Letters | None:
    """None if the store does not open."""
    flash = Flash(BLOCKS, bytearray(image))
    try:
        store = flash.start(lambda: DATE)
        try:
            store.open()
        except StoreUnavailable:
            return None
        names = {(user, NO_MAILBOX + name.decode()): {} for user in USERS for name in store.nonexistent(user)}
        return names | {(user, info[2]): letters_of(store, info) for user in USERS for info in store.mailboxes(user)}
    finally:
        flash.release()


def letters_of(store, info) -> dict[int, str | None]:
    listener = object()
    box = store.open_mailbox(info[INFO_ID], listener)
    try:
        return {box.uid(index): digest_of(store, box.letter(index)) for index in range(len(box))}
    finally:
        box.close(listener)


def digest_of(store, slot: int) -> str | None:
    try:
        return hashlib.sha256(content(store, slot)).hexdigest()
    except StoreError:
        return None


def of_reader(image: bytes) -> tuple[Letters, bool]:
    """Also whether it has found an error."""
    store = mail_image.open_image(image)
    errors = [finding for finding in mail_image.check(store) if finding.severity == mail_image.ERROR]
    described = mail_image.describe(store)
    users = described["users"]
    letters = {(user, NO_MAILBOX + name): {} for user, names in described["nonexistent"].items() for name in names}
    letters |= {
        (user, name): {entry["uid"]: entry["sha256"] for entry in box["entries"]}
        for user, boxes in users.items()
        for name, box in boxes.items()
    }
    return letters, bool(errors)


def compare(image: bytes, places: list[tuple[int, int]]) -> bool:
    """Both must find the same; returns whether the reader has found an error."""
    expected = of_firmware(image)
    found, has_errors = of_reader(image)
    if expected is None:
        assert has_errors, places
        return True
    for box, letters in expected.items():
        for uid, digest in letters.items():
            if digest is None and uid in found.get(box, {}):
                # After damage two letters may have had the slot: it is not shown before the repair has looked.
                found[box][uid] = None
    assert found == expected, places
    return has_errors


def test_undamaged(recorded):
    assert of_reader(recorded.image) == (of_firmware(recorded.image), False)


@pytest.mark.parametrize("damage", [flip_bits, overwrite])
@pytest.mark.parametrize("seed", range(3))
def test_any_damage_to_the_log(recorded, seed, damage):
    source = random.Random(seed)
    for _ in range(ROUNDS):
        image, places = damage(recorded, source)
        compare(image, places)


def test_the_header_of_each_sector(recorded):
    for number in range(recorded.tail, recorded.newest + 1):
        image = bytearray(recorded.image)
        image[recorded.address(number, 5)] ^= 0x10
        assert compare(bytes(image), [(number, 5)]), number
