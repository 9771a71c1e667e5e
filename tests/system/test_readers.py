"""A letter that is being read while it is expunged and its room is wanted: every reader gets it whole."""

import smtplib

from tests.support import letters, mail, wire
from tests.support.simulator import PASSWORDS
from tests.support.trace import assert_same

ANNA = (b"anna", PASSWORDS["anna"].encode())
SIZE = 3 * letters.MB
# Small, so that most of the letter is still in flash when the reader pauses.
RECEIVE_BUFFER = 4096
PIECE = 64 * letters.KB
# Letters of SIZE that arrive meanwhile: more than the partition holds, so that every free block is written.
ARRIVALS = 5


def literal_size(line: bytes) -> int:
    """Of a line that ends in {n}."""
    return int(line[line.rindex(b"{") + 1 : -1])


def start_fetch(simulator) -> tuple[wire.Wire, int]:
    """An IMAP session that has asked for letter 1 and read only the answer's first line."""
    imap = wire.imap(simulator, ANNA, b"INBOX", receive_buffer=RECEIVE_BUFFER)
    imap.send(b"f1 FETCH 1 (BODY.PEEK[])\r\n")
    return imap, literal_size(imap.until(b"* 1 FETCH")[-1])


def read_multiline(pop3: wire.Wire) -> bytes:
    """The rest of a RETR answer, unstuffed."""
    lines = []
    while (line := pop3.line()) != b".":
        assert not pop3.at_end(), "the connection was closed in the middle of the letter"
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"\r\n".join(lines) + b"\r\n"


def test_a_letter_expunged_while_three_sessions_read_it(start_simulator):
    simulator = start_simulator(settings={"max_message_size": 5 * letters.MB})
    letter = letters.large_letter(1, SIZE)
    mail.send(simulator, letter)
    (first, first_size), (second, second_size) = start_fetch(simulator), start_fetch(simulator)
    third = wire.pop3(simulator, ANNA, receive_buffer=RECEIVE_BUFFER)
    with first, second, third:
        third.ask(b"RETR 1", b"+OK")
        first_part, second_part = first.read(PIECE), second.read(PIECE)
        with mail.imap_session(simulator) as fourth:
            mail.ok(fourth.store("1", "+FLAGS.SILENT", r"(\Deleted)"))
            mail.ok(fourth.expunge())
            assert mail.uids(fourth) == []
        arrived = fill(simulator)
        before = flash_read(simulator)
        first_part += first.read(first_size - PIECE)
        second_part += second.read(second_size - PIECE)
        assert_same(read_multiline(third), letter)
        assert_same(first_part, letter)
        assert_same(second_part, letter)
        # Most of it was still in flash when the letter was expunged, not in the buffers of the sockets.
        assert flash_read(simulator) - before > 2 * SIZE
        assert first.until(b"f1 ")[-1].startswith(b"f1 OK")
        assert second.until(b"f1 ")[-1].startswith(b"f1 OK")
        first.ask(b"n1 NOOP", b"n1 OK")
        third.ask(b"QUIT", b"+OK")
    for out, number in zip(mail.all_letters(simulator), arrived, strict=True):
        assert_same(out, letters.large_letter(number, SIZE))
    # The last reader has gone, and so has the letter: its room can be had.
    mail.empty(simulator)
    mail.send(simulator, letters.large_letter(99, SIZE))


def flash_read(simulator) -> int:
    """Octets read from the mail partition since the start."""
    return simulator.stats()["flash"]["mail"]["read_bytes"]


def fill(simulator) -> list[int]:
    """New mail until ARRIVALS letters have been written; a full store is emptied. Returns what is left."""
    kept: list[int] = []
    for number in range(2, 2 + ARRIVALS):
        try:
            mail.send(simulator, letters.large_letter(number, SIZE))
        except smtplib.SMTPResponseException as refused:
            assert refused.smtp_code in (452, 552), refused
            mail.empty(simulator)
            kept.clear()
            mail.send(simulator, letters.large_letter(number, SIZE))
        kept.append(number)
    return kept
