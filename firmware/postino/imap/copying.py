"""COPY, MOVE and their UID forms (RFC 3501 6.4.7, RFC 6851), with COPYUID (RFC 4315 3)."""

import asyncio
from array import array

from ..store import INFO_ID, Nobody
from ..store.errors import NoSuchMailbox, StoreError
from . import names, sequence
from .errors import Goodbye, No
from .expunge import check_writable
from .sets import read_set

# Letters copied or moved in one transaction.
BATCH = 128
# Ranges in a COPYUID; more would make a line that no client expects, and COPYUID is left out.
MAX_COPYUID_RANGES = 512


async def copy(session, command):
    return await _transfer(session, command, False)


async def move(session, command):
    check_writable(session.view)
    return await _transfer(session, command, True)


async def _transfer(session, command, moving):
    view = session.view
    arguments = command.arguments
    arguments.space()
    pairs = read_set(session, arguments, command.uid)
    arguments.space()
    name = names.read(session, arguments)
    arguments.end()
    target = session.server.store.find(session.conn.user, name)
    if target is None:
        # The client may make it and try again (RFC 3501 6.4.7).
        raise No(b"There is no mailbox of that name", b"TRYCREATE")
    if not command.uid and view.has_ghosts_in(pairs):
        # All or nothing (RFC 2180 4.4.1).
        raise No(b"Some of the messages were expunged by another session", b"EXPUNGEISSUED")
    if moving:
        return await _move(session, command, pairs, target)
    return await _copy(session, command, pairs, target)


def _batches(view, pairs):
    batch = array("I")
    for uid in view.uids(pairs):
        batch.append(uid)
        if len(batch) >= BATCH:
            yield batch
            batch = array("I")
    if batch:
        yield batch


def _code(uidvalidity, sources, copies):
    """Returns the COPYUID code with its brackets: both sets in the same, ascending order (RFC 4315 3)."""
    if not sources or len(sources) > 2 * MAX_COPYUID_RANGES or len(copies) > 2 * MAX_COPYUID_RANGES:
        return b""
    return b"[COPYUID %d %s %s] " % (uidvalidity, sequence.text_of(sources), sequence.text_of(copies))


def _note(pairs, uids):
    # Beyond the limit the set is not told, so it need not grow.
    for uid in uids:
        if len(pairs) <= 2 * MAX_COPYUID_RANGES:
            sequence.add(pairs, uid)


async def _copy(session, command, pairs, target):
    view = session.view
    sources = array("I")
    copies = array("I")
    # All that was made by this command, in ranges, in case it has to be taken back.
    made = []
    uidvalidity = 0
    try:
        for batch in _batches(view, pairs):
            uidvalidity, uids = view.box.copy(batch, target[INFO_ID])
            made.append((uids[0], uids[len(uids) - 1]))
            _note(sources, batch)
            _note(copies, uids)
            session.renew_deadline()
            await asyncio.sleep_ms(0)
            if view.lost:
                raise Goodbye(b"The selected mailbox is gone")
    except (Goodbye, MemoryError, StoreError) as error:
        # COPY is all or nothing (RFC 3501 6.4.7).
        _take_back(session.server.store, target[INFO_ID], made)
        if isinstance(error, NoSuchMailbox):
            raise No(b"The mailbox is gone", b"TRYCREATE")
        raise
    return b"OK %s%s completed" % (_code(uidvalidity, sources, copies), command.verb)


def _take_back(store, mailbox_id, made):
    if not made:
        return
    deaf = Nobody()
    try:
        box = store.open_mailbox(mailbox_id, deaf)
    except NoSuchMailbox:
        return
    try:
        for first, last in made:
            row = box.lower_bound(first)
            uids = array("I")
            while row < len(box) and box.uid(row) <= last:
                uids.append(box.uid(row))
                row += 1
            if uids:
                box.expunge(uids)
    finally:
        box.close(deaf)


async def _move(session, command, pairs, target):
    """Into the mailbox itself too, as COPY (RFC 6851 3.3): the letters get new UIDs."""
    view = session.view
    for batch in _batches(view, pairs):
        if view.lost:
            raise Goodbye(b"The selected mailbox is gone")
        view.working = True
        try:
            uidvalidity, uids = view.box.move(batch, target[INFO_ID])
        finally:
            view.working = False
        session.renew_deadline()
        command.expunged += len(uids)
        sources = array("I")
        copies = array("I")
        _note(sources, batch)
        _note(copies, uids)
        # In an untagged OK, before the letters vanish (RFC 6851 4.3).
        await session.conn.write(b"* OK %sMoved\r\n" % _code(uidvalidity, sources, copies))
        await session.tell_updates(True)
        await asyncio.sleep_ms(0)
    return b"OK %s completed" % command.verb
