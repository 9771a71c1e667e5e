"""Bad input over TCP, as tables: every line is an input and the answer it must get.

After the answer the session goes on, or it ends in the protocol's own words; the server serves the next client in any
case, and after all tables its heap is free again.
"""

import random
import socket
import time

import pytest

from tests.support.imap_grammar import Watch
from tests.support.simulator import PASSWORDS, Simulator

PATIENCE_S = 60
SEED = 20261124
MIB = 1024 * 1024
# Octets that the free heap may differ by after all the bad input: caches and tables that are made once.
HEAP_ALLOWANCE = 1024
MAX_MESSAGE = 60000

ANNA = PASSWORDS["anna"].encode()
# What proves that a session goes on, by protocol.
PROOF = {"smtp": (b"NOOP\r\n", b"250 "), "pop3": (b"CAPA\r\n", b"+OK"), "imap": (b"zz NOOP\r\n", b"zz OK")}
GREETING = {"smtp": b"220 ", "pop3": b"+OK", "imap": b"* OK"}
LOGIN = {
    "smtp": [(b"EHLO test", b"250 ")],
    "pop3": [(b"USER anna", b"+OK"), (b"PASS " + ANNA, b"+OK")],
    "imap": [(b"l LOGIN anna " + ANNA, b"l OK"), (b"s SELECT INBOX", b"s OK")],
}
SERVICES = tuple(GREETING)


class Peer:
    """A connection that sends octets and reads lines."""

    def __init__(self, simulator, service, login=False):
        self.service = service
        self.sock = socket.create_connection((simulator.host, simulator.ports[service]), PATIENCE_S)
        self.file = self.sock.makefile("rb")
        self.watch = Watch() if service == "imap" else None
        self.until(GREETING[service])
        if login:
            for command, answer in LOGIN[service]:
                self.ask(command, answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, data):
        if self.watch:
            self.watch.said(data)
        self.sock.sendall(data)

    def line(self):
        """The next line without its CRLF, None when the server has closed."""
        try:
            line = self.file.readline()
        except ConnectionError:
            return None
        if self.watch:
            self.watch.heard(line)
        return line.rstrip(b"\r\n") if line else None

    def until(self, start):
        """Reads up to the line that begins so. Fails when the server closes before."""
        seen = []
        while True:
            line = self.line()
            assert line is not None, f"{self.service}: closed before {start!r}; came: {seen[-5:]}"
            if line.startswith(start):
                return line
            seen.append(line)

    def ask(self, command, start):
        self.send(command + b"\r\n")
        return self.until(start)

    def answer(self, command):
        """The first line that answers."""
        self.send(command + b"\r\n")
        return self.line()

    def goes_on(self):
        command, start = PROOF[self.service]
        self.send(command)
        self.until(start)

    def drain(self):
        """Reads until the server closes; returns the last line."""
        last = None
        while (line := self.line()) is not None:
            last = line
        return last


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad-input")
    settings = {"max_message_size": MAX_MESSAGE, "max_connections_per_address": 20}
    with Simulator(folder, settings=settings) as simulator:
        yield simulator


def assert_serves(simulator):
    """Every service takes a new client and does something for it."""
    for service in SERVICES:
        with Peer(simulator, service, login=True) as peer:
            peer.goes_on()


# One line in, one error out, the session goes on ----------------------------------------------------------------------

