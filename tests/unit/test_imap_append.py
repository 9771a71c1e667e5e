"""APPEND that has no room: refused before the message is sent, so that nobody sends it in vain."""

import pytest

from tests.support.nor_chip import BLOCK
from tests.unit.test_imap_session import append, micropython, server, talk

__all__ = ["micropython", "server"]

FULL = b"a NO [OVERQUOTA] Your mailboxes are full"
NO_ROOM = b"a NO [OVERQUOTA] The mail storage is full"


def waiting(octets: int) -> bytes:
    """A client that sends its message when it is told to."""
    return b"a APPEND INBOX {%d}" % octets


def sending(octets: int) -> bytes:
    """A client that does not wait (RFC 7888)."""
    return b"a APPEND INBOX {%d+}\r\n%s" % (octets, b"x" * octets)


def leave_room(monkeypatch: pytest.MonkeyPatch, server, octets: int) -> None:
    monkeypatch.setattr(server.store, "free_bytes", lambda: octets)


def letters(server) -> int:
    return server.store.status("anna", "INBOX")[0]


def written(server) -> int:
    return server.store.state.next_letter + server.store.log.sequence


@pytest.mark.parametrize("octets", [BLOCK + 100, 15000])
def test_over_quota_the_message_is_not_asked_for(server, octets) -> None:
    talk(server, b"z NOOP")
    server.store.quota = BLOCK
    before = written(server)
    said = talk(server, waiting(octets), b"z NOOP").splitlines()
    assert said == [FULL, b"z OK NOOP completed"]
    assert written(server) == before


def test_a_quota_that_is_reached(server) -> None:
    server.store.quota = BLOCK
    assert talk(server, append()).startswith(b"A OK [APPENDUID ")
    assert talk(server, waiting(10)).splitlines() == [FULL]
    assert letters(server) == 1


def test_within_the_quota_it_is(server) -> None:
    server.store.quota = 2 * BLOCK
    said = talk(server, waiting(5) + b"\r\nHello")
    assert said.startswith(b"+ ") and b"\r\na OK [APPENDUID " in said
    assert letters(server) == 1


def test_without_room_the_message_is_not_asked_for(server, monkeypatch) -> None:
    talk(server, b"z NOOP")
    leave_room(monkeypatch, server, 5000)
    before = written(server)
    assert talk(server, waiting(5001), b"z NOOP").splitlines() == [NO_ROOM, b"z OK NOOP completed"]
    assert written(server) == before
    assert b"+ " in talk(server, waiting(5000) + b"\r\n" + b"x" * 5000)
    assert letters(server) == 1


@pytest.mark.parametrize("why", [FULL, NO_ROOM], ids=["quota", "room"])
def test_what_is_sent_unasked_is_thrown_away(server, monkeypatch, why) -> None:
    """No file is begun for it."""
    talk(server, b"z NOOP")
    if why is FULL:
        server.store.quota = BLOCK
    else:
        leave_room(monkeypatch, server, 5000)
    before = written(server)
    said = talk(server, sending(9000), b"z NOOP").splitlines()
    assert said == [why, b"z OK NOOP completed"]
    assert written(server) == before
    assert letters(server) == 0
