"""SORT and UID SORT (RFC 5256): a search, then its result in order, in a few KB whatever the number of messages."""

import asyncio

from .. import overlay
from ..net.buffers import BUFFER_SIZE
from . import search_result, sort_keys
from .errors import No
from .search_walk import Walk
from .sort_order import Sorter

# Messages in the mailbox up to the last one that is found: a bit of a borrowed buffer each.
MAX_MESSAGES = 8 * BUFFER_SIZE
# Milliseconds between two looks whether another session's SORT is done: one at a time has the memory for it.
PATIENCE_MS = 50

# A SORT is under way. While it is, this module is in use and not forgotten.
_busy = [False]


async def sort(session, command):
    arguments = command.arguments
    arguments.space()
    criteria = sort_keys.read_criteria(arguments)
    arguments.space()
    # What reads the keys takes memory that reading letters needs.
    with overlay.use(("date_parser", "imap.search_keys")) as module:
        query = module.read_with_charset(session, arguments)
    while _busy[0]:
        session.renew_deadline()
        await asyncio.sleep_ms(PATIENCE_MS)
    _busy[0] = True
    buffers = session.server.buffers
    found = None
    try:
        found = buffers.take()
        await _sort(session, command, criteria, query, found)
    finally:
        _busy[0] = False
        if found is not None:
            buffers.give(found)
    return b"OK %s completed" % command.verb


async def _sort(session, command, criteria, query, found):
    count = await _search(session, query, found)
    reply = search_result.NumbersReply(session, command, b"SORT", query.modseq)
    with sort_keys.use_letters(criteria) as module:
        keys = sort_keys.Keys(session, criteria, module)

        async def emit(number):
            uid = keys.uid_of(number)
            if uid:
                await reply.found(uid)

        try:
            await Sorter(count, lambda: _numbers(found), keys.key_of, emit).run()
        except Exception:
            await reply.cut()
            raise
    await reply.end()


async def _search(session, query, found):
    """Sets the bits of the messages that match, by their numbers; returns how many they are."""
    for at in range(len(found)):
        found[at] = 0
    count = 0
    view = session.view
    with Walk(session, query) as walk:
        uid = await walk.next()
        while uid:
            # It stays the same until the command is done.
            number = view.number_of(uid)
            if number > MAX_MESSAGES:
                raise No(b"Too many messages to sort", b"LIMIT")
            found[(number - 1) >> 3] |= 1 << ((number - 1) & 7)
            count += 1
            uid = await walk.next()
    return count


def _numbers(found):
    """Yields the numbers whose bits are set."""
    for at in range(len(found)):
        bits = found[at]
        number = 8 * at
        while bits:
            number += 1
            if bits & 1:
                yield number
            bits >>= 1
