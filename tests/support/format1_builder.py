"""Builds mail stores of format 1 from its specification, behind the store's `files`, and says what is in them.

Format 1 was that of version 0.1; its specification is docs/store.md of that version. Changes go into the journal, as
records of a transaction each; `checkpoint()` writes snapshots and the catalogue. The reader has nothing to do with it.
"""

import random
import struct
from dataclasses import dataclass, field
from zlib import crc32

from postino.store import files

SEEN, ANSWERED, FLAGGED, DELETED, DRAFT, SHARED = 1, 2, 4, 8, 16, 32
SUBSCRIBED, DRAFTS, SENT, JUNK, TRASH, ARCHIVE = 1, 2, 4, 8, 16, 32
ADD, FLAGS, EXPUNGE, KEYWORD, MAILBOX, DELETE = 1, 2, 3, 4, 5, 6
COMMIT = 1
CREATED = 1
SWEEP = 1
LONGEST_RECORD = 1024
DATE = 1764000000


@dataclass
class Entry:
    letter: int
    size: int
    date: int
    flags: int


@dataclass
class Box:
    """A mailbox as it is now."""

    number: int
    user: str
    name: str
    validity: int
    attributes: int
    uidnext: int = 1
    recent: int = 1
    keywords: list[str] = field(default_factory=list)
    entries: dict[int, Entry] = field(default_factory=dict)


def summed(octets: bytes) -> bytes:
    return octets + struct.pack("<I", crc32(octets))


def write_file(path: str, octets: bytes) -> None:
    file = files.open_file(path, "wb")
    try:
        file.write(octets)
    finally:
        file.close()