LONG = 70000
TABLE = [
    # service, logged in, input, start of the answer
    ("smtp", False, b"", b"500"),
    ("smtp", False, b"UNKNOWN", b"500"),
    ("smtp", False, b"\x00\x01\x02\xff", b"500"),
    ("smtp", False, b"EHLO", b"501"),
    ("smtp", False, b"HELO", b"501"),
    ("smtp", False, b"MAIL FROM:<a@b.example>", b"503"),
    ("smtp", False, b"RCPT TO:<anna@office.lan>", b"503"),
    ("smtp", False, b"DATA", b"503"),
    ("smtp", False, b"AUTH PLAIN", b"503"),
    ("smtp", True, b"MAIL", b"501"),
    ("smtp", True, b"MAIL FROM", b"501"),
    ("smtp", True, b"MAIL FROM:", b"501"),
    ("smtp", True, b"MAIL TO:<a@b.example>", b"501"),
    ("smtp", True, b"MAIL FROM:<a@b.example", b"501"),
    ("smtp", True, b"MAIL FROM:<a b@c.example>", b"501"),
    ("smtp", True, b"MAIL FROM:<@>", b"501"),
    ("smtp", True, b"MAIL FROM:<a@>", b"501"),
    ("smtp", True, b"MAIL FROM:<a@b..example>", b"501"),
    ("smtp", True, b"MAIL FROM:<" + b"a" * 65 + b"@b.example>", b"501"),
    ("smtp", True, b"MAIL FROM:<a@" + b"b" * 300 + b">", b"501"),
    ("smtp", True, b"MAIL FROM:<" + b"@a.example," * 60 + b"x>", b"501"),
    ("smtp", True, b"MAIL FROM:<a\x00b@c.example>", b"501"),
    ("smtp", True, b"MAIL FROM:<\xff@c.example>", b"553"),
    ("smtp", True, b"MAIL FROM:<a@b.example> SIZE=", b"501"),
    ("smtp", True, b"MAIL FROM:<a@b.example> SIZE=-1", b"501"),
    ("smtp", True, b"MAIL FROM:<a@b.example> SIZE=" + b"9" * 20, b"552"),
    ("smtp", True, b"MAIL FROM:<a@b.example> SIZE=" + b"9" * 21, b"501"),
    ("smtp", True, b"MAIL FROM:<a@b.example> SIZE=1 SIZE=2", b"501"),
    ("smtp", True, b"MAIL FROM:<a@b.example> BODY=9BIT", b"501"),
    ("smtp", True, b"MAIL FROM:<a@b.example> X=Y", b"555"),
    ("smtp", True, b"RCPT TO:<anna@office.lan>", b"503"),
    ("smtp", True, b"DATA", b"503"),
    ("smtp", True, b"AUTH", b"501"),
    ("smtp", True, b"AUTH UNKNOWN", b"504"),
    ("smtp", True, b"AUTH PLAIN =", b"501"),
    ("smtp", True, b"AUTH PLAIN " + b"A" * 3000, b"500"),
    ("smtp", True, b"AUTH LOGIN \xff\xff", b"501"),
    ("smtp", True, b"NOOP " + b"x" * 3000, b"500"),
    ("smtp", True, b"x" * LONG, b"500"),
    ("smtp", True, b"STARTTLS", b"502"),
    ("smtp", True, b"BDAT 10 LAST", b"500"),
    ("pop3", False, b"", b"-ERR"),
    ("pop3", False, b"UNKNOWN", b"-ERR"),
    ("pop3", False, b"\x00\xff\xfe", b"-ERR"),
    ("pop3", False, b"USER", b"-ERR"),
    ("pop3", False, b"PASS", b"-ERR"),
    ("pop3", False, b"PASS x", b"-ERR"),
    ("pop3", False, b"STAT", b"-ERR"),
    ("pop3", False, b"RETR 1", b"-ERR"),
    ("pop3", False, b"APOP anna 0123456789abcdef0123456789abcdef", b"-ERR"),
    ("pop3", False, b"AUTH PLAIN", b"-ERR"),
    ("pop3", False, b"x" * LONG, b"-ERR"),
    ("pop3", False, b"USER " + b"x" * 300, b"-ERR"),
    ("pop3", True, b"USER anna", b"-ERR"),
    ("pop3", True, b"RETR", b"-ERR"),
    ("pop3", True, b"RETR 0", b"-ERR"),
    ("pop3", True, b"RETR -1", b"-ERR"),
    ("pop3", True, b"RETR 1.5", b"-ERR"),
    ("pop3", True, b"RETR 4294967296", b"-ERR"),
    ("pop3", True, b"RETR " + b"9" * 200, b"-ERR"),
    ("pop3", True, b"RETR \xb2", b"-ERR"),
    ("pop3", True, b"DELE", b"-ERR"),
    ("pop3", True, b"DELE 99", b"-ERR"),
    ("pop3", True, b"TOP", b"-ERR"),
    ("pop3", True, b"TOP 1", b"-ERR"),
    ("pop3", True, b"TOP 1 x", b"-ERR"),
    ("pop3", True, b"TOP 1 99999999999", b"-ERR"),
    ("pop3", True, b"LIST x", b"-ERR"),
    ("pop3", True, b"UIDL 99", b"-ERR"),
    ("pop3", True, b"STAT 1", b"-ERR"),
    ("pop3", True, b"QUIT now", b"-ERR"),
    ("pop3", True, b"x" * LONG, b"-ERR"),
    ("imap", False, b"", b"* BAD"),
    ("imap", False, b"a", b"a BAD"),
    ("imap", False, b"a UNKNOWN", b"a BAD"),
    ("imap", False, b"\x00\xff\xfe", b"* BAD"),
    ("imap", False, b"a SELECT INBOX", b"a BAD"),
    ("imap", False, b"a LOGIN", b"a BAD"),
    ("imap", False, b"a LOGIN anna", b"a BAD"),
    ("imap", False, b'a LOGIN anna "x', b"a BAD"),
    ("imap", False, b"a LOGIN {4294967295}", b"a BAD"),
    ("imap", False, b"a LOGIN {4294967296}", b"a BAD"),
    ("imap", False, b"a LOGIN {99999999999999999999}", b"a BAD"),
    ("imap", False, b"a LOGIN {-1}", b"a BAD"),
    ("imap", False, b"a LOGIN {x}", b"a BAD"),
    ("imap", False, b"a LOGIN {}", b"a BAD"),
    ("imap", False, b"a ID " + b"(" * 500, b"a BAD"),
    ("imap", False, b"a AUTHENTICATE", b"a BAD"),
    ("imap", False, b"a AUTHENTICATE UNKNOWN", b"a NO"),
    ("imap", False, b"a AUTHENTICATE PLAIN !", b"a BAD"),
    ("imap", False, b"a AUTHENTICATE PLAIN " + b"A" * 900, b"a BAD"),
    ("imap", False, b"a APPEND INBOX {4294967295}", b"a BAD"),
    ("imap", True, b"a FETCH", b"a BAD"),
    ("imap", True, b"a FETCH 1", b"a BAD"),
    ("imap", True, b"a FETCH 1 " + b"(" * 3000, b"a BAD"),
    ("imap", True, b"a SEARCH " + b"(" * 3000 + b"ALL" + b")" * 3000, b"a BAD"),
    ("imap", True, b"a SEARCH " + b"NOT " * 1500 + b"ALL", b"a BAD"),
    ("imap", True, b"a SEARCH " + b"OR ALL " * 1000 + b"ALL", b"a BAD"),
    ("imap", True, b"a SEARCH {4294967295}", b"a BAD"),
    ("imap", True, b"a SEARCH SUBJECT {4294967295}", b"a BAD"),
    ("imap", True, b"a SEARCH SUBJECT {-1}", b"a BAD"),
    ("imap", True, b"a UID FETCH 0 FLAGS", b"a BAD"),
    ("imap", True, b"a UID FETCH 4294967296 FLAGS", b"a BAD"),
    ("imap", True, b"a UID FETCH -1 FLAGS", b"a BAD"),
    ("imap", True, b"a UID FETCH 1: FLAGS", b"a BAD"),
    ("imap", True, b"a UID FETCH :1 FLAGS", b"a BAD"),
    ("imap", True, b"a UID FETCH 1,, FLAGS", b"a BAD"),
    ("imap", True, b"a UID FETCH " + b"1:*," * 1900 + b" FLAGS", b"a BAD"),
    ("imap", True, b"a UID FETCH 1:4294967295 FLAGS", b"a OK"),
    ("imap", True, b"a UID FETCH 4294967295:1 FLAGS", b"a OK"),
    ("imap", True, b"a UID FETCH 1:4294967295,1:4294967295,*:*,4294967295 FLAGS", b"a OK"),
    ("imap", True, b"a UID SEARCH 1:4294967295", b"* SEARCH"),
    ("imap", True, b"a UID STORE 1:4294967295 +FLAGS.SILENT (\\Seen)", b"a OK"),
    ("imap", True, b"a UID COPY 1:4294967295 Trash", b"a OK"),
    ("imap", True, b"a FETCH 1:4294967295 FLAGS", b"a BAD"),
    ("imap", True, b"a UID FETCH 1 BODY[1" + b".1" * 500 + b"]", b"a BAD"),
    ("imap", True, b"a UID FETCH 1 BODY[0]", b"a BAD"),
    ("imap", True, b"a UID FETCH 1 BODY[4294967296]", b"a BAD"),
    ("imap", True, b"a UID FETCH 1 BODY[]<-1.5>", b"a BAD"),
    ("imap", True, b"a UID FETCH 1 BODY[HEADER.FIELDS ()]", b"a BAD"),
    ("imap", True, b"a UID FETCH 1 BODY[HEADER.FIELDS (" + b"x " * 1000 + b"x)]", b"a BAD"),
    ("imap", True, b"a UID FETCH 1 (" + b"BODY.PEEK[] " * 300 + b"UID)", b"a BAD"),
    ("imap", True, b"a UID STORE 1 FLAGS (\\)", b"a BAD"),
    ("imap", True, b"a UID STORE 1 +FLAGS (\\Unknown)", b"a BAD"),
    ("imap", True, b"a UID STORE 1 +FLAGS (" + b"x" * 200 + b")", b"a BAD"),
    ("imap", True, b"a UID STORE 1 +FLAGS (a b", b"a BAD"),
    ("imap", True, b"a CREATE " + b"x" * 3000, b"a NO"),
    ("imap", True, b"a CREATE " + b"x/" * 1000 + b"x", b"a NO"),
    ("imap", True, b"a CREATE \xff", b"a "),
    ("imap", True, b"a CREATE &", b"a NO"),
    ("imap", True, b"a CREATE ../up", b"a "),
    ("imap", True, b'a CREATE "a\\b"', b"a BAD"),
    ("imap", True, b'a LIST "" ' + b"%*" * 400, b"* LIST"),
    ("imap", True, b'a LIST "" ' + b"x" * 2000, b"a BAD"),
    ("imap", True, b"a STATUS INBOX (" + b"MESSAGES " * 500 + b"RECENT)", b"* STATUS"),
    ("imap", True, b"a APPEND INBOX {4294967295}", b"a NO"),
    ("imap", True, b"a APPEND INBOX {-1}", b"a BAD"),
    ("imap", True, b"a APPEND INBOX {}", b"a BAD"),
    ("imap", True, b"a APPEND INBOX", b"a BAD"),
    ("imap", True, b'a APPEND INBOX () "99-Xxx-0000 99:99:99 +9999" {10}', b"a BAD"),
    ("imap", True, b"a " + b"x" * LONG, (b"a BAD", b"* BAD")),
    # All of it could be a tag, and a part of it is none.
    ("imap", True, b"x" * LONG, b"* BAD"),
    ("imap", True, b"\xff" * 100, b"* BAD"),
    ("imap", True, b"a\x00b NOOP", b"* BAD"),
    ("imap", True, b"+ NOOP", b"* BAD"),
]


