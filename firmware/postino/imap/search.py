"""SEARCH and UID SEARCH (RFC 3501 6.4.4, RFC 9051 6.4.4): the answer goes out as it is found."""

from .. import overlay
from . import search_result
from .errors import Bad
from .search_walk import Walk


async def search(session, command):
    arguments = command.arguments
    arguments.space()
    options = search_result.read_options(session, arguments)
    try:
        # What reads the keys takes memory that reading letters needs.
        with overlay.use(("date_parser", "imap.search_keys")) as keys:
            query = keys.read(session, arguments)
        command.keeps_numbers = query.numbered
        await _search(session, command, options, query)
    except Bad:
        raise
    except Exception:
        # A search whose result was to be saved, and that fails, leaves an empty one (RFC 5182 2.1).
        if options & search_result.SAVE:
            session.saved_result = None
        raise
    return b"OK %s completed" % command.verb


async def _search(session, command, options, query):
    with overlay.use(("imap.search_extended",) if options else ()) as extended:
        if options:
            reply = extended.ExtendedReply(session, command, options, query.modseq)
        else:
            reply = search_result.NumbersReply(session, command, b"SEARCH", query.modseq)
        with Walk(session, query) as walk:
            try:
                uid = await walk.next()
                while uid and await reply.found(uid):
                    uid = await walk.next()
            except Exception:
                await reply.cut()
                raise
        await reply.end()
