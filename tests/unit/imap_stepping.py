"""IMAP sessions that are driven slice by slice, in any order that a test wants, without an event loop.

A session is a coroutine; it gives up its turn where it waits for its client or where it lets others have theirs. What
it sends is handed to its client line by line, at the moment when it is written.
"""

import contextlib
from collections.abc import Callable

from postino.net.errors import ConnectionClosed
from tests.unit.session_fakes import FakeConnection

# What a slice ends with: the session waits for its client, it lets others have their turn, it has ended.
WAITING = "waiting"
PAUSED = "paused"
ENDED = "ended"


class _GiveUp:
    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __await__(self):
        yield self._reason


async def sleep_ms(milliseconds: int) -> None:
    """Stands in for MicroPython's asyncio.sleep_ms."""
    await _GiveUp(PAUSED)


class SteppedConnection(FakeConnection):
    """A connection whose client is in the same program. `hear` gets every line, without its end, as it is written."""

    def __init__(self, hear: Callable[[bytes], None]) -> None:
        super().__init__([], "imap")
        self._hear = hear
        self._line = b""
        self._woken = False

    def say(self, octets: bytes) -> None:
        self._pieces.append(octets)

    def has_input(self) -> bool:
        """Something of what was said has not been read."""
        return bool(self._pieces or self.pending())

    async def fill(self):
        while not self._pieces:
            await _GiveUp(WAITING)
        piece = self._pieces.pop(0)
        assert len(piece) <= len(self.buffer)
        self.watch.said(piece)
        self.buffer[: len(piece)] = piece
        self.start, self.end = 0, len(piece)

    async def wait_input(self, seconds):
        while not (self._woken or self._pieces or self.pending()):
            await _GiveUp(WAITING)
        if self._woken:
            self._woken = False
            return False
        return True

    async def read_exactly(self, count):
        result = b""
        while len(result) < count:
            block = bytes(await self.read_block())[: count - len(result)]
            self.consume(len(block))
            result += block
        return result

    def wake(self):
        self._woken = True

    async def write(self, data):
        self.watch.heard(bytes(data))
        *lines, self._line = (self._line + bytes(data)).split(b"\r\n")
        for line in lines:
            self._hear(line)


class SteppedSession:
    """One session on a stepped connection."""

    def __init__(self, serve, server, hear: Callable[[bytes], None]) -> None:
        self.conn = SteppedConnection(hear)
        self._coroutine = serve(self.conn, server)
        self.state = PAUSED

    def resume(self) -> str:
        """Runs one slice."""
        try:
            self.state = self._coroutine.send(None)
        except (StopIteration, ConnectionClosed):
            self.state = ENDED
        return self.state

    def close(self) -> None:
        """The client is gone, in the middle of whatever the session does."""
        if self.state is not ENDED:
            with contextlib.suppress(StopIteration, ConnectionClosed):
                self._coroutine.throw(ConnectionClosed())
            self.state = ENDED
