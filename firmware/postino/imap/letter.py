"""An open letter: its octets by ranges, its header fields, its structure.

Octets stream from flash in blocks, and nothing grows with the letter.
"""

import asyncio
from array import array

from .. import overlay
from ..mime.fields import FieldCollector
from ..mime.part_table import PartTable
from ..net.errors import ConnectionClosed
from ..store.errors import StoreUnavailable

# Octets of a long header field read at once.
HEADER_BLOCK = 512
# Blocks after which other sessions get their turn: 2 KB each.
YIELD_EVERY = 2

# What stands for a NUL where none may be: the length stays as it is.
NO_NUL = 0x80

# What finds the structure of a letter that has come without one.
SCANNER = ("mime.structure",)

# The structure of the letter that was read for it last, its store and its letter id: clients ask for one part after
# the other, and in pieces.
_cached = [None, 0, None]


class Letter:
    """An open letter, read by ranges through one borrowed buffer. `close` it in any case."""

    # It is read for a client that has enabled IMAP4rev2.
    rev2 = False

    def __init__(self, server, box, row):
        self._server = server
        self._buffer = None
        self._table = None
        self._reader = server.store.open_letter(box.letter(row), box.size(row))
        self.size = self._reader.size

    def close(self):
        if self._buffer is not None:
            self._server.buffers.give(self._buffer)
            self._buffer = None
        self._reader.close()

    def _borrow_at(self, start):
        """Goes to `start`, and returns the block to read into: one for as long as the letter is open."""
        if self._buffer is None:
            self._buffer = self._server.buffers.take()
        self._reader.seek(start)
        return memoryview(self._buffer)

    def _read(self, view, left):
        """Reads at most `left` octets into the block; returns how many, 0 if the letter is shorter than its size."""
        return self._reader.readinto(view[: min(len(view), left)])

    async def feed(self, start, end, sink):
        """Hands the octets from `start` to `end` to sink(view), until it returns False. Raises StoreUnavailable."""
        view = self._borrow_at(start)
        blocks = 0
        while start < end:
            count = self._read(view, end - start)
            if not count:
                raise StoreUnavailable("a letter is shorter than its size")
            start += count
            if sink(view[:count]) is False:
                return
            blocks += 1
            if blocks % YIELD_EVERY == 0:
                await asyncio.sleep_ms(0)

    async def send(self, conn, start, end):
        """Sends the octets from `start` to `end`, which have been announced.

        IMAP has no NUL but in BINARY (RFC 3501 4.3.1). For every one, as broken letters have them, the octet is sent
        that Dovecot sends.
        """
        view = self._borrow_at(start)
        blocks = 0
        while start < end:
            count = self._read(view, end - start)
            if not count:
                raise ConnectionClosed
            start += count
            at = self._buffer.find(b"\0", 0, count)
            while at >= 0:
                view[at] = NO_NUL
                at = self._buffer.find(b"\0", at, count)
            await conn.write(view[:count])
            blocks += 1
            if blocks % YIELD_EVERY == 0:
                await asyncio.sleep_ms(0)

    async def collect(self, start, end, names):
        """Returns a FieldCollector fed with the header that begins at `start`; of long fields it reads more itself."""
        collector = FieldCollector(names, octets=lambda first, last: self._octets(start + first, start + last))
        await self.feed(start, end, collector.feed)
        collector.finish()
        return collector

    def _octets(self, start, end):
        """Yields the octets from `start` to `end` in small blocks. Raises StoreUnavailable."""
        while start < end:
            view = self._borrow_at(start)
            count = self._read(view[:HEADER_BLOCK], end - start)
            if not count:
                raise StoreUnavailable("a letter is shorter than its size")
            start += count
            yield bytes(view[:count])

    async def parts(self):
        """Returns the letter's PartTable."""
        table = self.known_parts()
        if table is None:
            table = self._table = await self._scan()
        return table

    def known_parts(self):
        """The same, or None if it is not known without reading the letter."""
        if self._table is None:
            structure = self._reader.structure()
            if structure:
                self._table = PartTable(array("I", structure))
        return self._table

    async def _scan(self):
        store = self._server.store
        # 0 if the letter's trailer is damaged.
        letter = self._reader.letter_id
        if letter and _cached[0] is store and _cached[1] == letter:
            return _cached[2]
        with overlay.use(SCANNER) as structure:
            scanner = structure.StructureScanner()
            await self.feed(0, self.size, _always(scanner.feed))
            table = scanner.finish()
        _cached[:] = (store, letter, table)
        return table


def _always(feed):
    def sink(view):
        feed(view)
        return True

    return sink
