"""Looking for texts in header fields: all of a header, every occurrence of a name (RFC 3501 6.4.4, HEADER and TEXT).

Values are unfolded as Dovecot does it, so that the tab of a folded line is a blank, and decoded (RFC 2047), while they
stream by: nothing is kept of a field, however long it is.
"""

from postino.mime.casefold import fold
from postino.mime.encoded_words import WordDecoder
from postino.mime.fields import CONTINUATION, FIELD, JUNK, HeaderReader
from postino.mime.text_search import TextSearch


class HeaderTexts(HeaderReader):
    """Tells `fields` of each field of a header.

    `fields.begin(name)`, with the name as it is written, says whether its value is wanted. If so, `fields.text(text)`
    gets the decoded value, in pieces, and then `fields.end()` is called. A line that is no field has an empty name.
    """

    def __init__(self, fields):
        super().__init__()
        self._fields = fields
        # Decodes the value of the field we are in, if it is wanted.
        self._words = None
        # Nothing but blanks came after the colon yet; a line end came that is not followed by anything yet.
        self._blank = False

    def feed(self, buf) -> bool:
        """True while the header goes on."""
        self._push(buf)
        if self.done:
            self._end_field()
        return not self.done

    def finish(self):
        """No more octets will come; needed only where the input may end inside the header."""
        if not self.done:
            self._end()
            self._end_field()

    def _begin(self, kind, line):
        if kind == CONTINUATION:
            if self._words is not None:
                self._put(b" " + line[1:])
            return
        self._end_field()
        if kind == FIELD:
            colon = line.find(b":")
            self._begin_field(line[:colon].rstrip(b" \t"), line[colon + 1 :])
        elif kind == JUNK:
            self._begin_field(b"", line)

    def _begin_field(self, name, value):
        if self._fields.begin(name):
            self._words = WordDecoder()
            self._blank = True
            self._put(value)

    def _more(self, data, start, end):
        if self._words is not None:
            self._put(data[start:end])

    def _put(self, octets):
        octets = octets.replace(b"\r", b"").replace(b"\n", b"")
        if self._blank:
            octets = octets.lstrip(b" \t")
            self._blank = not octets
        text = self._words.feed(octets)
        if text:
            self._fields.text(text)

    def _end_field(self):
        words = self._words
        if words is not None:
            self._words = None
            text = words.finish()
            if text:
                self._fields.text(text)
            self._fields.end()


class FieldSearch:
    """What HeaderTexts tells of: looks for texts in the fields of certain names, and for others in the whole header.

    `keys` is a list of (name in lower case, folded needle); `found` has a 1 for each that was seen in a field of that
    name. An empty needle asks only whether there is such a field. `whole` is a TextSearch, or None; it sees every field
    as "Name: value" and a line end, and lines that are no fields as they stand. In Subject, runs of blanks count as one
    blank.
    """

    def __init__(self, keys, whole=None):
        self._keys = keys
        self._searches = []
        for name, needle in keys:
            self._searches.append(TextSearch((_squeeze(needle, False) if name == b"subject" else needle,)))
        self.found = bytearray(len(keys))
        self._whole = whole
        # Numbers of the keys that look at the field we are in.
        self._here = ()
        self._subject = False
        self._after_blank = False

    def going(self) -> bool:
        """Something may still be found."""
        return min(self.found) == 0 if self.found else False

    def begin(self, name) -> bool:
        lowered = name.lower()
        here = []
        for number, key in enumerate(self._keys):
            if key[0] == lowered and not self.found[number]:
                self._searches[number].restart()
                here.append(number)
        self._here = here
        self._note()
        self._subject = lowered == b"subject"
        self._after_blank = False
        whole = self._whole
        if whole is not None and whole.missing:
            if name:
                whole.feed(lowered.upper() + b": ")
            return True
        return bool(here)

    def text(self, text):
        folded = fold(text)
        if self._whole is not None:
            self._whole.feed(folded)
        if self._subject:
            folded = _squeeze(folded, self._after_blank)
            self._after_blank = folded.endswith(b" ") or (self._after_blank and not folded)
        for number in self._here:
            self._searches[number].feed(folded)
        self._note()

    def end(self):
        if self._whole is not None:
            self._whole.feed(b"\r\n")

    def _note(self):
        for number in self._here:
            if not self._searches[number].missing:
                self.found[number] = 1


def _squeeze(folded, after_blank):
    """Makes one blank of each run of them; none at the beginning, where one went before."""
    folded = folded.replace(b"\t", b" ")
    while folded.find(b"  ") >= 0:
        folded = folded.replace(b"  ", b" ")
    return folded[1:] if after_blank and folded.startswith(b" ") else folded
