"""Encoded words in header fields (RFC 2047), decoded to text for searching, for sorting and for the log."""

import binascii

from postino.mime import charsets
from postino.mime.transfer import Base64

# Octets of an encoded word; RFC 2047 allows 75. What is longer stands as it was sent.
WORD_LIMIT = 1024

_BLANKS = b" \t\r\n"
# Stands for a word that is not at its end yet.
_MORE = (b"", b"", 0)


def decode(value: bytes) -> str:
    """The value as text; what is no proper encoded word stands as it was sent."""
    decoder = WordDecoder()
    text = decoder.feed(value)
    return text + decoder.finish()


def to_text(octets: bytes, charset: bytes) -> str:
    """Octets of a character set as text; of one that is not known here, only the ASCII part can be read."""
    return charsets.to_text(octets, charset)


class WordDecoder:
    """Decodes a field's value that comes in pieces.

    Neighbouring encoded words of one set are decoded as one: a character may be split between two words, and the blanks
    between them are no text (RFC 2047 6.2).
    """

    def __init__(self):
        self._carry = b""
        self._plain = None
        # The character set of the word just read and its converter; None after plain text.
        self._charset = None
        self._converter = None

    def feed(self, octets: bytes) -> str:
        return self._run(self._carry + octets if self._carry else octets, False)

    def finish(self) -> str:
        return self._run(self._carry, True) + self._end_words() + self._end_plain()

    def _run(self, data, final):
        out = []
        # What begins at `at` is plain so far.
        at = start = 0
        while True:
            start = data.find(b"=?", start)
            if start < 0:
                break
            word = _word(data, start, final)
            if word == _MORE:
                break
            if word is None:
                start += 2
                continue
            self._put_plain(out, data[at:start], True)
            self._put_word(out, word)
            at = start = word[2]
        end = len(data) if final else self._held_from(data, at, start)
        self._put_plain(out, data[at:end], False)
        self._carry = data[end:]
        return "".join(out)

    def _held_from(self, data, at, start):
        """Where the octets begin that cannot be understood yet; a word that is not at its end begins at `start`."""
        end = start if start >= 0 else len(data) - data.endswith(b"=")
        # Blanks after a word are no text if another word follows.
        blank = self._charset is not None and not data[at:end].strip(_BLANKS)
        return at if blank and len(data) - at < WORD_LIMIT else end

    def _put_plain(self, out, octets, before_word):
        if not octets or (before_word and self._charset is not None and not octets.strip(_BLANKS)):
            return
        out.append(self._end_words())
        if self._plain is None:
            self._plain = charsets.Utf8()
        out.append(self._plain.feed(octets))

    def _put_word(self, out, word):
        out.append(self._end_plain())
        charset, octets = word[0], word[1]
        if charset != self._charset:
            out.append(self._end_words())
            self._charset = charset
            self._converter = charsets.converter_for(charset)
        out.append(self._converter.feed(octets))

    def _end_words(self):
        converter = self._converter
        self._charset = self._converter = None
        return "" if converter is None else converter.finish()

    def _end_plain(self):
        return "" if self._plain is None else self._plain.finish()


def _word(value, start, final):
    """(character set, octets, where it ends) of the encoded word that begins here; None if it is none, or _MORE."""
    cut = None if final or len(value) - start >= WORD_LIMIT else _MORE
    mark = value.find(b"?", start + 2, start + WORD_LIMIT)
    if mark < 0:
        return cut
    # RFC 2231 5 allows a language behind the character set.
    charset = value[start + 2 : mark].lower().split(b"*")[0]
    encoding = value[mark + 1 : mark + 2].upper()
    if not charset or b" " in charset or encoding not in (b"Q", b"B", b"") or value[mark + 2 : mark + 3] not in b"?":
        return None
    end = value.find(b"?=", mark + 3, start + WORD_LIMIT)
    if end < 0:
        return cut
    text = value[mark + 3 : end]
    return charset, _from_q(text) if encoding == b"Q" else _from_base64(text), end + 2


def _from_base64(text):
    decoder = Base64()
    octets = decoder.feed(text)
    return octets + decoder.finish()


def _from_q(text):
    """The "Q" encoding (RFC 2047 4.2)."""
    out = bytearray()
    parts = text.replace(b"_", b" ").split(b"=")
    out.extend(parts[0])
    for part in parts[1:]:
        try:
            # MicroPython skips blanks, so that they are no octet.
            octet = binascii.unhexlify(part[:2].strip() or b"=")
        except ValueError:
            octet = b""
        out.extend(octet + part[2:] if octet else b"=" + part)
    return bytes(out)
