"""Address lists (RFC 5322 3.4 and 4.4), read leniently and in the parts that IMAP wants (RFC 3501 7.4.2, ENVELOPE)."""

from postino.mime.tokens import ATOM, COMMENT, QUOTED, tokens

# Addresses taken from one field; the rest is left out.
ADDRESS_LIMIT = 64
# Octets kept of a name or of an address.
TEXT_LIMIT = 1024

_OPEN = 0x3C
_CLOSE = 0x3E
_AT = 0x40
_COMMA = 0x2C
_COLON = 0x3A
_SEMICOLON = 0x3B
_SPECIALS = b"<>@,:;"

# What a group ends with.
_GROUP_END = (None, None, None, None)


def parse(value: bytes) -> list:
    """List of (name, source route, mailbox, host): bytes or None. A host of None marks the start or end of a group."""
    return list(addresses(value))


def addresses(value: bytes):
    """Yields what parse() lists, one at a time."""
    entry = _Entry()
    in_group = False
    count = 0
    for kind, text in tokens(value, _SPECIALS, _SPECIALS + b'"('):
        if kind == _COLON and not in_group and entry.may_be_group():
            count += 1
            yield (None, None, bytes(entry.phrase), None)
            in_group = True
            entry = _Entry()
        elif kind == _SEMICOLON or (kind == _COMMA and not entry.in_route()):
            if entry.filled():
                count += 1
                yield entry.address()
            entry = _Entry()
            if kind == _SEMICOLON and in_group:
                in_group = False
                yield _GROUP_END
            if count >= ADDRESS_LIMIT:
                break
        else:
            entry.add(kind, text)
    if count < ADDRESS_LIMIT and entry.filled():
        yield entry.address()
    if in_group:
        yield _GROUP_END


class _Entry:
    """One address while its tokens come in."""

    def __init__(self):
        # All outside the angle brackets, words apart; a comment takes its place where there is nothing else.
        self.phrase = bytearray()
        self.comment = None
        # The address, words together: what is in the angle brackets once they have been seen.
        self.spec = bytearray()
        self.route = None
        self.angled = False
        self.in_angle = False
        # Where the last "@" stood in the address; -1 without one.
        self.at = -1

    def filled(self):
        return self.angled or bool(self.phrase)

    def may_be_group(self):
        return not self.angled and self.at < 0

    def in_route(self):
        """A comma here is part of a source route: <@a,@b:c@d>."""
        return self.in_angle and self.at == 0

    def add(self, kind, text):
        if kind == COMMENT:
            self.comment = text or self.comment
        elif kind == ATOM or kind == QUOTED:
            self._word(text)
        elif kind == _OPEN:
            self.angled = self.in_angle = True
            self.spec = bytearray()
            self.at = -1
        elif kind == _CLOSE:
            self.in_angle = False
        elif kind == _AT:
            self._at_sign()
        elif kind == _COLON and self.in_route():
            self.route = b"@" + bytes(self.spec)
            self.spec = bytearray()
            self.at = -1
        else:
            self._word(b":" if kind == _COLON else b",@")

    def _word(self, text):
        if self.in_angle or not self.angled:
            self.spec.extend(text[: TEXT_LIMIT - len(self.spec)])
        if not self.in_angle and len(self.phrase) < TEXT_LIMIT:
            if self.phrase and self.phrase[-1] != _AT:
                self.phrase.extend(b" ")
            self.phrase.extend(text[: TEXT_LIMIT - len(self.phrase)])

    def _at_sign(self):
        if not self.in_angle and len(self.phrase) < TEXT_LIMIT:
            self.phrase.extend(b"@")
        if self.in_angle or not self.angled:
            # In a route the first one counts; the others came with their commas.
            if not self.in_route():
                self.at = len(self.spec)

    def address(self):
        """The four parts; a missing host is an empty string, since NIL would make it a group."""
        name = self.comment
        if self.angled and self.phrase:
            name = bytes(self.phrase)
        if self.at < 0:
            # Just a name, as devices send it.
            return (name, self.route, bytes(self.spec if self.angled else self.phrase), b"")
        return (name, self.route, bytes(self.spec[: self.at]), bytes(self.spec[self.at :]))
