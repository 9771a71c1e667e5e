"""Counts the letters of a mailbox on flash, in bounded memory: it needs no table of them, nor makes one.

First the log is read: what its records do to the letters is put together as ranges of UIDs. Then each letter, of the
snapshot and after it those that the log adds, is counted as its range says. When there are more ranges than the memory
for them takes, those of the highest UIDs are left out, and the log is read once more when it is their turn.
"""

import struct
from array import array

from postino.store import records, snapshot
from postino.store.catalogue import ENTRIES, FIRST_SECTOR, INFO_COUNTERS, INFO_ID, INFO_UIDVALIDITY
from postino.store.flags import DELETED, SEEN

# Ranges in memory, at least 8: 5 octets each.
_RANGES = 200

# What happens to the letters of a range, as bits: flags that they get or _GONE, and, moved by one bit, those that they
# lose before.
_FLAGS = SEEN | DELETED
_LOST_SHIFT = 1
_GONE = 64

_LAST_UID = 0xFFFFFFFF

# Of an entry of a snapshot: what is not wanted would only take memory.
_UID_AND_SIZE = "<I4xI"
_FLAGS_AT = 32


def count(store, info, recent_from: int):
    """(messages, recent, unseen, deleted, octets of all). What cannot be read is left out, and the damage is noted."""
    return _Count(store, info, recent_from).run()


class Ranges:
    """What the records of a log do to the letters with the UIDs from `low` on and below `high`."""

    def __init__(self):
        # Range k has the UIDs from its start to the start of the next; the last one those up to `high`.
        self._starts = memoryview(array("I", bytes(4 * _RANGES)))
        self._effects = memoryview(bytearray(_RANGES))
        self.start(0)

    def start(self, low: int):
        """Forgets everything."""
        self.low = self._starts[0] = low
        self.high = _LAST_UID
        self._effects[0] = 0
        self._count = 1
        # The range looked at last.
        self._at = 0

    def effect(self, uid: int) -> int:
        """What happens to this UID; the next one to be asked for is higher."""
        while self._at + 1 < self._count and self._starts[self._at + 1] <= uid:
            self._at += 1
        return self._effects[self._at]

    def change(self, first: int, last: int, got: int, lost: int):
        """The letters of a run lose flags and then get some."""
        if last < self.low or first >= self.high:
            return
        if self._count + 2 > _RANGES:
            self._make_room()
        start = self._split(max(first, self.low))
        for number in range(start, self._split(last + 1)):
            self._effects[number] = self._effects[number] & ~lost | got | lost << _LOST_SHIFT

    def _split(self, uid: int) -> int:
        """The range that starts with this UID, made if there is none; beyond the last one for UIDs from `high` on."""
        count = self._count
        if uid >= self.high:
            return count
        number = self._find(uid)
        if number == count or self._starts[number] != uid:
            for column in (self._starts, self._effects):
                column[number + 1 : count + 1] = column[number:count]
            self._starts[number] = uid
            self._effects[number] = self._effects[number - 1]
            self._count += 1
        return number

    def _find(self, uid: int) -> int:
        """The first range that does not start before this UID."""
        low = 0
        high = self._count
        while low < high:
            middle = (low + high) >> 1
            if self._starts[middle] < uid:
                low = middle + 1
            else:
                high = middle
        return low

    def _make_room(self):
        """Makes neighbours one where they are alike; if they hardly are, the upper half is left out."""
        kept = 1
        for number in range(1, self._count):
            if self._effects[number] != self._effects[kept - 1]:
                self._starts[kept] = self._starts[number]
                self._effects[kept] = self._effects[number]
                kept += 1
        if kept > _RANGES * 3 // 4:
            kept //= 2
            self.high = self._starts[kept]
        self._count = kept


