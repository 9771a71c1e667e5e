"""The k-th session of a service has its k-th allocation fail, k = 1 to 200 and more: only that session may suffer."""

import imaplib
import itertools
import poplib
import smtplib
from collections import Counter

import pytest

from tests.support import letters, mail
from tests.support.simulator import Simulator, wait_until
from tests.support.trace import digest, sent_digest

# Sessions, so also the last allocation that fails: the first 200, and for each service enough to see a letter through.
SESSIONS = {"smtp": 300, "pop3": 300, "imap": 700}
FIRST = 200
# How often the other services are looked at.
INTERVAL = 20
# Sessions of the service, without faults any more, that must all work at the end.
AFTERWARDS = 3
# Seconds for the last sessions to end.
PATIENCE = 15

# What a session may end with when memory fails it: an answer that says so, or the end of the connection.
FAILURES = (smtplib.SMTPException, poplib.error_proto, imaplib.IMAP4.error, AssertionError, EOFError, ConnectionError)


class Ledger:
    """What was acknowledged, and what was sent without an answer."""

    def __init__(self) -> None:
        self.acknowledged: Counter = Counter()
        self.sent: Counter = Counter()
        self.numbers = itertools.count(1)

    def next_letter(self) -> bytes:
        letter = letters.text_letter(next(self.numbers), 3000)
        self.sent[digest(letter)] += 1
        return letter

    def check_letter(self, letter: bytes) -> None:
        """Not an AssertionError, which a session may end with: a letter that is answered must be a right one."""
        if sent_digest(letter) not in self.sent:
            pytest.fail(f"not as it was sent: {letter[:200]!r}")

    def check(self, simulator: Simulator) -> None:
        """No acknowledged letter is missing, none is there twice, none is there that was not sent."""
        there = Counter(sent_digest(letter) for letter in mail.all_letters(simulator))
        missing = self.acknowledged - there
        assert not missing, f"{missing.total()} acknowledged letters are missing"
        assert not there - self.sent, "a letter is there twice, or was never sent"


def use_smtp(simulator: Simulator, ledger: Ledger) -> None:
    letter = ledger.next_letter()
    with mail.smtp_session(simulator) as smtp:
        mail.send_in(smtp, letter)
        ledger.acknowledged[digest(letter)] += 1


def use_pop3(simulator: Simulator, ledger: Ledger) -> None:
    with mail.pop3_session(simulator) as pop3:
        count = pop3.stat()[0]
        assert len(pop3.list()[1]) == len(pop3.uidl()[1]) == count
        ledger.check_letter(mail.retrieve(pop3, 1))
        pop3.top(count, 1)


def use_imap(simulator: Simulator, ledger: Ledger) -> None:
    letter = ledger.next_letter()
    with mail.imap_session(simulator) as imap:
        uids = mail.uids(imap)
        ledger.check_letter(mail.fetch(imap, uids[0]))
        mail.ok(imap.uid("FETCH", uids[-1].decode(), "(FLAGS ENVELOPE BODYSTRUCTURE)"))
        mail.ok(imap.append("INBOX", r"(\Seen)", None, letter))
        ledger.acknowledged[digest(letter)] += 1
        mail.ok(imap.uid("STORE", uids[0].decode(), "+FLAGS", r"(\Flagged)"))


USE = {"smtp": use_smtp, "pop3": use_pop3, "imap": use_imap}


@pytest.mark.parametrize("service", ["smtp", "pop3", "imap"])
def test_a_failed_allocation_costs_its_session_only(start_simulator, service):
    simulator = start_simulator("--fail-allocations", f"{service}:{SESSIONS[service]}")
    ledger = Ledger()
    others = [use for name, use in USE.items() if name != service]
    # A first letter, and a login that is remembered: deriving a key would take all of the 200 allocations.
    if service == "smtp":
        use_imap_append(simulator, ledger)
    else:
        use_smtp(simulator, ledger)
    for use in others:
        use(simulator, ledger)
    failed = 0
    for number in range(1, SESSIONS[service] + 1):
        try:
            USE[service](simulator, ledger)
        except FAILURES:
            failed += 1
        assert simulator.alive(), f"session {number} ended the server"
        if number % INTERVAL == 0:
            for use in others:
                use(simulator, ledger)
    # Each of the first 200, whether the session could do without it or not.
    assert simulator.stats()["allocation_faults"] >= FIRST
    assert failed > 0
    for _ in range(AFTERWARDS):
        for use in USE.values():
            use(simulator, ledger)
    ledger.check(simulator)
    wait_until("sessions to end", lambda: simulator.stats()["sessions_open"] == 0, PATIENCE)
    simulator.restart_without("--fail-allocations", f"{service}:{SESSIONS[service]}")
    ledger.check(simulator)


def use_imap_append(simulator: Simulator, ledger: Ledger) -> None:
    """A first letter that does not come by SMTP."""
    letter = ledger.next_letter()
    with mail.imap_session(simulator) as imap:
        mail.ok(imap.append("INBOX", None, None, letter))
    ledger.acknowledged[digest(letter)] += 1
