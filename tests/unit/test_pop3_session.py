"""POP3 dialogs over a connection of fakes: states, listings, deletion, the lock, and what others do meanwhile."""

import asyncio

import pytest

from postino import log
from postino.net.errors import ServerStopping
from postino.pop3 import maildrop, service, session
from postino.store import StoreFull, StoreUnavailable
from tests.unit.session_fakes import FakeConnection, FakeServer, play

LOGIN = [b"USER anna\r\n", b"PASS tin whistle\r\n"]
LETTERS = [b"Subject: 1\r\n\r\none\r\n.dot\r\n", b"Subject: 2\r\n\r\ntwo\r\n", b"Subject: 3\r\n\r\nthree\r\n"]
SIZES = [len(letter) for letter in LETTERS]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """MicroPython's asyncio.sleep_ms, which CPython has not, and no log."""

    async def sleep_ms(milliseconds):
        pass

    monkeypatch.setattr(asyncio, "sleep_ms", sleep_ms, raising=False)
    monkeypatch.setattr(log, "_write", lambda level, text, values: text % values)


@pytest.fixture
def server():
    there = FakeServer()
    there.store.box.letters = [(uid, letter) for uid, letter in zip((4, 5, 300), LETTERS, strict=True)]
    return there


def talk(server, *pieces):
    """Plays the pieces and checks that everything was given back."""
    conn = play(session.serve, server, pieces, "pop3")
    check_given_back(server)
    return conn


def check_given_back(server):
    assert not server.maildrop_locks
    assert not server.store.box.listeners
    assert all(reader.closed for reader in server.store.readers)


def replies(conn):
    """What was flushed for each command, without the greeting."""
    assert conn.flushes[0] == b"+OK Postino ready\r\n"
    return conn.flushes[1:]


def ask(server, *commands):
    """Replies to commands after login."""
    return replies(talk(server, *LOGIN, *[command + b"\r\n" for command in commands]))[2:]


def uids(server):
    return [letter[0] for letter in server.store.box.letters]


def test_login_and_quit(server):
    conn = talk(server, *LOGIN, b"QUIT\r\n")
    assert replies(conn) == [
        b"+OK Send PASS\r\n",
        b"+OK 3 messages (%d octets)\r\n" % sum(SIZES),
        b"+OK Goodbye\r\n",
    ]
    assert conn.finished
    assert conn.user == "anna"
    assert conn.deadlines == [60, 600]


def test_the_time_before_login_is_one_deadline(server):
    assert talk(server, b"CAPA\r\n", b"USER x\r\n", b"CAPA\r\n").deadlines == [60]


def test_capa(server):
    expected = [b"TOP", b"UIDL", b"USER", b"RESP-CODES", b"PIPELINING", b"EXPIRE NEVER", b"IMPLEMENTATION Postino"]
    expected += [b"AUTH-RESP-CODE", b".", b""]
    before, _, _, after = replies(talk(server, b"CAPA\r\n", *LOGIN, b"CAPA\r\n"))
    assert before == after
    assert before.split(b"\r\n")[1:] == expected
    server.cleartext = False
    server.users.asked.clear()
    conn = talk(server, b"CAPA\r\n", *LOGIN)
    assert b"\r\nUSER" not in conn.sent
    assert replies(conn)[1].startswith(b"-ERR [AUTH]")
    assert not server.users.asked


def test_passwords_keep_their_spaces(server):
    talk(server, b"USER anna\r\n", b"PASS  two  spaces \r\n")
    assert server.users.asked == [(b"anna", b" two  spaces ")]


def test_wrong_passwords(server):
    wrong = [b"USER anna\r\n", b"PASS x\r\n"]
    conn = talk(server, *wrong, *wrong, b"PASS tin whistle\r\n", b"USER nobody\r\n", b"PASS y\r\n", b"NOOP\r\n")
    assert replies(conn)[1::2][:2] == [b"-ERR [AUTH] Wrong user name or password\r\n"] * 2
    assert replies(conn)[4] == b"-ERR Send USER first\r\n"
    assert replies(conn)[5:] == [b"+OK Send PASS\r\n", b"-ERR [AUTH] Wrong user name or password\r\n"]
    assert conn.finished


