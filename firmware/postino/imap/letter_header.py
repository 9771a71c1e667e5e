"""Reading the header of a letter, and nothing else of it, with little code and one borrowed buffer."""

import asyncio

from ..store.errors import StoreUnavailable

# Octets handed on at a time: what decoding makes of them must be found in one piece.
PIECE = 96


async def feed(session, box, row, sink):
    """Hands the letter's octets from the beginning to sink(view) until that returns False.

    Raises LetterGone, StoreUnavailable.
    """
    buffers = session.server.buffers
    session.renew_deadline()
    reader = session.server.store.open_letter(box.letter(row), box.size(row))
    buffer = None
    try:
        buffer = buffers.take()
        await _feed(reader, buffer, sink)
    finally:
        reader.close()
        if buffer is not None:
            buffers.give(buffer)


async def _feed(reader, buffer, sink):
    view = memoryview(buffer)
    left = reader.size
    while left:
        count = reader.readinto(view)
        if not count:
            raise StoreUnavailable("a letter is shorter than its size")
        left -= count
        for start in range(0, count, PIECE):
            if sink(view[start : min(start + PIECE, count)]) is False:
                return
        await asyncio.sleep_ms(0)
