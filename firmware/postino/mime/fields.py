"""Header fields of one entity, pushed in block by block (RFC 5322 2.2).

A header ends with its blank line. Lines in it that are no fields are skipped, but when the very first line is none,
there is no header at all and every octet belongs to the body. Lines end in CRLF or bare LF.
"""

from postino.mime.blocks import blocks

# Octets kept of one field's value; the rest of the field is skipped.
FIELD_LIMIT = 8192
# Octets kept of all the fields together, since ten long fields would fill a small heap.
HEADER_LIMIT = 12288
# A line whose colon comes later than this is no field.
NAME_LIMIT = 78

# What the beginning of a line shows it to be.
_FIELD = 1
_CONTINUATION = 2
_BLANK = 3
_JUNK = 4


def _kind(line: bytes, complete: bool) -> int:
    """What the line beginning like this is; 0 while more of it is needed."""
    if line[0] in b" \t":
        return _CONTINUATION
    if line == b"\n" or line == b"\r\n":
        return _BLANK
    colon = line.find(b":")
    if colon > 0:
        # A blank inside the name makes it plain text or the `From ` line of an mbox; before the colon it is allowed
        # (RFC 5322 4.5).
        name = line[:colon].rstrip(b" \t")
        return _JUNK if not name or b" " in name or b"\t" in name else _FIELD
    return _JUNK if complete or colon == 0 or len(line) >= NAME_LIMIT else 0


class _HeaderReader:
    """Splits a header into lines and tells the subclass how each begins, across any split of the input."""

    def __init__(self):
        # Octets of the header so far, in the end including the blank line; 0 when there turned out to be none.
        self.header_length = 0
        self.done = False
        # The beginning of a line not yet understood; None in the middle of a line.
        self._head = b""
        self._first = True

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
        if self._first and self._is_body(kind, line):
            self._no_header()
            return end
        self._first = False
        self._begin(kind, line)
        self.done = kind == _BLANK
        return end

    def _is_body(self, kind, line):
        """The first line shows that there is no header (an mbox `From ` line is let pass)."""
        return kind == _CONTINUATION or (kind == _JUNK and line[:5] != b"From " and line[:6] != b">From ")

    def _no_header(self):
        self.header_length = 0
        self.done = True

    def _end(self):
        """No more octets: a first line never understood was no header."""
        if not self.done and self._first:
            self._no_header()
        self.done = True


class FieldCollector(_HeaderReader):
    """Keeps the values of the named fields (names in lower case), the first occurrence of each."""

    def __init__(self, names, limit=FIELD_LIMIT):
        super().__init__()
        self._names = names
        self._limit = limit
        # Some value is not kept whole.
        self.clipped = False
        self._room = HEADER_LIMIT
        self._values = {}
        self._value = None

    def feed(self, buf) -> bool:
        """True while the header goes on."""
        self._push(buf)
        return not self.done

    def finish(self):
        """No more octets will come; needed only where the input may end inside the header."""
        self._end()

    def get(self, name: bytes):
        """The unfolded value of the first field of that name, or None."""
        value = self._values.get(name)
        return None if value is None else bytes(value).rstrip(b" \t")

    def _begin(self, kind, line):
        if kind == _CONTINUATION:
            self._more(line, 0, len(line))
            return
        self._value = None
        if kind == _FIELD:
            colon = line.find(b":")
            name = line[:colon].rstrip(b" \t").lower()
            if name in self._names and name not in self._values:
                self._value = self._values[name] = bytearray()
                self._more(line, colon + 1, len(line))

    def _more(self, data, start, end):
        value = self._value
        if value is None:
            return
        if len(value) >= self._limit or not self._room:
            self.clipped = True
            return
        # Unfolded at once (RFC 5322 2.2.3), so that a long value is never copied for it.
        chunk = data[start:end].replace(b"\r", b"").replace(b"\n", b"")
        if not value:
            chunk = chunk.lstrip(b" \t")
        room = min(self._limit - len(value), self._room)
        if len(chunk) > room:
            self.clipped = True
            chunk = chunk[:room]
        value.extend(chunk)
        self._room -= len(chunk)


class HeaderFilter(_HeaderReader):
    """Lets through the exact octets of the named fields, or of all but those (RFC 3501 6.4.5, HEADER.FIELDS and .NOT).

    The blank line always ends the output.
    """

    def __init__(self, names, invert=False):
        super().__init__()
        self._names = names
        self._invert = invert
        self._keep = False
        self._ended = True
        self._out = []

    def feed(self, buf) -> list:
        """The pieces to send for this block; `done` is True after the blank line."""
        if self.done:
            return []
        self._push(buf)
        if self.done and not self.header_length:
            # The first line was no field: an empty header.
            self._out = [b"\r\n"]
        return self._take()

    def finish(self) -> list:
        """What is left to send when the letter ends inside its header: the blank line is made up."""
        if self.done:
            return []
        if self._head and not self._first:
            self._begin(_JUNK, self._head)
        self._end()
        out = self._take()
        out.append(b"\r\n" if self._ended else b"\r\n\r\n")
        return out

    def _take(self):
        out, self._out = self._out, []
        if out:
            self._ended = out[-1][-1] == 10
        return out

    def _begin(self, kind, line):
        if kind == _FIELD:
            name = line[: line.find(b":")].rstrip(b" \t").lower()
            self._keep = (name in self._names) != self._invert
        elif kind == _JUNK:
            self._keep = self._invert
        elif kind == _BLANK:
            self._keep = True
        self._more(line, 0, len(line))

    def _more(self, data, start, end):
        if self._keep and end > start:
            self._out.append(data[start:end])
