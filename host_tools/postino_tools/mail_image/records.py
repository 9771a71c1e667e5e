"""What the records of the log say: their payloads, by kind."""

import struct
from dataclasses import dataclass

from postino_tools.mail_image.octets import Octets
from postino_tools.mail_image.sectors import Record
from postino_tools.mail_image.state import user_and_name

NO_SLOT = 0xFFFF
# Marks of MAILBOX.
CREATED = 1
LEFT = 2

ADD_HEAD = struct.Struct("<HHIIII")
ADD_MAILBOX = struct.Struct("<IIIB3x")
ENTRY = struct.Struct("<IIIIIHHB3x")
FLAGS_HEAD = struct.Struct("<IIBB2x")
RUN = struct.Struct("<II")
EXPUNGED = struct.Struct("<IHH")
MAILBOX_HEAD = struct.Struct("<IHHHBB")
SLOT = struct.Struct("<H")
REFERENCE = struct.Struct("<HHH")


@dataclass(slots=True)
class Entry:
    """A letter in a mailbox."""

    uid: int
    letter_id: int
    size: int
    internaldate: int
    save_date: int
    keywords: int
    modseq: int
    slot: int
    blocks: int
    flags: int


@dataclass(frozen=True)
class Added:
    """ADD and ENTRIES: letters get into mailboxes."""

    sequence: int
    entries: list[tuple[int, Entry]]


@dataclass(frozen=True)
class Flags:
    """Flags and keywords of runs of letters change."""

    sequence: int
    mailbox_id: int
    add_keywords: int
    remove_keywords: int
    add_flags: int
    remove_flags: int
    runs: list[tuple[int, int]]


@dataclass(frozen=True)
class Expunged:
    """Letters leave a mailbox: UID, slot, blocks of each."""

    sequence: int
    mailbox_id: int
    letters: list[tuple[int, int, int]]


@dataclass(frozen=True)
class Keyword:
    sequence: int
    mailbox_id: int
    number: int
    name: str


@dataclass(frozen=True)
class MailboxValues:
    """A mailbox is new, or has these values from now on."""

    sequence: int
    mailbox_id: int
    uidvalidity: int
    attributes: int
    retention_days: int
    retention_letters: int
    created: bool
    # The user stays subscribed to the name that it had before.
    left: bool
    user: str
    name: str


@dataclass(frozen=True)
class Dropped:
    """A mailbox is gone."""

    sequence: int
    mailbox_id: int


@dataclass(frozen=True)
class Unsubscribed:
    """A name that no mailbox has is no longer subscribed; all those of the user, if there is no name."""

    sequence: int
    user: str
    name: str


@dataclass(frozen=True)
class Slots:
    """A file is about to be written, others are known to be removed."""

    sequence: int
    written: int | None
    removed: list[int]


@dataclass(frozen=True)
class References:
    """Slots have these numbers of references: slot, blocks, references of each."""

    sequence: int
    slots: list[tuple[int, int, int]]


@dataclass(frozen=True)
class Folded:
    """A hint for the firmware's next start: the mailbox's snapshot has all transactions up to this one."""

    sequence: int
    mailbox_id: int
    up_to: int


Change = Added | Flags | Expunged | Keyword | MailboxValues | Dropped | Unsubscribed | Slots | References | Folded


def parse(record: Record) -> Change | None:
    """What the record says; None if that is nothing for a reader. Damaged when it cannot be understood."""
    parser = PARSERS.get(record.kind)
    if parser is None:
        # A kind of a later version.
        return None
    return parser(record, Octets(record.payload))


def _add(record: Record, octets: Octets) -> Added:
    slot, blocks, letter_id, size, internaldate, save_date = octets.unpack(ADD_HEAD)
    entries = [
        (box, Entry(uid, letter_id, size, internaldate, save_date, keywords, record.sequence, slot, blocks, flags))
        for box, uid, keywords, flags in octets.unpack_rest(ADD_MAILBOX)
    ]
    return Added(record.sequence, entries)


def _entries(record: Record, octets: Octets) -> Added:
    (save_date,) = octets.unpack(struct.Struct("<I"))
    box, sequence = record.mailbox_id, record.sequence
    entries = [
        (box, Entry(uid, letter_id, size, internaldate, save_date, keywords, sequence, slot, blocks, flags))
        for uid, letter_id, size, internaldate, keywords, slot, blocks, flags in octets.unpack_rest(ENTRY)
    ]
    return Added(sequence, entries)


def _flags(record: Record, octets: Octets) -> Flags:
    add_keywords, remove_keywords, add_flags, remove_flags = octets.unpack(FLAGS_HEAD)
    runs = [(first, last) for first, last in octets.unpack_rest(RUN)]
    return Flags(record.sequence, record.mailbox_id, add_keywords, remove_keywords, add_flags, remove_flags, runs)


def _expunge(record: Record, octets: Octets) -> Expunged:
    letters = [(uid, slot, blocks) for uid, slot, blocks in octets.unpack_rest(EXPUNGED)]
    return Expunged(record.sequence, record.mailbox_id, letters)


def _keyword(record: Record, octets: Octets) -> Keyword:
    number = octets.take(1)[0]
    return Keyword(record.sequence, record.mailbox_id, number, octets.text(octets.left()))


def _mailbox(record: Record, octets: Octets) -> MailboxValues:
    uidvalidity, attributes, days, letters, marks, length = octets.unpack(MAILBOX_HEAD)
    user = octets.text(length)
    name = octets.text(octets.left())
    created, left = bool(marks & CREATED), bool(marks & LEFT)
    return MailboxValues(
        record.sequence, record.mailbox_id, uidvalidity, attributes, days, letters, created, left, user, name
    )


def _drop(record: Record, octets: Octets) -> Dropped:
    return Dropped(record.sequence, record.mailbox_id)


def _unsubscribed(record: Record, octets: Octets) -> Unsubscribed:
    user, name = user_and_name(octets, octets.left())
    return Unsubscribed(record.sequence, user, name)


def _slots(record: Record, octets: Octets) -> Slots:
    (written,) = octets.unpack(SLOT)
    removed = [slot for (slot,) in octets.unpack_rest(SLOT)]
    return Slots(record.sequence, None if written == NO_SLOT else written, removed)


def _references(record: Record, octets: Octets) -> References:
    slots = [(slot, blocks, references) for slot, blocks, references in octets.unpack_rest(REFERENCE)]
    return References(record.sequence, slots)


def _folded(record: Record, octets: Octets) -> Folded:
    (up_to,) = octets.unpack(struct.Struct("<Q"))
    return Folded(record.sequence, record.mailbox_id, up_to)


def _spool(record: Record, octets: Octets) -> None:
    return None


PARSERS = {
    1: _add,
    2: _entries,
    3: _flags,
    4: _expunge,
    5: _keyword,
    6: _mailbox,
    7: _drop,
    8: _slots,
    9: _references,
    10: _spool,
    11: _folded,
    12: _unsubscribed,
}