class Builder:
    def __init__(self, root: str = "", sequence: int = 0, validity: int = 77001) -> None:
        self.root = root
        self.sequence = sequence
        self.next_letter = 1
        self.next_mailbox = 1
        self.next_validity = validity
        self.boxes: dict[int, Box] = {}
        self.letters: dict[int, bytes] = {}
        # The file system may have letters, and directories, that are gone from `letters`.
        self._directories: set[int] = set()
        self._records = b""
        # What the header of the journal says.
        self._header = b""
        for name in ("letters", "mailboxes"):
            files.make_directory(f"{root}/{name}")
        self.checkpoint()

    # Letters.

    def letter(self, octets: bytes) -> int:
        """The file of a letter, which nothing names yet."""
        number = self.next_letter
        self.next_letter += 1
        self.letters[number] = octets
        if number >> 6 not in self._directories:
            files.make_directory(f"{self.root}/letters/{number >> 6:x}")
            self._directories.add(number >> 6)
        write_file(self._path(number), octets)
        return number

    def _path(self, letter: int) -> str:
        return f"{self.root}/letters/{letter >> 6:x}/{letter:x}"

    def skip_letters(self, count: int) -> None:
        """As if so many had come and gone."""
        self.next_letter += count

    def remove_unnamed(self, keep: int = 0) -> list[int]:
        """Removes the files of letters that nothing names, as the firmware does, but for so many of them."""
        named = {entry.letter for box in self.boxes.values() for entry in box.entries.values()}
        gone = sorted(set(self.letters) - named)
        for letter in gone[keep:]:
            files.remove(self._path(letter))
            del self.letters[letter]
        return gone[:keep]

    # Transactions.

    def commit(self, *records: tuple[int, int, bytes]) -> None:
        """Records of (kind, mailbox, payload) become one transaction."""
        self._records += self.transaction(*records)
        self.sequence += 1

    def transaction(self, *records: tuple[int, int, bytes], committed: bool = True) -> bytes:
        octets = b""
        for number, (kind, mailbox, payload) in enumerate(records):
            marks = COMMIT if committed and number == len(records) - 1 else 0
            head = struct.pack("<HBBII", len(payload), kind, marks, self.sequence + 1, mailbox)
            octets += summed(head + payload)
            assert len(head + payload) + 4 <= LONGEST_RECORD
        return octets

    def create(self, user: str, name: str, attributes: int = SUBSCRIBED) -> Box:
        box = Box(self.next_mailbox, user, name, self.next_validity, attributes)
        self.next_mailbox += 1
        self.next_validity += 1
        self.boxes[box.number] = box
        self.commit((MAILBOX, box.number, self._mailbox(box, CREATED)))
        return box

    def change(self, box: Box, name: str, attributes: int) -> None:
        box.name, box.attributes = name, attributes
        self.commit((MAILBOX, box.number, self._mailbox(box, 0)))

    def _mailbox(self, box: Box, marks: int) -> bytes:
        user = box.user.encode()
        return struct.pack("<IHBB", box.validity, box.attributes, marks, len(user)) + user + box.name.encode()

    def delete(self, box: Box) -> None:
        del self.boxes[box.number]
        self.commit((DELETE, box.number, b""))

    def add(self, letter: int, *boxes: Box, flags: int = 0, date: int = DATE) -> None:
        """The letter gets into all these mailboxes, in one transaction."""
        if len(boxes) > 1:
            flags |= SHARED
        records = []
        for box in boxes:
            entry = Entry(letter, len(self.letters[letter]), date, flags)
            payload = struct.pack("<5I", box.uidnext, letter, entry.size, date, flags)
            records.append((ADD, box.number, payload))
            box.entries[box.uidnext] = entry
            box.uidnext += 1
        self.commit(*records)

    def copy(self, source: Box, uids: list[int], target: Box, move: bool = False) -> None:
        """To another mailbox; copies are marked as shared, in a transaction of several records."""
        payload = b""
        runs = b""
        for uid in uids:
            entry = source.entries[uid]
            if not move:
                entry.flags |= SHARED
            # Keywords have other numbers there; here the copy loses them.
            flags = entry.flags & 255
            payload += struct.pack("<5I", target.uidnext, entry.letter, entry.size, entry.date, flags)
            target.entries[target.uidnext] = Entry(entry.letter, entry.size, entry.date, flags)
            target.uidnext += 1
            runs += struct.pack("<II", uid, uid)
            if move:
                del source.entries[uid]
        records = [(ADD, target.number, payload[at : at + 1000]) for at in range(0, len(payload), 1000)]
        if move:
            records += [(EXPUNGE, source.number, runs[at : at + 1000]) for at in range(0, len(runs), 1000)]
        else:
            marks = struct.pack("<II", SHARED, 0)
            records += [(FLAGS, source.number, marks + runs[at : at + 800]) for at in range(0, len(runs), 800)]
        self.commit(*records)

    def keyword(self, box: Box, name: str) -> int:
        """A new keyword; returns its flag bit."""
        self.commit((KEYWORD, box.number, bytes([len(box.keywords)]) + name.encode()))
        box.keywords.append(name)
        return 256 << len(box.keywords) - 1

    def flag(self, box: Box, first: int, last: int, add: int, remove: int = 0) -> None:
        for uid, entry in box.entries.items():
            if first <= uid <= last:
                entry.flags = entry.flags & ~remove | add
        self.commit((FLAGS, box.number, struct.pack("<IIII", add, remove, first, last)))

    def expunge(self, box: Box, *runs: tuple[int, int]) -> None:
        for first, last in runs:
            for uid in [uid for uid in box.entries if first <= uid <= last]:
                del box.entries[uid]
        self.commit((EXPUNGE, box.number, b"".join(struct.pack("<II", *run) for run in runs)))

    # Files.

    def header(self, marks: int) -> bytes:
        counters = (self.sequence + 1, self.next_letter, self.next_mailbox, self.next_validity)
        return summed(struct.pack("<4sHHIIII", b"PJN1", 1, marks, *counters))

    def write_journal(self, tail: bytes = b"") -> None:
        """The journal as it is by now; `tail` was written without being committed."""
        write_file(f"{self.root}/journal", self._header + self._records + tail)

    def checkpoint(self, marks: int = SWEEP) -> None:
        """Everything into the snapshots and the catalogue; the journal begins anew."""
        for box in self.boxes.values():
            self.write_snapshot(box)
        self.write_catalogue()
        self._records = b""
        self._header = self.header(marks)
        self.write_journal()

    def write_snapshot(self, box: Box) -> None:
        """Also for a checkpoint that was cut: the journal keeps its records."""
        names = b"".join(bytes([len(name.encode())]) + name.encode() for name in box.keywords)
        head = struct.pack("<4sHHHHII", b"PMB1", 1, len(box.keywords), len(names), 0, box.number, box.validity)
        head += struct.pack("<4I", box.uidnext, box.recent, self.sequence, len(box.entries))
        for uid, entry in sorted(box.entries.items()):
            names += struct.pack("<5I", uid, entry.letter, entry.size, entry.date, entry.flags)
        write_file(f"{self.root}/mailboxes/{box.number:x}", summed(head + names))

    def write_catalogue(self) -> None:
        octets = struct.pack("<4sHHI", b"PCT1", 1, len(self.boxes), self.sequence)
        for box in sorted(self.boxes.values(), key=lambda box: (box.user, box.name)):
            user, name = box.user.encode(), box.name.encode()
            octets += struct.pack("<IIHBB", box.number, box.validity, box.attributes, len(user), len(name))
            octets += user + name
        write_file(f"{self.root}/catalogue", summed(octets))

    # What is in it.

    def expected(self) -> dict:
        """(user, mailbox) -> UIDVALIDITY, UIDNEXT, first recent UID, attributes, and (UID, octets, date, flags)."""
        found = {}
        for box in self.boxes.values():
            rows = []
            for uid, entry in sorted(box.entries.items()):
                names = {str(1 << bit) for bit in range(5) if entry.flags & 1 << bit}
                names |= {name for number, name in enumerate(box.keywords) if entry.flags & 256 << number}
                rows.append((uid, self.letters[entry.letter], entry.date, frozenset(names)))
            found[box.user, box.name] = (box.validity, box.uidnext, box.recent, box.attributes, rows)
        return found


