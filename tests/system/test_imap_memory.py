"""On a small heap: two mailboxes of a thousand letters in three sessions; one fetches, one searches, mail comes in."""

import threading

from tests.support import letters, mail, wire
from tests.support.simulator import PASSWORDS, Simulator

ANNA = (b"anna", PASSWORDS["anna"].encode())
LETTERS = 1000
BIG = 3 * letters.MB
# Letters delivered while others are at work.
ARRIVALS = 20
# The texts of a search that has to look into every body, and finds nothing.
ABSENT = b"no letter says this"
# The heap of a small board.
HEAP = "112k"


def fill(simulator: Simulator) -> None:
    """A thousand letters in INBOX, the big one last, and a copy of them all in Archive."""
    with mail.smtp_session(simulator) as smtp:
        for number in range(1, LETTERS):
            mail.send_in(smtp, letters.text_letter(number, 600))
        mail.send_in(smtp, letters.text_letter(LETTERS, BIG))
    with wire.imap(simulator, ANNA, b"INBOX") as imap:
        imap.ask(b"c1 COPY 1:* Archive", b"c1 OK")
        imap.ask(b"c2 LOGOUT", b"c2 OK")


def fetch_big(imap: wire.Wire) -> None:
    """Fetches the big letter and compares it."""
    imap.send(b"f1 UID FETCH %d BODY.PEEK[]\r\n" % LETTERS)
    line = imap.line()
    while not line.endswith(b"}"):
        assert line.startswith(b"* "), line
        line = imap.line()
    octets = imap.read(int(line[line.rindex(b"{") + 1 : -1]))
    imap.until(b"f1 OK")
    assert octets.endswith(letters.text_letter(LETTERS, BIG))


def search_all(imap: wire.Wire) -> None:
    """Searches every body."""
    assert imap.ask(b'b1 SEARCH BODY "%s"' % ABSENT, b"b1 ") == [b"* SEARCH", b"b1 OK SEARCH completed"]


def deliver(simulator: Simulator, watcher: wire.Wire) -> None:
    """Mail comes in, and another session hears of it."""
    with mail.smtp_session(simulator) as smtp:
        for number in range(ARRIVALS):
            mail.send_in(smtp, letters.text_letter(LETTERS + 1 + number, 4000))
            watcher.ask(b"n%d NOOP" % number, b"n%d OK" % number)


class Work(threading.Thread):
    """Something that a session does meanwhile; what goes wrong in it comes out of result()."""

    def __init__(self, function, session: wire.Wire) -> None:
        super().__init__()
        self.function, self.session = function, session
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.function(self.session)
        except BaseException as error:
            self.error = error

    def result(self) -> None:
        self.join(wire.PATIENCE)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


def test_two_mailboxes_of_a_thousand_letters_at_work(start_simulator):
    simulator = start_simulator("--heap", HEAP)
    fill(simulator)
    first, second, third = (wire.imap(simulator, ANNA, box) for box in (b"INBOX", b"INBOX", b"Archive"))
    work = [Work(fetch_big, first), Work(search_all, third)]
    deliver(simulator, second)
    for each in work:
        each.result()
    assert second.ask(b"e1 FETCH * (UID)", b"e1 OK")[-2] == b"* %d FETCH (UID %d)" % ((LETTERS + ARRIVALS,) * 2)
    for session in (first, second, third):
        session.ask(b"l1 LOGOUT", b"l1 OK")
        session.close()
    assert "memory" not in simulator.output(10000).lower()
