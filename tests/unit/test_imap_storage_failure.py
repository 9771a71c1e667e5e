"""Where the store cannot be opened, commands are refused for now: no client hears of a missing mailbox (quirk 31)."""

import pytest

from postino.imap import verbs
from postino.store.unavailable import UnavailableStore
from tests.unit.test_imap_session import micropython, server, talk  # noqa: F401

LITERAL = b"{10+}\r\nSubject: x"
# A command of each verb that is allowed after login; what those say that need the store is the same.
WITHOUT_STORE = (
    b"CAPABILITY",
    b"NOOP",
    b"ID NIL",
    b"ENABLE CONDSTORE",
    b"NAMESPACE",
    b"LOGOUT",
)
WITH_STORE = (
    b"SELECT INBOX",
    b"SELECT nowhere",
    b"EXAMINE INBOX",
    b'LIST "" "*"',
    b'LIST "" "*" RETURN (STATUS (MESSAGES))',
    b'LSUB "" "*"',
    b"CREATE x",
    b"DELETE Sent",
    b"RENAME Sent x",
    b"SUBSCRIBE Sent",
    b"UNSUBSCRIBE Sent",
    b"STATUS INBOX (MESSAGES)",
    b'GETQUOTA "Mail storage"',
    b"GETQUOTA x",
    b"GETQUOTAROOT INBOX",
    b"APPEND INBOX " + LITERAL,
    b"APPEND nowhere " + LITERAL,
)


def test_every_command_after_login_is_tried():
    tried = {command.split()[0] for command in WITHOUT_STORE + WITH_STORE}
    # IDLE waits for its client.
    assert tried == {entry[0] for entry in verbs.VERBS if "a" in entry[1]} - {b"IDLE"}


@pytest.mark.parametrize("command", WITHOUT_STORE)
def test_what_needs_no_store_works(server, command):  # noqa: F811
    server.store.close()
    server.store = UnavailableStore("no flash")
    assert talk(server, b"a " + command).splitlines()[-1].startswith(b"a OK ")


@pytest.mark.parametrize("command", WITH_STORE)
def test_a_storage_failure_is_never_a_missing_mailbox_q31(server, command):  # noqa: F811
    server.store.close()
    server.store = UnavailableStore("no flash")
    said = talk(server, b"a " + command, b"b NOOP").splitlines()
    assert said[0].startswith(b"a NO [UNAVAILABLE] ") and said[1:] == [b"b OK NOOP completed"]
