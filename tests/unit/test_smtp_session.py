"""SMTP dialogs over a connection of fakes: every verb, the wrong order, the limits, and what becomes of the letter."""

import asyncio
import base64

import pytest

from postino import log
from postino.net.errors import ServerStopping
from postino.smtp import service, session, transaction
from postino.store import StoreFull, StoreUnavailable
from postino.store.unavailable import UnavailableStore
from tests.unit.session_fakes import FakeConnection, FakeServer, play

ENVELOPE = [b"EHLO c\r\n", b"MAIL FROM:<s@example.com>\r\n", b"RCPT TO:<anna@office.lan>\r\n"]
LETTER = b"Subject: hello\r\n\r\n..dot\r\nend\r\n"
SEND = [*ENVELOPE, b"DATA\r\n", LETTER + b".\r\n"]


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """MicroPython's asyncio.sleep_ms, which CPython has not; the naps are written down, not slept."""
    there = []

    async def sleep_ms(milliseconds):
        there.append(milliseconds)

    monkeypatch.setattr(asyncio, "sleep_ms", sleep_ms, raising=False)
    monkeypatch.setattr(log, "_write", lambda level, text, values: text % values)
    return there


@pytest.fixture
def server():
    return FakeServer()


def talk(server, *pieces):
    return play(session.serve, server, pieces, "smtp")


def codes(conn):
    """First code, and enhanced code if any, of each reply but the greeting."""
    result = []
    for line in conn.sent.split(b"\r\n")[1:-1]:
        if line[3:4] == b" ":
            words = line.split(b" ")
            result.append((b" ".join(words[:2]) if words[1].count(b".") == 2 else words[0]).decode())
    return result


def test_a_letter_is_delivered(server):
    conn = talk(server, *SEND, b"QUIT\r\n")
    assert conn.flushes[0] == b"220 postino ESMTP Postino\r\n"
    assert codes(conn) == ["250", "250 2.1.0", "250 2.1.5", "354", "250 2.0.0", "221 2.0.0"]
    (users, content) = server.store.delivered[0]
    assert users == ["anna"]
    head, _, body = content.partition(b"Subject")
    assert head.startswith(b"Return-Path: <s@example.com>\r\nReceived: from c ([192.0.2.7])\r\n\tby postino ")
    assert b"with ESMTP\r\n\tfor <anna@office.lan>;\r\n" in head
    assert b"Subject" + body == b"Subject: hello\r\n\r\n.dot\r\nend\r\n"
    assert server.letters == 1
    assert server.octets == len(LETTER) + 3
    assert conn.finished
    assert conn.flushes[-1] == b"221 2.0.0 Goodbye\r\n"
    assert 180 in conn.deadlines


def test_ehlo_lists_what_works_and_nothing_else(server):
    conn = talk(server, b"EHLO c\r\n", b"QUIT\r\n")
    assert conn.flushes[1].split(b"\r\n") == [
        b"250-postino",
        b"250-SIZE 20000",
        b"250-8BITMIME",
        b"250-PIPELINING",
        b"250-ENHANCEDSTATUSCODES",
        b"250-AUTH PLAIN LOGIN",
        b"250 HELP",
        b"",
    ]
    server.cleartext = False
    assert b"AUTH" not in talk(server, b"EHLO c\r\n").sent


