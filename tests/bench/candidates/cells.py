"""Candidate A: per mailbox one sealed summary file and at most ten inline cells with the changes since the seal.

A cell is a file of at most 126 octets, which littlefs keeps inside its directory: rewriting it is one commit of the
directory. A mailbox has a directory of its own with its summary and cells. When the tenth cell is full the summary is
written anew (sealed) and the cells start again: a cell counts only if it has the number of the present seal.

A letter to several mailboxes is committed by one more inline file, the intent, with the letter and all its entries;
boot would redo it. Reference counts, free slots and folders are left out, in favour of this candidate.
"""

import os
import struct

from common import merged, new_entry, note_flags, remove_letter, rewrite, write_letter

CELLS = 10
CELL_SIZE = 126
# Number of the seal, number of the cell, CRC.
CELL_FRAME = 12

ADD, FLAGS, EXPUNGE = 1, 2, 3


class Mailbox:
    """The changes since the seal, as they stand in the cells."""

    def __init__(self, root, number):
        self.path = "%s/m%d" % (root, number)
        os.mkdir(self.path)
        self.summary = self.path + "/s"
        self.next_uid = 1
        self.seal = 0
        self.cell = 0
        # Content of the cell that takes changes now, and all changes since the seal: UID -> entry, None if gone.
        self.content = b""
        self.changes = {}

    def put(self, change):
        """One more change, durable on return."""
        if CELL_FRAME + len(self.content) + len(change) > CELL_SIZE:
            self.content = b""
            self.cell += 1
            if self.cell == CELLS:
                self.reseal()
        self.content += change
        frame = struct.pack("<III", self.seal, self.cell, 0)
        with open("%s/%d" % (self.path, self.cell), "wb") as file:
            file.write(frame + self.content)

    def reseal(self):
        rewrite(self.summary, self.changes)
        self.changes = {}
        self.seal += 1
        self.cell = 0


class Candidate:
    """The operations that are counted."""

    def __init__(self, partition, root, blocks):
        self.root = root
        self.sequence = 0
        self.next_slot = 0
        self.boxes = [Mailbox(root, number) for number in range(10)]

    def deliver(self, size, recipients):
        slot = self.next_slot
        self.next_slot += 1
        write_letter(self.root, slot, size)
        self.sequence += 1
        boxes = self.boxes[:recipients]
        if recipients > 1:
            with open(self.root + "/intent", "wb") as file:
                pairs = b"".join([struct.pack("<HI", number, box.next_uid) for number, box in enumerate(boxes)])
                file.write(struct.pack("<IHI", self.sequence, slot, 0) + pairs)
        for box in boxes:
            uid = box.next_uid
            box.next_uid += 1
            # Of the entry all but what is 0 in a new one.
            box.put(struct.pack("<BIIIIIHH", ADD, uid, slot + 1, size, 0, 0, slot, 1))
            box.changes[uid] = new_entry(uid, slot, self.sequence)

    def change_flags(self, uid, flags, keywords):
        box = self.boxes[0]
        self.sequence += 1
        box.put(struct.pack("<BIBI", FLAGS, uid, flags, keywords))
        note_flags(box.changes, uid, flags, keywords, self.sequence)

    def expunge(self, uid):
        box = self.boxes[0]
        self.sequence += 1
        box.put(struct.pack("<BI", EXPUNGE, uid))
        box.changes[uid] = None
        remove_letter(self.root, uid - 1)

    def select(self):
        """Reads the summary and the cells; returns the number of letters."""
        box = self.boxes[0]
        for number in range(box.cell + 1):
            with open("%s/%d" % (box.path, number), "rb") as file:
                file.read()
        return sum(1 for _ in merged(box.summary, box.changes))

    def settle(self):
        """Nothing is left to do in idle time: sealing earlier only costs more."""
