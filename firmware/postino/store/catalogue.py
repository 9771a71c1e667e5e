"""The catalogue: all mailboxes of all users, in RAM as plain tuples and on flash as one file.

A change is a journal record (kind MAILBOX or DELETE); the file is rewritten at a checkpoint. The list of tuples is
replaced as a whole after the commit, so that nothing can fail then: `changed()` builds it before.
"""

import struct
from binascii import crc32

from postino.store import files
from postino.store import journal as kinds
from postino.store.errors import StoreUnavailable

# Fields of a MailboxInfo tuple.
INFO_ID = 0
INFO_USER = 1
INFO_NAME = 2
INFO_UIDVALIDITY = 3
INFO_ATTRIBUTES = 4

# Attributes: subscription (RFC 3501 section 6.3.6) and special uses (RFC 6154).
SUBSCRIBED = 1
DRAFTS = 2
SENT = 4
JUNK = 8
TRASH = 16
ARCHIVE = 32

MAGIC = b"PCT1"
FORMAT = 1

# magic, format, number of mailboxes, sequence
_HEADER = "<4sHHI"
_HEADER_SIZE = 12

# id, uidvalidity, attributes, octets of the user, octets of the name
_ENTRY = "<IIHBB"
_ENTRY_SIZE = 12

# MAILBOX record: uidvalidity, attributes, marks, octets of the user; user; name
_RECORD = "<IHBB"
_RECORD_SIZE = 8

# Mark of a MAILBOX record: the mailbox is new, and empty.
CREATED = 1


def _order(info):
    return (info[INFO_USER], info[INFO_NAME])


def put_record(journal, info, marks: int):
    """Journals a mailbox that is new or has changed."""
    user = info[INFO_USER].encode()
    journal.record(kinds.MAILBOX, info[INFO_ID])
    journal.put(struct.pack(_RECORD, info[INFO_UIDVALIDITY], info[INFO_ATTRIBUTES], marks, len(user)))
    journal.put(user)
    journal.put(info[INFO_NAME].encode())


def is_created(reader) -> bool:
    """The record makes a new mailbox."""
    return reader.kind == kinds.MAILBOX and bool(reader.buffer[kinds.RECORD_HEAD + 6] & CREATED)


class Catalogue:
    def __init__(self, path: str):
        self._path = path
        self.infos = []
        self.sequence = 0
        # The file is behind.
        self.stale = False

    def get(self, mailbox: int):
        for info in self.infos:
            if info[INFO_ID] == mailbox:
                return info
        return None

    def find(self, user: str, name: str):
        for info in self.infos:
            if info[INFO_NAME] == name and info[INFO_USER] == user:
                return info
        return None

    def of_user(self, user: str) -> list:
        return [info for info in self.infos if info[INFO_USER] == user]

    def changed(self, replaced: list, removed=()) -> list:
        """The list as it will be: `replaced` by id or added, those with an id in `removed` gone."""
        gone = set(removed)
        for info in replaced:
            gone.add(info[INFO_ID])
        infos = [info for info in self.infos if info[INFO_ID] not in gone]
        infos.extend(replaced)
        infos.sort(key=_order)
        return infos

    def install(self, infos: list):
        """After the commit."""
        self.infos = infos
        self.stale = True

    def apply(self, reader):
        """Replay of one record."""
        if reader.sequence <= self.sequence:
            return
        if reader.kind == kinds.DELETE:
            self.install(self.changed([], (reader.mailbox,)))
        elif reader.kind == kinds.MAILBOX:
            payload = reader.payload()
            validity, attributes, _, octets = struct.unpack_from(_RECORD, payload, 0)
            user = payload[_RECORD_SIZE : _RECORD_SIZE + octets].decode()
            name = payload[_RECORD_SIZE + octets :].decode()
            self.install(self.changed([(reader.mailbox, user, name, validity, attributes)]))

    def load(self):
        """Reads the file; raises StoreUnavailable if it is damaged or missing."""
        try:
            file = files.open_file(self._path, "rb")
            try:
                self._read(file)
            finally:
                file.close()
        except OSError as error:
            raise files.translated(error)

    def _read(self, file):
        header = file.read(_HEADER_SIZE)
        crc = crc32(header)
        if len(header) < _HEADER_SIZE or header[:4] != MAGIC:
            raise StoreUnavailable("catalogue damaged")
        _, version, count, sequence = struct.unpack(_HEADER, header)
        if version != FORMAT:
            raise StoreUnavailable("unknown store format %d" % version)
        infos = []
        user = ""
        for _ in range(count):
            fixed = file.read(_ENTRY_SIZE)
            if len(fixed) < _ENTRY_SIZE:
                raise StoreUnavailable("catalogue damaged")
            number, validity, attributes, user_octets, name_octets = struct.unpack(_ENTRY, fixed)
            names = file.read(user_octets + name_octets)
            crc = crc32(names, crc32(fixed, crc))
            # One string for all mailboxes of a user.
            read_user = names[:user_octets].decode()
            if read_user != user:
                user = read_user
            infos.append((number, user, names[user_octets:].decode(), validity, attributes))
        if file.read(4) != struct.pack("<I", crc & 0xFFFFFFFF):
            raise StoreUnavailable("catalogue damaged")
        self.infos = infos
        self.sequence = sequence
        self.stale = False

    def write(self, sequence: int):
        """Replaces the file."""
        file = files.open_file(self._path + files.NEW, "wb")
        try:
            piece = struct.pack(_HEADER, MAGIC, FORMAT, len(self.infos), sequence)
            crc = crc32(piece)
            file.write(piece)
            for number, user, name, validity, attributes in self.infos:
                octets = user.encode()
                text = name.encode()
                piece = struct.pack(_ENTRY, number, validity, attributes, len(octets), len(text)) + octets + text
                crc = crc32(piece, crc)
                file.write(piece)
            file.write(struct.pack("<I", crc & 0xFFFFFFFF))
        finally:
            file.close()
        files.rename(self._path + files.NEW, self._path)
        self.sequence = sequence
        self.stale = False
