"""The MIME structure of a letter, found while it streams by (RFC 2045, 2046; section numbers of RFC 3501 6.4.5).

Bodies are never looked at octet by octet: only lines that begin with "--" are compared, and only while a multipart is
open. What is broken or nested too deep becomes a leaf of kind RAW, which clients are told is plain text.
"""

from array import array

from postino.mime import parameters
from postino.mime.blocks import blocks
from postino.mime.fields import FIELD_LIMIT, FieldCollector

# Multiparts and attached letters inside each other; one nested deeper is a leaf.
DEPTH_LIMIT = 8
# Entries of the table; the last one takes the rest of the letter.
PART_LIMIT = 100
# RFC 2046 5.1.1; a multipart with a longer boundary is a leaf.
BOUNDARY_LIMIT = 70
# A line longer than this, line end included, is no boundary: two times two hyphens, the boundary and some padding.
BOUNDARY_LINE_LIMIT = 160
# A header is handed to its collector in pieces of at most this size.
HEADER_PIECE = 1024

LEAF = 0
MULTIPART = 1
MESSAGE = 2
RAW = 3

# The part index that stands for the letter itself, which the empty section means.
LETTER = -1

_START = 0
_BODY = 1
_END = 2
_LINES = 3
# Kind in the low octet, the parent's index + 1 above.
_LINK = 4
_NUMBERS = 5


class PartTable:
    """Entities in the order of the letter, five numbers each.

    Entry 0 is the letter. An attached letter takes two entries: the part of kind MESSAGE, and right after it its only
    child, the letter inside, which begins where the part's body begins.
    """

    def __init__(self, numbers=None):
        self.numbers = array("I") if numbers is None else numbers

    @property
    def count(self) -> int:
        return len(self.numbers) // _NUMBERS

    def add(self, start: int, parent: int) -> int:
        """Appends an entity; the scanner alone does this. Returns its index."""
        for number in (start, start, start, 0, (parent + 1) << 8):
            self.numbers.append(number)
        return self.count - 1

    def set(self, index: int, slot: int, number: int):
        self.numbers[index * _NUMBERS + slot] = number

    def set_kind(self, index: int, kind: int):
        self.set(index, _LINK, (self.parent(index) + 1) << 8 | kind)

    def start(self, index: int) -> int:
        """Where the entity's header begins."""
        return self.numbers[index * _NUMBERS + _START]

    def body(self, index: int) -> int:
        """Where its body begins."""
        return self.numbers[index * _NUMBERS + _BODY]

    def end(self, index: int) -> int:
        return self.numbers[index * _NUMBERS + _END]

    def octets(self, index: int) -> int:
        """Octets of the body."""
        return self.end(index) - self.body(index)

    def lines(self, index: int) -> int:
        """Line ends in the body."""
        return self.numbers[index * _NUMBERS + _LINES]

    def kind(self, index: int) -> int:
        return self.numbers[index * _NUMBERS + _LINK] & 0xFF

    def parent(self, index: int) -> int:
        """Index of the entity around this one, -1 for the letter."""
        return (self.numbers[index * _NUMBERS + _LINK] >> 8) - 1

    def child(self, index: int, number: int):
        """The number-th (from 1) entity inside this one, or None."""
        for at in range(index + 1, self.count):
            if self.parent(at) == index:
                number -= 1
                if not number:
                    return at
        return None

    def find(self, section):
        """The part that a section like (1, 2) names: its index, LETTER for (), or None (RFC 3501 6.4.5)."""
        part = LETTER
        holder = 0
        for number in section:
            if holder is None:
                return None
            if self.kind(holder) == MULTIPART:
                part = self.child(holder, number)
            else:
                # A letter that is no multipart has its text as part 1.
                part = holder if number == 1 else None
            if part is None:
                return None
            kind = self.kind(part)
            holder = part if kind == MULTIPART else part + 1 if kind == MESSAGE else None
        return part

    def body_range(self, index: int):
        """BODY[n], and BODY[] for LETTER."""
        return (0, self.end(0)) if index == LETTER else (self.body(index), self.end(index))

    def mime_range(self, index: int):
        """BODY[n.MIME]; None for LETTER."""
        return None if index == LETTER else (self.start(index), self.body(index))

    def header_range(self, index: int):
        """BODY[HEADER] or BODY[n.HEADER]; None for a part that is no letter."""
        inner = self._letter_of(index)
        return None if inner is None else (self.start(inner), self.body(inner))

    def text_range(self, index: int):
        """BODY[TEXT] or BODY[n.TEXT]; None for a part that is no letter."""
        inner = self._letter_of(index)
        return None if inner is None else (self.body(inner), self.end(inner))

    def _letter_of(self, index):
        if index == LETTER:
            return 0
        return index + 1 if self.kind(index) == MESSAGE else None


