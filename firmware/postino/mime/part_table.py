"""The table of a letter's parts, as the scanner makes it (structure.py) and the letter's trailer keeps it.

Section numbers are those of RFC 3501 6.4.5.
"""

from array import array

LEAF = 0
MULTIPART = 1
MESSAGE = 2
RAW = 3
# An attached letter of the type message/global: to IMAP4rev1 a part like any other, to IMAP4rev2 a letter.
GLOBAL = 4

# The part index that stands for the letter itself, which the empty section means.
LETTER = -1
# The one that stands for part 1 of a multipart without parts: IMAP has none, so there is said to be an empty one.
NOTHING = -2

START = 0
BODY = 1
END = 2
LINES = 3
# Kind in the low octet, the parent's index + 1 above.
LINK = 4
NUMBERS = 5


class PartTable:
    """Entities in the order of the letter, five numbers each.

    Entry 0 is the letter. An attached letter takes two entries: the part of kind MESSAGE or GLOBAL, and right after it
    its only child, the letter inside, which begins where the part's body begins.
    """

    def __init__(self, numbers=None):
        self.numbers = array("I") if numbers is None else numbers

    @property
    def count(self) -> int:
        return len(self.numbers) // NUMBERS

    def add(self, start: int, parent: int) -> int:
        """Appends an entity; the scanner alone does this. Returns its index."""
        for number in (start, start, start, 0, (parent + 1) << 8):
            self.numbers.append(number)
        return self.count - 1

    def set(self, index: int, slot: int, number: int):
        self.numbers[index * NUMBERS + slot] = number

    def set_kind(self, index: int, kind: int):
        self.set(index, LINK, (self.parent(index) + 1) << 8 | kind)

    def start(self, index: int) -> int:
        """Where the entity's header begins."""
        return self.numbers[index * NUMBERS + START]

    def body(self, index: int) -> int:
        """Where its body begins."""
        return self.numbers[index * NUMBERS + BODY]

    def end(self, index: int) -> int:
        return self.numbers[index * NUMBERS + END]

    def octets(self, index: int) -> int:
        """Octets of the body."""
        return self.end(index) - self.body(index)

    def lines(self, index: int) -> int:
        """Line ends in the body."""
        return self.numbers[index * NUMBERS + LINES]

    def kind(self, index: int) -> int:
        return self.numbers[index * NUMBERS + LINK] & 0xFF

    def parent(self, index: int) -> int:
        """Index of the entity around this one, -1 for the letter."""
        return (self.numbers[index * NUMBERS + LINK] >> 8) - 1

    def child(self, index: int, number: int):
        """The number-th (from 1) entity inside this one, or None."""
        for at in range(index + 1, self.count):
            if self.parent(at) == index:
                number -= 1
                if not number:
                    return at
        return None

    def has_parts(self, index: int) -> bool:
        return index + 1 < self.count and self.parent(index + 1) == index

    def find(self, section, rev2: bool):
        """The part that a section like (1, 2) names: its index, LETTER, NOTHING, or None (RFC 3501 6.4.5).

        Only IMAP4rev2 looks into a message/global: there its parts have numbers (RFC 9051 6.4.5.1).
        """
        part = LETTER
        holder = 0
        for number in section:
            if holder is None:
                return None
            if self.kind(holder) == MULTIPART:
                part = self.child(holder, number) if self.has_parts(holder) or number > 1 else NOTHING
            else:
                # A letter that is no multipart has its text as part 1.
                part = holder if number == 1 else None
            if part is None:
                return None
            kind = LEAF if part == NOTHING else self.kind(part)
            if kind == MESSAGE or (kind == GLOBAL and rev2):
                holder = part + 1
            else:
                holder = part if kind == MULTIPART else None
        return part

    def body_range(self, index: int):
        """BODY[n], and BODY[] for LETTER."""
        if index == NOTHING:
            return 0, 0
        return (0, self.end(0)) if index == LETTER else (self.body(index), self.end(index))

    def mime_range(self, index: int):
        """BODY[n.MIME]; None for LETTER."""
        if index == NOTHING:
            return 0, 0
        return None if index == LETTER else (self.start(index), self.body(index))

    def header_range(self, index: int, rev2: bool):
        """BODY[HEADER] or BODY[n.HEADER]; None for a part that is no letter."""
        inner = self._letter_of(index, rev2)
        return None if inner is None else (self.start(inner), self.body(inner))

    def text_range(self, index: int, rev2: bool):
        """BODY[TEXT] or BODY[n.TEXT]; None for a part that is no letter."""
        inner = self._letter_of(index, rev2)
        return None if inner is None else (self.body(inner), self.end(inner))

    def _letter_of(self, index, rev2):
        if index == LETTER:
            return 0
        if index == NOTHING:
            return None
        kind = self.kind(index)
        return index + 1 if kind == MESSAGE or (kind == GLOBAL and rev2) else None
