"""The messages that APPEND and REPLACE bring: what stands before each, and its way from the socket to flash, unchanged.

RFC 3501 6.3.11 and RFC 3502 6.3.11 for the syntax, RFC 6855 4 for UTF8, RFC 3516 4.4 for literals that may hold NUL.
"""

from .. import date_parser, log
from ..mime.eight_bit import HeaderOctets
from ..mime.incoming import Incoming
from ..store import INFO_ID, Nobody
from ..store.errors import NoSuchMailbox, OverQuota, StoreError, StoreFull
from ..store.space import blocks_of, capacity_of
from . import capabilities, commands, flags, names, wire
from .errors import Bad, CommandError, No

# Messages of one command: the store takes so many in one transaction.
MAX_MESSAGES = 32
# Keywords in one command: a mailbox has no more.
MAX_KEYWORDS = 32

# What a client is told that has a remedy: it can enable it, or its user can have it switched off (docs/imap.md).
_EIGHT_BIT = b"8-bit characters in the header are taken after ENABLE UTF8=ACCEPT only"

# Either brings literals that may hold NUL; IMAP4rev2 alone does not (RFC 9051 appendix B).
_BINARY = (b"BINARY", b"UTF8=ACCEPT")


def read_mailbox(session, arguments):
    """Reads a mailbox name; returns the mailbox, and its name as it is written.

    Raises No with TRYCREATE: the client may make it and try again.
    """
    arguments.space()
    text = arguments.astring()
    name = names.read_text(session, text)
    if arguments.peek() != 32:
        raise Bad(b"Missing argument")
    info = session.server.store.find(session.conn.user, name)
    if info is None:
        raise No(b"There is no mailbox of that name", b"TRYCREATE")
    return info, text


def is_over(line):
    """True if nothing stands behind a message; blanks are forgiven."""
    return len(line) == 1 and not line[0].strip()


def _check(conn, count, header, binary):
    """Looks through the next octets of a message. Raises Bad or No for what it must not have."""
    if not binary and conn.buffer.find(b"\0", conn.start, conn.start + count) >= 0:
        # RFC 3501 9, CHAR8.
        raise Bad(b"A message with NUL needs a binary literal")
    if header is not None and header.found(conn.buffer, conn.start, conn.start + count):
        log.warn("imap: 8-bit header refused: imap_capabilities_off=%s:utf8=accept would take it", conn.user)
        raise No(_EIGHT_BIT, b"CANNOT")


