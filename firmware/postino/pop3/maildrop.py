"""The INBOX as one POP3 session sees it: the letters at login, numbered from 1, and the marks of DELE.

Holds four octets and a bit a letter, in small chunks; sizes are in the mailbox's own table, which all sessions share.
"""

import asyncio
from array import array

from ..store import INFO_ID, Nobody, NoSuchMailbox

# Letters in one chunk of the snapshot: 256 octets, which a heap in pieces still has when an open mailbox fills it.
_CHUNK = 64
# Letters removed in one transaction, after which other sessions get their turn: on flash each takes about 50 ms.
_BATCH = 16


class Gone(Exception):
    """The letter was there at login, and another session has removed it."""


class Locked(Exception):
    """Another POP3 session has this maildrop (RFC 1939 section 3)."""


class Maildrop(Nobody):
    """A locked snapshot. Make it, `open` it, and `close` it whatever happens."""

    def __init__(self, server, user):
        self._server = server
        self._user = user
        self._has_lock = False
        self._box = None
        # Kept here: the unique ids must stay what they are when the mailbox is lost.
        self._uidvalidity = 0
        self._chunks = []
        self._marks = bytearray()
        # Letters in the snapshot, marked ones included and without them.
        self.total = 0
        self.count = 0
        # Octets of those that are not marked; None: to be added up when they are asked for.
        self._octets = None

    def open(self):
        """Locks the maildrop and takes the snapshot. Raises Locked or StoreError."""
        locks = self._server.maildrop_locks
        if self._user in locks:
            raise Locked
        locks.add(self._user)
        self._has_lock = True
        store = self._server.store
        info = store.find(self._user, "INBOX")
        if info is None:
            raise NoSuchMailbox
        self._box = store.open_mailbox(info[INFO_ID], self)
        self._take_snapshot()

    def _take_snapshot(self):
        box = self._box
        self._uidvalidity = box.uidvalidity
        self.total = self.count = len(box)
        self._marks = bytearray((self.total + 7) // 8)
        for index in range(self.total):
            if index % _CHUNK == 0:
                # In one piece from the start: a growing array leaves holes behind.
                self._chunks.append(array("I", bytes(4 * min(_CHUNK, self.total - index))))
            self._chunks[-1][index % _CHUNK] = box.uid(index)
        self.octets()

    def close(self):
        """Gives back the mailbox and the lock."""
        box, self._box = self._box, None
        try:
            if box is not None:
                box.close(self)
        finally:
            if self._has_lock:
                self._has_lock = False
                self._server.maildrop_locks.discard(self._user)

    # What other sessions do to the mailbox. Letters that arrive belong to the next session, and flags to IMAP; what
    # has been expunged is found missing when it is asked for: of all this only the loss of the table matters.

    def on_lost(self):
        # The INBOX is never deleted, so its table has been dropped: everything is gone for this session.
        self._box = None

    # Letters by number --------------------------------------------------------------------------------------------

    def _uid(self, number):
        index = number - 1
        return self._chunks[index // _CHUNK][index % _CHUNK]

    def has(self, number):
        """True if there is such a letter, and it is not marked as deleted."""
        index = number - 1
        return 0 <= index < self.total and not self._marks[index >> 3] & (1 << (index & 7))

    def _index(self, number):
        """The letter's place in the mailbox's table now. Raises Gone."""
        index = -1 if self._box is None else self._box.index_of(self._uid(number))
        if index < 0:
            raise Gone
        return index

    def size(self, number):
        """Octets of the letter as it is stored, 0 if it is gone: there is nothing to transfer. Raises StoreError."""
        try:
            index = self._index(number)
        except Gone:
            return 0
        return self._box.size(index)

    def octets(self):
        """Octets of all letters that are not marked, as size() tells them. Raises StoreError."""
        if self._octets is None:
            self._octets = sum(self.size(number) for number in range(1, self.total + 1) if self.has(number))
        return self._octets

    def unique_id(self, number):
        """RFC 1939 section 7: the same for the life of the letter, in every session, and never another letter's."""
        return b"%x.%x" % (self._uidvalidity, self._uid(number))

    def open_letter(self, number):
        """Returns a reader; the caller closes it. Raises Gone or StoreError (LetterGone among them)."""
        index = self._index(number)
        return self._server.store.open_letter(self._box.letter(index))

    # Deletion -----------------------------------------------------------------------------------------------------

    def mark(self, number):
        """Marks a letter as deleted."""
        index = number - 1
        self._marks[index >> 3] |= 1 << (index & 7)
        self.count -= 1
        self._octets = None

    def unmark_all(self):
        """Takes back every mark."""
        for index in range(len(self._marks)):
            self._marks[index] = 0
        self.count = self.total
        self._octets = None

    async def remove_marked(self):
        """Removes the marked letters, a batch in one transaction. Raises StoreError: some are not removed then."""
        batch = array("I")
        for number in range(1, self.total + 1):
            if not self.has(number):
                batch.append(self._uid(number))
            if len(batch) >= _BATCH or (batch and number == self.total):
                if self._box is None:
                    raise NoSuchMailbox
                # Those that another session has removed are left out by the store.
                self._box.expunge(batch)
                batch = array("I")
                # Not 0: whoever has become ready meanwhile would come after the next batch.
                await asyncio.sleep_ms(1)
