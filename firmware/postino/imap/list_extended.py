"""LIST with options, or with several patterns (RFC 5258, RFC 6154 2, RFC 5819, RFC 9051 6.3.9)."""

import asyncio

from .. import overlay
from ..store import INFO_ATTRIBUTES, INFO_NAME, SUBSCRIBED
from ..store.errors import NoSuchMailbox, StoreError
from . import attributes, names, patterns
from .capabilities import is_offered
from .errors import Bad

# Patterns in one LIST, and their octets together with the reference before each: what matches them takes heap.
MAX_PATTERNS = 16
MAX_PATTERN_OCTETS = patterns.MAX_PATTERN
# Mailboxes after which other sessions get their turn.
YIELD_EVERY = 16

# Selection options, as bits. REMOTE selects nothing: every mailbox is here.
_SUBSCRIBED = 1
_SPECIAL_USE = 2
_REMOTE = 4
_RECURSIVE = 8
_SELECTIONS = (
    (b"SUBSCRIBED", _SUBSCRIBED),
    (b"SPECIAL-USE", _SPECIAL_USE),
    (b"REMOTE", _REMOTE),
    (b"RECURSIVEMATCH", _RECURSIVE),
)
# Return options, as bits, the first two like the selection options of the same names.
_CHILDREN = 4
_RETURNS = ((b"SUBSCRIBED", _SUBSCRIBED), (b"SPECIAL-USE", _SPECIAL_USE), (b"CHILDREN", _CHILDREN))

# What is known of a mailbox, as bits: it matches a pattern, it satisfies the selection options.
_MATCHES = 1
_SELECTED = 2


class _Request:
    """What a LIST asks for: `selection` and `returned` are bits, `items` those of STATUS, or None."""

    def __init__(self):
        self.selection = 0
        self.returned = 0
        self.items = None
        self.matchers = []
        self.octets = 0
        # Names (UTF-8) that are subscribed to and do not exist, if they are asked for.
        self.nonexistent = ()


async def list_mailboxes(session, arguments, reference, pattern):
    """The part of LIST that is still to be read begins with options, with patterns, or behind the only pattern.

    `reference` and `pattern` are what was read before it, or None.
    """
    request = _Request()
    if reference is None:
        request.selection = _read_selection(session, arguments)
        arguments.space()
        reference = arguments.astring()
        arguments.space()
    if pattern is None:
        _read_patterns(session, arguments, reference, request)
        if not arguments.at_end():
            arguments.space()
    else:
        _add_pattern(session, reference, pattern, request)
    with overlay.use(("imap.status",)) as status:
        _read_returns(session, arguments, request, status)
        await _tell_all(session, request, status)
    return b"OK LIST completed"


def _read_selection(session, arguments):
    bits = 0
    arguments.open_list()
    while not arguments.close_list():
        if bits:
            arguments.space()
        bits |= _option(session, _SELECTIONS, arguments.atom().upper())
    if bits & _RECURSIVE and not bits & (_SUBSCRIBED | _SPECIAL_USE):
        raise Bad(b"RECURSIVEMATCH needs another option")
    return bits


def _option(session, table, name):
    for known, bit in table:
        if known == name and (bit != _SPECIAL_USE or is_offered(session, b"SPECIAL-USE")):
            return bit
    raise Bad(b"Unknown LIST option")


def _read_patterns(session, arguments, reference, request):
    if arguments.peek() != 40:
        _add_pattern(session, reference, arguments.list_mailbox(), request)
        return
    arguments.open_list()
    _add_pattern(session, reference, arguments.list_mailbox(), request)
    while not arguments.close_list():
        arguments.space()
        _add_pattern(session, reference, arguments.list_mailbox(), request)


def _add_pattern(session, reference, pattern, request):
    if not pattern:
        # It does not ask for the delimiter here, and matches nothing (RFC 5258 3).
        return
    request.octets += len(reference) + len(pattern)
    if len(request.matchers) >= MAX_PATTERNS or request.octets > MAX_PATTERN_OCTETS:
        raise Bad(b"Too many patterns, or too long ones")
    request.matchers.append(patterns.matcher(session, reference, pattern))


def _read_returns(session, arguments, request, status):
    # What is selected by is told as well (RFC 5258 3.1, RFC 6154 2).
    request.returned = request.selection & (_SUBSCRIBED | _SPECIAL_USE)
    if arguments.at_end():
        return
    if not arguments.accept_word(b"RETURN"):
        raise Bad(b"Syntax error, expected RETURN")
    arguments.open_list()
    first = True
    while not arguments.close_list():
        if not first:
            arguments.space()
        first = False
        name = arguments.atom().upper()
        if name == b"STATUS" and is_offered(session, b"LIST-STATUS"):
            arguments.space()
            request.items = status.read_items(session, arguments)
        else:
            request.returned |= _option(session, _RETURNS, name)
    arguments.end()


