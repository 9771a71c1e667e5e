"""Reads the cold values of letters (cold.py) from the snapshots, through one or two pages that open mailboxes share.

A walk through a mailbox reads each page once, with two pages also beside another walk. Each page is checked when it is
read.
"""

import struct

from postino.store import files, heap, records, snapshot
from postino.store.catalogue import FIRST_SECTOR, INFO_COUNTERS, INFO_UIDVALIDITY
from postino.store.cold import BLOCKS, MODSEQ, Cold, Index
from postino.store.errors import StoreUnavailable

# Octets of heap that have to be free for a second page.
_HEAP_FOR_ANOTHER = 8 * 1024
# Pages that are read into one after there was no memory for two.
_READS_ALONE = 32

# Where an entry of a snapshot (snapshot.ENTRY) has the words of a row of the tail.
_IN_ENTRY = (0, 24, 8, 12, 16, 30)


class _Page:
    """A page of a snapshot in memory."""

    def __init__(self):
        self.buffer = bytearray(snapshot.PAGE_SIZE)
        self.mailbox = 0
        self._number = 0
        self._count = 0
        # The entry that was found last: the next one is likely to come next.
        self._index = 0

    def has(self, mailbox: int, number: int) -> bool:
        return self.mailbox == mailbox and self._number == number

    def read(self, path: str, start: int, mailbox: int, number: int) -> bool:
        """Reads this page of a snapshot whose pages begin at `start`; False if it is damaged."""
        self.mailbox = self._index = 0
        self._count = snapshot.read_page(path, start, number, mailbox, self.buffer)
        if not self._count:
            return False
        self._number = number
        self.mailbox = mailbox
        return True

    def _uid(self, index: int) -> int:
        return struct.unpack_from("<I", self.buffer, snapshot.PAGE_HEAD_SIZE + index * snapshot.ENTRY_SIZE)[0]

    def find(self, uid: int) -> bool:
        """Makes the letter's entry the present one; False if there is none."""
        for index in (self._index, self._index + 1):
            if index < self._count and self._uid(index) == uid:
                self._index = index
                return True
        low = 0
        high = self._count
        while low < high:
            middle = (low + high) >> 1
            if self._uid(middle) < uid:
                low = middle + 1
            else:
                high = middle
        if low < self._count and self._uid(low) == uid:
            self._index = low
            return True
        return False

    def value(self, which: int) -> int:
        """A value of the present entry."""
        at = snapshot.PAGE_HEAD_SIZE + self._index * snapshot.ENTRY_SIZE + _IN_ENTRY[which]
        return struct.unpack_from("<H" if which == BLOCKS else "<I", self.buffer, at)[0]


def _added(reader, at: int, uid: int):
    """Size, dates and blocks, if the ADD record gives the mailbox of its target at `at` the letter of this UID."""
    if reader.word(at + 4) != uid:
        return None
    return reader.word(8), reader.word(12), reader.word(16), reader.half(2)


def _entered(reader, uid: int):
    """The same of an ENTRIES record."""
    for at in range(records.ENTRIES_HEAD, reader.length, records.ENTRY_SIZE):
        if reader.word(at) == uid:
            return reader.word(at + 8), reader.word(at + 12), reader.word(0), reader.half(at + 22)
    return None


