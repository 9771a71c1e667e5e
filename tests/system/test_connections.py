"""Too many connections, and silent ones: refused or closed in the words of their protocol, and the server goes on."""

import pytest

from tests.support import letters, mail, wire
from tests.support.simulator import PASSWORDS, Simulator, wait_until

ANNA = (b"anna", PASSWORDS["anna"].encode())
CONNECTIONS = 30
GREETING = {"smtp": b"220 ", "pop3": b"+OK", "imap": b"* OK"}
REFUSAL = {"smtp": b"421 ", "pop3": b"-ERR", "imap": b"* BYE"}
# Seconds for the server to notice that clients have gone.
PATIENCE = 15


def connect(simulator: Simulator, service: str, source: str = "") -> tuple[wire.Wire, bool]:
    """A connection and whether it was greeted; a refused one must have been refused in words, and closed."""
    connection = wire.Wire(simulator, service, source=source)
    line = connection.line()
    if line.startswith(GREETING[service]):
        return connection, True
    assert line.startswith(REFUSAL[service]), line
    assert connection.rest() == []
    return connection, False


def everything_works(simulator: Simulator) -> None:
    """A letter goes in and comes out, by each protocol."""
    wait_until("sessions to end", lambda: simulator.stats()["sessions_open"] == 0, PATIENCE)
    mail.empty(simulator)
    mail.send(simulator, letters.plain())
    with mail.pop3_session(simulator) as pop3:
        assert pop3.stat()[0] == 1
    assert len(mail.all_letters(simulator)) == 1


def close_all(connections: list[tuple[wire.Wire, bool]]) -> None:
    for connection, _ in connections:
        connection.close()


@pytest.mark.parametrize("service", ["smtp", "pop3", "imap"])
def test_thirty_connections_from_one_address(start_simulator, service):
    simulator = start_simulator(settings={"max_connections": 20, "max_connections_per_address": 10})
    connections = [connect(simulator, service) for _ in range(CONNECTIONS)]
    assert [greeted for _, greeted in connections] == [True] * 10 + [False] * 20
    # Those that were let in are served.
    for connection, _ in connections[:10]:
        connection.ask(b"a1 NOOP" if service == "imap" else b"QUIT", b"a1 OK" if service == "imap" else b"")
    close_all(connections)
    everything_works(simulator)


def test_thirty_connections_from_thirty_addresses(start_simulator):
    simulator = start_simulator(settings={"max_connections": 20})
    services = ["imap", "pop3", "smtp"] * 10
    connections = [connect(simulator, service, f"127.0.1.{number + 1}") for number, service in enumerate(services)]
    assert [greeted for _, greeted in connections] == [True] * 20 + [False] * 10
    close_all(connections)
    everything_works(simulator)


def test_thirty_connections_with_the_caps_that_it_has_by_itself(start_simulator):
    """Those that are let in can also log in and work: the default cap is one that the heap bears."""
    simulator = start_simulator()
    mail.send(simulator, letters.plain())
    connections = [connect(simulator, "imap", f"127.0.1.{number + 1}") for number in range(CONNECTIONS)]
    served = [connection for connection, greeted in connections if greeted]
    # About 12 at 112k, less the slot that is kept for port 25.
    assert 9 <= len(served) <= 12
    for number, connection in enumerate(served):
        user = sorted(PASSWORDS)[number % len(PASSWORDS)]
        password = PASSWORDS[user].replace("\\", "\\\\").replace('"', '\\"')
        connection.ask(f'a1 LOGIN {user} "{password}"'.encode(), b"a1 OK")
        connection.ask(b"a2 SELECT INBOX", b"a2 OK")
    for connection in served:
        connection.ask(b"a3 NOOP", b"a3 OK")
    mail.send(simulator, letters.plain())
    close_all(connections)
    everything_works(simulator)


def test_one_address_does_not_take_all_slots(start_simulator):
    simulator = start_simulator()
    connections = [connect(simulator, "smtp", "127.0.1.1") for _ in range(CONNECTIONS)]
    assert 0 < sum(greeted for _, greeted in connections) < CONNECTIONS
    others = [connect(simulator, service, "127.0.1.2") for service in ("smtp", "imap")]
    assert [greeted for _, greeted in others] == [True, True]
    close_all(connections + others)
    everything_works(simulator)


def test_port_25_keeps_a_slot(start_simulator):
    simulator = start_simulator(settings={"max_connections": 12})
    connections = [connect(simulator, "imap", f"127.0.1.{number + 1}") for number in range(CONNECTIONS)]
    assert sum(greeted for _, greeted in connections) == 11
    mail.send(simulator, letters.plain())
    close_all(connections)
    everything_works(simulator)