async def _tell_all(session, request, status):
    store = session.server.store
    mailboxes = store.mailboxes(session.conn.user)
    # Those have no special use.
    if request.selection & (_SUBSCRIBED | _SPECIAL_USE) == _SUBSCRIBED:
        request.nonexistent = list(store.nonexistent(session.conn.user))
    known = bytearray(len(mailboxes))
    for k, info in enumerate(mailboxes):
        known[k] = _known_of(session, request, info)
        await _yield(k)
    for k in range(len(mailboxes)):
        if known[k] & _MATCHES:
            await _tell(session, request, status, mailboxes, known, k)
        await _yield(k)
    told = []
    for name in request.nonexistent:
        await _tell_nonexistent(session, request, name, told)


async def _yield(k):
    if k % YIELD_EVERY == YIELD_EVERY - 1:
        await asyncio.sleep_ms(0)


def _known_of(session, request, info):
    bits = _SELECTED
    if request.selection & _SUBSCRIBED and not info[INFO_ATTRIBUTES] & SUBSCRIBED:
        bits = 0
    if request.selection & _SPECIAL_USE and not attributes.special_uses(session, info):
        bits = 0
    return bits | _match(request, info[INFO_NAME].encode())


def _match(request, name):
    """Returns _MATCHES if the name (UTF-8) matches one of the patterns, else 0."""
    for matcher in request.matchers:
        if matcher.matches(name):
            return _MATCHES
    return 0


async def _tell(session, request, status, mailboxes, known, k):
    """Tells a mailbox that matches a pattern, if there is a reason to (RFC 5258 3.3)."""
    selected = known[k] & _SELECTED
    extended = b""
    if request.selection & _RECURSIVE:
        found = [known[child] for child in attributes.below(mailboxes, k) if known[child] & _SELECTED]
        found += _nonexistent_below(request, mailboxes[k][INFO_NAME].encode())
        if found:
            extended = _child_info(request)
        # One that is not selected itself is told for the sake of those below it that are not told (RFC 5258 3.5).
        if not selected and not any(not bits & _MATCHES for bits in found):
            return
    elif not selected:
        return
    info = mailboxes[k]
    try:
        text = _status_of(session, request, status, info) if selected else b""
    except NoSuchMailbox:
        return
    name = names.quoted(session, info[INFO_NAME])
    await session.conn.write(
        b'* LIST (%s) "/" %s%s\r\n' % (_attributes(session, request, mailboxes, k), name, extended)
    )
    if text:
        await session.conn.write(b"* STATUS %s (%s)\r\n" % (name, text))
        await asyncio.sleep_ms(0)


def _nonexistent_below(request, name):
    """Returns what is known of each name below this one that does not exist."""
    return [_match(request, other) for other in request.nonexistent if other.startswith(name + b"/")]


async def _tell_nonexistent(session, request, name, told):
    """Tells a subscribed name that does not exist if it matches, else those above it for its sake (RFC 5258 3, 3.5)."""
    if _match(request, name):
        await _tell_name(session, request, name, True)
        return
    while request.selection & _RECURSIVE and b"/" in name:
        name = name[: name.rfind(b"/")]
        # Mailboxes have been told, and subscribed names are told themselves.
        if _match(request, name) and name not in told and name not in request.nonexistent:
            if session.server.store.find(session.conn.user, str(name, "utf-8")) is None:
                told.append(name)
                await _tell_name(session, request, name, False)


async def _tell_name(session, request, name, is_subscribed):
    words = [b"\\Subscribed", b"\\NonExistent"] if is_subscribed else [b"\\NonExistent"]
    if request.returned & _CHILDREN and is_offered(session, b"CHILDREN"):
        # What is above a mailbox exists.
        words.append(b"\\HasNoChildren")
    below = request.selection & _RECURSIVE and _nonexistent_below(request, name)
    name = names.quoted(session, str(name, "utf-8"))
    line = (b" ".join(words), name, _child_info(request) if below else b"")
    await session.conn.write(b'* LIST (%s) "/" %s%s\r\n' % line)


def _status_of(session, request, status, info):
    """Returns what STATUS tells of a mailbox; nothing if it fails: LIST is no worse for it (RFC 5819 2)."""
    if request.items is None:
        return b""
    try:
        return status.text(session, info, request.items)
    except NoSuchMailbox:
        raise
    except StoreError:
        return b""


def _attributes(session, request, mailboxes, k):
    words = []
    if request.returned & _SUBSCRIBED and mailboxes[k][INFO_ATTRIBUTES] & SUBSCRIBED:
        words.append(b"\\Subscribed")
    if request.returned & _CHILDREN:
        words.extend(attributes.children(session, mailboxes, k))
    if request.returned & _SPECIAL_USE:
        words.extend(attributes.special_uses(session, mailboxes[k]))
    return b" ".join(words)


def _child_info(request):
    """RFC 5258 3.5: what is true of a mailbox below."""
    words = [b'"%s"' % name for name, bit in _SELECTIONS[:2] if request.selection & bit]
    return b' ("CHILDINFO" (%s))' % b" ".join(words)
