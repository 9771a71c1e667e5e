"""Header fields of one entity, pushed in block by block (RFC 5322 2.2).

A header goes up to its first blank line, or to the end of the entity (RFC 5322 2.1); lines in it that are no fields are
skipped. Lines end in CRLF or bare LF.
"""

from postino.mime.blocks import blocks

# Octets kept of one field's value, and of all fields together: what is longer is read again when it is needed.
FIELD_LIMIT = 1024
HEADER_LIMIT = 4096
# Values are kept and read again in pieces of this size: room for a large one is hard to find.
PIECE = 512
# Octets of a value that get() returns, and octets read again of one field; the rest is left out.
VALUE_LIMIT = 4096
AGAIN_LIMIT = 32768
# A line whose colon comes later than this is no field.
NAME_LIMIT = 78

# RFC 5322 3.6 allows each field once. Of several, these are joined to one list, of these the last one counts, and of
# all others the first.
JOINED = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")
LAST_COUNTS = (b"date", b"subject", b"in-reply-to", b"message-id")

# Fields of one name that are joined; later ones are left out.
JOINED_LIMIT = 16

# What a value does not end in.
_ENDS = b" \t\r"

# What the beginning of a line shows it to be.
FIELD = 1
CONTINUATION = 2
BLANK = 3
JUNK = 4


def _kind(line: bytes, complete: bool) -> int:
    """What the line beginning like this is; 0 while more of it is needed."""
    if line[0] in b" \t":
        return CONTINUATION
    if line == b"\n" or line == b"\r\n":
        return BLANK
    colon = line.find(b":")
    if colon > 0:
        # A blank inside the name makes it plain text or the `From ` line of an mbox; before the colon it is allowed
        # (RFC 5322 4.5).
        name = line[:colon].rstrip(b" \t")
        return JUNK if not name or b" " in name or b"\t" in name else FIELD
    return JUNK if complete or colon == 0 or len(line) >= NAME_LIMIT else 0


class HeaderReader:
    """Splits a header into lines and tells the subclass how each begins, across any split of the input."""

    def __init__(self):
        # Octets of the header so far, in the end including the blank line.
        self.header_length = 0
        self.done = False
        # The beginning of a line not yet understood; None in the middle of a line.
        self._head = b""

    def _begin(self, kind, line):
        """A line begins with these octets."""

    def _more(self, data, start, end):
        """The same line goes on with data[start:end]."""

    def _push(self, buf):
        if self.done:
            return
        for data in blocks(buf):
            at = 0
            while at < len(data):
                head = self._head
                at = self._pass(data, at) if head is None else self._decide(data, at, head)
                if self.done:
                    return

    def _pass(self, data, at):
        """The rest of a line already understood; returns where it ends."""
        end = data.find(b"\n", at) + 1
        if end:
            self._head = b""
        else:
            end = len(data)
        self._more(data, at, end)
        self.header_length += end - at
        return end

    def _decide(self, data, at, head):
        """The beginning of a line, after `head` of it; returns the first octet not looked at."""
        end = min(at + NAME_LIMIT - len(head), len(data))
        newline = data.find(b"\n", at, end)
        if newline >= 0:
            end = newline + 1
        line = head + data[at:end]
        self.header_length += end - at
        kind = _kind(line, newline >= 0)
        if not kind:
            self._head = line
            return end
        self._head = b"" if newline >= 0 else None
        self._begin(kind, line)
        self.done = kind == BLANK
        return end

    def _end(self):
        """No more octets."""
        self.done = True


