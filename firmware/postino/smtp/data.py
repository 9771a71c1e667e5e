"""DATA: a letter streams from the socket to flash, block by block, and is acknowledged when it is durable."""

from .. import dates, log
from ..mime.incoming import Incoming
from ..store import StoreError, StoreFull
from . import replies, trace
from .dot_reader import DotReader


class _Sink:
    """Takes the letter's octets from the dot reader. After a failure it takes and drops the rest.

    Nothing is raised from here that the session survives: the data has to be read to its end in any case, or the
    letter's own lines would be taken for commands.
    """

    def __init__(self, writer, limit):
        self._writer = writer
        self._limit = limit
        self._received = trace.ReceivedCounter()
        self._structure = Incoming()
        self.reader = DotReader(self.take)
        self.size = 0
        self.failure = None

    def take(self, buffer, start, end):
        self.size += end - start
        if self.failure:
            return
        if self.size > self._limit:
            self.fail(replies.TOO_BIG)
            return
        if not self._received.done:
            self._received.feed(buffer, start, end)
            if self._received.count > trace.MOST_RECEIVED:
                self.fail(replies.MAIL_LOOP)
                return
        self.write(buffer, start, end)

    def write(self, buffer, start, end):
        try:
            self._writer.write(memoryview(buffer)[start:end])
            self._structure.feed(buffer, start, end, self.reader.lines)
        except StoreFull:
            self.fail(replies.NO_ROOM)
        except StoreError as error:
            log.error("smtp: store: %s", error)
            self.fail(replies.STORE_TROUBLE)

    def fail(self, reply):
        # The flash that the letter has taken is given back at once, not when its rest has been read.
        self.failure = reply
        self._structure.drop()
        self._writer.abort()

    def describe(self):
        """The letter is complete."""
        self._structure.describe(self._writer)


async def data(session, argument):
    """DATA (RFC 5321 section 4.1.1.4)"""
    transaction = session.transaction
    if argument:
        return replies.BAD_ARGUMENT
    if transaction is None:
        return replies.MAIL_FIRST
    if session.conn.pending():
        # RFC 2920 section 3.1: DATA is the last of its group.
        session.over = True
        return replies.DATA_TOO_EARLY
    if not transaction.users:
        return replies.NO_VALID_RECIPIENTS if transaction.refused else replies.RECIPIENT_FIRST
    # Whatever comes of it, the envelope is used up.
    session.transaction = None
    writer = None
    try:
        writer = session.server.store.new_letter()
        return await _receive(session, transaction, writer)
    except StoreError as error:
        return _store_reply(error)
    finally:
        if writer is not None:
            # No effect after delivery.
            writer.abort()


async def _receive(session, transaction, writer):
    server = session.server
    sink = _Sink(writer, server.settings.get("max_message_size"))
    fields = _trace_fields(session, transaction)
    sink.write(fields, 0, len(fields))
    if sink.failure:
        return sink.failure
    await session.conn.write(replies.SEND_DATA)
    await session.conn.flush()
    await _read_letter(session.conn, server, sink.reader)
    if not sink.failure:
        sink.describe()
        # Durable when it returns: 250 means on flash.
        server.store.deliver(writer, transaction.users, server.clock())
        server.delivered()
    log.info(
        "smtp %s: letter from <%s> to %s, %d octets: %s",
        session.conn.peer,
        transaction.sender,
        ", ".join(transaction.users),
        sink.size,
        (sink.failure or replies.DELIVERED)[:-2],
    )
    return sink.failure or replies.DELIVERED


async def _read_letter(conn, server, reader):
    timeout = server.settings.get("smtp_data_timeout")
    while not reader.done:
        # RFC 5321 section 4.5.3.2.5: the deadline is for each block. Waiting for one lets other sessions run.
        conn.set_deadline(timeout)
        await conn.read_block()
        used = reader.feed(conn.buffer, conn.start, conn.end)
        conn.consume(used)
        server.received(used)


def _trace_fields(session, transaction):
    server = session.server
    protocol = b"SMTP"
    if session.extended:
        # RFC 3848
        protocol = b"ESMTPA" if session.user else b"ESMTP"
    return trace.fields(
        transaction.sender,
        session.helo,
        session.conn.peer,
        server.settings.get("hostname").encode(),
        protocol,
        transaction.recipient,
        # While the clock is unset this says 1970, which is plainly no date: better than one that looks right.
        dates.rfc5322(server.clock(), server.tz_minutes()),
    )


def _store_reply(error):
    if isinstance(error, StoreFull):
        return replies.NO_ROOM
    log.error("smtp: store: %s", error)
    return replies.STORE_TROUBLE
