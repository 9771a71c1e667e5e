"""The terminals of the formal syntax: atoms, strings, numbers, sets (RFC 3501 9, RFC 9051 9, RFC 4466 6)."""

import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

T = TypeVar("T")

# Octets shown before and behind the place where a response is wrong.
_SHOWN = 70

MAX_NUMBER = (1 << 32) - 1
MAX_NUMBER64 = (1 << 63) - 1

# RFC 3501 9: ATOM-CHAR; ASTRING-CHAR has "]" besides, a tag no "+".
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+')
_DIGITS = re.compile(rb"[0-9]+")
# QUOTED-CHAR, first the most frequent.
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"')
_QUOTED_UTF8 = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_ESCAPED = re.compile(rb"\\(.)")
_LITERAL = re.compile(rb"\{([0-9]+)\}\r\n")
_LITERAL8 = re.compile(rb"~\{([0-9]+)\}\r\n")
_SET = re.compile(rb"[1-9][0-9]*(?::[1-9][0-9]*)?(?:,[1-9][0-9]*(?::[1-9][0-9]*)?)*(?![0-9:,*])")
_DATE_TIME = re.compile(
    rb'"( [1-9]|[0-3][0-9])-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-([0-9]{4})'
    rb' ([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60) [+-][0-9]{2}[0-5][0-9]"'
)
_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}")
# TEXT-CHAR.
_TEXT = re.compile(rb"[^\r\n\x00\x80-\xff]+")
_TEXT_UTF8 = re.compile(rb"[^\r\n\x00]+")


class GrammarError(AssertionError):
    """A response breaks the syntax, or comes when it must not: `reason`, and `position` in octets of the response."""

    def __init__(self, reason: str, data: bytes = b"", position: int = 0) -> None:
        before = bytes(data[max(0, position - _SHOWN) : position])
        after = bytes(data[position : position + _SHOWN])
        super().__init__(f"{reason}, at octet {position}: {before!r} HERE {after!r}")
        self.reason = reason
        self.position = position