@pytest.mark.parametrize("command", [b"STAT", b"LIST", b"UIDL", b"RETR 1", b"TOP 1 0", b"DELE 1", b"NOOP", b"RSET"])
def test_login_first(server, command):
    assert replies(talk(server, command + b"\r\n")) == [b"-ERR Log in first\r\n"]


@pytest.mark.parametrize("command", [b"USER bob", b"PASS drum"])
def test_login_once(server, command):
    assert ask(server, command) == [b"-ERR Logged in already\r\n"]


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"STAT", b"+OK 3 %d\r\n" % sum(SIZES)),
        (b"stat", b"+OK 3 %d\r\n" % sum(SIZES)),
        (b"LIST 2", b"+OK 2 %d\r\n" % SIZES[1]),
        (b"LIST", b"+OK 3 messages (%d octets)\r\n1 %d\r\n2 %d\r\n3 %d\r\n.\r\n" % (sum(SIZES), *SIZES)),
        (b"UIDL 3", b"+OK 3 1f.12c\r\n"),
        (b"UIDL", b"+OK 3 messages (%d octets)\r\n1 1f.4\r\n2 1f.5\r\n3 1f.12c\r\n.\r\n" % sum(SIZES)),
        (b"RETR 1", b"+OK %d octets\r\nSubject: 1\r\n\r\none\r\n..dot\r\n.\r\n" % SIZES[0]),
        (b"TOP 1 0", b"+OK\r\nSubject: 1\r\n\r\n.\r\n"),
        (b"TOP 1 1", b"+OK\r\nSubject: 1\r\n\r\none\r\n.\r\n"),
        (b"TOP 1 99999999", b"+OK\r\nSubject: 1\r\n\r\none\r\n..dot\r\n.\r\n"),
        (b"NOOP", b"+OK\r\n"),
        (b"RETR 4", b"-ERR No such message\r\n"),
        (b"RETR 0", b"-ERR No such message\r\n"),
        (b"RETR -1", b"-ERR Wrong argument\r\n"),
        (b"RETR", b"-ERR Wrong argument\r\n"),
        (b"RETR 1 2", b"-ERR Wrong argument\r\n"),
        (b"RETR 99999999999999999", b"-ERR Wrong argument\r\n"),
        (b"RETR \xb2", b"-ERR Wrong argument\r\n"),
        (b"TOP 1", b"-ERR Wrong argument\r\n"),
        (b"TOP 1 -1", b"-ERR Wrong argument\r\n"),
        (b"TOP 9 1", b"-ERR No such message\r\n"),
        (b"LIST x", b"-ERR Wrong argument\r\n"),
        (b"UIDL 9", b"-ERR No such message\r\n"),
        (b"DELE", b"-ERR Wrong argument\r\n"),
        (b"DELE 7", b"-ERR No such message\r\n"),
        (b"STAT 1", b"-ERR No argument allowed\r\n"),
        (b"QUIT 1", b"-ERR No argument allowed\r\n"),
        (b"APOP anna 00", b"-ERR Unknown command\r\n"),
        (b"STLS", b"-ERR Unknown command\r\n"),
        (b"AUTH", b"-ERR Unknown command\r\n"),
        (b"", b"-ERR Unknown command\r\n"),
        (b"\0\xff", b"-ERR Unknown command\r\n"),
        (b"NOOP " + b"x" * 300, b"-ERR Line too long\r\n"),
    ],
)
def test_a_command(server, command, reply):
    assert ask(server, command, b"NOOP") == [reply, b"+OK\r\n"]


def test_letters_read_in_small_blocks(server):
    server.store.read_block = 1
    assert ask(server, b"RETR 1")[0].endswith(b"octets\r\nSubject: 1\r\n\r\none\r\n..dot\r\n.\r\n")


