"""SELECT, EXAMINE, CLOSE, UNSELECT and CHECK (RFC 3501 6.3.1, 6.3.2, 6.4.1, 6.4.2, RFC 9051, RFC 3691)."""

import asyncio
import gc

from .. import overlay
from ..store import INFO_ID, mailbox_object_id
from ..store.flags import SEEN
from . import capabilities, flags, names, sequence
from .errors import No
from .expunge import expunge_deleted
from .view import View

# Rows of the table after which other sessions get their turn.
YIELD_EVERY = 256


async def select(session, command):
    return await _open(session, command, False)


async def examine(session, command):
    return await _open(session, command, True)


async def _open(session, command, read_only):
    arguments = command.arguments
    arguments.space()
    try:
        text = arguments.astring()
    except No:
        # Too long: that is a NO, too, after which no mailbox is selected.
        await _leave(session)
        raise
    request = _read_parameters(session, arguments)
    # The mailbox selected before is left even if this one cannot be opened (RFC 3501 6.3.1).
    await _leave(session)
    name = names.read_text(session, text)
    info = names.find(session, name)
    view = View(session.conn, read_only, bool(session.enabled & capabilities.QRESYNC))
    view.attach(_open_mailbox(session, info, view))
    session.view = view
    view.take_new(not session.enabled & capabilities.IMAP4REV2)
    await _tell(session, view, info)
    if session.enabled & capabilities.IMAP4REV2:
        # Which mailbox it is (RFC 9051 6.3.2).
        with overlay.use(("imap.attributes", "imap.told_name")) as told_name:
            await told_name.tell(session, name, text)
    if request is not None:
        with overlay.use(("imap.qresync",)) as qresync:
            await qresync.resynchronise(session, request)
    return b"OK [READ-ONLY] EXAMINE completed" if read_only else b"OK [READ-WRITE] SELECT completed"


def _read_parameters(session, arguments):
    """Reads what may follow the name (RFC 4466 2.1). Returns what QRESYNC asks for, or None."""
    if arguments.peek() == 32:
        arguments.space()
        if not arguments.at_end():
            with overlay.use(("imap.condstore",)) as condstore:
                return condstore.read_select(session, arguments)
    arguments.end()
    return None


async def _leave(session):
    if session.view is not None:
        session.unselect()
        # What was sent before it belongs to the mailbox that was selected till now (RFC 7162 3.2.11, RFC 9051 7.1).
        await session.conn.write(b"* OK [CLOSED] The mailbox selected before is closed\r\n")


def _open_mailbox(session, info, view):
    store = session.server.store
    try:
        return store.open_mailbox(info[INFO_ID], view)
    except MemoryError:
        overlay.forget_idle()
        gc.collect()
        return store.open_mailbox(info[INFO_ID], view)


async def _tell(session, view, info):
    write = session.conn.write
    box = view.box
    await write(b"* %d EXISTS\r\n" % view.count())
    await write(flags.announcement(view))
    if not session.enabled & capabilities.IMAP4REV2:
        await write(b"* %d RECENT\r\n" % view.recent())
        unseen = await _first_unseen(view)
        if unseen:
            await write(b"* OK [UNSEEN %d] First unseen message\r\n" % view.number_of(unseen))
    await write(b"* OK [UIDVALIDITY %d] UIDs are valid\r\n" % box.uidvalidity)
    await write(b"* OK [UIDNEXT %d] Next UID\r\n" % view.uidnext)
    await write(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % view.known_modseq())
    if capabilities.is_offered(session, b"OBJECTID"):
        await write(b"* OK [MAILBOXID (%s)] Identifier of the mailbox\r\n" % mailbox_object_id(info))


async def _first_unseen(view):
    """Returns the UID of the first message without \\Seen, or 0."""
    box = view.box
    looked = 0
    row = 0
    while row < view.rows():
        if not box.flags(row) & SEEN:
            return box.uid(row)
        row += 1
        looked += 1
        if looked % YIELD_EVERY == 0:
            uid = box.uid(row - 1)
            await asyncio.sleep_ms(0)
            row = box.lower_bound(uid + 1)
    return 0


async def close(session, command):
    """Expunges without telling, then leaves (RFC 3501 6.4.2)."""
    command.arguments.end()
    try:
        if not session.view.read_only:
            # No HIGHESTMODSEQ here: what others have done to the mailbox has not been told.
            await expunge_deleted(session, sequence.everything(), False)
    finally:
        # Also when it cannot expunge any more: what it has expunged was not told, so no number would be right.
        session.unselect()
    return b"OK CLOSE completed"


async def unselect(session, command):
    command.arguments.end()
    session.unselect()
    return b"OK UNSELECT completed"


async def check(session, command):
    """Everything acknowledged is on flash already (RFC 3501 6.4.1)."""
    command.arguments.end()
    return b"OK CHECK completed"
