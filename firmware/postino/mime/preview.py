"""The preview of a letter (RFC 8970): the beginning of its text in one line.

It comes from the first part that is plain text or HTML and no attachment; of the parts of a multipart/alternative, from
the plain one if there is one. Attached letters are not looked into. Where there is no such part, another one of type
text will do. What is quoted is left out if there is anything else.
"""

from postino.mime import parameters
from postino.mime.html_text import HtmlText
from postino.mime.part_table import GLOBAL, LEAF, MESSAGE, MULTIPART
from postino.mime.part_text import PartText

# Characters of a preview (RFC 8970 3.2: 200, and never more than 256).
PREVIEW_LIMIT = 200
# Octets of a part that are read for it: HTML letters may have long style sheets.
READ_LIMIT = 65536

# The fields of a part's header that find_part needs, and those that Preview needs.
NAMES = (b"content-type", b"content-transfer-encoding", b"content-disposition")


async def find_part(table, header_of):
    """The part of a letter that a preview is made of: (its index, a FieldCollector with its header), or None.

    `table` is the letter's PartTable; `header_of(index)` is awaited for a FieldCollector over NAMES, fed with that
    entity's header.
    """
    second = third = None
    # The outermost multipart/alternative that we are in, or -1.
    alternative = -1
    for index in range(table.count):
        if alternative >= 0 and not _is_inside(table, index, alternative):
            if second is not None:
                return second
            alternative = -1
        kind = table.kind(index)
        if kind not in (LEAF, MULTIPART) or _is_attached(table, index):
            continue
        header = await header_of(index)
        main, subtype, _ = parameters.content_type(header.get(b"content-type"))
        subtype = subtype.lower()
        if kind == MULTIPART:
            if alternative < 0 and subtype == b"alternative":
                alternative = index
        elif main.lower() == b"text":
            if subtype not in (b"plain", b"html") or _is_attachment(header):
                third = third or (index, header)
            elif alternative < 0 or subtype == b"plain":
                return index, header
            else:
                second = second or (index, header)
    return second or third


def _is_inside(table, index, around):
    while index > around:
        index = table.parent(index)
    return index == around


def _is_attached(table, index):
    """This belongs to a letter inside the letter."""
    while index >= 0 and table.kind(index) not in (MESSAGE, GLOBAL):
        index = table.parent(index)
    return index >= 0


def _is_attachment(header):
    value = header.get(b"content-disposition")
    return value is not None and parameters.parse(value)[0].lower() == b"attachment"


class Preview:
    """A push parser over the body of that part; `content_type` and `encoding` are its fields' values, or None."""

    def __init__(self, content_type, encoding, limit=PREVIEW_LIMIT):
        self._part = PartText(content_type, encoding)
        self._text = _Excerpt(limit)
        self._quoted = _Excerpt(limit)
        self._lines = HtmlText(self._put) if self._part.subtype == b"html" else _PlainText(self._put)
        self._room = READ_LIMIT

    def feed(self, view) -> bool:
        """True while more octets are wanted."""
        view = view[: self._room]
        self._room -= len(view)
        self._lines.feed(self._part.feed(view).encode())
        return self._room > 0 and not self._text.full

    def finish(self) -> str:
        """The preview; empty if there is nothing to show."""
        if not self._text.full:
            self._lines.feed(self._part.finish().encode())
            self._lines.finish()
        return self._text.get() or self._quoted.get()

    def _put(self, octets, quoted):
        (self._quoted if quoted else self._text).add(octets)


class _PlainText:
    """Tells quoted lines, which begin with ">", from others; the same interface as HtmlText."""

    def __init__(self, put):
        self._put = put
        # A line begins here.
        self._fresh = True
        self._quoted = False
        # Nothing but the marks of a quoted line was seen of it.
        self._marks = False

    def feed(self, octets):
        at = 0
        while at < len(octets):
            end = octets.find(b"\n", at) + 1 or len(octets)
            line = octets[at:end]
            if self._fresh:
                self._quoted = self._marks = line[0] == 0x3E
            if self._marks:
                line = line.lstrip(b"> ")
                self._marks = not line
            self._put(line, self._quoted)
            self._fresh = octets[end - 1] == 0x0A
            at = end

    def finish(self):
        pass


class _Excerpt:
    """Keeps the first characters of a text, with one blank for each run of blanks."""

    def __init__(self, limit):
        self._limit = limit
        self._kept = bytearray()
        # A blank comes before the next word.
        self._blank = False
        self.full = False

    def add(self, octets):
        if self.full or not octets:
            return
        octets = octets.replace(b"\xc2\xa0", b" ").replace(b"\xef\xbb\xbf", b"")
        words = b" ".join(octets.split())
        if words:
            if self._kept and (self._blank or not octets.startswith(words[:1])):
                self._kept.extend(b" ")
            self._kept.extend(words)
            self._blank = not octets.endswith(words[-1:])
            self.full = len(self._kept) >= self._limit and len(bytes(self._kept).decode()) >= self._limit
        elif octets:
            self._blank = True

    def get(self):
        """The text; control characters have become blanks."""
        for at, octet in enumerate(self._kept):
            if octet < 0x20 or octet == 0x7F:
                self._kept[at] = 0x20
        text = b" ".join(bytes(self._kept).split()).decode()
        return text[: self._limit].rstrip()
