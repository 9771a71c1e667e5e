"""APPEND of several messages, and REPLACE, when something fails half-way: nothing is kept, everything is given back."""

import asyncio

import pytest

from postino.imap import messages, session
from postino.net.errors import ConnectionClosed
from postino.store import LimitReached, StoreFull
from postino.store.delivery import MOST_LETTERS
from postino.store.flags import MAX_KEYWORDS
from postino.store.letters import LetterWriter
from tests.support.nor_chip import BLOCK
from tests.unit.test_imap_session import Connection, append, letters_of, micropython, server, talk

__all__ = ["micropython", "server"]


def several(*letters: bytes, verb: bytes = b"a APPEND INBOX") -> bytes:
    """One command with these letters, sent without waiting."""
    return verb + b"".join(b" {%d+}\r\n%s" % (len(letter), letter) for letter in letters)


def is_clean(server) -> bool:
    """No letter, no file in transit, no mailbox left open."""
    store = server.store
    return not (store.letters.busy or store.letters._writing or store.open_boxes or store.space.transit)


def letters(server) -> int:
    return server.store.status("anna", "INBOX")[0]


def test_the_limits_are_those_of_the_store():
    assert messages.MAX_MESSAGES == MOST_LETTERS
    assert messages.MAX_KEYWORDS == MAX_KEYWORDS


def test_several_are_one_transaction(server):
    talk(server)
    before = server.store.log.sequence
    said = talk(server, several(b"one", b"two", b"three"))
    assert said.startswith(b"a OK [APPENDUID ") and b" 1:3] APPEND" in said
    # One for each slot that is taken, one for all letters.
    assert server.store.log.sequence - before == 4
    assert is_clean(server)


def test_letters_that_wait_have_no_file_open(server, monkeypatch):
    open_files = []
    real = LetterWriter.write

    def write(self, octets):
        open_files.append(sum(writer._file is not None for writer in server.store.letters._writing.values()))
        real(self, octets)

    monkeypatch.setattr(LetterWriter, "write", write)
    assert b"a OK" in talk(server, several(b"one", b"two", b"three", b"four"))
    assert open_files == [1] * 4


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_room_in_the_middle(server, monkeypatch, number):
    """The rest is thrown away, and is no command."""
    real = LetterWriter.write
    written = []

    def write(self, octets):
        written.append(octets)
        if len(written) == number:
            raise StoreFull("no room")
        real(self, octets)

    monkeypatch.setattr(LetterWriter, "write", write)
    said = talk(server, several(*[b"x NOOP\r\n"] * 3), b"z NOOP").splitlines()
    assert said == [b"a NO [OVERQUOTA] The mail storage is full", b"z OK NOOP completed"]
    assert letters(server) == 0 and is_clean(server)


@pytest.mark.parametrize("where", ["finish_letter", "append_all", "new_letter"])
@pytest.mark.parametrize("error", [StoreFull("x"), LimitReached("x"), OSError(5)])
def test_a_store_that_fails(server, monkeypatch, where, error):
    def fail(*_):
        raise error

    talk(server)
    monkeypatch.setattr(server.store, where, fail)
    said = talk(server, several(b"x NOOP\r\n", b"y NOOP\r\n"), b"z NOOP").splitlines()
    assert len(said) == 2 and said[0].startswith(b"a NO [") and said[1].startswith(b"z OK")
    assert letters(server) == 0 and is_clean(server)


