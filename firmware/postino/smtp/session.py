"""One SMTP connection: reads commands, dispatches them, answers (RFC 5321 section 4.1)."""

from .. import overlay
from ..net.errors import LineTooLong, ServerStopping
from . import replies
from .data import data
from .transaction import mail, rcpt

# Octets of a command line without its line end: RFC 5321 section 4.5.3.1.4 asks for 512 with it, extensions for more.
COMMAND_LIMIT = 2046
# Errors on one connection before it is closed: whoever makes so many does not speak SMTP.
MOST_ERRORS = 20

# Verbs of HTTP: a browser has been sent here to speak to us in its name, and must not get an answer to each line.
_HTTP_VERBS = (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"PATCH")


class Session:
    """What a connection has said so far."""

    def __init__(self, conn, server):
        self.conn = conn
        self.server = server
        # What the client calls itself, None before HELO or EHLO; and whether it was EHLO.
        self.helo = None
        self.extended = False
        # Name after AUTH. It gives no rights, so the connection does not count as one of the user's.
        self.user = None
        self.transaction = None
        self.errors = 0
        self.unknown = 0
        self.auth_failures = 0
        # No further command is taken.
        self.over = False


async def serve(conn, server):
    """Speaks SMTP on `conn` until the client says QUIT or has made too many errors."""
    session = Session(conn, server)
    conn.set_deadline(server.settings.get("smtp_command_timeout"))
    await conn.write(replies.READY % _hostname(server))
    while not session.over:
        if conn.closing:
            raise ServerStopping
        conn.set_deadline(server.settings.get("smtp_command_timeout"))
        try:
            line = await conn.read_line(COMMAND_LIMIT)
        except LineTooLong:
            reply = replies.LINE_TOO_LONG
        else:
            reply = await _dispatch(session, line)
        await _answer(session, reply)
    conn.finished = True
    await conn.flush()


async def _dispatch(session, line):
    verb, _, argument = line.partition(b" ")
    verb = verb.upper()
    handler = _VERBS.get(verb)
    if handler is not None:
        return await handler(session, argument.strip())
    if verb in _HTTP_VERBS:
        session.over = True
        return replies.NOT_HTTP
    return replies.UNKNOWN_VERB


async def _answer(session, reply):
    if reply[:2] == b"50":
        session.errors += 1
        if session.errors >= MOST_ERRORS:
            reply += replies.TOO_MANY_ERRORS
            session.over = True
    await session.conn.write(reply)
    # RFC 2920 section 3.2: the replies to a group of commands go out together.
    if not session.conn.pending():
        await session.conn.flush()


def _hostname(server):
    return server.settings.get("hostname").encode()


def _greet(session, argument, extended):
    # RFC 5321 section 4.1.1.1: HELO and EHLO also reset the transaction.
    session.transaction = None
    session.helo = argument
    session.extended = extended


async def _helo(session, argument):
    if not argument:
        return replies.BAD_ARGUMENT
    _greet(session, argument, False)
    return replies.HELLO % _hostname(session.server)


async def _ehlo(session, argument):
    if not argument:
        return replies.BAD_ARGUMENT
    _greet(session, argument, True)
    server = session.server
    lines = [_hostname(server), b"SIZE %d" % server.settings.get("max_message_size")]
    lines += [b"8BITMIME", b"PIPELINING", b"ENHANCEDSTATUSCODES"]
    if server.cleartext_allowed(session.conn):
        lines.append(b"AUTH PLAIN LOGIN")
    return b"250-" + b"\r\n250-".join(lines) + b"\r\n250 HELP\r\n"


async def _rset(session, argument):
    if argument:
        return replies.BAD_ARGUMENT
    session.transaction = None
    return replies.OK


async def _noop(session, argument):
    return replies.OK


async def _vrfy(session, argument):
    # RFC 5321 section 7.3: who exists is not told.
    return replies.WILL_TRY if argument else replies.BAD_ARGUMENT


async def _help(session, argument):
    return replies.HELP


async def _auth(session, argument):
    # Few clients need it.
    with overlay.use(("sasl", "smtp.auth")) as module:
        return await module.auth(session, argument)


async def _quit(session, argument):
    if argument:
        return replies.BAD_ARGUMENT
    session.over = True
    return replies.GOODBYE


async def _not_offered(session, argument):
    return replies.NOT_OFFERED


_VERBS = {
    b"EHLO": _ehlo,
    b"HELO": _helo,
    b"MAIL": mail,
    b"RCPT": rcpt,
    b"DATA": data,
    b"RSET": _rset,
    b"NOOP": _noop,
    b"VRFY": _vrfy,
    b"HELP": _help,
    b"QUIT": _quit,
    b"AUTH": _auth,
    b"EXPN": _not_offered,
    b"STARTTLS": _not_offered,
}
