"""Candidate B: an append journal of CRC'd records on raw 4 KiB sectors, with a snapshot of each mailbox on littlefs.

The last sectors of the partition are a ring; a sector is erased right before use. A change of any mailbox is one
record, programmed once. A mailbox is folded, its snapshot written anew from the old one and the ring, when its own
records exceed 12 KB, or when the ring has fewer than three free sectors and the oldest records are this mailbox's.
A state file in two copies has the references of all slots; it is written anew before the ring comes round.

The records are those of docs/store.md, in their sizes; what nobody reads here is left out of them.
"""

import struct

from common import merged, new_entry, note_flags, remove_letter, rewrite, write_letter

SECTOR = 4096
HEADER = 32
# In what a record starts: measured with other values too.
ALIGN = 16
FRAME = 20
FOLD_AT = 12 * 1024
FREE_WANTED = 3

ADD, FLAGS, EXPUNGE, SLOTS = 1, 3, 4, 8


class Ring:
    """The sectors, as a device block each."""

    def __init__(self, partition, first, sectors):
        self.device = partition
        self.first = first
        self.sectors = sectors
        self.newest = 0
        self.tail = 1
        self.position = SECTOR
        self.start_sector()

    def free(self):
        return self.sectors - (self.newest - self.tail + 1)

    def start_sector(self):
        self.newest += 1
        block = self.first + self.newest % self.sectors
        self.device.ioctl(6, block)
        self.device.writeblocks(
            block, struct.pack("<4sHHIIQII", b"PLG2", 2, self.position, self.newest, self.tail, 0, 0, 0), 0
        )
        self.position = HEADER

    def append(self, kind, mailbox, sequence, payload):
        """Programs one committed record; returns its length with the padding."""
        record = struct.pack("<HBBIQ", FRAME + len(payload), kind, 1, mailbox, sequence) + payload + bytes(4)
        record += b"\xff" * (-len(record) % ALIGN)
        if self.position + len(record) > SECTOR:
            self.start_sector()
        self.device.writeblocks(self.first + self.newest % self.sectors, record, self.position)
        self.position += len(record)
        return len(record)

    def records(self, first):
        """(kind, mailbox, sequence, payload) from sector number `first` on, read in pieces of 1 KB."""
        for number in range(max(first, self.tail), self.newest + 1):
            sector = bytearray(SECTOR)
            for at in range(0, SECTOR, 1024):
                block = self.first + number % self.sectors
                self.device.readblocks(block, memoryview(sector)[at : at + 1024], at)
            at = HEADER
            end = self.position if number == self.newest else SECTOR
            while at + FRAME <= end:
                length, kind, _, mailbox, sequence = struct.unpack_from("<HBBIQ", sector, at)
                if length == 0xFFFF:
                    break
                yield kind, mailbox, sequence, bytes(sector[at + 16 : at + length - 4])
                at += (length + ALIGN - 1) // ALIGN * ALIGN


class Mailbox:
    """What is known of a mailbox without reading it."""

    def __init__(self, root, number):
        self.number = number
        self.path = "%s/i%d" % (root, number)
        self.next_uid = 1
        # Octets of its records since the fold, sector of the first of them (0: none), transactions in the snapshot.
        self.octets = 0
        self.sector = 0
        self.folded = 0


class Candidate:
    """The operations that are counted."""

    def __init__(self, partition, root, blocks):
        self.root = root
        self.sequence = 0
        self.next_slot = 0
        sectors = min(24, max(8, blocks // 140))
        self.ring = Ring(partition, blocks - sectors, sectors)
        self.state_sector = 1
        self.boxes = [Mailbox(root, number) for number in range(10)]

    def _append(self, kind, payload, boxes):
        self.sequence += 1
        length = self.ring.append(kind, boxes[0].number if boxes else 0, self.sequence, payload)
        for box in boxes:
            box.octets += length // len(boxes)
            box.sector = box.sector or self.ring.newest

    def deliver(self, size, recipients):
        slot = self.next_slot
        self.next_slot += 1
        self._append(SLOTS, struct.pack("<H", slot), [])
        write_letter(self.root, slot, size)
        boxes = self.boxes[:recipients]
        payload = struct.pack("<HHIIII", slot, 1, slot + 1, size, 0, 0)
        for box in boxes:
            payload += struct.pack("<IIIB3x", box.number, box.next_uid, 0, 0)
            box.next_uid += 1
        self._append(ADD, payload, boxes)

    def change_flags(self, uid, flags, keywords):
        payload = struct.pack("<IIBBHII", keywords, 0xFFFFFFFF, flags, 255, 0, uid, uid)
        self._append(FLAGS, payload, [self.boxes[0]])

    def expunge(self, uid):
        self._append(EXPUNGE, struct.pack("<IHH", uid, uid - 1, 1), [self.boxes[0]])
        remove_letter(self.root, uid - 1)

    def select(self):
        """Reads the snapshot and the ring from the mailbox's first record on; returns the number of letters."""
        box = self.boxes[0]
        return sum(1 for _ in merged(box.path, self._changes(box)))

    def settle(self):
        """What idle time does after an operation."""
        for box in self.boxes:
            if box.octets > FOLD_AT:
                self._fold(box)
        if self.ring.free() < FREE_WANTED:
            self._make_room()

    def _make_room(self):
        for box in self.boxes:
            if box.sector == self.ring.tail:
                self._fold(box)
        if self.state_sector <= self.ring.tail:
            self._write_state()
        self.ring.tail = min([self.state_sector] + [box.sector for box in self.boxes if box.sector])

    def _fold(self, box):
        # All changes are in memory at once here; the firmware takes windows, and reads the ring for each.
        rewrite(box.path, self._changes(box))
        box.octets = box.sector = 0
        box.folded = self.sequence

    def _write_state(self):
        for copy in ("state", "state.2"):
            with open("%s/%s" % (self.root, copy), "wb") as file:
                file.write(bytes(44 + self.next_slot + 60 * 36))
        self.state_sector = self.ring.newest

    def _changes(self, box):
        """What the ring says of a mailbox, as {UID: new entry, change of one, or None for one that is gone}."""
        result = {}
        if not box.sector:
            return result
        for kind, mailbox, sequence, payload in self.ring.records(box.sector):
            if sequence <= box.folded:
                continue
            if kind == ADD:
                self._add(result, box, sequence, payload)
            elif mailbox == box.number and kind == FLAGS:
                keywords, _, flags, _, _, uid, _ = struct.unpack("<IIBBHII", payload)
                note_flags(result, uid, flags, keywords, sequence)
            elif mailbox == box.number and kind == EXPUNGE:
                result[struct.unpack_from("<I", payload)[0]] = None
        return result

    def _add(self, result, box, sequence, payload):
        slot = struct.unpack_from("<H", payload)[0]
        for at in range(20, len(payload), 16):
            number, uid = struct.unpack_from("<II", payload, at)
            if number == box.number:
                result[uid] = new_entry(uid, slot, sequence)
