"""Whole IMAP sessions on a real store, on CPython: what the rules of RFC 3501 and the limits make of a dialog."""

import asyncio
import base64

import pytest

from postino import log
from postino.imap import copying, expunge, session
from postino.mime import structure
from postino.net.errors import ConnectionClosed
from postino.store import Store, StoreFull
from postino.store.flags import DELETED
from postino.store.letter_reader import LetterReader
from postino.store.mailbox import Mailbox
from tests.unit.session_fakes import FakeConnection, FakeServer

LETTER = (
    b"From: Anna <anna@office.lan>\r\nTo: bob@office.lan\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Mon, 2 Nov 2026 23:30:00 -0800\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\n\r\nHello\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ndeep\r\n--x--\r\n"
)


@pytest.fixture(autouse=True)
def micropython(monkeypatch):
    """MicroPython's asyncio.sleep_ms, which CPython has not, and no log."""

    async def sleep_ms(milliseconds):
        await asyncio.sleep(0)

    monkeypatch.setattr(asyncio, "sleep_ms", sleep_ms, raising=False)
    monkeypatch.setattr(log, "_write", lambda level, text, values: text % values)


class Connection(FakeConnection):
    """A connection with the calls that only IMAP makes."""

    async def read_exactly(self, count):
        result = b""
        while len(result) < count:
            block = bytes(await self.read_block())[: count - len(result)]
            self.consume(len(block))
            result += block
        return result

    def wake(self):
        pass


@pytest.fixture
def server(tmp_path):
    result = FakeServer()
    result.values |= {"imap_timeout": 1800, "idle_notify": 120, "imap_capabilities_off": ""}
    result.store = Store(str(tmp_path), result.clock)
    result.store.format()
    result.store.open()
    yield result
    result.store.close()


def talk(server, *lines, log_in=True):
    """Sends lines (CRLF is added) to a session of its own and returns its answer, the greeting apart."""
    octets = b"".join(line + b"\r\n" for line in ((b"L LOGIN anna {11+}\r\ntin whistle",) if log_in else ()) + lines)
    conn = Connection([octets], service="imap")

    async def run():
        try:
            await session.serve(conn, server)
        except ConnectionClosed:
            await conn.flush()

    asyncio.run(run())
    said = conn.sent.partition(b"\r\n")[2]
    return said.partition(b"\r\n")[2] if log_in else said


def append(letter=LETTER, flags=b""):
    return b"A APPEND INBOX %s{%d+}\r\n%s" % (flags, len(letter), letter)


def test_the_login_is_limited(server):
    said = talk(server, *[b"a LOGIN anna nonsense"] * 4, log_in=False)
    assert said.count(b"a NO [AUTHENTICATIONFAILED]") == 3
    assert said.splitlines()[-1].startswith(b"* BYE ")


def test_authenticate(server):
    initial = base64.b64encode(b"\0anna\0tin whistle")
    assert talk(server, b"a AUTHENTICATE PLAIN " + initial, log_in=False).startswith(b"a OK [CAPABILITY ")
    said = talk(server, b"a AUTHENTICATE PLAIN", b"*", b"b AUTHENTICATE PLAIN", initial, log_in=False)
    assert [line[:5] for line in said.splitlines()] == [b"+ ", b"a BAD", b"+ ", b"b OK "]


def test_without_tls_where_that_is_not_allowed(server):
    server.cleartext = False
    said = talk(server, b"a CAPABILITY", b"b LOGIN anna {11+}\r\ntin whistle", log_in=False)
    assert b"LOGINDISABLED" in said and b"AUTH=PLAIN" not in said
    assert b"\r\nb NO [PRIVACYREQUIRED]" in said


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"a SELECT INBOX", b"a BAD"),
        (b"a NOOP (((((((", b"a BAD"),
        (b"a NOOP " + b"x" * 1100, b"a BAD"),
        (b"a ID (((", b"a BAD"),
        (b"a LOGIN {2000}", b"a BAD"),
        (b"a NOOP {5+}\r\nabcde", b"a BAD"),
        (b"", b"* BAD"),
        (b"\xff\x00\x80", b"* BAD"),
        (b"+ NOOP", b"* BAD"),
        (b"a", b"a BAD"),
        (b"a LOGIN anna", b"a BAD"),
    ],
)
def test_before_login_little_is_taken(server, line, answer):
    said = talk(server, line, b"z NOOP", log_in=False).splitlines()
    assert said[0].startswith(answer)
    assert said[-1].startswith(b"z OK")


