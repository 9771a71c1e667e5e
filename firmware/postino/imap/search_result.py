"""What a search is to answer, by RETURN (RFC 4731), and the answer of IMAP4rev1: SEARCH or SORT."""

from .capabilities import IMAP4REV2, is_offered
from .errors import Bad

# What RETURN asks for, as bits in the order of the names.
MIN = 1
MAX = 2
ALL = 4
COUNT = 8
SAVE = 16
_OPTIONS = (b"MIN", b"MAX", b"ALL", b"COUNT", b"SAVE")


def read_options(session, arguments):
    """Reads RETURN (...) if it comes next; returns its bits, 0 for the SEARCH response of IMAP4rev1. Raises Bad."""
    if not is_offered(session, b"ESEARCH") or not arguments.accept_word(b"RETURN"):
        # IMAP4rev2 knows no SEARCH response (RFC 9051 6.4.4).
        return ALL if session.enabled & IMAP4REV2 else 0
    options = 0
    first = True
    arguments.open_list()
    while not arguments.close_list():
        if not first:
            arguments.space()
        first = False
        name = arguments.atom().upper()
        if name not in _OPTIONS or (name == b"SAVE" and not is_offered(session, b"SEARCHRES")):
            raise Bad(b"Unknown RETURN option")
        options |= 1 << _OPTIONS.index(name)
    arguments.space()
    # No option at all means ALL (RFC 4731 3.1).
    return options or ALL


class NumbersReply:
    """The untagged SEARCH or SORT: numbers in the order in which they come, then the highest modification sequence.

    found() is awaited for each letter, then end(), or cut() if the search has failed.
    """

    def __init__(self, session, command, word, with_modseq):
        self._view = session.view
        self._write = session.conn.write
        self._by_uid = command.uid
        self._word = word
        self._with_modseq = with_modseq
        self._modseq = 0
        self._begun = False

    async def found(self, uid):
        """Tells of a letter. True: more are wanted."""
        view = self._view
        # Before anything is written: while that waits, the letter may go.
        number = uid if self._by_uid else view.number_of(uid)
        if self._with_modseq:
            self._modseq = max(self._modseq, view.box.modseq(view.box.index_of(uid)))
        await self._begin()
        await self._write(b" %d" % number)
        return True

    async def _begin(self):
        if not self._begun:
            self._begun = True
            await self._write(b"* " + self._word)

    async def end(self):
        await self._begin()
        # Left out if nothing was found (RFC 7162 3.1.6).
        await self._write(b" (MODSEQ %d)\r\n" % self._modseq if self._modseq else b"\r\n")

    async def cut(self):
        """The search has failed: what was begun ends here."""
        if self._begun:
            await self._write(b"\r\n")
