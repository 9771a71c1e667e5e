"""Base subjects and first mailboxes, as SORT compares them (RFC 5256)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import collation
from postino.mime.base_subject import VALUE_LIMIT, base_subject, mailbox_key, subject_key


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (b"", ""),
        (b"hello", "hello"),
        (b"  hello \t world  ", "hello world"),
        (b"Re: hello", "hello"),
        (b"RE : hello", "hello"),
        (b"re[4]: hello", "hello"),
        (b"Re [list] : hello", "hello"),
        (b"Fw:Fwd:RE:hello", "hello"),
        (b"[list] Re: [other] hello", "hello"),
        (b"[a][b] Re[c] : [d] hello", "hello"),
        (b"hello (fwd)", "hello"),
        (b"hello (Fwd) (FWD)  ", "hello"),
        (b"[Fwd: hello]", "hello"),
        (b"[fwd: Re: [fwd: [x] hello (fwd)]] (fwd)", "hello"),
        (b"[list]", "[list]"),
        (b"[a] [b]", "[b]"),
        (b"Re: [list]", "[list]"),
        (b"Re:", ""),
        (b"[fwd:]", ""),
        (b"(fwd)", ""),
        (b"[open Re: hello", "[open Re: hello"),
        (b"[a[b]: hello", "[a[b]: hello"),
        (b"Re[a[b]: hello", "Re[a[b]: hello"),
        (b"Red: hello", "Red: hello"),
        (b"AW: hello", "AW: hello"),
        (b"Fwd hello", "Fwd hello"),
        (b"[fwd: hello", "[fwd: hello"),
        (b"=?utf-8?q?Re:_?= =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"Re: Gr\xfc\xdfe", "Grüße"),
    ],
)
def test_base_subject(value, expected):
    assert base_subject(value) == expected
    assert subject_key(value) == collation.key(expected)


@given(
    st.lists(st.sampled_from(["Re:", "re ", "Fwd", ":", "[", "]", "[x]", " ", "[fwd:", "(fwd)", "a", "ä"]), max_size=9)
)
def test_base_of_a_base_is_itself_but_for_its_end(parts):
    base = base_subject("".join(parts).encode())
    assert base == base.strip()
    # Only what stood between other things to take off can become something to take off itself.
    again = base_subject(base.encode())
    assert again in base
    assert base_subject(b"Re: " + "".join(parts).encode()) in (base, again)


def test_long_subjects():
    assert base_subject(b"Re: " * 100 + b"x") == "x"
    assert len(base_subject(b"x" * 10000)) == VALUE_LIMIT
    assert len(subject_key(b"x" * 10000)) == collation.KEY_LIMIT
    assert len(subject_key(b"x" * 10000, 40)) == 40
    for part in (b"[", b"[]", b"[x]", b"Re:", b"(fwd)", b"[fwd:", b"]", b"Re[", b" "):
        assert isinstance(base_subject(part * 2000), str)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b""),
        (b"", b""),
        (b"anna@x", b"ANNA"),
        (b"Zed <Bob.B@x>, anna@x", b"BOB.B"),
        (b'"quoted local"@x', b"QUOTED LOCAL"),
        (b"<@route:carl@x>", b"CARL"),
        (b"Team: a@x, b@x;", b"TEAM"),
        (b"undisclosed-recipients:;", b"UNDISCLOSED-RECIPIENTS"),
        (b"\xc3\xa4b@x", "A\u0308B".encode()),
        (b"\xe4b@x", "A\u0308B".encode()),
        (b"<>", b""),
    ],
)
def test_first_mailbox(value, expected):
    assert mailbox_key(value) == expected


def test_long_address_fields():
    assert mailbox_key(b"a" * 5000 + b"@x") == b"A" * collation.KEY_LIMIT
    assert mailbox_key(b"first@x, " * 5000) == b"FIRST"


@given(st.binary(max_size=100))
def test_any_octets_have_keys(value):
    assert len(subject_key(value)) <= collation.KEY_LIMIT
    assert len(mailbox_key(value)) <= collation.KEY_LIMIT