def test_a_literal_that_cannot_be_skipped_ends_the_session(server):
    said = talk(server, b"a SELECT {5000+}", b"b NOOP").splitlines()
    assert said[0].startswith(b"a BAD") and said[1].startswith(b"* BYE") and len(said) == 2


def test_append_and_fetch(server):
    said = talk(server, append(flags=b"(\\Flagged work) "), b"S SELECT INBOX", b"F UID FETCH 1:* (BODY[] UID FLAGS)")
    assert said.startswith(b"A OK [APPENDUID ") and b" 1] APPEND" in said.splitlines()[0]
    # The UID first and once, the flags with the \Seen that reading has set (RFC 3501 6.4.5).
    fetched = said[said.index(b"* 1 FETCH") :]
    assert fetched.startswith(
        b"* 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged work \\Recent) BODY[] {%d}\r\n%s)\r\n" % (len(LETTER), LETTER)
    )


@pytest.mark.parametrize(
    ("item", "value"),
    [
        (b"BODY.PEEK[]<6.4>", b"BODY[]<6> {4}\r\nAnna"),
        (b"BODY.PEEK[]<99999.4>", b'BODY[]<99999> ""'),
        (b"BODY.PEEK[HEADER.FIELDS (TO from)]", b"{52}\r\nFrom: Anna <anna@office.lan>\r\nTo: bob@office.lan\r\n\r\n"),
        (b"BODY.PEEK[HEADER.FIELDS (X-None)]", b"{2}\r\n\r\n"),
        (b"BODY.PEEK[1]", b"BODY[1] {5}\r\nHello"),
        (b"BODY.PEEK[2]<9.5>", b"BODY[2]<9> {5}\r\ninner"),
        (b"BODY.PEEK[2.MIME]", b"{32}\r\nContent-Type: message/rfc822\r\n\r\n"),
        (b"BODY.PEEK[2.HEADER]", b"{18}\r\nSubject: inner\r\n\r\n"),
        (b"BODY.PEEK[2.TEXT]", b"{4}\r\ndeep"),
        (b"BODY.PEEK[2.1]", b"{4}\r\ndeep"),
        (b"BODY.PEEK[3]", b"BODY[3] NIL"),
        (b"RFC822.SIZE", b"RFC822.SIZE %d" % len(LETTER)),
    ],
)
def test_sections(server, item, value):
    said = talk(server, append(), b"S EXAMINE INBOX", b"F FETCH 1 " + item)
    assert value in said
    assert said.endswith(b"F OK FETCH completed\r\n")


def test_a_long_filtered_header_is_sent_whole(server):
    fields = b"".join(b"X-%d: %s\r\n" % (k, b"y" * 200) for k in range(40))
    letter = fields + b"Subject: s\r\n\r\nbody"
    wanted = fields + b"\r\n"
    said = talk(server, append(letter), b"S EXAMINE INBOX", b"F FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Subject)]")
    assert b"{%d}\r\n%s)" % (len(wanted), wanted) in said
    said = talk(server, b"S EXAMINE INBOX", b"F FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Subject)]<3000.2500>")
    assert b"<3000> {2500}\r\n%s)" % wanted[3000:5500] in said


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (b"SUBJECT {6+}\r\ngr\xc3\xbc\xc3\x9f", True),
        (b"SUBJECT Gruss", False),
        (b"FROM ANNA TO bob", True),
        (b"SENTON 2-Nov-2026", True),
        (b"SENTSINCE 3-Nov-2026", False),
        (b"BODY hello", True),
        (b"BODY anna@", False),
        (b"TEXT anna@", True),
        (b'HEADER Content-Type ""', True),
        (b'HEADER X-None ""', False),
        (b"NOT (OR SEEN KEYWORD nothing)", True),
        (b"OR (FROM nobody) (BODY deep)", True),
        (b"LARGER 100 SMALLER 1000", True),
        (b"NEW", True),
        (b"UID 2:*", True),
        (b"7:9", False),
        (b"CHARSET UTF-8 ALL", True),
    ],
)
def test_search(server, keys, found):
    said = talk(server, append(), b"S SELECT INBOX", b"F SEARCH " + keys)
    assert (b"* SEARCH 1\r\n" if found else b"* SEARCH\r\n") in said