class StructureScanner:
    """Push parser: feed() the letter in any pieces, then finish() gives its PartTable.

    Where a Content-Type is longer than `limit`, `clipped` says that the structure may not be what the letter says.
    """

    def __init__(self, limit=FIELD_LIMIT):
        self._table = PartTable()
        self._limit = limit
        self.clipped = False
        # Offset of the first octet not yet dealt with; those at hand are in _carry.
        self._base = 0
        self._carry = b""
        # The octet before it, line ends so far, and whether a line begins there after a line end of so many octets.
        self._last = 0
        self._lines = 0
        self._fresh = True
        self._line_end = 0
        # The entities around this place, from the letter inwards: (index, delimiter or None, digest).
        self._open = []
        # Collects the header we are in; None in a body.
        self._header = None
        # Some delimiter is awaited.
        self._watching = False
        self._add(0, LETTER)

    @property
    def count(self) -> int:
        """Entities so far."""
        return self._table.count

    @property
    def header_length(self) -> int:
        """Length of the letter's header; 0 until it is over."""
        return self._table.body(0)

    def feed(self, buf):
        for block in blocks(buf):
            data = self._carry + block if self._carry else block
            self._advance(data, self._run(data, False))

    def feed_run(self, buffer, start, end, lines=-1):
        """Takes buffer[start:end] (bytes or bytearray); copies nothing where no line can matter.

        `lines` is how many line ends are in it, if that is known.
        """
        if end == start:
            return
        if self._header is not None or self._carry or (self._watching and self._may_matter(buffer, start, end)):
            self.feed(memoryview(buffer)[start:end])
            return
        self._lines += buffer.count(b"\n", start, end) if lines < 0 else lines
        before = buffer[end - 2] if end - start > 1 else self._last
        self._last = buffer[end - 1]
        self._fresh = self._last == 0x0A
        if self._fresh:
            self._line_end = 2 if before == 0x0D else 1
        self._base += end - start

    def _may_matter(self, buffer, start, end):
        """A boundary may begin there, or in what comes next."""
        if self._fresh and buffer[start] == 0x2D:
            return True
        return buffer.find(b"\n--", start, end) >= 0 or (
            buffer[end - 1] == 0x2D and end - start > 1 and buffer[end - 2] == 0x0A
        )

    def finish(self) -> PartTable:
        self._advance(self._carry, self._run(self._carry, True))
        self._end_header()
        self._close(0, self._base, self._base)
        return self._table

    def _advance(self, data, used):
        if used:
            self._last = data[used - 1]
            self._base += used
        self._carry = data[used:]

    def _run(self, data, final):
        """Deals with as many octets as can be understood without the next block; returns how many."""
        at = 0
        size = len(data)
        while at < size:
            if self._watching and self._fresh and data[at] == 0x2D:
                used = self._try_boundary(data, at, final)
                if used < 0:
                    return at
                if used:
                    at += used
                    continue
            stop = size
            if self._watching:
                stop = data.find(b"\n--", at) + 1
                if not stop:
                    # A single hyphen at the end may become a boundary with the next block.
                    stop = size - 1 if not final and size - at > 1 and data[-2:] == b"\n-" else size
            at = self._pass(data, at, stop)
        return at

    def _pass(self, data, at, stop):
        """Octets up to `stop` that hold no boundary, or less when a header ends before; returns where."""
        header = self._header
        ended = False
        if header is not None:
            stop = min(stop, at + HEADER_PIECE)
            ended = not header.feed(data[at:stop])
            if ended:
                # When there was no header, the body begins before this place, but on the same line.
                start = self._table.start(self._open[-1][0])
                stop = max(at, start + header.header_length - self._base)
        self._lines += data.count(b"\n", at, stop)
        if stop > at:
            self._fresh = data[stop - 1] == 0x0A
            if self._fresh:
                before = data[stop - 2] if stop > 1 else self._last
                self._line_end = 2 if before == 0x0D else 1
        if ended:
            self._begin_body(header)
        return stop

    def _try_boundary(self, data, at, final):
        """Octets of the delimiter line that begins here; 0 if it is none, -1 if more octets are needed to know."""
        stop = data.find(b"\n", at, at + BOUNDARY_LINE_LIMIT) + 1
        if not stop:
            if data[at : at + 2] != b"--"[: len(data) - at] or len(data) - at >= BOUNDARY_LINE_LIMIT:
                return 0
            if not final:
                return -1
            stop = len(data)
        line = data[at:stop].rstrip(b" \t\r\n")
        for level in range(len(self._open) - 1, -1, -1):
            delimiter = self._open[level][1]
            # The whole line counts, since one boundary may be the beginning of another.
            if delimiter and line == delimiter:
                self._delimiter(level, self._base + at, data, stop)
                self._add(self._base + stop, self._open[level][0])
                return stop - at
            if delimiter and line == delimiter + b"--":
                self._delimiter(level, self._base + at, data, stop)
                # What follows is the epilogue: nobody waits for this delimiter any more.
                self._open[level] = (self._open[level][0], None, False)
                self._watch()
                return stop - at
        return 0

    def _delimiter(self, level, offset, data, stop):
        """A delimiter line of the multipart at `level` begins at `offset` and ends before data[stop]."""
        self._end_header()
        # The line end before a delimiter belongs to it (RFC 2046 5.1.1).
        self._close(level + 1, offset - self._line_end, offset)
        self._fresh = data[stop - 1] == 0x0A
        if self._fresh:
            self._lines += 1
            self._line_end = 2 if data[stop - 2] == 0x0D else 1

    def _end_header(self):
        """The input of the open header, if any, is over without a blank line."""
        while self._header is not None:
            self._header.finish()
            self._begin_body(self._header)

    def _add(self, start, parent):
        """A new entity begins."""
        index = self._table.add(start, parent)
        self._open.append((index, None, False))
        self._header = FieldCollector((b"content-type",), self._limit)
        self._watch()

    def _full(self):
        return self._table.count >= PART_LIMIT

    def _watch(self):
        self._watching = not self._full() and any(entry[1] for entry in self._open)

    def _begin_body(self, header):
        """The header of the innermost entity is over: decides what its body is."""
        self._header = None
        index = self._open[-1][0]
        body = self._table.start(index) + header.header_length
        self._table.set(index, _BODY, body)
        # Until the entity is closed, its lines slot holds the lines before its body.
        self._table.set(index, _LINES, self._lines)
        kind, delimiter, digest = self._classify(header)
        self._table.set_kind(index, kind)
        self._open[-1] = (index, delimiter, digest)
        if kind == MESSAGE:
            self._add(body, index)
        self._watch()

    def _classify(self, header):
        """(kind, delimiter, digest) of the innermost entity, from its header."""
        if self._full():
            return RAW, None, False
        value = header.get(b"content-type")
        if header.clipped:
            self.clipped = True
        kind, subtype, given = parameters.content_type(value)
        kind = kind.lower()
        subtype = subtype.lower()
        if value is None and header.header_length and len(self._open) > 1 and self._open[-2][2]:
            # In a digest, parts without a type are letters (RFC 2046 5.1.5).
            kind, subtype = b"message", b"rfc822"
        if kind == b"message" and subtype == b"rfc822":
            return (MESSAGE if self._level() < DEPTH_LIMIT else RAW), None, False
        if kind != b"multipart":
            return LEAF, None, False
        for name, boundary in given:
            if name.lower() == b"boundary":
                boundary = boundary.rstrip(b" \t")
                if 0 < len(boundary) <= BOUNDARY_LIMIT and self._level() < DEPTH_LIMIT:
                    return MULTIPART, b"--" + boundary, subtype == b"digest"
                break
        return RAW, None, False

    def _level(self):
        """Multiparts and attached letters around the innermost entity."""
        kind = self._table.kind
        return sum(1 for entry in self._open[:-1] if kind(entry[0]) in (MULTIPART, MESSAGE))

    def _close(self, keep, end, place):
        """Closes all open entities but the outermost `keep`, at `place`.

        They end at `end`, which leaves out a last line end that is not theirs, or where their bodies begin if that is
        later.
        """
        table = self._table
        while len(self._open) > keep:
            index = self._open.pop()[0]
            body = table.body(index)
            end = max(end, body)
            table.set(index, _END, end)
            lines = self._lines - table.numbers[index * _NUMBERS + _LINES]
            if lines and end < place:
                lines -= 1
            table.set(index, _LINES, lines)
            if table.kind(index) == MULTIPART and table.child(index, 1) is None:
                table.set_kind(index, RAW)
        self._watch()
