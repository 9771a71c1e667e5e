"""Long commands on a mailbox of a thousand letters, one session at a time: another session's NOOP is answered between
their slices. What counts is the order of the answers, not the time that they take.
"""

import select

import pytest

from tests.support import wire
from tests.support.simulator import PASSWORDS, Simulator
from tests.system.test_search import letter

ANNA = (b"anna", PASSWORDS["anna"].encode())
# Different letters, and how often each is in Archive.
DIFFERENT = 25
COPIES = 40
LETTERS = DIFFERENT * COPIES
# Two mailboxes of a thousand letters are open while one is copied to the other.
HEAP = "128k"
# NOOPs that are answered in between at the least. The first may come before the command has begun, and of a command
# that gives nobody a turn the second comes after it.
LEAST = 3
# Some commands are over so soon that this program may miss its turn on a busy machine: then they are tried again.
ATTEMPTS = 20

READING = (
    b"SEARCH SUBJECT nothing-like-it",
    b"SEARCH TEXT nothing-like-it",
    b"SEARCH BODY nothing-like-it",
    b"UID SEARCH RETURN (ALL) UNFLAGGED",
    b"SORT (SUBJECT) UTF-8 ALL",
    b"UID SORT (REVERSE SIZE) UTF-8 ALL",
    b"FETCH 1:* FLAGS",
    b"UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
    b"FETCH 1:* BODY.PEEK[]",
    b"FETCH 1:* BODY[]",
    b"FETCH 1:* (ENVELOPE BODYSTRUCTURE)",
    b"FETCH 1:* BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date)]",
    b"FETCH 1:* PREVIEW",
    b"FETCH 1:* BINARY.PEEK[1]",
    b"FETCH 1:* (EMAILID SAVEDATE)",
    b"FETCH 1:* (FLAGS) (CHANGEDSINCE 1)",
)


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    """A simulator with a thousand letters in Archive."""
    with Simulator(tmp_path_factory.mktemp("turns"), "--heap", HEAP) as simulator:
        with wire.imap(simulator, ANNA, b"INBOX") as imap:
            for number in range(DIFFERENT):
                octets = letter(number)
                imap.send(b"a1 APPEND INBOX {%d+}\r\n%s\r\n" % (len(octets), octets))
                imap.until(b"a1 OK")
            for _ in range(COPIES):
                imap.ask(b"c1 COPY 1:* Archive", b"c1 OK")
        yield simulator
        assert "memory" not in simulator.output(100000).lower()


@pytest.fixture
def sessions(thousand):
    """(the one that is busy, in Archive; the other)."""
    with wire.imap(thousand, ANNA, b"Archive") as busy, wire.imap(thousand, ANNA, b"INBOX") as other:
        yield busy, other


def is_over(answer: bytes) -> bool:
    """The tagged reply is there, and it is OK."""
    last = answer.removesuffix(b"\r\n").rpartition(b"\r\n")[2]
    assert not last.startswith((b"l1 NO", b"l1 BAD", b"* BYE")), last
    return answer.endswith(b"\r\n") and last.startswith(b"l1 OK")


def answered_during(busy: wire.Wire, other: wire.Wire, command: bytes) -> int:
    """NOOPs that are answered before the command is. Whatever has come of its answer is read before a NOOP counts."""
    answer = b""
    noops = 0
    busy.send(b"l1 " + command + b"\r\n")
    other.send(b"n1 NOOP\r\n")
    while not is_over(answer):
        ready = select.select([busy.socket, other.socket], [], [], wire.PATIENCE)[0]
        assert ready, "no answer"
        if busy.socket in ready:
            octets = busy.heard(busy.socket.recv(1 << 20))
            assert octets, "the connection was closed"
            answer += octets
        else:
            other.until(b"n1 OK")
            noops += 1
            other.send(b"n1 NOOP\r\n")
    other.until(b"n1 OK")
    return noops


def some_attempt(attempt) -> bool:
    """True if in one of several attempts enough NOOPs were answered."""
    return any(attempt(number) >= LEAST for number in range(ATTEMPTS))