def test_search_charsets(server):
    said = talk(server, b"S SELECT INBOX", b"F SEARCH CHARSET X-NONE ALL")
    assert b"F NO [BADCHARSET" in said


@pytest.mark.parametrize("nest", [b"NOT ", b"OR ALL ", b"("])
def test_search_is_limited(server, nest):
    def ask(depth):
        closing = b")" * depth if nest == b"(" else b""
        return talk(server, b"S SELECT INBOX", b"F SEARCH " + nest * depth + b"ALL" + closing)

    assert b"F OK" in ask(8)
    assert b"F BAD" in ask(9)
    assert b"F BAD" in ask(1000)


def test_numbers_beyond_the_last_message_are_bad(server):
    said = talk(server, append(), b"S SELECT INBOX", b"a FETCH 2 FLAGS", b"b FETCH 1:5 FLAGS", b"c UID FETCH 2 FLAGS")
    assert b"\r\na BAD" in said and b"\r\nb BAD" in said and b"\r\nc OK" in said


def test_an_empty_mailbox(server):
    said = talk(server, b"S SELECT Trash", b"a UID FETCH 1:* FLAGS", b"b UID SEARCH *:*", b"c UID STORE 1 +FLAGS (a)")
    assert b"* 0 EXISTS" in said and b"UIDNEXT 1]" in said
    for tag in (b"a", b"b", b"c"):
        assert b"\r\n" + tag + b" OK" in said


def test_append_refuses_before_the_literal_where_it_can(server):
    said = talk(server, b"a APPEND INBOX {20001}", b"b APPEND nix {5}", b"c APPEND INBOX {0}").splitlines()
    assert [line[:14] for line in said] == [b"a NO [TOOBIG] ", b"b NO [TRYCREAT", b"c NO The messa"]
    assert not server.store.status("anna", "INBOX")[0]


def test_append_throws_an_unwanted_literal_away(server):
    said = talk(server, b"a APPEND INBOX {30000+}\r\n" + b"z NOOP\r\n" * 3750, b"b NOOP").splitlines()
    assert said[0].startswith(b"a NO [TOOBIG]") and said[1].startswith(b"b OK") and len(said) == 2


def test_nothing_is_kept_of_a_broken_append(server):
    assert talk(server, append() + b" x {3+}\r\nabc", b"b NOOP").startswith(b"A BAD")
    assert not server.store.status("anna", "INBOX")[0]


def test_a_letter_is_never_padded(server, monkeypatch):
    talk(server, append())
    real = server.store.open_letter

    def short(slot, size):
        reader = real(slot, size)
        monkeypatch.setattr(reader, "readinto", lambda buffer: 0, raising=False)
        return reader

    monkeypatch.setattr(server.store, "open_letter", short)
    said = talk(server, b"S EXAMINE INBOX", b"F FETCH 1 BODY.PEEK[]", b"N NOOP")
    assert said.endswith(b"{%d}\r\n" % len(LETTER))


PARTS = [b"S SELECT INBOX", b"a FETCH 1 (BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[2.TEXT])", b"b FETCH 1 BODY[1]"]


def test_the_structure_is_found_as_the_letter_comes_in(server, monkeypatch):
    talk(server, append())
    scanned = []
    real = structure.StructureScanner
    monkeypatch.setattr(structure, "StructureScanner", lambda: scanned.append(1) or real())
    said = talk(server, *PARTS)
    assert scanned == []
    assert b"\r\nSubject: =?utf-8?q?" in said and b"deep" in said and b"Hello" in said
    # Without what is stored, the letter is read for it, and says the same.
    monkeypatch.setattr(LetterReader, "structure", lambda self: b"")
    again = talk(server, *PARTS)
    assert scanned == [1]
    assert again.partition(b"a OK")[0].partition(b"FETCH")[2] == said.partition(b"a OK")[0].partition(b"FETCH")[2]


