"""Two hundred letters from four senders at once while two readers read: nothing lost, nothing twice, nothing leaked."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.support import letters, mail
from tests.support.free_blocks import used_blocks
from tests.support.simulator import Simulator
from tests.support.trace import digest, sent_digest

SENDERS = 4
SEEDS = (1, 2)
BLOCKS_TOLERANCE = 8
HEAP_TOLERANCE = 1024
# Seconds for the whole reading, and for the store to give its blocks back when idle: bounds, not measurements.
PATIENCE = 240
IDLE_PATIENCE = 30


def send_share(simulator: Simulator, share: list[bytes]) -> None:
    """One sender: ten letters a session, as a scanner with a queue would."""
    for start in range(0, len(share), 10):
        with mail.smtp_session(simulator) as smtp:
            for letter in share[start : start + 10]:
                mail.send_in(smtp, letter)


def read_by_pop3(simulator: Simulator, expected: int, sent: threading.Event) -> Counter:
    """A client that polls and leaves copies: fetches what its UIDL list does not know."""
    known: dict[bytes, str] = {}
    end = time.monotonic() + PATIENCE
    while len(known) < expected and time.monotonic() < end:
        last_round = sent.is_set()
        with mail.pop3_session(simulator) as pop3:
            for line in pop3.uidl()[1]:
                number, identity = line.split()
                if identity not in known:
                    known[identity] = sent_digest(mail.retrieve(pop3, int(number)))
        if last_round:
            break
    return Counter(known.values())


def read_by_imap(simulator: Simulator, expected: int, sent: threading.Event) -> Counter:
    """A client that stays connected: fetches each new UID once."""
    known: dict[bytes, str] = {}
    end = time.monotonic() + PATIENCE
    with mail.imap_session(simulator) as imap:
        while len(known) < expected and time.monotonic() < end:
            last_round = sent.is_set()
            for uid in mail.uids(imap):
                if uid not in known:
                    known[uid] = sent_digest(mail.fetch(imap, uid))
            if last_round:
                break
            imap.noop()
    return Counter(known.values())


def deliver_while_reading(simulator: Simulator, all_letters: list[bytes]) -> tuple[Counter, Counter]:
    """Four senders and two readers at once; returns what each reader got."""
    sent = threading.Event()
    with ThreadPoolExecutor(SENDERS + 2) as pool:
        readers = [pool.submit(read, simulator, len(all_letters), sent) for read in (read_by_pop3, read_by_imap)]
        shares = [all_letters[number::SENDERS] for number in range(SENDERS)]
        senders = [pool.submit(send_share, simulator, share) for share in shares]
        try:
            for sender in senders:
                sender.result()
        finally:
            sent.set()
        by_pop3, by_imap = (reader.result() for reader in readers)
    return by_pop3, by_imap


def delete_all(simulator: Simulator, expected: int) -> None:
    """Half of them by POP3, the rest by IMAP."""
    with mail.pop3_session(simulator) as pop3:
        assert pop3.stat()[0] == expected
        for number in range(1, expected + 1, 2):
            pop3.dele(number)
    with mail.imap_session(simulator) as imap:
        assert len(mail.uids(imap)) == expected // 2
    mail.empty(simulator)


def one_round(simulator: Simulator, seed: int) -> None:
    all_letters = list(letters.two_hundred(seed))
    expected = Counter(digest(letter) for letter in all_letters)
    assert len(expected) == len(all_letters) == 200
    by_pop3, by_imap = deliver_while_reading(simulator, all_letters)
    assert by_pop3 == expected
    assert by_imap == expected
    # All present at once, read again from the flash by a new session.
    assert Counter(sent_digest(letter) for letter in mail.all_letters(simulator)) == expected
    delete_all(simulator, len(all_letters))


def lowest_used_blocks(simulator: Simulator, wanted: int) -> int:
    """Used blocks, once they are down to `wanted`; the store may tidy up when it is idle."""
    end = time.monotonic() + IDLE_PATIENCE
    while (used := used_blocks(simulator.flash_file)) > wanted and time.monotonic() < end:
        time.sleep(0.5)
    return used


def test_two_hundred_letters(start_simulator):
    simulator = start_simulator()
    empty = used_blocks(simulator.flash_file)
    one_round(simulator, SEEDS[0])
    after_first = lowest_used_blocks(simulator, empty + BLOCKS_TOLERANCE)
    assert after_first <= empty + BLOCKS_TOLERANCE
    heap = simulator.heap_free()
    one_round(simulator, SEEDS[1])
    after_second = lowest_used_blocks(simulator, after_first + BLOCKS_TOLERANCE)
    assert after_second <= after_first + BLOCKS_TOLERANCE
    assert simulator.heap_free(heap - HEAP_TOLERANCE) >= heap - HEAP_TOLERANCE
    figures = simulator.stats()
    assert figures["delivered"] == 400
    assert figures["sessions_open"] == 0
