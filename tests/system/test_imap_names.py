"""What names of mailboxes cost: only what is kept of them, whatever characters they are of.

MicroPython keeps every character that is ever taken from a string by itself, for good.
"""

import base64

from tests.support import wire
from tests.support.simulator import PASSWORDS, Simulator

ANNA = (b"anna", PASSWORDS["anna"].encode())
# Characters in a name, and names: each character comes once.
CHARACTERS = 40
NAMES = 40
FIRST = 0x4E00
# Octets of heap; the characters would take over 20,000.
TOLERANCE = 2048


def name(number: int) -> bytes:
    """One of a kind, in modified UTF-7 (RFC 3501 5.1.3)."""
    first = FIRST + CHARACTERS * number
    text = "".join(map(chr, range(first, first + CHARACTERS)))
    return b"&" + base64.b64encode(text.encode("utf-16-be")).rstrip(b"=").replace(b"/", b",") + b"-"


def come_and_go(simulator: Simulator, numbers: range) -> None:
    with wire.imap(simulator, ANNA) as imap:
        for number in numbers:
            own = name(number)
            for command in (b"CREATE " + own, b"RENAME %b INBOX/%b" % (own, own), b"CREATE INBOX" + own):
                imap.ask(b"a " + command, b"a OK")
            for left in (b"INBOX/" + own, b"INBOX" + own):
                imap.ask(b"b DELETE " + left, b"b OK")
                imap.ask(b"c UNSUBSCRIBE " + left, b"c OK")
            imap.ask(b"d UNSUBSCRIBE " + own, b"d OK")
            assert imap.ask(b'e LSUB "" *&*', b"e OK")[:-1] == []


def test_ever_new_characters_cost_no_heap(start_simulator):
    simulator = start_simulator()
    come_and_go(simulator, range(2))
    heap = simulator.heap_free()
    come_and_go(simulator, range(2, NAMES))
    assert simulator.heap_free(heap - TOLERANCE) >= heap - TOLERANCE