def test_helo_only(server):
    conn = talk(server, b"HELO c\r\n", *SEND[1:])
    assert conn.flushes[1] == b"250 postino\r\n"
    assert b"with SMTP\r\n" in server.store.delivered[0][1]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (b"EHLO", "501 5.5.4"),
        (b"HELO", "501 5.5.4"),
        (b"MAIL FROM:<a@b>", "503 5.5.1"),
        (b"RCPT TO:<anna>", "503 5.5.1"),
        (b"DATA", "503 5.5.1"),
        (b"AUTH PLAIN", "503 5.5.1"),
        (b"AUTH", "501 5.5.4"),
        (b"RSET", "250 2.0.0"),
        (b"NOOP", "250 2.0.0"),
        (b"NOOP  anything", "250 2.0.0"),
        (b"noop", "250 2.0.0"),
        (b"VRFY anna", "252 2.0.0"),
        (b"VRFY", "501 5.5.4"),
        (b"EXPN list", "502 5.5.1"),
        (b"STARTTLS", "502 5.5.1"),
        (b"HELP", "214 2.0.0"),
        (b"XYZZY", "500 5.5.2"),
        (b"", "500 5.5.2"),
        (b"\x16\x03\x01\x00\xff", "500 5.5.2"),
        (b"N" * 2046, "500 5.5.2"),
        (b"NOOP " + b"N" * 5000, "500 5.5.2"),
        (b"QUIT now", "501 5.5.4"),
        (b"RSET now", "501 5.5.4"),
    ],
)
def test_a_command_alone(server, command, expected):
    assert codes(talk(server, command + b"\r\n", b"NOOP\r\n")) == [expected, "250 2.0.0"]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (b"FROM:<>", "250 2.1.0"),
        (b"FROM: <a@b>", "250 2.1.0"),
        (b"FROM:<a@b> SIZE=20000", "250 2.1.0"),
        (b"FROM:<a@b> SIZE=20001", "552 5.3.4"),
        (b"FROM:<a@b> SIZE=99999999999999999999", "552 5.3.4"),
        (b"FROM:<a@b> SIZE=999999999999999999999", "501 5.5.4"),
        (b"FROM:<a@b> SIZE=-1", "501 5.5.4"),
        (b"FROM:<a@b> SIZE=", "501 5.5.4"),
        (b"FROM:<a@b> SIZE", "501 5.5.4"),
        (b"FROM:<a@b> SIZE=1 SIZE=1", "501 5.5.4"),
        (b"FROM:<a@b> BODY=8BITMIME SIZE=5", "250 2.1.0"),
        (b"FROM:<a@b> body=7bit", "250 2.1.0"),
        (b"FROM:<a@b> BODY=BINARYMIME", "501 5.5.4"),
        (b"FROM:<a@b> AUTH=<>", "250 2.1.0"),
        (b"FROM:<a@b> SMTPUTF8", "555 5.5.4"),
        (b"FROM:<a@b> RET=HDRS", "555 5.5.4"),
        (b"FROM:<\xc3\xa4@b>", "553 5.6.7"),
        (b"FROM:<a b>", "501 5.1.7"),
        (b"FROM", "501 5.5.2"),
        (b"", "501 5.5.2"),
    ],
)
def test_mail(server, argument, expected):
    assert codes(talk(server, b"EHLO c\r\n", b"MAIL " + argument + b"\r\n"))[1:] == [expected]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (b"TO:<anna@office.lan>", "250 2.1.5"),
        (b"TO: anna@office.lan", "250 2.1.5"),
        (b"TO:<postmaster>", "250 2.1.5"),
        (b"TO:<nobody@office.lan>", "550 5.1.1"),
        (b"TO:<nobody>", "550 5.1.1"),
        (b"TO:<anna@example.com>", "550 5.7.1"),
        (b"TO:<@office.lan:x@example.com>", "550 5.7.1"),
        (b"TO:<x%example.com@office.lan>", "550 5.1.1"),
        (b"TO:<>", "501 5.1.3"),
        (b"TO:<anna@office.lan> NOTIFY=NEVER", "555 5.5.4"),
        (b"FROM:<anna@office.lan>", "501 5.5.4"),
        (b"", "501 5.5.2"),
    ],
)
def test_rcpt(server, argument, expected):
    assert codes(talk(server, *ENVELOPE[:2], b"RCPT " + argument + b"\r\n"))[2:] == [expected]


def test_order(server):
    again = [b"MAIL FROM:<x@y>\r\n", b"RSET\r\n", b"DATA\r\n", b"MAIL FROM:<x@y>\r\n", b"DATA\r\n"]
    conn = talk(server, *ENVELOPE[:2], *again, b"RCPT TO:<zoe>\r\n", b"DATA\r\n", b"EHLO c\r\n", b"DATA\r\n")
    assert codes(conn)[2:] == [
        "503 5.5.1",
        "250 2.0.0",
        "503 5.5.1",
        "250 2.1.0",
        "503 5.5.1",
        "550 5.1.1",
        "554 5.5.1",
        "250",
        "503 5.5.1",
    ]


def test_pipelined_replies_go_out_together(server):
    group = b"MAIL FROM:<s@x>\r\nRCPT TO:<anna>\r\nRCPT TO:<zoe>\r\nDATA\r\n"
    conn = talk(server, b"EHLO c\r\n", group, b"hello\r\n.\r\nQUIT\r\n")
    assert [flush.count(b"\r\n") for flush in conn.flushes] == [1, 7, 4, 2]
    assert len(server.store.delivered) == 1


def test_a_letter_before_the_354_ends_the_connection(server):
    conn = talk(server, *ENVELOPE, b"DATA\r\nMAIL FROM:<x@y>\r\n.\r\n")
    assert codes(conn)[-1] == "554 5.5.0"
    assert conn.finished
    assert not server.store.writers


