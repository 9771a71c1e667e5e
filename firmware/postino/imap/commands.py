"""Reading commands: lines and literals, within limits, always in step with the client (RFC 3501 2.2, 4.3)."""

from . import wire
from .errors import Bad, Goodbye

# Octets in the lines of one command, before and after login (RFC 2683 3.2.1.5 asks for 8,000).
MAX_LINE_BEFORE_LOGIN = 1024
MAX_LINE = 8192
# Octets in which the tag of a line that is too long is looked for.
MAX_TAG = 64
# Octets in the literals of one command, messages apart; it is also what LITERAL- allows (RFC 7888 5).
MAX_LITERALS = 4096
MAX_LITERALS_BEFORE_LOGIN = 1024
# A message sent unasked that is not wanted is read and thrown away up to this size; beyond, the connection ends.
MAX_DRAIN = 64 * 1024 * 1024
# Literals in one command: no command has more strings that need them.
MAX_LITERAL_COUNT = 64

CONTINUE = b"+ Ready for literal data\r\n"

# Octets of a line that is thrown away in which a literal is looked for: what announces it, and the CR.
_TAIL = wire.MAX_SHORT + 1


class Command:
    """One command: `tag`, `verb` (upper case; UID commands are "UID FETCH" and so on), `arguments` (a parser).

    `message` is what announces the message of APPEND or REPLACE, which is still to be read (wire.announcement).
    """

    # No letter may go before it has ended, though it is one by UID (RFC 7162 3.2.10.2).
    keeps_numbers = False
    # Letters that it has taken out of the mailbox.
    expunged = 0

    def __init__(self, tag, verb, pieces, position, max_depth, message):
        self.tag = tag
        self.verb = verb
        self.uid = verb.startswith(b"UID ")
        self.arguments = wire.Parser(pieces, position, max_depth)
        self.message = message


def _split(line):
    """Returns (tag, verb, offset of what follows the verb). Raises Bad; `tag` is None if there is none to answer."""
    tag, _, rest = line.partition(b" ")
    # What fills the first chunk of a line may be the beginning of a longer one.
    if len(tag) >= wire.CHUNK or not wire.is_tag(tag):
        return None, b"", 0
    verb = rest.partition(b" ")[0].upper()
    position = len(tag) + 1 + len(verb)
    if verb == b"UID":
        second = rest[4:].partition(b" ")[0].upper()
        verb = b"UID " + second
        position += 1 + len(second)
    return tag, verb, position


def _takes_message(verb):
    return verb == b"APPEND" or verb.endswith(b"REPLACE")


def _is_message(line, verb, position):
    """True if the literal at the end of the first line is the message, False if it is the mailbox name."""
    arguments = line[0][position:].strip()
    if verb != b"APPEND":
        # REPLACE has the message's number before it.
        arguments = arguments.partition(b" ")[2].strip()
    return arguments[:1] != b"{"


def _size(line):
    return sum(len(chunk) for chunk in line)


def _add(chunks, block):
    """Adds octets to a line, filling its last chunk first: a client may send them one by one."""
    start = 0
    while start < len(block):
        room = wire.CHUNK - len(chunks[len(chunks) - 1])
        if not room:
            chunks.append(b"")
            continue
        chunks[len(chunks) - 1] += bytes(block[start : start + room])
        start += room


