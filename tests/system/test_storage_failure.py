"""The file system fails while clients are at work: they are told to try again later, and lose nothing.

Quirk 31 of the clients: where Outlook is told that a mailbox does not exist, it deletes what it has of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from postino_tools.flash_layout import MAIL, find_partition
from postino_tools.partition_table import TABLE_LENGTH, TABLE_OFFSET, parse_table
from tests.support import letters, mail, wire
from tests.support.simulator import PASSWORDS, Simulator
from tests.support.trace import assert_same

ANNA = (b"anna", PASSWORDS["anna"].encode())
BLOCK_SIZE = 4096
LETTERS = 3
LITERAL = b"{10+}\r\nSubject: x"
# They need a letter's file, to read or to write it.
NEEDS_FILES = (
    b"FETCH 1 BODY.PEEK[]",
    b"UID FETCH 1 (ENVELOPE BODYSTRUCTURE)",
    b"FETCH 1 BINARY.PEEK[1]",
    b"FETCH 1 PREVIEW",
    b"FETCH 1 EMAILID",
    b"SEARCH TEXT boiler",
    b"SEARCH EMAILID x",
    b"SORT (SUBJECT) UTF-8 ALL",
    b"APPEND INBOX " + LITERAL,
    b"REPLACE 1 INBOX " + LITERAL,
)
# What these need is in the log, or in memory.
NEEDS_NO_FILES = (
    b"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
    b"STORE 1 +FLAGS (\\Flagged)",
    b"COPY 1 Sent",
    b"STATUS Sent (MESSAGES UNSEEN SIZE)",
    b'LIST "" "*" RETURN (STATUS (MESSAGES))',
    b"SELECT INBOX",
)


@contextmanager
def failing_storage(simulator: Simulator) -> Iterator[None]:
    """The root of the file system cannot be read for a while.

    The simulator maps the flash file: what is written to it is what the firmware reads.
    """
    with open(simulator.flash_file, "r+b", buffering=0) as flash:
        flash.seek(TABLE_OFFSET)
        root = find_partition(parse_table(flash.read(TABLE_LENGTH)), MAIL).offset
        flash.seek(root)
        whole = flash.read(2 * BLOCK_SIZE)
        flash.seek(root)
        flash.write(bytes(len(whole)))
        try:
            yield
        finally:
            flash.seek(root)
            flash.write(whole)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    with Simulator(tmp_path_factory.mktemp("failing")) as simulator:
        for number in range(LETTERS):
            mail.send(simulator, letters.text_letter(number, 3000))
        yield simulator


@pytest.mark.parametrize("command", NEEDS_FILES)
def test_a_storage_failure_is_told_as_one_q31(simulator, command):
    with wire.imap(simulator, ANNA, b"INBOX") as imap:
        with failing_storage(simulator):
            answer = imap.ask(b"f1 " + command, b"f1 ")
        assert len(answer) == 1 and answer[0].startswith(b"f1 NO [UNAVAILABLE] "), answer
        imap.ask(b"f2 NOOP", b"f2 OK")


@pytest.mark.parametrize("command", NEEDS_NO_FILES)
def test_mailboxes_are_there_all_the_time_q31(simulator, command):
    with wire.imap(simulator, ANNA, b"INBOX") as imap, failing_storage(simulator):
        assert imap.ask(b"f1 " + command, b"f1 ")[-1].startswith(b"f1 OK ")


def test_nothing_is_lost(simulator):
    with wire.imap(simulator, ANNA) as imap:
        before = imap.ask(b"f1 EXAMINE INBOX", b"f1 OK")
        with failing_storage(simulator):
            imap.ask(b"f2 FETCH 1:* BODY.PEEK[]", b"f2 NO [UNAVAILABLE]")
        imap.ask(b"f3 UNSELECT", b"f3 OK")
        # UIDVALIDITY, UIDNEXT, the highest modification sequence and all the rest.
        assert imap.ask(b"f1 EXAMINE INBOX", b"f1 OK") == before
    found = mail.all_letters(simulator)
    assert len(found) == LETTERS
    for number, letter in enumerate(found):
        assert_same(letter, letters.text_letter(number, 3000))
