"""The journal: the store's single commit point.

A transaction is one or more records, appended and then made durable by one flush(), which littlefs does atomically. The
last record carries the COMMIT mark; without it none of the transaction's records counts. docs/store.md has the format.

    with journal:
        journal.record(ADD, mailbox_id)
        journal.put_entry(uid, letter, size, date, flags)

Leaving the block commits; an exception rolls back. Nothing is ever appended after bytes that are not known to be good:
after a failure the good part is copied to a new file first (`_repair`), because closing a littlefs file commits
whatever was written to it, half a transaction too.
"""

import struct
from binascii import crc32

from postino.store import files
from postino.store.errors import StoreUnavailable

MAGIC = b"PJN1"
FORMAT = 1

# Header: magic, format, marks, next sequence, letter, mailbox, uidvalidity; then its CRC-32.
_HEADER = "<4sHHIIII"
HEADER_SIZE = 28
_HEADER_CRC_AT = 24

# Header mark: files may lie about that no entry names (set as long as the store is open).
SWEEP = 1

# Record: length of the payload, kind, marks, sequence, mailbox; payload; CRC-32 of all before it.
_RECORD = "<HBBII"
RECORD_HEAD = 12
CRC_SIZE = 4

COMMIT = 1

# Kinds of records.
ADD = 1  # entries
FLAGS = 2  # add mask, remove mask, runs of UIDs
EXPUNGE = 3  # runs of UIDs
KEYWORD = 4  # number, name
MAILBOX = 5  # made or changed: uidvalidity, attributes, marks, user, name
DELETE = 6  # the mailbox is gone

# One record with its frame fits into the buffer; a new record is only begun where the longest name still fits.
BUFFER_SIZE = 1024
_LONGEST_UNSPLIT = 320

# Beyond this the journal is folded into the snapshots (checkpoint.py).
LIMIT = 16384


class Reader:
    """Reads the records up to `end` (None: as far as they go). The caller closes it in a `finally`."""

    def __init__(self, path: str, end):
        self.buffer = bytearray(BUFFER_SIZE)
        self._view = memoryview(self.buffer)
        self._end = end
        self.at = HEADER_SIZE
        self.kind = self.marks = self.sequence = self.mailbox = self.length = 0
        self._file = files.open_file(path, "rb")
        try:
            self._file.seek(HEADER_SIZE)
        except OSError:
            self._file.close()
            raise

    def next(self) -> bool:
        """Moves to the next record; False at the end or at a record that was cut short."""
        if self._end is not None and self.at >= self._end:
            return False
        if self._file.readinto(self._view[:RECORD_HEAD]) < RECORD_HEAD:
            return False
        self.length, self.kind, self.marks, self.sequence, self.mailbox = struct.unpack_from(_RECORD, self.buffer, 0)
        body = RECORD_HEAD + self.length
        if body + CRC_SIZE > BUFFER_SIZE:
            raise StoreUnavailable("journal damaged")
        if self._file.readinto(self._view[RECORD_HEAD : body + CRC_SIZE]) < self.length + CRC_SIZE:
            return False
        if crc32(self._view[:body]) & 0xFFFFFFFF != self.word(self.length):
            raise StoreUnavailable("journal damaged")
        self.at += body + CRC_SIZE
        return True

    def word(self, position: int) -> int:
        """The 32-bit word at this position of the payload."""
        return struct.unpack_from("<I", self.buffer, RECORD_HEAD + position)[0]

    def payload(self, start: int = 0) -> bytes:
        return bytes(self._view[RECORD_HEAD + start : RECORD_HEAD + self.length])

    def close(self):
        self._file.close()


