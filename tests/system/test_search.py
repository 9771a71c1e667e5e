"""SEARCH and SORT of a large mailbox on a small heap: right, and others are served meanwhile."""

import base64
import select

import pytest

from tests.support import mail, wire
from tests.support.simulator import PASSWORDS, Simulator

ANNA = (b"anna", PASSWORDS["anna"].encode())
# Different letters, and how often each is in the mailbox.
LETTERS = 250
COPIES = 4
# Two sessions with a mailbox each, 1,000 letters in one of them, and mail that comes in.
HEAP = "120k"
# NOOPs that another session gets answered during a long command, at the least.
SLICES = 10


def letter(number: int) -> bytes:
    """Subject, sender and date sort differently; the body has its number in words of another alphabet."""
    subject = base64.b64encode(f"Prüfung {number * 7919 % 1000:03}".encode()).decode()
    body = base64.encodebytes((f"Письмо {number:03}. Ещё немного текста.\r\n" * 5).encode()).decode()
    head = f"""From: Sender {number} <p{number * 7 % 50:02}@x.example>
To: anna@office.lan
Subject: Re: =?utf-8?b?{subject}?=
Date: Mon, {number % 28 + 1} Nov 2026 10:{number % 60:02}:00 +0100
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

"""
    return (head + body).replace("\n", "\r\n").encode()


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    """A simulator with a thousand letters in Archive: number n of them is letter (n - 1) % LETTERS."""
    with Simulator(tmp_path_factory.mktemp("thousand"), "--heap", HEAP) as simulator:
        with wire.imap(simulator, ANNA, b"INBOX") as imap:
            for number in range(LETTERS):
                octets = letter(number)
                imap.send(b"a%d APPEND INBOX {%d+}\r\n%s\r\n" % (number, len(octets), octets))
                imap.until(b"a%d OK" % number)
            for number in range(COPIES):
                imap.ask(b"c%d COPY 1:* Archive" % number, b"c%d OK" % number)
        yield simulator
        assert "memory" not in simulator.output(100000).lower()


def numbers(line: bytes) -> list[int]:
    return [int(word) for word in line.split()[2:]]


def in_order(key) -> list[int]:
    every = range(1, LETTERS * COPIES + 1)
    return sorted(every, key=lambda number: (key((number - 1) % LETTERS), number))


def test_sorting_a_thousand_letters(thousand):
    with wire.imap(thousand, ANNA, b"Archive") as imap:
        for tag, criteria, key in (
            (b"s1", b"SUBJECT", lambda n: n * 7919 % 1000),
            (b"s2", b"FROM", lambda n: n * 7 % 50),
            (b"s3", b"REVERSE FROM SUBJECT", lambda n: (-(n * 7 % 50), n * 7919 % 1000)),
            (b"s4", b"DATE", lambda n: (n % 28, n % 60)),
            (b"s5", b"TO", lambda n: 0),
        ):
            answer = imap.ask(tag + b" SORT (%s) UTF-8 ALL" % criteria, tag + b" ")
            assert answer[-1] == tag + b" OK SORT completed"
            assert numbers(answer[0]) == in_order(key)


def test_searching_a_thousand_letters(thousand):
    with wire.imap(thousand, ANNA, b"Archive") as imap:
        word = "ПИСЬМО 123".encode()
        answer = imap.ask(b"b1 SEARCH BODY {%d+}\r\n%s" % (len(word), word), b"b1 ")
        assert answer == [b"* SEARCH 124 374 624 874", b"b1 OK SEARCH completed"]
        word = "prüfung".encode()
        answer = imap.ask(b"b2 SEARCH RETURN (ALL COUNT) SUBJECT {%d+}\r\n%s" % (len(word), word), b"b2 ")
        assert answer[0] == b'* ESEARCH (TAG "b2") ALL 1:1000 COUNT 1000'
        # Five hundred ranges are sent as they are found.
        every_second = b",".join(b"%d" % number for number in range(1, 1001, 2))
        for first in range(1, 1001, 100):
            part = b",".join(b"%d" % number for number in range(first, first + 100, 2))
            imap.ask(b"b3 STORE %s +FLAGS.SILENT (\\Flagged)" % part, b"b3 OK")
        answer = imap.ask(b"b4 SEARCH RETURN (COUNT ALL MIN MAX) FLAGGED", b"b4 ")
        assert answer[0] == b'* ESEARCH (TAG "b4") ALL %s COUNT 500 MIN 1 MAX 999' % every_second
        answer = imap.ask(b"b5 SEARCH RETURN (SAVE) FLAGGED", b"b5 ")
        assert len(answer) == 1 and answer[0].startswith(b"b5 NO [NOTSAVED]")
        answer = imap.ask(b"b6 SEARCH FLAGGED", b"b6 ")
        assert numbers(answer[0]) == list(range(1, 1001, 2))


@pytest.mark.parametrize(
    "command",
    [b"SEARCH TEXT nothing-like-it", b"SEARCH SUBJECT nothing-like-it", b"SORT (SUBJECT) UTF-8 TEXT Sender"],
)
def test_others_are_answered_between_slices(thousand, command):
    with wire.imap(thousand, ANNA, b"Archive") as busy, wire.imap(thousand, ANNA, b"INBOX") as other:
        busy.send(b"l1 %s\r\n" % command)
        answered = 0
        while not select.select([busy.socket], [], [], 0)[0]:
            other.ask(b"n%d NOOP" % answered, b"n%d OK" % answered)
            answered += 1
        assert answered >= SLICES
        assert busy.until(b"l1 ")[-1].startswith(b"l1 OK")


def test_mail_comes_during_a_search(thousand):
    with wire.imap(thousand, ANNA, b"Archive") as busy, wire.imap(thousand, ANNA, b"INBOX") as other:
        busy.send(b"l1 SEARCH TEXT nothing-like-it\r\n")
        with mail.smtp_session(thousand) as smtp:
            mail.send_in(smtp, letter(LETTERS))
        other.ask(b"n1 NOOP", b"* %d EXISTS" % (LETTERS + 1))
        assert not select.select([busy.socket], [], [], 0)[0]
        assert busy.until(b"l1 ")[-2] == b"* SEARCH"
