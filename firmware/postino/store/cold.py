"""What the table of an open mailbox lacks: modification sequence, size, dates and blocks, its cold values.

The snapshot has them, and they are read when they are asked for (pages.py). Letters that came after the snapshot have a
row in the tail, until a fold has put them into a new snapshot; for one without a row, the log is read when it is asked
for.
"""

from array import array

from postino.store.rows import UID, Rows

# Words of a row of the tail, beside UID. Modification sequences are less the base of the mailbox.
MODSEQ = 1
SIZE = 2
DATE = 3
SAVED = 4
BLOCKS = 5
_WORDS = 6

# Letters in the tail.
MOST_TAIL = 128
# Letters in the tail from which on idle work makes a fold.
_IDLE_TAIL = 48


class Index:
    """Of the pages of a snapshot, which begin at octet `start`: 8 octets a page."""

    def __init__(self, start: int):
        self.start = start
        # The first UID of each page, and the highest modification sequence in it, less the base.
        self.first = array("I")
        self.newest = array("I")

    def note(self, number: int, first: int, newest: int):
        """The next page that could be read."""
        # Nobody asks for what was in damaged ones before it.
        while len(self.first) < number:
            self.first.append(first)
            self.newest.append(0)
        self.first.append(first)
        self.newest.append(newest)

    def page_of(self, uid: int) -> int:
        """The page that has this UID if the snapshot has it; -1 if none can have it."""
        low = 0
        high = len(self.first)
        while low < high:
            middle = (low + high) >> 1
            if self.first[middle] <= uid:
                low = middle + 1
            else:
                high = middle
        return low - 1


class Cold:
    """Of one open mailbox: where its cold values are."""

    def __init__(self, mailbox: int):
        self.mailbox = mailbox
        # Modification sequences are less this one.
        self.base = 0
        self.tail = Rows(_WORDS)
        # The last transaction that brought letters for which there is no row in the tail (0: none), less the base.
        self.untailed = 0
        # None if it is not known, for the snapshot is another one.
        self.index = None
        # The head of the snapshot was damaged: what its entries say is less than what clients have been told.
        self.least = 0

    def learn(self, index: Index):
        """What the snapshot in force has."""
        self.index = index

    def forget(self):
        """The snapshot is about to be another one."""
        self.index = None

    def reserve(self, letters: int):
        """Before a commit: room for so many letters, as far as there is memory and the tail may grow."""
        try:
            self.tail.reserve(min(letters, MOST_TAIL - len(self.tail)))
        except MemoryError:
            pass

    def add(self, uid: int, modseq: int, size: int, blocks: int, date: int, saved: int):
        """After the commit: a letter with the highest UID."""
        tail = self.tail
        if len(tail) >= MOST_TAIL or not tail.room():
            self.untailed = modseq
            return
        tail.append(uid, modseq)
        index = len(tail) - 1
        tail.set_word(index, SIZE, size)
        tail.set_word(index, DATE, date)
        tail.set_word(index, SAVED, saved)
        tail.set_word(index, BLOCKS, blocks)

    def row_of(self, uid: int) -> int:
        """The letter's index in the tail, or -1."""
        tail = self.tail
        return tail.index_of(uid) if len(tail) and uid >= tail.word(0, UID) else -1

    def delete(self, uid: int):
        """The letter has left the mailbox."""
        row = self.row_of(uid)
        if row >= 0:
            self.tail.delete(row)

    def covered(self, until: int):
        """The snapshot has all letters that came up to this sequence, less the base. Only some of them take memory."""
        tail = self.tail
        if self.untailed <= until:
            self.untailed = 0
        if len(tail) and tail.word(len(tail) - 1, MODSEQ) <= until:
            tail.clear()
        while len(tail) and tail.word(0, MODSEQ) <= until:
            tail.delete(0)

    def wants_fold(self) -> bool:
        """Idle work should make a fold soon."""
        return self.untailed > 0 or len(self.tail) > _IDLE_TAIL
