"""LIST, LSUB and NAMESPACE (RFC 3501 6.3.8 and 6.3.9, RFC 2342), with CHILDREN and SPECIAL-USE attributes."""

import asyncio

from ..store import ARCHIVE, DRAFTS, INFO_ATTRIBUTES, INFO_NAME, JUNK, SENT, SUBSCRIBED, TRASH
from . import names
from .errors import Bad

# Longest pattern; no mailbox name is longer.
MAX_PATTERN = 1024
# Mailboxes after which other sessions get their turn.
YIELD_EVERY = 16

# RFC 6154 2.
SPECIAL_USES = (
    (DRAFTS, b"\\Drafts"),
    (SENT, b"\\Sent"),
    (JUNK, b"\\Junk"),
    (TRASH, b"\\Trash"),
    (ARCHIVE, b"\\Archive"),
)


class Matcher:
    """Matches names with a pattern in time linear in the name: all ways through the pattern are followed at once.

    Bit k of a state says that the first k characters of the pattern match what has been read.
    """

    def __init__(self, pattern):
        self._any = self._level = 0
        # Positions of each ordinary character.
        self._at = {}
        k = 0
        # "*" and "%" side by side are "*"; so each wildcard has one state to wait in.
        star = percent = False
        for character in pattern:
            if character in "*%":
                star = star or character == "*"
                percent = True
                continue
            if percent:
                k = self._wildcard(k, star)
                star = percent = False
            self._at[character] = self._at.get(character, 0) | 1 << k
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
        state = self._skip(1)
        for character in name:
            stay = state & self._any
            if character != "/":
                stay |= state & self._level
            state = self._skip((state & self._at.get(character, 0)) << 1 | stay)
            if not state:
                return False
        return bool(state & self._final)


def _read_pattern(session, arguments):
    """Reads reference and pattern; the one stands before the other (RFC 3501 6.3.8). None asks for the delimiter."""
    arguments.space()
    reference = arguments.astring()
    arguments.space()
    pattern = arguments.list_mailbox()
    arguments.end()
    if not pattern:
        return None
    pattern = reference + pattern
    if len(pattern) > MAX_PATTERN:
        raise Bad(b"Pattern too long")
    try:
        text = names.decode(session, pattern)
    except ValueError:
        # No mailbox has such a name.
        return Matcher("/")
    # INBOX is the same in any case.
    if text[:5].upper() == names.INBOX and text[5:6] in ("", "/", "*", "%"):
        text = names.INBOX + text[5:]
    return Matcher(text)


def _attributes(mailboxes, k):
    """Returns the attributes of a mailbox in the list, which is in name order."""
    info = mailboxes[k]
    below = info[INFO_NAME] + "/"
    # RFC 3348: one of the two always.
    children = any(other[INFO_NAME].startswith(below) for other in mailboxes)
    result = b"\\HasChildren" if children else b"\\HasNoChildren"
    for bit, name in SPECIAL_USES:
        if info[INFO_ATTRIBUTES] & bit:
            result += b" " + name
    return result


async def list_mailboxes(session, command):
    matcher = _read_pattern(session, command.arguments)
    write = session.conn.write
    mailboxes = session.server.store.mailboxes(session.conn.user)
    if matcher is None:
        # The delimiter and the root's name (RFC 3501 6.3.8).
        await write(b'* LIST (\\Noselect) "/" ""\r\n')
        return b"OK LIST completed"
    for k, info in enumerate(mailboxes):
        if matcher.matches(info[INFO_NAME]):
            await write(b'* LIST (%s) "/" %s\r\n' % (_attributes(mailboxes, k), names.quoted(session, info[INFO_NAME])))
        if k % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep_ms(0)
    return b"OK LIST completed"


async def list_subscribed(session, command):
    """Outlook reads special uses from LSUB, so they are given here too."""
    matcher = _read_pattern(session, command.arguments)
    write = session.conn.write
    mailboxes = session.server.store.mailboxes(session.conn.user)
    if matcher is None:
        await write(b'* LSUB (\\Noselect) "/" ""\r\n')
        return b"OK LSUB completed"
    told = []
    for k, info in enumerate(mailboxes):
        if not info[INFO_ATTRIBUTES] & SUBSCRIBED:
            continue
        name = info[INFO_NAME]
        if matcher.matches(name):
            await write(b'* LSUB (%s) "/" %s\r\n' % (_attributes(mailboxes, k), names.quoted(session, name)))
            continue
        parent = _matching_parent(matcher, name, mailboxes)
        if parent is not None and parent not in told:
            told.append(parent)
            await write(b'* LSUB (\\Noselect) "/" %s\r\n' % names.quoted(session, parent))
    return b"OK LSUB completed"


def _matching_parent(matcher, name, mailboxes):
    """With "%", a name above a subscribed one is told as \\Noselect if not subscribed itself (RFC 3501 6.3.9)."""
    end = name.rfind("/")
    while end > 0:
        parent = name[:end]
        if matcher.matches(parent):
            for info in mailboxes:
                if info[INFO_NAME] == parent and info[INFO_ATTRIBUTES] & SUBSCRIBED:
                    return None
            return parent
        end = parent.rfind("/")
    return None


async def namespace(session, command):
    """One personal namespace, nothing shared (RFC 2342 5)."""
    command.arguments.end()
    await session.conn.write(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return b"OK NAMESPACE completed"
