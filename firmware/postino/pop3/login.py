"""USER and PASS (RFC 1939 section 7), and the way into the TRANSACTION state."""

from .. import log
from .maildrop import Locked, Maildrop

# Wrong passwords on one connection before it is closed.
MOST_FAILURES = 3

_SEND_PASSWORD = b"+OK Send PASS\r\n"
_NO_NAME = b"-ERR Name missing\r\n"
_USER_FIRST = b"-ERR Send USER first\r\n"
# RFC 3206 section 4: [AUTH] tells the client that it is the credentials, and [SYS/TEMP] that it is not.
_NO_CLEARTEXT = b"-ERR [AUTH] Encryption required\r\n"
_WRONG = b"-ERR [AUTH] Wrong user name or password\r\n"
# RFC 2449 section 8.1.2
_IN_USE = b"-ERR [IN-USE] Another POP3 session has this mailbox\r\n"
_TOO_MANY = b"-ERR [SYS/TEMP] Too many connections of this user\r\n"


async def user(session, argument):
    """USER name: always well, so that it does not tell who exists."""
    if not session.server.cleartext_allowed(session.conn):
        return _NO_CLEARTEXT
    if not argument:
        return _NO_NAME
    session.name = argument
    return _SEND_PASSWORD


async def pass_(session, argument):
    """PASS password: all that follows the space, spaces included."""
    name, session.name = session.name, None
    if name is None:
        return _USER_FIRST
    found = await session.server.users.verify(name, argument)
    if found is None:
        return _failed(session)
    return _open(session, found)


def _failed(session):
    log.warn("pop3 %s: wrong user name or password", session.conn.peer)
    session.login_failures += 1
    session.over = session.login_failures >= MOST_FAILURES
    return _WRONG


def _open(session, name):
    """Opens the maildrop of a user who has proved to be that. Raises StoreError, with nothing left locked."""
    conn = session.conn
    if name in session.server.maildrop_locks:
        return _IN_USE
    if not session.server.connections.login(conn, name):
        return _TOO_MANY
    drop = Maildrop(session.server, name)
    opened = False
    try:
        drop.open()
        opened = True
    except Locked:
        return _IN_USE
    finally:
        if not opened:
            drop.close()
            conn.user = None
    session.drop = drop
    log.info("pop3 %s: %s logged in, %d letters", conn.peer, name, drop.total)
    return b"+OK %d messages (%d octets)\r\n" % (drop.count, drop.octets())
