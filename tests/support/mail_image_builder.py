"""Builds images of a mail partition from the specification (docs/store.md) alone: good ones, and ones to be damaged.

An `ImageBuilder` keeps its own idea of the store. Every change is a transaction in its log; `fold` and `fold_state`
write snapshots and states as of now. `files` and `sectors` may be changed before `image()` puts them on littlefs.
"""

import struct
import zlib
from dataclasses import dataclass, field

from littlefs import LittleFS

BLOCK = 4096
SECTOR_HEADER = 32
ADD, ENTRIES, FLAGS, EXPUNGE, KEYWORD, MAILBOX, DROP, SLOTS, REFERENCES, SPOOL = range(1, 11)
UNSUBSCRIBED = 12
COMMIT, BEGIN = 1, 2
# Of MAILBOX: a mark, attributes.
LEFT = 2
SUBSCRIBED, DYING = 1, 256
NO_SLOT = 0xFFFF
HISTORY_MAX = 64
FIRST_UIDVALIDITY = 777_000


def with_crc(content: bytes) -> bytes:
    return content + struct.pack("<I", zlib.crc32(content))


def fix_crc(content: bytes) -> bytes:
    """The content with a CRC at its end that holds again."""
    return with_crc(content[:-4])


def blocks_of_file(size: int) -> int:
    """Data blocks of a littlefs file: block n > 0 begins with one pointer, and one more for each factor 2 of n."""
    blocks, room = 1, BLOCK
    while size > room:
        pointers = 1
        while blocks % 2**pointers == 0:
            pointers += 1
        room += BLOCK - 4 * pointers
        blocks += 1
    return blocks


@dataclass
class Letter:
    """A letter's file."""

    slot: int
    id: int
    message: bytes
    internaldate: int
    file: bytes

    @property
    def blocks(self) -> int:
        return blocks_of_file(len(self.file))


@dataclass
class Entry:
    """A letter in a mailbox."""

    uid: int
    letter: Letter
    save_date: int
    modseq: int
    flags: int = 0
    keywords: int = 0


@dataclass
class Box:
    """A mailbox as the builder thinks it is."""

    id: int
    user: str
    name: str
    uidvalidity: int
    uidnext: int = 1
    first_recent: int = 1
    highest: int = 0
    attributes: int = 0
    retention: tuple[int, int] = (0, 0)
    keywords: list[str] = field(default_factory=list)
    entries: dict[int, Entry] = field(default_factory=dict)
    # First UID, last UID, modification sequence.
    history: list[tuple[int, int, int]] = field(default_factory=list)
    floor: int = 0
    base: int = 0


def make_trailer(
    letter_id: int, message: bytes, date: int, structure: bytes = b"", boxes: tuple[int, ...] = ()
) -> bytes:
    header_length = message.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in message else len(message)
    front = structure + b"".join(struct.pack("<I", box) for box in boxes)
    front = front.ljust(max(len(front), 128 + 1 - 36 - len(message)), b"\0")
    length = len(front) + 36
    tail = struct.pack("<4sHHHH", b"PLT2", length, len(structure), len(boxes), 0)
    tail += struct.pack("<IIIII", letter_id, len(message), header_length, date, zlib.crc32(message))
    return with_crc(front + tail)


