"""The tokenizer for IMAP commands (RFC 3501 9): pure, no tree is built, every limit is checked as it reads.

A command is a list of pieces: line, literal, line, literal ... line. Each line but the last ends with the `{n}` that
announces the literal behind it. A line is a list of chunks: eight thousand octets in one piece are hard to find in a
small heap, and only the token being read has to be.
"""

from .. import overlay
from .errors import Bad, Goodbye, No

# Octets in a chunk of a line, except the last.
CHUNK = 1024
# Longest atom and quoted string: they must be in one piece.
MAX_TOKEN = 1024
# Octets in which a literal's announcement, and the piece of a partial fetch, must be complete.
MAX_SHORT = 24
MAX_PIECE = 40
# Deepest nesting of parentheses; before login the caller allows one level, for ID.
MAX_DEPTH = 8
# The largest number in the protocol: 32 bits unsigned (RFC 3501 9, nz-number).
MAX_NUMBER = 0xFFFFFFFF
# The largest size: 63 bits (RFC 9051 9, number64).
MAX_NUMBER64 = (1 << 63) - 1

# Characters that no atom has (RFC 3501 9, atom-specials); control characters and 8-bit octets are excluded by range.
_ATOM_SPECIALS = b'(){ %*"\\]'
# An astring may contain "]", a list-mailbox the wildcards besides.
_ASTRING_SPECIALS = b'(){ %*"\\'
_LIST_SPECIALS = b'(){ "\\'
_ATTRIBUTE_SPECIALS = b'(){ []<>"\\'
_SET_SPECIALS = b'(){ "\\,'
_TAG_SPECIALS = b'(){ %*"\\+'


def _check_length(length):
    # The command has been read: it can be refused, and the session is in step.
    if length > MAX_TOKEN:
        raise No(b"An argument is too long", b"LIMIT")


def _checked(quoted):
    """Returns the text of a quoted string. Raises Bad if octets above 127 are not UTF-8 (RFC 6855 3)."""
    try:
        utf8(quoted)
    except ValueError:
        raise Bad(b"A quoted string that is not UTF-8")
    return quoted


def is_atom(text):
    """True if `text` is one atom."""
    return bool(text) and _scan(text, 0, _ATOM_SPECIALS) == len(text)


def is_tag(text):
    """True if `text` can be a command's tag (RFC 3501 9, tag)."""
    return bool(text) and _scan(text, 0, _TAG_SPECIALS) == len(text)


def _scan(data, start, specials):
    """Returns the offset of the first octet at or after `start` that cannot belong to an atom."""
    end = len(data)
    position = start
    while position < end:
        octet = data[position]
        if octet <= 32 or octet >= 127 or octet in specials:
            break
        position += 1
    return position


def number64(text):
    """Returns a number of at most 63 bits (RFC 9051 9, number64), or None."""
    if not text.isdigit() or len(text) > 19 or int(text) > MAX_NUMBER64:
        return None
    return int(text)


def utf8(octets):
    """Returns the string that octets are in UTF-8. Raises ValueError."""
    text = octets.decode()
    if len(text) < len(octets):
        # decode() may let overlong forms and surrogates pass (RFC 3629 3).
        with overlay.use(("mime.utf8",)) as strict:
            if strict.text(octets) is None:
                raise ValueError("not UTF-8")
    return text


def tail_of(line):
    """Returns the last octets of a line (a list of chunks), enough for what announces a literal."""
    tail = line[len(line) - 1]
    if len(tail) < MAX_SHORT and len(line) > 1:
        tail = line[len(line) - 2] + tail
    return tail


def announcement(line):
    """Returns what announces a literal at the end of a line: (size, synchronising, binary), or None.

    LITERAL- marks a non-synchronising one with "+" (RFC 7888), "~" one that may hold NUL (RFC 3516 4.4, literal8).
    Raises Bad, or Goodbye, for one whose size no literal can have.
    """
    if not line.endswith(b"}"):
        return None
    start = line.rfind(b"{")
    digits = line[start + 1 : -1]
    synchronising = not digits.endswith(b"+")
    if not synchronising:
        digits = digits[:-1]
    if start < 0 or not digits.isdigit():
        return None
    size = number64(digits)
    if size is None:
        if not synchronising:
            # It is on its way.
            raise Goodbye(b"The literal cannot be skipped", b"BAD Literal too large")
        raise Bad(b"Literal too large")
    return size, synchronising, line[:start].endswith(b"~")


