"""CAPABILITY, NOOP, LOGOUT, ID: what works in every state (RFC 3501 6.1, RFC 2971)."""

from .. import VERSION
from .errors import Bad

# Exactly what works, in this order. AUTH=PLAIN or LOGINDISABLED is put in by `capabilities`.
CAPABILITIES = b"IMAP4rev1 LITERAL- SASL-IR %s ID IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE"
# Pairs in a client's ID, and octets in a value (RFC 2971 3.3).
MAX_ID_PAIRS = 30
MAX_ID_VALUE = 1024


def capabilities(session):
    """Returns the capabilities of this connection (RFC 3501 6.1.1)."""
    allowed = session.conn.user is not None or session.server.cleartext_allowed(session.conn)
    return CAPABILITIES % (b"AUTH=PLAIN" if allowed else b"LOGINDISABLED")


async def capability(session, command):
    command.arguments.end()
    await session.conn.write(b"* CAPABILITY %s\r\n" % capabilities(session))
    return b"OK CAPABILITY completed"


async def noop(session, command):
    command.arguments.end()
    return b"OK NOOP completed"


async def logout(session, command):
    """BYE comes before the tagged reply (RFC 3501 6.1.3)."""
    command.arguments.end()
    session.unselect()
    await session.conn.write(b"* BYE Postino says goodbye\r\n")
    session.conn.finished = True
    return b"OK LOGOUT completed"


async def identify(session, command):
    """Reads and forgets who the client says it is (RFC 2971 3.1)."""
    arguments = command.arguments
    arguments.space()
    if arguments.peek() != 40:
        if arguments.nstring() is not None:
            raise Bad(b"ID takes a list or NIL")
    else:
        _read_pairs(arguments)
    arguments.end()
    await session.conn.write(b'* ID ("name" "Postino" "version" "%s")\r\n' % VERSION.encode())
    return b"OK ID completed"


def _read_pairs(arguments):
    arguments.open_list()
    count = 0
    while not arguments.close_list():
        if count:
            arguments.space()
        arguments.string()
        arguments.space()
        value = arguments.nstring()
        count += 1
        if count > MAX_ID_PAIRS or len(value or b"") > MAX_ID_VALUE:
            raise Bad(b"ID too long")
