"""LIST patterns: how they are read, and which names they match (RFC 3501 6.3.8)."""

from . import names
from .errors import Bad

# Longest pattern with its reference; no mailbox name is longer.
MAX_PATTERN = 1024

INBOX = b"INBOX"

_LOWER = 32
_STAR = 42
_PERCENT = 37
_SLASH = 47


class Matcher:
    """Matches names with a pattern in time linear in the name: all ways through the pattern are followed at once.

    Both are octets in UTF-8: no character of it has an octet of another one. Bit k of a state says that the first k
    octets of the pattern match what has been read.
    """

    def __init__(self, pattern):
        self._any = self._level = 0
        # Positions of each ordinary octet.
        self._at = {}
        k = 0
        # "*" and "%" side by side are "*"; so each wildcard has one state to wait in.
        star = percent = False
        for octet in pattern:
            if octet == _STAR or octet == _PERCENT:
                star = star or octet == _STAR
                percent = True
                continue
            if percent:
                k = self._wildcard(k, star)
                star = percent = False
            self._at[octet] = self._at.get(octet, 0) | 1 << k
            k += 1
        if percent:
            k = self._wildcard(k, star)
        self._final = 1 << k

    def _wildcard(self, k, star):
        if star:
            self._any |= 1 << k
        else:
            self._level |= 1 << k
        return k + 1

    def _skip(self, state):
        # A wildcard may stand for nothing.
        return state | (state & (self._any | self._level)) << 1

    def matches(self, name):
        """True if the pattern matches the whole of a name (bytes)."""
        state = self._skip(1)
        # INBOX is the same in any case (RFC 3501 5.1).
        any_case = len(INBOX) if (name + b"/").startswith(INBOX + b"/") else 0
        for position, octet in enumerate(name):
            stay = state & self._any
            if octet != _SLASH:
                stay |= state & self._level
            step = self._at.get(octet, 0)
            if position < any_case:
                step |= self._at.get(octet | _LOWER, 0)
            state = self._skip((state & step) << 1 | stay)
            if not state:
                return False
        return bool(state & self._final)


def matcher(session, reference, pattern):
    """Returns the Matcher of a pattern as it was written; the reference stands before it. Raises Bad."""
    pattern = reference + pattern
    if len(pattern) > MAX_PATTERN:
        raise Bad(b"Pattern too long")
    try:
        return Matcher(names.decode(session, pattern).encode())
    except ValueError:
        # No mailbox has such a name.
        return Matcher(b"/")