class _Count:
    def __init__(self, store, info, recent_from: int):
        self._store = store
        self._info = info
        self._recent_from = recent_from
        self._messages = self._recent = self._unseen = self._deleted = self._size = 0
        self._ranges = Ranges()
        # Transactions up to this one are in the snapshot.
        self._since = 0
        # Letters that the log adds have UIDs from this one on.
        self._new_from = 1
        self._added = False

    def run(self):
        info = self._info
        path = snapshot.path_of(self._store.root, info[INFO_ID])
        pages = snapshot.Reader(path, info[INFO_ID], info[INFO_UIDVALIDITY])
        try:
            contents = pages.contents
            self._since = contents.sequence
            self._new_from = contents.uidnext
            self._read_changes(0)
            if pages.exists:
                self._count_pages(pages)
        finally:
            pages.close()
        while self._added:
            self._count_added()
        if contents.damaged or self._messages != info[INFO_COUNTERS][ENTRIES]:
            self._store.note_damage(info[INFO_ID])
        return self._messages, self._recent, self._unseen, self._deleted, self._size

    def _next(self, reader) -> bool:
        """Moves to the next record that the snapshot lacks."""
        while reader.next():
            if reader.sequence > self._since:
                return True
        return False

    def _log(self):
        """A reader of the mailbox's records; None if there can be none that the snapshot lacks."""
        first = self._info[INFO_COUNTERS][FIRST_SECTOR]
        return self._store.log.reader(self._info[INFO_ID], first) if first else None

    def _read_changes(self, low: int):
        """Puts together what happens to the letters from this UID on."""
        ranges = self._ranges
        ranges.start(low)
        reader = self._log()
        while reader is not None and self._next(reader):
            if reader.kind == records.FLAGS:
                self._read_flags(reader)
            elif reader.kind == records.EXPUNGE:
                for at in range(0, reader.length, records.EXPUNGE_ITEM):
                    uid = reader.word(at)
                    ranges.change(uid, uid, _GONE, 0)
            elif reader.kind == records.ADD or reader.kind == records.ENTRIES:
                self._added = True

    def _read_flags(self, reader):
        got = reader.octet(8) & _FLAGS
        lost = reader.octet(9) & _FLAGS
        if got or lost:
            for at in range(records.FLAGS_HEAD, reader.length, records.RUN):
                self._ranges.change(reader.word(at), reader.word(at + 4), got, lost)

    def _put(self, uid: int, flags: int, size: int):
        """Counts one letter; UIDs ascending."""
        if uid >= self._new_from:
            self._new_from = uid + 1
        effect = self._ranges.effect(uid)
        if effect & _GONE:
            return
        flags = flags & ~(effect >> _LOST_SHIFT) | effect
        self._messages += 1
        self._size += size
        if uid >= self._recent_from:
            self._recent += 1
        if not flags & SEEN:
            self._unseen += 1
        if flags & DELETED:
            self._deleted += 1

    def _count_pages(self, pages):
        page = bytearray(snapshot.PAGE_SIZE)
        entries = pages.page(page)
        while entries:
            for number in range(entries):
                at = snapshot.PAGE_HEAD_SIZE + number * snapshot.ENTRY_SIZE
                uid, size = struct.unpack_from(_UID_AND_SIZE, page, at)
                if uid >= self._ranges.high:
                    self._read_changes(uid)
                self._put(uid, page[at + _FLAGS_AT], size)
            entries = pages.page(page)

    def _count_added(self):
        """Counts what the log adds, as far as the ranges go."""
        if self._new_from >= self._ranges.high:
            self._read_changes(self._new_from)
        self._added = False
        reader = self._log()
        while reader is not None and self._next(reader):
            if reader.kind == records.ADD:
                at = reader.target(self._info[INFO_ID])
                self._add(reader.word(at + 4), reader.octet(at + 12), reader.word(8))
            elif reader.kind == records.ENTRIES:
                for at in range(records.ENTRIES_HEAD, reader.length, records.ENTRY_SIZE):
                    self._add(reader.word(at), reader.octet(at + 24), reader.word(at + 8))
        if self._added:
            self._new_from = self._ranges.high

    def _add(self, uid: int, flags: int, size: int):
        if uid >= self._ranges.high:
            # It is its turn when the log has been read again.
            self._added = True
        elif uid >= self._new_from:
            self._put(uid, flags, size)
