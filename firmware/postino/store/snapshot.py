"""The snapshot of a mailbox, `index/<id>`: a head, then pages of 1,024 octets with up to 28 entries each.

The head and every page have their own CRC: a damaged page costs the flags of its letters and nothing else (repair.py).
"""

import struct
from array import array
from binascii import crc32

from postino.store import files
from postino.store.contents import MAX_HISTORY, Contents
from postino.store.errors import StoreUnavailable
from postino.store.flags import MAX_KEYWORDS

MAGIC = b"PMB2"
FORMAT = 2

# magic, format, keywords, mailbox, uidvalidity, uidnext, recent, sequence, base, modseq, floor, entries, runs, octets
_HEAD = "<4sHHIIIIQQQQIHH"
HEAD_SIZE = 64

PAGE_SIZE = 1024
# magic, entries, page number, mailbox, CRC
_PAGE_HEAD = "<2sHII"
_PAGE_MAGIC = b"PG"
PAGE_HEAD_SIZE = 16
_PAGE_CRC_AT = 12

# uid, letter, size, date, saved, keywords, modseq, slot, blocks, flags
ENTRY = "<IIIIIIIHHB3x"
ENTRY_SIZE = 36
PAGE_ENTRIES = 28

# A keyword with its length, a run of the history.
_LONGEST_KEYWORD = 65
_RUN = 12
_CRC_SIZE = 4


def path_of(root: str, mailbox: int) -> str:
    return "%s/index/%x" % (root, mailbox)


def octets_for(entries: int) -> int:
    """About what a snapshot of so many entries takes."""
    return 256 + (entries + PAGE_ENTRIES - 1) // PAGE_ENTRIES * PAGE_SIZE


class Reader:
    """Reads a snapshot; close() is a must. `contents` has what the head says; `exists` is False if there is no file."""

    def __init__(self, path: str, mailbox: int, uidvalidity: int):
        self.contents = Contents(mailbox, uidvalidity, False)
        self.exists = True
        # Where in the file the pages begin.
        self.start = 0
        self._mailbox = mailbox
        self._next = 0
        # Entries that the head says and no page has given yet.
        self._left = 0
        self._file = None
        try:
            self._file = files.open_file(path, "rb")
            self._read_head()
        except OSError as error:
            if error.args[0] == files.ENOENT:
                self.exists = False
            elif error.args[0] == files.ECORRUPT:
                self._give_up()
            else:
                self.close()
                raise
        except (StoreUnavailable, MemoryError):
            self.close()
            raise

    def _give_up(self):
        """Nothing more can be read, not even whether it would be right."""
        if not self._next:
            self.contents.headless = True
        self.contents.damaged = True
        self.close()

    def _read_head(self):
        head = self._file.read(HEAD_SIZE)
        fields = struct.unpack(_HEAD, head + bytes(HEAD_SIZE - len(head)))
        if fields[0] != MAGIC or fields[3] != self._mailbox or not self._read_rest(head, fields):
            self.contents.history = array("I")
            self._find_pages()
            return
        if fields[1] != FORMAT:
            # Checked last: an octet that is damaged is no other format.
            raise StoreUnavailable("mailbox %x has the unknown format %d" % (self._mailbox, fields[1]))
        contents = self.contents
        contents.uidnext = fields[5]
        contents.recent_from = fields[6]
        contents.sequence = fields[7]
        contents.base = fields[8]
        contents.modseq = fields[9]
        contents.floor = fields[10]
        contents.entries = self._left = fields[11]
        contents.mark_saved()

    def _read_rest(self, head, fields) -> bool:
        """Reads keywords and history; False if the head is damaged."""
        runs, octets = fields[12:]
        if runs > MAX_HISTORY or octets > MAX_KEYWORDS * _LONGEST_KEYWORD:
            return False
        crc = crc32(head)
        names = []
        for _ in range(fields[2]):
            length = self._file.read(1)
            name = self._file.read(length[0]) if length else b""
            crc = crc32(name, crc32(length, crc))
            names.append(name)
        crc = self._read_history(self.contents, runs, crc)
        if self._file.read(_CRC_SIZE) != struct.pack("<I", crc & 0xFFFFFFFF):
            return False
        self.contents.keywords = [name.decode() for name in names]
        self.start = HEAD_SIZE + octets + runs * _RUN + _CRC_SIZE
        return True

    def _read_history(self, contents, runs: int, crc: int) -> int:
        for _ in range(runs):
            run = self._file.read(_RUN)
            crc = crc32(run, crc)
            if len(run) == _RUN:
                contents.history.extend(array("I", struct.unpack("<III", run)))
        return crc

    def _find_pages(self):
        """The head is damaged: the pages begin where the first valid one is found."""
        self.contents.damaged = self.contents.headless = True
        size = self._file.seek(0, 2)
        wanted = struct.pack("<II", 0, self._mailbox)
        piece = bytearray(PAGE_SIZE)
        at = 0
        while at < size:
            self._file.seek(at)
            got = self._file.readinto(piece)
            octets = bytes(memoryview(piece)[:got])
            found = octets.find(wanted, 4)
            while found >= 0:
                if octets[found - 4 : found - 2] == _PAGE_MAGIC:
                    self.start = at + found - 4
                    self._file.seek(self.start)
                    return
                found = octets.find(wanted, found + 1)
            at += max(1, got - 16)
        self._file.seek(size)

    def page(self, buffer) -> int:
        """Reads the next page into a buffer of PAGE_SIZE; the number of its entries, 0 at the end.

        What cannot be read is passed over, and noted in `contents.damaged`.
        """
        while self._file is not None:
            try:
                got = self._file.readinto(buffer)
            except OSError as error:
                if error.args[0] != files.ECORRUPT:
                    raise
                self._give_up()
                break
            if got < PAGE_HEAD_SIZE:
                if self._left and not self.contents.headless:
                    self.contents.damaged = True
                return 0
            number = self._next
            self._next += 1
            count = _valid(buffer, got, number, self._mailbox)
            if count:
                self._left -= count
                return count
            self.contents.damaged = True
        return 0

    @property
    def number(self) -> int:
        """Of the page that was read last, from 0."""
        return self._next - 1

    def close(self):
        file = self._file
        self._file = None
        if file is not None:
            file.close()


