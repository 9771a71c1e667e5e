"""The answer of an extended search: ESEARCH with what RETURN asks for (RFC 4731), and the saved result (RFC 5182).

Nothing is collected but the ranges of a result that is saved: numbers go out as they are found.
"""

from array import array

from . import sequence
from .errors import No
from .search_result import ALL, COUNT, MAX, MIN, SAVE

# Ranges of UIDs in a saved result. One range goes on over letters that were expunged.
MAX_SAVED_RANGES = 256


class ExtendedReply:
    """ESEARCH. ALL goes out range by range; what is known at the end only comes behind it: the order is free.

    found() is awaited for each letter in the order of the mailbox, then end(), or cut() if the search has failed.
    """

    def __init__(self, session, command, options, with_modseq):
        self._session = session
        self._view = session.view
        self._write = session.conn.write
        self._options = options
        self._by_uid = command.uid
        self._tag = command.tag
        self._with_modseq = with_modseq
        self._count = 0
        # Of the first and the last letter found: UID, what is told of it (UID or number), modification sequence.
        self._first = self._last = 0
        self._lowest = self._highest = 0
        self._first_modseq = self._last_modseq = self._highest_modseq = 0
        # The range that ALL is in.
        self._low = self._high = 0
        self._begun = False
        self._in_all = False
        # Ranges of UIDs to save; None when there are too many.
        self._saved = array("I")

    async def found(self, uid):
        """Tells of a letter. True: more are wanted."""
        view = self._view
        if self._with_modseq:
            self._last_modseq = view.box.modseq(view.box.index_of(uid))
            self._highest_modseq = max(self._highest_modseq, self._last_modseq)
        if self._options & SAVE:
            self._save(uid)
        self._last = uid
        self._highest = uid if self._by_uid else view.number_of(uid)
        if not self._count:
            self._first = uid
            self._lowest = self._highest
            self._first_modseq = self._last_modseq
        self._count += 1
        if self._options & ALL:
            await self._tell(self._highest)
        return self._options & ~SAVE != MIN

    async def _tell(self, number):
        if number == self._high + 1 and self._low:
            self._high = number
            return
        await self._tell_range()
        self._low = self._high = number

    async def _tell_range(self):
        if not self._low:
            return
        await self._begin()
        text = b"%d" % self._low if self._low == self._high else b"%d:%d" % (self._low, self._high)
        await self._write((b"," if self._in_all else b" ALL ") + text)
        self._in_all = True

    async def _begin(self):
        if not self._begun:
            self._begun = True
            # The tag is quoted: Outlook needs it so (RFC 4466 2.6.2, quirk 24).
            await self._write(b'* ESEARCH (TAG "%s")%s' % (self._tag, b" UID" if self._by_uid else b""))

    def _chosen(self):
        """True if the result is not all that was found, but its first or last (RFC 4731 3.2, RFC 5182 2.4)."""
        return self._options & (MIN | MAX) and not self._options & (ALL | COUNT)

    def _save(self, uid):
        pairs = self._saved
        if pairs is None or self._chosen():
            return
        box = self._view.box
        try:
            # No letter between the last one and this one: the range goes on.
            if pairs and box.lower_bound(self._last + 1) == box.index_of(uid):
                pairs[len(pairs) - 1] = uid
            elif len(pairs) < 2 * MAX_SAVED_RANGES:
                pairs.append(uid)
                pairs.append(uid)
            else:
                self._saved = None
        except MemoryError:
            self._saved = None

    async def end(self):
        """Ends the line and saves the result. Raises No if it cannot be saved."""
        # With SAVE alone there is no response (RFC 5182 1).
        if self._options != SAVE:
            await self._tell_range()
            await self._begin()
            await self._write(self._numbers() + b"\r\n")
        if self._options & SAVE:
            self._keep()

    def _numbers(self):
        options = self._options
        text = b""
        if options & COUNT:
            text += b" COUNT %d" % self._count
        if not self._count:
            return text
        if options & MIN:
            text += b" MIN %d" % self._lowest
        if options & MAX:
            text += b" MAX %d" % self._highest
        if self._with_modseq:
            text += b" MODSEQ %d" % self._modseq()
        return text

    def _modseq(self):
        if not self._chosen():
            return self._highest_modseq
        first = self._first_modseq if self._options & MIN else 0
        return max(first, self._last_modseq if self._options & MAX else 0)

    def _keep(self):
        if self._chosen() and self._count:
            self._saved = array("I")
            if self._options & MIN:
                self._saved.extend(array("I", (self._first, self._first)))
            if self._options & MAX:
                self._saved.extend(array("I", (self._last, self._last)))
            self._saved = sequence.merge(self._saved)
        self._session.saved_result = self._saved
        if self._saved is None:
            raise No(b"The result has too many ranges to be saved", b"NOTSAVED")

    async def cut(self):
        """The search has failed: what was begun ends here."""
        if self._begun:
            await self._write(b"\r\n")
