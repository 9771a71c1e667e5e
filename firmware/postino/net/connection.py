"""One TCP connection: bounded reads in blocks, replies collected into one write, a deadline on every wait.

Sockets are non-blocking. A read or write that cannot go on parks the session's task in the poller of asyncio's event
loop; `wake`, a deadline, or a request to go takes it out again. A connection that only waits holds no buffer.
"""

import time

from . import waiting
from .buffers import BUFFER_SIZE
from .errors import ConnectionClosed, DeadlineExpired, LineTooLong, ServerStopping

# What has happened to a connection: its deadline is over, it has been asked to go, `wake` was called, its alarm rang,
# nothing has been read from it.
EXPIRED = 1
LEAVING = 2
WOKEN = 4
RANG = 8
FRESH = 16

# The first octet of a TLS client: the type of its handshake record (RFC 8446 5.1). No command begins with it.
_TLS_HANDSHAKE = 0x16


class Connection:
    """A client's connection, as a session sees it.

    Attributes that sessions may use: `peer` (address as text), `service` ("smtp", "pop3", "imap"), `user` (name after
    login, else None), `finished` (set by a session that has said goodbye), `buffer`, `start` and `end` (unread input).
    """

    def __init__(self, sock, peer, service, pool):
        self.sock = sock
        self.peer = peer
        self.service = service
        self.user = None
        self.finished = False
        # The unread input is buffer[start:end]; without unread input there may be no buffer.
        self.buffer = None
        self.start = 0
        self.end = 0
        self._pool = pool
        # Buffers lent to this connection; while there are any, it counts as transferring.
        self._borrowed = 0
        self._output = None
        self._output_length = 0
        # The task parked in the poller, while there is one.
        self._parked = None
        self._deadline = None
        self._alarm = None
        # Bits EXPIRED, LEAVING, WOKEN, RANG and FRESH.
        self._events = FRESH
        # Ticks (ms) since when the session waits in `wait_input`; None while it does anything else.
        self.idle_since = None

    # Deadlines, waking and leaving ------------------------------------------------------------------------------

    def set_deadline(self, seconds):
        """All following waits, together, end within so many seconds, or DeadlineExpired is raised."""
        self._events &= ~EXPIRED
        self._deadline = time.ticks_add(time.ticks_ms(), int(seconds * 1000))

    @property
    def closing(self):
        """True once this connection has been asked to go: the session takes no new command."""
        return bool(self._events & LEAVING)

    def check_time(self, now):
        """Called a few times a second by the listener with the present ticks: ends waits that are over."""
        if self._deadline is not None and time.ticks_diff(self._deadline, now) <= 0:
            self._events |= EXPIRED
            self._resume()
            self._deadline = None
        elif self._alarm is not None and time.ticks_diff(self._alarm, now) <= 0:
            self._events |= RANG
            self._resume()
            self._alarm = None

    def ask_to_go(self):
        """The session's next wait, or the present one, raises ServerStopping."""
        self._events |= LEAVING
        self._resume()

    def allow_farewell(self, seconds):
        """Clears what ended the session, so that one last line can be sent within so many seconds."""
        self._events &= ~LEAVING
        self.set_deadline(seconds)

    def wake(self):
        """Wakes a session that waits in `wait_input`; for any other it is remembered until it does."""
        self._events |= WOKEN
        if self.idle_since is not None:
            self._resume()

    def _resume(self):
        task = self._parked
        # A task whose socket has become ready is in the run queue already: pushing it twice would corrupt that queue.
        if task is not None and waiting.is_parked(task):
            waiting.resume(task)
            # Not before: without memory it is tried again at the next tick.
            self._parked = None

    def _check(self):
        if self._events & EXPIRED:
            raise DeadlineExpired
        if self._events & LEAVING:
            raise ServerStopping

    async def _park(self, writing):
        self._check()
        self._parked = waiting.current_task()
        try:
            await waiting.until_ready(self.sock, writing)  # type: ignore[misc]
        finally:
            self._parked = None
        self._check()

    def _borrow(self):
        buffer = self._pool.take()
        self._borrowed += 1
        if self._borrowed == 1:
            self._pool.transfer_started()
        return buffer

    def _give_back(self, buffer):
        self._pool.give(buffer)
        self._borrowed -= 1
        if not self._borrowed:
            self._pool.transfer_ended()

    # Reading ----------------------------------------------------------------------------------------------------

    def pending(self):
        """True if input that has arrived is still unread: the client pipelines, the reply may wait for the next."""
        return self.end > self.start

    def consume(self, count):
        """Marks the first `count` octets of the unread input as used."""
        self.start += count
        if self.start >= self.end:
            self._drop_input()

    def _drop_input(self):
        self.start = self.end = 0
        if self.buffer is not None:
            self._give_back(self.buffer)
            self.buffer = None

    def _make_room(self):
        # Unread octets move to the front, so that the rest of the buffer can be filled.
        count = self.end - self.start
        if self.start:
            # A copy: source and target may overlap.
            self.buffer[:count] = bytes(memoryview(self.buffer)[self.start : self.end])
            self.start = 0
            self.end = count

    async def fill(self):
        """Waits for input and adds it behind the unread octets; there must be room.

        Raises ConnectionClosed; ServerStopping also where a TLS client was sent to a port that speaks none.

        What most connections do most of the time: the steps of `_park` are here once more, since each call that waits
        for another takes 100 octets of heap.
        """
        while True:
            if self._output is not None:
                await self.flush()
            self._check()
            self._parked = waiting.current_task()
            try:
                await waiting.until_ready(self.sock)  # type: ignore[misc]
            finally:
                self._parked = None
            self._check()
            if self.buffer is None:
                self.buffer = self._borrow()
            try:
                if self.end:
                    count = self.sock.readinto(memoryview(self.buffer)[self.end :])
                else:
                    count = self.sock.readinto(self.buffer)
            except OSError:
                raise ConnectionClosed
            if count:
                self.end += count
                if self._events & FRESH:
                    self._events &= ~FRESH
                    if self.buffer[0] == _TLS_HANDSHAKE:
                        raise ServerStopping(_TLS_HANDSHAKE)
                return
            if not self.end:
                self._drop_input()
            if count == 0:
                raise ConnectionClosed

    async def read_line(self, limit):
        """Returns one line as bytes, without its line end (CRLF, or a bare LF as some devices send).

        `limit` is the most octets the line may have. A longer one is read to its end in constant memory, then
        LineTooLong is raised. Raises ConnectionClosed at the end of input, also in the middle of a line.
        """
        head = None
        too_long = False
        while True:
            line_feed = self.buffer.find(b"\n", self.start, self.end) if self.buffer is not None else -1
            if line_feed >= 0:
                break
            if self.end - self.start >= BUFFER_SIZE or too_long:
                # The buffer is full and has no line end.
                too_long = too_long or (len(head) if head else 0) + BUFFER_SIZE > limit + 1
                head = None if too_long else self._append_input(head)
                self._drop_input()
            elif self.start:
                self._make_room()
            await self.fill()
        line = self._cut_line(line_feed, head)
        if too_long or len(line) > limit:
            raise LineTooLong
        return line

    def _append_input(self, head):
        piece = bytes(memoryview(self.buffer)[self.start : self.end])
        return piece if head is None else head + piece

    def _cut_line(self, line_feed, head):
        end = line_feed
        if end > self.start and self.buffer[end - 1] == 13:
            end -= 1
        line = bytes(memoryview(self.buffer)[self.start : end])
        if head is not None:
            line = head + line
            # The CR may have been the last octet of the block before.
            if end == self.start and line_feed == self.start and line.endswith(b"\r"):
                line = line[:-1]
        self.consume(line_feed + 1 - self.start)
        return line

    async def read_block(self):
        """Returns the unread input, at least one octet, as a memoryview that holds until the next read.

        Use `consume` for what has been used up. Raises ConnectionClosed at the end of input.
        """
        if self.end == self.start:
            await self.fill()
        return memoryview(self.buffer)[self.start : self.end]

    async def read_exactly(self, count):
        """Returns `count` octets (the caller has checked that it is small). Raises ConnectionClosed before that."""
        result = bytearray(count)
        filled = 0
        while filled < count:
            block = await self.read_block()
            used = min(len(block), count - filled)
            result[filled : filled + used] = block[:used]
            self.consume(used)
            filled += used
        return bytes(result)

    async def wait_input(self, seconds):
        """Waits until input is there (True), `wake` is called (False), or so many seconds are over (None)."""
        await self.flush()
        if self.end > self.start:
            return True
        if not self._events & WOKEN:
            self._check()
            self.idle_since = time.ticks_ms()
            self._alarm = time.ticks_add(self.idle_since, int(seconds * 1000))
            self._parked = waiting.current_task()
            try:
                await waiting.until_ready(self.sock)  # type: ignore[misc]
            finally:
                self._parked = self.idle_since = self._alarm = None
            self._check()
        events = self._events
        self._events &= ~(WOKEN | RANG)
        if events & WOKEN:
            return False
        return None if events & RANG else True

    # Writing ----------------------------------------------------------------------------------------------------

    async def write(self, data):
        """Collects octets for the client; sends when a buffer is full. Raises ConnectionClosed."""
        length = len(data)
        if self._output_length + length > BUFFER_SIZE:
            await self.flush()
        if length > BUFFER_SIZE:
            await self._send(memoryview(data))
            return
        if self._output is None:
            self._output = self._borrow()
        self._output[self._output_length : self._output_length + length] = data
        self._output_length += length

    async def flush(self):
        """Sends what has been collected. Call it at the end of a reply. Raises ConnectionClosed."""
        output = self._output
        if output is None:
            return
        length = self._output_length
        self._output = None
        self._output_length = 0
        try:
            await self._send(memoryview(output)[:length])
        finally:
            self._give_back(output)

    async def _send(self, view):
        sent = 0
        total = len(view)
        while sent < total:
            try:
                count = self.sock.write(view[sent:] if sent else view)
            except OSError:
                raise ConnectionClosed
            if count:
                sent += count
            else:
                await self._park(True)

    def discard(self):
        """Gives the buffers back and forgets what was not sent. The connection can still send a last line."""
        self._drop_input()
        if self._output is not None:
            self._give_back(self._output)
            self._output = None
            self._output_length = 0
