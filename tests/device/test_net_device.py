"""The net modules under MicroPython: real sockets on loopback, client and server in one event loop."""

import asyncio
import gc
import socket
import time

from postino.net import listener as net
from postino.net.buffers import BUFFER_SIZE, POOL_START, BufferPool
from postino.net.errors import LineTooLong
from postino.net.table import ConnectionTable

LIMIT = 2999


class Echo:
    """A protocol of lines: answers each with its length and its last octets."""

    REFUSAL = b"refused\r\n"
    TIMEOUT = b"timeout\r\n"
    STOPPING = b"stopping\r\n"
    OUT_OF_MEMORY = b"memory\r\n"
    FAULT = b"fault\r\n"
    deadline = 30

    async def serve(self, conn, server):
        await conn.write(b"hello\r\n")
        while True:
            await conn.flush()
            conn.set_deadline(self.deadline)
            try:
                line = await conn.read_line(LIMIT)
            except LineTooLong:
                await conn.write(b"too long\r\n")
                continue
            if line == b"quit":
                await conn.write(b"bye\r\n")
                conn.finished = True
                return
            await self.answer(conn, line)

    async def answer(self, conn, line):
        if line == b"idle":
            await conn.write(b"input\r\n" if await conn.wait_input(5) else b"woken\r\n")
        elif line == b"exact":
            await conn.write(b"%d\r\n" % len(await conn.read_exactly(5000)))
        elif line == b"fail":
            raise RuntimeError("planted")
        elif line == b"memory":
            raise MemoryError
        elif line == b"big":
            await conn.write(b"b" * 100 + b"\r\n")
            await conn.write(b"c" * (3 * BUFFER_SIZE) + b"\r\n")
        else:
            await conn.write(b"%d %s\r\n" % (len(line), line[-8:]))


class Board:
    """The part of a port module that the listener uses."""

    opened = 0
    closed_first = []

    def accept(self, listener):
        try:
            sock, _ = listener.accept()
        except OSError:
            return None
        sock.setblocking(False)
        return sock, "127.0.0.1", 0

    def connection_opened(self):
        self.opened += 1
        return True

    def connection_closed(self, finished):
        self.opened -= 1

    def session_started(self, service):
        pass

    def session_ended(self):
        pass

    def feed_watchdog(self):
        pass


class Server:
    """What the listener asks of a server."""

    def __init__(self, total=4):
        self.board = Board()
        self.connections = ConnectionTable(total, total, total)
        self.buffers = BufferPool()
        self.failed = []

    def session_failed(self, conn, error):
        self.failed.append((conn.service, repr(error)))

    def out_of_memory(self, conn, error):
        assert isinstance(error, MemoryError)

    def make_room(self):
        gc.collect()


class Client:
    """A client on the same event loop."""

    def __init__(self, address):
        self.sock = socket.socket()
        self.sock.connect(address)
        self.sock.setblocking(False)
        self.unread = b""

    async def send(self, data):
        while data:
            count = self.sock.write(data)
            data = data[count or 0 :]
            await asyncio.sleep_ms(1)

    async def line(self):
        """The next line without its line end, or None at the end of input."""
        for _ in range(4000):
            if b"\r\n" in self.unread:
                line, _, self.unread = self.unread.partition(b"\r\n")
                return line
            try:
                block = self.sock.read(4096)
            except OSError:
                return None
            if block == b"":
                return None
            self.unread += block or b""
            await asyncio.sleep_ms(2)
        raise AssertionError("no line came")


def play(dialog, total=4, deadline=30):
    """Runs `dialog(server, connect)` against an echo server; afterwards nothing may be left open."""
    server = Server(total)
    echo = Echo()
    echo.deadline = deadline
    listening, address = open_listener()

    async def run():
        accepting = asyncio.create_task(net.accept_connections(net.Listener("smtp", echo, listening, 0), server))
        timing = asyncio.create_task(net.keep_time(server))

        async def connect():
            client = Client(address)
            await asyncio.sleep_ms(5)
            return client

        await dialog(server, connect)
        for _ in range(100):
            if not server.connections.open:
                break
            await asyncio.sleep_ms(50)
        accepting.cancel()
        timing.cancel()
        await asyncio.sleep_ms(0)

    asyncio.run(run())
    listening.close()
    asyncio.new_event_loop()
    assert server.connections.open == []
    assert server.board.opened == 0
    assert len(server.buffers._free) >= POOL_START


# This VM's sockets cannot tell their port: one is tried until it is free.
_next_port = [41000 + time.ticks_ms() % 10000]


def open_listener():
    for _ in range(50):
        _next_port[0] += 1
        address = socket.getaddrinfo("127.0.0.1", _next_port[0])[0][-1]
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
        except OSError:
            listening.close()
            continue
        listening.listen(8)
        listening.setblocking(False)
        return listening, address
    raise AssertionError("no free port")