class Reader:
    """Takes one response apart from left to right; every method raises GrammarError if what it reads is not there.

    `utf8`: quoted strings may hold UTF-8 (RFC 6855 3, RFC 9051 9). `rev2`: IMAP4rev2 is enabled.
    """

    def __init__(self, data: bytes, utf8: bool = False, rev2: bool = False) -> None:
        self.data = data
        self.at = 0
        self.utf8 = utf8 or rev2
        self.rev2 = rev2

    # Position ---------------------------------------------------------------------------------------------------

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        raise GrammarError(reason, self.data, self.at if at is None else at)

    def peek(self, octets: bytes) -> bool:
        return self.data.startswith(octets, self.at)

    def accept(self, octets: bytes) -> bool:
        """Reads these octets if they come next and says whether they did."""
        if not self.data.startswith(octets, self.at):
            return False
        self.at += len(octets)
        return True

    def expect(self, octets: bytes) -> None:
        if not self.accept(octets):
            self.fail(f"expected {octets.decode()!r}")

    def space(self) -> None:
        """SP: exactly one."""
        if not self.accept(b" "):
            self.fail("a blank is missing")
        if self.peek(b" "):
            self.fail("two blanks")

    def accept_word(self, word: bytes) -> bool:
        """Reads a word of the syntax, in any case (RFC 3501 9, rule 1), if it comes next."""
        end = self.at + len(word)
        if self.data[self.at : end].upper() != word:
            return False
        self.at = end
        return True

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = pattern.match(self.data, self.at)
        if found is None:
            self.fail(f"expected {what}")
        self.at = found.end()
        return found

    # Lists ------------------------------------------------------------------------------------------------------

    def listed(self, read: Callable[[], T], least: int, separated: bool = True) -> list[T]:
        """`( item SP item ... )` with at least so many items; `separated` says whether blanks are between them."""
        out: list[T] = []
        start = self.at
        self.expect(b"(")
        while not self.accept(b")"):
            if out and separated:
                self.space()
            elif self.peek(b" "):
                self.fail("a blank that does not belong here")
            out.append(read())
        if len(out) < least:
            self.fail("an empty list", start)
        return out

    # Words ------------------------------------------------------------------------------------------------------

    def atom(self) -> bytes:
        return self._match(_ATOM, "an atom")[0]

    def name(self) -> bytes:
        """An atom that is a word of the syntax, in upper case."""
        return self.atom().upper()

    def tag(self) -> bytes:
        return self._match(_TAG, "a tag")[0]

    def flag(self, more: tuple[bytes, ...] = ()) -> bytes:
        r"""A flag: a keyword, or a system flag of RFC 3501 2.3.2; `more` are those beyond them that may stand here."""
        start = self.at
        if not self.accept(b"\\"):
            return self.atom()
        word = b"\\*" if self.accept(b"*") else b"\\" + self.atom()
        if word.lower() not in (b"\\answered", b"\\flagged", b"\\deleted", b"\\seen", b"\\draft", *more):
            # RFC 3501 9, flag-extension: no server makes one.
            self.fail(f"no flag that may stand here: {word.decode()}", start)
        return word

    # Numbers ----------------------------------------------------------------------------------------------------

    def number(self, most: int = MAX_NUMBER, least: int = 0) -> int:
        start = self.at
        digits = self._match(_DIGITS, "a number")[0]
        # RFC 3501 9, nz-number: the first digit is none. No number here has need of one that is.
        if len(digits) > 1 and digits.startswith(b"0"):
            self.fail("a number that begins with 0", start)
        value = int(digits)
        if not least <= value <= most:
            self.fail(f"a number from {least} to {most} expected", start)
        return value

    def nz_number(self) -> int:
        return self.number(least=1)

    def number64(self) -> int:
        return self.number(MAX_NUMBER64)

    def modseq(self) -> int:
        """RFC 7162 7, mod-sequence-value."""
        return self.number(MAX_NUMBER64, 1)

    def number_set(self) -> list[tuple[int, int]]:
        """A sequence-set or uid-set without `*`, which no server sends: pairs from the lower to the higher number."""
        start = self.at
        pairs = []
        for part in self._match(_SET, "a set of numbers")[0].split(b","):
            low, _, high = part.partition(b":")
            pair = int(low), int(high or low)
            if max(pair) > MAX_NUMBER:
                self.fail("a number in a set that is too large", start)
            pairs.append((min(pair), max(pair)))
        return pairs

    # Strings ----------------------------------------------------------------------------------------------------

    def quoted(self) -> bytes:
        found = self._match(_QUOTED_UTF8 if self.utf8 else _QUOTED, "a quoted string")
        text = found[1]
        if b"\\" in text:
            text = _ESCAPED.sub(rb"\1", text)
        if self.utf8 and not text.isascii():
            self.check_utf8(text, found.start())
        return text

    def check_utf8(self, text: bytes, at: int) -> None:
        """RFC 3629, which Python's decoder holds to."""
        try:
            text.decode()
        except UnicodeDecodeError:
            self.fail("no UTF-8", at)

    def _octets(self, found: re.Match[bytes]) -> bytes:
        if int(found[1]) > MAX_NUMBER64 if self.rev2 else int(found[1]) > MAX_NUMBER:
            self.fail("a literal that is too large", found.start())
        end = self.at + int(found[1])
        if end > len(self.data):
            self.fail("a literal that does not end", found.start())
        octets = self.data[self.at : end]
        self.at = end
        return octets

    def literal(self) -> bytes:
        """`{n}` and n octets but NUL (RFC 3501 9, CHAR8). A server's is never non-synchronising (RFC 7888 4)."""
        start = self.at
        octets = self._octets(self._match(_LITERAL, "a literal"))
        if b"\0" in octets:
            self.fail("a literal with NUL", start)
        return octets

    def literal8(self) -> bytes:
        """`~{n}` and any n octets (RFC 3516 7)."""
        return self._octets(self._match(_LITERAL8, "a literal8"))

    def string(self) -> bytes:
        if self.peek(b'"'):
            return self.quoted()
        if not self.peek(b"{"):
            self.fail("a string expected")
        return self.literal()

    def nil(self) -> bool:
        """Reads NIL if it comes next and says whether it did."""
        return self.accept_word(b"NIL")

    def nstring(self) -> bytes | None:
        return None if self.nil() else self.string()

    def astring(self) -> bytes:
        if self.peek(b'"') or self.peek(b"{"):
            return self.string()
        return self._match(_ASTRING, "an astring")[0]

    def quoted_char(self) -> bytes:
        """DQUOTE QUOTED-CHAR DQUOTE: one character in quotes."""
        start = self.at
        text = self.quoted()
        if len(text.decode()) != 1:
            self.fail("one character in quotes expected", start)
        return text

    # Others -----------------------------------------------------------------------------------------------------

    def date_time(self) -> bytes:
        """RFC 3501 9, date-time: the day in two places, and no day, hour or zone that there is not."""
        start = self.at
        found = self._match(_DATE_TIME, "a date-time")
        if not 1 <= int(found[1]) <= 31:
            self.fail("no such day", start)
        return found[0]

    def object_id(self) -> bytes:
        """`(` objectid `)` (RFC 8474 7)."""
        self.expect(b"(")
        found = self._match(_OBJECT_ID, "an objectid")[0]
        self.expect(b")")
        return found

    def text(self) -> bytes:
        """The text for people, up to the end of the line: 7 bits unless IMAP4rev2 is enabled (RFC 9051 9, text)."""
        start = self.at
        text = self._match(_TEXT_UTF8 if self.rev2 else _TEXT, "a text")[0]
        self.check_utf8(text, start)
        if text != text.strip():
            self.fail("a text with a blank at its beginning or end", start)
        return text

    def end(self) -> None:
        """CRLF, and nothing behind it."""
        if self.peek(b" "):
            self.fail("a blank at the end")
        if self.data[self.at :] != b"\r\n":
            self.fail("expected CRLF")