def label(case):
    text = case[2][:30].decode("latin-1").encode("unicode_escape").decode()
    return f"{case[0]}-{'in' if case[1] else 'out'}-{text}-{len(case[2])}"


@pytest.mark.parametrize("case", TABLE, ids=[label(case) for case in TABLE])
def test_wrong_command(server, case):
    service, login, line, start = case
    with Peer(server, service, login) as peer:
        answer = peer.answer(line)
        assert answer is not None and answer.startswith(start), answer
        # A reply may have several lines: untagged responses come before the tag.
        if start in (b"* LIST", b"* SEARCH", b"* STATUS"):
            peer.until(b"a OK")
        peer.goes_on()


# Literals -------------------------------------------------------------------------------------------------------------


def test_empty_literals(server):
    with Peer(server, "imap", login=True) as peer:
        peer.send(b"a LIST {0}\r\n")
        assert peer.line().startswith(b"+ ")
        peer.send(b" {0+}\r\n\r\n")
        peer.until(b"a OK")
        peer.send(b"b APPEND INBOX {0}\r\n")
        answer = peer.line()
        if answer.startswith(b"+"):
            peer.send(b"\r\n")
            answer = peer.until(b"b ")
        assert answer.startswith((b"b OK", b"b NO", b"b BAD"))
        peer.goes_on()


