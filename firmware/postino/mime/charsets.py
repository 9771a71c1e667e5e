"""Octets of a character set as text, while they stream by.

UTF-8, the sets of one octet a character, UTF-16 and UTF-7 are known; the large sets of East Asia are not. A converter
takes octets in any pieces: feed() returns text, finish() what was held back. Names are those of the IANA registry with
the spellings that mail has.
"""

from array import array

from postino.mime import utf8

# Octets looked at in one go where some of them are not ASCII.
RUN = 16

# What the octets 128 to 159 mean in windows-1252, which is also what most iso-8859-1 mail really is.
_WINDOWS = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ"
# Where iso-8859-15 differs from iso-8859-1: octet, code point.
_LATIN_9 = (
    (0xA4, 0x20AC),
    (0xA6, 0x160),
    (0xA8, 0x161),
    (0xB4, 0x17D),
    (0xB8, 0x17E),
    (0xBC, 0x152),
    (0xBD, 0x153),
    (0xBE, 0x178),
)
_REPLACEMENT = 0xFFFD

# Other names, without hyphens and underscores, and what they mean.
_ALIASES = (
    b" ascii=utf8 usascii=utf8 ansix3.41968=utf8 iso646us=utf8 646=utf8 unicode11utf8=utf8 utf8mb4=utf8"
    b" unknown8bit=utf8 unknown=utf8 binary=utf8 default=utf8 utf=utf8 iso88591=latin1 88591=latin1 l1=latin1"
    b" isolatin1=latin1 cp819=latin1 ibm819=latin1 windows1252=latin1 cp1252=latin1 win1252=latin1 ansi=latin1"
    b" iso885915=latin9 885915=latin9 l9=latin9 isolatin9=latin9 latin0=latin9 latin2=iso88592 l2=iso88592"
    b" isolatin2=iso88592 88592=iso88592 cyrillic=iso88595 isolatincyrillic=iso88595 88595=iso88595 greek=iso88597"
    b" greek8=iso88597 ecma118=iso88597 isolatingreek=iso88597 88597=iso88597 latin5=iso88599 l5=iso88599"
    b" isolatin5=iso88599 88599=iso88599 cp1250=windows1250 win1250=windows1250 cp1251=windows1251"
    b" win1251=windows1251 cp1253=windows1253 win1253=windows1253 cp1254=windows1254 win1254=windows1254 koi8=koi8r"
    b" ibm850=cp850 850=cp850 pc850multilingual=cp850 unicode=utf16 ucs2=utf16 iso10646ucs2=utf16"
    b" unicode11utf7=utf7 "
)


def converter_for(name):
    """A converter for the character set of that name (bytes, or None for none given).

    Of a set that is not known here, what happens to be UTF-8 is read; every other octet becomes U+FFFD.
    """
    key = _key(name or b"")
    if key == b"utf8" or not key:
        return Utf8(True)
    if key == b"latin1" or key == b"latin9":
        return OneOctet(_latin(9 if key == b"latin9" else 1))
    if key in (b"utf16", b"utf16be", b"utf16le", b"utf7"):
        from postino.mime import wide_charsets

        return wide_charsets.converter_for(key)
    from postino.mime import charset_tables

    table = charset_tables.table(key)
    return Utf8(False) if table is None else OneOctet(_codes(table))


def to_text(octets: bytes, name) -> str:
    """Octets that are all there."""
    converter = converter_for(name)
    text = converter.feed(octets)
    return text + converter.finish()


class Utf8:
    """UTF-8, of which US-ASCII is a part; an octet that is none is read as windows-1252 if that is a good guess."""

    def __init__(self, guess=True):
        self._guess = guess
        # A character that is not complete.
        self._carry = b""
        self._fallback = None

    def feed(self, octets: bytes) -> str:
        data = self._carry + octets if self._carry else octets
        end = utf8.whole(data)
        self._carry = data[end:]
        return self._convert(data[:end])

    def finish(self) -> str:
        data = self._carry
        self._carry = b""
        return self._convert(data)

    def _convert(self, data):
        text = utf8.text(data)
        return self._mend(data) if text is None else text

    def _mend(self, data):
        """Not all of this is UTF-8."""
        if self._fallback is None:
            self._fallback = _latin(1) if self._guess else array("H", [_REPLACEMENT] * 128)
        out = bytearray()
        at = 0
        while at < len(data):
            run = data[at : at + RUN]
            if max(run) < 0x80:
                out.extend(run)
                at += RUN
            else:
                at = self._mend_run(data, at, at + len(run), out)
        return out.decode()

    def _mend_run(self, data, at, end, out):
        """The same for the characters that begin before `end`; returns where the last one ends."""
        while at < end:
            octet = data[at]
            size = utf8.sequence(data, at) if octet >= 0x80 else 1
            if size > 1:
                out.extend(data[at : at + size])
            else:
                utf8.put(out, self._fallback[octet & 0x7F] if octet >= 0x80 else octet)
            at += size or 1
        return at


class OneOctet:
    """A set in which every octet is a character and the first 128 are ASCII."""

    def __init__(self, codes):
        # The code points of the octets from 128.
        self._codes = codes

    def feed(self, octets: bytes) -> str:
        try:
            text = octets.decode()
            if len(text) == len(octets):
                return text
        except UnicodeError:
            pass
        out = bytearray()
        for start in range(0, len(octets), RUN):
            run = octets[start : start + RUN]
            if max(run) < 0x80:
                out.extend(run)
            else:
                self._convert(run, out)
        return out.decode()

    def _convert(self, run, out):
        codes = self._codes
        append = out.append
        for octet in run:
            if octet < 0x80:
                append(octet)
                continue
            code = codes[octet & 0x7F]
            if code < 0x800:
                append(0xC0 | code >> 6)
            else:
                append(0xE0 | code >> 12)
                append(0x80 | code >> 6 & 0x3F)
            append(0x80 | code & 0x3F)

    def finish(self) -> str:
        return ""


def _key(name):
    """The name without what its spellings differ in."""
    key = name.lower()
    for mark in (b"-", b"_", b" ", b'"', b"'"):
        key = key.replace(mark, b"")
    key = key.split(b":")[0]
    for prefix in (b"x", b"cs"):
        if key.startswith(prefix):
            key = key[len(prefix) :]
    at = _ALIASES.find(b" " + key + b"=")
    if at < 0 or not key:
        return key
    at += len(key) + 2
    return _ALIASES[at : _ALIASES.find(b" ", at)]


def _codes(table):
    return array("H", utf8.codes(table))


def _latin(number):
    """Code points of windows-1252 (1), or of iso-8859-15 (9)."""
    codes = array("H", range(0x80, 0x100))
    if number == 9:
        for octet, code in _LATIN_9:
            codes[octet & 0x7F] = code
    else:
        codes[:32] = _codes(_WINDOWS)
    return codes
