"""Small stand-ins for what a session is handed: a connection fed from a list, a server, and a store in RAM."""

import asyncio

from postino.net.buffers import BufferPool
from postino.net.errors import ConnectionClosed, LineTooLong
from postino.store import LetterGone, StoreFull
from tests.support.imap_grammar import Watch

BLOCK = 2048


class FakeConnection:
    """Gives each item of `pieces` as what one read of the socket brings; then the peer is gone.

    `sent` is everything that was flushed, `flushes` how it was cut. An item that is a function is called instead. All
    that an IMAP session sends is read strictly.
    """

    def __init__(self, pieces, service="smtp", peer="192.0.2.7"):
        self._pieces = list(pieces)
        self.service = service
        self.peer = peer
        self.user = None
        self.closing = False
        self.finished = False
        self.buffer = bytearray(BLOCK)
        self.start = self.end = 0
        self._collected = b""
        self.flushes = []
        self.deadlines = []
        self.watch = Watch() if service == "imap" else None

    @property
    def sent(self):
        return b"".join(self.flushes)

    def set_deadline(self, seconds):
        self.deadlines.append(seconds)

    def pending(self):
        return self.end > self.start

    def consume(self, count):
        assert self.start + count <= self.end
        self.start += count

    async def write(self, data):
        if self.watch:
            self.watch.heard(bytes(data))
        self._collected += bytes(data)

    async def flush(self):
        if self._collected:
            self.flushes.append(self._collected)
            self._collected = b""

    async def fill(self):
        await self.flush()
        await asyncio.sleep(0)
        while self._pieces and callable(self._pieces[0]):
            self._pieces.pop(0)()
        if not self._pieces:
            raise ConnectionClosed
        piece = self._pieces.pop(0)
        if len(piece) > BLOCK:
            self._pieces.insert(0, piece[BLOCK:])
            piece = piece[:BLOCK]
        if self.watch:
            self.watch.said(piece)
        self.buffer[: len(piece)] = piece
        self.start, self.end = 0, len(piece)

    async def read_block(self):
        if not self.pending():
            await self.fill()
        return memoryview(self.buffer)[self.start : self.end]

    async def read_line(self, limit):
        line = b""
        while True:
            await self.read_block()
            found = self.buffer.find(b"\n", self.start, self.end)
            stop = self.end if found < 0 else found + 1
            line += bytes(self.buffer[self.start : stop])
            self.consume(stop - self.start)
            if found >= 0:
                line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
                if len(line) > limit:
                    raise LineTooLong
                return line


class FakeWriter:
    def __init__(self, store):
        self._store = store
        self.content = b""
        self.state = "open"

    def write(self, octets):
        assert self.state == "open"
        if self._store.write_error:
            raise self._store.write_error
        if len(self.content) + len(octets) > self._store.room:
            raise StoreFull
        self.content += bytes(octets)

    def describe(self, header_length, structure):
        self.described = (header_length, structure)

    def abort(self):
        if self.state == "open":
            self.state = "aborted"


class FakeReader:
    def __init__(self, content, block):
        self._content = content
        self._position = 0
        self._block = block
        self.size = len(content)
        self.closed = False

    def readinto(self, buffer):
        piece = self._content[self._position : self._position + min(self._block, len(buffer))]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self):
        self.closed = True


class FakeBox:
    def __init__(self, uidvalidity=0x1F):
        self.uidvalidity = uidvalidity
        self.letters = []
        self.listeners = []
        self.fail = None

    def __len__(self):
        return len(self.letters)

    def uid(self, index):
        return self.letters[index][0]

    def letter(self, index):
        return self.letters[index][0]

    def size(self, index):
        return len(self.letters[index][1])

    def index_of(self, uid):
        for index, letter in enumerate(self.letters):
            if letter[0] == uid:
                return index
        return -1

    def expunge(self, uids):
        if self.fail:
            raise self.fail
        self.letters = [letter for letter in self.letters if letter[0] not in uids]
        for uid in uids:
            for listener in self.listeners:
                listener.on_expunged(uid)

    def close(self, listener):
        self.listeners.remove(listener)


class FakeStore:
    """Delivered letters are in `delivered` as (users, content); POP3 reads `box`."""

    def __init__(self):
        self.room = 1 << 30
        self.write_error = None
        self.deliver_error = None
        self.new_error = None
        self.writers = []
        self.delivered = []
        self.readers = []
        self.box = FakeBox()
        self.find_result = (7, "anna", "INBOX", 0x1F, 0)
        self.read_block = 100

    def check(self):
        """It is open."""

    def free_bytes(self):
        return self.room

    def has_room_for(self, user, octets):
        return True

    def new_letter(self):
        if self.new_error:
            raise self.new_error
        self.writers.append(FakeWriter(self))
        return self.writers[-1]

    def deliver(self, writer, users, date):
        assert writer.state == "open"
        if self.deliver_error:
            raise self.deliver_error
        writer.state = "delivered"
        self.delivered.append((list(users), writer.content))

    def find(self, user, name):
        return self.find_result

    def open_mailbox(self, mailbox, listener):
        assert mailbox == 7
        self.box.listeners.append(listener)
        return self.box

    def open_letter(self, letter):
        index = self.box.index_of(letter)
        if index < 0:
            raise LetterGone
        self.readers.append(FakeReader(self.box.letters[index][1], self.read_block))
        return self.readers[-1]


class FakeUsers:
    def __init__(self):
        self.passwords = {b"anna": b"tin whistle", b"bob": b"drum"}
        self.asked = []

    def exists(self, name):
        return name.encode() in self.passwords

    def first(self):
        return "anna"

    async def verify(self, login, password):
        self.asked.append((bytes(login), bytes(password)))
        name = bytes(login).lower()
        return name.decode() if self.passwords.get(name) == bytes(password) else None


class FakeTable:
    allow = True

    def login(self, conn, user):
        if self.allow:
            conn.user = user
        return self.allow


class FakeServer:
    def __init__(self):
        self.values = {
            "hostname": "postino",
            "domain": "office.lan",
            "postmaster": "",
            "max_message_size": 20000,
            "max_recipients": 100,
            "smtp_command_timeout": 300,
            "smtp_data_timeout": 180,
            "pop3_timeout": 600,
            "login_timeout": 60,
        }
        self.settings = self
        from postino.routing import Router

        self.users = FakeUsers()
        self.router = Router(self, self.users)
        self.router.address = "127.0.0.1"
        self.store = FakeStore()
        self.connections = FakeTable()
        self.buffers = BufferPool()
        self.maildrop_locks = set()
        self.stopping = False
        self.cleartext = True
        self.octets = 0
        self.letters = 0

    def get(self, name):
        return self.values[name]

    def cleartext_allowed(self, conn):
        return self.cleartext

    def clock(self):
        return 1795522019

    def tz_minutes(self):
        return 0

    def received(self, count):
        self.octets += count

    def delivered(self, count=1):
        self.letters += count


def play(serve, server, pieces, service):
    """Runs a session to its end. Returns the connection, with `closed` set if the peer went first."""
    conn = FakeConnection(pieces, service)
    conn.closed = False

    async def run():
        try:
            await serve(conn, server)
        except ConnectionClosed:
            conn.closed = True

    asyncio.run(run())
    return conn
