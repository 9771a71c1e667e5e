"""APPEND: the message streams from the socket to flash, unchanged (RFC 3501 6.3.11, RFC 4315 3)."""

from .. import dates
from ..mime.incoming import Incoming
from ..net.errors import LineTooLong
from ..store import INFO_ID, Nobody
from ..store.errors import NoSuchMailbox, OverQuota, StoreError, StoreFull
from . import commands, flags, names
from .errors import Bad, Goodbye, No

# A message sent unasked that is not wanted is read and thrown away up to this size; beyond, the connection ends.
MAX_DRAIN = 64 * 1024 * 1024


async def append(session, command):
    if command.message is None:
        raise Bad(b"APPEND needs a message literal")
    size, synchronising = command.message
    try:
        info, flag_names, date = _read_arguments(session, command)
        _check_size(session, size)
        _check_room(session, size)
        writer = session.server.store.new_letter()
    except Exception:
        # Get in step first; then the reason is told.
        await _skip(session, size, synchronising)
        raise
    try:
        if synchronising:
            await session.conn.write(commands.CONTINUE)
        await _receive(session, writer, size)
        uidvalidity, uid = _commit(session, writer, info, flag_names, date)
    finally:
        writer.abort()
        session.renew_deadline()
    return b"OK [APPENDUID %d %d] APPEND completed" % (uidvalidity, uid)


def _read_arguments(session, command):
    """Reads mailbox, flags and date; the literal itself ends the line. Returns (MailboxInfo, flag names, date)."""
    arguments = command.arguments
    arguments.space()
    name = names.read(session, arguments)
    arguments.space()
    flag_names = ()
    if arguments.peek() == 40:
        flag_names = flags.read_list(arguments)
        arguments.space()
    date = session.server.clock()
    if arguments.peek() == 34:
        try:
            date = dates.parse_imap(arguments.string())
        except ValueError:
            raise Bad(b"That is no date-time")
        arguments.space()
    arguments.announced_literal()
    for flag in flag_names:
        flags.system_bit(flag)
    info = session.server.store.find(session.conn.user, name)
    if info is None:
        # The client may make it and try again (RFC 3501 6.3.11).
        raise No(b"There is no mailbox of that name", b"TRYCREATE")
    return info, flag_names, date


def _check_size(session, size):
    if size > session.server.settings.get("max_message_size"):
        raise No(b"The message is too large", b"TOOBIG")
    if not size:
        # An empty message is how a client takes an APPEND back (RFC 3502 6.3.11 says the same).
        raise No(b"The message is empty")


def _check_room(session, size):
    """What has no room is refused before it is sent (RFC 9208 4.1.3, RFC 7889 4)."""
    store = session.server.store
    if not store.has_room_for(session.conn.user, size):
        raise OverQuota("quota exceeded")
    if size > store.free_bytes():
        raise StoreFull("no room")


async def _skip(session, size, synchronising):
    """Gets in step behind a message that is not taken: one that waits for "+" is simply never sent."""
    while not synchronising:
        if size > MAX_DRAIN:
            raise Goodbye(b"The literal cannot be skipped", b"BAD Literal too large")
        session.renew_deadline()
        literal = await session.reader.drain(size)
        if literal is None:
            return
        size, synchronising = literal


async def _receive(session, writer, size):
    """Reads the literal into the letter, and the end of the command behind it."""
    conn = session.conn
    server = session.server
    timeout = server.settings.get("smtp_data_timeout")
    remaining = size
    structure = Incoming()
    while remaining:
        conn.set_deadline(timeout)
        block = await conn.read_block()
        used = min(len(block), remaining)
        try:
            writer.write(block[:used])
            structure.feed(conn.buffer, conn.start, conn.start + used)
        except StoreError:
            writer.abort()
            await _skip(session, remaining, False)
            raise
        conn.consume(used)
        remaining -= used
        server.received(used)
    structure.describe(writer)
    try:
        line = await conn.read_line(commands.MAX_DRAINED_LINE)
    except LineTooLong:
        raise Bad(b"Unexpected arguments after the message")
    if line.strip():
        # MULTIAPPEND (RFC 3502) is not offered; nothing of it is kept.
        await session.reader.refuse_after(line)
        raise Bad(b"Unexpected arguments after the message")


def _commit(session, writer, info, flag_names, date):
    store = session.server.store
    keywords = [name for name in flag_names if flags.system_bit(name) < 0]
    deaf = box = None
    if keywords:
        # Keywords are numbered per mailbox, which has to be open for that.
        deaf = Nobody()
        box = store.open_mailbox(info[INFO_ID], deaf)
    try:
        mask = flags.mask_of(flag_names, box, True)
        return store.append(writer, info[INFO_ID], mask, date)
    except NoSuchMailbox:
        raise No(b"The mailbox is gone", b"TRYCREATE")
    finally:
        if box is not None:
            box.close(deaf)
