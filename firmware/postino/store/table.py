"""The table of an open mailbox: 6 octets a letter, in UID order.

A chunk of rows has a base: the rows hold how much higher their UIDs are. One that is too high begins a new chunk.

Beside the rows it knows which letters were changed since the snapshot, and by which transaction: one octet a letter, in
chunks where there was a change, that numbers one of at most 255 modification sequences. A fold makes room in it.
"""

from array import array

from postino.store.rows import UID, Rows

# What a row has, beside its UID: slot in the low 16 bits, system flags in the next 6, above them the number of the
# keyword set (contents.py).
PLACE = 1

# The words of a row: the UID less the base, and the two halves of the place.
_LOW = 1
_HIGH = 2
_WORDS = 3
_HALF_BITS = 16
_HALF_MASK = 0xFFFF
# UIDs of a chunk are less than so much above its base.
_SPAN = 1 << _HALF_BITS

SLOT_MASK = 0xFFFF
FLAGS_SHIFT = 16
FLAGS_MASK = 0x3F
SET_SHIFT = 22
# Keyword sets have 10 bits.
MAX_SETS = 1024

# Modification sequences that the table holds for letters that were changed since the snapshot.
MAX_CHANGES = 255
_PIECE_BITS = 6
_PIECE = 1 << _PIECE_BITS