def test_a_large_letter(server):
    letter = b"Subject: big\r\n\r\n" + b"".join(b".%d\r\n" % i for i in range(20000))
    server.store.box.letters = [(1, letter)]
    server.store.read_block = 2048
    wire = ask(server, b"RETR 1")[0]
    assert wire == b"+OK %d octets\r\n" % len(letter) + letter.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def test_pipelined_commands_are_answered_together(server):
    conn = talk(server, *LOGIN, b"STAT\r\nDELE 1\r\nNOOP\r\nQUIT\r\n")
    assert conn.flushes[-1] == b"+OK 3 %d\r\n+OK\r\n+OK\r\n+OK Goodbye\r\n" % sum(SIZES)
    assert uids(server) == [5, 300]


# Deletion ---------------------------------------------------------------------------------------------------------


def test_deletion_takes_effect_at_quit(server):
    seen = []
    talk(server, *LOGIN, b"DELE 1\r\n", b"DELE 3\r\n", lambda: seen.append(uids(server)), b"QUIT\r\n")
    assert seen == [[4, 5, 300]]
    assert uids(server) == [5]


def test_a_marked_letter_is_not_there(server):
    commands = [b"DELE 1", b"DELE 1", b"RETR 1", b"LIST 1", b"UIDL 1", b"TOP 1 1", b"STAT", b"LIST"]
    got = ask(server, *commands)
    assert got[1:6] == [b"-ERR No such message\r\n"] * 5
    assert got[6] == b"+OK 2 %d\r\n" % (SIZES[1] + SIZES[2])
    assert got[7].split(b"\r\n")[1:] == [b"2 %d" % SIZES[1], b"3 %d" % SIZES[2], b".", b""]


def test_rset(server):
    got = replies(talk(server, *LOGIN, b"DELE 1\r\n", b"DELE 2\r\n", b"RSET\r\n", b"STAT\r\n", b"QUIT\r\n"))
    assert got[4] == b"+OK 3 messages\r\n"
    assert got[5] == b"+OK 3 %d\r\n" % sum(SIZES)
    assert uids(server) == [4, 5, 300]


def test_a_lost_connection_deletes_nothing(server):
    assert talk(server, *LOGIN, b"DELE 1\r\n", b"QUI").closed
    assert uids(server) == [4, 5, 300]


def test_stopping_deletes_nothing(server):
    conn = FakeConnection([*LOGIN, b"DELE 1\r\n", lambda: setattr(conn, "closing", True), b"NOOP\r\nQUIT\r\n"], "pop3")
    with pytest.raises(ServerStopping):
        asyncio.run(session.serve(conn, server))
    check_given_back(server)
    assert uids(server) == [4, 5, 300]


@pytest.mark.parametrize("error", [StoreUnavailable(), StoreFull()])
def test_deletion_fails(server, error):
    server.store.box.fail = error
    conn = talk(server, *LOGIN, b"DELE 1\r\n", b"QUIT\r\n")
    assert replies(conn)[-1].startswith(b"-ERR [SYS/TEMP]")
    assert conn.finished
    assert uids(server) == [4, 5, 300]


# Other sessions ---------------------------------------------------------------------------------------------------


def test_the_lock(server):
    server.maildrop_locks.add("anna")
    conn = play(session.serve, server, [*LOGIN, b"NOOP\r\n"], "pop3")
    assert replies(conn)[1].startswith(b"-ERR [IN-USE]")
    assert replies(conn)[2] == b"-ERR Log in first\r\n"
    assert server.maildrop_locks == {"anna"}
    assert conn.user is None


def test_the_lock_is_held_until_quit(server):
    seen = []
    talk(server, *LOGIN, lambda: seen.append(set(server.maildrop_locks)), b"NOOP\r\n", b"QUIT\r\n")
    assert seen == [{"anna"}]


def test_too_many_connections_of_the_user(server):
    server.connections.allow = False
    assert replies(talk(server, *LOGIN))[1].startswith(b"-ERR [SYS/TEMP]")


def test_no_inbox(server):
    server.store.find_result = None
    conn = talk(server, *LOGIN)
    assert replies(conn)[1].startswith(b"-ERR [SYS/TEMP]")
    assert conn.user is None


