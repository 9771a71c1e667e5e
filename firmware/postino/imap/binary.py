"""BINARY in FETCH: parts without their Content-Transfer-Encoding (RFC 3516, RFC 9051 6.4.5).

Only leaves have an encoding of their own. Multiparts, attached letters and the whole message are sent as they are. A
part is read twice: for its length and whether it holds NUL, both of which are announced, and to be sent. The lines of
texts end in CRLF, whatever ended them before they were encoded (RFC 3516 6).
"""

from ..mime import parameters, transfer
from ..mime.part_table import LEAF
from ..net.errors import ConnectionClosed
from .errors import No

# Octets of a part that are decoded before they are sent.
PIECE = 1024

_ENCODING = b"content-transfer-encoding"
_TYPE = b"content-type"


class Measured:
    """What is to be sent of a part: its place in the letter, its encoding, and which octets of the decoded ones."""

    def __init__(self, section, start, end, encoding, text):
        self.start = start
        self.end = end
        self._encoding = encoding
        self._text = text
        # Decoded octets in all; the first and the end of those that are sent; one of these is NUL.
        self.size = 0
        self.first = section.offset
        self.last = section.offset + section.length if section.length is not None else 1 << 32
        self.nul = False

    def decoder(self):
        """Returns what decodes it from its beginning, or None if nobody here knows its encoding."""
        decoder = transfer.decoder_for(self._encoding)
        return _Lines(decoder) if self._text and decoder is not None else decoder

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
    decoder = part.decoder()
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
    return b"%d" % part.size


async def _find(letter, section):
    table = await letter.parts()
    index = table.find(section.path, letter.rev2)
    if index is None:
        return None
    encoding = None
    text = False
    if index >= 0 and table.kind(index) == LEAF:
        header = await letter.collect(table.start(index), table.body(index), (_ENCODING, _TYPE))
        encoding = header.get(_ENCODING)
        text = parameters.content_type(header.get(_TYPE))[0].lower() == b"text"
    start, end = table.body_range(index)
    return Measured(section, start, end, encoding, text)


class _Lines:
    """A decoder behind which every line ends in CRLF."""

    def __init__(self, decoder):
        self._decoder = decoder
        self._after_cr = False

    @property
    def damaged(self):
        return self._decoder.damaged

    def feed(self, view):
        return self._mend(self._decoder.feed(view))

    def finish(self):
        return self._mend(self._decoder.finish())

    def _mend(self, octets):
        if not octets:
            return octets
        start = b""
        if self._after_cr and octets.startswith(b"\n"):
            # The second half of a line end.
            start = b"\n"
            octets = octets[1:]
        self._after_cr = octets.endswith(b"\r")
        if octets.count(b"\n") != octets.count(b"\r\n"):
            octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return start + octets if start else octets


async def send(conn, letter, part):
    """Sends what was measured: a literal, or one that may hold NUL (RFC 3516 7, literal8)."""
    length = part.last - part.first
    if not length:
        await conn.write(b'""')
        return
    await conn.write((b"~{%d}\r\n" if part.nul else b"{%d}\r\n") % length)
    decoder = part.decoder()
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