def test_too_many_connections_of_one_user(start_simulator):
    simulator = start_simulator(settings={"max_connections_per_user": 3})
    open_sessions = [wire.imap(simulator, ANNA) for _ in range(3)]
    with wire.imap(simulator) as imap:
        imap.ask(b"a1 LOGIN %s %s" % ANNA, b"a1 NO")
    with wire.pop3(simulator) as pop3:
        pop3.ask(b"USER anna", b"+OK")
        pop3.ask(b"PASS " + ANNA[1], b"-ERR")
    with mail.pop3_session(simulator, "clara") as other:
        assert other.stat()[0] == 0
    for session in open_sessions:
        session.ask(b"a2 LOGOUT", b"a2 OK")
        session.close()
    everything_works(simulator)


def test_the_longest_idle_connection_makes_room(start_simulator):
    simulator = start_simulator(settings={"max_connections": 6, "max_connections_per_user": 10})
    idle = []
    for number in range(4):
        session = wire.imap(simulator, ANNA, b"INBOX", source=f"127.0.1.{number + 1}")
        session.ask(b"i1 IDLE", b"+")
        idle.append(session)
    others = [connect(simulator, "imap", f"127.0.2.{number + 1}") for number in range(1)]
    assert all(greeted for _, greeted in others)
    assert idle[0].rest()[-1].startswith(b"* BYE")
    for session in idle:
        session.close()
    close_all(others)
    everything_works(simulator)


SHORT = {"login_timeout": 2, "smtp_command_timeout": 2, "smtp_data_timeout": 2, "pop3_timeout": 2, "imap_timeout": 2}
HEAD = b"EHLO client.office.lan\r\n"
ENVELOPE = HEAD + b"MAIL FROM:<clara@office.lan>\r\nRCPT TO:<anna@office.lan>\r\n"
POP3_LOGIN = b"USER anna\r\nPASS %s\r\n" % ANNA[1]
IMAP_LOGIN = b"a1 LOGIN %s %s\r\n" % ANNA
# What a client says before it falls silent.
STEPS = {
    "smtp": {
        "greeting": b"",
        "hello": HEAD,
        "half a command": HEAD + b"MAIL FR",
        "mail": HEAD + b"MAIL FROM:<>\r\n",
        "recipient": ENVELOPE,
        "data": ENVELOPE + b"DATA\r\n",
        "letter": ENVELOPE + b"DATA\r\nSubject: x\r\n\r\nhalf",
        "end of data": ENVELOPE + b"DATA\r\nSubject: x\r\n\r\nhalf\r\n.\r",
        "auth": HEAD + b"AUTH LOGIN\r\n",
        "auth plain": HEAD + b"AUTH PLAIN\r\n",
    },
    "pop3": {
        "greeting": b"",
        "user": b"USER anna\r\n",
        "half a command": b"USER an",
        "login": POP3_LOGIN,
        "list": POP3_LOGIN + b"LIST\r\n",
        "after login half a command": POP3_LOGIN + b"RET",
    },
    "imap": {
        "greeting": b"",
        "half a command": b"a1 LOG",
        "login": IMAP_LOGIN,
        "authenticate": b"a1 AUTHENTICATE PLAIN\r\n",
        "login literal": b"a1 LOGIN {4}\r\nan",
        "select": IMAP_LOGIN + b"a2 SELECT INBOX\r\n",
        "append": IMAP_LOGIN + b"a2 APPEND INBOX {1000}\r\nhalf",
        "idle": IMAP_LOGIN + b"a2 SELECT INBOX\r\na3 IDLE\r\n",
    },
}


def say(connection: wire.Wire, said: bytes) -> None:
    """Sends it, and waits for the reply to DATA: a letter must not come before (RFC 2920 3.1)."""
    commands, data, letter = said.partition(b"DATA\r\n")
    connection.send(commands + data)
    if letter:
        connection.until(b"354")
        connection.send(letter)


def test_a_client_silent_at_any_step_is_closed(start_simulator):
    """All of a protocol's steps at once: each connection ends in words, and the letters half sent leave nothing."""
    simulator = start_simulator(settings=SHORT)
    for service, steps in STEPS.items():
        silent = {}
        for step, said in steps.items():
            silent[step] = wire.Wire(simulator, service)
            say(silent[step], said)
        for step, connection in silent.items():
            last = connection.rest()[-1]
            assert last.startswith(REFUSAL[service]), (service, step, last)
            connection.close()
    assert mail.all_letters(simulator) == []
    everything_works(simulator)


@pytest.mark.parametrize("service", ["pop3", "imap"])
def test_a_client_that_stops_reading_is_closed(start_simulator, service):
    simulator = start_simulator(settings={**SHORT, "max_message_size": 5 * letters.MB})
    # More than the sockets of both sides hold.
    for number in range(3):
        mail.send(simulator, letters.large_letter(number, 3 * letters.MB))
    if service == "pop3":
        stuck = wire.pop3(simulator, ANNA, receive_buffer=4096)
        stuck.send(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n")
    else:
        stuck = wire.imap(simulator, ANNA, b"INBOX", receive_buffer=4096)
        stuck.send(b"f1 FETCH 1:3 (BODY.PEEK[])\r\n")
    with stuck:
        wait_until("the server to give up", lambda: simulator.stats()["sessions_open"] == 0, PATIENCE)
    everything_works(simulator)
