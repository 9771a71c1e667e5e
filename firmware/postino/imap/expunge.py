"""EXPUNGE and UID EXPUNGE (RFC 3501 6.4.3, RFC 4315 2.1), in batches, so that no list grows with the mailbox."""

import asyncio
from array import array

from ..store.flags import DELETED
from . import sequence
from .errors import Goodbye, No

# Letters expunged in one transaction, after which other sessions get their turn: on flash each takes about 50 ms.
BATCH = 16
# Rows looked at before other sessions get their turn.
YIELD_EVERY = 256


def check_writable(view):
    if view.read_only:
        raise No(b"The mailbox is open read-only")


async def expunge_deleted(session, pairs, tell):
    """Expunges the announced letters with \\Deleted, of the UIDs in `pairs` if that is not None."""
    view = session.view
    everything = array("I", (1, sequence.MAX_NUMBER))
    batch = array("I")
    for looked, uid in enumerate(view.uids(everything if pairs is None else pairs)):
        if looked % YIELD_EVERY == YIELD_EVERY - 1:
            # Before others have their turn: they may take \Deleted away again.
            if batch:
                await _expunge(session, batch, tell)
                batch = array("I")
            await asyncio.sleep_ms(0)
        row = view.box.index_of(uid)
        if row >= 0 and view.box.flags(row) & DELETED:
            batch.append(uid)
        if len(batch) >= BATCH:
            await _expunge(session, batch, tell)
            batch = array("I")
    if batch:
        await _expunge(session, batch, tell)


async def _expunge(session, batch, tell):
    view = session.view
    if view.lost:
        raise Goodbye(b"The selected mailbox is gone")
    view.working = True
    try:
        view.box.expunge(batch)
    finally:
        view.working = False
    session.renew_deadline()
    if tell:
        await session.tell_updates(True)
    else:
        # CLOSE: the client will never ask for these numbers again.
        while view.pop_ghosts() is not None:
            pass
    # Not 0: whoever has become ready meanwhile would come after the next batch.
    await asyncio.sleep_ms(1)


async def expunge(session, command):
    command.arguments.end()
    check_writable(session.view)
    await expunge_deleted(session, None, True)
    return b"OK EXPUNGE completed"


async def uid_expunge(session, command):
    command.arguments.space()
    view = session.view
    pairs = sequence.parse(command.arguments.set_parts(), view.largest_uid())
    command.arguments.end()
    check_writable(view)
    await expunge_deleted(session, pairs, True)
    return b"OK UID EXPUNGE completed"
