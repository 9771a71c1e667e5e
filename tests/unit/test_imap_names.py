"""Modified UTF-7 (RFC 3501 5.1.3) and the matcher of LIST patterns."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap import utf7
from postino.imap.listing import Matcher


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


alphabet = st.text("ab/*%", max_size=8)


@given(alphabet, st.text("ab/", max_size=8))
def test_patterns_match_as_regular_expressions_do(pattern, name):
    words = {"*": ".*", "%": "[^/]*"}
    expression = "".join(words.get(character, character) for character in pattern)
    assert Matcher(pattern).matches(name) == bool(re.fullmatch(expression, name))


def test_many_wildcards_take_no_time():
    start = time.perf_counter()
    assert not Matcher("*%" * 500 + "a").matches("b" * 200)
    assert not Matcher("%a" * 100 + "c").matches("ab" * 100)
    assert time.perf_counter() - start < 0.5