def _valid(buffer, got: int, number: int, mailbox: int) -> int:
    """The number of entries in a page of which `got` octets were read; 0 if it is not this page of this mailbox."""
    magic, count, page, owner = struct.unpack_from(_PAGE_HEAD, buffer, 0)
    if magic != _PAGE_MAGIC or page != number or owner != mailbox or not 0 < count <= PAGE_ENTRIES:
        return 0
    end = PAGE_HEAD_SIZE + count * ENTRY_SIZE
    if end > got:
        return 0
    view = memoryview(buffer)
    crc = crc32(view[PAGE_HEAD_SIZE:end], crc32(view[:_PAGE_CRC_AT]))
    return count if struct.unpack_from("<I", buffer, _PAGE_CRC_AT)[0] == crc & 0xFFFFFFFF else 0


def read_page(path: str, start: int, number: int, mailbox: int, buffer) -> int:
    """Reads one page of a snapshot whose pages begin at `start`; the number of its entries, 0 if it is damaged."""
    try:
        file = files.open_file(path, "rb")
        try:
            file.seek(start + number * PAGE_SIZE)
            return _valid(buffer, file.readinto(buffer), number, mailbox)
        finally:
            file.close()
    except OSError as error:
        if error.args[0] not in (files.ENOENT, files.ECORRUPT):
            raise
        return 0


class Writer:
    """Writes `path`.new page by page; finish() puts it in place. abort() leaves the old one."""

    def __init__(self, path: str, contents):
        self._path = path
        self._mailbox = contents.mailbox
        self._buffer = bytearray(PAGE_SIZE)
        self._count = 0
        self._page = 0
        self.entries = 0
        self._file = files.open_file(path + files.NEW, "wb")
        try:
            self._write_head(contents)
        except (OSError, MemoryError):
            self.abort()
            raise

    def _write_head(self, contents):
        names = [name.encode() for name in contents.keywords]
        octets = sum([1 + len(name) for name in names])
        fields = (MAGIC, FORMAT, len(names), contents.mailbox, contents.uidvalidity, contents.uidnext)
        fields += (contents.recent_from, contents.sequence, contents.base, contents.modseq, contents.floor)
        head = struct.pack(_HEAD, *(fields + (contents.entries, len(contents.history) // 3, octets)))
        crc = crc32(head)
        self._file.write(head)
        for name in names:
            piece = bytes([len(name)]) + name
            crc = crc32(piece, crc)
            self._file.write(piece)
        history = contents.history
        for at in range(0, len(history), 3):
            piece = struct.pack("<III", history[at], history[at + 1], history[at + 2])
            crc = crc32(piece, crc)
            self._file.write(piece)
        self._file.write(struct.pack("<I", crc & 0xFFFFFFFF))

    def put(self, source, at: int):
        """An entry of 36 octets, from this place of a buffer; UIDs ascending."""
        start = PAGE_HEAD_SIZE + self._count * ENTRY_SIZE
        memoryview(self._buffer)[start : start + ENTRY_SIZE] = memoryview(source)[at : at + ENTRY_SIZE]
        self._count += 1
        self.entries += 1
        if self._count == PAGE_ENTRIES:
            self._flush()

    def _flush(self):
        if not self._count:
            return
        end = PAGE_HEAD_SIZE + self._count * ENTRY_SIZE
        view = memoryview(self._buffer)
        struct.pack_into(_PAGE_HEAD, self._buffer, 0, _PAGE_MAGIC, self._count, self._page, self._mailbox)
        crc = crc32(view[PAGE_HEAD_SIZE:end], crc32(view[:_PAGE_CRC_AT]))
        struct.pack_into("<I", self._buffer, _PAGE_CRC_AT, crc & 0xFFFFFFFF)
        self._file.write(view if self._count == PAGE_ENTRIES else view[:end])
        self._page += 1
        self._count = 0

    def finish(self):
        """The new snapshot is in force when this returns."""
        try:
            self._flush()
        except OSError:
            self.abort()
            raise
        new = self._path + files.NEW
        file = self._file
        self._file = None
        file.close()
        files.rename(new, self._path)

    def abort(self):
        """Never raises; the half-made file is of no consequence."""
        file = self._file
        self._file = None
        if file is not None:
            try:
                file.close()
            except OSError:
                pass
            files.try_remove(self._path + files.NEW)


def entry(page, index: int):
    """(uid, letter, size, date, saved, keywords, modseq, slot, blocks, flags) of an entry of a page."""
    return struct.unpack_from(ENTRY, page, PAGE_HEAD_SIZE + index * ENTRY_SIZE)


def entry_at(buffer, at: int):
    return struct.unpack_from(ENTRY, buffer, at)
