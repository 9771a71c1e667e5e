"""BINARY in FETCH: parts without their Content-Transfer-Encoding (RFC 3516, RFC 9051 6.4.5).

Only leaves have an encoding of their own. Multiparts, attached letters, headers and the whole message are sent as they
are. A part is read twice: for its length and whether it holds NUL, both of which are announced, and to be sent.
"""

from ..mime import transfer
from ..mime.fields import HeaderFilter
from ..mime.part_table import LEAF, LETTER
from ..net.errors import ConnectionClosed
from .errors import No
from .sections import send_section

# Octets of a part that are decoded before they are sent.
PIECE = 1024

_ENCODING = b"content-transfer-encoding"


class Measured:
    """What is to be sent of a part: its place in the letter, its encoding, and which octets of the decoded ones."""

    def __init__(self, section, start, end, encoding):
        self.section = section
        self.start = start
        self.end = end
        self.encoding = encoding
        # Decoded octets in all; the first and the end of those that are sent; one of these is NUL.
        self.size = 0
        self.first = section.offset
        self.last = section.offset + section.length if section.length is not None else 1 << 32
        self.nul = False

    def count(self, octets):
        start = max(self.first - self.size, 0)
        end = min(self.last - self.size, len(octets))
        if start < end and octets.find(b"\0", start, end) >= 0:
            self.nul = True
        self.size += len(octets)


async def measure(letter, section):
    """Reads a part for what is announced before it is sent. Returns Measured, or NIL for one that does not exist.

    Raises No: UNKNOWN-CTE for an encoding that is not known, PARSE for a part that is not what its encoding says.
    """
    part = await _find(letter, section)
    if part is None:
        return b"NIL"
    if section.kind == b"FIELDS":
        return part
    decoder = transfer.decoder_for(part.encoding)
    if decoder is None:
        raise No(b"The encoding of the part is not known", b"UNKNOWN-CTE")
    await letter.feed(part.start, part.end, lambda view: part.count(decoder.feed(view)))
    part.count(decoder.finish())
    if decoder.damaged:
        # No guess is given out as the octets that were sent (RFC 3516 4.3).
        raise No(b"The part is damaged", b"PARSE")
    part.first = min(part.first, part.size)
    part.last = min(part.last, part.size)
    return part


async def size_of(letter, section):
    """Returns BINARY.SIZE as it is told; 0 for a part that does not exist: it is a number always (RFC 3516 4.2)."""
    part = await measure(letter, section)
    if isinstance(part, bytes):
        return b"0"
    if section.kind == b"FIELDS":
        wanted = HeaderFilter(section.fields, section.invert)
        await letter.feed(part.start, part.end, lambda view: part.count(b"".join(wanted.feed(view))))
        part.count(b"".join(wanted.finish()))
    return b"%d" % part.size


async def _find(letter, section):
    table = await letter.parts()
    index = table.find(section.path)
    if index is None:
        return None
    encoding = None
    if section.kind == b"":
        bounds = table.body_range(index)
        if index != LETTER and table.kind(index) == LEAF:
            header = await letter.collect(table.start(index), table.body(index), (_ENCODING,))
            encoding = header.get(_ENCODING)
    elif section.kind == b"MIME":
        bounds = table.mime_range(index)
    elif section.kind == b"TEXT":
        bounds = table.text_range(index)
    else:
        bounds = table.header_range(index)
    return None if bounds is None else Measured(section, bounds[0], bounds[1], encoding)


async def send(conn, letter, part):
    """Sends what was measured: a literal, or one that may hold NUL (RFC 3516 7, literal8)."""
    if part.section.kind == b"FIELDS":
        await send_section(letter, conn, part.section)
        return
    length = part.last - part.first
    if not length:
        await conn.write(b'""')
        return
    await conn.write((b"~{%d}\r\n" if part.nul else b"{%d}\r\n") % length)
    decoder = transfer.decoder_for(part.encoding)
    start = part.start
    at = 0
    while at < part.last and start < part.end:
        stop = min(start + PIECE, part.end)
        pieces = []
        await letter.feed(start, stop, lambda view, into=pieces: into.append(decoder.feed(view)))
        if stop == part.end:
            pieces.append(decoder.finish())
        for piece in pieces:
            first = max(part.first - at, 0)
            last = min(part.last - at, len(piece))
            if first < last:
                await conn.write(piece[first:last])
            at += len(piece)
        start = stop
    if at < part.last:
        # Announced, and not there any more.
        raise ConnectionClosed
