"""The walk of a search through the mailbox: one letter at a time, and other sessions get their turns."""

import asyncio

from .. import overlay
from ..net.errors import ServerStopping
from ..store import letter_object_id
from ..store.errors import LetterGone
from .search_match import NO, UNKNOWN, YES, Facts, evaluate

# Letters decided by the table alone, after which other sessions get their turn.
YIELD_EVERY = 32

# Where there is no memory to read a letter, it is tried so many times, with a pause of so many milliseconds: idle work
# of the store takes some for a while, and so does a letter that comes in.
TRIES = 20
PAUSE_MS = 100

# What reads headers, and what reads the texts of letters; leaves first.
HEADER = (
    "mime.transfer",
    "mime.utf8",
    "mime.charsets",
    "mime.casefold",
    "mime.text_search",
    "mime.encoded_words",
    "mime.header_search",
    "date_parser",
    "imap.letter_header",
    "imap.search_text",
    "imap.search_header",
)
BODY = (
    "mime.transfer",
    "mime.utf8",
    "mime.charsets",
    "mime.casefold",
    "mime.text_search",
    "mime.part_text",
    "mime.letter_search",
    "imap.search_text",
    "imap.search_body",
)
TEXT = (
    "mime.transfer",
    "mime.utf8",
    "mime.charsets",
    "mime.casefold",
    "mime.text_search",
    "mime.encoded_words",
    "mime.header_search",
    "mime.part_text",
    "mime.letter_search",
    "imap.search_text",
    "imap.search_body",
)


async def patiently(session, function, argument):
    """Awaits function(argument), which reads a letter, again and again while there is no memory for it.

    Raises MemoryError in the end, and ServerStopping once the connection has been asked to go.
    """
    if session.conn.closing:
        raise ServerStopping
    for _ in range(TRIES - 1):
        try:
            return await function(argument)
        except MemoryError:
            overlay.forget_idle()
        await asyncio.sleep_ms(PAUSE_MS)
    return await function(argument)


class Walk:
    """The letters that match a query, in the order of the mailbox: `with Walk(session, query) as walk:`."""

    def __init__(self, session, query):
        self._session = session
        self._query = query
        self._facts = Facts(session, len(query.content))
        self._uids = session.view.uids(query.pairs())
        self._looked = 0
        self._ids = [node for node in query.content if node[0] == "emailid"]
        # What answers the keys that need the header, and those that need the text; None if there are none.
        self._headers = self._bodies = None
        self._uses = []

    def __enter__(self):
        kinds = [node[0] for node in self._query.content]
        if kinds:
            # It takes much to read letters: what nobody uses at this moment goes.
            overlay.forget_idle()
        try:
            if "header" in kinds or "sent" in kinds:
                self._headers = self._use(HEADER).Headers(self._session, self._query).answer
            if "body" in kinds or "text" in kinds:
                self._bodies = self._use(TEXT if "text" in kinds else BODY).Bodies(self._session, self._query).answer
        except BaseException:
            self._end_uses()
            raise
        return self

    def __exit__(self, kind, error, trace):
        self._end_uses()
        return False

    def _use(self, names):
        use = overlay.use(names)
        module = use.__enter__()
        self._uses.append(use)
        return module

    def _end_uses(self):
        self._headers = self._bodies = None
        while self._uses:
            self._uses.pop().__exit__(None, None, None)

    async def next(self):
        """Returns the UID of the next letter that matches, which is there at this moment; 0 at the end."""
        view = self._session.view
        facts = self._facts
        for uid in self._uids:
            self._looked += 1
            if self._looked % YIELD_EVERY == 0:
                await asyncio.sleep_ms(0)
            row = view.box.index_of(uid)
            if row < 0:
                continue
            facts.take(uid, row)
            answer = evaluate(self._query.root, facts)
            if answer == UNKNOWN:
                answer = await patiently(self._session, self._read, facts)
                await asyncio.sleep_ms(0)
            # A letter that has gone meanwhile has no number any more.
            if answer == YES and view.box.index_of(uid) >= 0:
                return uid
        return 0

    async def _read(self, facts):
        """Reads as much of the letter as is needed to decide. Returns YES or NO."""
        self._session.renew_deadline()
        answer = UNKNOWN
        try:
            for read in (self._answer_ids, self._headers, self._bodies):
                if answer == UNKNOWN and read is not None and facts.find():
                    await read(facts)
                    answer = evaluate(self._query.root, facts) if facts.find() else NO
        except LetterGone:
            return NO
        return answer

    async def _answer_ids(self, facts):
        if not self._ids:
            return
        box = facts.view.box
        reader = self._session.server.store.open_letter(box.letter(facts.row), box.size(facts.row))
        try:
            found = letter_object_id(reader)
        finally:
            reader.close()
        for node in self._ids:
            facts.answers[node[1]] = YES if node[2] == found else NO
