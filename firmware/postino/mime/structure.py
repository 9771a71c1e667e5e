"""The MIME structure of a letter, found while it streams by (RFC 2045, 2046; section numbers of RFC 3501 6.4.5).

Bodies are never looked at octet by octet: only lines that begin with "--" are compared, and only while a multipart is
open. A multipart without boundary, and what is nested too deep, becomes a leaf of kind RAW, which clients are told is
plain text.
"""

from postino.mime import parameters
from postino.mime.blocks import blocks
from postino.mime.fields import VALUE_LIMIT, FieldCollector
from postino.mime.part_table import (
    BODY,
    END,
    GLOBAL,
    LEAF,
    LETTER,
    LINES,
    MESSAGE,
    MULTIPART,
    NUMBERS,
    RAW,
    START,
    PartTable,
)

# Multiparts and attached letters inside each other; one nested deeper is a leaf.
DEPTH_LIMIT = 8
# Entries of the table; the last one takes the rest of the letter.
PART_LIMIT = 100
# Octets of a boundary that are compared; RFC 2046 5.1.1 allows 70.
BOUNDARY_LIMIT = 80
# Octets of a line that tell whether it is a delimiter: two times two hyphens, the boundary, and a line end.
BOUNDARY_LINE_LIMIT = BOUNDARY_LIMIT + 6
# A header is handed to its collector in pieces of at most this size.
HEADER_PIECE = 1024


