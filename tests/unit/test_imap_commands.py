"""Reading commands: whatever a client sends, each command is answered once, and nothing of one is taken for another."""

import asyncio
import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postino.imap import commands, session
from postino.net.errors import ConnectionClosed
from tests.unit.test_imap_session import Connection, micropython, server, talk

__all__ = ["micropython", "server"]

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# What is in a literal looks like commands: if the server is out of step, it answers them.
TRAP = b"trap NOOP\r\n"
literals = st.builds(
    lambda tilde, text: tilde + b"{%d+}\r\n%s" % (len(text), text),
    st.sampled_from([b"", b"", b"", b"~"]),
    st.sampled_from([b"", TRAP, TRAP * 3, b"a\0" + TRAP, b"INBOX", b"x" * 300 + TRAP]),
)
words = st.sampled_from(
    [
        *(
            b"INBOX",
            b"Sent",
            b'"a b"',
            b'"',
            b'""',
            b"(",
            b")",
            b"(\\Seen)",
            b"(work \\Draft)",
            b"(\\Colour)",
            b"1",
            b"*",
        ),
        *(
            b"1:*",
            b"9",
            b"UTF8 (",
            b"RETURN",
            b"(STATUS (MESSAGES))",
            b"(SUBSCRIBED)",
            b"(USE (\\Sent))",
            b"{x}",
            b"{",
            b"}",
        ),
        *(
            b'" 7-Feb-2026 22:43:04 -0800"',
            b'"yesterday"',
            b"%",
            b"\\",
            b"\x80",
            b"\0",
            b"NIL",
            b"x" * 1100,
            b"y" * 9000,
        ),
    ]
)
verbs = st.sampled_from(
    [
        *(
            b"APPEND",
            b"APPEND INBOX",
            b"APPEND Sent (\\Seen)",
            b"REPLACE 1",
            b"UID REPLACE 1 INBOX",
            b"CREATE",
            b"LIST",
        ),
        *(
            b"STATUS",
            b"RENAME",
            b"GETQUOTA",
            b"ENABLE",
            b"FROB",
            b"UID",
            b"append",
            b"LOGIN",
            b"ID",
            b"AUTHENTICATE PLAIN",
        ),
    ]
)
arguments = st.lists(st.one_of(words, literals), max_size=6)
gaps = st.sampled_from([b" ", b" ", b" ", b"", b"  "])


@st.composite
def command_lines(draw):
    line = draw(verbs)
    for argument in draw(arguments):
        line += draw(gaps) + argument
    return line + draw(st.sampled_from([b"", b"", b" ", b")"]))


def tags(said: bytes) -> list[bytes]:
    """The tags of the tagged replies, in order."""
    return [line.split()[0] for line in said.splitlines() if line[:1] not in (b"*", b"+") and b" " in line]


@MANY
@given(st.lists(command_lines(), min_size=1, max_size=4), st.booleans())
def test_every_command_is_answered_once(server, lines, selected):
    first = [b"s SELECT INBOX", b"n APPEND INBOX {3+}\r\nabc"] if selected else [b"s NOOP", b"n NOOP"]
    lines = [b"c%d %s" % (number, line) for number, line in enumerate(lines)]
    said = talk(server, *first, *lines, b"z NOOP")
    assert tags(said) == [b"s", b"n", *(b"c%d" % number for number in range(len(lines))), b"z"], said
    assert not server.store.letters._writing


small_literals = st.builds(
    lambda tilde, text: tilde + b"{%d+}\r\n%s" % (len(text), text),
    st.sampled_from([b"", b"", b"~"]),
    st.sampled_from([b"", TRAP, b"anna", b"a\0" + TRAP, b"x" * 1000, b"x" * 1500 + TRAP]),
)


@MANY
@given(st.lists(st.tuples(verbs, st.lists(small_literals, max_size=3)), min_size=1, max_size=4))
def test_before_login_as_well(server, lines):
    # A login that fails would end the connection after a while.
    lines = [(b"NOOP" if verb.startswith((b"LOGIN", b"AUTH")) else verb, literals) for verb, literals in lines]
    lines = [b"c%d %s" % (number, b" ".join([verb, *literals])) for number, (verb, literals) in enumerate(lines)]
    said = talk(server, *lines, b"z NOOP", log_in=False)
    assert tags(said) == [*(b"c%d" % number for number in range(len(lines))), b"z"], said


