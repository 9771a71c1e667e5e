"""STORE and UID STORE, all six forms (RFC 3501 6.4.6), also on condition (RFC 7162 3.1.3)."""

import asyncio
from array import array

from .. import overlay
from . import capabilities, flags, sequence
from .errors import Bad, Goodbye, No
from .expunge import check_writable
from .sets import read_set

# Letters changed in one transaction.
BATCH = 128
# Ranges in a MODIFIED; when there are so many, the rest of the letters is not changed, and is in the last of them.
MAX_MODIFIED = 128


class Change:
    """What a STORE does: `sign` is + or - or empty for replacing, `mask` the flags."""

    def __init__(self, command):
        self.by_uid = command.uid
        self.sign = b""
        self.silent = False
        self.mask = 0
        # Letters that have changed since this modification sequence are left alone; None: all are changed.
        self.unchanged_since = None
        # Numbers or UIDs of those that were left alone.
        self.modified = array("I")

    def read(self, session, arguments):
        """Reads what follows the message set. Returns the names of the flags."""
        if arguments.peek() == 40 and capabilities.is_offered(session, b"CONDSTORE"):
            with overlay.use(("imap.condstore",)) as condstore:
                self.unchanged_since = condstore.read_store(arguments)
        name = arguments.attribute()
        self.silent = name.endswith(b".SILENT")
        if self.silent:
            name = name[:-7]
        if name[:1] in (b"+", b"-"):
            self.sign = name[:1]
        if name[len(self.sign) :] != b"FLAGS":
            raise Bad(b"Unknown STORE item")
        arguments.space()
        names = flags.read_list(arguments)
        arguments.end()
        if self.unchanged_since is not None:
            session.enabled |= capabilities.CONDSTORE
        return names

    def unchanged(self, view, uids):
        """Returns those of the UIDs that may be changed, and notes the others."""
        kept = array("I")
        full = len(self.modified) >= 2 * MAX_MODIFIED
        for uid in uids:
            row = view.box.index_of(uid)
            if row < 0:
                continue
            if not full and not view.box.changed_since(row, self.unchanged_since):
                kept.append(uid)
                continue
            number = uid if self.by_uid else view.number_of(uid)
            if full:
                self.modified[len(self.modified) - 1] = number
            else:
                sequence.add(self.modified, number)
                full = len(self.modified) >= 2 * MAX_MODIFIED
        return kept


async def store(session, command):
    view = session.view
    arguments = command.arguments
    arguments.space()
    pairs = read_set(session, arguments, command.uid)
    arguments.space()
    change = Change(command)
    names = change.read(session, arguments)
    check_writable(view)
    # Unknown keywords are made, except to be taken away.
    change.mask = flags.mask_of(names, view.box, change.sign != b"-")
    missing = not command.uid and view.has_ghosts_in(pairs)
    batch = array("I")
    for uid in view.uids(pairs):
        batch.append(uid)
        if len(batch) >= BATCH:
            await _apply(session, batch, change)
            batch = array("I")
    if batch:
        await _apply(session, batch, change)
    return _reply(command, change, missing)


def _reply(command, change, missing):
    gone = b"Some of the messages were expunged by another session"
    if change.modified:
        code = b"MODIFIED " + sequence.text_of(change.modified)
        if missing:
            raise No(gone, code)
        return b"OK [%s] Conditional STORE failed" % code
    # Expunged letters are skipped; with .SILENT that is a success (RFC 2180 4.2.1, 4.2.2).
    if missing and not change.silent:
        raise No(gone, b"EXPUNGEISSUED")
    return b"OK %s completed" % command.verb


async def _apply(session, batch, change):
    view = session.view
    if view.lost:
        raise Goodbye(b"The selected mailbox is gone")
    box = view.box
    if change.unchanged_since is not None:
        # No other session has its turn between this and the change.
        batch = change.unchanged(view, batch)
    before = box.highest_modseq
    if batch:
        _change(view, batch, change)
    session.renew_deadline()
    await session.tell_keywords()
    if not change.silent or session.enabled & capabilities.CONDSTORE:
        await _tell(session, batch, change, before)
    await asyncio.sleep_ms(0)


def _change(view, batch, change):
    box = view.box
    view.working = True
    try:
        if change.sign == b"+":
            box.change_flags(batch, change.mask, 0, view)
        elif change.sign == b"-":
            box.change_flags(batch, 0, change.mask, view)
        else:
            box.set_flags(batch, change.mask)
    finally:
        view.working = False


async def _tell(session, batch, change, before):
    """Tells the new flags; a client that uses CONDSTORE hears the modification sequence even with .SILENT."""
    view = session.view
    # With the UID if the command went by UID (RFC 3501 6.4.8), or by QRESYNC (RFC 7162 3.2.4).
    with_uid = change.by_uid or session.enabled & capabilities.QRESYNC
    for uid in batch:
        row = view.box.index_of(uid)
        if row < 0:
            continue
        items = b"UID %d" % uid if with_uid else b""
        if not change.silent:
            items += b" FLAGS (%s)" % session.flags_text(uid, row)
        elif change.unchanged_since is None and not view.box.changed_since(row, before):
            # Nothing of it has changed.
            continue
        items += session.modseq_text(row)
        await session.conn.write(b"* %d FETCH (%s)\r\n" % (view.number_of(uid), items.lstrip()))
