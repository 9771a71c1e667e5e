"""What may be switched off for a user, and what goes with it."""

import types

import pytest

from postino.imap import capabilities


def session_without(*names):
    server = types.SimpleNamespace(
        cleartext_allowed=lambda conn: True, settings=types.SimpleNamespace(get=lambda name: 1000)
    )
    return types.SimpleNamespace(off=names, conn=types.SimpleNamespace(user="anna"), server=server)


@pytest.mark.parametrize(
    ("user", "names"),
    [
        (None, (b"IDLE",)),
        ("anna", (b"IDLE", b"UTF8=ACCEPT")),
        ("ben", (b"IDLE", b"CONDSTORE")),
    ],
)
def test_words_of_the_setting(user, names):
    assert capabilities.switched_off("idle anna:utf8=accept ben:condstore", user) == names


def test_what_is_switched_off_is_not_told():
    whole = capabilities.text(session_without()).split()
    assert whole[:2] == [b"IMAP4rev1", b"IMAP4rev2"]
    assert capabilities.text(session_without(b"IDLE")).split() == [
        word for word in whole if word not in (b"IDLE", b"IMAP4rev2")
    ]


def test_what_every_client_needs_stays():
    assert capabilities.text(session_without(b"IMAP4REV1", b"AUTH=PLAIN")) == capabilities.text(session_without())


def test_qresync_needs_condstore():
    assert not capabilities.is_offered(session_without(b"CONDSTORE"), b"QRESYNC")
    assert capabilities.is_offered(session_without(b"QRESYNC"), b"CONDSTORE")


@pytest.mark.parametrize("part", capabilities._PARTS_OF_REV2)
def test_rev2_needs_all_its_parts(part):
    session = session_without(part)
    assert not capabilities.is_offered(session, b"IMAP4rev2")
    assert b"IMAP4rev2" not in capabilities.text(session).split()


def test_rev1_stays_without_rev2():
    whole = capabilities.text(session_without()).split()
    assert [b"IMAP4rev1", *whole[2:]] == capabilities.text(session_without(b"IMAP4REV2")).split()
