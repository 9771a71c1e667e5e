"""Which mailbox an address means, and that nothing else is ours."""

import pytest

from postino.routing import Router


class Settings(dict):
    """The settings that routing asks for."""

    def get(self, name):
        return self[name]


class Users:
    """Two users."""

    def exists(self, name):
        return name in ("anna", "ben")

    def first(self):
        return "anna"


@pytest.fixture
def router():
    there = Router(Settings(domain="office.lan", hostname="postino", postmaster=""), Users())
    there.address = "192.168.1.20"
    return there


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (b"anna@office.lan", ("anna", "")),
        (b"ANNA@OFFICE.LAN", ("anna", "")),
        (b"anna", ("anna", "")),
        (b"anna+lists@office.lan", ("anna", "lists")),
        (b"ben+a+b@office.lan", ("ben", "a+b")),
        (b"anna@office.lan.", ("anna", "")),
        (b"anna@postino.office.lan", ("anna", "")),
        (b"anna@postino.local", ("anna", "")),
        (b"anna@[192.168.1.20]", ("anna", "")),
        (b"postmaster", ("anna", "")),
        (b"Postmaster@office.lan", ("anna", "")),
    ],
)
def test_ours(router, address, expected):
    assert router.resolve(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        b"",
        b"@office.lan",
        b"carl@office.lan",
        b"anna@example.org",
        b"anna@office.lan.example.org",
        b"anna@sub.office.lan",
        b"anna%example.org@office.lan",
        b"anna@example.org@office.lan",
        b"anna@[10.0.0.1]",
        b"+lists@office.lan",
        b"../anna@office.lan",
        b"anna\0@office.lan",
        b"\xff@office.lan",
        b"anna@\xff",
        b"a" * 65 + b"@office.lan",
        b"anna@" + b"a" * 256,
    ],
)
def test_not_ours(router, address):
    assert router.resolve(address) is None


def test_postmaster_setting(router):
    router._settings["postmaster"] = "ben"
    assert router.resolve(b"postmaster@office.lan") == ("ben", "")
