"""Reading commands: lines and literals, within limits, always in step with the client (RFC 3501 2.2, 4.3)."""

from ..net.errors import LineTooLong
from . import wire
from .errors import Bad, Goodbye

# Octets in the lines of one command, before and after login (RFC 2683 3.2.1.5 asks for 8,000).
MAX_LINE_BEFORE_LOGIN = 1024
MAX_LINE = 8192
# Octets in which the tag of a line that is too long is looked for.
MAX_TAG = 64
# Octets in a line behind a literal that is thrown away.
MAX_DRAINED_LINE = 1024
# Octets in the literals of one command, the message of APPEND apart; it is also what LITERAL- allows (RFC 7888 5).
MAX_LITERALS = 4096
MAX_LITERALS_BEFORE_LOGIN = 1024
# Literals in one command: no command has more strings that need them.
MAX_LITERAL_COUNT = 64

CONTINUE = b"+ Ready for literal data\r\n"


class Command:
    """One command: `tag`, `verb` (upper case; UID commands are "UID FETCH" and so on), `arguments` (a parser).

    `message` is (size, synchronising) of an APPEND's message literal, which is still to be read.
    """

    def __init__(self, tag, verb, pieces, position, max_depth, message):
        self.tag = tag
        self.verb = verb
        self.uid = verb.startswith(b"UID ")
        self.arguments = wire.Parser(pieces, position, max_depth)
        self.message = message


def _split(line):
    """Returns (tag, verb, offset of what follows the verb). Raises Bad; `tag` is None if there is none to answer."""
    tag, _, rest = line.partition(b" ")
    if not wire.is_tag(tag):
        return None, b"", 0
    verb = rest.partition(b" ")[0].upper()
    position = len(tag) + 1 + len(verb)
    if verb == b"UID":
        second = rest[4:].partition(b" ")[0].upper()
        verb = b"UID " + second
        position += 1 + len(second)
    return tag, verb, position


def _is_message(line, position):
    """True if the literal at the end of APPEND's first line is the message, False if it is the mailbox name."""
    return line[0][position:].strip()[:1] != b"{"


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

    def __init__(self, conn):
        self._conn = conn
        self.tag = None

    async def read(self, logged_in):
        """Returns the next command. Raises Bad (in step again, or `Goodbye` if that cannot be)."""
        self.tag = None
        limit = MAX_LINE if logged_in else MAX_LINE_BEFORE_LOGIN
        line = await self._read_line(limit)
        while line[0].upper() == b"DONE":
            # Some clients end an IDLE that the server has ended already.
            line = await self._read_line(limit)
        tag, verb, position = _split(line[0])
        self.tag = tag
        if tag is None:
            # Whatever literal it announces will be read as commands: there is no telling what this client speaks.
            raise Bad(b"A command begins with a tag")
        pieces, message = await self._read_pieces(line, verb, position, limit, logged_in)
        # Before login nothing nests but the list of ID: nobody gets memory for parentheses.
        return Command(tag, verb, pieces, position, wire.MAX_DEPTH if logged_in else 1, message)

    async def _read_pieces(self, line, verb, position, limit, logged_in):
        conn = self._conn
        pieces = [line]
        room = MAX_LITERALS if logged_in else MAX_LITERALS_BEFORE_LOGIN
        limit -= _size(line)
        while True:
            literal = wire.literal_of(line)
            if literal is None:
                return pieces, None
            if verb == b"APPEND" and logged_in and (len(pieces) > 1 or _is_message(line, position)):
                return pieces, literal
            size, synchronising = literal
            if size > room or len(pieces) >= 2 * MAX_LITERAL_COUNT or not (logged_in or verb == b"LOGIN"):
                await self.refuse(size, synchronising)
                raise Bad(b"Literal not accepted here, or too large")
            room -= size
            if synchronising:
                await conn.write(CONTINUE)
            pieces.append(await conn.read_exactly(size))
            line = await self._read_line(limit)
            limit -= _size(line)
            pieces.append(line)

    async def _read_line(self, limit):
        """Returns a line without its end as a list of chunks. A longer one is thrown away, and Bad raised."""
        conn = self._conn
        chunks = [b""]
        size = 0
        end = -1
        while end < 0:
            block = await conn.read_block()
            end = conn.buffer.find(b"\n", conn.start, conn.end)
            count = len(block) if end < 0 else end - conn.start
            # One more for the CR.
            if size + count <= limit + 1:
                _add(chunks, block[:count])
            elif size <= limit + 1:
                # Thrown away, but for the tag: the client waits for its reply.
                self.tag = self.tag or _split(chunks[0] + bytes(block[:MAX_TAG]))[0]
                chunks = [b""]
            size += count
            conn.consume(count + 1 if end >= 0 else count)
        if size <= limit + 1 and chunks[len(chunks) - 1].endswith(b"\r"):
            chunks[len(chunks) - 1] = chunks[len(chunks) - 1][:-1]
            size -= 1
        if size > limit:
            raise Bad(b"Command line too long")
        return chunks

    async def refuse(self, size, synchronising):
        """Gets in step behind a literal that is not taken: a synchronising one is simply never sent.

        One that is sent unasked is read and thrown away, with the rest of its command. Raises Goodbye where LITERAL-
        would not have allowed it (RFC 7888 5).
        """
        while not synchronising:
            if size > MAX_LITERALS:
                raise Goodbye(b"The literal cannot be skipped", b"BAD Literal too large")
            literal = await self.drain(size)
            if literal is None:
                return
            size, synchronising = literal

    async def refuse_after(self, line):
        """Gets in step behind a line that ends a command nobody wants."""
        literal = wire.announcement(line)
        if literal is not None:
            await self.refuse(literal[0], literal[1])

    async def drain(self, size):
        """Throws away `size` octets of a literal and the line behind it. Returns the literal announced there."""
        conn = self._conn
        while size:
            block = await conn.read_block()
            used = min(len(block), size)
            conn.consume(used)
            size -= used
        try:
            return wire.announcement(await conn.read_line(MAX_DRAINED_LINE))
        except LineTooLong:
            return None
