"""Mutated dialogs against IMAP sessions on CPython: without a network and its moments, so that every answer is known.

Each response must be the one to the command that the session is at, and true of the mailbox (imap_grammar.Watch).
"""

import asyncio
import contextlib
import random
import tempfile

import pytest

from postino import log
from postino.imap import session
from postino.net.errors import ConnectionClosed
from postino.store import Store
from tests.dialogs.player import read_letter
from tests.fuzz.mutations import client_lines, mutated
from tests.fuzz.test_fuzz_slice import ONLY, PASSWORD, SEED, SESSIONS, USERS
from tests.support import imap_grammar
from tests.unit.session_fakes import FakeServer
from tests.unit.test_imap_session import Connection, micropython

__all__ = ["micropython"]

# They are quick: so many for each that the simulator plays.
MORE = 8
# Sessions after which the mailboxes are new.
RENEW_AFTER = 20
LETTERS = [read_letter(name) for name in ("plain", "headers", "html", "forwarded", "dots")]


class Client(Connection):
    """Says everything, and never waits."""

    async def wait_input(self, seconds):
        if not self.pending():
            await self.fill()
        return True


def new_server(folder):
    server = FakeServer()
    server.values |= {"imap_timeout": 1800, "idle_notify": 120, "imap_capabilities_off": ""}
    server.users.passwords = {name.encode(): PASSWORD.encode() for name in USERS}
    server.store = Store(folder, server.clock)
    server.store.format()
    server.store.open()
    for user in USERS:
        server.store.ensure_user(user)
    for letter in LETTERS:
        writer = server.store.new_letter()
        writer.write(letter)
        writer.describe(letter.find(b"\r\n\r\n") + 4, b"")
        server.store.deliver(writer, ["anna", "bob"], server.clock())
    return server


async def play(server, lines):
    conn = Client(lines, service="imap")
    with contextlib.suppress(ConnectionClosed):
        await session.serve(conn, server)


@pytest.mark.timeout(7200)
def test_mutated_dialogs_have_true_answers(monkeypatch):
    monkeypatch.setattr(log, "_write", lambda level, text, values: text % values)
    conversations = client_lines("imap", {"password": PASSWORD})
    service, _, only = ONLY.partition(":")
    numbers = range(SESSIONS * MORE) if not ONLY else [int(only)] if service == "imap" else []
    for start in range(0, len(numbers), RENEW_AFTER):
        with tempfile.TemporaryDirectory() as folder:
            server = new_server(folder)
            for number in numbers[start : start + RENEW_AFTER]:
                choice = random.Random(f"{SEED} imap {number}")
                try:
                    asyncio.run(play(server, mutated(choice.choice(conversations), choice)))
                    if imap_grammar.failures:
                        raise imap_grammar.failures[0]
                except AssertionError as failure:
                    failure.add_note(f"session {number} of those from {numbers[start]} on")
                    raise
            server.store.close()
