"""CAPABILITY, NOOP and LOGOUT: what works in every state (RFC 3501 6.1)."""

from . import capabilities


async def capability(session, command):
    command.arguments.end()
    await session.conn.write(b"* CAPABILITY %s\r\n" % capabilities.text(session))
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
