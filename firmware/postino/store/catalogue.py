"""The catalogue: all mailboxes of all users in RAM, each a plain tuple with an array of counters.

On flash they are in the state (state.py) and in the log's MAILBOX and DROP records. The tuples are replaced as a whole
after a commit, so that nothing can fail then: `changed()` builds the new ones before. The counters stay the same array.
"""

import struct
from array import array

from postino.store import records

INBOX = "INBOX"
SEPARATOR = "/"

# Fields of a mailbox tuple.
INFO_ID = 0
INFO_USER = 1
INFO_NAME = 2
INFO_UIDVALIDITY = 3
INFO_ATTRIBUTES = 4
INFO_DAYS = 5
INFO_COUNT = 6
INFO_COUNTERS = 7

# The counters of a mailbox.
UIDNEXT = 0
ENTRIES = 1
# Blocks of the letters that its entries name: what its user's quota counts.
BLOCKS = 2
# Letters from this UID on are \Recent for the next session that selects the mailbox (RFC 3501 section 2.3.2).
RECENT = 3
# The highest modification sequence (RFC 7162), in two parts: without objects for MicroPython, whose small integers have
# 31 bits, since this is set after a commit, when nothing may fail.
MODSEQ_LOW = 4
MODSEQ_HIGH = 5
# The log sector with the first record that the snapshot lacks (0: none), and the octets of all such records.
FIRST_SECTOR = 6
LOG_OCTETS = 7
COUNTERS = 8
_MODSEQ_BITS = 30
_MODSEQ_MASK = 0x3FFFFFFF

# Attributes: subscription (RFC 3501 section 6.3.6) and special uses (RFC 6154).
SUBSCRIBED = 1
DRAFTS = 2
SENT = 4
JUNK = 8
TRASH = 16
ARCHIVE = 32
SPECIAL_USES = DRAFTS | SENT | JUNK | TRASH | ARCHIVE
# Deleted; its letters are still being taken out.
DYING = 256

# Retention of a new mailbox with this use, in days.
DEFAULT_DAYS = {JUNK: 30, TRASH: 30}

# MAILBOX record: uidvalidity, attributes, days, count, marks, octets of the user; user; name.
_RECORD = "<IHHHBB"
_RECORD_SIZE = 12
_MARKS_AT = 10

# Mark of a MAILBOX record: the mailbox is new, and empty.
CREATED = 1


def new_counters():
    counters = array("I", bytes(4 * COUNTERS))
    counters[UIDNEXT] = counters[RECENT] = 1
    return counters


def new_info(number: int, user: str, name: str, validity: int, attributes: int):
    """A mailbox that is made now."""
    return (number, user, name, validity, attributes, DEFAULT_DAYS.get(attributes & SPECIAL_USES, 0), 0, new_counters())


def with_values(info, user: str, name: str, attributes: int):
    """The same mailbox with another name or other attributes."""
    return (info[INFO_ID], user, name, info[INFO_UIDVALIDITY], attributes) + info[INFO_DAYS:]


def with_retention(info, days: int, count: int):
    return info[:INFO_DAYS] + (days, count, info[INFO_COUNTERS])


def modseq_of(counters) -> int:
    return counters[MODSEQ_HIGH] << _MODSEQ_BITS | counters[MODSEQ_LOW]


def set_modseq(counters, modseq: int):
    counters[MODSEQ_LOW] = modseq & _MODSEQ_MASK
    counters[MODSEQ_HIGH] = modseq >> _MODSEQ_BITS


# What a new user gets (RFC 6154 for the special uses).
NEW_USER = (
    (INBOX, 0),
    ("Drafts", DRAFTS),
    ("Sent", SENT),
    ("Junk", JUNK),
    ("Trash", TRASH),
    ("Archive", ARCHIVE),
)


def canonical(name: str) -> str:
    """RFC 3501 section 5.1: INBOX in any case is the same mailbox."""
    head = name[: len(INBOX)]
    rest = name[len(INBOX) :]
    if head.upper() == INBOX and (not rest or rest.startswith(SEPARATOR)):
        return INBOX + rest
    return name


def known_name(name: str) -> str:
    """The same text; for a usual name the one object that all mailboxes of that name share."""
    for usual, _ in NEW_USER:
        if usual == name:
            return usual
    return name


def _order(info):
    return (info[INFO_USER], info[INFO_NAME], info[INFO_ID])


def put_record(log, info, marks: int):
    """Logs a mailbox that is new or has changed."""
    user = info[INFO_USER].encode()
    name = info[INFO_NAME].encode()
    log.record(records.MAILBOX, info[INFO_ID], _RECORD_SIZE + len(user) + len(name))
    values = (info[INFO_UIDVALIDITY], info[INFO_ATTRIBUTES], info[INFO_DAYS], info[INFO_COUNT], marks, len(user))
    log.put(struct.pack(_RECORD, *values))
    log.put(user)
    log.put(name)


def marks_of(reader) -> int:
    """The marks of a MAILBOX record."""
    return reader.octet(_MARKS_AT)


def is_created(reader) -> bool:
    """The record makes a new mailbox."""
    return reader.kind == records.MAILBOX and bool(marks_of(reader) & CREATED)


def read_record(reader, counters):
    """The tuple that a MAILBOX record says."""
    payload = reader.payload()
    validity, attributes, days, count, _, octets = struct.unpack_from(_RECORD, payload, 0)
    user = payload[_RECORD_SIZE : _RECORD_SIZE + octets].decode()
    name = known_name(payload[_RECORD_SIZE + octets :].decode())
    return (reader.mailbox, user, name, validity, attributes, days, count, counters)


class Catalogue:
    def __init__(self):
        # Sorted by user and name; those that are dying come first.
        self.infos = []
        self._by_id = {}
        # Names that users are subscribed to though no mailbox has them any more (nonexistent.py).
        self.names = []

    def get(self, mailbox: int):
        """None if there is no such mailbox, or it is dying."""
        info = self._by_id.get(mailbox)
        return None if info is None or info[INFO_ATTRIBUTES] & DYING else info

    def any(self, mailbox: int):
        """Also one that is dying."""
        return self._by_id.get(mailbox)

    def find(self, user: str, name: str):
        for info in self.infos:
            if info[INFO_NAME] == name and info[INFO_USER] == user and not info[INFO_ATTRIBUTES] & DYING:
                return info
        return None

    def of_user(self, user: str) -> list:
        return [info for info in self.infos if info[INFO_USER] == user and not info[INFO_ATTRIBUTES] & DYING]

    def dying(self):
        """One that is dying, or None."""
        for info in self.infos:
            if info[INFO_ATTRIBUTES] & DYING:
                return info
        return None

    def changed(self, replaced: list, removed=(), names=None):
        """What install() takes: `replaced` by id or added, those with an id in `removed` gone; new `names`, if any."""
        gone = set(removed)
        for info in replaced:
            gone.add(info[INFO_ID])
        infos = [info for info in self.infos if info[INFO_ID] not in gone]
        infos.extend(replaced)
        infos.sort(key=_order)
        return infos, {info[INFO_ID]: info for info in infos}, self.names if names is None else names

    def install(self, future):
        """After the commit."""
        self.infos, self._by_id, self.names = future
