"""IDLE (RFC 2177): changes are told as they happen; a sign of life now and then finds a dead peer.

Between two events an idle session waits where it would wait for a command, in Session.run(), and holds nothing more.
"""

from ..net.errors import LineTooLong
from .errors import Bad

# Longest line that can end IDLE: it is "DONE".
MAX_DONE = 64


async def idle(session, command):
    """Works without a selected mailbox too: Outlook does that."""
    command.arguments.end()
    await session.conn.write(b"+ idling\r\n")
    # What has happened before is told as at the end of every command; the tagged reply comes with DONE.
    session.idling = True


async def go_on(session, came):
    """Goes on after a wait: input came (True), the session was woken (False), or nothing happened for long (None).

    Returns the tagged reply once the client has said DONE.
    """
    if not came:
        view = session.view
        if view is not None and view.pending():
            await session.tell_all(True)
        elif came is None:
            await session.conn.write(b"* OK Still here\r\n")
        return None
    session.idling = False
    try:
        line = await session.conn.read_line(MAX_DONE)
    except LineTooLong:
        line = b""
    session.renew_deadline()
    await session.tell_all(True)
    # What was sent behind DONE stays in the connection's buffer and is the next command.
    if line.strip().upper() != b"DONE":
        raise Bad(b"Expected DONE")
    return b"OK IDLE completed"
