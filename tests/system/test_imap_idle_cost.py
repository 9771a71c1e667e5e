"""What a session costs that has a mailbox selected and waits: its share of the heap, beside the mailbox's table."""

import time

from tests.support import letters, mail, wire
from tests.support.simulator import PASSWORDS, Simulator

ANNA = (b"anna", PASSWORDS["anna"].encode())
SESSIONS = 9
# Octets of heap.
MOST = 1536
# Code that nobody uses is forgotten after ten rounds of tidying, one a second.
TIDYING_S = 13


def connect(simulator: Simulator, idle: bool) -> wire.Wire:
    """A session that has worked a little, and waits now: for a command, or in IDLE."""
    imap = wire.imap(simulator, ANNA)
    imap.ask(b"e1 ENABLE QRESYNC", b"e1 OK")
    imap.ask(b"s1 SELECT INBOX", b"s1 OK")
    imap.ask(b"f1 UID FETCH 1:* (FLAGS)", b"f1 OK")
    imap.ask(b"t1 STORE 1 -FLAGS.SILENT (\\Answered)", b"t1 OK")
    if idle:
        imap.ask(b"i1 IDLE", b"+")
    return imap


def test_a_session_that_waits_costs_little(start_simulator):
    most = {"max_connections": 16, "max_connections_per_address": 16, "max_connections_per_user": 16}
    simulator = start_simulator(settings=most)
    for number in range(20):
        mail.send(simulator, letters.text_letter(number, 500))
    sessions = [connect(simulator, False)]
    time.sleep(TIDYING_S)
    with_one = simulator.heap_free()
    sessions += [connect(simulator, bool(k % 2)) for k in range(1, SESSIONS)]
    time.sleep(TIDYING_S)
    each = (with_one - simulator.heap_free()) / (SESSIONS - 1)
    for session in sessions:
        session.close()
    assert 0 < each <= MOST
