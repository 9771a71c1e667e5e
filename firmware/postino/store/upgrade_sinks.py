"""What the upgrade makes of the entries of format 1: sums, the next letters in order, places, entries of format 2.

A sink has add(words, entries), as format1_mailbox.Mailboxes.visit() calls it.
"""

import struct
from array import array

from postino.store import files, snapshot, trailer
from postino.store.format1 import DATE, FLAGS, KEYWORD_SHIFT, LETTER, SIZE, SYSTEM_FLAGS, UID, WORDS
from postino.store.slots import MANY
from postino.store.space import blocks_of

# The modification sequence of all that there is.
MODSEQ = 1

# Letters that are looked at together.
LETTERS = 150

# Letter ids of one piece of the list of places; 4 octets each.
_PLACES = 64

# littlefs keeps files up to this size in their directory.
INLINE = 128


def file_octets(size: int) -> int:
    """The file of a letter with the trailer that it gets."""
    return size + trailer.length_of(size, b"", 1)


def file_blocks(octets: int) -> int:
    """Blocks of a file beside its directory."""
    return blocks_of(octets) if octets > INLINE else 0


def growth_of(size: int) -> int:
    """Blocks that the letter takes beyond those that it has."""
    return file_blocks(file_octets(size)) - file_blocks(size)


class Sum:
    """What the entries of a mailbox add up to."""

    def __init__(self):
        self.entries = self.blocks = self.growth = 0

    def add(self, words, entries: int):
        for at in range(0, entries * WORDS, WORDS):
            if words[at + LETTER]:
                size = words[at + SIZE]
                self.entries += 1
                self.blocks += blocks_of(file_octets(size))
                self.growth += growth_of(size)


def _find(ids, count: int, letter: int) -> int:
    """Where the letter is, or belongs."""
    low = 0
    high = count
    while low < high:
        middle = (low + high) // 2
        if ids[middle] < letter:
            low = middle + 1
        else:
            high = middle
    return low


class Letters:
    """The next few letters in the order of their ids, gathered from all mailboxes."""

    def __init__(self):
        zeros = bytes(4 * LETTERS)
        self.ids = memoryview(array("I", zeros))
        self.sizes = memoryview(array("I", zeros))
        self.dates = memoryview(array("I", zeros))
        # One mailbox that has the letter, and how many entries name it.
        self.mailboxes = memoryview(array("I", zeros))
        self.references = memoryview(bytearray(LETTERS))
        self.count = 0
        # Letters up to this one have had their turn.
        self.after = 0
        # The mailbox that is being gathered from.
        self.mailbox = 0

    @property
    def full(self) -> bool:
        return self.count == LETTERS

    def advance(self):
        """The next ones come behind these."""
        if self.count:
            self.after = self.ids[self.count - 1]
        self.count = 0

    def add(self, words, entries: int):
        for at in range(0, entries * WORDS, WORDS):
            letter = words[at + LETTER]
            if letter > self.after and (self.count < LETTERS or letter <= self.ids[LETTERS - 1]):
                index = _find(self.ids, self.count, letter)
                if index < self.count and self.ids[index] == letter:
                    self.references[index] = min(self.references[index] + 1, MANY)
                else:
                    self._insert(index, letter, words[at + SIZE], words[at + DATE])

    def has(self, letter: int) -> bool:
        index = _find(self.ids, self.count, letter)
        return index < self.count and self.ids[index] == letter

    def _insert(self, index: int, letter: int, size: int, date: int):
        """The last one gives way if there is no place left."""
        end = min(self.count, LETTERS - 1)
        if index < end:
            for column in (self.ids, self.sizes, self.dates, self.mailboxes, self.references):
                column[index + 1 : end + 1] = column[index:end]
        self.ids[index] = letter
        self.sizes[index] = size
        self.dates[index] = date
        self.mailboxes[index] = self.mailbox
        self.references[index] = 1
        self.count = end + 1


class Places:
    """The letter ids in the order of their slots, in a file; finds the slot of a letter."""

    def __init__(self, path: str):
        self._path = path
        self._file = None
        self._count = 0
        # The first id of each piece, and the piece that was read last.
        self._firsts = array("I")
        self._piece = array("I", bytes(4 * _PLACES))
        self._here = -1

    def begin(self):
        files.open_file(self._path, "wb").close()

    def put(self, letters: Letters):
        """The file is closed again: a failure elsewhere must not leave one open that has something to write."""
        for index in range(letters.count):
            if (self._count + index) % _PLACES == 0:
                self._firsts.append(letters.ids[index])
        file = files.open_file(self._path, "ab")
        try:
            file.write(letters.ids[: letters.count])
        finally:
            file.close()
        self._count += letters.count

    def finish(self):
        """The last were put; slot_of() comes next."""
        self._file = files.open_file(self._path, "rb")

    def slot_of(self, letter: int) -> int:
        number = _find(self._firsts, len(self._firsts), letter + 1) - 1
        if number != self._here:
            self._here = -1
            self._file.seek(4 * _PLACES * number)
            self._file.readinto(self._piece)
            self._here = number
        start = number * _PLACES
        return start + _find(self._piece, min(_PLACES, self._count - start), letter)

    def close(self):
        file = self._file
        self._file = None
        if file is not None:
            file.close()


class Entries:
    """Writes the entries of a mailbox into its new snapshot."""

    def __init__(self, writer, places: Places, saved: int):
        self._writer = writer
        self._places = places
        self._saved = saved
        self._entry = bytearray(snapshot.ENTRY_SIZE)

    def add(self, words, entries: int):
        for at in range(0, entries * WORDS, WORDS):
            letter = words[at + LETTER]
            if letter:
                size = words[at + SIZE]
                flags = words[at + FLAGS]
                values = (words[at + UID], letter, size, words[at + DATE], self._saved, flags >> KEYWORD_SHIFT, MODSEQ)
                values += (self._places.slot_of(letter), blocks_of(file_octets(size)), flags & SYSTEM_FLAGS)
                struct.pack_into(snapshot.ENTRY, self._entry, 0, *values)
                self._writer.put(self._entry, 0)


def visit_snapshot(path: str, mailbox: int, sink):
    """All entries of a snapshot of format 2, as format 1 has them; returns what its head says."""
    reader = snapshot.Reader(path, mailbox, 0)
    try:
        words = array("I", bytes(4 * WORDS * snapshot.PAGE_ENTRIES))
        buffer = bytearray(snapshot.PAGE_SIZE)
        count = reader.page(buffer)
        while count:
            for index in range(count):
                _unpack(buffer, snapshot.PAGE_HEAD_SIZE + index * snapshot.ENTRY_SIZE, words, index * WORDS)
            sink.add(words, count)
            count = reader.page(buffer)
    finally:
        reader.close()
    return reader.contents


def _unpack(buffer, at: int, words, to: int):
    uid, letter, size, date, _, keywords, _, _, _, flags = struct.unpack_from(snapshot.ENTRY, buffer, at)
    words[to + UID] = uid
    words[to + LETTER] = letter
    words[to + SIZE] = size
    words[to + DATE] = date
    words[to + FLAGS] = flags | keywords << KEYWORD_SHIFT & 0xFFFFFFFF
