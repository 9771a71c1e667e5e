"""One POP3 connection: login, commands, and the update at QUIT (RFC 1939)."""

from .. import log
from ..net.errors import LineTooLong, ServerStopping
from ..store import StoreError
from . import commands
from .login import pass_, user

# Octets of a command line without its line end: RFC 2449 section 4 allows 255 with it.
COMMAND_LIMIT = 253
# Errors on one connection before it is closed: whoever makes so many does not speak POP3.
MOST_ERRORS = 20

_READY = b"+OK Postino ready\r\n"
_GOODBYE = b"+OK Goodbye\r\n"
_NOT_UPDATED = b"-ERR [SYS/TEMP] Some messages were not deleted, try again later\r\n"
_UNKNOWN = b"-ERR Unknown command\r\n"
_LOGIN_FIRST = b"-ERR Log in first\r\n"
_LOGGED_IN = b"-ERR Logged in already\r\n"
_LINE_TOO_LONG = b"-ERR Line too long\r\n"
_STORE_TROUBLE = b"-ERR [SYS/TEMP] Mail store not available, try again later\r\n"
_TOO_MANY_ERRORS = b"-ERR Too many errors, closing\r\n"


class Session:
    """What a connection has said so far."""

    def __init__(self, conn, server):
        self.conn = conn
        self.server = server
        # The argument of USER, until PASS.
        self.name = None
        # The open maildrop: None in the AUTHORIZATION state (RFC 1939 section 4), set in the TRANSACTION state.
        self.drop = None
        self.login_failures = 0
        self.errors = 0
        # No further command is taken.
        self.over = False


async def serve(conn, server):
    """Speaks POP3 on `conn` until QUIT. However else it ends, nothing is deleted (RFC 1939 section 6)."""
    session = Session(conn, server)
    try:
        # Absolute: all that comes before login has to be done in this time.
        conn.set_deadline(server.settings.get("login_timeout"))
        await conn.write(_READY)
        while not session.over:
            await _turn(session)
        conn.finished = True
        await conn.flush()
    finally:
        if session.drop is not None:
            session.drop.close()


async def _turn(session):
    conn = session.conn
    if conn.closing:
        raise ServerStopping
    if session.drop is not None:
        conn.set_deadline(session.server.settings.get("pop3_timeout"))
    try:
        line = await conn.read_line(COMMAND_LIMIT)
    except LineTooLong:
        reply = _LINE_TOO_LONG
    else:
        reply = await _dispatch(session, line)
    if reply in (_UNKNOWN, _LINE_TOO_LONG):
        session.errors += 1
        if session.errors >= MOST_ERRORS:
            session.over = True
            reply = _TOO_MANY_ERRORS
    if reply is not None:
        await conn.write(reply)
    # RFC 2449 section 6.6: replies to pipelined commands may go out together.
    if not conn.pending():
        await conn.flush()


async def _dispatch(session, line):
    """Runs one command. Returns its reply, or None if it has been written already."""
    verb, _, argument = line.partition(b" ")
    verb = verb.upper()
    # RFC 1939 says that arguments are separated by one space; only a password may have more, and keeps them.
    if verb != b"PASS":
        argument = argument.strip()
    handler = _ANY_STATE.get(verb)
    if handler is None and verb in _AUTHORIZATION:
        handler = _AUTHORIZATION[verb] if session.drop is None else _logged_in
    if handler is None and verb in commands.VERBS:
        handler = commands.VERBS[verb] if session.drop is not None else _login_first
    if handler is None:
        return _UNKNOWN
    try:
        return await handler(session, argument)
    except StoreError as error:
        log.error("pop3: store: %s", error)
        return _STORE_TROUBLE


async def _logged_in(session, argument):
    return _LOGGED_IN


async def _login_first(session, argument):
    return _LOGIN_FIRST


async def _quit(session, argument):
    """QUIT: the UPDATE state (RFC 1939 section 6)."""
    if argument:
        return commands.NO_ARGUMENT
    session.over = True
    if session.drop is not None:
        try:
            await session.drop.remove_marked()
        except StoreError as error:
            log.error("pop3: store: %s", error)
            return _NOT_UPDATED
        finally:
            # The lock goes before the reply: the client may come back as soon as it has it.
            session.drop.close()
    return _GOODBYE


async def _capa(session, argument):
    """CAPA (RFC 2449 section 5)"""
    lines = [b"+OK Capabilities", b"TOP", b"UIDL"]
    if session.server.cleartext_allowed(session.conn):
        lines.append(b"USER")
    # RFC 2449 section 6 for the first four, RFC 3206 for AUTH-RESP-CODE.
    lines += [b"RESP-CODES", b"PIPELINING", b"EXPIRE NEVER", b"IMPLEMENTATION Postino", b"AUTH-RESP-CODE", b".", b""]
    return b"\r\n".join(lines)


_ANY_STATE = {b"QUIT": _quit, b"CAPA": _capa}
_AUTHORIZATION = {b"USER": user, b"PASS": pass_}
