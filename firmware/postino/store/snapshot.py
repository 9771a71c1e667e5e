"""Snapshot files: one mailbox each, `mailboxes/<id in hex>`, read in one sequential pass.

docs/store.md has the format. A snapshot is written to a `.new` name and renamed, so it is always whole; a CRC that does
not hold means damage, and then the mailbox is unavailable rather than silently empty.
"""

import struct
from binascii import crc32

from postino.store import files
from postino.store.contents import Contents
from postino.store.errors import StoreUnavailable
from postino.store.table import CHUNK_ENTRIES, ENTRY_SIZE, WORDS, new_chunk

MAGIC = b"PMB1"
FORMAT = 1

# magic, format, number of keywords, octets of keywords, (padding), mailbox, uidvalidity, uidnext, recent_from,
# sequence, count
_HEADER = "<4sHHHHIIIIII"
HEADER_SIZE = 36


class Skip:
    """A sink for entries that only checks them: one chunk, used again and again."""

    def __init__(self):
        self._chunk = new_chunk(CHUNK_ENTRIES)

    def chunk(self, entries: int):
        return self._chunk

    def filled(self, chunk, entries: int):
        pass


def path_of(root: str, mailbox: int) -> str:
    return "%s/mailboxes/%x" % (root, mailbox)


def read(path: str, mailbox: int, sink=None):
    """The Contents, None if there is no file. Entries go to `sink`, or else into the table of the Contents."""
    try:
        file = files.open_file(path, "rb")
    except OSError as error:
        if error.args[0] == files.ENOENT:
            return None
        raise
    try:
        return _read(file, mailbox, sink)
    finally:
        file.close()


def _read(file, mailbox: int, sink):
    header = _exactly(file, HEADER_SIZE)
    fields = struct.unpack(_HEADER, header)
    magic, version, keywords, octets, _, number, validity, uidnext, recent, sequence, count = fields
    if magic != MAGIC or version != FORMAT or number != mailbox:
        raise StoreUnavailable("mailbox %x damaged" % mailbox)
    contents = Contents(mailbox, validity, sink is None)
    contents.uidnext = uidnext
    contents.recent_from = recent
    contents.sequence = sequence
    names = _exactly(file, octets)
    crc = _read_entries(file, count, contents.table if sink is None else sink, crc32(names, crc32(header)))
    if struct.unpack("<I", _exactly(file, 4))[0] != crc & 0xFFFFFFFF:
        raise StoreUnavailable("mailbox %x damaged" % mailbox)
    _split_keywords(contents, names, keywords)
    return contents


def _exactly(file, octets: int) -> bytes:
    data = file.read(octets)
    if len(data) < octets:
        raise StoreUnavailable("mailbox damaged")
    return data


def _read_entries(file, count: int, sink, crc: int) -> int:
    while count:
        entries = min(count, CHUNK_ENTRIES)
        chunk = sink.chunk(entries)
        view = memoryview(chunk)[: entries * WORDS]
        if file.readinto(view) < entries * ENTRY_SIZE:
            raise StoreUnavailable("mailbox damaged")
        crc = crc32(view, crc)
        sink.filled(chunk, entries)
        count -= entries
    return crc


def _split_keywords(contents: Contents, names: bytes, count: int):
    at = 0
    for _ in range(count):
        end = at + 1 + names[at]
        contents.keywords.append(names[at + 1 : end].decode())
        at = end
    contents.mark_saved()


class _Writer:
    """Writes entries chunk by chunk and keeps the CRC."""

    def __init__(self, file):
        self._file = file
        self.crc = 0
        self.size = 0

    def write(self, data, octets: int):
        self.crc = crc32(data, self.crc)
        self._file.write(data)
        self.size += octets

    def filled(self, chunk, entries: int):
        self.write(memoryview(chunk)[: entries * WORDS], entries * ENTRY_SIZE)


def write(path: str, contents: Contents, sequence: int) -> int:
    """Replaces the snapshot; returns its size."""
    names = b"".join([bytes([len(name.encode())]) + name.encode() for name in contents.keywords])
    header = struct.pack(
        _HEADER,
        MAGIC,
        FORMAT,
        len(contents.keywords),
        len(names),
        0,
        contents.mailbox,
        contents.uidvalidity,
        contents.uidnext,
        contents.recent_from,
        sequence,
        len(contents.table),
    )
    file = files.open_file(path + files.NEW, "wb")
    try:
        writer = _Writer(file)
        writer.write(header, HEADER_SIZE)
        writer.write(names, len(names))
        contents.table.visit(writer)
        file.write(struct.pack("<I", writer.crc & 0xFFFFFFFF))
    finally:
        file.close()
    files.rename(path + files.NEW, path)
    contents.mark_saved()
    return writer.size + 4
