"""EXPUNGE and UID EXPUNGE (RFC 3501 6.4.3, RFC 4315 2.1), in batches, so that no list grows with the mailbox."""

import asyncio
from array import array

from ..store.flags import DELETED
from . import sequence
from .errors import Goodbye, No
from .sets import read_set

# Letters expunged in one transaction, after which other sessions get their turn: on flash each takes about 50 ms.
BATCH = 16
# Rows looked at before other sessions get their turn.
YIELD_EVERY = 256


def check_writable(view):
    if view.read_only:
        raise No(b"The mailbox is open read-only")


async def expunge_deleted(session, pairs, tell):
    """Expunges the announced letters with \\Deleted, of the UIDs in `pairs`. Returns how many."""
    view = session.view
    batch = array("I")
    count = 0
    for looked, uid in enumerate(view.uids(pairs)):
        if looked % YIELD_EVERY == YIELD_EVERY - 1:
            # Before others have their turn: they may take \Deleted away again.
            if batch:
                await _expunge(session, batch, tell)
                batch = array("I")
            await asyncio.sleep_ms(0)
        row = view.box.index_of(uid)
        if row >= 0 and view.box.flags(row) & DELETED:
            batch.append(uid)
            count += 1
        if len(batch) >= BATCH:
            await _expunge(session, batch, tell)
            batch = array("I")
    if batch:
        await _expunge(session, batch, tell)
    return count


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
        view.take_ghosts()
    # Not 0: whoever has become ready meanwhile would come after the next batch.
    await asyncio.sleep_ms(1)


async def expunge(session, command):
    command.arguments.end()
    check_writable(session.view)
    command.expunged = await expunge_deleted(session, sequence.everything(), True)
    return b"OK EXPUNGE completed"


async def uid_expunge(session, command):
    command.arguments.space()
    view = session.view
    pairs = read_set(session, command.arguments, True)
    command.arguments.end()
    check_writable(view)
    command.expunged = await expunge_deleted(session, pairs, True)
    return b"OK UID EXPUNGE completed"
