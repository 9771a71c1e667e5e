"""AUTH PLAIN and AUTH LOGIN (RFC 4954). They are there because scanners insist on them.

Who has authenticated may do no more here than who has not: letters go to local users, or nowhere.
"""

from .. import log, sasl
from ..net.errors import LineTooLong
from . import replies

# Wrong passwords on one connection before it is closed.
MOST_FAILURES = 3
# Octets of a line within the exchange. RFC 4954 section 4 allows for 12,288 because of mechanisms that are not here.
RESPONSE_LIMIT = 1024


class _Ended(Exception):
    """The exchange is over without credentials; the reply is the argument."""


async def auth(session, argument):
    """AUTH mechanism [initial-response]"""
    mechanism, _, initial = argument.partition(b" ")
    mechanism = mechanism.upper()
    initial = initial.strip()
    refusal = _refusal(session, mechanism)
    if refusal:
        return refusal
    try:
        if mechanism == b"PLAIN":
            name, password = await _plain(session.conn, initial)
        else:
            name, password = await _login(session.conn, initial)
    except _Ended as ended:
        return ended.args[0]
    except sasl.BadResponse:
        return _failed(session, replies.AUTH_MALFORMED)
    user = await session.server.users.verify(name, password)
    if user is None:
        log.warn("smtp %s: wrong user name or password", session.conn.peer)
        return _failed(session, replies.WRONG_PASSWORD)
    session.user = user
    return replies.AUTHENTICATED


def _refusal(session, mechanism):
    # RFC 4954 section 4 has the order: after EHLO, once, and not within a mail transaction.
    if not mechanism:
        return replies.BAD_ARGUMENT
    if session.helo is None:
        return replies.HELLO_FIRST
    if session.user is not None:
        return replies.ALREADY_AUTHENTICATED
    if session.transaction is not None:
        return replies.ALREADY_IN_MAIL
    if mechanism not in (b"PLAIN", b"LOGIN"):
        return replies.UNKNOWN_MECHANISM
    if not session.server.cleartext_allowed(session.conn):
        return replies.ENCRYPTION_REQUIRED
    return None


def _failed(session, reply):
    session.auth_failures += 1
    if session.auth_failures < MOST_FAILURES:
        return reply
    session.over = True
    return reply + replies.TOO_MANY_ERRORS


async def _plain(conn, initial):
    # RFC 4616
    response = initial or await _ask(conn, replies.AUTH_CONTINUE)
    return sasl.decode_plain(_no_equals_sign(response))


async def _login(conn, initial):
    # draft-murchison-sasl-login; some clients send the name with the command.
    name = sasl.decode_base64(_no_equals_sign(initial or await _ask(conn, replies.AUTH_USER_NAME)))
    password = sasl.decode_base64(await _ask(conn, replies.AUTH_PASSWORD))
    return name, password


def _no_equals_sign(response):
    # RFC 4954 section 4: "=" is an initial response of no octets.
    return b"" if response == b"=" else response


async def _ask(conn, prompt):
    """Sends a prompt and returns the line that answers it."""
    await conn.write(prompt)
    await conn.flush()
    try:
        line = await conn.read_line(RESPONSE_LIMIT)
    except LineTooLong:
        raise _Ended(replies.AUTH_LINE_TOO_LONG)
    if line == b"*":
        raise _Ended(replies.AUTH_CANCELLED)
    return line.strip()
