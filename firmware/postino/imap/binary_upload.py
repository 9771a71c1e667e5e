"""A message with NUL that a client appends: the parts that have it are stored in base64 (RFC 3516 4.4 and 6).

FETCH BODY has to return what BODYSTRUCTURE describes, and no NUL (RFC 3501 4.3.1). FETCH BINARY gives the octets that
were sent. Everything else stays as it was sent: so does NUL where MIME allows none, in headers and in encoded parts,
which letter.py keeps from clients.
"""

import binascii

from ..mime import transfer
from ..mime.fields import HeaderFilter
from ..mime.incoming import Incoming
from ..mime.part_table import LEAF, MESSAGE
from .letter import Letter

# Octets in a line of base64: 76 characters (RFC 2045 6.8).
LINE = 57

_ENCODING = b"content-transfer-encoding"
_VERSION = b"mime-version"


class _Stored:
    """Stands in for the mailbox that the message is not in yet."""

    def __init__(self, writer):
        self._writer = writer

    def letter(self, row):
        return self._writer.slot

    def size(self, row):
        return self._writer.size


async def encoded(session, writer, mailbox, date):
    """Returns the LetterWriter of the message as it is stored; aborting both is up to the caller. Raises StoreError."""
    store = session.server.store
    # Its file is closed, and can be read.
    store.finish_letter(writer, mailbox, date)
    letter = Letter(session.server, _Stored(writer), 0)
    out = None
    try:
        table = await letter.parts()
        found = await _with_nul(letter, table)
        out = _Output(session, store.new_letter())
        at = 0
        for index in found:
            await letter.feed(at, table.start(index), out.put)
            await _put_header(letter, table, index, out)
            lines = _Base64()
            await letter.feed(table.body(index), table.end(index), lambda view, lines=lines: out.put(lines.feed(view)))
            out.put(lines.finish())
            at = table.end(index)
        await letter.feed(at, letter.size, out.put)
        result = out.finish()
        out = None
        return result
    finally:
        letter.close()
        if out is not None:
            out.writer.abort()


async def _with_nul(letter, table):
    """Returns the indices of the parts that have NUL in their bodies, and are not encoded."""
    found = []
    for index in range(table.count):
        if table.kind(index) == LEAF and await _has_nul(letter, table.body(index), table.end(index)):
            header = await letter.collect(table.start(index), table.body(index), (_ENCODING,))
            if isinstance(transfer.decoder_for(header.get(_ENCODING)), transfer.Identity):
                found.append(index)
    return found


async def _has_nul(letter, start, end):
    seen = []

    def sink(view):
        if b"\0" in bytes(view):
            seen.append(True)
        return not seen

    await letter.feed(start, end, sink)
    return bool(seen)


async def _put_header(letter, table, index, out):
    """The header with another encoding, behind all its fields: what the first line is does not matter then."""
    start = table.start(index)
    body = table.body(index)
    tail = bytearray()
    await letter.feed(max(start, body - 2), body, tail.extend)
    others = HeaderFilter((_ENCODING,), True)
    # Without the blank line.
    end = body - 2 if tail.endswith(b"\r\n") else body - 1
    await letter.feed(start, end, lambda view: out.put(b"".join(others.feed(view))))
    out.put(b"".join(others.finish()))
    out.put(b"Content-Transfer-Encoding: base64\r\n")
    parent = table.parent(index)
    if parent < 0 or table.kind(parent) == MESSAGE:
        header = await letter.collect(start, body, (_VERSION,))
        if header.get(_VERSION) is None:
            # Without it, nobody need heed the other (RFC 2045 4).
            out.put(b"MIME-Version: 1.0\r\n")
    out.put(b"\r\n")


class _Base64:
    def __init__(self):
        self._held = b""

    def feed(self, view):
        octets = self._held + bytes(view)
        whole = len(octets) // LINE * LINE
        self._held = octets[whole:]
        return b"".join([_line(octets[at : at + LINE]) for at in range(0, whole, LINE)])

    def finish(self):
        return _line(self._held) if self._held else b""


def _line(octets):
    return binascii.b2a_base64(octets).rstrip() + b"\r\n"


class _Output:
    """The new message, on its way to flash."""

    def __init__(self, session, writer):
        self._session = session
        self.writer = writer
        self._structure = Incoming()

    def put(self, octets):
        octets = bytes(octets)
        if octets:
            self._session.renew_deadline()
            self.writer.write(octets)
            self._structure.feed(octets, 0, len(octets))

    def finish(self):
        """Returns the writer."""
        self._structure.describe(self.writer)
        return self.writer