def test_without_memory_everything_is_given_back(server, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(server.store, "append_all", fail)
    with pytest.raises(MemoryError):
        talk(server, several(b"one", b"two", verb=b"a APPEND INBOX (\\Seen work)"))
    assert letters(server) == 0 and is_clean(server)


TWO = several(b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n") + b"\r\n"


@pytest.mark.parametrize("cut", range(1, len(TWO)))
def test_a_client_that_goes_away(server, cut):
    conn = Connection([b"L LOGIN anna {11+}\r\ntin whistle\r\n", TWO[:cut]], service="imap")
    with pytest.raises(ConnectionClosed):
        asyncio.run(session.serve(conn, server))
    assert letters(server) == 0 and is_clean(server)


def test_the_quota_counts_all_of_them(server):
    server.store.quota = 2 * BLOCK
    said = talk(server, several(b"1", b"2", b"x NOOP\r\n"), b"z NOOP").splitlines()
    assert said == [b"a NO [OVERQUOTA] Your mailboxes are full", b"z OK NOOP completed"]
    # Before it is sent, if the client waits.
    assert talk(server, several(b"1", b"2") + b" {9}").splitlines() == [b"a NO [OVERQUOTA] Your mailboxes are full"]
    assert letters(server) == 0 and is_clean(server)
    assert b"a OK" in talk(server, several(b"1", b"2"))


def test_too_many_are_refused_before_they_are_sent(server):
    most = several(*[b"x"] * messages.MAX_MESSAGES)
    assert talk(server, most + b" {9}").splitlines() == [b"a NO [LIMIT] Too many messages in one command"]
    assert letters(server) == 0 and is_clean(server)
    assert b" 1:32] APPEND" in talk(server, most)


def test_only_what_replace_adds_counts(server):
    talk(server, append(b"x"))
    server.store.quota = BLOCK
    assert b"a OK" in talk(server, b"S SELECT INBOX", replace(b"y"))
    said = talk(server, b"S SELECT INBOX", b"a REPLACE 1 INBOX {%d}" % (2 * BLOCK)).splitlines()
    assert said[-1] == b"a NO [OVERQUOTA] Your mailboxes are full"


def keywords(first, count):
    return b" ".join(b"k%d" % number for number in range(first, first + count))


def test_keywords_of_one_command(server):
    """A mailbox has no more of them; refused before the message is sent."""
    command = b"a APPEND INBOX (%s) {3+}\r\nabc (%s) {3}" % (keywords(0, 20), keywords(10, 23))
    assert talk(server, command).splitlines() == [b"a NO [LIMIT] Too many keywords"]
    command = b"a APPEND INBOX (%s) {3+}\r\nabc (%s) {3+}\r\nabc" % (keywords(0, 20), keywords(10, 22))
    assert talk(server, command).startswith(b"a OK")
    assert talk(server, b"a APPEND INBOX (new) {3+}\r\nabc").startswith(b"a NO [LIMIT]")
    assert letters(server) == 2 and is_clean(server)


def test_a_keyword_that_is_too_long_is_refused_before_the_message_is_sent(server):
    assert talk(server, b"a APPEND INBOX (%s) {3}" % (b"k" * 65)).splitlines() == [b"a BAD That is no keyword"]
    assert talk(server, b"a APPEND INBOX (%s) {3+}\r\nabc" % (b"k" * 64)).startswith(b"a OK")


def test_a_mailbox_that_goes_meanwhile(server):
    talk(server, b"c CREATE x")
    conn = Connection(
        [
            b"L LOGIN anna {11+}\r\ntin whistle\r\na APPEND x (work) {3+}\r\n",
            lambda: server.store.delete("anna", "x"),
            b"abc {3+}\r\nabc\r\nz NOOP\r\n",
        ],
        service="imap",
    )
    with pytest.raises(ConnectionClosed):
        asyncio.run(session.serve(conn, server))
    said = conn.sent.splitlines()
    assert said[-2].startswith((b"a NO [TRYCREATE]", b"a NO [NONEXISTENT]")) and said[-1].startswith(b"z OK")
    assert is_clean(server)


# REPLACE ------------------------------------------------------------------------------------------------------------


def replace(letter: bytes, number: int = 1) -> bytes:
    return several(letter, verb=b"a UID REPLACE %d INBOX (\\Draft)" % number)


def test_a_letter_takes_the_place_of_another_in_one_transaction(server):
    talk(server, append(), append(b"other"))
    before = server.store.log.sequence
    said = talk(server, b"S SELECT INBOX", replace(b"Subject: new\r\n\r\n"), b"F UID FETCH 1:* (FLAGS RFC822.SIZE)")
    lines = said[said.index(b"S OK") :].splitlines()[1:]
    assert lines[0].startswith(b"* OK [APPENDUID ") and lines[0].endswith(b" 3] Replaced")
    assert lines[1] == b"* 1 EXPUNGE"
    assert b"* 1 FETCH (UID 2 FLAGS (\\Recent) RFC822.SIZE 5)" in lines
    assert b"* 2 FETCH (UID 3 FLAGS (\\Draft \\Recent) RFC822.SIZE 16)" in lines
    # The slot that is taken, and the change.
    assert server.store.log.sequence - before <= 3
    assert is_clean(server)


@pytest.mark.parametrize("error", [StoreFull("x"), OSError(5)])
def test_the_old_letter_stays_if_it_fails(server, monkeypatch, error):
    talk(server, append())

    def fail(*_):
        raise error

    monkeypatch.setattr(server.store, "replace", fail)
    said = talk(server, b"S SELECT INBOX", replace(b"x NOOP\r\n"), b"z NOOP", b"F FETCH 1 UID").splitlines()
    assert said[-4].startswith(b"a NO [") and said[-3].startswith(b"z OK") and said[-2] == b"* 1 FETCH (UID 1)"
    assert is_clean(server)


def test_a_selected_mailbox_that_goes_meanwhile(server):
    """RFC 2180 3.3."""
    talk(server, b"c CREATE x", several(b"old", verb=b"a APPEND x"))
    conn = Connection(
        [
            b"L LOGIN anna {11+}\r\ntin whistle\r\nS SELECT x\r\na REPLACE 1 INBOX {3+}\r\n",
            lambda: server.store.delete("anna", "x"),
            b"abc\r\nz NOOP\r\n",
        ],
        service="imap",
    )
    asyncio.run(session.serve(conn, server))
    assert conn.sent.splitlines()[-1].startswith(b"* BYE ")
    assert letters(server) == 0 and is_clean(server)


def test_without_memory_the_old_letter_stays(server, monkeypatch):
    talk(server, append())

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(server.store, "replace", fail)
    with pytest.raises(MemoryError):
        talk(server, b"S SELECT INBOX", replace(b"new"))
    assert letters_of(server, "INBOX").uid(0) == 1