class Upload:
    """The messages of one command, on their way into one mailbox. Ending it by abort() is a must."""

    def __init__(self, session, info, spare=0):
        """`spare`: blocks that become free in the same transaction."""
        self._session = session
        self._info = info
        # Blocks that the messages take, beyond those that become free.
        self._blocks = -spare
        # Keywords in the order in which they are numbered here: the mailbox is not open, and has its own numbers.
        self._keywords = []
        # LetterWriter, mask of system flags, mask of keywords, date.
        self._messages = []

    async def receive(self, arguments, literal):
        """Reads what stands before a message, and the message. Returns the line behind it, a list of chunks.

        `literal` is what announces it at the end of `arguments`.
        """
        session = self._session
        message, utf8 = self._read_options(arguments)
        self._check_size(literal[0])
        self._close_last()
        self._messages.append(message)
        message[0] = session.server.store.new_letter()
        session.reader.unread = None
        if literal[1]:
            await session.conn.write(commands.CONTINUE)
        await self._stream(message[0], literal)
        line = await session.reader.read_line(commands.MAX_LINE)
        session.reader.unread = wire.announcement(wire.tail_of(line))
        if utf8:
            if not line[0].startswith(b")"):
                raise Bad(b"Missing parenthesis after the message")
            line[0] = line[0][1:]
        return line

    def _read_options(self, arguments):
        """Reads flags, date and what announces the literal. Returns (entry of the list of messages, UTF8 or not)."""
        session = self._session
        arguments.space()
        mask = keywords = 0
        if arguments.peek() == 40:
            mask, keywords = self._masks(flags.read_list(arguments))
            arguments.space()
        date = session.server.clock()
        if arguments.peek() == 34:
            try:
                date = date_parser.parse_imap(arguments.string())
            except ValueError:
                raise Bad(b"That is no date-time")
            arguments.space()
        utf8 = arguments.accept_word(b"UTF8")
        if utf8:
            if not session.enabled & capabilities.UTF8_ACCEPT:
                raise Bad(b"UTF8 is not enabled")
            arguments.expect(b"(")
            arguments.expect(b"~")
        if (utf8 or arguments.accept(b"~")) and not any(capabilities.is_offered(session, name) for name in _BINARY):
            raise Bad(b"Binary literals are not taken")
        arguments.announced_literal()
        return [None, mask, keywords, date], utf8

    def _masks(self, flag_names):
        mask = keywords = 0
        for name in flag_names:
            bit = flags.system_bit(name)
            if bit >= 0:
                mask |= bit
            else:
                keywords |= 1 << self._number_of(name)
        return mask, keywords

    def _number_of(self, keyword):
        if len(keyword) > flags.MAX_KEYWORD:
            raise Bad(b"That is no keyword")
        if keyword not in self._keywords:
            if len(self._keywords) >= MAX_KEYWORDS:
                raise No(b"Too many keywords", b"LIMIT")
            self._keywords.append(keyword)
        return self._keywords.index(keyword)

    def _check_size(self, size):
        """What has no room is refused before it is sent (RFC 9208 4.3.1, RFC 7889 4)."""
        store = self._session.server.store
        if size > self._session.server.settings.get("max_message_size"):
            raise No(b"The message is too large", b"TOOBIG")
        if not size:
            # So a client takes an APPEND back (RFC 3502 6.3.11).
            raise No(b"The message is empty")
        if len(self._messages) >= MAX_MESSAGES:
            raise No(b"Too many messages in one command", b"LIMIT")
        self._blocks += blocks_of(size)
        if self._blocks > 0 and not store.has_room_for(self._session.conn.user, capacity_of(self._blocks)):
            raise OverQuota("quota exceeded")
        if size > store.free_bytes():
            raise StoreFull("no room")

    def _close_last(self):
        # A letter that waits for the others needs no open file.
        if self._messages:
            writer, _, _, date = self._messages[len(self._messages) - 1]
            self._session.server.store.finish_letter(writer, self._info[INFO_ID], date)

    def _header_check(self):
        """Returns what looks for 8-bit characters in a header, or None where they are welcome.

        RFC 6855 4: a server that offers UTF8=ACCEPT MUST refuse them until the client has enabled it.
        """
        session = self._session
        if session.enabled & capabilities.UTF8_NAMES or not capabilities.is_offered(session, b"UTF8=ACCEPT"):
            return None
        return HeaderOctets()

    async def _stream(self, writer, literal):
        """Reads the literal into the letter."""
        session = self._session
        conn = session.conn
        timeout = session.server.settings.get("smtp_data_timeout")
        remaining, _, binary = literal
        structure = Incoming()
        header = self._header_check()
        while remaining:
            conn.set_deadline(timeout)
            block = await conn.read_block()
            used = min(len(block), remaining)
            try:
                _check(conn, used, header, binary)
                writer.write(block[:used])
                structure.feed(conn.buffer, conn.start, conn.start + used)
            except (CommandError, StoreError):
                writer.abort()
                session.reader.unread = (remaining, False, binary)
                raise
            conn.consume(used)
            remaining -= used
            session.server.received(used)
        structure.describe(writer)

    def commit(self, operation):
        """Returns operation(store, id of the mailbox, items): it adds the items as Store.append_all() takes them.

        The mailbox is open meanwhile if that is needed for keywords: they are numbered per mailbox.
        """
        store = self._session.server.store
        mailbox = self._info[INFO_ID]
        deaf = box = None
        try:
            if self._keywords:
                deaf = Nobody()
                box = store.open_mailbox(mailbox, deaf)
            bits = [flags.mask_of((name,), box, True) for name in self._keywords]
            items = []
            for writer, mask, keywords, date in self._messages:
                for number, bit in enumerate(bits):
                    if keywords >> number & 1:
                        mask |= bit
                items.append((writer, mask, date))
            return operation(store, mailbox, items)
        except NoSuchMailbox:
            raise No(b"The mailbox is gone", b"TRYCREATE")
        finally:
            if box is not None:
                box.close(deaf)

    def abort(self):
        """Removes what was not committed."""
        for message in self._messages:
            if message[0] is not None:
                message[0].abort()
        self._session.renew_deadline()
