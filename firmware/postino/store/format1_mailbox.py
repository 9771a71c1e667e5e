"""Reads the mailboxes of a store of format 1: each a snapshot with the journal's later records applied, in windows."""

import struct
from array import array
from binascii import crc32

from postino.store.errors import StoreUnavailable
from postino.store.format1 import (
    ENTRY_SIZE,
    FLAGS,
    FORMAT,
    KIND_ADD,
    KIND_EXPUNGE,
    KIND_FLAGS,
    KIND_KEYWORD,
    LETTER,
    UID,
    WORDS,
    Journal,
    Source,
    open_if_there,
    snapshot_path,
)

# Snapshot: magic, format, number of keywords, octets of keywords, 0, mailbox, UIDVALIDITY, UIDNEXT, first recent UID,
# sequence, number of entries.
_SNAPSHOT = "<4sHHHHIIIIII"
_SNAPSHOT_SIZE = 36
_SNAPSHOT_MAGIC = b"PMB1"

# A window: so many chunks of so many entries.
CHUNKS = 6
CHUNK_ENTRIES = 50


class Head:
    """What a mailbox has besides its entries."""

    def __init__(self):
        self.uidnext = self.recent_from = 1
        self.keywords = []
        self.sequence = 0


class _Snapshot:
    """The snapshot file: its head, then its entries in pieces; the CRC is checked behind the last."""

    def __init__(self, file, mailbox: int):
        self._file = file
        self._mailbox = mailbox
        fixed = self._exactly(_SNAPSHOT_SIZE)
        self._crc = crc32(fixed)
        fields = struct.unpack(_SNAPSHOT, fixed)
        if fields[0] != _SNAPSHOT_MAGIC or fields[1] != FORMAT or fields[5] != mailbox:
            self._damaged()
        self.head = Head()
        self.head.uidnext, self.head.recent_from, self.head.sequence, self.left = fields[7:]
        for _ in range(fields[2]):
            self.head.keywords.append(self._keyword())

    def _damaged(self):
        raise StoreUnavailable("mailbox %x damaged" % self._mailbox)

    def _exactly(self, octets: int) -> bytes:
        data = self._file.read(octets)
        if len(data) < octets:
            self._damaged()
        return data

    def _keyword(self) -> str:
        length = self._exactly(1)
        name = self._exactly(length[0])
        self._crc = crc32(name, crc32(length, self._crc))
        try:
            return name.decode()
        except UnicodeError:
            self._damaged()

    def fill(self, view, entries: int) -> int:
        """Reads up to so many entries into memory; returns how many there were."""
        entries = min(entries, self.left)
        if entries:
            part = view[: entries * WORDS]
            if self._file.readinto(part) < entries * ENTRY_SIZE:
                self._damaged()
            self._crc = crc32(part, self._crc)
            self.left -= entries
        if not self.left and self._file is not None:
            if struct.unpack("<I", self._exactly(4))[0] != self._crc & 0xFFFFFFFF:
                self._damaged()
            self.close()
        return entries

    def close(self):
        file = self._file
        self._file = None
        if file is not None:
            file.close()


