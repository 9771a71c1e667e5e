"""ID: who client and server say they are (RFC 2971)."""

from .. import VERSION
from .errors import Bad

# Pairs in a client's ID, and octets in a value (RFC 2971 3.3).
MAX_ID_PAIRS = 30
MAX_ID_VALUE = 1024


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