def test_recipients_are_counted_once(server):
    more = [b"RCPT TO:<anna+x@office.lan>\r\n", b"RCPT TO:<ANNA>\r\n", b"RCPT TO:<bob>\r\n"]
    talk(server, *ENVELOPE, *more, *SEND[3:])
    assert server.store.delivered[0][0] == ["anna", "bob"]
    assert b"\tfor" not in server.store.delivered[0][1]


def test_too_many_recipients(server):
    server.values["max_recipients"] = 1
    conn = talk(server, *ENVELOPE, b"RCPT TO:<bob>\r\n", b"RCPT TO:<anna>\r\n", *SEND[3:])
    assert codes(conn)[3:5] == ["452 4.5.3", "250 2.1.5"]
    assert server.store.delivered[0][0] == ["anna"]


def test_over_the_limit_the_letter_is_read_to_its_end(server):
    conn = talk(server, *SEND[:4], *[b"x" * 2000 + b"\r\n"] * 20, b".\r\nNOOP\r\n")
    assert codes(conn)[-2:] == ["552 5.3.4", "250 2.0.0"]
    assert server.store.writers[0].state == "aborted"
    assert not server.store.delivered


def test_the_store_fills_up_meanwhile(server):
    server.store.room = 5000
    conn = talk(server, *SEND[:4], *[b"x" * 2000 + b"\r\n"] * 5, b".\r\nNOOP\r\n", *SEND[1:])
    assert codes(conn)[4:6] == ["452 4.3.1", "250 2.0.0"]
    assert server.store.writers[0].state == "aborted"
    assert len(server.store.delivered) == 1


def test_no_room_at_mail(server):
    server.store.room = 3000
    assert codes(talk(server, *ENVELOPE[:2]))[1:] == ["452 4.3.1"]
    server.store.room = 9000
    assert codes(talk(server, b"EHLO c\r\n", b"MAIL FROM:<a@b> SIZE=9001\r\n"))[1:] == ["452 4.3.1"]


def test_a_store_that_cannot_be_opened_is_not_a_full_one(server):
    """What has no store has no room either, but more room would not help."""
    server.store = UnavailableStore("the mail store is damaged")
    conn = talk(server, *ENVELOPE[:2], b"MAIL FROM:<a@b> SIZE=9001\r\n", b"MAIL FROM:<a@b> SIZE=20001\r\n")
    assert codes(conn)[1:] == ["451 4.3.0", "451 4.3.0", "552 5.3.4"]


@pytest.mark.parametrize(("where"), ["new_error", "write_error", "deliver_error"])
@pytest.mark.parametrize(("error", "expected"), [(StoreUnavailable(), "451 4.3.0"), (StoreFull(), "452 4.3.1")])
def test_trouble_in_the_store(server, where, error, expected):
    setattr(server.store, where, error)
    conn = talk(server, *SEND, b"NOOP\r\n")
    assert expected in codes(conn)
    assert not conn.finished
    assert not server.store.delivered
    assert server.letters == 0
    assert all(writer.state == "aborted" for writer in server.store.writers)


def test_the_peer_goes_in_the_middle(server):
    conn = talk(server, *SEND[:4], b"half\r\n.\r")
    assert conn.closed
    assert server.store.writers[0].state == "aborted"


def test_memory_runs_out(server):
    server.store.write_error = MemoryError()
    with pytest.raises(MemoryError):
        talk(server, *SEND)
    assert server.store.writers[0].state == "aborted"


def test_a_mail_loop(server):
    fifty = b"Received: from x\r\n" * 50
    conn = talk(server, *SEND[:4], fifty + b"\r\n.\r\n", *SEND[1:4], fifty, b"Received: y\r\n\r\n.\r\n", b"NOOP\r\n")
    assert [code for code in codes(conn) if code[:2] in ("55",)] == ["554 5.4.6"]
    assert len(server.store.delivered) == 1


def test_smuggled_commands_stay_in_the_letter(server):
    for ending in (b"\n.\n", b"\r.\r\n", b"\r\n.\n", b"\n.\r\n"):
        talk(server, *SEND[:4], b"x" + ending + b"MAIL FROM:<e@x>\r\n.\r\n")
    assert len(server.store.delivered) == 4
    assert all(b"MAIL FROM:<e@x>\r\n" in content for _, content in server.store.delivered)


# AUTH -------------------------------------------------------------------------------------------------------------


def b64(octets):
    return base64.b64encode(octets)