class Parser:
    """Reads a command from left to right. Every method raises Bad if what comes next is not what it reads."""

    def __init__(self, pieces, start=0, max_depth=MAX_DEPTH):
        self._pieces = pieces
        # The line being read, in `pieces`, and the chunk of it that was taken last.
        self._index = 0
        self._chunk = 0
        # What was taken and is not read begins at `_position`.
        self._data = pieces[0][0]
        self._position = start
        self._max_depth = max_depth
        self.depth = 0

    def _refill(self):
        """Takes the next chunk of the line to what is unread. False at the line's end."""
        line = self._pieces[self._index]
        if self._chunk + 1 >= len(line):
            return False
        self._chunk += 1
        self._data = self._data[self._position :] + line[self._chunk]
        self._position = 0
        return True

    def _ensure(self, count):
        """Has at least `count` octets at hand, if the line has so many."""
        while len(self._data) - self._position < count and self._refill():
            pass

    def peek(self):
        """Returns the next octet without reading it, 0 at the end of the command (no syntax has a NUL)."""
        return 0 if self.at_end() else self._data[self._position]

    def at_end(self):
        self._ensure(1)
        return self._position >= len(self._data)

    def end(self):
        """The command must end here; blanks are forgiven."""
        if not self.ends():
            raise Bad(b"Unexpected arguments at the end of the command")

    def ends(self):
        """Reads blanks and says whether the command ends behind them."""
        while self.peek() == 32:
            self._position += 1
        return self.at_end()

    def space(self):
        """One space; several are forgiven."""
        if self.peek() != 32:
            raise Bad(b"Missing argument")
        while self.peek() == 32:
            self._position += 1

    def accept(self, octets):
        """Reads `octets` if they come next and says whether they did."""
        self._ensure(len(octets))
        end = self._position + len(octets)
        if self._data[self._position : end] != octets:
            return False
        self._position = end
        return True

    def accept_word(self, word, end=b" "):
        """Reads a word, in any case, and what ends it, if they come next and says whether they did."""
        self._ensure(len(word) + 1)
        stop = self._position + len(word) + 1
        if self._data[self._position : stop].upper() != word + end:
            return False
        self._position = stop
        return True

    def expect(self, octets):
        if not self.accept(octets):
            raise Bad(b"Syntax error, expected " + octets)

    def open_list(self):
        """Reads an opening parenthesis."""
        self.expect(b"(")
        self.depth += 1
        if self.depth > self._max_depth:
            raise Bad(b"Parentheses nested too deeply")

    def close_list(self):
        """Reads a closing parenthesis if one comes next and says whether it did."""
        if not self.accept(b")"):
            return False
        self.depth -= 1
        return True

    def _take(self, specials):
        while True:
            end = _scan(self._data, self._position, specials)
            _check_length(end - self._position)
            if end < len(self._data) or not self._refill():
                break
        if end == self._position:
            raise Bad(b"Syntax error in the arguments")
        text = self._data[self._position : end]
        self._position = end
        return text

    def atom(self):
        return self._take(_ATOM_SPECIALS)

    def number(self):
        """A 32-bit unsigned number (RFC 3501 9, number)."""
        text = self.atom()
        if not text.isdigit() or len(text) > 10 or int(text) > MAX_NUMBER:
            raise Bad(b"Not a number")
        return int(text)

    def set_parts(self):
        """Yields the parts of a sequence set, which commas separate; `*` is no special here."""
        yield self._take(_SET_SPECIALS)
        while self.accept(b","):
            yield self._take(_SET_SPECIALS)

    def flag(self):
        """A flag: an atom, or a backslash and an atom (RFC 3501 9, flag)."""
        return b"\\" + self.atom() if self.accept(b"\\") else self.atom()

    def attribute(self):
        """The name of a FETCH attribute: it ends before "[", blank or parenthesis."""
        return self._take(_ATTRIBUTE_SPECIALS).upper()

    def piece(self):
        """What follows "<" in a FETCH attribute: offset.length> (RFC 9051 9, partial)."""
        self._ensure(MAX_PIECE)
        end = self._data.find(b">", self._position)
        first, _, second = self._data[self._position : max(end, self._position)].partition(b".")
        offset = number64(first)
        length = number64(second)
        if offset is None or length is None:
            raise Bad(b"Syntax error in a partial fetch")
        self._position = end + 1
        return offset, length

    def astring(self):
        """An atom or a string (RFC 3501 9, astring)."""
        return self.string() if self.peek() in b'"{' else self._take(_ASTRING_SPECIALS)

    def list_mailbox(self):
        """A mailbox name in which `*` and `%` are wildcards (RFC 3501 9, list-mailbox)."""
        try:
            return self.string() if self.peek() in b'"{' else self._take(_LIST_SPECIALS)
        except No:
            # Its length is a matter of syntax: no mailbox has such a name, so nothing could match.
            raise Bad(b"Pattern too long")

    def nstring(self):
        """A string, or NIL, which gives None."""
        if self.peek() in b'"{':
            return self.string()
        if self.atom().upper() != b"NIL":
            raise Bad(b"Syntax error, expected a string or NIL")
        return None

    def string(self):
        """A quoted string or a literal (RFC 3501 4.3)."""
        return self._quoted() if self.accept(b'"') else self._literal()

    def _quoted(self):
        result = b""
        while True:
            data = self._data
            start = end = self._position
            while end < len(data) and data[end] not in b'"\\\r\0':
                end += 1
            result += data[start:end]
            _check_length(len(result))
            self._position = end
            if self.accept(b'"'):
                return _checked(result)
            # A backslash stands before a quote or a backslash only (RFC 3501 9, quoted).
            if self.accept(b'\\"'):
                result += b'"'
            elif self.accept(b"\\\\"):
                result += b"\\"
            elif end < len(data) or self.at_end():
                raise Bad(b"Syntax error in a quoted string")

    def announced_literal(self):
        """The `{n}` at the end of the line: what it announces is the next piece, or is not read yet."""
        self._ensure(MAX_SHORT)
        rest = self._data[self._position :]
        if rest.find(b"{", 1) >= 0 or announcement(rest) is None:
            raise Bad(b"Syntax error before the literal")
        self._position = len(self._data)

    def _literal(self):
        if self._index + 2 >= len(self._pieces):
            raise Bad(b"Syntax error, expected a string")
        self.announced_literal()
        literal = self._pieces[self._index + 1]
        if b"\0" in literal:
            raise Bad(b"A NUL in a string")
        self._index += 2
        self._chunk = 0
        self._data = self._pieces[self._index][0]
        self._position = 0
        return literal