def test_the_structure_is_that_of_the_letter_in_the_slot_now(server, monkeypatch):
    monkeypatch.setattr(LetterReader, "structure", lambda self: b"")
    talk(server, append(), b"S SELECT INBOX", b"a FETCH 1 BODYSTRUCTURE", b"b STORE 1 +FLAGS (\\Deleted)", b"c EXPUNGE")
    while True:
        talk(server, append(b"Subject: plain\r\n\r\nplain"))
        box = letters_of(server, "INBOX")
        if box.letter(len(box) - 1) == 0:
            break
    said = talk(server, b"S SELECT INBOX", b"a FETCH * BODY[1]")
    assert b"{5}\r\nplain" in said


def test_copy_move_and_expunge(server):
    said = talk(
        server,
        *[append()] * 4,
        b"S SELECT INBOX",
        b"a UID COPY 1,3 Junk",
        b"b UID MOVE 2:3 Trash",
        b"c STORE 1 +FLAGS.SILENT (\\Deleted)",
        b"d UID EXPUNGE 2",
        b"e EXPUNGE",
        b"f COPY 1 nix",
        b"g FETCH 1:* UID",
    )
    lines = said[said.index(b"S OK") :].splitlines()[1:]
    assert lines[0].startswith(b"a OK [COPYUID ") and lines[0].endswith(b" 1,3 1:2] UID COPY completed")
    assert lines[1].startswith(b"* OK [COPYUID ") and lines[1].endswith(b" 2:3 1:2] Moved")
    assert lines[2:] == [
        b"* 2 EXPUNGE",
        b"* 2 EXPUNGE",
        b"b OK UID MOVE completed",
        b"c OK STORE completed",
        b"d OK UID EXPUNGE completed",
        b"* 1 EXPUNGE",
        b"e OK EXPUNGE completed",
        b"f NO [TRYCREATE] There is no mailbox of that name",
        b"* 1 FETCH (UID 4)",
        b"g OK FETCH completed",
    ]


def test_another_session_expunges(server):
    talk(server, *[append()] * 4)
    box = server.store.open_mailbox(server.store.find("anna", "INBOX")[0], None)
    box.listeners.remove(None)
    conn = Connection(
        [
            b"L LOGIN anna {11+}\r\ntin whistle\r\nS SELECT INBOX\r\n",
            lambda: box.expunge([2]),
            b"a FETCH 1:3 UID\r\nb STORE 2 +FLAGS (\\Seen)\r\nc COPY 2 Junk\r\nd FETCH 2:3 UID\r\n",
        ],
        service="imap",
    )
    with pytest.raises(ConnectionClosed):
        asyncio.run(session.serve(conn, server))
    gone = b" NO [EXPUNGEISSUED] Some of the messages were expunged by another session"
    assert conn.sent[conn.sent.index(b"S OK") :].splitlines()[1:] == [
        b"* 1 FETCH (UID 1)",
        b"* 3 FETCH (UID 3)",
        b"a" + gone,
        b"b" + gone,
        # COPY may tell it, and its failure is the moment to do so (RFC 3501 7.4.1).
        b"* 2 EXPUNGE",
        b"c" + gone,
        b"* 2 FETCH (UID 3)",
        b"* 3 FETCH (UID 4)",
        b"d OK FETCH completed",
    ]


def test_lists(server):
    said = talk(
        server, b'a LIST "" ""', b'b LIST "" inbox', b'c LSUB "" INBOX', b'd CREATE "Caf&AOk-/x y/z"', b'e LIST "C" "*"'
    )
    lines = said.splitlines()
    assert lines[0] == b'* LIST (\\Noselect) "/" ""'
    assert lines[2] == b'* LIST (\\HasNoChildren) "/" "INBOX"'
    assert lines[4] == b'* LSUB (\\HasNoChildren) "/" "INBOX"'
    # Parents are real mailboxes.
    assert lines[7:10] == [
        b'* LIST (\\HasChildren) "/" "Caf&AOk-"',
        b'* LIST (\\HasChildren) "/" "Caf&AOk-/x y"',
        b'* LIST (\\HasNoChildren) "/" "Caf&AOk-/x y/z"',
    ]


def test_a_storage_failure_is_never_a_missing_mailbox(server):
    server.store.close()
    for command in (b"SELECT INBOX", b"STATUS INBOX (MESSAGES)", b'LIST "" "*"', b"CREATE x"):
        said = talk(server, b"a " + command)
        assert said.startswith(b"a NO [UNAVAILABLE]"), command
    server.store.open()


