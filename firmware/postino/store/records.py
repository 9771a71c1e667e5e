"""The records of the log and the headers of its sectors, as octets (docs/store.md), and what writes records in rows."""

import struct
from binascii import crc32

from postino.store.errors import StoreUnavailable
from postino.store.log_device import SECTOR

MAGIC = b"PLG2"
FORMAT = 2

# Sector header: magic, format, good end of the sector before, number, tail, last sequence number, 0; then its CRC.
_HEADER = "<4sHHIIQI"
_HEADER_CRC_AT = 28
HEADER_SIZE = 32

# Record: length of all with the CRC, kind, marks, mailbox id, sequence number; then the payload and the CRC.
RECORD = "<HBBIQ"
RECORD_HEAD = 16
CRC_SIZE = 4
MAX_RECORD = 1024
# Records begin at multiples of this.
ALIGN = 16

# Marks: the last record of its transaction, and the first.
COMMIT = 1
BEGIN = 2

# Kinds of records.
ADD = 1  # a new letter, for one mailbox or several
ENTRIES = 2  # letters of the store get into a mailbox
FLAGS = 3  # flags to add and to remove, runs of UIDs
EXPUNGE = 4  # entries that go
KEYWORD = 5  # number, name
MAILBOX = 6  # made or changed
DROP = 7  # the mailbox is gone
SLOTS = 8  # a letter's file is about to be written; files known to be removed
REFERENCES = 9  # what a repair counted
SPOOL = 10  # reserved
FOLDED = 11  # the snapshot has all up to this sequence number
UNSUBSCRIBED = 12  # a name that no mailbox has is no longer subscribed

# Octets of their payloads.
ADD_HEAD = 20
ADD_TARGET = 16
ENTRIES_HEAD = 4
ENTRY_SIZE = 28
FLAGS_HEAD = 12
RUN = 8
EXPUNGE_ITEM = 8

_MASK_BITS = 31


def padded(length: int) -> int:
    """Octets from the beginning of a record of this length to the next."""
    return (length + ALIGN - 1) & ~(ALIGN - 1)


def pack_header(buffer, end: int, number: int, tail: int, sequence: int):
    struct.pack_into(_HEADER, buffer, 0, MAGIC, FORMAT, end, number, tail, sequence, 0)
    struct.pack_into("<I", buffer, _HEADER_CRC_AT, crc32(memoryview(buffer)[:_HEADER_CRC_AT]) & 0xFFFFFFFF)


def unpack_header(buffer):
    """Returns (good end of the sector before, number, tail, sequence number), or None if it is no header."""
    magic, version, end, number, tail, sequence, _ = struct.unpack_from(_HEADER, buffer, 0)
    crc = struct.unpack_from("<I", buffer, _HEADER_CRC_AT)[0]
    if magic != MAGIC or crc != crc32(memoryview(buffer)[:_HEADER_CRC_AT]) & 0xFFFFFFFF:
        return None
    if version != FORMAT:
        raise StoreUnavailable("unknown store format %d" % version)
    return min(end, SECTOR), number, tail, sequence


def mask_of(mailbox: int) -> int:
    """The bit that stands for this mailbox in the mask of a sector; several share one."""
    return 1 << (mailbox & _MASK_BITS)


def record_mask(buffer, at: int) -> int:
    """The bits of all mailboxes that the record at this place of a buffer names."""
    length, kind, _, mailbox, _ = struct.unpack_from(RECORD, buffer, at)
    mask = mask_of(mailbox) if mailbox else 0
    if kind == ADD:
        for target in range(at + RECORD_HEAD + ADD_HEAD, at + length - CRC_SIZE, ADD_TARGET):
            mask |= mask_of(struct.unpack_from("<I", buffer, target)[0])
    return mask


class Items:
    """Writes items of one size into records of one kind, as many records as it takes; each begins with `head`."""

    def __init__(self, log, kind: int, mailbox: int, head, item_size: int):
        self._log = log
        self._kind = kind
        self._mailbox = mailbox
        self._head = head
        self._size = item_size
        self._begun = False
        self.count = 0

    def begin(self):
        """Makes room for one more item, which the caller then puts into the log."""
        log = self._log
        if not self._begun or log.room() < self._size:
            log.record(self._kind, self._mailbox, len(self._head) + self._size)
            log.put(self._head)
            self._begun = True
        self.count += 1

    def put(self, form: str, *values):
        """Puts one item, packed as struct does."""
        self.begin()
        self._log.put_struct(form, *values)


class Runs:
    """Writes ascending runs (first UID, last UID) into FLAGS records, as many as it takes."""

    def __init__(
        self, log, mailbox: int, add_flags: int, remove_flags: int, add_keywords: int = 0, remove_keywords: int = 0
    ):
        head = struct.pack("<IIBBH", add_keywords, remove_keywords, add_flags, remove_flags, 0)
        self._items = Items(log, FLAGS, mailbox, head, RUN)
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
        if self._first:
            self._items.put("<II", self._first, self._last)
            self._first = 0
