"""Reads a store of format 1, for the upgrade; it writes nothing.

Format 1 was a littlefs over the whole partition, with `journal`, `catalogue`, `mailboxes/<id>` and the letters in
`letters/<id >> 6>/<id>`. A mailbox was its snapshot with the journal's records of greater sequence numbers applied. It
is read here in windows of a few hundred entries, so that memory is bounded whatever the mailbox holds.
"""

import struct
from binascii import crc32

from postino.store import files
from postino.store.errors import StoreUnavailable

FORMAT = 1
# What the upgrade writes into the header of the journal before it changes anything else: from then on firmware that
# knows format 1 only refuses the store.
FORMAT_BEGUN = 2

# Journal header: magic, format, marks, next sequence, letter, mailbox, UIDVALIDITY; then its CRC.
JOURNAL_HEADER = "<4sHHIIII"
JOURNAL_HEADER_SIZE = 28
JOURNAL_CRC_AT = 24
_JOURNAL_MAGIC = b"PJN1"

# Record: length of the payload, kind, marks, sequence, mailbox; payload; CRC.
_RECORD = "<HBBII"
_RECORD_HEAD = 12
_CRC_SIZE = 4
_MAX_RECORD = 1024
_COMMIT = 1
KIND_ADD = 1
KIND_FLAGS = 2
KIND_EXPUNGE = 3
KIND_KEYWORD = 4
_MAILBOX = 5
_DELETE = 6

# Payload of MAILBOX: UIDVALIDITY, attributes, marks, octets of the user; user; name.
_MAILBOX_PAYLOAD = "<IHBB"
_MAILBOX_PAYLOAD_SIZE = 8
_CREATED = 1

# Catalogue: magic, format, number of mailboxes, sequence; then each: id, UIDVALIDITY, attributes, octets of user, name.
_CATALOGUE = "<4sHHI"
_CATALOGUE_SIZE = 12
_CATALOGUE_MAGIC = b"PCT1"
_LISTED = "<IIHBB"
_LISTED_SIZE = 12

# Words of an entry of 20 octets.
UID = 0
LETTER = 1
SIZE = 2
DATE = 3
FLAGS = 4
WORDS = 5
ENTRY_SIZE = 20
# System flags, and where the keywords begin; what is between them was the store's own.
SYSTEM_FLAGS = 31
KEYWORD_SHIFT = 8


def letter_path(root: str, letter: int) -> str:
    return "%s/letters/%x/%x" % (root, letter >> 6, letter)


def snapshot_path(root: str, mailbox: int) -> str:
    return "%s/mailboxes/%x" % (root, mailbox)


def open_if_there(path: str):
    """The file, or None if there is none."""
    try:
        return files.open_file(path, "rb")
    except OSError as error:
        if error.args[0] == files.ENOENT:
            return None
        raise


class Journal:
    """The header, and the records one by one: rewind(), then next() until it says False."""

    def __init__(self, path: str):
        self._path = path
        self.buffer = bytearray(_MAX_RECORD)
        self._view = memoryview(self.buffer)
        self._file = None
        # Where the good part ends.
        self.length = JOURNAL_HEADER_SIZE
        self.begun = False
        self.at = self.kind = self.marks = self.sequence = self.mailbox = self.octets = 0

    def load(self):
        """Reads the header and finds the end of the good part; returns the counters of the header."""
        self.close()
        self._file = files.open_file(self._path, "rb")
        got = self._file.readinto(self._view[:JOURNAL_HEADER_SIZE])
        crc = struct.unpack_from("<I", self.buffer, JOURNAL_CRC_AT)[0]
        fields = struct.unpack_from(JOURNAL_HEADER, self.buffer, 0)
        good = got == JOURNAL_HEADER_SIZE and crc == crc32(self._view[:JOURNAL_CRC_AT]) & 0xFFFFFFFF
        if not good or fields[0] != _JOURNAL_MAGIC:
            raise StoreUnavailable("not a store")
        if fields[1] not in (FORMAT, FORMAT_BEGUN):
            raise StoreUnavailable("unknown store format %d" % fields[1])
        self.begun = fields[1] == FORMAT_BEGUN
        length = self.at = JOURNAL_HEADER_SIZE
        while self._next():
            if self.marks & _COMMIT:
                length = self.at
        self.length = length
        return fields[3:]

    def rewind(self):
        if self._file is None:
            self._file = files.open_file(self._path, "rb")
        self._file.seek(JOURNAL_HEADER_SIZE)
        self.at = JOURNAL_HEADER_SIZE

    def next(self) -> bool:
        """Moves to the next record of a committed transaction."""
        return self.at < self.length and self._next()

    def _next(self) -> bool:
        view = self._view
        if self._file.readinto(view[:_RECORD_HEAD]) < _RECORD_HEAD:
            return False
        self.octets, self.kind, self.marks, self.sequence, self.mailbox = struct.unpack_from(_RECORD, self.buffer, 0)
        body = _RECORD_HEAD + self.octets
        if body + _CRC_SIZE > _MAX_RECORD:
            raise StoreUnavailable("journal damaged")
        if self._file.readinto(view[_RECORD_HEAD : body + _CRC_SIZE]) < self.octets + _CRC_SIZE:
            return False
        if crc32(view[:body]) & 0xFFFFFFFF != self.word(self.octets):
            raise StoreUnavailable("journal damaged")
        self.at += body + _CRC_SIZE
        return True

    def word(self, position: int) -> int:
        """The 32-bit word at this position of the payload."""
        return struct.unpack_from("<I", self.buffer, _RECORD_HEAD + position)[0]

    def payload(self, start: int = 0) -> bytes:
        return bytes(self._view[_RECORD_HEAD + start : _RECORD_HEAD + self.octets])

    def creates(self) -> bool:
        return self.kind == _MAILBOX and bool(self.buffer[_RECORD_HEAD + 6] & _CREATED)

    def close(self):
        file = self._file
        self._file = None
        if file is not None:
            file.close()


