"""Rows of unsigned words in order of their first word, in chunks of at most 256 octets.

No Python object is kept per row. On a small heap in use for long, there are few larger pieces to be had than these.
"""

from array import array

# The first word of a row: rows are in order of it, and it is found by it.
UID = 0

CHUNK_OCTETS = 256
_SMALLEST_CHUNK = 10


def new_chunk(form: str, words: int):
    """Room for so many words."""
    # Not from bytes: they would take as much memory once more.
    return array(form, range(words))


class Rows:
    def __init__(self, words: int, form: str = "I"):
        """So many words in a row, of 4 octets, or of 2 with the form "H"."""
        self._words = words
        self._form = form
        # Rows of a full chunk.
        self.chunk_rows = CHUNK_OCTETS // ((2 if form == "H" else 4) * words)
        self._chunks = []
        # Rows in use per chunk. Chunks after the tail are empty: reserved room.
        self._counts = []
        self._tail = 0
        self._length = 0
        # The chunk looked at last and the index of its first row: makes walking cheap.
        self._at = 0
        self._first = 0

    def __len__(self):
        return self._length

    def word(self, index: int, which: int) -> int:
        """One word of the row with this index."""
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        return self._chunks[self._at][(index - self._first) * self._words + which]

    def set_word(self, index: int, which: int, value: int):
        """Replaces one word of the row with this index."""
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        self._chunks[self._at][(index - self._first) * self._words + which] = value

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
        """Index of the first row with at least this UID; the length if there is none."""
        first = 0
        for number in range(len(self._chunks)):
            count = self._counts[number]
            if count and self._chunks[number][(count - 1) * self._words] >= uid:
                return first + self._search(self._chunks[number], count, uid)
            first += count
        return first

    def _search(self, chunk, count: int, uid: int) -> int:
        low = 0
        high = count
        while low < high:
            middle = (low + high) >> 1
            if chunk[middle * self._words] < uid:
                low = middle + 1
            else:
                high = middle
        return low

    def index_of(self, uid: int) -> int:
        """Index of the row with this UID, or -1."""
        index = self.lower_bound(uid)
        return index if index < self._length and self.word(index, UID) == uid else -1

    # Room.

    def room(self) -> int:
        """Rows that append() still takes."""
        rows = 0
        for number in range(self._tail, len(self._chunks)):
            rows += len(self._chunks[number]) // self._words - self._counts[number]
        return rows

    def reserve(self, rows: int):
        """Makes room so that so many calls of append() need no memory. What was there stays if memory runs out."""
        rows -= self.room()
        if rows > 0 and self._chunks and self._tail == len(self._chunks) - 1:
            rows -= self._grow_tail(rows)
        while rows > 0:
            size = self.chunk_rows if self._chunks else min(self.chunk_rows, max(_SMALLEST_CHUNK, rows))
            self._add_chunk(size)
            rows -= size

    def _add_chunk(self, rows: int):
        chunk = new_chunk(self._form, rows * self._words)
        self._counts.append(0)
        try:
            self._chunks.append(chunk)
        except MemoryError:
            self._counts.pop()
            raise

    def _drop_chunk(self, number: int):
        self._chunks.pop(number)
        self._counts.pop(number)

    def _grow_tail(self, rows: int) -> int:
        """Replaces a last chunk that is not full size yet by a larger one; returns the rows won."""
        old = self._chunks[self._tail]
        size = len(old) // self._words
        larger = min(self.chunk_rows, max(2 * size, size + rows))
        if larger <= size:
            return 0
        chunk = new_chunk(self._form, larger * self._words)
        memoryview(chunk)[: len(old)] = memoryview(old)
        self._chunks[self._tail] = chunk
        return larger - size

    # Rows in and out.

    def append(self, uid: int, value: int):
        """Adds the row with the highest UID and sets its second word; reserve() came before."""
        tail = self._tail
        if self._counts[tail] == len(self._chunks[tail]) // self._words:
            tail += 1
        chunk = self._chunks[tail]
        at = self._counts[tail] * self._words
        chunk[at] = uid
        chunk[at + 1] = value
        self._tail = tail
        self._counts[tail] += 1
        self._length += 1

    def delete(self, index: int):
        """Takes the row with this index out."""
        self._seek(index)
        number = self._at
        count = self._counts[number]
        words = self._words
        at = (index - self._first) * words
        view = memoryview(self._chunks[number])
        view[at : (count - 1) * words] = view[at + words : count * words]
        self._counts[number] = count - 1
        self._length -= 1
        if count == 1 and number < self._tail:
            self._drop_chunk(number)
            self._tail -= 1
        self._forget()

    def clear(self):
        """Takes all rows out and gives their memory back. Needs none."""
        while self._chunks:
            self._drop_chunk(len(self._chunks) - 1)
        self._tail = self._length = 0
        self._forget()
