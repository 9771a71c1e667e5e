"""The text of HTML that streams by, as a preview shows it: no markup, no styles and scripts, entities as characters.

This is no HTML parser. It is made for the first lines of a letter: it never fails, keeps at most TAG_LIMIT octets, and
shows too much rather than too little where the HTML is broken.
"""

from postino.mime import charsets, utf8

# Octets of a tag that are held until its end is there; of a longer one, quotation marks are not understood.
TAG_LIMIT = 512
# Octets looked at of an element's name.
NAME_LIMIT = 16
# Octets between "&" and ";".
ENTITY_LIMIT = 10

# Elements whose content is no text.
_HIDDEN = b" script style title textarea "
# Elements that do not break a word.
_INLINE = (
    b" a abbr acronym b big cite code del dfn em font i ins kbd label mark q s samp small span strike strong sub sup"
    b" tt u var wbr "
)
# Named entities: those of Latin-1 in the order of their code points from 160, then others with their characters.
_LATIN = (
    b" nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute"
    b" micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig"
    b" Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times"
    b" Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave"
    b" eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave"
    b" uacute ucirc uuml yacute thorn yuml "
)
_OTHERS = (
    " amp=& lt=< gt=> quot=\" apos=' OElig=Œ oelig=œ Scaron=Š scaron=š Yuml=Ÿ ndash=– mdash=— lsquo=‘ rsquo=’ sbquo=‚"
    " ldquo=“ rdquo=” bdquo=„ lsaquo=‹ rsaquo=› bull=• hellip=… euro=€ trade=™ zwnj=\u200c zwj=\u200d rarr=→ larr=← "
).encode()
_LETTER = b"abcdefghijklmnopqrstuvwxyz"


class HtmlText:
    """A push parser of UTF-8 octets. `put(octets, quoted)` gets the text, with whether it is in a blockquote."""

    def __init__(self, put):
        self._put = put
        self._carry = b""
        # What ends the part that is being skipped, in lower case; b"" in text.
        self._until = b""
        self._quotes = 0

    def feed(self, octets: bytes):
        self._run(self._carry + octets if self._carry else octets, False)

    def finish(self):
        self._run(self._carry, True)

    def _run(self, data, final):
        at = 0
        while at < len(data):
            if self._until:
                after = self._skip(data, at)
            elif data[at] == 0x3C:
                after = self._markup(data, at, final)
            elif data[at] == 0x26:
                after = self._entity(data, at, final)
            else:
                after = _text_end(data, at)
                self._text(data[at:after])
            if after < 0:
                break
            at = after
        self._carry = data[at:]

    def _text(self, octets):
        self._put(octets, self._quotes > 0)

    def _skip(self, data, at):
        """Skips to what is waited for; -1 if it is not there, but for its beginning perhaps."""
        end = data.lower().find(self._until, at)
        if end < 0:
            keep = len(data) - len(self._until) + 1
            return keep if keep > at else -1
        # The end tag of a hidden element is a tag of its own.
        at = end if self._until.startswith(b"</") else end + len(self._until)
        self._until = b""
        return at

    def _markup(self, data, at, final):
        """At a "<": returns where to go on, or -1 if more is needed."""
        rest = data[at + 1 : at + 4]
        if len(rest) < 3 and not final:
            return -1
        if rest == b"!--":
            self._until = b"-->"
            return at + 4
        first = rest[1:2] if rest.startswith(b"/") else rest[:1]
        if first in (b"!", b"?"):
            self._until = b">"
        elif first and first.lower() in _LETTER:
            return self._tag(data, at, final)
        else:
            self._text(b"<")
        return at + 1

    def _tag(self, data, at, final):
        end = _tag_end(data, at, at + TAG_LIMIT, final)
        if end < 0:
            if len(data) - at < TAG_LIMIT and not final:
                return -1
            self._until = b">"
            end = min(at + TAG_LIMIT, len(data))
        self._element(data[at + 1 : min(end, at + NAME_LIMIT)].lower())
        return end

    def _element(self, tag):
        closing = tag.startswith(b"/")
        words = tag.strip(b"/>").split(b">")[0].split()
        name = words[0] if words else b""
        if name == b"blockquote":
            self._quotes = max(self._quotes - 1, 0) if closing else self._quotes + 1
        if name and _INLINE.find(b" " + name + b" ") < 0:
            self._text(b" ")
        if not closing and name and _HIDDEN.find(b" " + name + b" ") >= 0:
            self._until = b"</" + name

    def _entity(self, data, at, final):
        end = data.find(b";", at, at + ENTITY_LIMIT + 2)
        if end < 0:
            if len(data) - at < ENTITY_LIMIT + 2 and not final:
                return -1
            self._text(b"&")
            return at + 1
        out = _character(data[at + 1 : end])
        self._text(out or b"&")
        return end + 1 if out else at + 1


def _text_end(data, at):
    """Where the text ends that begins at `at`."""
    tag = data.find(b"<", at)
    end = tag if tag >= 0 else len(data)
    entity = data.find(b"&", at, end)
    return entity if entity >= 0 else end


def _tag_end(data, at, limit, final):
    """The offset behind the ">" of the tag at `at`, whose quoted values may hold one; -1 if that is not known yet."""
    while True:
        end = data.find(b">", at, limit)
        if end < 0:
            return -1
        # A quotation mark counts only where a value begins.
        opening = data.find(b"=", at, end)
        if opening < 0:
            return end + 1
        at = opening + 1
        mark = data[at:end].lstrip()[:1]
        if mark == b'"' or mark == b"'":
            close = data.find(mark, data.find(mark, at) + 1, limit)
            if close < 0:
                # Never closed: the tag ends with the first ">".
                return end + 1 if final or limit <= len(data) else -1
            at = close + 1


def _character(name):
    """The octets of an entity, or b"" if it is not known."""
    if name.startswith(b"#"):
        return _numbered(name[1:])
    if not name or b" " in name or b"=" in name:
        return b""
    at = _OTHERS.find(b" " + name + b"=")
    if at >= 0:
        at += len(name) + 2
        return _OTHERS[at : _OTHERS.find(b" ", at)]
    at = _LATIN.find(b" " + name + b" ")
    if at < 0:
        return b""
    out = bytearray()
    utf8.put(out, 160 + _LATIN[:at].count(b" "))
    return bytes(out)


def _numbered(digits):
    base = 10
    if digits[:1] in (b"x", b"X"):
        base = 16
        digits = digits[1:]
    if not digits or digits.lower().strip(b"0123456789abcdef" if base == 16 else b"0123456789"):
        return b""
    code = int(digits, base)
    if code < 0x20:
        return b" "
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        code = 0xFFFD
    if 0x80 <= code < 0xA0:
        # As in HTML of old, this is an octet of windows-1252.
        return charsets.to_text(bytes((code,)), b"windows-1252").encode()
    out = bytearray()
    utf8.put(out, code)
    return bytes(out)