def test_literal_that_is_not_finished_by_a_command(server):
    with Peer(server, "imap", login=True) as peer:
        peer.send(b"a SELECT {10+}\r\n0123456789 and more\r\n")
        assert peer.line().startswith((b"a BAD", b"a NO"))
        peer.goes_on()


@pytest.mark.parametrize("size", [5000, 4294967295])
def test_large_literal_sent_without_asking_ends_the_session_politely(server, size):
    """LITERAL- lets a client send 4,096 octets unasked (RFC 7888 5); whatever more it announces is not waited for."""
    with Peer(server, "imap", login=True) as peer:
        peer.send(b"a SELECT {%d+}\r\n" % size)
        peer.until(b"* BYE")
    assert_serves(server)


def test_large_letter_sent_without_asking(server):
    """One that is too large is read to its end and refused: the session is in step behind it."""
    with Peer(server, "imap", login=True) as peer:
        peer.send(b"a APPEND INBOX {%d+}\r\n" % (10 * MIB))
        for _ in range(10 * MIB // 65536):
            peer.send(b"x" * 65536)
        assert peer.answer(b"").startswith(b"a NO")
        peer.goes_on()


def test_many_small_literals(server):
    with Peer(server, "imap", login=True) as peer:
        peer.send(b"a SEARCH" + b" SUBJECT {1+}\r\nx" * 500 + b"\r\n")
        # Refused at some point; how the rest is read is the server's affair, but it must serve on.
        answer = peer.line()
        assert answer is not None and answer.startswith((b"a BAD", b"a NO", b"* BYE", b"* BAD")), answer
    assert_serves(server)


# No line end, noise ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("service", SERVICES)
def test_ten_megabytes_without_a_line_end(server, service, login):
    with Peer(server, service, login) as peer:
        block = b"x" * 65536
        for _ in range(10 * MIB // len(block)):
            peer.send(block)
        answer = peer.answer(b"")
        assert answer.startswith({"smtp": b"500", "pop3": b"-ERR", "imap": b"* BAD"}[service])
        peer.goes_on()


def test_ten_megabytes_of_data_without_a_line_end(server):
    """Too large for the limit: read to its end in constant memory, refused, and the session goes on."""
    with Peer(server, "smtp", login=True) as peer:
        peer.ask(b"MAIL FROM:<a@b.example>", b"250")
        peer.ask(b"RCPT TO:<anna@office.lan>", b"250")
        peer.ask(b"DATA", b"354")
        for _ in range(10 * MIB // 65536):
            peer.send(b"\x00\xff.x" * 16384)
        peer.send(b"\r\n.\r\n")
        assert peer.line().startswith(b"552")
        peer.goes_on()


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("service", SERVICES)
def test_binary_noise(server, service, login):
    noise = random.Random(f"{SEED} {service} {login}")
    for _ in range(5):
        with Peer(server, service, login) as peer:
            try:
                for _ in range(40):
                    peer.send(noise.randbytes(noise.randrange(1, 3000)))
                # What the noise announced is not waited for: our side ends here.
                peer.sock.shutdown(socket.SHUT_WR)
                peer.drain()
            except ConnectionError:
                pass
    assert_serves(server)


def test_noise_of_protocol_characters(server):
    """Lines made of the characters that mean something: every one is answered, none ends the server."""
    noise = random.Random(SEED)
    alphabet = b'()[]{}<>"\\*%&~+-.,:; \x00\xff01AB'
    for service in SERVICES:
        for _ in range(15):
            with Peer(server, service, login=True) as peer:
                try:
                    for _ in range(15):
                        line = bytes(noise.choice(alphabet) for _ in range(noise.randrange(1, 60)))
                        # A literal would make the server wait for octets that never come.
                        line = line.rstrip(b"}") or b"x"
                        prefix = {"smtp": b"MAIL FROM:", "pop3": b"TOP ", "imap": b"a UID FETCH 1 "}[service]
                        peer.send(prefix + line + b"\r\n")
                        assert peer.line() is not None
                except ConnectionError:
                    pass
    assert_serves(server)


# Disconnect at every step ---------------------------------------------------------------------------------------------

LETTER = b"Subject: x\r\n\r\n" + b"text\r\n" * 500
# Each dialog: octets sent, start of the answer that is waited for (None: nothing is).
DIALOGS = {
    "smtp": [
        (b"EHLO test\r\n", b"250 "),
        (b"AUTH LOGIN\r\n", b"334"),
        (b"*\r\n", b"501"),
        (b"MAIL FROM:<a@b.example>\r\n", b"250"),
        (b"RCPT TO:<anna@office.lan>\r\n", b"250"),
        (b"RCPT TO:<ben@office.lan>\r\n", b"250"),
        (b"DATA\r\n", b"354"),
        (LETTER, None),
        (b"\r\n.", None),
    ],
    "pop3": [
        (b"USER anna\r\n", b"+OK"),
        (b"PASS " + ANNA + b"\r\n", b"+OK"),
        (b"STAT\r\n", b"+OK"),
        (b"LIST\r\n", b"+OK"),
        (b"UIDL\r\n", b"+OK"),
        (b"RETR 1\r\n", b"+OK"),
        (b"TOP 1 0\r\n", b"+OK"),
        (b"DELE 1\r\n", b"+OK"),
    ],
    "imap": [
        (b"a LOGIN {4}\r\n", b"+"),
        (b"anna " + ANNA + b"\r\n", b"a OK"),
        (b"b SELECT INBOX\r\n", b"b OK"),
        (b"c FETCH 1 BODY.PEEK[]\r\n", b"* 1 FETCH"),
        (b"d APPEND Trash {%d}\r\n" % len(LETTER), b"+"),
        (LETTER[:100], None),
        (LETTER[100:], None),
        (b"\r\ne IDLE\r\n", b"+"),
        (b"DON", None),
    ],
}
STEPS = [(service, count) for service, dialog in DIALOGS.items() for count in range(len(dialog) + 1)]


@pytest.fixture(scope="module")
def letter_in_inbox(server):
    with Peer(server, "imap", login=True) as peer:
        peer.ask(b"a APPEND INBOX {%d}" % len(LETTER), b"+")
        peer.ask(LETTER, b"a OK")


@pytest.mark.parametrize("abort", ["close", "reset"])
@pytest.mark.parametrize(("service", "count"), STEPS)
def test_disconnect_at_every_step(server, letter_in_inbox, service, count, abort):
    with Peer(server, service) as peer:
        for data, start in DIALOGS[service][:count]:
            peer.send(data)
            if start is not None:
                peer.until(start)
        if abort == "reset":
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    # The letter is still there, no lock is left, and nothing that was half sent has arrived.
    with Peer(server, "pop3") as peer:
        peer.ask(b"USER anna", b"+OK")
        wait_for_lock(peer)
        assert int(peer.ask(b"STAT", b"+OK").split()[1]) >= 1
    with Peer(server, "pop3") as peer:
        peer.ask(b"USER ben", b"+OK")
        peer.ask(b"PASS " + PASSWORDS["ben"].encode(), b"+OK")
        assert peer.ask(b"STAT", b"+OK") == b"+OK 0 0"


def wait_for_lock(peer):
    """Logs in; the session before may take a moment to notice that its client has gone."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = peer.answer(b"PASS " + ANNA)
        if answer.startswith(b"+OK"):
            return
        assert b"[IN-USE]" in answer and time.monotonic() < deadline, answer
        time.sleep(0.05)
        peer.ask(b"USER anna", b"+OK")


# Smuggling ------------------------------------------------------------------------------------------------------------

# Ends of data that are none, between two letters (RFC 5321 2.3.8, 4.1.1.4).
FALSE_ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\n.\r",
    b"\r\n\x00.\r\n",
    b"\r\r\n.\n",
    b"\r\n.\x00\r\n",
]
SMUGGLED = (
    b"MAIL FROM:<smuggler@b.example>\r\nRCPT TO:<ben@office.lan>\r\nDATA\r\nSubject: smuggled\r\n\r\nsecond\r\n.\r\n"
)


def count_letters(simulator, user):
    with Peer(simulator, "pop3") as peer:
        peer.ask(b"USER " + user, b"+OK")
        peer.ask(b"PASS " + PASSWORDS[user.decode()].encode(), b"+OK")
        return int(peer.ask(b"STAT", b"+OK").split()[1])


def remove_letters(simulator, user):
    with Peer(simulator, "pop3") as peer:
        peer.ask(b"USER " + user, b"+OK")
        peer.ask(b"PASS " + PASSWORDS[user.decode()].encode(), b"+OK")
        for number in range(int(peer.ask(b"STAT", b"+OK").split()[1])):
            peer.ask(b"DELE %d" % (number + 1), b"+OK")
        peer.ask(b"QUIT", b"+OK")


@pytest.mark.parametrize("end", FALSE_ENDS, ids=[repr(end) for end in FALSE_ENDS])
def test_false_end_of_data_smuggles_nothing(server, end):
    """Whatever way the octets are split into packets, what follows a false end is text of the one letter."""
    first = b"Subject: outer\r\n\r\nfirst"
    for split in range(len(end) + 1):
        with Peer(server, "smtp", login=True) as peer:
            peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.ask(b"MAIL FROM:<a@b.example>", b"250")
            peer.ask(b"RCPT TO:<clara@office.lan>", b"250")
            peer.ask(b"DATA", b"354")
            peer.send(first + end[:split])
            if split:
                # Most likely another packet; nothing depends on it.
                time.sleep(0.02)
            peer.send(end[split:] + SMUGGLED)
            answer = peer.line()
            assert answer is not None and answer.startswith((b"250", b"554", b"550", b"500")), answer
            # A second answer would be one to a smuggled command.
            peer.goes_on()
    assert count_letters(server, b"ben") == 0
    assert count_letters(server, b"clara") <= len(end) + 1
    remove_letters(server, b"clara")


RELAYS = [
    b"victim@elsewhere.example",
    b"victim%elsewhere.example@office.lan",
    b"elsewhere.example!victim@office.lan",
    b'"victim@elsewhere.example"@office.lan',
    b"@office.lan:victim@elsewhere.example",
    b"@office.lan,@postino:victim@elsewhere.example",
    b"victim@[192.0.2.1]",
    b"victim@office.lan.elsewhere.example",
    b"victim@elsewhere.example.",
    b"victim@office.lan@elsewhere.example",
    b'"anna@office.lan\\"@elsewhere.example"@elsewhere.example',
    b"anna@elsewhere.example",
    b"anna@lan",
    b"postmaster@elsewhere.example",
]


@pytest.mark.parametrize("login", [b"", b"anna"])
@pytest.mark.parametrize("address", RELAYS)
def test_relay_is_refused(server, address, login):
    with Peer(server, "smtp", login=True) as peer:
        if login:
            peer.ask(b"AUTH LOGIN YW5uYQ==", b"334")
            peer.ask(b"d2lkZS1vcGVuLWJhcm4=", b"235")
        peer.ask(b"MAIL FROM:<anna@office.lan>", b"250")
        assert peer.answer(b"RCPT TO:<" + address + b">")[:3] in (b"550", b"501")
        assert peer.answer(b"DATA")[:3] in (b"554", b"503")
        peer.goes_on()


# The end: everything is as before -------------------------------------------------------------------------------------


def settled_heap(simulator, wanted=None):
    """The free heap once all sessions have ended; with `wanted`, code that nobody uses any more gets time to go."""
    deadline = time.monotonic() + PATIENCE_S
    while simulator.stats()["sessions_open"]:
        assert time.monotonic() < deadline, "sessions are left open"
        time.sleep(0.2)
    return simulator.heap_free(wanted)


def test_heap_is_free_again(server):
    """Once warm, another round of the table costs no memory."""
    assert_serves(server)
    before = settled_heap(server)
    for service, login, line, _ in TABLE:
        with Peer(server, service, login) as peer:
            peer.answer(line)
    assert_serves(server)
    wanted = before - HEAP_ALLOWANCE
    assert settled_heap(server, wanted) >= wanted


def test_no_fault_was_logged(server):
    """Nothing of all that has raised an exception that the server did not expect."""
    log = server.output(lines=100000)
    assert "Traceback" not in log, log[log.index("Traceback") :][:2000]