class Catalogue:
    """The mailboxes: id -> (user, name, UIDVALIDITY, attributes)."""

    def __init__(self):
        self.mailboxes = {}
        self.sequence = 0

    def load(self, path: str):
        file = open_if_there(path)
        if file is None:
            raise StoreUnavailable("catalogue missing")
        try:
            self._read(file)
        finally:
            file.close()

    def _read(self, file):
        header = file.read(_CATALOGUE_SIZE)
        if len(header) < _CATALOGUE_SIZE or header[:4] != _CATALOGUE_MAGIC:
            raise StoreUnavailable("catalogue damaged")
        _, version, count, self.sequence = struct.unpack(_CATALOGUE, header)
        if version != FORMAT:
            raise StoreUnavailable("unknown store format %d" % version)
        crc = crc32(header)
        last = ""
        for _ in range(count):
            fixed = file.read(_LISTED_SIZE)
            if len(fixed) < _LISTED_SIZE:
                raise StoreUnavailable("catalogue damaged")
            number, validity, attributes, user_octets, name_octets = struct.unpack(_LISTED, fixed)
            names = file.read(user_octets + name_octets)
            crc = crc32(names, crc32(fixed, crc))
            user = _text(names[:user_octets])
            # One string for all mailboxes of a user.
            last = user if user != last else last
            self.mailboxes[number] = (last, _text(names[user_octets:]), validity, attributes)
        if file.read(4) != struct.pack("<I", crc & 0xFFFFFFFF):
            raise StoreUnavailable("catalogue damaged")

    def apply(self, journal: Journal):
        """One record of the journal."""
        if journal.sequence <= self.sequence:
            return
        if journal.kind == _DELETE:
            self.mailboxes.pop(journal.mailbox, None)
        elif journal.kind == _MAILBOX:
            payload = journal.payload()
            validity, attributes, _, octets = struct.unpack_from(_MAILBOX_PAYLOAD, payload, 0)
            user = _text(payload[_MAILBOX_PAYLOAD_SIZE : _MAILBOX_PAYLOAD_SIZE + octets])
            name = _text(payload[_MAILBOX_PAYLOAD_SIZE + octets :])
            self.mailboxes[journal.mailbox] = (user, name, validity, attributes)


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeError:
        raise StoreUnavailable("catalogue damaged")


class Source:
    """What is outside the mailboxes: the journal, the catalogue and the counters in force."""

    def __init__(self, root: str):
        self.root = root
        self.journal = Journal(root + "/journal")
        self.catalogue = Catalogue()
        # Mailboxes that the journal names.
        self.named = set()
        self.sequence = self.next_letter = self.next_mailbox = self.next_uidvalidity = 0

    def load(self):
        """Raises StoreUnavailable if this is no store of format 1, or a damaged one."""
        sequence, self.next_letter, self.next_mailbox, self.next_uidvalidity = self.journal.load()
        self.sequence = sequence - 1
        self.catalogue.load(self.root + "/catalogue")
        journal = self.journal
        journal.rewind()
        while journal.next():
            self.sequence = journal.sequence
            self.catalogue.apply(journal)
            self.named.add(journal.mailbox)
            if journal.kind == KIND_ADD:
                for at in range(4, journal.octets, ENTRY_SIZE):
                    self.next_letter = max(self.next_letter, journal.word(at) + 1)
            elif journal.creates():
                self.next_mailbox = max(self.next_mailbox, journal.mailbox + 1)
                self.next_uidvalidity = max(self.next_uidvalidity, journal.word(0) + 1)

    def close(self):
        self.journal.close()
