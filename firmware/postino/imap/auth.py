"""LOGIN and AUTHENTICATE PLAIN (RFC 3501 6.2.2 and 6.2.3, RFC 4959 for the initial response)."""

from .. import log, sasl
from ..net.errors import LineTooLong
from ..store.errors import StoreError
from . import capabilities
from .errors import Bad, CommandError, Goodbye, No

# Failed logins before the connection is closed.
MAX_FAILED_LOGINS = 3
# Longest response line in AUTHENTICATE: a login and a password of at most 255 octets each, in base64 (RFC 4616 2).
MAX_RESPONSE = 1024
# Says the same whether name or password is wrong (RFC 5530 3).
FAILED = b"NO [AUTHENTICATIONFAILED] Wrong name or password"


def _check_cleartext(session):
    # RFC 3501 6.2.3: LOGINDISABLED means this.
    if not session.server.cleartext_allowed(session.conn):
        raise No(b"Passwords are not taken without TLS here", b"PRIVACYREQUIRED")


async def login(session, command):
    arguments = command.arguments
    arguments.space()
    name = arguments.astring()
    arguments.space()
    password = arguments.astring()
    arguments.end()
    _check_cleartext(session)
    return await _log_in(session, name, password)


async def authenticate(session, command):
    arguments = command.arguments
    arguments.space()
    mechanism = arguments.atom().upper()
    response = None
    if not arguments.ends():
        if not capabilities.is_offered(session, b"SASL-IR"):
            raise Bad(b"Unexpected arguments")
        # All of base64 may stand in an atom; "=" alone is an empty response (RFC 4959 3).
        response = arguments.atom()
        arguments.end()
    if mechanism != b"PLAIN":
        raise No(b"There is only PLAIN", b"CANNOT")
    _check_cleartext(session)
    if response is None:
        response = await _ask(session)
    try:
        name, password = sasl.decode_plain(response)
    except sasl.BadResponse:
        raise Bad(b"That is no PLAIN response")
    return await _log_in(session, name, password)


async def _ask(session):
    await session.conn.write(b"+ \r\n")
    try:
        response = await session.conn.read_line(MAX_RESPONSE)
    except LineTooLong:
        raise Bad(b"Response too long")
    if response == b"*":
        raise Bad(b"AUTHENTICATE cancelled")
    return response


async def _log_in(session, name, password):
    server = session.server
    conn = session.conn
    user = await server.users.verify(name, password)
    if user is None:
        session.failed_logins += 1
        log.warn("imap: failed login from %s", conn.peer)
        if session.failed_logins >= MAX_FAILED_LOGINS:
            raise Goodbye(b"Too many failed logins", FAILED)
        raise CommandError(FAILED)
    if not server.connections.login(conn, user):
        raise No(b"Too many connections of this user", b"LIMIT")
    log.info("imap: login of %s from %s", user, conn.peer)
    session.read_settings()
    try:
        server.store.ensure_user(user)
    except StoreError as error:
        # Commands that need the store will say so themselves.
        log.error("imap: no mailboxes for %s: %s", user, str(error))
    return b"OK [CAPABILITY %s] Logged in" % capabilities.text(session)