class Reader:
    """Reads the commands of one connection. `tag` is that of the command being read, as soon as it is known."""

    # What announces a message that nobody has begun to read: before the next command it is thrown away.
    unread = None

    def __init__(self, conn):
        self._conn = conn
        self.tag = None

    async def read(self, logged_in):
        """Returns the next command. Raises Bad (in step again, or `Goodbye` if that cannot be)."""
        self.tag = None
        literal = self.unread
        self.unread = None
        await self.refuse(literal, MAX_DRAIN)
        limit = MAX_LINE if logged_in else MAX_LINE_BEFORE_LOGIN
        line = await self.read_line(limit)
        while line[0].upper() == b"DONE":
            # Some clients end an IDLE that the server has ended already.
            line = await self.read_line(limit)
        tag, verb, position = _split(line[0])
        self.tag = tag
        if tag is None:
            # Whatever literal it announces will be read as commands: there is no telling what this client speaks.
            raise Bad(b"A command begins with a tag")
        pieces, message = await self._read_pieces(line, verb, position, limit, logged_in)
        self.unread = message
        # Before login nothing nests but the list of ID: nobody gets memory for parentheses.
        return Command(tag, verb, pieces, position, wire.MAX_DEPTH if logged_in else 1, message)

    async def _read_pieces(self, line, verb, position, limit, logged_in):
        conn = self._conn
        pieces = [line]
        room = MAX_LITERALS if logged_in else MAX_LITERALS_BEFORE_LOGIN
        limit -= _size(line)
        while True:
            literal = wire.announcement(wire.tail_of(line))
            if literal is None:
                return pieces, None
            if logged_in and _takes_message(verb) and (len(pieces) > 1 or _is_message(line, verb, position)):
                return pieces, literal
            size, synchronising, binary = literal
            too_much = size > room or len(pieces) >= 2 * MAX_LITERAL_COUNT
            if too_much or binary or not (logged_in or verb == b"LOGIN"):
                await self.refuse(literal)
                raise Bad(b"Literal not accepted here, or too large")
            room -= size
            if synchronising:
                await conn.write(CONTINUE)
            pieces.append(await conn.read_exactly(size))
            line = await self.read_line(limit)
            limit -= _size(line)
            pieces.append(line)

    async def read_line(self, limit):
        """Returns a line without its end as a list of chunks. A longer one is thrown away, and Bad raised."""
        conn = self._conn
        chunks = [b""]
        size = 0
        end = -1
        while end < 0:
            block = await conn.read_block()
            end = conn.buffer.find(b"\n", conn.start, conn.end)
            count = len(block) if end < 0 else end - conn.start
            size += count
            # One more for the CR.
            if size > limit + 1:
                await self._throw_away(chunks)
            _add(chunks, block[:count])
            conn.consume(count + 1 if end >= 0 else count)
        if chunks[len(chunks) - 1].endswith(b"\r"):
            chunks[len(chunks) - 1] = chunks[len(chunks) - 1][:-1]
            size -= 1
        if size > limit:
            self.tag = self.tag or _split(chunks[0])[0]
            await self.refuse(wire.announcement(wire.tail_of(chunks)))
            raise Bad(b"Command line too long")
        return chunks

    async def _throw_away(self, chunks):
        """The line is too long already: raises Bad in step behind it, and behind the literal that it may announce."""
        if self.tag is None:
            # The client waits for its reply.
            block = await self._conn.read_block()
            start = chunks[0] + bytes(block[:MAX_TAG])
            # A part of what could be a tag is none.
            self.tag = _split(start)[0] if b" " in start else None
        await self.refuse(wire.announcement(await self._rest_of_line(wire.tail_of(chunks))))
        raise Bad(b"Command line too long")

    async def _rest_of_line(self, tail):
        """Throws the rest of a line away, which began with `tail`. Returns its last octets, without its end."""
        conn = self._conn
        end = -1
        while end < 0:
            block = await conn.read_block()
            end = conn.buffer.find(b"\n", conn.start, conn.end)
            count = len(block) if end < 0 else end - conn.start
            tail = (tail + bytes(block[max(0, count - _TAIL) : count]))[-_TAIL:]
            conn.consume(count + 1 if end >= 0 else count)
        return tail[:-1] if tail.endswith(b"\r") else tail

    async def refuse(self, literal, limit=MAX_LITERALS):
        """Gets in step behind a literal that is not taken: a synchronising one is simply never sent.

        One that is sent unasked is read and thrown away, with the rest of its command. Raises Goodbye if it has more
        octets than `limit`: LITERAL- would not have allowed it (RFC 7888 5). `literal` is what announces it, or None.
        """
        while literal is not None and not literal[1]:
            if literal[0] > limit:
                raise Goodbye(b"The literal cannot be skipped", None if self.tag is None else b"BAD Literal too large")
            literal = await self._drain(literal[0])

    async def _drain(self, size):
        """Throws away `size` octets of a literal and the line behind it. Returns the literal announced there."""
        conn = self._conn
        while size:
            block = await conn.read_block()
            used = min(len(block), size)
            conn.consume(used)
            size -= used
        return wire.announcement(await self._rest_of_line(b""))
