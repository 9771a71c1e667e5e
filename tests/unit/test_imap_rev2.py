"""IMAP4rev2 where it is enabled (RFC 9051 appendix E): what it has no longer, and what comes in its place."""

import pytest

from postino.store.flags import MAX_KEYWORDS
from tests.unit.test_imap_session import append, micropython, server, talk

__all__ = ["micropython", "server"]


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
    assert b'* LIST (\\HasChildren \\Subscribed) "/" "INBOX"' in told
    assert not any(b"RECENT" in line or b"UNSEEN" in line for line in told)
    for word in (b"* 1 EXISTS", b"* FLAGS ", b"* OK [PERMANENTFLAGS ", b"* OK [UIDVALIDITY ", b"* OK [UIDNEXT 2]"):
        assert sum(line.startswith(word) for line in told) == 1, word


def test_a_name_is_told_in_utf8(server):
    said = talk(server, b"E ENABLE IMAP4rev2", 'c CREATE "Büro"'.encode(), 'S EXAMINE "Büro"'.encode())
    assert '* LIST (\\HasNoChildren \\Subscribed) "/" "Büro"\r\n'.encode() in said


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
    # They stay so for who knows such a thing, also those that were there when the mailbox was selected.
    talk(server, b"E ENABLE IMAP4rev2", b"S SELECT INBOX", b"a FETCH 1 FLAGS")
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


@pytest.mark.parametrize("enable", [b"ENABLE CONDSTORE", b"ENABLE IMAP4rev2"])
def test_no_more_keywords_can_be_made_when_there_are_as_many_as_there_may_be(server, enable):
    """RFC 9051 7.1, PERMANENTFLAGS: it goes out again, without the asterisk."""
    words = b" ".join(b"k%d" % number for number in range(MAX_KEYWORDS - 1))
    said = talk(
        server,
        append(flags=b"(%s) " % words),
        b"E " + enable,
        b"S SELECT INBOX",
        b"a STORE 1 +FLAGS.SILENT (k0 last)",
        b"b STORE 1 +FLAGS (one-more)",
        b"c SELECT INBOX",
        b"d EXAMINE INBOX",
    )
    system = b"\\Seen \\Answered \\Flagged \\Deleted \\Draft "
    may_be_made = b"* OK [PERMANENTFLAGS (%s%s \\*)] Flags are kept" % (system, words)
    none_more = b"* OK [PERMANENTFLAGS (%s%s last)] Flags are kept" % (system, words)
    assert may_be_made in lines(said, b"S") and none_more not in lines(said, b"S")
    assert lines(said, b"a")[:2] == [b"* FLAGS (%s%s last)" % (system, words), none_more]
    assert b"\r\nb NO [LIMIT] " in said
    assert none_more in lines(said, b"c") and may_be_made not in lines(said, b"c")
    assert b"* OK [PERMANENTFLAGS ()] No permanent flags permitted" in lines(said, b"d")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (b"a CREATE inbox/x", b'* LIST (\\HasNoChildren \\Subscribed) "/" "INBOX/x" ("OLDNAME" ("inbox/x"))\r\n'),
        (b"a CREATE INBOX/x", b""),
        (
            b"a RENAME Sent Inbox/x",
            b'* LIST (\\HasNoChildren \\Sent \\Subscribed) "/" "INBOX/x" ("OLDNAME" ("Sent"))\r\n',
        ),
        (b"a RENAME inbox/a b", b'* LIST (\\HasNoChildren \\Subscribed) "/" "b" ("OLDNAME" ("inbox/a"))\r\n'),
        (b"a RENAME INBOX/a b", b""),
        (b"a RENAME inbox inbox2", b""),
        (b"a DELETE inbox/a", b'* LIST (\\NonExistent) "/" "INBOX/a" ("OLDNAME" ("inbox/a"))\r\n'),
        (b"a DELETE INBOX/a", b""),
        (b"a STATUS inbox (MESSAGES)", b'* STATUS "INBOX" (MESSAGES 0)\r\n'),
    ],
)
def test_a_name_that_is_not_taken_as_written_is_told(server, command, told):
    """RFC 9051 6.3.9.7; IMAP4rev1 has no such thing."""
    verb = command.split()[1]
    status = told if verb == b"STATUS" else b""
    server.values["imap_capabilities_off"] = "objectid"
    talk(server, b"c CREATE INBOX/a", b"c CREATE INBOX")
    end = b"a OK %s completed\r\n" % verb
    assert talk(server, b"E ENABLE IMAP4rev2", command).partition(b"E OK ENABLE completed\r\n")[2] == told + end
    talk(server, b"d DELETE INBOX/x", b"d DELETE b", b"d DELETE inbox2", b"c CREATE Sent", b"c CREATE INBOX/a")
    assert talk(server, command) == status + end


def test_a_mailbox_is_closed_by_deleting_it(server):
    """It is not selected any more (RFC 9051 3, diagram, 6)."""
    for enable in (b"ENABLE CONDSTORE", b"ENABLE IMAP4rev2"):
        said = talk(server, b"E " + enable, b"c CREATE x", b"S SELECT x", b"a DELETE x", b"b CHECK")
        assert lines(said, b"a") == [b"* OK [CLOSED] The selected mailbox is deleted"]
        assert b"\r\nb BAD " in said


def test_nothing_is_recent_in_status(server):
    talk(server, append())
    ask = b"a STATUS INBOX (RECENT MESSAGES)"
    assert b"(RECENT 1 MESSAGES 1)" in talk(server, ask)
    assert b"(RECENT 0 MESSAGES 1)" in talk(server, b"E ENABLE IMAP4rev2", ask)
    assert b"(RECENT 1 MESSAGES 1)" in talk(server, ask)


def test_what_was_recent_is_found_no_more(server):
    said = talk(
        server,
        append(),
        b"S SELECT INBOX",
        b"a SEARCH RECENT",
        b"E ENABLE IMAP4rev2",
        b"b SEARCH RECENT",
        b"c SEARCH NEW",
        b"d UID SEARCH OLD",
    )
    assert b"* SEARCH 1\r\na OK" in said
    assert [lines(said, tag) for tag in (b"b", b"c", b"d")] == [
        [b'* ESEARCH (TAG "b")'],
        [b'* ESEARCH (TAG "c")'],
        [b'* ESEARCH (TAG "d") UID ALL 1'],
    ]


def test_binary_literals_are_those_of_binary(server):
    """RFC 9051 appendix B."""
    server.values["imap_capabilities_off"] = "utf8=accept"
    assert b"\r\nz OK" in talk(server, b"E ENABLE IMAP4rev2", b"z APPEND INBOX ~{1+}\r\na")
    assert b"\r\nz BAD" in talk(server, b"E ENABLE IMAP4rev2", b"z APPEND INBOX UTF8 (~{1+}\r\na)")
