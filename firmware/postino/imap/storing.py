"""STORE and UID STORE, all six forms (RFC 3501 6.4.6)."""

import asyncio
from array import array

from . import flags
from .errors import Bad, Goodbye, No
from .expunge import check_writable
from .sets import read_set

# Letters changed in one transaction.
BATCH = 128


def _read_action(arguments):
    """Returns (sign, silent): sign is + or - or empty for replacing."""
    name = arguments.attribute()
    silent = name.endswith(b".SILENT")
    if silent:
        name = name[:-7]
    sign = name[:1] if name[:1] in (b"+", b"-") else b""
    if name[len(sign) :] != b"FLAGS":
        raise Bad(b"Unknown STORE item")
    return sign, silent


async def store(session, command):
    view = session.view
    arguments = command.arguments
    arguments.space()
    pairs = read_set(session, arguments, command.uid)
    arguments.space()
    sign, silent = _read_action(arguments)
    arguments.space()
    names = flags.read_list(arguments)
    arguments.end()
    check_writable(view)
    # Unknown keywords are made, except to be taken away.
    mask = flags.mask_of(names, view.box, sign != b"-")
    missing = not command.uid and view.has_ghosts_in(pairs)
    batch = array("I")
    for uid in view.uids(pairs):
        batch.append(uid)
        if len(batch) >= BATCH:
            await _apply(session, batch, sign, mask, silent, command.uid)
            batch = array("I")
    if batch:
        await _apply(session, batch, sign, mask, silent, command.uid)
    # Expunged letters are skipped; with .SILENT that is a success (RFC 2180 4.2.1, 4.2.2).
    if missing and not silent:
        raise No(b"Some of the messages were expunged by another session", b"EXPUNGEISSUED")
    return b"OK %s completed" % command.verb


async def _apply(session, batch, sign, mask, silent, by_uid):
    view = session.view
    if view.lost:
        raise Goodbye(b"The selected mailbox is gone")
    view.working = True
    try:
        if sign == b"+":
            view.box.change_flags(batch, mask, 0, view)
        elif sign == b"-":
            view.box.change_flags(batch, 0, mask, view)
        else:
            view.box.set_flags(batch, mask)
    finally:
        view.working = False
    session.renew_deadline()
    if not silent:
        await _tell(session, batch, by_uid)
    await asyncio.sleep_ms(0)


async def _tell(session, batch, by_uid):
    """Tells the new flags; with the UID if the command went by UID (RFC 3501 6.4.8)."""
    view = session.view
    await session.tell_keywords()
    for uid in batch:
        row = view.box.index_of(uid)
        if row < 0:
            continue
        text = flags.text(view.box.flags(row), view.box.keywords, view.is_recent(uid))
        items = b"UID %d FLAGS (%s)" % (uid, text) if by_uid else b"FLAGS (%s)" % text
        await session.conn.write(b"* %d FETCH (%s)\r\n" % (view.number_of(uid), items))