def test_memory_runs_out_at_login(server, monkeypatch):
    def fail(self):
        raise MemoryError

    monkeypatch.setattr(maildrop.Maildrop, "_take_snapshot", fail)
    with pytest.raises(MemoryError):
        talk(server, *LOGIN)
    check_given_back(server)


def test_an_expunged_letter_stays_counted_and_cannot_be_had(server):
    expunge = [lambda: server.store.box.expunge([5])]
    commands = [b"STAT\r\n", b"RETR 2\r\n", b"TOP 2 1\r\n", b"UIDL 2\r\n", b"LIST 2\r\n", b"RETR 3\r\n", b"DELE 2\r\n"]
    got = replies(talk(server, *LOGIN, *expunge, *commands, b"DELE 3\r\n", b"QUIT\r\n"))[2:]
    assert got[0] == b"+OK 3 %d\r\n" % sum(SIZES)
    assert got[1].startswith(b"-ERR Message has been removed")
    assert got[2].startswith(b"-ERR Message has been removed")
    assert got[3:5] == [b"+OK 2 1f.5\r\n", b"+OK 2 0\r\n"]
    assert b"three" in got[5]
    assert got[-1] == b"+OK Goodbye\r\n"
    assert uids(server) == [4]


def test_a_letter_that_arrives_is_for_the_next_session(server):
    arrive = [lambda: server.store.box.letters.append((301, b"new\r\n"))]
    got = replies(talk(server, *LOGIN, *arrive, b"STAT\r\n", b"RETR 4\r\n"))[2:]
    assert got == [b"+OK 3 %d\r\n" % sum(SIZES), b"-ERR No such message\r\n"]


def test_the_mailbox_is_lost(server):
    def lose():
        server.store.box.listeners.pop().on_lost()

    got = replies(talk(server, *LOGIN, lose, b"RETR 1\r\n", b"UIDL 1\r\n", b"DELE 1\r\n", b"QUIT\r\n"))[2:]
    assert got[0].startswith(b"-ERR")
    # A client that saw other unique ids now would fetch all letters again next time.
    assert got[1] == b"+OK 1 1f.4\r\n"
    assert got[-1].startswith(b"-ERR [SYS/TEMP]")


def test_the_store_fails_in_the_middle_of_a_letter(server, monkeypatch):
    def fail(self, buffer):
        raise StoreUnavailable

    monkeypatch.setattr("tests.unit.session_fakes.FakeReader.readinto", fail)
    # Nothing but the end of the connection tells the client that the letter is not whole.
    assert talk(server, *LOGIN, b"RETR 1\r\n", b"NOOP\r\n").closed


class Sizes:
    """The sizes of a mailbox's letters can be read so many times; then the store fails."""

    def __init__(self, monkeypatch, server):
        self.left = 1 << 30
        real = server.store.box.size

        def size(index):
            self.left -= 1
            if self.left < 0:
                raise StoreUnavailable
            return real(index)

        monkeypatch.setattr(server.store.box, "size", size)


@pytest.mark.parametrize("left", range(3))
def test_the_store_fails_in_the_middle_of_a_listing(server, monkeypatch, left):
    sizes = Sizes(monkeypatch, server)
    conn = talk(server, *LOGIN, lambda: setattr(sizes, "left", left), b"LIST\r\n", b"NOOP\r\n")
    # No "-ERR" behind "+OK": the end of the connection tells that this is not all.
    assert conn.closed and b"-ERR" not in conn.sent and not conn.sent.endswith(b".\r\n")


@pytest.mark.parametrize("command", [b"STAT", b"LIST", b"UIDL", b"LIST 2"])
def test_sizes_that_cannot_be_read_are_told_before_ok(server, monkeypatch, command):
    sizes = Sizes(monkeypatch, server)
    conn = talk(server, *LOGIN, b"DELE 1\r\n", lambda: setattr(sizes, "left", 0), command + b"\r\n", b"NOOP\r\n")
    assert replies(conn)[3].startswith(b"-ERR [SYS/TEMP]") and replies(conn)[4:] == [b"+OK\r\n"]


