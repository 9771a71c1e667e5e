"""SEARCH and UID SEARCH (RFC 3501 6.4.4): one letter at a time, the answer streamed as it is found."""

import asyncio
from array import array

from .. import dates
from ..mime import encoded_words
from ..mime.search import Searcher
from ..store.errors import LetterGone
from . import search_keys as keys
from .errors import No
from .sections import Letter
from .sequence import MAX_NUMBER

# Letters decided by the table alone, after which other sessions get their turn.
YIELD_EVERY = 64


async def search(session, command):
    view = session.view
    arguments = command.arguments
    arguments.space()
    _read_charset(arguments)
    query = keys.Query(view)
    query.read(arguments)
    write = session.conn.write
    await write(b"* SEARCH")
    try:
        await _run(session, query, command.uid)
    finally:
        # Whatever happens, the line ends.
        await write(b"\r\n")
    return b"OK %s completed" % command.verb


def _read_charset(arguments):
    if not arguments.accept_word(b"CHARSET"):
        return
    if arguments.astring().upper() not in (b"US-ASCII", b"ASCII", b"UTF-8", b"UTF8"):
        raise No(b"That charset is not known", b"BADCHARSET (US-ASCII UTF-8)")
    arguments.space()


async def _run(session, query, by_uid):
    view = session.view
    facts = keys.Facts(len(query.content))
    fields = query.fields()
    zone = session.server.tz_minutes()
    for done, uid in enumerate(view.uids(array("I", (1, MAX_NUMBER)))):
        if done % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep_ms(0)
        row = view.box.index_of(uid)
        if row < 0:
            continue
        facts.take(view, row, zone)
        answer = keys.evaluate(query.root, facts)
        if answer == keys.UNKNOWN:
            answer = await _read_letter(session, query, facts, fields, row)
            await asyncio.sleep_ms(0)
        # A letter that has gone meanwhile has no number any more.
        if answer == keys.YES and view.box.index_of(uid) >= 0:
            await session.conn.write(b" %d" % (uid if by_uid else view.number_of(uid)))


async def _read_letter(session, query, facts, fields, row):
    """Answers content keys until the search is decided. A letter that is gone does not match."""
    session.renew_deadline()
    try:
        letter = Letter(session.server, session.view.box, row)
    except LetterGone:
        return keys.NO
    try:
        header = await letter.collect(0, letter.size, fields)
        _answer_header(query, facts, header)
        answer = keys.evaluate(query.root, facts)
        if answer != keys.UNKNOWN:
            return answer
        await _answer_bodies(query, facts, letter, header.header_length)
        return keys.evaluate(query.root, facts)
    finally:
        letter.close()


def _answer_header(query, facts, header):
    for node in query.content:
        kind, slot = node[0], node[1]
        if kind == "header":
            value = header.get(node[2])
            # An empty text asks only whether there is such a field (RFC 3501 6.4.4, HEADER).
            facts.answers[slot] = keys.YES if value is not None and _contains(value, node[3]) else keys.NO
        elif kind == "sent":
            day = _sent_day(header.get(b"date"))
            facts.answers[slot] = keys.YES if day is not None and node[2] <= day < node[3] else keys.NO
        elif kind == "text":
            needle = node[2].decode()
            for name in keys.TEXT_FIELDS:
                if _contains(header.get(name) or b"", needle):
                    facts.answers[slot] = keys.YES


def _contains(value, needle):
    return needle in encoded_words.decode(value).lower()


def _sent_day(value):
    """Returns the day written in a Date field, whatever its time and zone (RFC 3501 6.4.4, SENTON), or None."""
    return dates.parse_rfc5322_day(value) if value else None


async def _answer_bodies(query, facts, letter, header_length):
    """Looks for all the texts that are still open in one pass over the letter."""
    in_text = []
    in_body = []
    for node in query.content:
        if node[0] in ("body", "text") and facts.answers[node[1]] == keys.UNKNOWN:
            (in_body if node[0] == "body" else in_text).append((node[1], Searcher(node[2])))
    if in_text:
        await letter.feed(0, header_length, _feeder(in_text))
    searchers = in_text + in_body
    await letter.feed(header_length, letter.size, _feeder(searchers))
    for slot, searcher in searchers:
        facts.answers[slot] = keys.YES if searcher.found else keys.NO


def _feeder(searchers):
    def feed(view):
        going = False
        for _, searcher in searchers:
            if not searcher.found:
                searcher.feed(view)
                going = True
        return going

    return feed
