"""What is read out of a dialog without playing it: commands, and nothing that only looks like one, and their states."""

import pytest

from tests.dialogs.trace import AFTER_LOGOUT, BEFORE_LOGIN, EXAMINED, NO_MAILBOX, SELECTED, attempts


@pytest.fixture
def read(tmp_path):
    """Reads a dialog: (tag, verb, state, condition) of each command."""
    (tmp_path / "imap").mkdir()

    def read(text):
        path = tmp_path / "imap" / "some.dialog"
        path.write_text(text)
        return [(each.tag, each.verb, each.state, each.condition) for each in attempts(path)]

    return read


def test_the_state_follows_the_answers(read):
    found = read(
        "S: * OK ...\nC: a LOGIN x y\nS: a NO ...\nC: b SELECT x\nS: b BAD ...\nC: c LOGIN x z\nS: c OK ...\n"
        "C: d EXAMINE x\nS: <any lines>\nS: d OK ...\nC: e SELECT y\nS: * OK [CLOSED] ...\nS: e OK ...\n"
        "C: f SELECT (\nS: f BAD ...\nC: g SELECT z\nS: g NO ...\nC: h SELECT z\nS: h OK ...\n"
        "C: i DELETE z\nS: i OK ...\n"
        "C: j LOGOUT\nC: k NOOP\nS: * BYE ...\nS: j OK ...\nS: <closed>\n"
    )
    assert found == [
        ("a", "LOGIN", BEFORE_LOGIN, "NO"),
        ("b", "SELECT", BEFORE_LOGIN, "BAD"),
        ("c", "LOGIN", BEFORE_LOGIN, "OK"),
        ("d", "EXAMINE", NO_MAILBOX, "OK"),
        ("e", "SELECT", EXAMINED, "OK"),
        ("f", "SELECT", SELECTED, "BAD"),
        ("g", "SELECT", SELECTED, "NO"),
        ("h", "SELECT", NO_MAILBOX, "OK"),
        ("i", "DELETE", SELECTED, "OK"),
        ("j", "LOGOUT", NO_MAILBOX, "OK"),
        ("k", "NOOP", AFTER_LOGOUT, ""),
    ]


def test_pipelined_commands_have_the_state_in_which_they_are_done(read):
    found = read(
        "@login - anna\nC: a SELECT x\nC: b uid fetch 1 UID\nC: c CLOSE\nS: a OK ...\nS: b OK ...\nS: c OK ...\n"
    )
    assert [each[:3] for each in found] == [
        ("a", "SELECT", NO_MAILBOX),
        ("b", "UID FETCH", SELECTED),
        ("c", "CLOSE", SELECTED),
    ]


@pytest.mark.parametrize(
    "text",
    [
        # Literals: asked for, refused, not asked for, of counted lines, in octets.
        "C: a CREATE {6}\nS: + ...\nC: b NOOP\nS: a OK ...\n",
        "C: a CREATE {6}\nS: a BAD ...\n",
        "C: a CREATE {6+}\nC: b NOOP\nS: a OK ...\n",
        "C: a APPEND x {@+}\nL: b NOOP\nL: c NOOP\nC:\nS: a OK ...\n",
        "C: a APPEND x {8+}\nR: b NOOP\\r\\n\nC:  {8+}\nR: c NOOP\\r\\n\nC:\nS: a BAD ...\n",
        # What ends IDLE, and what AUTHENTICATE asks for.
        "C: a IDLE\nS: + ...\nC: b NOOP\nS: a BAD ...\n",
        "C: a IDLE\nC: DONE\nS: + ...\nS: a OK ...\n",
        "C: a AUTHENTICATE PLAIN\nS: +\nC: b NOOP\nS: a OK ...\n",
    ],
)
def test_what_belongs_to_a_command_is_none(read, text):
    found = read("@login - anna\n" + text + "C: z NOOP\nS: z OK ...\n")
    assert [each[0] for each in found] == ["a", "z"]


def test_a_refused_idle_and_a_refused_authenticate_take_no_line(read):
    found = read("C: a IDLE\nS: a BAD ...\nC: b AUTHENTICATE PLAIN\nS: b NO ...\nC: c NOOP\nS: c OK ...\n")
    assert [each[0] for each in found] == ["a", "b", "c"]


def test_every_connection_is_a_session_until_the_next_one(read, tmp_path):
    read(
        "@login - anna\nC: a NOOP\nS: a OK ...\n@login p anna pop3\nC[p]: DELE 1\nS[p]: +OK\n"
        "C[b]: a NOOP\nS[b]: a OK ...\n@restart\n"
        "@login - anna\nC: a NOOP\nS: a OK ...\n@close -\nC: a NOOP\nS: a OK ...\n"
    )
    found = attempts(tmp_path / "imap" / "some.dialog")
    assert [(each.session, each.connection, each.state) for each in found] == [
        (0, "-", NO_MAILBOX),
        (1, "b", BEFORE_LOGIN),
        (2, "-", NO_MAILBOX),
        (3, "-", BEFORE_LOGIN),
    ]
