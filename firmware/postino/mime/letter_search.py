"""Looking for texts in a whole letter (RFC 3501 6.4.4, BODY and TEXT), decoded.

What counts as the text of a letter is what it is in Dovecot (lib-mail/message-search.c):
- TEXT looks at every header: the letter's, those of its parts, and those of attached letters.
- BODY looks at none of them, not even at that of an attached letter: RFC 9051 6.4.4 says that it matches no fields.
- Both look at the bodies of parts whose type is text or message (a delivery status is one), with the transfer encoding
  and the character set taken off. HTML is searched as it is written. What is in an encoding that is not known is not
  searched, nor are other types, nor what stands before, between and after the parts of a multipart.
- A text is found within one part, and line ends are part of it: a wrapped line is not joined.
- A part that was too broken to be taken apart counts as plain text, as BODYSTRUCTURE says.
"""

from postino.mime.casefold import fold
from postino.mime.fields import VALUE_LIMIT, FieldCollector
from postino.mime.part_table import LEAF, RAW
from postino.mime.part_text import NAMES, PartText


async def search(table, feed, texts, bodies, header_seen=False):
    """Looks for the needles of TEXT keys and of BODY keys (two TextSearch) until all are found.

    `table` is the letter's PartTable; `feed(start, end, sink)` is awaited, and hands octets of the letter to sink(view)
    until that returns False. With `header_seen`, the letter's own header is left out: it was searched before.
    """
    for index in range(table.count):
        if not texts.missing and not bodies.missing:
            return
        texts.restart()
        bodies.restart()
        kind = table.kind(index)
        fields = await _read_header(table, index, feed, texts if index or not header_seen else None)
        part = None
        if kind == RAW:
            part = PartText(None, None)
        elif kind == LEAF:
            part = PartText(fields.get(NAMES[0]), fields.get(NAMES[1]))
        if part is not None and part.kind in (b"text", b"message"):
            await feed(table.body(index), table.end(index), _sink(part, texts, bodies))
            _feed_both(part.finish(), texts, bodies)


async def _read_header(table, index, feed, texts):
    """Searches the header of an entity, and returns its fields that PartText needs."""
    fields = FieldCollector(NAMES, VALUE_LIMIT)
    header = None
    if texts is not None and texts.missing:
        # Only TEXT needs them.
        from postino.mime.header_search import FieldSearch, HeaderTexts

        header = HeaderTexts(FieldSearch((), texts))
    elif table.kind(index) != LEAF:
        return fields

    def sink(view):
        if header is not None:
            header.feed(view)
        return fields.feed(view)

    await feed(table.start(index), table.body(index), sink)
    fields.finish()
    if header is not None:
        header.finish()
    return fields


def _sink(part, texts, bodies):
    return lambda view: _feed_both(part.feed(view), texts, bodies)


def _feed_both(text, texts, bodies):
    """True while a needle is missing."""
    folded = fold(text)
    texts.feed(folded)
    bodies.feed(folded)
    return texts.missing > 0 or bodies.missing > 0
