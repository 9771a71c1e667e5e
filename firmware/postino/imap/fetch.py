"""FETCH and UID FETCH (RFC 3501 6.4.5 and 7.4.2)."""

import asyncio

from .. import dates, log
from ..mime import bodystructure, envelope
from ..net.errors import ConnectionClosed
from ..store.errors import LetterGone, StoreError
from ..store.flags import SEEN
from . import flags
from .errors import Bad, No
from .sections import Letter, Section, read_section
from .sets import read_set

# Items in one FETCH.
MAX_ITEMS = 64
# Letters that only the table is asked about, after which other sessions get their turn.
YIELD_EVERY = 8

UID = 1
FLAGS = 2
INTERNALDATE = 4
SIZE = 8
ENVELOPE = 16
BODY = 32
BODYSTRUCTURE = 64

# In the order of the bits above.
ATTRIBUTES = (b"UID", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY", b"BODYSTRUCTURE")


class Plan:
    """What to fetch of each letter: bits for the fixed items, and the sections in the order asked."""

    def __init__(self):
        self.items = 0
        self.sections = []
        # Some section is asked for without PEEK.
        self.sets_seen = False

    def add(self, arguments, alone):
        """Reads one item."""
        name = arguments.attribute()
        if name in (b"BODY", b"BODY.PEEK") and arguments.accept(b"["):
            self.sections.append(read_section(arguments))
            self.sets_seen = self.sets_seen or name == b"BODY"
        elif name in (b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT"):
            self.sections.append(Section(name, (), name[7:]))
            self.sets_seen = self.sets_seen or name != b"RFC822.HEADER"
        else:
            self.items |= _bits(name, alone)
        if len(self.sections) > MAX_ITEMS:
            raise Bad(b"Too many items")

    def needs_letter(self):
        return bool(self.sections or self.items & (ENVELOPE | BODY | BODYSTRUCTURE))

    def needs_parts(self):
        if self.items & (BODY | BODYSTRUCTURE):
            return True
        return any(section.path for section in self.sections)


def _bits(name, alone):
    if name in ATTRIBUTES:
        return 1 << ATTRIBUTES.index(name)
    # Macros stand alone (RFC 3501 6.4.5).
    if alone and name == b"FAST":
        return FLAGS | INTERNALDATE | SIZE
    if alone and name in (b"ALL", b"FULL"):
        return FLAGS | INTERNALDATE | SIZE | ENVELOPE | (BODY if name == b"FULL" else 0)
    raise Bad(b"Unknown FETCH item")


def _read_plan(arguments):
    plan = Plan()
    if arguments.peek() != 40:
        plan.add(arguments, True)
        return plan
    arguments.open_list()
    first = True
    while not arguments.close_list():
        if not first:
            arguments.space()
        first = False
        plan.add(arguments, False)
    if first:
        raise Bad(b"FETCH of nothing")
    return plan


async def fetch(session, command):
    view = session.view
    arguments = command.arguments
    arguments.space()
    pairs = read_set(session, arguments, command.uid)
    arguments.space()
    plan = _read_plan(arguments)
    arguments.end()
    if command.uid:
        # The UID is told whether asked for or not (RFC 3501 6.4.8).
        plan.items |= UID
    # By number, the client is told that some are gone; by UID, they are silently left out (RFC 2180 4.1.2).
    missing = not command.uid and view.has_ghosts_in(pairs)
    for done, uid in enumerate(view.uids(pairs)):
        if not await _fetch_one(session, plan, uid) and not command.uid:
            missing = True
        if plan.needs_letter() or done % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep_ms(0)
    if missing:
        raise No(b"Some of the messages were expunged by another session", b"EXPUNGEISSUED")
    return b"OK %s completed" % command.verb


async def _fetch_one(session, plan, uid):
    """Sends one response. Returns False if the letter is gone."""
    view = session.view
    row = view.box.index_of(uid)
    if row < 0:
        return False
    if not plan.needs_letter():
        await _send(session, plan, uid, row, plan.items, None)
        return True
    session.renew_deadline()
    try:
        letter = Letter(session.server, view.box, row)
    except LetterGone:
        return False
    try:
        if plan.needs_parts():
            # Read before anything is sent: if it fails, the command fails and the connection stays.
            await letter.parts()
        row = view.box.index_of(uid)
        if row < 0:
            return False
        items = plan.items
        if plan.sets_seen and _set_seen(view, uid, row):
            # The client is told that the flags changed (RFC 3501 6.4.5, BODY[]).
            items |= FLAGS
        await _send(session, plan, uid, row, items, letter)
    finally:
        letter.close()
    return True


def _set_seen(view, uid, row):
    if view.read_only or view.box.flags(row) & SEEN:
        return False
    view.working = True
    try:
        view.box.change_flags((uid,), SEEN, 0, view)
    except StoreError as error:
        # Reading goes on: the storage may be full, or failing.
        log.warn("imap: \\Seen not stored: %s", str(error))
        return False
    finally:
        view.working = False
    return True


async def _send(session, plan, uid, row, items, letter):
    try:
        await session.conn.write(_fixed_items(session, uid, row, items))
        if letter is not None:
            await _send_items(session.conn, plan, letter, items & ~(UID | FLAGS | INTERNALDATE | SIZE) == items)
        await session.conn.write(b")\r\n")
    except ConnectionClosed:
        raise
    except Exception as error:
        # In the middle of a response nothing else can be said any more.
        log.error("imap: a response was cut short: %r", error)
        raise ConnectionClosed


def _fixed_items(session, uid, row, items):
    """Returns the beginning of the response. The UID is the first item: Thunderbird needs it there."""
    view = session.view
    box = view.box
    parts = []
    if items & UID:
        parts.append(b"UID %d" % uid)
    if items & FLAGS:
        parts.append(b"FLAGS (%s)" % flags.text(box.flags(row), box.keywords, view.is_recent(uid)))
    if items & INTERNALDATE:
        parts.append(b'INTERNALDATE "%s"' % dates.imap(box.date(row), session.server.tz_minutes()))
    if items & SIZE:
        parts.append(b"RFC822.SIZE %d" % box.size(row))
    return b"* %d FETCH (%s" % (view.number_of(uid), b" ".join(parts))


async def _send_items(conn, plan, letter, first):
    """Sends ENVELOPE, BODY, BODYSTRUCTURE and the sections; `first` if nothing stands before them."""
    gap = b"" if first else b" "
    if plan.items & ENVELOPE:
        collector = await letter.collect(0, letter.size, envelope.NAMES)
        await conn.write(gap + b"ENVELOPE ")
        for piece in envelope.pieces(collector):
            await conn.write(piece)
        gap = b" "
    for bit, name in ((BODY, b"BODY "), (BODYSTRUCTURE, b"BODYSTRUCTURE ")):
        if plan.items & bit:
            await conn.write(gap + name)
            await _send_structure(conn, letter, bit == BODYSTRUCTURE)
            gap = b" "
    for section in plan.sections:
        await conn.write(gap + section.label + b" ")
        await letter.send_section(conn, section)
        gap = b" "


async def _send_structure(conn, letter, extended):
    table = await letter.parts()

    async def header_of(index):
        return await letter.collect(table.start(index), table.body(index), bodystructure.NAMES)

    await bodystructure.emit(table, header_of, conn.write, extended)