async def quit_(client):
    await client.send(b"quit\r\n")
    assert await client.line() == b"bye"
    client.sock.close()


def test_lines_of_every_length_around_the_buffer_and_the_limit():
    async def dialog(server, connect):
        client = await connect()
        assert await client.line() == b"hello"
        for length in (0, 1, BUFFER_SIZE - 2, BUFFER_SIZE - 1, BUFFER_SIZE, BUFFER_SIZE + 1, LIMIT - 1, LIMIT):
            # Behind a short line, so that the long one starts in the middle of a block.
            await client.send(b"ab\r\n" + b"z" * length + b"\r\n")
            assert await client.line() == b"2 ab"
            assert await client.line() == b"%d %s" % (length, b"z" * min(8, length))
        for pieces, rest in ((3, 1), (6, 0), (200, 7)):
            for _ in range(pieces):
                await client.send(b"z" * 1000)
            await client.send(b"z" * rest + b"\r\nok\r\n")
            assert await client.line() == b"too long"
            assert await client.line() == b"2 ok"
        await quit_(client)

    play(dialog)


def test_line_ends_in_pieces_and_bare_line_feeds():
    async def dialog(server, connect):
        client = await connect()
        await client.line()
        await client.send(b"y" * (BUFFER_SIZE - 1) + b"\r")
        await asyncio.sleep_ms(30)
        await client.send(b"\nbare\ntwo\r\n")
        assert await client.line() == b"%d yyyyyyyy" % (BUFFER_SIZE - 1)
        assert await client.line() == b"4 bare"
        assert await client.line() == b"3 two"
        await quit_(client)

    play(dialog)


def test_read_exactly_and_large_writes():
    async def dialog(server, connect):
        client = await connect()
        await client.line()
        await client.send(b"exact\r\n" + b"e" * 5000 + b"big\r\n")
        assert await client.line() == b"5000"
        assert await client.line() == b"b" * 100
        assert await client.line() == b"c" * (3 * BUFFER_SIZE)
        await quit_(client)

    play(dialog)


def test_waiting_for_input_and_being_woken():
    async def dialog(server, connect):
        client = await connect()
        await client.line()
        await client.send(b"idle\r\n")
        await asyncio.sleep_ms(30)
        server.connections.open[0].wake()
        # A second wake, and one while the task is already in the run queue, change nothing.
        server.connections.open[0].wake()
        assert await client.line() == b"woken"
        await client.send(b"idle\r\n")
        assert await client.line() == b"woken"
        await client.send(b"idle\r\nmore\r\n")
        assert await client.line() == b"input"
        assert await client.line() == b"4 more"
        await quit_(client)

    play(dialog)


def test_a_silent_client_is_told_and_closed():
    async def dialog(server, connect):
        client = await connect()
        await client.line()
        assert await client.line() == b"timeout"
        client.sock.close()

    play(dialog, deadline=1)


def test_a_fault_costs_its_session_only():
    async def dialog(server, connect):
        other = await connect()
        await other.line()
        for word, farewell in ((b"fail\r\n", b"fault"), (b"memory\r\n", b"memory")):
            client = await connect()
            assert await client.line() == b"hello"
            await client.send(word)
            assert await client.line() == farewell
            client.sock.close()
        # Only what is not the memory's fault is ours, and noted.
        assert server.failed == [("smtp", "RuntimeError('planted',)")]
        await other.send(b"still\r\n")
        assert await other.line() == b"5 still"
        await quit_(other)

    play(dialog)


def test_the_surplus_is_refused_and_slots_come_back():
    async def dialog(server, connect):
        clients = []
        for _ in range(3):
            clients.append(await connect())
        for client in clients:
            assert await client.line() in (b"hello", b"refused")
        extra = await connect()
        assert await extra.line() == b"refused"
        assert await extra.line() is None
        for client in clients:
            client.sock.close()
        await asyncio.sleep_ms(100)
        client = await connect()
        assert await client.line() == b"hello"
        await quit_(client)

    play(dialog, total=3)


def test_asked_to_go():
    async def dialog(server, connect):
        client = await connect()
        await client.line()
        server.connections.open[0].ask_to_go()
        assert await client.line() == b"stopping"
        client.sock.close()

    play(dialog)


def test_a_connection_without_memory_gives_its_slot_back():
    async def dialog(server, connect):
        def fail(*arguments):
            raise MemoryError

        real = net.Connection
        net.Connection = fail
        try:
            client = await connect()
            assert await client.line() is None
        finally:
            net.Connection = real
        assert server.board.opened == 0
        client = await connect()
        assert await client.line() == b"hello"
        await quit_(client)

    play(dialog)
