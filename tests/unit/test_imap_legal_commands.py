"""Commands that the formal syntax allows, in all its odd forms: none is BAD, and all answers are read strictly."""

import asyncio
import re
import tempfile

import pytest
from hypothesis import HealthCheck, given, settings

from postino.imap import session
from postino.net.errors import ConnectionClosed
from postino.store import Store
from tests.support import imap_commands
from tests.support.imap_grammar import parse
from tests.support.imap_grammar.stream import Stream
from tests.unit.session_fakes import FakeServer
from tests.unit.test_imap_session import LETTER, Connection, micropython

__all__ = ["micropython"]

# Sessions of up to ten commands each, and logins.
SESSIONS = 400
LOGINS = 60
SETTINGS = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}
ANNOUNCEMENT = re.compile(rb"\{(\d+)(\+?)\}\r\n$")
LETTERS = (LETTER, b"x", b"Subject: =?utf-8?q?=C3=A4?=\r\n\r\n\xff\0" + b"y" * 3000, LETTER + b"more")


def parts_of(command: bytes) -> list[bytes]:
    """A command in parts: before each but the first the client waits to be asked for a literal (RFC 3501 4.3)."""
    parts = []
    begin = at = 0
    while at < len(command):
        at = command.index(b"\r\n", at) + 2
        found = ANNOUNCEMENT.search(command, begin, at)
        if found:
            if not found[2]:
                parts.append(command[begin:at])
                begin = at
            at += int(found[1])
    return [*parts, command[begin:]]


class Client(Connection):
    """Sends commands one after the other; a literal that the server does not ask for stays away."""

    def __init__(self, commands: list[bytes]) -> None:
        super().__init__([], service="imap")
        self._commands = list(commands)
        self._rest: list[bytes] = []

    async def fill(self) -> None:
        await self.flush()
        if not self._rest or not self.sent.rpartition(b"\r\n")[0].rpartition(b"\r\n")[2].startswith(b"+ "):
            self._rest = parts_of(self._commands.pop(0)) if self._commands else []
        self._pieces = [self._rest.pop(0)] if self._rest else []
        await super().fill()

    async def wait_input(self, seconds: int) -> bool:
        if not self.pending():
            await self.fill()
        return True


@pytest.fixture
def server():
    result = FakeServer()
    result.values |= {"imap_timeout": 1800, "idle_notify": 120, "imap_capabilities_off": ""}
    return result


def renew(server: FakeServer, folder: str) -> None:
    """A new store, with letters in INBOX."""
    server.store = Store(folder, server.clock)
    server.store.format()
    server.store.open()
    server.store.ensure_user("anna")
    server.store.create("anna", "x/y", 0)
    assert len(LETTERS) == imap_commands.LETTERS
    for letter in LETTERS:
        writer = server.store.new_letter()
        writer.write(letter)
        writer.describe(letter.find(b"\r\n\r\n") + 4, b"")
        server.store.deliver(writer, ["anna"], server.clock())


def play(server: FakeServer, commands: list[bytes]) -> list:
    """What a session answers, as responses: the tagged ones. What is no IMAP fails the test by itself."""
    conn = Client(commands)

    async def run():
        try:
            await session.serve(conn, server)
        except ConnectionClosed:
            await conn.flush()

    with tempfile.TemporaryDirectory() as folder:
        renew(server, folder)
        asyncio.run(run())
        server.store.close()
    utf8, rev2 = (b"* ENABLED " + name in conn.sent for name in (b"UTF8=ACCEPT", b"IMAP4rev2"))
    responses = [parse(data, utf8, rev2) for data in Stream().feed(conn.sent)]
    return [response for response in responses if response.tag not in (None, b"+")]


def check(answers: list, tags: list[bytes], commands: list[bytes]) -> None:
    assert [answer.tag for answer in answers] == tags
    for answer, command in zip(answers, commands, strict=True):
        assert answer.name != b"BAD", (command, answer.text)


@settings(max_examples=SESSIONS, **SETTINGS)
@given(imap_commands.sessions())
def test_no_legal_command_is_bad(server, said):
    tags, commands = said
    check(play(server, [b"L LOGIN anna {11+}\r\ntin whistle\r\n", *commands])[1:], tags, commands)


@settings(max_examples=LOGINS, **SETTINGS)
@given(imap_commands.logins())
def test_no_legal_command_is_bad_before_login(server, said):
    tags, commands = said
    answers = play(server, commands)
    check(answers, tags, commands)
    assert all(answer.name == b"OK" for answer in answers)
