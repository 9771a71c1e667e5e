"""Accounts and credentials: who a login belongs to, and that records made on the host are understood."""

import asyncio
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postino import credentials, users
from postino_tools import scram


@pytest.fixture(autouse=True)
def sleep_ms(monkeypatch):
    """MicroPython's asyncio.sleep_ms, which CPython has not."""
    monkeypatch.setattr(asyncio, "sleep_ms", lambda ms: asyncio.sleep(ms / 1000), raising=False)


@pytest.fixture
def accounts(tmp_path):
    there = users.Users(str(tmp_path / "users.json"))
    there.set([("anna", scram.derive_record("tin whistle"))])
    there.set([("ben", scram.derive_record("grüße"))])
    there.is_local_domain = lambda domain: domain == b"office.lan"
    return there


def verify(accounts, login, password):
    return asyncio.run(accounts.verify(login, password))


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_hmac_is_hmac(key, message):
    assert credentials.hmac_sha256(key, message) == hmac.new(key, message, hashlib.sha256).digest()


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=70), st.binary(min_size=1, max_size=20), st.integers(1, 120))
def test_pbkdf2_is_pbkdf2(password, salt, iterations):
    async def no_sleep(ms):
        return None

    asyncio.sleep_ms = no_sleep  # type: ignore[attr-defined]
    expected = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    assert asyncio.run(credentials.pbkdf2(password, salt, iterations)) == expected


@pytest.mark.parametrize("login", [b"anna", b"Anna", b"ANNA@Office.Lan", b"anna@office.lan"])
def test_login_in_every_form(accounts, login):
    assert verify(accounts, login, b"tin whistle") == "anna"
    # And again, from the cache.
    assert verify(accounts, login, b"tin whistle") == "anna"


@pytest.mark.parametrize(
    ("login", "password"),
    [
        (b"anna", b"tin whistl"),
        (b"anna", b"tin whistle "),
        (b"anna", b""),
        (b"anna", b"x" * 5000),
        (b"carl", b"tin whistle"),
        (b"", b"tin whistle"),
        (b"anna@elsewhere.test", b"tin whistle"),
        (b"\xff\xfe", b"tin whistle"),
        (b"a" * 5000, b"x"),
    ],
)
def test_login_refused(accounts, login, password):
    assert verify(accounts, login, password) is None


def test_password_in_utf8(accounts):
    assert verify(accounts, b"ben", "grüße".encode()) == "ben"


def test_a_new_password_ends_the_old_one(accounts):
    assert verify(accounts, b"anna", b"tin whistle") == "anna"
    accounts.set([("anna", scram.derive_record("new"))])
    assert verify(accounts, b"anna", b"tin whistle") is None
    assert verify(accounts, b"anna", b"new") == "anna"
    assert accounts.names() == ["anna", "ben"]


def test_accounts_survive(accounts, tmp_path):
    again = users.Users(str(tmp_path / "users.json"))
    assert again.names() == ["anna", "ben"]
    assert again.first() == "anna"
    assert verify(again, b"ben", "grüße".encode()) == "ben"


@pytest.mark.parametrize("name", ["", "Anna", "a b", "a/b", "x" * 33, "änna"])
def test_names_that_cannot_be(accounts, name):
    with pytest.raises(ValueError):
        accounts.set([(name, scram.derive_record("x"))])


@pytest.mark.parametrize("record", ["", "plain", "SCRAM-SHA-256$99999999:AAAA$AAAA:AAAA", "SCRAM-SHA-1$1:AAAA$A:A"])
def test_records_that_cannot_be(accounts, record):
    with pytest.raises(ValueError):
        accounts.set([("carl", record)])
    assert not accounts.exists("carl")


def test_the_number_of_users_is_bounded(accounts):
    record = scram.derive_record("x")
    with pytest.raises(ValueError):
        accounts.set([("user%d" % number, record) for number in range(users.MAX_USERS)])
    assert accounts.names() == ["anna", "ben"]


def test_a_password_that_changes_while_it_is_checked(accounts, monkeypatch):
    async def change(milliseconds):
        accounts.set([("anna", scram.derive_record("paper kite"))])

    monkeypatch.setattr(asyncio, "sleep_ms", change, raising=False)
    assert verify(accounts, b"anna", b"tin whistle") is None
    monkeypatch.undo()
    monkeypatch.setattr(asyncio, "sleep_ms", lambda ms: asyncio.sleep(0), raising=False)
    # Nor is the old one remembered.
    assert verify(accounts, b"anna", b"tin whistle") is None
    assert verify(accounts, b"anna", b"paper kite") == "anna"


def test_a_damaged_file_gives_way_to_the_one_before_it(accounts, tmp_path):
    accounts.set([("carl", scram.derive_record("x"))])
    (tmp_path / "users.json").write_bytes(b"\0")
    again = users.Users(str(tmp_path / "users.json"))
    assert again.damaged
    assert again.names() == ["anna", "ben"]