@pytest.mark.parametrize("command", READING)
def test_others_are_answered_while_letters_are_read(sessions, command):
    assert some_attempt(lambda number: answered_during(*sessions, command))


@pytest.mark.parametrize("item", [b"FLAGS", b"FLAGS.SILENT"])
def test_others_are_answered_during_store(sessions, item):
    def attempt(number):
        return answered_during(*sessions, b"STORE 1:* %s%s (\\Flagged)" % (b"-" if number % 2 else b"+", item))

    assert some_attempt(attempt)


def test_others_are_answered_during_copy(sessions):
    busy, other = sessions

    def attempt(number):
        busy.ask(b"m1 CREATE copy%d" % number, b"m1 OK")
        noops = answered_during(busy, other, b"COPY 1:* copy%d" % number)
        busy.ask(b"m2 DELETE copy%d" % number, b"m2 OK")
        return noops

    assert some_attempt(attempt)


def test_others_are_answered_during_move(sessions):
    busy, other = sessions
    names = (b"Archive", b"Moved")
    busy.ask(b"m1 CREATE Moved", b"m1 OK")

    def attempt(number):
        busy.ask(b"m2 SELECT " + names[number % 2], b"m2 OK")
        return answered_during(busy, other, b"MOVE 1:* " + names[1 - number % 2])

    assert some_attempt(attempt)
    # The next test finds them where they were.
    for line in busy.ask(b"m3 STATUS Moved (MESSAGES)", b"m3 OK"):
        if line == b'* STATUS "Moved" (MESSAGES %d)' % LETTERS:
            busy.ask(b"m4 SELECT Moved", b"m4 OK")
            busy.ask(b"m5 MOVE 1:* Archive", b"m5 OK")


@pytest.mark.parametrize("command", [b"EXPUNGE", b"UID EXPUNGE 1:*", b"CLOSE"])
def test_others_are_answered_during_expunge(sessions, command):
    busy, other = sessions
    busy.ask(b"m1 CREATE gone", b"m1 OK")
    busy.ask(b"m2 COPY 1:* gone", b"m2 OK")
    busy.ask(b"m3 SELECT gone", b"m3 OK")
    busy.ask(b"m4 STORE 1:* +FLAGS.SILENT (\\Deleted)", b"m4 OK")
    # The other one has it selected, and hears of it bit by bit.
    other.ask(b"m5 SELECT gone", b"m5 OK")
    assert answered_during(busy, other, command) >= LEAST
    assert other.ask(b"m6 STATUS gone (MESSAGES)", b"m6 OK")[0] == b'* STATUS "gone" (MESSAGES 0)'
    busy.ask(b"m7 SELECT Archive", b"m7 OK")
    busy.ask(b"m8 DELETE gone", b"m8 OK")


def test_a_result_of_256_ranges_is_saved_and_no_larger_one(thousand):
    """The limit of SEARCHRES (RFC 5182 2.1, docs/imap.md): beyond it nothing is saved, and what was saved is gone."""
    with wire.imap(thousand, ANNA, b"Archive") as imap:
        numbers = b",".join(b"%d" % number for number in range(1, 2 * 257, 2))
        most, _, more = numbers.rpartition(b",")
        assert imap.ask(b"s1 SEARCH RETURN (SAVE) " + most, b"s1 ")[-1].startswith(b"s1 OK")
        assert imap.ask(b"s2 SEARCH RETURN (COUNT) $", b"s2 ")[0] == b'* ESEARCH (TAG "s2") COUNT 256'
        answer = imap.ask(b"s3 SEARCH RETURN (SAVE) %s,%s" % (most, more), b"s3 ")
        assert len(answer) == 1 and answer[0].startswith(b"s3 NO [NOTSAVED]")
        assert imap.ask(b"s4 SEARCH RETURN (COUNT) $", b"s4 ")[0] == b'* ESEARCH (TAG "s4") COUNT 0'
