"""GETQUOTA and GETQUOTAROOT (RFC 9208): what a user's mail may take, and takes.

One quota root for all mailboxes of a user. Where the setting `user_quota` has a limit, it is the user's; where it has
none, the flash is the limit, which all users share. Nobody sets limits by IMAP: there is no SETQUOTA.
"""

from . import names
from .errors import No

# Names of the root, as clients show them.
USER_ROOT = b"User quota"
BOARD_ROOT = b"Mail storage"

# STORAGE counts in units of so many octets (RFC 9208 5.1).
UNIT = 1024


def _root(store):
    # Before anything is said of it; what stands in for a store has no quota.
    store.check()
    return USER_ROOT if store.quota else BOARD_ROOT


async def get_quota(session, command):
    arguments = command.arguments
    arguments.space()
    root = arguments.astring()
    arguments.end()
    if root != _root(session.server.store):
        raise No(b"There is no such quota root", b"NONEXISTENT")
    await _tell(session)
    return b"OK GETQUOTA completed"


async def get_quota_root(session, command):
    """The mailbox need not exist (RFC 9208 4.1.2)."""
    command.arguments.space()
    name = names.read(session, command.arguments)
    command.arguments.end()
    root = _root(session.server.store)
    await session.conn.write(b'* QUOTAROOT %s "%s"\r\n' % (names.quoted(session, name), root))
    await _tell(session)
    return b"OK GETQUOTAROOT completed"


async def _tell(session):
    store = session.server.store
    if store.quota:
        used, limit = store.used_bytes(session.conn.user), store.quota
    else:
        limit = store.capacity_bytes()
        used = limit - store.free_bytes()
    reply = b'* QUOTA "%s" (STORAGE %d %d)\r\n' % (_root(store), (used + UNIT - 1) // UNIT, limit // UNIT)
    await session.conn.write(reply)
