"""The keys of a search that need the header of a letter: fields, and the day of sending (RFC 3501 6.4.4)."""

from .. import date_parser
from ..mime.fields import FieldCollector
from ..mime.header_search import FieldSearch, HeaderTexts
from . import letter_header
from .search_match import NO, YES
from .search_text import folded

_DATE = (b"date",)


class Headers:
    """Answers these keys, letter by letter. Raises Bad for a text that is not in its charset."""

    def __init__(self, session, query):
        self._session = session
        self._sent = [node for node in query.content if node[0] == "sent"]
        nodes = [node for node in query.content if node[0] == "header"]
        self._slots = [node[1] for node in nodes]
        self._keys = [(node[2], folded(node[3], query.charset)) for node in nodes]

    async def answer(self, facts):
        """Answers them for a letter. Raises LetterGone, StoreUnavailable."""
        fields = FieldSearch(self._keys)
        header = HeaderTexts(fields)
        date = FieldCollector(_DATE) if self._sent else None

        def sink(view):
            if date is not None:
                date.feed(view)
            # Nothing more is read once all has been found; the last of several dates counts.
            return header.feed(view) and (date is not None or fields.going())

        await letter_header.feed(self._session, facts.view.box, facts.row, sink)
        header.finish()
        for number in range(len(self._slots)):
            facts.answers[self._slots[number]] = YES if fields.found[number] else NO
        if date is not None:
            date.finish()
            # A letter without a date that can be read counts as sent on the first day of all, as it is in Dovecot.
            day = date_parser.parse_rfc5322_day(date.get(b"date") or b"") or 0
            for node in self._sent:
                facts.answers[node[1]] = YES if node[2] <= day < node[3] else NO
