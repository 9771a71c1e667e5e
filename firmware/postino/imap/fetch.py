"""FETCH and UID FETCH (RFC 3501 6.4.5 and 7.4.2). The rarer items are in fetch_extras.py."""

import asyncio
from array import array

from .. import dates, log, overlay
from ..net.errors import ConnectionClosed
from ..store.errors import LetterGone, StoreError
from ..store.flags import SEEN
from . import capabilities, sequence
from .errors import Bad, No
from .letter import Letter
from .sections import Section, read_section, send_section
from .sets import read_saved, read_set

# Sections and rarer items in one FETCH, and names of header fields in all of them together: each takes heap.
MAX_ITEMS = 32
MAX_NAMES = 128
# Letters that only the table is asked about, after which other sessions get their turn.
YIELD_EVERY = 8

UID = 1
FLAGS = 2
INTERNALDATE = 4
SIZE = 8
MODSEQ = 16
ENVELOPE = 32
BODY = 64
BODYSTRUCTURE = 128
# What the table knows.
FIXED = UID | FLAGS | INTERNALDATE | SIZE | MODSEQ

# In the order of the bits above.
ATTRIBUTES = (b"UID", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"MODSEQ", b"ENVELOPE", b"BODY", b"BODYSTRUCTURE")

_EXTRAS = ("imap.fetch_extras",)
_STRUCTURE = (
    "mime.address",
    "mime.envelope",
    "mime.bodystructure",
    "imap.fetch_structure",
)


class Plan:
    """What to fetch of each letter: bits for the fixed items, and the sections and others in the order asked."""

    def __init__(self, session):
        self._session = session
        self.items = 0
        # The module that sends ENVELOPE, BODY and BODYSTRUCTURE, if one of them is asked for.
        self.structure = None
        self.sections = []
        self.extras = []
        # Some section is asked for without PEEK.
        self.sets_seen = False
        # Only letters that have changed after this modification sequence (RFC 7162 3.1.4.1), if it is not None.
        self.since = None
        # Why an item of some letter could not be had.
        self.failed = None

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
            bits = _bits(name, alone)
            self.items |= bits
            if not bits or (bits == MODSEQ and not capabilities.is_offered(self._session, b"CONDSTORE")):
                with overlay.use(_EXTRAS) as extras:
                    extra = extras.read(self._session, name, arguments)
                # Told once, however often it is asked for, as those that the bits stand for.
                if extra.section is not None or not any(other.name == name for other in self.extras):
                    self.extras.append(extra)
                self.sets_seen = self.sets_seen or name == b"BINARY"
        names = sum([len(section.fields or ()) for section in self.sections])
        if len(self.sections) + len(self.extras) > MAX_ITEMS or names > MAX_NAMES:
            raise Bad(b"Too many items")

    def needs_letter(self):
        if self.sections or self.items & (ENVELOPE | BODY | BODYSTRUCTURE):
            return True
        return any(extra.needs_letter for extra in self.extras)

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
    return 0


def _read_items(plan, arguments):
    if arguments.peek() != 40:
        plan.add(arguments, True)
        return
    arguments.open_list()
    first = True
    while not arguments.close_list():
        if not first:
            arguments.space()
        first = False
        plan.add(arguments, False)
    if first:
        raise Bad(b"FETCH of nothing")


def _read_plan(session, command):
    """Returns what is asked for, and whether expunged letters are asked for too (RFC 7162 3.2.6)."""
    arguments = command.arguments
    plan = Plan(session)
    vanished = False
    _read_items(plan, arguments)
    if arguments.peek() == 32:
        arguments.space()
    if not arguments.at_end() and capabilities.is_offered(session, b"CONDSTORE"):
        with overlay.use(("imap.condstore",)) as condstore:
            plan.since, vanished = condstore.read_fetch(session, command)
        # It is told whether asked for or not (RFC 7162 3.1.4.1).
        plan.items |= MODSEQ
    arguments.end()
    if plan.items & MODSEQ:
        session.enabled |= capabilities.CONDSTORE
    if command.uid:
        # The UID is told whether asked for or not (RFC 3501 6.4.8).
        plan.items |= UID
    return plan, vanished


def _read_set(session, command):
    """Returns pairs of UIDs, and whether they were written with `*`, which is the end of the set then."""
    stars = []

    def parts():
        for part in command.arguments.set_parts():
            if b"*" in part and not stars:
                stars.append(True)
            yield part

    pairs = read_saved(session, command.arguments) if command.uid else read_set(session, command.arguments, False)
    if pairs is None:
        pairs = sequence.parse(parts(), session.view.largest_uid())
    return pairs, bool(stars)


async def fetch(session, command):
    view = session.view
    command.arguments.space()
    pairs, to_the_end = _read_set(session, command)
    command.arguments.space()
    plan, vanished = _read_plan(session, command)
    if vanished:
        await _tell_vanished(session, pairs, to_the_end, plan.since)
    # By number, the client is told that some are gone; by UID, they are silently left out (RFC 2180 4.1.2).
    missing = not command.uid and view.has_ghosts_in(pairs)
    with overlay.use(_STRUCTURE if plan.items & (ENVELOPE | BODY | BODYSTRUCTURE) else ()) as structure:
        plan.structure = structure  # type: ignore[attr-defined]
        missing = await _fetch_all(session, command, plan, pairs) or missing
    if plan.failed is not None:
        raise plan.failed
    if missing:
        raise No(b"Some of the messages were expunged by another session", b"EXPUNGEISSUED")
    return b"OK %s completed" % command.verb