class Table(Rows):
    def __init__(self):
        super().__init__(_WORDS, "H")
        self._bases = []
        # Per chunk: None, or an octet for each of its rows, 1 + the place of its modification sequence (0: no change).
        self._marks = []
        # Modification sequences less the base of the mailbox, ascending, in pieces; so many are in use.
        self._pieces = []
        self.changes = 0
        # For _renumber(): the new number of each mark.
        self._numbers = bytearray(0)

    def word(self, index: int, which: int) -> int:
        """UID or PLACE of the row with this index."""
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        chunk = self._chunks[self._at]
        at = (index - self._first) * _WORDS
        return self._bases[self._at] + chunk[at] if which == UID else chunk[at + _LOW] | chunk[at + _HIGH] << _HALF_BITS

    def set_place(self, index: int, place: int):
        """Replaces PLACE of the row with this index."""
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        at = (index - self._first) * _WORDS
        self._chunks[self._at][at + _LOW] = place & _HALF_MASK
        self._chunks[self._at][at + _HIGH] = place >> _HALF_BITS

    def lower_bound(self, uid: int) -> int:
        """Index of the first row with at least this UID; the length if there is none."""
        first = 0
        for number in range(len(self._chunks)):
            count = self._counts[number]
            beyond = uid - self._bases[number]
            if count and self._chunks[number][(count - 1) * _WORDS] >= beyond:
                return first + self._search(self._chunks[number], count, beyond)
            first += count
        return first

    def reserve_for(self, rows: int, uid: int):
        """reserve(), for so many rows from this UID on, one after the other."""
        if not self._is_too_high(uid + rows - 1):
            self.reserve(rows)
            return
        # What is left of the last chunk does not count.
        for number in range(self._tail + 1, len(self._chunks)):
            rows -= len(self._chunks[number]) // _WORDS
        while rows > 0:
            self._add_chunk(self.chunk_rows)
            rows -= self.chunk_rows

    def _is_too_high(self, uid: int) -> bool:
        """A row with this UID has no place in the last chunk, though there may be room."""
        tail = self._tail
        return bool(self._length) and self._counts[tail] > 0 and uid - self._bases[tail] >= _SPAN

    def append(self, uid: int, value: int):
        """Adds the row with the highest UID and its place; reserve_for() came before."""
        tail = self._tail
        if self._is_too_high(uid) or self._counts[tail] == len(self._chunks[tail]) // _WORDS:
            tail += 1
            if tail == len(self._chunks):
                raise MemoryError
        if not self._counts[tail]:
            self._bases[tail] = uid
        chunk = self._chunks[tail]
        at = self._counts[tail] * _WORDS
        chunk[at] = uid - self._bases[tail]
        chunk[at + _LOW] = value & _HALF_MASK
        chunk[at + _HIGH] = value >> _HALF_BITS
        self._tail = tail
        self._counts[tail] += 1
        self._length += 1

    def _add_chunk(self, rows: int):
        number = len(self._chunks)
        try:
            self._bases.append(0)
            self._marks.append(None)
            super()._add_chunk(rows)
        except MemoryError:
            while len(self._bases) > number:
                self._bases.pop()
            while len(self._marks) > number:
                self._marks.pop()
            raise

    def _drop_chunk(self, number: int):
        self._bases.pop(number)
        self._marks.pop(number)
        super()._drop_chunk(number)

    def delete(self, index: int):
        """Takes the row with this index out."""
        self._seek(index)
        marks = self._marks[self._at]
        if marks is not None:
            last = self._counts[self._at] - 1
            for at in range(index - self._first, last):
                marks[at] = marks[at + 1]
            marks[last] = 0
        super().delete(index)

    # Changes since the snapshot.

    def changed(self, index: int) -> int:
        """Modification sequence of the last change since the snapshot, less the base; 0 if there was none."""
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        marks = self._marks[self._at]
        mark = marks[index - self._first] if marks is not None else 0
        return self._sequence(mark - 1) if mark else 0

    def begin_change(self, sequence: int = 0) -> bool:
        """Before a transaction: room for its modification sequence. False if there are MAX_CHANGES others.

        `sequence`, less the base, is told where it is known, for it may be the last of them.
        """
        if sequence and self.changes and self._sequence(self.changes - 1) == sequence:
            return True
        if self.changes == MAX_CHANGES:
            self._drop_unused()
        if self.changes == MAX_CHANGES:
            return False
        if not self._numbers:
            self._numbers = bytearray(MAX_CHANGES + 1)
        if len(self._pieces) << _PIECE_BITS == self.changes:
            self._pieces.append(array("I", bytes(4 * _PIECE)))
        return True

    def prepare_note(self, index: int):
        """Before the commit: note() of this row will need no memory."""
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        if self._marks[self._at] is None:
            self._marks[self._at] = bytearray(self.chunk_rows)

    def note(self, index: int, sequence: int):
        """The row was changed by this transaction, the last one so far; begin_change() and prepare_note() came before.

        `sequence` is less the base of the mailbox.
        """
        if not self.changes or self._sequence(self.changes - 1) != sequence:
            self._set_sequence(self.changes, sequence)
            self.changes += 1
        if not self._first <= index < self._first + self._count_here():
            self._seek(index)
        self._marks[self._at][index - self._first] = self.changes

    def forget_changes(self, until: int):
        """The snapshot has all changes up to this sequence, less the base. Needs no memory."""
        old = 0
        while old < self.changes and self._sequence(old) <= until:
            old += 1
        if not old:
            return
        for mark in range(self.changes + 1):
            self._numbers[mark] = max(0, mark - old)
        self._renumber()
        # One piece is kept for the next changes.
        while len(self._pieces) << _PIECE_BITS > self.changes + _PIECE:
            self._pieces.pop()

    def merge_oldest(self):
        """Makes room for one more: the oldest sequence of all becomes the one after it, which is higher."""
        for mark in range(2, self.changes + 1):
            self._numbers[mark] = mark - 1
        self._set_sequence(0, self._sequence(1))
        # Of two with the same number the first is kept.
        self._numbers[1] = 1
        self._renumber()

    def _drop_unused(self):
        """Sequences of which no letter's is the last go."""
        numbers = self._numbers
        for mark in range(len(numbers)):
            numbers[mark] = 0
        for number in range(len(self._marks)):
            marks = self._marks[number]
            if marks is not None:
                for at in range(self._counts[number]):
                    numbers[marks[at]] = 1
        kept = numbers[0] = 0
        for mark in range(1, self.changes + 1):
            if numbers[mark]:
                kept += 1
                numbers[mark] = kept
        self._renumber()

    def _renumber(self):
        """Gives all marks, and their sequences, the new numbers; one without changes gives its memory back."""
        numbers = self._numbers
        for number in range(len(self._marks)):
            marks = self._marks[number]
            if marks is None:
                continue
            left = 0
            for at in range(self._counts[number]):
                marks[at] = numbers[marks[at]]
                left |= marks[at]
            if not left:
                self._marks[number] = None
        kept = 0
        for mark in range(1, self.changes + 1):
            if numbers[mark] > kept:
                self._set_sequence(kept, self._sequence(mark - 1))
                kept += 1
        self.changes = kept

    def _sequence(self, place: int) -> int:
        return self._pieces[place >> _PIECE_BITS][place & (_PIECE - 1)]

    def _set_sequence(self, place: int, sequence: int):
        self._pieces[place >> _PIECE_BITS][place & (_PIECE - 1)] = sequence