def octets_of(number: int, size: int) -> bytes:
    """A letter of exactly this size, like no other."""
    head = b"Subject: letter %d\r\n\r\n" % number
    body = (b"%d says nothing of any interest.\r\n" % number) * (size // 30 + 1)
    return (head + body)[:size]


# Sizes about the bounds that matter: littlefs' inline files, the trailer in the last block, several blocks.
SIZES = (0, 20, 85, 90, 128, 129, 700, 4000, 4050, 4054, 4055, 4056, 4057, 4096, 4097, 8100, 8150, 9000)

USES = (("INBOX", 0), ("Drafts", DRAFTS), ("Sent", SENT), ("Junk", JUNK), ("Trash", TRASH), ("Archive", ARCHIVE))


def small_store(seed: int = 1, letters: int = 24, root: str = "") -> Builder:
    """Of all that a store can hold a little: shared letters, keywords, records that are not folded, leftovers."""
    generator = random.Random(seed)
    builder = Builder(root, sequence=seed * 1000)
    inboxes = []
    for user in ("anna", "bert"):
        boxes = [builder.create(user, name, SUBSCRIBED | use) for name, use in USES]
        inboxes.append(boxes)
    anna, bert = inboxes
    for number in range(letters):
        if number == letters // 2:
            fold_half(builder, anna, bert)
        letter = builder.letter(octets_of(number, SIZES[number % len(SIZES)]))
        targets = generator.choice(([anna[0]], [anna[0]], [bert[0]], [anna[0], bert[0]], [anna[2]]))
        builder.add(letter, *targets, flags=generator.choice((0, SEEN, FLAGGED)), date=DATE + number)
        if number % 9 == 3:
            builder.skip_letters(100)
    change_all(builder, anna, bert)
    leave_traces(builder, anna[0])
    return builder


def fold_half(builder: Builder, anna: list[Box], bert: list[Box]) -> None:
    """A checkpoint, with letters that have been seen and keywords before it."""
    work = builder.keyword(anna[0], "work")
    builder.flag(anna[0], 1, 3, work | SEEN)
    anna[0].recent = 3
    builder.checkpoint()
    builder.keyword(bert[0], "$Forwarded")


def change_all(builder: Builder, anna: list[Box], bert: list[Box]) -> None:
    """Records for the journal, some of which a snapshot has already."""
    later = builder.keyword(anna[0], "später")
    builder.flag(anna[0], 2, anna[0].uidnext - 1, later | ANSWERED, SEEN)
    builder.copy(anna[0], list(anna[0].entries)[:4], anna[5])
    builder.copy(bert[0], list(bert[0].entries)[-2:], bert[4], move=True)
    builder.write_snapshot(bert[4])
    builder.change(anna[5], "Archiv/2026", ARCHIVE)
    builder.flag(anna[5], 1, 2, DRAFT)
    first, last = list(anna[0].entries)[1], list(anna[0].entries)[3]
    builder.expunge(anna[0], (first, first), (last, last + 1))
    gone = builder.create("bert", "gone")
    builder.add(builder.letter(b"Subject: gone\r\n\r\n"), gone)
    builder.delete(gone)
    lists = builder.create("anna", "Listen/日本")
    builder.add(builder.letter(b"X: y\r\n\r\nlast\r\n"), lists, flags=DELETED)


def leave_traces(builder: Builder, box: Box) -> None:
    """Letters that nothing names, half-made files, and a transaction that was not committed."""
    builder.remove_unnamed(keep=1)
    builder.letter(b"Subject: on its way\r\n\r\nhalf a let")
    builder.next_letter += 70
    builder.letter(b"Subject: in a directory of its own\r\n\r\n")
    write_file(f"{builder.root}/journal.new", b"PJN1 half")
    write_file(f"{builder.root}/mailboxes/1.new", b"PMB1")
    write_file(f"{builder.root}/mailboxes/3f", b"of a mailbox that is no more")
    entry = struct.pack("<5I", box.uidnext, 1, 20, DATE, 0)
    tail = builder.transaction((ADD, box.number, entry), (EXPUNGE, box.number, bytes(8)), committed=False)
    builder.write_journal(tail + b"\x20\x00\x01")
