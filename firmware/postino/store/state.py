"""The state: the mailboxes, the letter slots and the counters, as of a sequence number, in two equal copies.

A copy is made under another name and renamed when it is whole, so that nothing that fails half-way, be it for power,
room or memory, can spoil what is there.
"""

import struct
from array import array
from binascii import crc32

from postino.store import files
from postino.store.catalogue import (
    BLOCKS,
    COUNTERS,
    ENTRIES,
    INFO_ATTRIBUTES,
    INFO_COUNT,
    INFO_COUNTERS,
    INFO_DAYS,
    INFO_ID,
    INFO_NAME,
    INFO_UIDVALIDITY,
    INFO_USER,
    RECENT,
    UIDNEXT,
    known_name,
    modseq_of,
    set_modseq,
)
from postino.store.errors import NotAStore, StoreUnavailable
from postino.store.numbers import Numbers
from postino.store.slots import Slots

MAGIC = b"PST2"
FORMAT = 2

COPIES = ("/index/state", "/index/state.2")

# Magic, format, names without a mailbox, sequence, next letter, next mailbox, next UIDVALIDITY, blocks of all
# letters; slots, mailboxes, pending slots, spool records.
_HEADER = "<4sHHQIIIIHHHH"
_HEADER_SIZE = 40

# Id, UIDVALIDITY, UIDNEXT, entries, blocks, first recent UID, highest modification sequence, attributes, days, count,
# octets of the user, octets of the name.
_MAILBOX = "<IIIIIIQHHHBB"
_MAILBOX_SIZE = 40

_CRC_SIZE = 4
_PIECE = 256


# Writing.


class _Writer:
    """Writes pieces and keeps their CRC."""

    def __init__(self, file):
        self._file = file
        self.crc = 0

    def put(self, data):
        self.crc = crc32(data, self.crc)
        self._file.write(data)


def write(root: str, state: Numbers, slots: Slots, infos, fresh: bool = False, names=()):
    """Replaces both copies; `names` are those without a mailbox (nonexistent.py).

    For a store that is made now (`fresh`) the first one comes last: it makes it a store.
    """
    state.stale_copy = True
    for number in (1, 0) if fresh else (0, 1):
        path = root + COPIES[number]
        whole = False
        try:
            _write_copy(path + files.NEW, state, slots, infos, names)
            files.rename(path + files.NEW, path)
            whole = True
        finally:
            if not whole:
                files.try_remove(path + files.NEW)
    state.stale_copy = False


def _write_copy(path: str, state: Numbers, slots: Slots, infos, names):
    file = files.open_file(path, "wb")
    try:
        writer = _Writer(file)
        _put_all(writer, state, slots, infos, names)
        writer.put(struct.pack("<I", writer.crc & 0xFFFFFFFF))
    finally:
        file.close()


def _put_all(writer: _Writer, state: Numbers, slots: Slots, infos, names):
    numbers = (state.next_letter, state.next_mailbox, state.next_uidvalidity, slots.blocks)
    pending = 0
    for _ in slots.pending():
        pending += 1
    counts = (slots.extent, len(infos), pending, 0)
    writer.put(struct.pack(_HEADER, MAGIC, FORMAT, len(names), state.sequence, *(numbers + counts)))
    for view in slots.views(slots.extent):
        writer.put(view)
    for info in infos:
        _put_mailbox(writer, info)
    for slot in slots.pending():
        writer.put(struct.pack("<H", slot))
    for name in names:
        writer.put(struct.pack("B", len(name)))
        writer.put(name)


def _put_mailbox(writer: _Writer, info):
    counters = info[INFO_COUNTERS]
    user = info[INFO_USER].encode()
    name = info[INFO_NAME].encode()
    piece = struct.pack(
        _MAILBOX,
        info[INFO_ID],
        info[INFO_UIDVALIDITY],
        counters[UIDNEXT],
        counters[ENTRIES],
        counters[BLOCKS],
        counters[RECENT],
        modseq_of(counters),
        info[INFO_ATTRIBUTES],
        info[INFO_DAYS],
        info[INFO_COUNT],
        len(user),
        len(name),
    )
    writer.put(piece)
    writer.put(user)
    writer.put(name)