def test_marks_need_no_sizes(server, monkeypatch):
    sizes = Sizes(monkeypatch, server)
    fail, mend = (lambda: setattr(sizes, "left", 0)), (lambda: setattr(sizes, "left", 99))
    got = replies(talk(server, *LOGIN, fail, b"DELE 1\r\n", b"RSET\r\n", b"DELE 2\r\n", mend, b"STAT\r\n", b"QUIT\r\n"))
    assert got[2:5] == [b"+OK\r\n", b"+OK 3 messages\r\n", b"+OK\r\n"]
    assert got[5] == b"+OK 2 %d\r\n" % (SIZES[0] + SIZES[2])
    assert uids(server) == [4, 300]


def test_sizes_that_cannot_be_read_at_login(server, monkeypatch):
    sizes = Sizes(monkeypatch, server)
    sizes.left = 2
    conn = talk(server, *LOGIN, b"STAT\r\n")
    assert replies(conn)[1].startswith(b"-ERR [SYS/TEMP]") and replies(conn)[2] == b"-ERR Log in first\r\n"


def test_what_another_session_expunges_has_no_octets(server):
    """STAT says what LIST does, whatever comes first: the mark, the expunge, or taking the mark back."""
    expunge = [lambda: server.store.box.expunge([5])]
    got = replies(talk(server, *LOGIN, b"DELE 2\r\n", *expunge, b"RSET\r\n", b"STAT\r\n", b"DELE 2\r\n", b"STAT\r\n"))
    assert got[4] == b"+OK 3 %d\r\n" % (SIZES[0] + SIZES[2])
    assert got[6] == b"+OK 2 %d\r\n" % (SIZES[0] + SIZES[2])


def test_many_letters(server):
    server.store.box.letters = [(uid, b"x\r\n") for uid in range(10, 1510)]
    got = ask(server, b"UIDL", b"DELE 1500", b"DELE 257", b"LIST 256", b"LIST 257", b"STAT", b"QUIT")
    assert got[0].count(b"\r\n") == 1502
    assert got[0].endswith(b"1500 1f.5e5\r\n.\r\n")
    assert got[3:6] == [b"+OK 256 3\r\n", b"-ERR No such message\r\n", b"+OK 1498 4494\r\n"]
    assert len(server.store.box.letters) == 1498


def test_noise_ends_after_twenty_errors(server):
    conn = talk(server, b"\x80\r\n" * 50)
    assert conn.sent.count(b"-ERR Unknown command") == 19
    assert conn.sent.endswith(b"-ERR Too many errors, closing\r\n")
    assert conn.finished


def test_last_words():
    for line in (service.REFUSAL, service.OUT_OF_MEMORY, service.FAULT, service.TIMEOUT, service.STOPPING):
        assert line.startswith(b"-ERR [SYS/TEMP] ")
        assert line.endswith(b"\r\n")


def test_many_deletions_let_others_have_their_turn(server, monkeypatch):
    server.store.box.letters = [(uid, b"x\r\n") for uid in range(1, 101)]
    left = []

    async def others_turn(milliseconds):
        left.append(len(server.store.box.letters))

    monkeypatch.setattr(asyncio, "sleep_ms", others_turn, raising=False)
    assert ask(server, *[b"DELE %d" % number for number in range(3, 101)], b"QUIT")[-1] == b"+OK Goodbye\r\n"
    assert left == [84, 68, 52, 36, 20, 4, 2]


def test_a_store_that_fails_while_it_deletes(server, monkeypatch):
    server.store.box.letters = [(uid, b"x\r\n") for uid in range(1, 101)]

    async def fail(milliseconds):
        server.store.box.fail = StoreUnavailable()

    monkeypatch.setattr(asyncio, "sleep_ms", fail, raising=False)
    got = ask(server, *[b"DELE %d" % number for number in range(1, 101)], b"QUIT")[-1]
    assert got == b"-ERR [SYS/TEMP] Some messages were not deleted, try again later\r\n"
    assert len(server.store.box.letters) == 84
    check_given_back(server)
