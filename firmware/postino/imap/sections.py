"""The BODY[...] sections of FETCH: what a client asks for, and where it lies in the letter (RFC 3501 6.4.5).

Octets stream from flash to the socket in blocks. The length is announced first, so it is always known first; if
reading fails after that, the connection is closed: a letter is never padded.
"""

from ..mime.fields import HeaderFilter
from ..mime.quoting import string
from .errors import Bad
from .letter import NO_NUL
from .wire import is_atom

# Numbers in a section, and field names in HEADER.FIELDS.
MAX_PATH = 16
MAX_FIELDS = 64
# A filtered header up to this size is sent in one pass; a larger one is read twice.
MAX_HELD = 2048


class Section:
    """One item asked for: `label` as it is told, part numbers, kind, field names, and the piece if not the whole."""

    def __init__(self, label, path=(), kind=b"", fields=None, invert=False):
        self.label = label
        self.path = path
        # b"", HEADER, FIELDS, TEXT or MIME.
        self.kind = kind
        self.fields = fields
        self.invert = invert
        self.offset = 0
        self.length = None


def read_section(arguments):
    """Reads what follows BODY[ up to the end of the item (RFC 3501 9, section)."""
    if arguments.accept(b"]"):
        return _read_piece(arguments, Section(b"BODY[]"))
    word = arguments.attribute()
    path, kind = _split(word)
    if kind in (b"HEADER.FIELDS", b"HEADER.FIELDS.NOT"):
        arguments.space()
        section = _read_fields(arguments, path, word)
    # MIME belongs to a part (RFC 3501 6.4.5).
    elif kind in (b"", b"HEADER", b"TEXT") or (kind == b"MIME" and path):
        section = Section(b"BODY[%s]" % word, path, kind)
    else:
        raise Bad(b"Unknown section")
    arguments.expect(b"]")
    return _read_piece(arguments, section)


def _split(word):
    """Returns (part numbers, what follows them): 1.2.HEADER is ((1, 2), HEADER)."""
    words = word.split(b".")
    if not words[len(words) - 1]:
        raise Bad(b"Unknown section")
    path = []
    while words and words[0].isdigit():
        number = words.pop(0)
        # RFC 3501 9, nz-number: without zeros in front, for the number is told as it was written.
        if len(path) >= MAX_PATH or len(number) > 5 or number.startswith(b"0"):
            raise Bad(b"Bad part number")
        path.append(int(number))
    return tuple(path), b".".join(words)


def _read_fields(arguments, path, word):
    arguments.open_list()
    fields = []
    while not arguments.close_list():
        if fields:
            arguments.space()
        fields.append(arguments.astring())
        if len(fields) > MAX_FIELDS:
            raise Bad(b"Too many field names")
    if not fields:
        raise Bad(b"No field names")
    shown = b" ".join([name if is_atom(name) else string(name) for name in fields])
    label = b"BODY[%s (%s)]" % (word, shown)
    names = tuple([name.lower() for name in fields])
    return Section(label, path, b"FIELDS", names, word.endswith(b".NOT"))


def _read_piece(arguments, section):
    """Reads <offset.length>; the reply repeats the offset alone (RFC 3501 7.4.2)."""
    if arguments.accept(b"<"):
        numbers = arguments.piece()
        section.offset, section.length = numbers
        section.label += b"<%d>" % section.offset
    return section


async def _range(letter, section):
    """Returns (start, end) of what a section is cut from, or None if there is no such part."""
    kind = section.kind
    if not section.path:
        if kind in (b"", b"FIELDS"):
            return 0, letter.size
        length = await _header_length(letter)
        return (0, length) if kind == b"HEADER" else (length, letter.size)
    table = await letter.parts()
    part = table.find(section.path, letter.rev2)
    if part is None:
        return None
    if kind == b"":
        return table.body_range(part)
    if kind == b"MIME":
        return table.mime_range(part)
    return table.text_range(part, letter.rev2) if kind == b"TEXT" else table.header_range(part, letter.rev2)


async def _header_length(letter):
    table = letter.known_parts()
    return table.body(0) if table is not None else (await letter.collect(0, letter.size, ())).header_length


async def send_section(letter, conn, section):
    """Sends the value of a section: a literal, an empty string, or NIL for a part that does not exist."""
    bounds = await _range(letter, section)
    if bounds is None:
        await conn.write(b"NIL")
    elif section.kind == b"FIELDS":
        await _send_fields(letter, conn, section, bounds[0], bounds[1])
    else:
        first, last = _cut(section, bounds[1] - bounds[0])
        if await _announce(conn, last - first):
            await letter.send(conn, bounds[0] + first, bounds[0] + last)


async def _send_fields(letter, conn, section, start, end):
    held = _Held(section)
    await letter.feed(start, end, held.feed)
    held.finish()
    first, last = _cut(section, held.total)
    if not await _announce(conn, last - first):
        return
    if held.pieces is not None:
        await conn.write(memoryview(_without_nul(b"".join(held.pieces)))[first:last])
        return
    # Too long to hold: the same again, and this time it is sent.
    window = _Window(conn, first, last)
    again = HeaderFilter(section.fields, section.invert)
    offset = start
    while offset < end and not again.done:
        pieces = []
        stop = min(offset + MAX_HELD, end)
        await letter.feed(offset, stop, lambda view, into=pieces: into.extend(again.feed(view)))
        await window.write(pieces)
        offset = stop
    await window.write(again.finish())


class _Held:
    """Counts what a header filter lets through, and holds it as long as it is short."""

    def __init__(self, section):
        self._filter = HeaderFilter(section.fields, section.invert)
        self.pieces = []
        self.total = 0

    def _take(self, pieces):
        for piece in pieces:
            self.total += len(piece)
            if self.total > MAX_HELD:
                self.pieces = None
            if self.pieces is not None:
                self.pieces.append(piece)

    def feed(self, view):
        self._take(self._filter.feed(view))
        return not self._filter.done

    def finish(self):
        self._take(self._filter.finish())


class _Window:
    """Sends only the octets from `first` to `last` of what passes."""

    def __init__(self, conn, first, last):
        self._conn = conn
        self._first = first
        self._last = last
        self._at = 0

    async def write(self, pieces):
        for piece in pieces:
            start = max(self._first - self._at, 0)
            end = min(self._last - self._at, len(piece))
            self._at += len(piece)
            if start < end:
                await self._conn.write(_without_nul(piece[start:end]))


def _without_nul(octets):
    """As Letter.send() does it."""
    return octets.replace(b"\0", bytes((NO_NUL,)))


def _cut(section, size):
    """Returns first and last octet offset of the piece that is asked for; empty beyond the end."""
    first = min(section.offset, size)
    return first, (size if section.length is None else min(first + section.length, size))


async def _announce(conn, length):
    """Sends the announcement of a literal; an empty one is a string, which is all there is to send."""
    await conn.write(b"{%d}\r\n" % length if length else b'""')
    return length
