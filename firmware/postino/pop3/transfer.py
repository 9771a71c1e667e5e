"""Sends letters to POP3 clients: line ends, dot-stuffing, the end of a letter, and the first lines only for TOP.

The machines are pure, and give the same octets whatever the pieces in which a letter is read.
"""

import asyncio

from .. import log
from ..net.errors import ConnectionClosed
from ..store import StoreError

_CRLF = b"\r\n"
_DOT = b"."

# What has been seen just before the next octet.
_IN_LINE = 0
_LINE_START = 1
_CR = 2

# Blocks after which other sessions get their turn though the client reads as fast as we send.
_BLOCKS_PER_TURN = 4


class Stuffer:
    """Makes a stored letter what goes over the wire (RFC 1939 section 3).

    A line that begins with "." gets another one. An LF without CR, which only a letter from IMAP APPEND can have,
    becomes CRLF; a CR without LF goes as it is, and is no line end here nor to the client's un-stuffing.
    """

    def __init__(self):
        self._state = _LINE_START

    def pieces(self, buffer, start, end):
        """Yields (buffer, start, end) of what buffer[start:end] becomes. It has to be used up before the next call."""
        if start >= end:
            return
        if self._state == _CR and buffer[start] == 0x0A:
            # The pair was cut between two blocks; its CR has been sent.
            yield buffer, start, start + 1
            self._state = _LINE_START
            start += 1
        while start < end:
            if self._state == _LINE_START and buffer[start] == 0x2E:
                yield _DOT, 0, 1
            stop = buffer.find(b"\n.", start, end)
            stop = end if stop < 0 else stop + 1
            if buffer.count(b"\n", start, stop) == buffer.count(_CRLF, start, stop):
                yield buffer, start, stop
            else:
                yield from _mend(buffer, start, stop)
            last = buffer[stop - 1]
            self._state = _LINE_START if last == 0x0A else _CR if last == 0x0D else _IN_LINE
            start = stop

    def ending(self):
        """Returns the octets that end the letter: its last line end if it has none, and the lone dot."""
        if self._state == _LINE_START:
            return b".\r\n"
        if self._state == _CR:
            return b"\n.\r\n"
        return b"\r\n.\r\n"


def _mend(buffer, start, stop):
    """Yields buffer[start:stop] with every bare LF made CRLF."""
    run = position = start
    while True:
        line_feed = buffer.find(b"\n", position, stop)
        if line_feed < 0:
            break
        position = line_feed + 1
        if line_feed == start or buffer[line_feed - 1] != 0x0D:
            if line_feed > run:
                yield buffer, run, line_feed
            yield _CRLF, 0, 2
            run = position
    if run < stop:
        yield buffer, run, stop


class TopCutter:
    """Says how much of a letter TOP sends: the header, the blank line, and so many lines (RFC 1939 section 7)."""

    def __init__(self, lines):
        self._lines = lines
        self._in_header = True
        # Of the header line that goes on: its length so far and its first octet.
        self._length = 0
        self._first = 0
        self.done = False

    def feed(self, buffer, start, end):
        """Returns up to where buffer[start:end] is to be sent; `done` is set when nothing after that is."""
        position = self._header(buffer, start, end) if self._in_header else start
        if self._in_header:
            return end
        lines = buffer.count(b"\n", position, end)
        if lines < self._lines:
            self._lines -= lines
            return end
        while self._lines:
            position = buffer.find(b"\n", position, end) + 1
            self._lines -= 1
        self.done = True
        return position

    def _header(self, buffer, start, end):
        """Returns where the body begins, or `end`."""
        while start < end:
            line_feed = buffer.find(b"\n", start, end)
            stop = end if line_feed < 0 else line_feed
            if stop > start and self._length == 0:
                self._first = buffer[start]
            self._length += stop - start
            if line_feed < 0:
                return end
            start = line_feed + 1
            if self._length == 0 or (self._length == 1 and self._first == 0x0D):
                self._in_header = False
                return start
            self._length = 0
        return end


async def send(conn, server, letter, cutter=None):
    """Sends an open letter, or as much of it as `cutter` lets through, and its end. The caller closes the letter."""
    timeout = server.settings.get("pop3_timeout")
    stuffer = Stuffer()
    buffer = server.buffers.take()
    try:
        blocks = 0
        while cutter is None or not cutter.done:
            count = unbroken(letter.readinto, buffer)
            if not count:
                break
            if cutter is not None:
                count = cutter.feed(buffer, 0, count)
            # A slow client may take as long as it likes over the letter, but not over one block.
            conn.set_deadline(timeout)
            for piece, start, end in stuffer.pieces(buffer, 0, count):
                await conn.write(memoryview(piece)[start:end])
            blocks += 1
            if blocks % _BLOCKS_PER_TURN == 0:
                await asyncio.sleep_ms(0)
        await conn.write(stuffer.ending())
    finally:
        server.buffers.give(buffer)


def unbroken(function, *arguments):
    """Calls what reads the store behind "+OK", where only the connection's end can say that this is not all."""
    try:
        return function(*arguments)
    except StoreError as error:
        log.error("pop3: store: %s", error)
        raise ConnectionClosed
