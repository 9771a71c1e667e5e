"""Address lists (RFC 5322 3.4 and 4.4), read leniently and in the parts that IMAP wants (RFC 3501 7.4.2, ENVELOPE).

What cannot be read is left out up to the next comma: one broken address costs no other.
"""

from postino.mime.tokens import ATOM, COMMENT, QUOTED, tokens

# Octets kept of a name or of an address.
TEXT_LIMIT = 1024

_OPEN = 0x3C
_CLOSE = 0x3E
_AT = 0x40
_COMMA = 0x2C
_COLON = 0x3A
_SEMICOLON = 0x3B
# A closing parenthesis stands here only where none was opened.
_SPECIALS = b"<>@,:;)"

# What a group ends with.
_GROUP_END = (None, None, None, None)

# What is being read: a name or a local part, a host, what is in angle brackets, and what follows an address.
_WORDS = 0
_HOST = 1
_ANGLE = 2
_REST = 3


def parse(value) -> list:
    """List of (name, source route, mailbox, host): bytes or None. A host of None marks the start or end of a group.

    `value` is bytes or an iterable of pieces of bytes.
    """
    return list(addresses(value))


def addresses(value):
    """Yields what parse() lists, one at a time."""
    entry = _Entry()
    in_group = False
    for kind, text in tokens(value, _SPECIALS, _SPECIALS + b'"('):
        if kind == _COLON and entry.state == _WORDS:
            if not in_group:
                yield (None, None, bytes(entry.phrase), None)
            # A group in a group is no more than a name too many.
            in_group = True
            entry = _Entry()
        elif kind == _SEMICOLON or (kind == _COMMA and not entry.in_route()):
            if entry.filled():
                yield entry.address()
            entry = _Entry()
            if kind == _SEMICOLON and in_group:
                in_group = False
                yield _GROUP_END
        else:
            entry.add(kind, text)
    if entry.filled():
        yield entry.address()
    if in_group:
        yield _GROUP_END


def _extend(out, text):
    out.extend(text[: max(TEXT_LIMIT - len(out), 0)])


def _joins(before, text):
    """These two words are parts of one: `first . last`, in any place of the blanks (RFC 5322 4.4)."""
    return not before or not text or before[-1] in b".@" or text[:1] == b"."


class _Entry:
    """One address while its tokens come in."""

    def __init__(self):
        self.state = _WORDS
        # All before the angle brackets, a blank between the words.
        self.phrase = bytearray()
        # A comment behind an address without angle brackets is a name.
        self.comment = None
        self.route = None
        self.mailbox = bytearray()
        self.host = None
        # The words so far are no single local part; the only one is a quoted string.
        self._several = False
        self._quoted = False
        self._angled = False

    def filled(self):
        return self._angled or self.host is not None or bool(self.phrase)

    def in_route(self):
        """A comma here is part of a source route: <@a,@b:c@d>."""
        return self.state == _ANGLE and self.route is None and not self.mailbox

    def add(self, kind, text):
        if kind == COMMENT:
            if self.phrase or self.host is not None:
                self.comment = text
        elif kind == ATOM or kind == QUOTED:
            self._word(kind, text)
        elif kind == _OPEN:
            self._open()
        elif kind == _AT:
            self._at_sign()
        elif kind == _CLOSE and self.state == _ANGLE:
            self.state = _REST
        elif kind == _COLON and self.state == _ANGLE:
            self._colon()
        elif kind != _COMMA and self.state != _ANGLE:
            self.state = _REST

    def _colon(self):
        """In angle brackets: what stands before it is a source route, or `mailto` and the like."""
        if self.host is not None and not self.mailbox:
            self.route = b"@" + bytes(self.host)
        self.mailbox = bytearray()
        self.host = None

    def _open(self):
        if self.state == _REST:
            return
        # Also `joe@x <joe@x>`: what was taken for an address is the name.
        self._angled = True
        self._several = False
        self.state = _ANGLE
        self.mailbox = bytearray()
        self.host = None

    def _word(self, kind, text):
        if self.state == _WORDS:
            self._quoted = kind == QUOTED and not self.phrase
            if self.phrase and not _joins(self.mailbox, text):
                self._several = True
            _extend(self.mailbox, text)
        elif self.state == _HOST or (self.state == _ANGLE and self.host is not None):
            if _joins(self.host, text):
                _extend(self.host, text)
            else:
                # In brackets, where nothing else may come, no part of it is taken for a host.
                self.host = self.host if self.state == _HOST else bytearray()
                self.state = _REST
        elif self.state == _ANGLE:
            if _joins(self.mailbox, text):
                _extend(self.mailbox, text)
            else:
                self.state = _REST
        if self.state <= _HOST:
            if self.phrase and self.phrase[-1] != _AT:
                _extend(self.phrase, b" ")
            _extend(self.phrase, text)

    def _at_sign(self):
        if self.state == _WORDS and not self._several:
            self.state = _HOST
            self.host = bytearray()
            _extend(self.phrase, b"@")
        elif self.state == _ANGLE and (self.host is None or not self.mailbox):
            # Without a mailbox before it this is a source route, of one host or several.
            if self.host is None:
                self.host = bytearray()
            elif self.host:
                _extend(self.host, b",@")
        else:
            self.state = _REST

    def address(self):
        """The four parts; a missing mailbox or host is an empty string, since NIL would make it a group."""
        host = b"" if self.host is None else bytes(self.host)
        if self._angled:
            return (bytes(self.phrase) or None, self.route, bytes(self.mailbox), host)
        if self._several or (self._quoted and self.host is None):
            # Just a name, as devices send it.
            return (bytes(self.phrase), None, b"", b"")
        return (self.comment or None, None, bytes(self.mailbox), host)
