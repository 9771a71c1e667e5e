"""IMAP4rev2 where it is enabled (RFC 9051 appendix E): what it has no longer, and what comes in its place."""

import pytest

from postino.imap import capabilities
from tests.unit.test_imap_session import append, micropython, server, talk

__all__ = ["micropython", "server"]


@pytest.fixture(autouse=True)
def offered(monkeypatch):
    """Offered, whether this version does or not."""
    words = capabilities.CAPABILITIES
    monkeypatch.setattr(capabilities, "CAPABILITIES", (*words, *({b"IMAP4rev2"} - set(words))))


def lines(said, tag):
    """What stands before a tagged reply, and that."""
    before = said.partition(b"\r\n" + tag + b" ")[0].splitlines()
    last = max((k for k, line in enumerate(before) if not line.startswith(b"* ")), default=-1)
    return before[last + 1 :]


def test_select_tells_the_name_and_nothing_of_recent_and_unseen(server):
    talk(server, append(), b"c CREATE INBOX/a")
    said = talk(server, b"E ENABLE IMAP4rev2", b"S SELECT INBOX", b"x NOOP")
    assert b"* ENABLED IMAP4rev2\r\n" in said
    told = lines(said, b"S")
    assert b'* LIST (\\HasChildren) "/" "INBOX"' in told
    assert not any(b"RECENT" in line or b"UNSEEN" in line for line in told)
    for word in (b"* 1 EXISTS", b"* FLAGS ", b"* OK [PERMANENTFLAGS ", b"* OK [UIDVALIDITY ", b"* OK [UIDNEXT 2]"):
        assert sum(line.startswith(word) for line in told) == 1, word


def test_a_name_is_told_in_utf8(server):
    said = talk(server, b"E ENABLE IMAP4rev2", 'c CREATE "Büro"'.encode(), 'S EXAMINE "Büro"'.encode())
    assert '* LIST (\\HasNoChildren) "/" "Büro"\r\n'.encode() in said


def test_nothing_is_recent(server):
    talk(server, append())
    said = talk(
        server,
        b"E ENABLE IMAP4rev2",
        b"S SELECT INBOX",
        append(),
        b"a FETCH 1:* FLAGS",
        b"b STORE 1 +FLAGS (\\Flagged)",
        b"c FETCH 2 BODY[TEXT]<0.1>",
        b"d MOVE 1 INBOX",
    )
    assert b"* 2 EXISTS\r\n" in said
    assert b"recent" not in said.lower().partition(b"s ok")[2].replace(b"recent]", b"")
    # They stay so for who knows such a thing.
    assert b"* 2 RECENT\r\n" in talk(server, b"S SELECT INBOX")


def test_a_mailbox_that_is_left_is_closed(server):
    said = talk(server, b"E ENABLE IMAP4rev2", b"S SELECT INBOX", b"T SELECT Sent", b"U SELECT nowhere", b"V CHECK")
    assert lines(said, b"T")[0].startswith(b"* OK [CLOSED] ")
    assert lines(said, b"U") == [b"* OK [CLOSED] The mailbox selected before is closed"]
    assert b"\r\nV BAD" in said


def test_macros_and_the_old_items_work_as_ever(server):
    said = talk(
        server, append(), b"E ENABLE IMAP4rev2", b"S EXAMINE INBOX", b"a FETCH 1 FULL", b"b FETCH 1 RFC822.HEADER"
    )
    assert b"* 1 FETCH (FLAGS () INTERNALDATE" in said and b" BODY ((" in said
    assert b"RFC822.HEADER {" in said and b"\r\nb OK" in said


def test_enabled_with_a_mailbox_open(server):
    said = talk(server, append(), b"S SELECT INBOX", b"E ENABLE IMAP4rev2", append(), b"a FETCH 1:* FLAGS")
    after = said.partition(b"E OK")[2]
    assert b"* 2 EXISTS\r\n" in after and b"RECENT" not in after and b"Recent" not in after