def test_every_answer_has_a_text(server):
    said = talk(server, append(), b"S SELECT INBOX", b"a FETCH 1 FULL", b"b XYZZY", b"c CLOSE", b"d LOGOUT")
    for line in said.splitlines():
        words = line.split(b" ", 2)
        if len(words) > 1 and words[1] in (b"OK", b"NO", b"BAD"):
            assert words[2].rpartition(b"]")[2].strip()


def said_of(server, conn):
    """What a session on a connection that was made by hand answers, from its SELECT on."""

    async def run():
        try:
            await session.serve(conn, server)
        except ConnectionClosed:
            await conn.flush()

    asyncio.run(run())
    return conn.sent[conn.sent.index(b"S OK") :].splitlines()[1:]


def letters_of(server, name):
    """The mailbox, open for the test itself, and without a listener."""
    box = server.store.open_mailbox(server.store.find("anna", name)[0], None)
    box.listeners.remove(None)
    return box


def test_search_of_a_letter_that_goes_while_it_is_read(server, monkeypatch):
    talk(server, *[append()] * 3)
    box = letters_of(server, "INBOX")
    real = server.store.open_letter

    def open_letter(slot, size):
        if slot == box.letter(1) and len(box) == 3:
            reader = real(slot, size)
            box.expunge([2])
            return reader
        return real(slot, size)

    monkeypatch.setattr(server.store, "open_letter", open_letter)
    # The client still counts three: the last keeps its number, and the one that has gone is not found under it.
    conn = Connection(
        [b"L LOGIN anna {11+}\r\ntin whistle\r\nS SELECT INBOX\r\na SEARCH TEXT deep\r\n"], service="imap"
    )
    assert said_of(server, conn) == [b"* SEARCH 1 3", b"a OK SEARCH completed"]


def test_close_that_cannot_expunge_leaves_the_mailbox(server, monkeypatch):
    monkeypatch.setattr(expunge, "BATCH", 1)
    talk(server, *[append(flags=b"(\\Deleted) ")] * 3)
    real = Mailbox.expunge

    def fail_at_second(self, uids):
        if list(uids) == [2]:
            raise StoreFull
        real(self, uids)

    monkeypatch.setattr(Mailbox, "expunge", fail_at_second)
    said = talk(server, b"S SELECT INBOX", b"a CLOSE", b"b FETCH 1 UID", b"c SELECT INBOX")
    lines = said[said.index(b"S OK") :].splitlines()[1:]
    assert lines[0].startswith(b"a NO [OVERQUOTA]")
    # It has not been told that one letter has gone: no sequence number would be right any more.
    assert lines[1] == b"b BAD Select a mailbox first"
    assert lines[2] == b"* 2 EXISTS"


def test_expunge_spares_what_is_undeleted_in_its_pauses(server, monkeypatch):
    monkeypatch.setattr(expunge, "YIELD_EVERY", 2)
    talk(server, *[append(flags=b"(\\Deleted) ")] * 5)
    box = letters_of(server, "INBOX")
    kept = []

    async def others_turn(milliseconds):
        for uid in [box.uid(row) for row in range(len(box))]:
            box.change_flags([uid], 0, DELETED)
            kept.append(uid)

    conn = Connection([b"L LOGIN anna {11+}\r\ntin whistle\r\nS SELECT INBOX\r\na EXPUNGE\r\n"], service="imap")
    monkeypatch.setattr(asyncio, "sleep_ms", others_turn)
    said_of(server, conn)
    assert kept
    assert set(kept) == {box.uid(row) for row in range(len(box))}


def test_a_copy_without_memory_is_taken_back(server, monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 2)
    talk(server, *[append()] * 5)
    real = Mailbox.copy

    def copy(self, uids, target):
        if 3 in uids:
            raise MemoryError
        return real(self, uids, target)

    monkeypatch.setattr(Mailbox, "copy", copy)
    with pytest.raises(MemoryError):
        talk(server, b"S SELECT INBOX", b"a COPY 1:5 Junk")
    assert server.store.status("anna", "Junk")[0] == 0
    assert not server.store.open_boxes