class FieldCollector(HeaderReader):
    """Keeps the values of the named fields (names in lower case).

    Where the header can be read again, octets(start, end) yields what is between these offsets of it, in small blocks.
    """

    # Names of which the last field counts, not the first.
    last_counts: tuple = LAST_COUNTS

    def __init__(self, names, limit=FIELD_LIMIT, octets=None):
        super().__init__()
        self._octets = octets
        self._names = names
        self._limit = limit
        self._room = HEADER_LIMIT
        # By name: the value in pieces, and where it is in the header: [start, end, start, end ...].
        self._values = {}
        self._places = {}
        # Names of the fields whose values are not kept whole.
        self._long = []
        # The field that is being read.
        self._name = None
        # A carriage return was read: a line feed may follow in the next block, and then it is no part of the value.
        self._held = False

    @property
    def clipped(self) -> bool:
        """Some value is not kept whole."""
        return bool(self._long)

    def feed(self, buf) -> bool:
        """True while the header goes on."""
        self._push(buf)
        return not self.done

    def finish(self):
        """No more octets will come; needed only where the input may end inside the header."""
        if not self.done:
            self._close(self.header_length)
            self._end()

    def get(self, name: bytes):
        """The unfolded value of the field of that name, at most VALUE_LIMIT octets, or None."""
        value = self.pieces(name)
        if value is None:
            return None
        text = b""
        for piece in value:
            text += piece
            if len(text) >= VALUE_LIMIT:
                return text[:VALUE_LIMIT]
        return text

    def pieces(self, name: bytes):
        """The same as an iterable of pieces, none of length 0: whole, but for what is beyond AGAIN_LIMIT."""
        if name in self._long and self._octets is not None:
            return self._again(self._octets, self._places[name])
        return self._values.get(name)

    def _begin(self, kind, line):
        if kind == CONTINUATION:
            self._more(line, 0, len(line))
            return
        self._close(self.header_length - len(line))
        if kind == FIELD:
            colon = line.find(b":")
            name = line[:colon].rstrip(b" \t").lower()
            if name in self._names:
                self._open(name, self.header_length - len(line) + colon + 1)
                self._more(line, colon + 1, len(line))

    def _open(self, name, offset):
        """The value of a field of this name begins at `offset`."""
        value = self._values.get(name)
        if value is not None and name not in self.last_counts:
            if name not in JOINED or len(self._places[name]) >= 2 * JOINED_LIMIT:
                return
            self._name = name
            self._keep(b", ")
        else:
            self._room += _size(value)
            self._name = name
            self._values[name] = []
            self._places[name] = []
            if name in self._long:
                self._long.remove(name)
        self._places[name].append(offset)
        self._held = False

    def _close(self, offset):
        """The value of the field that is being read, if any, ends before `offset`."""
        if self._name is None:
            return
        self._places[self._name].append(offset)
        value = self._values[self._name]
        # Blanks at the end are no part of it.
        while value and value[-1][-1] in _ENDS:
            last = value.pop().rstrip(_ENDS)
            if last:
                value.append(last)
        self._name = None

    def _more(self, data, start, end):
        if self._name is None:
            return
        # Unfolded at once (RFC 5322 2.2.3), so that a long value is never copied for it.
        line_end = data[end - 1] == 0x0A
        if line_end:
            end -= 1
        if self._held:
            self._held = False
            if end > start or not line_end:
                self._keep(b"\r")
        if end > start and data[end - 1] == 0x0D:
            end -= 1
            self._held = not line_end
        self._keep(data[start:end])

    def _keep(self, chunk):
        value = self._values[self._name]
        if not value:
            chunk = chunk.lstrip(b" \t")
        room = min(self._limit - _size(value), self._room)
        if len(chunk) > room:
            if self._name not in self._long:
                self._long.append(self._name)
            chunk = chunk[:room]
        self._room -= len(chunk)
        while chunk:
            if not value or len(value[-1]) == PIECE:
                value.append(b"")
            count = PIECE - len(value[-1])
            value[-1] += chunk[:count]
            chunk = chunk[count:]

    def _again(self, octets, places):
        """Yields the value that stands in these places, unfolded like _more() does."""
        begun = False
        left = AGAIN_LIMIT
        for at in range(0, len(places), 2):
            # Blanks and line ends that may be at the end.
            held = b", " if at else b""
            for block in octets(places[at], min(places[at + 1], places[at] + left)):
                left -= len(block)
                text = (held + block).replace(b"\r\n", b"").replace(b"\n", b"")
                if not begun:
                    text = text.lstrip(b" \t")
                held = b""
                if len(text) <= 2 * PIECE:
                    held = text[len(text.rstrip(_ENDS)) :]
                if len(text) > len(held):
                    begun = True
                    yield text[: len(text) - len(held)]


def _size(value):
    """Octets of a value that is kept in pieces; None has none."""
    return (len(value) - 1) * PIECE + len(value[-1]) if value else 0


class HeaderFilter(HeaderReader):
    """Lets through the exact octets of the named fields, or of all but those (RFC 3501 6.4.5, HEADER.FIELDS and .NOT).

    The blank line ends the output, if the header has one.
    """

    def __init__(self, names, invert=False):
        super().__init__()
        self._names = names
        self._invert = invert
        # What comes before the first field belongs to none.
        self._keep = invert
        self._out = []

    def feed(self, buf) -> list:
        """The pieces to send for this block; `done` is True after the blank line."""
        if self.done:
            return []
        self._push(buf)
        return self._take()

    def finish(self) -> list:
        """What is left to send when the letter ends inside its header."""
        if not self.done and self._head:
            self._begin(JUNK, self._head)
        self._end()
        return self._take()

    def _take(self):
        out, self._out = self._out, []
        return out

    def _begin(self, kind, line):
        if kind == FIELD:
            name = line[: line.find(b":")].rstrip(b" \t").lower()
            self._keep = (name in self._names) != self._invert
        elif kind == JUNK:
            self._keep = self._invert
        elif kind == BLANK:
            self._keep = True
        self._more(line, 0, len(line))

    def _more(self, data, start, end):
        if self._keep and end > start:
            self._out.append(data[start:end])
