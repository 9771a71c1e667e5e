"""Addresses and parameters of MAIL and RCPT, and that no spelling of an address makes us a relay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.routing import Router
from postino.smtp import paths

ADDRESSES = [
    (b"FROM:<anna@office.lan>", b"anna@office.lan"),
    (b"FROM: <anna@office.lan>", b"anna@office.lan"),
    (b"from:<Anna@Office.LAN>", b"Anna@Office.LAN"),
    (b"FROM :<a@b>", b"a@b"),
    (b"FROM:anna@office.lan", b"anna@office.lan"),
    (b"FROM: anna@office.lan", b"anna@office.lan"),
    (b"FROM:<>", b""),
    (b"FROM: <>", b""),
    (b"FROM:<scanner>", b"scanner"),
    (b"FROM:<@a.example,@b.example:user@x.example>", b"user@x.example"),
    (b'FROM:<"a b"@c.example>', b'"a b"@c.example'),
    (b'FROM:<"a>b"@c.example>', b'"a>b"@c.example'),
    (b'FROM:<"a\\"b"@c.example>', b'"a\\"b"@c.example'),
    (b'FROM:<"anna"@c.example>', b"anna@c.example"),
    (b'FROM:<"an\\na"@c.example>', b"anna@c.example"),
    (b"FROM:<a..b.@c.example>", b"a..b.@c.example"),
    (b"FROM:<a@c.example.>", b"a@c.example"),
    (b"FROM:<a@[127.0.0.1]>", b"a@[127.0.0.1]"),
    (b"FROM:<a@[IPv6:fe80::1]>", b"a@[IPv6:fe80::1]"),
    (b"FROM:<a%b@c.example>", b"a%b@c.example"),
    (b"FROM:<my_printer@ups_1.lan>", b"my_printer@ups_1.lan"),
    (b"FROM:<" + b"a" * 64 + b"@b>", b"a" * 64 + b"@b"),
]

BAD_ADDRESSES = [
    b"FROM:",
    b"FROM: ",
    b"FROM:<a@b",
    b"FROM:<a@b>SIZE=1",
    b"FROM:<a@>",
    b"FROM:<@b>",
    b"FROM:<@b:>",
    b"FROM:<@>",
    b"FROM:<a b@c>",
    b"FROM:<a@b c>",
    b"FROM:<a@b@c>",
    b"FROM:<a\0@b>",
    b"FROM:<a\r@b>",
    b"FROM:<a@b\rRCPT>",
    b"FROM:<a@b..c>",
    b"FROM:<a@.b>",
    b"FROM:<a@[127.0.0.1>",
    b"FROM:<a@[]>",
    b"FROM:<a@b/../c>",
    b'FROM:<"a@b>',
    b'FROM:<"a"b"@c>',
    b'FROM:<a"b"@c>',
    b"FROM:<<a@b>>",
    b"FROM:<a\x7f@b>",
    b"FROM:<" + b"a" * 65 + b"@b>",
    b"FROM:<a@" + b"b" * 256 + b">",
]

BAD_COMMANDS = [
    b"",
    b"FROM",
    b"TO:<a@b>",
    b"<a@b>",
    b"FROMM:<a@b>",
    b"FROM:<a@b> =1",
    b"FROM:<a@b> SIZE=",
    b"FROM:<a@b> S!=1",
]


@pytest.mark.parametrize(("argument", "address"), ADDRESSES)
def test_address(argument, address):
    assert paths.parse(argument, b"FROM") == (address, [])


@pytest.mark.parametrize("argument", BAD_ADDRESSES)
def test_no_address(argument):
    with pytest.raises((paths.MalformedAddress, paths.NotAscii)):
        paths.parse(argument, b"FROM")


@pytest.mark.parametrize("argument", BAD_COMMANDS)
def test_no_command(argument):
    with pytest.raises(paths.MalformedCommand):
        paths.parse(argument, b"FROM")


def test_utf8_is_told_apart():
    with pytest.raises(paths.NotAscii):
        paths.parse("TO:<müller@office.lan>".encode(), b"TO")


def test_parameters():
    address, parameters = paths.parse(b"FROM:<a@b> SIZE=10  body=8BITMIME AUTH=<> X", b"FROM")
    assert address == b"a@b"
    assert parameters == [(b"SIZE", b"10"), (b"BODY", b"8BITMIME"), (b"AUTH", b"<>"), (b"X", None)]


@given(st.binary(max_size=40))
def test_nothing_but_the_three_exceptions_comes_out(octets):
    try:
        address, _ = paths.parse(b"FROM:" + octets, b"FROM")
    except (paths.MalformedCommand, paths.MalformedAddress, paths.NotAscii):
        return
    assert all(0x20 <= octet <= 0x7E for octet in address)


class _Settings(dict):
    __getattr__ = None

    def get(self, name):
        return self[name]


class _Users:
    def exists(self, name):
        return name in ("anna", "bob")

    def first(self):
        return "anna"


@pytest.fixture
def router():
    there = Router(_Settings(domain="office.lan", hostname="postino", postmaster=""), _Users())
    there.address = "192.0.2.1"
    return there


RELAY = [
    (b"<anna@office.lan>", "anna"),
    (b"<ANNA@OFFICE.LAN>", "anna"),
    (b"<anna@office.lan.>", "anna"),
    (b"<anna+lists@office.lan>", "anna"),
    (b"<anna>", "anna"),
    (b"<postmaster>", "anna"),
    (b"<Postmaster@office.lan>", "anna"),
    (b'<"anna"@office.lan>', "anna"),
    (b"<anna@[192.0.2.1]>", "anna"),
    # The route is dropped: what is left is local, or it is refused.
    (b"<@relay.example:anna@office.lan>", "anna"),
    (b"<@office.lan:user@example.com>", None),
    (b"<@office.lan,@postino:user@example.com>", None),
    (b"<user@example.com>", None),
    (b"<anna@example.com>", None),
    (b"<anna@example.com.>", None),
    (b"<user%example.com@office.lan>", None),
    (b"<anna%example.com@office.lan>", None),
    (b"<user%example.com>", None),
    (b"<example.com!user@office.lan>", None),
    (b"<example.com!anna>", None),
    (b'<"user@example.com"@office.lan>', None),
    (b'<"user@example.com">', None),
    (b'<"anna@office.lan"@example.com>', None),
    (b"<user@[203.0.113.9]>", None),
    (b"<anna@[203.0.113.9]>", None),
    (b"<anna@sub.office.lan>", None),
    (b"<anna@office.lan.example.com>", None),
    (b"<anna@evil-office.lan>", None),
    (b'<"../bob"@office.lan>', None),
    (b"<../../etc/passwd>", None),
    (b"<nobody@office.lan>", None),
]


@pytest.mark.parametrize(("path", "user"), RELAY)
def test_only_local_users_are_reached(router, path, user):
    address, _ = paths.parse(b"TO:" + path, b"TO")
    found = router.resolve(address)
    assert (found and found[0]) == user
