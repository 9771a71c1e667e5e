"""Drives the store inside MicroPython on the mail partition of the simulated chip, as the application would.

Whatever changes something calls maintain() once after each operation, as the application does in idle time.
"""

import gc
import os
from array import array

from serve import open_chip, serve

ROOT = "/mail"
DATE = 1764000000
# Of the structure of a plain letter: one entity.
STRUCTURE = bytes(20)
HEADER = (
    b"Return-Path: <clara@office.lan>\r\nReceived: from client.office.lan (client.office.lan [192.168.1.20])\r\n"
    b"\tby postino.office.lan with ESMTP for <anna@office.lan>;\r\n\tTue, 24 Nov 2026 12:00:00 +0000\r\n"
    b"From: Clara Example <clara@office.lan>\r\nTo: Anna Example <anna@office.lan>\r\nSubject: A letter\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1.12345678@tests.office.lan>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)
PIECE = 1024
# Letters that the IMAP server changes in one transaction.
BATCH = 128
KEYWORDS = ("$Label1", "$Label2", "$Forwarded", "NonJunk", "Urgent", "Later", "$MDNSent", "Invoice")


class Listener:
    """A session that hears of changes and does nothing."""

    def on_added(self, box):
        pass

    def on_expunged(self, uid):
        pass

    def on_flags(self, uid):
        pass

    def on_lost(self):
        raise RuntimeError("the mailbox was lost")


def clock():
    return DATE


def damage(text):
    # The store reports nothing else here: retention never removes anything while the clock stands still.
    raise RuntimeError(text)


class Driver:
    def start(self, offset, blocks):
        """Mounts the partition and opens the store, made first if the partition is blank."""
        from postino.board import storage
        from postino.store import Store
        from postino.store.log_device import RawLog

        device = storage.mount_mail(open_chip(offset, blocks), ROOT, RawLog)
        self.prepare(Store(ROOT, clock, device, damage))

    def open_store(self):
        self.store.start()

    def prepare(self, store):
        self.store = store
        self.open_store()
        self.listener = Listener()
        self.is_busy = False
        # User -> the mailbox that he has selected.
        self.boxes = {}
        self.buffer = bytearray(PIECE)
        # Octets of the trailer for a letter with so many first mailboxes.
        self.trailers = {}

    def user(self, name):
        self.store.ensure_user(name)

    def settle(self):
        """Folds everything and writes the state: no change is left that has not been paid for."""
        from postino.store.catalogue import FIRST_SECTOR, INFO_COUNTERS

        keeper = self.store.keeper
        for info in self.store.catalogue.infos:
            if info[INFO_COUNTERS][FIRST_SECTOR]:
                keeper.fold_now(info)
        keeper.write_state()

    def close(self):
        for user in list(self.boxes):
            self.unselect(user)
        self.store.close()

    def busy(self, busy):
        """While it is busy the application has no idle time."""
        self.is_busy = busy

    def _idle(self):
        if not self.is_busy:
            self.store.maintain()

    # Letters in.

    def deliver(self, count, stored, users):
        """Letters whose files have `stored` octets; returns how many were taken."""
        from postino.store import StoreFull

        for done in range(count):
            try:
                self._deliver(stored, users)
            except StoreFull:
                return done
            self._idle()
        return count

    def deliver_one(self, stored, user):
        """One letter, and no idle work."""
        self._deliver(stored, [user])

    def _deliver(self, stored, users):
        size = stored - self._trailer(len(users))
        letter = self.store.new_letter()
        try:
            self._write(letter, size)
            self.store.deliver(letter, users, DATE)
        finally:
            letter.abort()

    def _write(self, letter, size):
        letter.write(HEADER)
        size -= len(HEADER)
        letter.describe(len(HEADER), STRUCTURE)
        while size > 0:
            letter.write(memoryview(self.buffer)[: min(PIECE, size)])
            size -= PIECE

    def _trailer(self, mailboxes):
        """Octets that the trailer adds to a letter of more than 128."""
        from postino.store import trailer

        if mailboxes not in self.trailers:
            self.trailers[mailboxes] = trailer.length_of(PIECE, STRUCTURE, mailboxes)
        return self.trailers[mailboxes]

    def stored_size(self, user, index):
        """Octets of the file of a letter."""
        slot = self._box(user).letter(index)
        return os.stat("%s/%x/%x" % (ROOT, slot >> 6, slot & 63))[6]

    # Mailboxes.

    def _box(self, user):
        if user not in self.boxes:
            self.select(user)
        return self.boxes[user]

    def select(self, user):
        """Opens INBOX; returns the number of its letters."""
        box = self.store.open_mailbox(self.store.find(user, "INBOX")[0], self.listener)
        self.boxes[user] = box
        return len(box)

    def unselect(self, user):
        self.boxes.pop(user).close(self.listener)

    def heap_of_open(self, user):
        """Octets of heap that a mailbox takes when it is opened, and when all of it has been read as well."""
        gc.collect()
        before = gc.mem_alloc()
        self.select(user)
        gc.collect()
        opened = gc.mem_alloc() - before
        self.fetch_cold(user)
        gc.collect()
        read = gc.mem_alloc() - before
        self.unselect(user)
        return opened, read

    def fetch_flags(self, user):
        """What FETCH 1:* (UID FLAGS) asks of each letter; returns the number of letters."""
        box = self.boxes[user]
        for index in range(len(box)):
            box.uid(index), box.flags(index)
        return len(box)

    def fetch_cold(self, user):
        """What FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE MODSEQ) asks of each letter; returns the number of letters."""
        box = self.boxes[user]
        for index in range(len(box)):
            box.uid(index), box.flags(index), box.date(index), box.size(index), box.modseq(index)
        return len(box)

    def changed_since(self, user):
        """What FETCH 1:* (FLAGS) (CHANGEDSINCE …) asks of each letter when nothing has changed; that is, 0."""
        box = self.boxes[user]
        highest = box.highest_modseq
        return sum([1 for index in range(len(box)) if box.changed_since(index, highest)])

    def fetch_headers(self, user):
        """Opens each letter, reads its header, closes it."""
        box = self.boxes[user]
        for index in range(len(box)):
            reader = self._open_letter(box, index)
            try:
                if reader.readinto(self.buffer) < len(HEADER):
                    raise RuntimeError("letter %d is short" % index)
            finally:
                reader.close()

    def _open_letter(self, box, index):
        return self.store.open_letter(box.letter(index), box.size(index))

    # Changes.

    def flags(self, user, indexes):
        """A STORE for each of the letters: in turn a keyword, a system flag, set and cleared."""
        box = self._box(user)
        for number, index in enumerate(indexes):
            self._store(box, index, number)
            self._idle()

    def _store(self, box, index, number):
        mask = 1 << number % 5 if number & 1 else box.keyword_bit(KEYWORDS[number % 8], True)
        set_now = box.flags(index) & mask
        box.change_flags((box.uid(index),), 0 if set_now else mask, mask if set_now else 0, self.listener)

    def flag_all(self, user, mask):
        """STORE 1:* +FLAGS."""
        box = self._box(user)
        for first in range(0, len(box), BATCH):
            last = min(first + BATCH, len(box))
            box.change_flags(array("I", [box.uid(index) for index in range(first, last)]), mask, 0, self.listener)
        self._idle()

    def expunge(self, user, indexes):
        """Takes one letter out at a time: each index counts in the mailbox as it is by then."""
        box = self._box(user)
        for index in indexes:
            box.expunge((box.uid(index),))
            self._idle()

    def empty(self, user, at_a_time):
        """Takes all letters out, the oldest first; returns how many there were."""
        box = self._box(user)
        total = len(box)
        while len(box):
            box.expunge([box.uid(index) for index in range(min(at_a_time, len(box)))])
            self._idle()
        return total

    # The mix of operations that wears the flash.

    def mixed(self, operations):
        """[name, user, number]: deliver so many octets, store on, expunge, copy or move the letter of that index."""
        for name, user, number in operations:
            getattr(self, "mix_" + name)(user, number)
            self._idle()

    def mix_deliver(self, user, stored):
        self._deliver(stored, [user])

    def mix_store(self, user, number):
        box = self._box(user)
        self._store(box, number % len(box), number)

    def mix_expunge(self, user, number):
        box = self._box(user)
        box.expunge((box.uid(number % len(box)),))

    def mix_move(self, user, number):
        box = self._box(user)
        box.move((box.uid(number % len(box)),), self.store.find(user, "Trash")[0])

    def mix_copy(self, user, number):
        box = self._box(user)
        box.copy((box.uid(number % len(box)),), self.store.find(user, "Archive")[0])

    def mix_empty(self, user, name):
        """Takes everything out of a folder."""
        box = self.store.open_mailbox(self.store.find(user, name)[0], self.listener)
        try:
            box.expunge([box.uid(index) for index in range(len(box))])
        finally:
            box.close(self.listener)

    # The start and room.

    def least_to_read(self):
        """Octets that a start has to read: one copy of the state, and the log as far as it is needed."""
        log = self.store.log
        return os.stat(ROOT + "/index/state")[6] + (log.sector - log.tail) * 4096 + log.position

    def free(self):
        """Octets that the store says letters may still take, and blocks that littlefs says are free."""
        facts = os.statvfs(ROOT)
        return self.store.free_bytes(), facts[3]

    def double(self, user):
        """Copies all letters of INBOX into it once more."""
        box = self._box(user)
        end = box.uidnext
        for first in range(1, end, BATCH):
            uids = array("I", range(first, min(first + BATCH, end)))
            box.copy(uids, box.id)
            self._idle()

    def rounds(self, count, stored, users):
        """Fills the store and empties it; returns letters and what free() says after each round."""
        result = []
        for _ in range(count):
            letters = 0
            while self.deliver(1, stored, [users[letters % len(users)]]):
                letters += 1
            for user in users:
                self.empty(user, 4)
            gc.collect()
            octets, blocks = self.free()
            result.append([letters, octets, blocks])
        return result


def serve_with(driver):
    names = [name for name in dir(driver) if name[0] != "_"]
    serve({name: getattr(driver, name) for name in names if callable(getattr(driver, name))})


if __name__ == "__main__":
    serve_with(Driver())
