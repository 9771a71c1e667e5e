"""Holds imap_matrix.toml against the dialogs and the firmware: nothing is missing, and every place has what it is for.

The dialogs are read, not believed by their names: which command has a place's tag, in which state it is sent, and which
answer it must get. That they get it is what test_dialogs.py sees to.
"""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from postino.imap import capabilities, verbs
from tests.dialogs.trace import AFTER_LOGOUT, BEFORE_LOGIN, EXAMINED, NO_MAILBOX, SELECTED, STATES, Attempt, attempts

FOLDER = Path(__file__).parent
TESTS = FOLDER.parent
FILES = sorted((FOLDER / "imap").glob("*.dialog"))
MATRIX = tomllib.loads((FOLDER / "imap_matrix.toml").read_text(encoding="utf-8"))

# Verb -> letters of the states in which it is allowed (verbs.py).
VERBS = {entry[0].decode(): entry[1] for entry in verbs.VERBS}
CAPABILITIES = [name.decode() for name in capabilities.CAPABILITIES]
LETTERS = {BEFORE_LOGIN: "n", NO_MAILBOX: "a", SELECTED: "as", EXAMINED: "as", AFTER_LOGOUT: ""}
# What would change the messages of the selected mailbox: refused where it is open for reading only.
WRITING = {"STORE", "EXPUNGE", "MOVE", "REPLACE", "UID STORE", "UID EXPUNGE", "UID MOVE", "UID REPLACE"}
# What another session may notice.
CHANGING = WRITING | {"APPEND", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "COPY", "UID COPY"}

# Numbers of the quirks that clients of IMAP have; 25, 26, 28 and 32 are those of SMTP and POP3.
QUIRKS = [*range(1, 25), 27, *range(29, 32), *range(33, 37)]

PLACE = re.compile(r"(\w+)?(?:\[(\w+)\])?:(.+)")
TEST = re.compile(r"([\w/]+\.py)::(test_\w+)")


@cache
def commands_of(file: str) -> list[Attempt]:
    return attempts(FOLDER / "imap" / f"{file}.dialog")


def found(place: str, file: str = "") -> tuple[str, Attempt]:
    """The file and the only command of a place."""
    match = PLACE.fullmatch(place)
    assert match, place
    file = match[1] or file
    there = [each for each in commands_of(file) if (each.connection, each.tag) == (match[2] or "-", match[3])]
    assert len(there) == 1, f"{place}: {len(there)} commands"
    return file, there[0]


def is_allowed(attempt: Attempt) -> bool:
    return any(letter in VERBS[attempt.verb] for letter in LETTERS[attempt.state]) and not (
        # Only to log in.
        VERBS[attempt.verb] == "n" and attempt.state != BEFORE_LOGIN
    )


def check_test(reference: str) -> None:
    """The test is there."""
    match = TEST.fullmatch(reference)
    assert match, reference
    tree = ast.parse((TESTS / match[1]).read_text(encoding="utf-8"))
    assert match[2] in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)], reference


# Commands ---------------------------------------------------------------------------------------------------------


def test_every_command_has_a_row_and_every_state_a_column():
    assert list(MATRIX["states"]) == list(STATES)
    assert sorted(MATRIX["commands"]) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_is_tried_in_every_state(verb):
    row = MATRIX["commands"][verb]
    assert len(row) == len(STATES)
    for place, (state, file) in zip(row, MATRIX["states"].items(), strict=True):
        attempt = found(place, file)[1]
        assert (attempt.verb, attempt.state) == (verb, state), place
        if state == AFTER_LOGOUT:
            assert not attempt.answer, place
        elif not is_allowed(attempt):
            assert attempt.condition == "BAD", place
        else:
            expected = {"NO"} if state == EXAMINED and verb in WRITING else {"OK", "NO"}
            assert attempt.condition in expected, place


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_what_is_not_allowed_in_a_state_is_always_bad(path):
    for attempt in commands_of(path.stem):
        if attempt.answer:
            # No dialog leaves it open.
            assert attempt.condition, attempt.tag
            assert attempt.verb not in VERBS or is_allowed(attempt) or attempt.condition == "BAD", attempt.tag


# Capabilities -----------------------------------------------------------------------------------------------------


def test_every_capability_has_a_row():
    assert sorted(MATRIX["capabilities"]) == sorted(CAPABILITIES)


@pytest.fixture(params=CAPABILITIES)
def capability(request):
    return MATRIX["capabilities"].get(request.param, {})


def used(capability: dict, attempt: Attempt) -> bool:
    return bool(re.search(capability["uses"], attempt.text))


def at(capability: dict, place: str) -> Attempt:
    """The command of a place, which has to use the capability."""
    attempt = found(place)[1]
    assert used(capability, attempt), f"{place}: {attempt.text[:100]}"
    return attempt


def test_success(capability):
    attempt = at(capability, capability["success"])
    assert attempt.condition == "OK"
    assert any(re.search(capability.get("shows", ""), line) for line in attempt.answer), attempt.answer


def test_wrong_state(capability):
    attempt = at(capability, capability["wrong_state"])
    assert not is_allowed(attempt)
    assert attempt.condition == ("" if attempt.state == AFTER_LOGOUT else "BAD")


def test_wrong_syntax(capability):
    attempt = at(capability, capability["wrong_syntax"])
    assert is_allowed(attempt)
    assert attempt.condition == "BAD"


def test_limit(capability):
    if "limit_cuts" in capability:
        assert at(capability, capability["limit_cuts"]).condition == "OK"
    elif isinstance(capability["limit"], str):
        check_test(capability["limit"])
    else:
        most, too_much = (at(capability, place) for place in capability["limit"])
        assert most.condition == "OK"
        assert too_much.condition in ("NO", "BAD")
        assert is_allowed(too_much)


def test_effect(capability):
    file, attempt = found(capability["effect"])
    assert attempt.condition == "OK"
    others = [
        each
        for each in commands_of(file)
        if each.session != attempt.session and each.place < attempt.place and each.condition == "OK"
    ]
    if used(capability, attempt):
        assert any(used(capability, each) or each.verb in CHANGING for each in others)
    else:
        assert any(used(capability, each) for each in others)


# Quirks -----------------------------------------------------------------------------------------------------------


def test_every_quirk_has_a_row():
    assert sorted(MATRIX["quirks"]) == [f"{number:02}" for number in QUIRKS]


@pytest.mark.parametrize("number", [f"{number:02}" for number in QUIRKS])
def test_every_quirk_is_proved_by_a_test_that_carries_its_number(number):
    row = MATRIX["quirks"].get(number, {})
    assert f"_q{number}" in row["proof"]
    if "::" in row["proof"]:
        check_test(row["proof"])
    else:
        text = (FOLDER / "imap" / f"{row['proof']}.dialog").read_text(encoding="utf-8")
        assert re.search(row["has"], text, re.MULTILINE)
    assert f"\n| {number} | " in (FOLDER / "README.md").read_text(encoding="utf-8")