class StructureScanner:
    """Push parser: feed() the letter in any pieces, then finish() gives its PartTable.

    Where a Content-Type is longer than `limit`, `clipped` says that the structure may not be what the letter says.
    """

    def __init__(self, limit=VALUE_LIMIT):
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
        # We are in the rest of a delimiter line; behind it an entity begins in this one, if not None.
        self._in_delimiter = False
        self._next_in = None
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
        quiet = self._header is None and not self._carry and not self._in_delimiter
        if not quiet or (self._watching and self._may_matter(buffer, start, end)):
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
        self._begin_next(self._base)
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
            if self._in_delimiter:
                at = self._pass_delimiter(data, at)
                continue
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

    def _pass_delimiter(self, data, at):
        """The rest of a delimiter line; returns where it ends."""
        stop = data.find(b"\n", at) + 1
        if not stop:
            return len(data)
        self._end_of_line(data, stop)
        self._lines += 1
        self._begin_next(self._base + stop)
        return stop

    def _begin_next(self, offset):
        """The delimiter line, if we are in one, ends at `offset`."""
        if self._in_delimiter:
            self._in_delimiter = False
            if self._next_in is not None:
                self._add(offset, self._next_in)

    def _end_of_line(self, data, stop):
        """A line ends before data[stop]: notes how long its end is."""
        before = data[stop - 2] if stop > 1 else self._last
        self._fresh = True
        self._line_end = 2 if before == 0x0D else 1

    def _pass(self, data, at, stop):
        """Octets up to `stop` that hold no boundary, or less when a header ends before; returns where."""
        header = self._header
        ended = False
        if header is not None:
            stop = min(stop, at + HEADER_PIECE)
            ended = not header.feed(data[at:stop])
            if ended:
                start = self._table.start(self._open[-1][0])
                stop = start + header.header_length - self._base
        self._lines += data.count(b"\n", at, stop)
        if stop > at:
            self._fresh = False
            if data[stop - 1] == 0x0A:
                self._end_of_line(data, stop)
        if ended:
            self._begin_body(header)
        return stop

    def _try_boundary(self, data, at, final):
        """Octets of the delimiter that begins here; 0 if it is none, -1 if more octets are needed to know."""
        stop = data.find(b"\n", at, at + BOUNDARY_LINE_LIMIT)
        if stop < 0:
            if data[at : at + 2] != b"--"[: len(data) - at]:
                return 0
            stop = at + BOUNDARY_LINE_LIMIT
            if stop > len(data):
                if not final:
                    return -1
                stop = len(data)
        elif data[stop - 1] == 0x0D:
            stop -= 1
        line = data[at:stop]
        level = self._level_of(line)
        if level < 0:
            return 0
        index, delimiter, _ = self._open[level]
        self._end_header()
        # The line end before a delimiter belongs to it (RFC 2046 5.1.1).
        self._close(level + 1, self._base + at - self._line_end, self._base + at)
        self._in_delimiter = True
        self._next_in = index
        if line[len(delimiter) : len(delimiter) + 2] == b"--":
            # What follows is the epilogue: nobody waits for this delimiter any more.
            self._next_in = None
            self._open[level] = (index, None, False)
            self._watch()
        return len(delimiter)

    def _level_of(self, line):
        """Index in `_open` of the multipart that this line delimits, or -1.

        A line only has to begin with the boundary (RFC 2046 5.1.1). Where several do, the whole line counts, innermost
        first, then the longest.
        """
        best = -1
        longest = 0
        for level in range(len(self._open) - 1, -1, -1):
            delimiter = self._open[level][1]
            if not delimiter or line[: len(delimiter)] != delimiter:
                continue
            if line == delimiter or line == delimiter + b"--":
                return level
            if len(delimiter) > longest:
                best = level
                longest = len(delimiter)
        return best

    def _end_header(self):
        """The input of the open header, if any, is over without a blank line."""
        while self._header is not None:
            self._header.finish()
            self._begin_body(self._header)

    def _add(self, start, parent):
        """A new entity begins."""
        index = self._table.add(start, parent)
        self._open.append((index, None, False))
        self._header = FieldCollector((b"content-type", b"content-transfer-encoding"), self._limit)
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
        self._table.set(index, BODY, body)
        # Until the entity is closed, its lines slot holds the lines before its body.
        self._table.set(index, LINES, self._lines)
        kind, delimiter, digest = self._classify(header)
        self._table.set_kind(index, kind)
        self._open[-1] = (index, delimiter, digest)
        if kind == MESSAGE or kind == GLOBAL:
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
        if kind == b"message" and subtype in (b"rfc822", b"global"):
            encoding = parameters.parse(header.get(b"content-transfer-encoding") or b"")[0].lower()
            if subtype == b"rfc822":
                found = MESSAGE
            else:
                # It may be encoded (RFC 6532 3.7), and then nothing can be found in it.
                found = GLOBAL if encoding in (b"", b"7bit", b"8bit", b"binary") else LEAF
            return (found if self._level() < DEPTH_LIMIT else RAW), None, False
        if kind != b"multipart":
            return LEAF, None, False
        for name, boundary in given:
            if name.lower() == b"boundary":
                # A blank at its end would be one that a gateway may have taken from the lines (RFC 2046 5.1.1).
                boundary = boundary.rstrip(b" \t")
                if boundary and self._level() < DEPTH_LIMIT:
                    return MULTIPART, b"--" + boundary[:BOUNDARY_LIMIT], subtype == b"digest"
                break
        return RAW, None, False

    def _level(self):
        """Multiparts and attached letters around the innermost entity."""
        kind = self._table.kind
        return sum(1 for entry in self._open[:-1] if kind(entry[0]) in (MULTIPART, MESSAGE, GLOBAL))

    def _close(self, keep, end, place):
        """Closes all open entities but the outermost `keep`, at `place`.

        They end at `end`, which leaves out a last line end that is not theirs, even where it is that of a header.
        """
        table = self._table
        while len(self._open) > keep:
            index = self._open.pop()[0]
            parent = table.parent(index)
            if table.start(index) > end:
                if parent >= 0 and table.kind(parent) in (MESSAGE, GLOBAL):
                    # The letter inside begins where the body of the part around it does, which is cut, too.
                    table.set(index, START, end)
                else:
                    end = table.start(index)
            table.set(index, BODY, min(table.body(index), end))
            table.set(index, END, end)
            lines = self._lines - table.numbers[index * NUMBERS + LINES]
            if lines and end < place:
                lines -= 1
            table.set(index, LINES, lines)
        self._watch()