class Pages:
    """Reads cold values, through the one or two pages that were used last."""

    def __init__(self, store):
        self._store = store
        self._recent = None
        self._older = None
        # Pages to read before there may be memory for an older one.
        self._alone = 0

    def clear(self):
        """Gives the memory back."""
        self._recent = self._older = None

    def forget(self, mailbox: int):
        """What was read of its snapshot does not count any more. Needs no memory."""
        if self._recent is not None and self._recent.mailbox == mailbox:
            self._recent.mailbox = 0
        if self._older is not None and self._older.mailbox == mailbox:
            self._older.mailbox = 0

    def value(self, cold: Cold, uid: int, which: int) -> int:
        """A cold value of a letter of an open mailbox. Raises StoreUnavailable, also for damage, which is noted.

        May read the log: never to be called in a transaction.
        """
        row = cold.row_of(uid)
        if row >= 0:
            return cold.tail.word(row, which)
        with files.guard:
            page = self._page_with(cold, uid)
            if page is None and cold.untailed:
                values = self._logged(cold, uid)
                if values is not None:
                    return values[which]
        if page is None:
            self._damaged(cold)
        return page.value(which)

    def _logged(self, cold: Cold, uid: int):
        """The words of a row, for a letter that came after the snapshot; None if it is not in the log."""
        first = self._store.catalogue.any(cold.mailbox)[INFO_COUNTERS][FIRST_SECTOR]
        if not first:
            return None
        reader = self._store.log.reader(cold.mailbox, first)
        while reader.next():
            values = None
            if reader.kind == records.ADD:
                values = _added(reader, reader.target(cold.mailbox), uid)
            elif reader.kind == records.ENTRIES:
                values = _entered(reader, uid)
            if values is not None:
                return (uid, reader.sequence - cold.base) + values
        return None

    def is_newer(self, cold: Cold, uid: int, modseq: int) -> bool:
        """The letter's modification sequence, less the base, is above this one. Reads only where it may be."""
        index = cold.index
        if index is not None and not cold.untailed and cold.row_of(uid) < 0:
            number = index.page_of(uid)
            if number >= 0 and index.newest[number] <= modseq:
                return False
        return self.value(cold, uid, MODSEQ) > modseq

    def _page_with(self, cold: Cold, uid: int):
        """The page with this letter's entry, made the present one; None if there is none."""
        index = cold.index
        if index is None:
            index = self._survey(cold.mailbox)
            cold.learn(index)
        number = index.page_of(uid)
        if number < 0:
            return None
        page = self._page(cold, index.start, number)
        return page if page.find(uid) else None

    def _page(self, cold: Cold, start: int, number: int) -> _Page:
        page = self._recent
        if page is not None and page.has(cold.mailbox, number):
            return page
        page = self._older
        if page is None or not page.has(cold.mailbox, number):
            page = self._spare()
            if not page.read(snapshot.path_of(self._store.root, cold.mailbox), start, cold.mailbox, number):
                self._damaged(cold)
        if page is not self._recent:
            self._older = self._recent
            self._recent = page
        return page

    def borrow(self):
        """A buffer for whoever reads the pages of a snapshot one after the other, until the next value() is read."""
        page = self._spare()
        page.mailbox = 0
        if self._recent is None:
            self._recent = page
        elif page is not self._recent:
            self._older = page
        return page.buffer

    def _spare(self) -> _Page:
        """A page to read into: a new one if there is none, or one only and memory to spare."""
        if self._recent is None:
            return _Page()
        if not self._recent.mailbox:
            return self._recent
        if self._older is None:
            # Looking takes a collection: not for every page that is read.
            self._alone = max(0, self._alone - 1)
            if not self._alone:
                try:
                    if heap.free(_HEAP_FOR_ANOTHER) >= _HEAP_FOR_ANOTHER:
                        return _Page()
                except MemoryError:
                    pass
                self._alone = _READS_ALONE
        return self._older or self._recent

    def _damaged(self, cold: Cold):
        self._store.note_damage(cold.mailbox)
        raise StoreUnavailable("mailbox %x is damaged" % cold.mailbox)

    def _survey(self, mailbox: int) -> Index:
        """Reads the snapshot for what is where in it."""
        info = self._store.catalogue.any(mailbox)
        reader = snapshot.Reader(snapshot.path_of(self._store.root, mailbox), mailbox, info[INFO_UIDVALIDITY])
        try:
            page = self.borrow()
            index = Index(reader.start)
            count = reader.page(page)
            while count:
                newest = max([snapshot.entry(page, number)[6] for number in range(count)])
                index.note(reader.number, snapshot.entry(page, 0)[0], newest)
                count = reader.page(page)
            return index
        finally:
            reader.close()