class Mailboxes:
    """Reads mailboxes, one after the other, through one window of memory."""

    def __init__(self, source: Source):
        self._source = source
        # One for all: between the arrays they would leave holes that are too small for anything.
        zeros = bytes(ENTRY_SIZE * CHUNK_ENTRIES)
        self._views = [memoryview(array("I", zeros)) for _ in range(CHUNKS)]
        self._count = 0
        self._low = 0
        self._more = False

    def _open(self, mailbox: int):
        """The snapshot, or None: the mailbox begins in the journal then. The caller closes it."""
        file = open_if_there(snapshot_path(self._source.root, mailbox))
        if file is None:
            return None
        try:
            return _Snapshot(file, mailbox)
        except (MemoryError, OSError, StoreUnavailable):
            file.close()
            raise

    def head(self, mailbox: int) -> Head:
        """UIDNEXT, first recent UID and keywords."""
        snapshot = self._open(mailbox)
        known = snapshot is not None
        head = Head()
        if snapshot is not None:
            snapshot.close()
            head = snapshot.head
        journal = self._records(mailbox)
        while journal is not None and journal.next():
            if journal.mailbox == mailbox and journal.sequence > head.sequence:
                known = known or journal.creates()
                if journal.kind == KIND_ADD and journal.octets:
                    head.uidnext = journal.word(journal.octets - ENTRY_SIZE) + 1
                elif journal.kind == KIND_KEYWORD and journal.payload()[0] == len(head.keywords):
                    head.keywords.append(journal.payload(1).decode())
        if not known:
            raise StoreUnavailable("mailbox %x missing" % mailbox)
        return head

    def _records(self, mailbox: int):
        """The journal at its beginning, or None if it does not name the mailbox."""
        if mailbox not in self._source.named:
            return None
        self._source.journal.rewind()
        return self._source.journal

    def visit(self, mailbox: int, sink):
        """Calls sink.add(words, entries) for all entries in order; one with the letter 0 has been expunged."""
        snapshot = self._open(mailbox)
        try:
            self._low = 0
            self._more = True
            while self._more:
                self._fill(snapshot)
                self._replay(mailbox, snapshot)
                for number in range(0, self._count, CHUNK_ENTRIES):
                    sink.add(self._views[number // CHUNK_ENTRIES], min(CHUNK_ENTRIES, self._count - number))
                if self._count:
                    self._low = self._word(self._count - 1, UID)
        finally:
            if snapshot is not None:
                snapshot.close()

    def _fill(self, snapshot):
        self._count = 0
        self._more = False
        if snapshot is None:
            return
        for view in self._views:
            self._count += snapshot.fill(view, CHUNK_ENTRIES)
        self._more = snapshot.left > 0

    def _word(self, index: int, which: int) -> int:
        return self._views[index // CHUNK_ENTRIES][index % CHUNK_ENTRIES * WORDS + which]

    def _set(self, index: int, which: int, value: int):
        self._views[index // CHUNK_ENTRIES][index % CHUNK_ENTRIES * WORDS + which] = value

    # The journal's records, as far as they concern the window.

    def _replay(self, mailbox: int, snapshot):
        journal = self._records(mailbox)
        sequence = snapshot.head.sequence if snapshot is not None else 0
        # More of the snapshot comes before anything that was added later.
        adds = not self._more
        while journal is not None and journal.next():
            if journal.mailbox != mailbox or journal.sequence <= sequence:
                continue
            if journal.kind == KIND_ADD and adds:
                self._add(journal)
            elif journal.kind == KIND_FLAGS:
                for at in range(8, journal.octets, 8):
                    self._change(journal.word(at), journal.word(at + 4), journal.word(0), journal.word(4))
            elif journal.kind == KIND_EXPUNGE:
                for at in range(0, journal.octets, 8):
                    self._expunge(journal.word(at), journal.word(at + 4))

    def _add(self, journal: Journal):
        for at in range(0, journal.octets, ENTRY_SIZE):
            if journal.word(at) <= self._low:
                continue
            if self._count == CHUNKS * CHUNK_ENTRIES:
                self._more = True
                return
            for which in range(WORDS):
                self._set(self._count, which, journal.word(at + 4 * which))
            self._count += 1

    def _lower_bound(self, uid: int) -> int:
        low = 0
        high = self._count
        while low < high:
            middle = (low + high) // 2
            if self._word(middle, UID) < uid:
                low = middle + 1
            else:
                high = middle
        return low

    def _change(self, first: int, last: int, add: int, remove: int):
        index = self._lower_bound(first)
        while index < self._count and self._word(index, UID) <= last:
            self._set(index, FLAGS, self._word(index, FLAGS) & ~remove & 0xFFFFFFFF | add)
            index += 1

    def _expunge(self, first: int, last: int):
        index = self._lower_bound(first)
        while index < self._count and self._word(index, UID) <= last:
            self._set(index, LETTER, 0)
            index += 1
