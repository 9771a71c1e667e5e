"""What the tests of the letter files share: letters in a folder without a store around them."""

import os
import struct

from postino.store.letters import Letters
from postino.store.slots import Slots
from postino.store.space import Space

DATE = 1764000000
SLOTS = 8


class FakeLog:
    """Keeps the SLOTS transactions; fails when it is told to."""

    def __init__(self) -> None:
        self.ready = True
        self.dirty = False
        self.failure: Exception | None = None
        self.transactions: list[list[int]] = []
        self._payload = b""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.failure is not None:
            raise self.failure
        self.transactions.append(list(struct.unpack("<%dH" % (len(self._payload) // 2), self._payload)))

    def record(self, kind, mailbox, need=0):
        assert (kind, mailbox) == (SLOTS, 0)

    def put(self, data):
        self._payload = bytes(data)


class Bench:
    def __init__(self, root, capacity: int = 1000, window=None) -> None:
        self.root = str(root)
        self.log = FakeLog()
        self.slots = Slots(capacity)
        self.space = Space(capacity, self.slots)
        self.told: list[str] = []
        self.letters = Letters(self.root, self.space, self.log, self.slots, window, self.told.append)

    def commit(self, writer, references: int = 1, letter: int = 7, mailboxes=(3,)) -> int:
        """What the store does with a letter that has come in."""
        writer.finish(letter, mailboxes, DATE)
        for _ in range(references):
            self.slots.raise_(writer.slot)
        self.slots.blocks += writer.blocks
        writer.committed()
        return writer.slot

    def deliver(self, octets: bytes = b"letter", **arguments) -> int:
        writer = self.letters.new()
        writer.write(octets)
        return self.commit(writer, **arguments)

    def expunge(self, slot: int, blocks: int) -> None:
        if self.slots.lower(slot):
            self.slots.blocks -= blocks
            self.letters.discard(slot, blocks)

    def stored(self) -> set[int]:
        return {
            int(folder, 16) << 6 | int(name, 16)
            for folder in os.listdir(self.root)
            for name in os.listdir(f"{self.root}/{folder}")
        }

    def file(self, slot: int) -> str:
        return f"{self.root}/{slot >> 6:x}/{slot & 63:x}"


def whole(reader) -> bytes:
    buffer = bytearray(1000)
    result = b""
    while count := reader.readinto(buffer):
        result += buffer[:count]
    return result