class Journal:
    def __init__(self, path: str):
        self.path = path
        self._buffer = bytearray(BUFFER_SIZE)
        self._view = memoryview(self._buffer)
        self._file = None
        # Octets of the buffer in use; where the open record starts (-1: none); octets already in the file.
        self._fill = 0
        self._record = -1
        self._spilled = 0
        # The file may hold more than its good part.
        self.dirty = False
        self.ready = False
        # Length of the good part: header and committed transactions.
        self.length = 0
        self.marks = 0
        # Sequence number of the last transaction, and the counters that every number of the store comes from.
        self.sequence = 0
        self.next_letter = 1
        self.next_mailbox = 1
        self.next_uidvalidity = 1

    # Opening, closing, starting afresh.

    def load(self):
        """Reads the header; raises StoreUnavailable unless it is one of ours."""
        header = bytearray(HEADER_SIZE)
        file = files.open_file(self.path, "rb")
        try:
            got = file.readinto(header)
        finally:
            file.close()
        magic, version, marks, sequence, letter, mailbox, validity = struct.unpack_from(_HEADER, header, 0)
        crc = struct.unpack_from("<I", header, _HEADER_CRC_AT)[0]
        if got < HEADER_SIZE or magic != MAGIC or crc != crc32(memoryview(header)[:_HEADER_CRC_AT]) & 0xFFFFFFFF:
            raise StoreUnavailable("not a store")
        if version != FORMAT:
            raise StoreUnavailable("unknown store format %d" % version)
        self.marks = marks
        self.sequence = sequence - 1
        self.next_letter = letter
        self.next_mailbox = mailbox
        self.next_uidvalidity = validity
        self.length = HEADER_SIZE

    def reader(self, end=-1) -> Reader:
        return Reader(self.path, self.length if end == -1 else end)

    def restart(self, marks: int):
        """Replaces the journal by an empty one with the present counters."""
        header = bytearray(HEADER_SIZE)
        counters = (self.sequence + 1, self.next_letter, self.next_mailbox, self.next_uidvalidity)
        struct.pack_into(_HEADER, header, 0, MAGIC, FORMAT, marks, *counters)
        crc = crc32(memoryview(header)[:_HEADER_CRC_AT]) & 0xFFFFFFFF
        struct.pack_into("<I", header, _HEADER_CRC_AT, crc)
        self.close()
        file = files.open_file(self.path + files.NEW, "wb")
        try:
            file.write(header)
        finally:
            file.close()
        files.rename(self.path + files.NEW, self.path)
        self.dirty = False
        self.length = HEADER_SIZE
        self.marks = marks

    def close(self):
        """Closes the file; what is appended next opens it again."""
        file = self._file
        self._file = None
        if file is not None:
            file.close()

    def repair(self):
        """Makes sure that the file holds its good part and nothing else. Does nothing if it does."""
        if not self.dirty:
            return
        self.close()
        source = files.open_file(self.path, "rb")
        try:
            target = files.open_file(self.path + files.NEW, "wb")
            try:
                self._copy(source, target)
            finally:
                target.close()
        finally:
            source.close()
        files.rename(self.path + files.NEW, self.path)
        self.dirty = False

    def _copy(self, source, target):
        left = self.length
        while left:
            piece = self._view[: min(left, BUFFER_SIZE)]
            if source.readinto(piece) < len(piece):
                raise StoreUnavailable("journal damaged")
            target.write(piece)
            left -= len(piece)

    # A transaction.

    def __enter__(self):
        if not self.ready:
            raise StoreUnavailable("store not open")
        self._record = -1
        self._fill = self._spilled = 0
        with files.guard:
            self.repair()
            if self._file is None:
                self._file = files.open_file(self.path, "ab")
        return self

    def __exit__(self, kind, error, trace):
        if error is None:
            try:
                self._commit()
                return False
            except (OSError, MemoryError) as failure:
                error = failure
        self._roll_back()
        raise files.translated(error)

    def record(self, kind: int, mailbox: int):
        """Begins a record; the one before it is finished."""
        self._end_record(0)
        if self._fill + RECORD_HEAD + _LONGEST_UNSPLIT + CRC_SIZE > BUFFER_SIZE:
            self._spill()
        struct.pack_into(_RECORD, self._buffer, self._fill, 0, kind, 0, self.sequence + 1, mailbox)
        self._record = self._fill
        self._fill += RECORD_HEAD

    def room(self) -> int:
        """Octets of payload that still fit into the open record; 0 if none is open."""
        return BUFFER_SIZE - CRC_SIZE - self._fill if self._record >= 0 else 0

    def put(self, data):
        self._view[self._fill : self._fill + len(data)] = data
        self._fill += len(data)

    def put_pair(self, first: int, second: int):
        struct.pack_into("<II", self._buffer, self._fill, first, second)
        self._fill += 8

    def put_entry(self, uid: int, letter: int, size: int, date: int, flags: int):
        struct.pack_into("<IIIII", self._buffer, self._fill, uid, letter, size, date, flags)
        self._fill += 20

    def _end_record(self, marks: int):
        start = self._record
        if start < 0:
            return
        self._record = -1
        struct.pack_into("<H", self._buffer, start, self._fill - start - RECORD_HEAD)
        self._buffer[start + 3] = marks
        crc = crc32(self._view[start : self._fill]) & 0xFFFFFFFF
        struct.pack_into("<I", self._buffer, self._fill, crc)
        self._fill += CRC_SIZE

    def _spill(self):
        self.dirty = True
        self._file.write(self._view[: self._fill])
        self._spilled += self._fill
        self._fill = 0

    def _commit(self):
        if self._record < 0:
            return
        self._end_record(COMMIT)
        data = self._view[: self._fill]
        self.dirty = True
        self._file.write(data)
        # The commit point.
        self._file.flush()
        # Not before: a snapshot must never claim a sequence number that a later transaction gets.
        self.sequence += 1
        self.length += self._spilled + self._fill
        self.dirty = False

    def _roll_back(self):
        """Nothing of the transaction may stay; what cannot be done now is done before the next one."""
        self._record = -1
        if not self.dirty:
            return
        try:
            self.close()
            self.repair()
        except (OSError, MemoryError, StoreUnavailable):
            pass


class Runs:
    """Writes ascending runs (first UID, last UID) into records of one kind, as many as it takes."""

    def __init__(self, journal: Journal, kind: int, mailbox: int, add: int = 0, remove: int = 0):
        self._journal = journal
        self._kind = kind
        self._mailbox = mailbox
        self._add = add
        self._remove = remove
        self._begun = False
        self._first = 0
        self._last = 0
        self._index = -2
        self.count = 0

    def put(self, uid: int, index: int):
        """The letter with this UID and index in the table; neighbours in the table become one run."""
        self.count += 1
        if self._first and index == self._index + 1:
            self._last = uid
        else:
            self.finish()
            self._first = self._last = uid
        self._index = index

    def finish(self):
        """Writes the run that is open; call it after the last."""
        if not self._first:
            return
        journal = self._journal
        if not self._begun or journal.room() < 8:
            journal.record(self._kind, self._mailbox)
            self._begun = True
            if self._kind == FLAGS:
                journal.put_pair(self._add, self._remove)
        journal.put_pair(self._first, self._last)
        self._first = 0
