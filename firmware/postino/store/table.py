"""The table of an open mailbox: 20 octets a letter, in UID order, in chunks of at most 500 octets.

No Python object is kept per letter. A chunk is an array of unsigned 32-bit words, five a letter.
"""

from array import array

# Words of an entry.
UID = 0
# Slot in the low 16 bits, system flags in the next 6, above them the number of the keyword set (contents.py).
PLACE = 1
# Modification sequence less the base of the mailbox.
MODSEQ = 2
# Size of the message, and one bit: its file takes a block more than the message alone would.
SIZE = 3
# INTERNALDATE.
DATE = 4
WORDS = 5

SLOT_MASK = 0xFFFF
FLAGS_SHIFT = 16
FLAGS_MASK = 0x3F
SET_SHIFT = 22
# Keyword sets have 10 bits.
MAX_SETS = 1024

EXTRA_BLOCK = 1 << 29
SIZE_MASK = EXTRA_BLOCK - 1

ENTRY_SIZE = 20
# A full chunk is 500 octets: on a small heap in use for long, larger pieces are not to be had.
CHUNK_ENTRIES = 25
_SMALLEST_CHUNK = 10


def new_chunk(entries: int):
    """Room for so many entries."""
    return array("I", bytes(entries * ENTRY_SIZE))


class Table:
    def __init__(self):
        self._chunks = []
        # Entries in use per chunk. Chunks after the tail are empty: reserved room.
        self._counts = []
        self._tail = 0
        self._length = 0
        # The chunk looked at last and the index of its first entry: makes walking cheap.
        self._at = 0
        self._first = 0

    def __len__(self):
        return self._length

    def word(self, index: int, which: int) -> int:
        """One word of the entry with this index."""
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        return self._chunks[self._at][(index - self._first) * WORDS + which]

    def set_flags(self, index: int, place: int, modseq: int):
        """Replaces the two words that a change of flags changes."""
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        at = (index - self._first) * WORDS
        self._chunks[self._at][at + PLACE] = place
        self._chunks[self._at][at + MODSEQ] = modseq

    def _count_here(self) -> int:
        return self._counts[self._at] if self._at < len(self._counts) else 0

    def _seek(self, index: int):
        if not 0 <= index < self._length:
            raise IndexError(index)
        if index < self._first:
            self._forget()
        while index >= self._first + self._counts[self._at]:
            self._first += self._counts[self._at]
            self._at += 1

    def _forget(self):
        self._at = 0
        self._first = 0

    def lower_bound(self, uid: int) -> int:
        """Index of the first entry with at least this UID; the length if there is none."""
        first = 0
        for number in range(len(self._chunks)):
            count = self._counts[number]
            if count and self._chunks[number][(count - 1) * WORDS] >= uid:
                return first + _search(self._chunks[number], count, uid)
            first += count
        return first

    def index_of(self, uid: int) -> int:
        """Index of the entry with this UID, or -1."""
        index = self.lower_bound(uid)
        return index if index < self._length and self.word(index, UID) == uid else -1

    def reserve(self, entries: int):
        """Makes room so that so many calls of append() need no memory."""
        if self._chunks:
            last = self._tail
            entries -= len(self._chunks[last]) // WORDS - self._counts[last]
            for number in range(last + 1, len(self._chunks)):
                entries -= len(self._chunks[number]) // WORDS
            if entries > 0 and last == len(self._chunks) - 1:
                entries -= self._grow_tail(entries)
        while entries > 0:
            size = CHUNK_ENTRIES if self._chunks else min(CHUNK_ENTRIES, max(_SMALLEST_CHUNK, entries))
            self._counts.append(0)
            try:
                self._chunks.append(new_chunk(size))
            except MemoryError:
                self._counts.pop()
                raise
            entries -= size

    def _grow_tail(self, entries: int) -> int:
        """Replaces a last chunk that is not full size yet by a larger one; returns the entries won."""
        old = self._chunks[self._tail]
        size = len(old) // WORDS
        larger = min(CHUNK_ENTRIES, max(2 * size, size + entries))
        if larger <= size:
            return 0
        chunk = new_chunk(larger)
        memoryview(chunk)[: len(old)] = memoryview(old)
        self._chunks[self._tail] = chunk
        return larger - size

    def append(self, uid: int, place: int, modseq: int, size: int, date: int):
        """Adds the entry with the highest UID; reserve() came before."""
        tail = self._tail
        if self._counts[tail] == len(self._chunks[tail]) // WORDS:
            tail += 1
        chunk = self._chunks[tail]
        at = self._counts[tail] * WORDS
        chunk[at] = uid
        chunk[at + PLACE] = place
        chunk[at + MODSEQ] = modseq
        chunk[at + SIZE] = size
        chunk[at + DATE] = date
        self._tail = tail
        self._counts[tail] += 1
        self._length += 1

    def delete(self, index: int):
        """Takes the entry with this index out."""
        self._seek(index)
        number = self._at
        count = self._counts[number]
        at = (index - self._first) * WORDS
        view = memoryview(self._chunks[number])
        view[at : (count - 1) * WORDS] = view[at + WORDS : count * WORDS]
        self._counts[number] = count - 1
        self._length -= 1
        if count == 1 and number < self._tail:
            self._chunks.pop(number)
            self._counts.pop(number)
            self._tail -= 1
        self._forget()


def _search(chunk, count: int, uid: int) -> int:
    low = 0
    high = count
    while low < high:
        middle = (low + high) >> 1
        if chunk[middle * WORDS] < uid:
            low = middle + 1
        else:
            high = middle
    return low