RIGHT = b64(b"\0anna\0tin whistle")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"AUTH PLAIN " + RIGHT], ["235 2.7.0"]),
        ([b"auth plain " + RIGHT], ["235 2.7.0"]),
        ([b"AUTH PLAIN", RIGHT], ["334", "235 2.7.0"]),
        ([b"AUTH PLAIN", b"*"], ["334", "501 5.7.0"]),
        ([b"AUTH PLAIN ="], ["501 5.5.2"]),
        ([b"AUTH PLAIN !!!"], ["501 5.5.2"]),
        ([b"AUTH PLAIN", b"x" * 3000], ["334", "500 5.5.6"]),
        ([b"AUTH PLAIN " + b64(b"\0anna\0wrong")], ["535 5.7.8"]),
        ([b"AUTH LOGIN", b64(b"anna"), b64(b"tin whistle")], ["334", "334", "235 2.7.0"]),
        ([b"AUTH LOGIN " + b64(b"anna"), b64(b"tin whistle")], ["334", "235 2.7.0"]),
        ([b"AUTH LOGIN", b64(b"anna"), b"*"], ["334", "334", "501 5.7.0"]),
        ([b"AUTH LOGIN", b64(b"anna"), b64(b"no")], ["334", "334", "535 5.7.8"]),
        ([b"AUTH CRAM-MD5"], ["504 5.5.4"]),
        ([b"AUTH"], ["501 5.5.4"]),
        ([b"AUTH PLAIN " + RIGHT, b"AUTH PLAIN " + RIGHT], ["235 2.7.0", "503 5.5.1"]),
        ([b"MAIL FROM:<a@b>", b"AUTH PLAIN " + RIGHT], ["250 2.1.0", "503 5.5.1"]),
    ],
)
def test_auth(server, lines, expected):
    conn = talk(server, b"EHLO c\r\n", *[line + b"\r\n" for line in lines], b"NOOP\r\n")
    assert codes(conn)[1:] == [*expected, "250 2.0.0"]


def test_login_prompts(server):
    conn = talk(server, b"EHLO c\r\n", b"AUTH LOGIN\r\n", b64(b"anna") + b"\r\n", b"*\r\n")
    assert conn.flushes[2:4] == [b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"]


def test_three_wrong_passwords_close(server):
    wrong = b"AUTH PLAIN " + b64(b"\0anna\0wrong") + b"\r\n"
    conn = talk(server, b"EHLO c\r\n", wrong, wrong, wrong, b"NOOP\r\n")
    assert codes(conn)[1:] == ["535 5.7.8", "535 5.7.8", "535 5.7.8", "421 4.7.0"]


def test_auth_gives_no_right_to_relay(server):
    conn = talk(
        server, b"EHLO c\r\n", b"AUTH PLAIN " + RIGHT + b"\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<x@example.com>\r\n"
    )
    assert codes(conn)[-1] == "550 5.7.1"
    assert conn.user is None
    talk(server, b"EHLO c\r\n", b"AUTH PLAIN " + RIGHT + b"\r\n", *SEND[1:])
    assert b"with ESMTPA\r\n" in server.store.delivered[0][1]


def test_no_auth_in_clear(server):
    server.cleartext = False
    conn = talk(server, b"EHLO c\r\n", b"AUTH PLAIN " + RIGHT + b"\r\n")
    assert codes(conn)[1:] == ["538 5.7.11"]
    assert not server.users.asked


# Abuse ------------------------------------------------------------------------------------------------------------


def test_a_browser_is_sent_away(server):
    conn = talk(server, b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO c\r\n")
    assert codes(conn) == ["421 4.7.0"]


def test_binary_noise_ends_after_twenty_errors(server):
    conn = talk(server, b"\x00\xff\x80\r\n" * 100)
    assert codes(conn) == ["500 5.5.2"] * 20 + ["421 4.7.0"]
    assert conn.finished


def test_guessing_names_gets_slow_and_ends(server, naps):
    conn = talk(server, *ENVELOPE[:2], *[b"RCPT TO:<user%d>\r\n" % i for i in range(100)])
    assert codes(conn)[2:] == ["550 5.1.1"] * transaction.UNKNOWN_BEFORE_CLOSE + ["421 4.7.0"]
    assert len(naps) == transaction.UNKNOWN_BEFORE_CLOSE - transaction.UNKNOWN_BEFORE_DELAY


def test_the_server_stops(server):
    conn = FakeConnection([b"NOOP\r\nNOOP\r\n"])
    conn.closing = True
    with pytest.raises(ServerStopping):
        asyncio.run(session.serve(conn, server))


def test_last_words():
    for line in (service.REFUSAL, service.OUT_OF_MEMORY, service.FAULT, service.TIMEOUT, service.STOPPING):
        assert line[:4] == b"421 "
        assert line.endswith(b"\r\n")
        assert line.count(b"\n") == 1