class ImageBuilder:
    """A store of one partition; `upgraded` has its log in files."""

    def __init__(self, blocks: int = 64, upgraded: bool = False) -> None:
        self.blocks = blocks
        self.upgraded = upgraded
        self.log_blocks = 8 if upgraded else min(24, max(8, blocks // 140))
        self.files: dict[str, bytes] = {}
        # Sector number -> its octets as far as they are programmed.
        self.sectors: dict[int, bytes] = {}
        # The last transaction, and the last number that one had which was never committed.
        self.sequence = 0
        self.abandoned = 0
        self.tail = 1
        self.boxes: dict[int, Box] = {}
        self.next_letter_id = self.next_box_id = 1
        self.next_uidvalidity = FIRST_UIDVALIDITY
        self.references: dict[int, int] = {}
        self.slot_blocks: dict[int, int] = {}
        self.pending: list[int] = []
        # User and name of subscriptions without a mailbox.
        self.nonexistent: list[tuple[str, str]] = []
        self.next_sector()
        self.fold_state()

    # The log -----------------------------------------------------------------------------------------------------

    @property
    def newest(self) -> int:
        return max(self.sectors, default=0)

    def next_sector(self, end: int | None = None) -> None:
        """Begins the next sector; `end` is where the good part of the one before ends, if not at its end."""
        before = self.sectors.get(self.newest)
        if end is None:
            end = len(before) if before is not None else 0
        number = self.newest + 1
        header = struct.pack("<4sHHIIQI", b"PLG2", 2, end, number, self.tail, self.sequence, 0)
        self.sectors[number] = with_crc(header)

    def record(self, kind: int, mailbox: int, payload: bytes, marks: int, sequence: int) -> bytes:
        head = struct.pack("<HBBIQ", len(payload) + 20, kind, marks, mailbox, sequence)
        content = with_crc(head + payload)
        return content.ljust(-(-len(content) // 16) * 16, b"\xff")

    def write(self, record: bytes) -> None:
        if len(self.sectors[self.newest]) + len(record) > BLOCK:
            self.next_sector()
        self.sectors[self.newest] += record

    def commit(self, *parts: tuple[int, int, bytes]) -> int:
        """One transaction of records (kind, mailbox id, payload); returns its sequence number."""
        sequence = max(self.sequence, self.abandoned) + 1
        for number, (kind, mailbox, payload) in enumerate(parts):
            marks = BEGIN * (number == 0) | COMMIT * (number == len(parts) - 1)
            self.write(self.record(kind, mailbox, payload, marks, sequence))
        self.sequence = sequence
        return sequence

    def abandon(self, *parts: tuple[int, int, bytes]) -> None:
        """Records of a transaction that never came to its commit; its number is not used again."""
        self.abandoned = max(self.sequence, self.abandoned) + 1
        for number, (kind, mailbox, payload) in enumerate(parts):
            self.write(self.record(kind, mailbox, payload, BEGIN * (number == 0), self.abandoned))

    # Changes -----------------------------------------------------------------------------------------------------

    def box(
        self, user: str = "anna", name: str = "INBOX", attributes: int = 0, retention: tuple[int, int] = (0, 0)
    ) -> Box:
        """A new mailbox."""
        box = Box(self.next_box_id, user, name, self.next_uidvalidity, attributes=attributes, retention=retention)
        self.next_box_id += 1
        self.next_uidvalidity += 1
        box.highest = box.base = self.commit((MAILBOX, box.id, self.mailbox_payload(box, created=True)))
        self.boxes[box.id] = box
        return box

    def mailbox_payload(self, box: Box, created: bool) -> bytes:
        user = box.user.encode()
        head = struct.pack("<IHHH", box.uidvalidity, box.attributes, *box.retention)
        return head + bytes([int(created), len(user)]) + user + box.name.encode()

    def change_box(self, box: Box, name: str, attributes: int) -> None:
        box.name, box.attributes = name, attributes
        self.commit((MAILBOX, box.id, self.mailbox_payload(box, created=False)))

    def leave_name(self, box: Box, name: str = "") -> None:
        """The mailbox is deleted, or gets another name; the user stays subscribed to the one that it had."""
        self.nonexistent.append((box.user, box.name))
        box.user, box.name, box.attributes = (box.user, name, SUBSCRIBED) if name else ("", "", DYING)
        payload = bytearray(self.mailbox_payload(box, created=False))
        payload[10] |= LEFT
        self.commit((MAILBOX, box.id, bytes(payload)))

    def unsubscribe(self, user: str, name: str) -> None:
        self.commit((UNSUBSCRIBED, 0, f"{user}\0{name}".encode()))
        self.nonexistent = [each for each in self.nonexistent if each != (user, name) and (name or each[0] != user)]

    def drop(self, box: Box) -> None:
        self.commit((DROP, box.id, b""))
        del self.boxes[box.id]
        self.files.pop(f"index/{box.id:x}", None)

    def letter(
        self,
        message: bytes,
        date: int = 1_700_000_000,
        boxes: tuple[Box, ...] = (),
        structure: bytes = b"",
        slot: int | None = None,
    ) -> Letter:
        """A letter's file, announced in the log but in no mailbox yet."""
        if slot is None:
            used = self.references.keys() | set(self.pending)
            slot = next(number for number in range(NO_SLOT) if number not in used)
        self.commit((SLOTS, 0, struct.pack("<H", slot)))
        self.pending.append(slot)
        trailer = make_trailer(self.next_letter_id, message, date, structure, tuple(box.id for box in boxes))
        letter = Letter(slot, self.next_letter_id, message, date, message + trailer)
        self.next_letter_id += 1
        self.files[f"{slot // 64:x}/{slot % 64:x}"] = letter.file
        return letter

    def add_payload(self, letter: Letter, save_date: int, boxes: tuple[Box, ...], flags: int, keywords: int) -> bytes:
        head = struct.pack("<HHII", letter.slot, letter.blocks, letter.id, len(letter.message))
        payload = head + struct.pack("<II", letter.internaldate, save_date)
        for box in boxes:
            payload += struct.pack("<IIIB3x", box.id, box.uidnext, keywords, flags)
        return payload

    def add(
        self, letter: Letter, *boxes: Box, flags: int = 0, keywords: int = 0, save_date: int = 1_700_000_100
    ) -> None:
        """The letter gets into these mailboxes."""
        sequence = self.commit((ADD, 0, self.add_payload(letter, save_date, boxes, flags, keywords)))
        for box in boxes:
            self._enter(box, letter, sequence, save_date, flags, keywords)

    def deliver(self, message: bytes, *boxes: Box, **values: int) -> Letter:
        letter = self.letter(message, boxes=boxes)
        self.add(letter, *boxes, **values)
        return letter

    def copy(self, letter: Letter, box: Box, flags: int = 0, keywords: int = 0, save_date: int = 1_700_000_200) -> None:
        """A letter that is there gets into another mailbox."""
        fields = (
            box.uidnext,
            letter.id,
            len(letter.message),
            letter.internaldate,
            keywords,
            letter.slot,
            letter.blocks,
        )
        payload = struct.pack("<I", save_date) + struct.pack("<IIIIIHHB3x", *fields, flags)
        sequence = self.commit((ENTRIES, box.id, payload))
        self._enter(box, letter, sequence, save_date, flags, keywords)

    def _enter(self, box: Box, letter: Letter, sequence: int, save_date: int, flags: int, keywords: int) -> None:
        box.entries[box.uidnext] = Entry(box.uidnext, letter, save_date, sequence, flags, keywords)
        box.uidnext += 1
        box.highest = sequence
        if letter.slot in self.pending:
            self.pending.remove(letter.slot)
        self.references[letter.slot] = min(self.references.get(letter.slot, 0) + 1, 254)
        self.slot_blocks[letter.slot] = letter.blocks

    def flags(self, box: Box, *runs: tuple[int, int], add: int = 0, remove: int = 0, keywords: int = 0) -> None:
        payload = struct.pack("<IIBB2x", keywords, 0, add, remove)
        payload += b"".join(struct.pack("<II", *run) for run in runs)
        box.highest = self.commit((FLAGS, box.id, payload))
        for entry in box.entries.values():
            if any(first <= entry.uid <= last for first, last in runs):
                entry.flags = entry.flags & ~remove | add
                entry.keywords |= keywords
                entry.modseq = box.highest

    def keyword(self, box: Box, name: str) -> int:
        """A new keyword; returns its bit."""
        box.highest = self.commit((KEYWORD, box.id, bytes([len(box.keywords)]) + name.encode()))
        box.keywords.append(name)
        return 1 << (len(box.keywords) - 1)

    def expunge(self, box: Box, *uids: int) -> None:
        """Letters leave; files that nothing names any more are to be removed."""
        letters = [box.entries.pop(uid).letter for uid in uids]
        payload = b"".join(
            struct.pack("<IHH", uid, letter.slot, letter.blocks) for uid, letter in zip(uids, letters, strict=True)
        )
        box.highest = self.commit((EXPUNGE, box.id, payload))
        box.history += [(uid, uid, box.highest) for uid in uids]
        while len(box.history) > HISTORY_MAX:
            box.floor = box.history.pop(0)[2]
        for letter in letters:
            if self.references[letter.slot] == 1:
                del self.references[letter.slot], self.slot_blocks[letter.slot]
                self.pending.append(letter.slot)
            elif self.references[letter.slot] < 254:
                self.references[letter.slot] -= 1

    def remove_files(self, *slots: int) -> None:
        """The files of pending slots are removed, and the log says so."""
        for slot in slots:
            del self.files[f"{slot // 64:x}/{slot % 64:x}"]
            self.pending.remove(slot)
        self.commit((SLOTS, 0, struct.pack("<H", NO_SLOT) + struct.pack(f"<{len(slots)}H", *slots)))

    # Folding -----------------------------------------------------------------------------------------------------

    def fold_state(self, *paths: str) -> None:
        content = self.state()
        for path in paths or ("index/state", "index/state.2"):
            self.files[path] = content

    def state(self) -> bytes:
        slots = max([*self.references, *self.pending], default=-1) + 1
        boxes = sorted(self.boxes.values(), key=lambda box: (box.user.encode(), box.name.encode()))
        blocks = sum(self.slot_blocks.values())
        head = struct.pack("<4sHHQ", b"PST2", 2, len(self.nonexistent), self.sequence)
        head += struct.pack("<IIII", self.next_letter_id, self.next_box_id, self.next_uidvalidity, blocks)
        head += struct.pack("<HHHH", slots, len(boxes), len(self.pending), 0)
        marks = [255 if slot in self.pending else self.references.get(slot, 0) for slot in range(slots)]
        content = head + bytes(marks) + b"".join(self._state_of_box(box) for box in boxes)
        names = [f"{user}\0{name}".encode() for user, name in self.nonexistent]
        content += struct.pack(f"<{len(self.pending)}H", *self.pending)
        return with_crc(content + b"".join(bytes([len(name)]) + name for name in names))

    def _state_of_box(self, box: Box) -> bytes:
        blocks = sum(entry.letter.blocks for entry in box.entries.values())
        content = struct.pack("<IIII", box.id, box.uidvalidity, box.uidnext, len(box.entries))
        content += struct.pack("<IIQ", blocks, box.first_recent, box.highest)
        content += struct.pack("<HHH", box.attributes, *box.retention)
        user, name = box.user.encode(), box.name.encode()
        return content + bytes([len(user), len(name)]) + user + name

    def fold(self, box: Box) -> None:
        self.files[f"index/{box.id:x}"] = self.snapshot(box)

    def snapshot(self, box: Box) -> bytes:
        keywords = b"".join(bytes([len(name.encode())]) + name.encode() for name in box.keywords)
        head = struct.pack("<4sHH", b"PMB2", 2, len(box.keywords))
        head += struct.pack("<IIII", box.id, box.uidvalidity, box.uidnext, box.first_recent)
        head += struct.pack("<QQQQ", self.sequence, box.base, box.highest, box.floor)
        head += struct.pack("<IHH", len(box.entries), len(box.history), len(keywords))
        runs = b"".join(struct.pack("<III", first, last, modseq - box.base) for first, last, modseq in box.history)
        content = with_crc(head + keywords + runs)
        entries = [self._snapshot_entry(box, entry) for entry in box.entries.values()]
        for number, start in enumerate(range(0, len(entries), 28)):
            content += self.page(box, number, entries[start : start + 28])
        return content

    def _snapshot_entry(self, box: Box, entry: Entry) -> bytes:
        letter = entry.letter
        content = struct.pack("<IIII", entry.uid, letter.id, len(letter.message), letter.internaldate)
        content += struct.pack("<III", entry.save_date, entry.keywords, entry.modseq - box.base)
        return content + struct.pack("<HHB3x", letter.slot, letter.blocks, entry.flags)

    def page(self, box: Box, number: int, entries: list[bytes]) -> bytes:
        head = struct.pack("<2sHII", b"PG", len(entries), number, box.id)
        content = b"".join(entries)
        return head + struct.pack("<I", zlib.crc32(head + content)) + content

    def fold_all(self) -> None:
        """Everything into snapshots and states; the log begins anew."""
        for box in self.boxes.values():
            self.fold(box)
        self.fold_state()
        self.tail = self.newest + 1
        self.next_sector()

    # The image ---------------------------------------------------------------------------------------------------

    def image(self) -> bytes:
        """The partition."""
        blocks = self.blocks if self.upgraded else self.blocks - self.log_blocks
        files = dict(self.files)
        if self.upgraded:
            live = range(max(1, self.newest - self.log_blocks + 1), self.newest + 1)
            files.update({f"log/{number % self.log_blocks}": self.sectors[number] for number in live})
        content = make_littlefs(files, blocks)
        return content if self.upgraded else content + self.log_image()

    def log_image(self) -> bytes:
        ring = [b""] * self.log_blocks
        for number in sorted(self.sectors):
            ring[number % self.log_blocks] = self.sectors[number]
        return b"".join(sector.ljust(BLOCK, b"\xff") for sector in ring)


def make_littlefs(files: dict[str, bytes], blocks: int) -> bytes:
    """A littlefs with these files, in the geometry of the mail partition."""
    system = LittleFS(
        block_size=BLOCK,
        block_count=blocks,
        read_size=32,
        prog_size=32,
        cache_size=128,
        lookahead_size=512,
        mount=False,
    )
    system.format()
    system.mount()
    for path, content in files.items():
        if "/" in path:
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
        with system.open(path, "wb") as file:
            file.write(content)
    system.unmount()
    return bytes(system.context.buffer)
