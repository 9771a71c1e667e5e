"""The criteria of SORT, and the key that they make of a letter (RFC 5256 3).

Keys are octets that are sorted as they are. No key is the beginning of another: texts end in NUL, numbers have a fixed
length. REVERSE turns the octets of one criterion over.
"""

import asyncio
from array import array

from .. import date_parser, overlay
from ..store.errors import LetterGone
from .errors import Bad
from .search_walk import patiently

# Criteria in one SORT: there are seven, and each of them once is all that makes sense.
MAX_CRITERIA = 7
# Keys made from the table alone, after which other sessions get their turn.
YIELD_EVERY = 32
# Octets of a number, and of a date, which may be before 1970 and after 2106.
_NUMBER = 4
_DATE = 5
_EPOCH = 1 << 38
_LAST = (1 << 40) - 1

_CRITERIA = (b"ARRIVAL", b"CC", b"DATE", b"FROM", b"SIZE", b"SUBJECT", b"TO")
# Those that the mailbox's table knows.
_IN_TABLE = (b"ARRIVAL", b"SIZE")

# What reads letters, leaves first.
LETTERS = (
    "mime.transfer",
    "mime.utf8",
    "mime.charsets",
    "mime.casefold",
    "mime.address",
    "mime.encoded_words",
    "mime.collation",
    "mime.base_subject",
    "imap.letter_header",
    "imap.sort_letter",
)


def read_criteria(arguments):
    """Reads the sort program; returns a tuple of criterion and whether it is reversed. Raises Bad."""
    criteria = []
    arguments.open_list()
    while not arguments.close_list():
        if criteria:
            arguments.space()
        name = arguments.atom().upper()
        backwards = name == b"REVERSE"
        if backwards:
            arguments.space()
            name = arguments.atom().upper()
        if name not in _CRITERIA:
            raise Bad(b"Unknown sort criterion")
        criteria.append((name, backwards))
        if len(criteria) > MAX_CRITERIA:
            raise Bad(b"Too many sort criteria")
    if not criteria:
        raise Bad(b"No sort criteria")
    return tuple(criteria)


def _fields(criteria):
    """Returns the header fields that criteria need."""
    return tuple([name.lower() for name, _ in criteria if name not in _IN_TABLE])


def use_letters(criteria):
    """`with use_letters(criteria) as module:` the module that reads letters, or None if no criterion needs one."""
    if not _fields(criteria):
        return overlay.use(())
    # What nobody uses at this moment goes, as in a search.
    overlay.forget_idle()
    return overlay.use(LETTERS)


class Keys:
    """Makes the keys of letters. `module` is what use_letters() gives."""

    def __init__(self, session, criteria, module):
        self._session = session
        self._view = session.view
        self._criteria = criteria
        self._module = module
        self._names = _fields(criteria)
        self._made = 0

    def uid_of(self, number):
        """Returns the UID of the letter of that number, 0 if it is gone."""
        view = self._view
        pairs = view.uids_of_numbers(array("I", (number, number)))
        return pairs[0] if pairs and view.box.index_of(pairs[0]) >= 0 else 0

    async def key_of(self, number):
        """Returns the key of the letter of that number, or None if it is gone. May raise StoreUnavailable."""
        return await patiently(self._session, self._read_key, number)

    async def _read_key(self, number):
        uid = self.uid_of(number)
        if not uid:
            return None
        box = self._view.box
        fields = None
        self._made += 1
        if self._names:
            try:
                fields = await self._module.read(self._session, box, box.index_of(uid), self._names)
            except LetterGone:
                return None
        if self._names or self._made % YIELD_EVERY == 0:
            await asyncio.sleep_ms(0)
        row = box.index_of(uid)
        if row < 0:
            return None
        return b"".join([self._part(name, backwards, row, fields) for name, backwards in self._criteria])

    def _part(self, name, backwards, row, fields):
        box = self._view.box
        if name == b"SIZE" or name == b"ARRIVAL":
            octets = (box.size(row) if name == b"SIZE" else box.date(row)).to_bytes(_NUMBER, "big")
        elif name == b"DATE":
            seconds = date_parser.parse_rfc5322(fields.get(b"date") or b"")
            # Without a date that can be read, that of the arrival counts (RFC 5256 2.2).
            seconds = box.date(row) if seconds is None else seconds
            octets = min(max(seconds + _EPOCH, 0), _LAST).to_bytes(_DATE, "big")
        else:
            octets = self._module.text_key(name, fields.get(name.lower()))
        return bytes([0xFF - octet for octet in octets]) if backwards else octets
