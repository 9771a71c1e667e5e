"""The keys of a search that need the texts of a letter, decoded: BODY and TEXT (RFC 3501 6.4.4).

Nothing of a letter is held: it streams by in small pieces (mime/letter_search.py).
"""

from ..mime import letter_search
from ..mime.text_search import TextSearch
from .letter import Letter
from .search_match import NO, YES
from .search_text import folded

# Octets handed on at a time: what decoding makes of them must be found in one piece.
PIECE = 96


class Bodies:
    """Answers these keys, letter by letter. Raises Bad for a text that is not in its charset."""

    def __init__(self, session, query):
        self._server = session.server
        self._texts = _needles(query, "text")
        self._bodies = _needles(query, "body")

    async def answer(self, facts):
        """Answers them for a letter. Raises LetterGone, StoreUnavailable."""
        texts = TextSearch([needle for _, needle in self._texts])
        bodies = TextSearch([needle for _, needle in self._bodies])
        letter = Letter(self._server, facts.view.box, facts.row)

        async def feed(start, end, sink):
            await letter.feed(start, end, _in_pieces(sink))

        try:
            await letter_search.search(await letter.parts(), feed, texts, bodies)
        finally:
            letter.close()
        _note(self._texts, texts, facts)
        _note(self._bodies, bodies, facts)


def _needles(query, kind):
    """Returns the slots and the texts to look for of all keys of that kind."""
    return [(node[1], folded(node[2], query.charset)) for node in query.content if node[0] == kind]


def _note(needles, search, facts):
    for number in range(len(needles)):
        facts.answers[needles[number][0]] = YES if search.found[number] else NO


def _in_pieces(sink):
    def feed(view):
        for start in range(0, len(view), PIECE):
            if sink(view[start : start + PIECE]) is False:
                return False
        return True

    return feed
