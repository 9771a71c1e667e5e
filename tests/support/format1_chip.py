"""Chips in memory with a mail store of format 1 on them, which this version has to upgrade."""

import random
from collections.abc import Callable

from tests.support import format1_builder
from tests.support.format1_builder import FLAGGED, SEEN, SUBSCRIBED, Builder, octets_of
from tests.support.littlefs_files import FileSystem
from tests.support.nor_chip import Chip
from tests.support.store_flash import ROOT, Flash, storage

BLOCKS = 160


class OldChip:
    """The store that `build` makes, on a partition that is littlefs as a whole, and what is in it."""

    def __init__(self, build: Callable[[str], Builder], blocks: int = BLOCKS) -> None:
        chip = Chip(blocks)
        window = storage.Window(chip, blocks)
        FileSystem.mkfs(window)
        self.system = FileSystem(window)
        self.system.use()
        self.builder = build(ROOT)
        self.expected = self.builder.expected()
        self.blocks = blocks
        self.image = bytes(chip.image)
        # Blocks that are free.
        self.free = self.system.statvfs(ROOT)[3]

    def flash(self, image: bytes | bytearray | None = None) -> Flash:
        return Flash(self.blocks, self.image if image is None else image)


def small(root: str) -> Builder:
    return format1_builder.small_store(1, 24, root)


def tiny(root: str) -> Builder:
    return format1_builder.small_store(2, 10, root)


def large_store(root: str) -> Builder:
    """More letters than are looked at together, in no order, and a mailbox larger than a window, partly unfolded."""
    generator = random.Random(3)
    builder = Builder(root)
    boxes = [builder.create("anna", name, SUBSCRIBED) for name in ("INBOX", "a", "b")]
    numbers = []
    for number in range(450):
        numbers.append(builder.letter(octets_of(number, 60 + number % 40)))
        builder.skip_letters(generator.choice((0, 0, 1, 60)))
    generator.shuffle(numbers)
    for letter in numbers[:300]:
        builder.add(letter, *generator.sample(boxes, generator.choice((1, 1, 2, 3))))
    builder.checkpoint()
    for turn, letter in enumerate(numbers[300:]):
        builder.add(letter, boxes[0], boxes[1])
        if turn % 10 == 0:
            first = generator.randrange(1, boxes[0].uidnext)
            builder.flag(boxes[0], first, first + 40, FLAGGED, SEEN)
            builder.expunge(boxes[1], (first, first + 5), (first + 9, first + 9))
    for _ in range(2):
        builder.copy(boxes[0], list(boxes[0].entries)[-300:], boxes[2])
    builder.remove_unnamed()
    builder.write_journal()
    return builder


def full_of_mail(root: str) -> Builder:
    """1,500 letters of two users, for a partition of 10.5 MiB."""
    generator = random.Random(9)
    builder = Builder(root)
    boxes = [builder.create(user, name, SUBSCRIBED) for user in ("anna", "bert") for name in ("INBOX", *"abcde")]
    for number in range(1500):
        letter = builder.letter(octets_of(number, generator.choice((700, 3000, 4000))))
        targets = generator.sample(boxes[:2] if number % 2 else boxes, 1 + (number % 5 == 0))
        builder.add(letter, *targets, date=number)
        if number == 1400:
            builder.checkpoint()
        if number % 7 == 0:
            first = generator.randrange(1, boxes[0].uidnext + 1)
            builder.flag(boxes[0], first, first + 9, SEEN)
    builder.write_journal()
    return builder
