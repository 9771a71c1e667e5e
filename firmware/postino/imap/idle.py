"""IDLE (RFC 2177): changes are told as they happen; a sign of life now and then finds a dead peer."""

import time

from ..net.errors import LineTooLong
from .errors import Bad

# Longest line that can end IDLE: it is "DONE".
MAX_DONE = 64


async def idle(session, command):
    """Works without a selected mailbox too: Outlook does that."""
    command.arguments.end()
    conn = session.conn
    await conn.write(b"+ idling\r\n")
    if session.view is not None:
        await session.tell_updates(True)
    notify = session.server.settings.get("idle_notify")
    since = time.ticks_ms()  # type: ignore[attr-defined]
    while not await conn.wait_input(notify):
        now = time.ticks_ms()  # type: ignore[attr-defined]
        if session.view is not None and session.view.woken:
            await session.tell_updates(True)
        elif time.ticks_diff(now, since) >= notify * 1000:  # type: ignore[attr-defined]
            await conn.write(b"* OK Still here\r\n")
        else:
            # Woken for something that was told before IDLE began.
            continue
        since = now
    try:
        line = await conn.read_line(MAX_DONE)
    except LineTooLong:
        line = b""
    session.renew_deadline()
    # What was sent behind DONE stays in the connection's buffer and is the next command.
    if line.strip().upper() != b"DONE":
        raise Bad(b"Expected DONE")
    return b"OK IDLE completed"
