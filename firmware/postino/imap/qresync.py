"""QRESYNC: what a client has missed is told when it selects a mailbox; expunges are told by UID (RFC 7162 3.2)."""

import asyncio
from array import array

# Letters looked at, or ranges told, after which other sessions get their turn.
YIELD_EVERY = 64


# What it has missed -------------------------------------------------------------------------------------------------


async def resynchronise(session, request):
    """Tells what happened since the client was here last (RFC 7162 3.2.5.1). Nothing if the mailbox is another."""
    view = session.view
    if request.uidvalidity != view.box.uidvalidity:
        return
    pairs = request.known or array("I", (1, max(view.uidnext - 1, 1)))
    sure = 0 if request.numbers is None else _confirmed(view, request.numbers, request.uids)
    await tell_earlier(session, pairs, request.modseq, sure)
    await _tell_changed(session, pairs, request.modseq)


def _confirmed(view, numbers, uids):
    """Returns a UID below which the client knows of all expunges: its number is still the same (RFC 7162 3.2.5.2)."""
    box = view.box
    sure = k = j = 0
    number, uid = numbers[0], uids[0]
    while True:
        # Both sets go on together for so many.
        length = min(numbers[k + 1] - number, uids[j + 1] - uid)
        whole = length
        while number + length > len(box) or box.uid(number + length - 1) != uid + length:
            if not length:
                return sure
            # It need not be the highest.
            length //= 2
        sure = uid + length
        if length < whole:
            return sure
        number += length + 1
        uid += length + 1
        if number > numbers[k + 1]:
            k += 2
            if k >= len(numbers):
                return sure
            number = numbers[k]
        if uid > uids[j + 1]:
            j += 2
            uid = uids[j]


async def tell_earlier(session, pairs, modseq, sure=0):
    """Tells which UIDs of the set were expunged after `modseq` (RFC 7162 3.2.10.1).

    If the mailbox does not remember, all that are not there are told, but for those up to `sure` (3.2.5.2).
    """
    view = session.view
    gone, complete = view.box.vanished_since(modseq)
    if not complete:
        gone = array("I", (sure + 1, max(view.uidnext - 1, sure + 1)))
    writer = _SetWriter(session.conn, b"* VANISHED (EARLIER) ")
    for low, high in _common(gone, pairs):
        low = max(low, 1)
        high = min(high, view.uidnext - 1)
        while low <= high:
            # What the client still counts is there, or will be told as a change of this session.
            counted = view.next_counted(low)
            if low < counted:
                await writer.add(low, min(counted - 1, high))
            low = counted + 1
    await writer.end()


def _common(first, second):
    """Yields the ranges that are in both sets."""
    j = k = 0
    while j < len(first) and k < len(second):
        low = max(first[j], second[k])
        high = min(first[j + 1], second[k + 1])
        if low <= high:
            yield low, high
        if first[j + 1] < second[k + 1]:
            j += 2
        else:
            k += 2


async def _tell_changed(session, pairs, modseq):
    view = session.view
    for looked, uid in enumerate(view.uids(pairs)):
        row = view.box.index_of(uid)
        if row >= 0 and view.box.changed_since(row, modseq):
            await session.tell_flags(array("I", (uid, uid)))
        if looked % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep_ms(0)


class _SetWriter:
    """Sends a set of UIDs range by range: it may be longer than there is memory for. Nothing for an empty set."""

    def __init__(self, conn, start):
        self._conn = conn
        self._start = start
        self._written = 0

    async def add(self, low, high):
        text = b"%d" % low if low == high else b"%d:%d" % (low, high)
        await self._conn.write((b"," if self._written else self._start) + text)
        self._written += 1
        if self._written % YIELD_EVERY == 0:
            await asyncio.sleep_ms(0)

    async def end(self):
        if self._written:
            await self._conn.write(b"\r\n")


# What happens while it is here --------------------------------------------------------------------------------------


async def tell_vanished(session):
    """Tells all ghosts by their UIDs (RFC 7162 3.2.10.2)."""
    runs = session.view.take_ghosts()
    writer = _SetWriter(session.conn, b"* VANISHED ")
    for k in range(0, len(runs), 3):
        await writer.add(runs[k], runs[k + 1])
    await writer.end()