async def _fetch_all(session, command, plan, pairs):
    """Sends the response of each letter. Returns True if some are gone of which the client counts the numbers."""
    view = session.view
    missing = False
    for done, uid in enumerate(view.uids(pairs)):
        try:
            if not await _fetch_one(session, plan, uid) and not command.uid:
                missing = True
        except No as error:
            # One letter cannot be shown as it was asked for: the others can.
            plan.failed = error
        if plan.needs_letter() or done % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep_ms(0)
    return missing


async def _tell_vanished(session, pairs, to_the_end, since):
    if to_the_end:
        # "*" stands for the last letter there is; the client means all it may know, and the last ones may be gone.
        pairs = array("I", pairs)
        pairs[len(pairs) - 1] = max(pairs[len(pairs) - 1], session.view.uidnext - 1)
    with overlay.use(("imap.qresync",)) as qresync:
        await qresync.tell_earlier(session, pairs, since)


async def _fetch_one(session, plan, uid):
    """Sends one response. Returns False if the letter is gone."""
    view = session.view
    row = view.box.index_of(uid)
    if row < 0:
        return False
    if plan.since is not None and not view.box.changed_since(row, plan.since):
        return True
    letter = None
    try:
        if plan.needs_letter():
            session.renew_deadline()
            letter = Letter(session.server, view.box, row)
            letter.rev2 = bool(session.enabled & capabilities.IMAP4REV2)
        return await _answer(session, plan, uid, letter)
    except LetterGone:
        return False
    finally:
        if letter is not None:
            letter.close()


async def _answer(session, plan, uid, letter):
    # Read before anything is sent: if it fails, the command fails and the connection stays.
    values = []
    if letter is not None and plan.needs_parts():
        await letter.parts()
    if plan.extras:
        with overlay.use(_EXTRAS) as extras:
            for extra in plan.extras:
                values.append(await extras.value_of(session, letter, uid, extra))
    view = session.view
    if view.keywords_told != len(view.box.keywords):
        # One that another session has made meanwhile.
        await session.tell_keywords()
    row = view.box.index_of(uid)
    if row < 0:
        return False
    items = plan.items
    if plan.sets_seen and _set_seen(view, uid, row):
        # The client is told that the flags changed (RFC 3501 6.4.5, BODY[]).
        items |= FLAGS | (MODSEQ if session.enabled & capabilities.CONDSTORE else 0)
    start = _fixed_items(session, uid, row, items)
    try:
        await session.conn.write(start)
        gap = b" " if items & FIXED else b""
        if letter is not None:
            gap = await _send_items(session.conn, plan, letter, gap)
        if values:
            await _send_extras(session.conn, plan, letter, values, gap)
        await session.conn.write(b")\r\n")
    except ConnectionClosed:
        raise
    except Exception as error:
        # In the middle of a response nothing else can be said any more.
        log.error("imap: a response was cut short: %r", error)
        raise ConnectionClosed
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


def _fixed_items(session, uid, row, items):
    """Returns the beginning of the response. The UID is the first item: Thunderbird needs it there."""
    box = session.view.box
    parts = []
    if items & UID:
        parts.append(b"UID %d" % uid)
    if items & FLAGS:
        parts.append(b"FLAGS (%s)" % session.flags_text(uid, row))
    if items & MODSEQ:
        parts.append(b"MODSEQ (%d)" % box.modseq(row))
    if items & INTERNALDATE:
        parts.append(b'INTERNALDATE "%s"' % dates.imap(box.date(row), session.server.tz_minutes()))
    if items & SIZE:
        parts.append(b"RFC822.SIZE %d" % box.size(row))
    return b"* %d FETCH (%s" % (session.view.number_of(uid), b" ".join(parts))


async def _send_items(conn, plan, letter, gap):
    """Sends ENVELOPE, BODY, BODYSTRUCTURE and the sections. Returns what stands before the next item."""
    if plan.items & ENVELOPE:
        await conn.write(gap + b"ENVELOPE ")
        await plan.structure.send_envelope(conn, letter)
        gap = b" "
    for bit, name in ((BODY, b"BODY "), (BODYSTRUCTURE, b"BODYSTRUCTURE ")):
        if plan.items & bit:
            await conn.write(gap + name)
            await plan.structure.send_structure(conn, letter, bit == BODYSTRUCTURE)
            gap = b" "
    for section in plan.sections:
        await conn.write(gap + section.label + b" ")
        await send_section(letter, conn, section)
        gap = b" "
    return gap


async def _send_extras(conn, plan, letter, values, gap):
    with overlay.use(_EXTRAS) as extras:
        for extra, value in zip(plan.extras, values):
            await conn.write(gap + extra.label + b" ")
            await extras.send(conn, letter, value)
            gap = b" "