# Reading.


class _Copy:
    """One copy, open if it is there; `sequence` is its sequence number, -1 if it is damaged or not there."""

    def __init__(self, path: str, report):
        self.file = None
        self.sequence = -1
        self.exists = True
        try:
            self.file = files.open_file(path, "rb")
            self.sequence = _sequence_of(self.file)
        except OSError as error:
            if error.args[0] == files.ENOENT:
                self.exists = False
                return
            if error.args[0] != files.ECORRUPT:
                self.close()
                raise
        except (MemoryError, StoreUnavailable):
            self.close()
            raise
        if self.sequence < 0 and report is not None:
            report("a copy of the state is damaged")

    def close(self):
        if self.file is not None:
            self.file.close()


def read(root: str, slots: Slots, report=None):
    """Reads the newer good copy into the empty `slots`; returns (Numbers, infos, names).

    Raises NotAStore if there is none, good or not; StoreUnavailable if both are damaged, or one has a format that is
    not known.
    """
    # A directory is read through for each file that is opened: both stay open.
    first = _Copy(root + COPIES[0], report)
    try:
        second = _Copy(root + COPIES[1], report)
        try:
            return _read_newer(first, second, slots)
        finally:
            second.close()
    finally:
        first.close()


def _read_newer(first: _Copy, second: _Copy, slots: Slots):
    if not first.exists and not second.exists:
        raise NotAStore("not a store")
    newer = first if first.sequence >= second.sequence else second
    if newer.sequence < 0:
        raise StoreUnavailable("the state of the store is damaged")
    newer.file.seek(0)
    found = _read(newer.file, slots)
    found[0].stale_copy = first.sequence != second.sequence
    return found


def _sequence_of(file) -> int:
    """The sequence number if the CRC is right, else -1."""
    left = file.seek(0, 2) - _CRC_SIZE
    file.seek(0)
    piece = bytearray(_PIECE)
    crc = 0
    sequence = -1
    while left > 0:
        view = memoryview(piece)[: min(left, _PIECE)]
        count = file.readinto(view)
        if not count:
            return -1
        if sequence < 0:
            if count < _HEADER_SIZE or piece[:4] != MAGIC:
                return -1
            sequence = struct.unpack_from("<Q", piece, 8)[0]
            version = struct.unpack_from("<H", piece, 4)[0]
        crc = crc32(view[:count], crc)
        left -= count
    if sequence < 0 or file.read(_CRC_SIZE) != struct.pack("<I", crc & 0xFFFFFFFF):
        return -1
    if version != FORMAT:
        raise StoreUnavailable("unknown store format %d" % version)
    return sequence


def _read(file, slots: Slots):
    header = struct.unpack(_HEADER, file.read(_HEADER_SIZE))
    state = Numbers()
    state.sequence, state.next_letter, state.next_mailbox, state.next_uidvalidity, slots.blocks = header[3:8]
    count, mailboxes, pending = header[8:11]
    slots.grow(count)
    for view in slots.views(count):
        file.readinto(view)
    infos = []
    user = ""
    for _ in range(mailboxes):
        info = _read_mailbox(file, user)
        user = info[INFO_USER]
        infos.append(info)
    for _ in range(pending):
        slots.intend(struct.unpack("<H", file.read(2))[0])
    names = []
    for _ in range(header[2]):
        names.append(file.read(file.read(1)[0]))
    # What follows, mail that goes out, is nothing that this version knows.
    return state, infos, names


def _read_mailbox(file, user: str):
    """The tuple of a mailbox; `user` is that of the mailbox before, for one string serves all of them."""
    fields = struct.unpack(_MAILBOX, file.read(_MAILBOX_SIZE))
    number, validity, uidnext, entries, blocks, recent, modseq, attributes, days, count, octets, rest = fields
    counters = array("I", bytes(4 * COUNTERS))
    counters[UIDNEXT] = uidnext
    counters[ENTRIES] = entries
    counters[BLOCKS] = blocks
    counters[RECENT] = recent
    set_modseq(counters, modseq)
    own = file.read(octets).decode()
    name = known_name(file.read(rest).decode())
    return (number, user if own == user else own, name, validity, attributes, days, count, counters)
