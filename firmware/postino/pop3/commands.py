"""The commands of the TRANSACTION state (RFC 1939 sections 5 and 7)."""

import asyncio

from ..store import LetterGone
from . import transfer
from .maildrop import Gone

NO_ARGUMENT = b"-ERR No argument allowed\r\n"
_OK = b"+OK\r\n"
_BAD_ARGUMENT = b"-ERR Wrong argument\r\n"
_NO_SUCH_LETTER = b"-ERR No such message\r\n"
_LETTER_GONE = b"-ERR Message has been removed by another session\r\n"

# Digits of a message number or a number of lines; fetchmail says "TOP n 99999999".
_MOST_DIGITS = 10
# Lines of a listing after which other sessions get their turn.
_LINES_PER_TURN = 64


def _number(text):
    """Returns the number that `text` is, or -1."""
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else -1


async def _stat(session, argument):
    if argument:
        return NO_ARGUMENT
    return b"+OK %d %d\r\n" % (session.drop.count, session.drop.octets())


def _size_line(drop, number):
    return b"%d %d\r\n" % (number, drop.size(number))


def _unique_id_line(drop, number):
    return b"%d %s\r\n" % (number, drop.unique_id(number))


async def _listing(session, argument, line):
    """LIST and UIDL: of one letter, or of all that are not marked as deleted. Raises StoreError before "+OK" only."""
    conn, drop = session.conn, session.drop
    if argument:
        number = _number(argument)
        if number < 0:
            return _BAD_ARGUMENT
        return b"+OK " + line(drop, number) if drop.has(number) else _NO_SUCH_LETTER
    await conn.write(b"+OK %d messages (%d octets)\r\n" % (drop.count, drop.octets()))
    for number in range(1, drop.total + 1):
        if drop.has(number):
            await conn.write(transfer.unbroken(line, drop, number))
        if number % _LINES_PER_TURN == 0:
            await asyncio.sleep_ms(0)
    return b".\r\n"


async def _list(session, argument):
    return await _listing(session, argument, _size_line)


async def _uidl(session, argument):
    return await _listing(session, argument, _unique_id_line)


async def _retr(session, argument):
    return await _send(session, argument, None)


async def _top(session, argument):
    number, _, lines = argument.partition(b" ")
    count = _number(lines.strip())
    if count < 0:
        return _BAD_ARGUMENT
    return await _send(session, number, transfer.TopCutter(count))


async def _send(session, argument, cutter):
    number = _number(argument)
    if number < 0:
        return _BAD_ARGUMENT
    if not session.drop.has(number):
        return _NO_SUCH_LETTER
    letter = None
    try:
        try:
            letter = session.drop.open_letter(number)
        except (Gone, LetterGone):
            return _LETTER_GONE
        # The size as it is stored and listed: exact for every letter that came in by SMTP.
        await session.conn.write(b"+OK %d octets\r\n" % letter.size if cutter is None else _OK)
        await transfer.send(session.conn, session.server, letter, cutter)
    finally:
        if letter is not None:
            letter.close()
    return None


async def _dele(session, argument):
    number = _number(argument)
    if number < 0:
        return _BAD_ARGUMENT
    if not session.drop.has(number):
        return _NO_SUCH_LETTER
    session.drop.mark(number)
    return _OK


async def _noop(session, argument):
    return NO_ARGUMENT if argument else _OK


async def _rset(session, argument):
    if argument:
        return NO_ARGUMENT
    session.drop.unmark_all()
    # No sizes: to read them may fail, and the marks are gone.
    return b"+OK %d messages\r\n" % session.drop.count


VERBS = {
    b"STAT": _stat,
    b"LIST": _list,
    b"UIDL": _uidl,
    b"RETR": _retr,
    b"TOP": _top,
    b"DELE": _dele,
    b"NOOP": _noop,
    b"RSET": _rset,
}