@MANY
@given(st.binary(max_size=60), st.lists(st.integers(1, 7), min_size=1, max_size=8))
def test_how_the_octets_come_does_not_matter(server, letter, sizes):
    octets = b"L LOGIN anna {11+}\r\ntin whistle\r\ne ENABLE UTF8=ACCEPT\r\n"
    octets += b"a APPEND INBOX (\\Seen) ~{%d+}\r\n%s ~{2+}\r\nhi\r\nz NOOP\r\n"
    octets %= (len(letter) + 1, b"x" + letter)
    pieces = []
    while octets:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(octets[:size])
        octets = octets[size:]
    conn = Connection(pieces, service="imap")
    with pytest.raises(ConnectionClosed):
        asyncio.run(session.serve(conn, server))
    said = conn.sent.splitlines()
    assert said[-2].startswith(b"a OK [APPENDUID ") and said[-1] == b"z OK NOOP completed"


@pytest.mark.parametrize(
    "size", [commands.MAX_LINE - 1, commands.MAX_LINE, commands.MAX_LINE + 1, commands.MAX_LINE + 2]
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("block", [1, 1000, 1024, 2048])
def test_the_longest_line(server, size, end, block):
    line = b"c " + b"CREATE " + b"x" * (size - 9)
    octets = b"L LOGIN anna {11+}\r\ntin whistle\r\n" + line + end + b"z NOOP\r\n"
    conn = Connection([octets[at : at + block] for at in range(0, len(octets), block)], service="imap")
    with pytest.raises(ConnectionClosed):
        asyncio.run(session.serve(conn, server))
    said = conn.sent.splitlines()
    assert said[-1] == b"z OK NOOP completed"
    expected = b"c NO [LIMIT] " if size <= commands.MAX_LINE else b"c BAD Command line too long"
    assert said[-2].startswith(expected)


@pytest.mark.parametrize("padding", range(40))
def test_a_literal_behind_a_line_that_is_too_long_is_thrown_away(server, padding):
    """Wherever what announces it is cut by the blocks in which the line comes."""
    line = b"c CREATE " + b"x" * (commands.MAX_LINE + padding) + b" {%d+}" % len(TRAP)
    said = talk(server, line + b"\r\n" + TRAP, b"z NOOP").splitlines()
    assert said == [b"c BAD Command line too long", b"z OK NOOP completed"]


def test_a_message_is_thrown_away_whatever_kept_its_command_from_reading_it(server, monkeypatch):
    """Also if the command did not come to it: unknown, not allowed now, or the store is closed."""
    server.store.close()
    said = talk(server, b"c APPEND INBOX {%d+}\r\n%s {%d+}\r\n%s" % ((len(TRAP), TRAP) * 2), b"z NOOP").splitlines()
    assert said[0].startswith(b"c NO [UNAVAILABLE]") and said[1:] == [b"z OK NOOP completed"]
    server.store.open()
    said = talk(server, b"c REPLACE 1 INBOX {%d+}\r\n%s" % (len(TRAP), TRAP), b"z NOOP").splitlines()
    assert said == [b"c BAD Select a mailbox first", b"z OK NOOP completed"]
    server.values["imap_capabilities_off"] = "replace"
    said = talk(server, b"c UID REPLACE 1 INBOX {%d+}\r\n%s" % (len(TRAP), TRAP), b"z NOOP").splitlines()
    assert said == [b"c BAD Unknown command", b"z OK NOOP completed"]


def test_an_initial_response_only_where_it_is_offered(server):
    response = base64.b64encode(b"\0anna\0tin whistle")
    server.values["imap_capabilities_off"] = "sasl-ir"
    said = talk(server, b"a AUTHENTICATE PLAIN " + response, b"b AUTHENTICATE PLAIN", response, log_in=False)
    assert [line[:5] for line in said.splitlines()] == [b"a BAD", b"+ ", b"b OK "]
