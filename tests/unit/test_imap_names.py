"""Modified UTF-7 (RFC 3501 5.1.3) and the matcher of LIST patterns."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap import utf7
from postino.imap.patterns import Matcher


@given(st.text())
def test_every_name_comes_back(name):
    if any(0xD800 <= ord(character) < 0xE000 for character in name):
        return
    written = utf7.encode(name)
    assert all(32 <= octet < 127 for octet in written)
    assert utf7.decode(written) == name


@given(st.binary(max_size=30))
def test_only_one_spelling_is_read(text):
    try:
        name = utf7.decode(text)
    except ValueError:
        return
    assert utf7.encode(name) == text


def test_the_examples_of_the_rfc():
    assert utf7.decode(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-") == "~peter/mail/台北/日本語"
    for text in (b"&Jjo!", b"&U,BTFw-&ZeVnLIqe-", b"&", b"a&b", b"&AGE-", b"\xc3\xa4", b"&AOQ", b"&2D0-", b"&3gA-"):
        with pytest.raises(ValueError):
            utf7.decode(text)


alphabet = st.text("a\u00e4/*%", max_size=8)


@given(alphabet, st.text("a\u00e4\u00e5/", max_size=8))
def test_patterns_match_as_regular_expressions_do(pattern, name):
    words = {"*": ".*", "%": "[^/]*"}
    expression = "".join(words.get(character, character) for character in pattern)
    assert Matcher(pattern.encode()).matches(name.encode()) == bool(re.fullmatch(expression, name))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (b"inbox", b"INBOX", True),
        (b"iNb%", b"INBOX", True),
        (b"*box", b"INBOX", True),
        (b"i%/s*", b"INBOX/sub", True),
        (b"inbox/SUB", b"INBOX/sub", False),
        (b"inboxes", b"INBOXES", False),
        (b"inbox", b"x/INBOX", False),
        (b"INBOX", b"inbox", False),
    ],
)
def test_inbox_matches_in_any_case(pattern, name, expected):
    assert Matcher(pattern).matches(name) == expected


@pytest.mark.parametrize("pattern", [b"*%" * 500 + b"a", b"%a" * 100 + b"c", b"*a" * 100])
def test_many_wildcards_take_no_more_steps(pattern, monkeypatch):
    steps = []
    real = Matcher._skip
    monkeypatch.setattr(Matcher, "_skip", lambda self, state: steps.append(state) or real(self, state))
    assert not Matcher(pattern).matches(b"ab" * 100 + b"d")
    assert len(steps) <= 202
