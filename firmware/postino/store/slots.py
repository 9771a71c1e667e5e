"""The letter slots: one octet each says how many entries name the letter in it (docs/store.md, State).

A slot that is pending has a file that is to be removed unless a committed record names it: a letter that comes in, or
one whose last entry has gone. Slots are given by next-fit: so the directories wear alike, and each is filled at once.
"""

import struct

# References: up to MOST they are counted; MANY stays what it is.
MOST = 253
MANY = 254
PENDING = 255

# Stands for no slot in a record.
NO_SLOT = 0xFFFF

# Slots of one directory: littlefs becomes slow with many files in one.
DIRECTORY_BITS = 6
_DIRECTORY = 1 << DIRECTORY_BITS

# Slots of one piece of memory: on a small heap in use for long, larger pieces are not to be had.
_PIECE_BITS = 9
_PIECE = 1 << _PIECE_BITS

# Removals that are not in the log yet: bounds what a start has to do again.
MOST_RESOLVED = 32


class Slots:
    def __init__(self, count: int):
        # As many letters as there are blocks could be stored.
        self.count = min(count, NO_SLOT)
        # All slots in use or used before are below it; a multiple of the slots of a directory.
        self.extent = 0
        # Blocks of the letters with references; the store keeps it as it raises and lowers.
        self.blocks = 0
        self._pieces = []
        self._next = 0
        # The payload of a SLOTS record: the slot that is about to be written, then those whose files are gone.
        self._payload = bytearray(2 + 2 * MOST_RESOLVED)
        self.resolved = 0

    def clear(self):
        """As at the start; the memory stays."""
        for piece in self._pieces:
            for at in range(len(piece)):
                piece[at] = 0
        self.extent = self.blocks = self.resolved = 0

    @property
    def directories(self) -> int:
        """Directories that there are: they are made as the slots in them are first used, and stay."""
        return self.extent >> DIRECTORY_BITS

    # References.

    def get(self, slot: int) -> int:
        return self._pieces[slot >> _PIECE_BITS][slot & (_PIECE - 1)] if slot < self.extent else 0

    def set(self, slot: int, references: int):
        if slot >= self.extent:
            self.grow(slot + 1)
        self._pieces[slot >> _PIECE_BITS][slot & (_PIECE - 1)] = references

    def is_used(self, slot: int) -> bool:
        """Some entry names the letter in it."""
        return 0 < self.get(slot) < PENDING

    def raise_(self, slot: int) -> int:
        """One more entry names the letter; returns the references."""
        references = self.get(slot)
        references = 1 if references == PENDING else min(references + 1, MANY)
        self.set(slot, references)
        return references

    def lower(self, slot: int) -> bool:
        """One entry less; True if it was the last: the slot is pending then."""
        references = self.get(slot)
        if not 1 <= references <= MOST:
            return False
        self.set(slot, references - 1 or PENDING)
        return references == 1

    def intend(self, slot: int):
        """A file is about to be written there, as the log says: the next letter goes behind it."""
        if not self.get(slot):
            self.set(slot, PENDING)
        self._next = slot + 1

    def free(self, slot: int):
        """The file of a pending slot is gone."""
        if self.get(slot) == PENDING:
            self.set(slot, 0)

    def pending(self):
        """All pending slots; they may be freed on the way."""
        at = self._find(b"\xff", 0, self.extent)
        while at >= 0:
            yield at
            at = self._find(b"\xff", at + 1, self.extent)

    def has_spare_directory(self) -> bool:
        """The last two directories are empty: the last one is not needed."""
        start = self.extent - 2 * _DIRECTORY
        if start < 0:
            return False
        for slot in range(start, self.extent):
            if self.get(slot):
                return False
        return True

    def shrink(self):
        """The last directory is gone."""
        self.extent -= _DIRECTORY
        self._next = min(self._next, self.extent)

    # Giving slots.

    def take(self, may_grow: bool = True) -> int:
        """A free slot, pending from now on; -1 if there is none, or none without a new directory."""
        slot = self._find(b"\0", self._next, self.extent)
        if slot < 0:
            slot = self._find(b"\0", 0, min(self._next, self.extent))
        if slot < 0:
            if not may_grow or self.extent >= self.count:
                return -1
            slot = self.extent
        self.set(slot, PENDING)
        self._next = slot + 1
        self._forget_resolved(slot)
        return slot

    def _find(self, octet: bytes, start: int, stop: int) -> int:
        while start < stop:
            first = start & ~(_PIECE - 1)
            found = self._pieces[start >> _PIECE_BITS].find(octet, start - first, min(stop - first, _PIECE))
            if found >= 0:
                return first + found
            start = first + _PIECE
        return -1

    # Removals that the log does not know yet.

    def resolve(self, slot: int):
        """The file of a pending slot has been removed: it is free.

        One that finds no place in the list is removed once more, in vain, at the next start.
        """
        self.free(slot)
        if self.resolved < MOST_RESOLVED:
            self.resolved += 1
            struct.pack_into("<H", self._payload, 2 * self.resolved, slot)

    def payload(self, slot: int):
        """What a SLOTS record says now; logged() after its commit."""
        struct.pack_into("<H", self._payload, 0, slot)
        return memoryview(self._payload)[: 2 + 2 * self.resolved]

    def logged(self):
        """The log, or the state, knows all removals."""
        self.resolved = 0

    def _forget_resolved(self, slot: int):
        # It is in use again: a record that says that its file is gone would be wrong by then.
        for number in range(1, self.resolved + 1):
            if struct.unpack_from("<H", self._payload, 2 * number)[0] == slot:
                last = self._payload[2 * self.resolved : 2 * self.resolved + 2]
                self._payload[2 * number : 2 * number + 2] = last
                self.resolved -= 1
                return

    # Reading and writing the state.

    def grow(self, slots: int):
        """Makes room for so many slots."""
        while len(self._pieces) << _PIECE_BITS < slots:
            self._pieces.append(bytearray(_PIECE))
        self.extent = max(self.extent, (slots + _DIRECTORY - 1) & ~(_DIRECTORY - 1))

    def views(self, slots: int):
        """The octets of the first `slots` slots, in pieces."""
        for piece in self._pieces:
            if slots > 0:
                yield memoryview(piece)[: min(slots, _PIECE)]
            slots -= _PIECE
