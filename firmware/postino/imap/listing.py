"""LIST, LSUB and NAMESPACE (RFC 3501 6.3.8 and 6.3.9, RFC 2342), with CHILDREN and SPECIAL-USE attributes."""

import asyncio

from .. import overlay
from ..store import INFO_ATTRIBUTES, INFO_NAME, SUBSCRIBED
from . import attributes, names, patterns
from .capabilities import is_offered
from .errors import Bad

# Mailboxes after which other sessions get their turn.
YIELD_EVERY = 16


async def list_mailboxes(session, command):
    arguments = command.arguments
    arguments.space()
    reference = pattern = None
    # An extended LIST has options first, or several patterns, or something behind the pattern (RFC 5258 1).
    if arguments.peek() != 40:
        reference = arguments.astring()
        arguments.space()
        if arguments.peek() != 40:
            pattern = arguments.list_mailbox()
            if not arguments.at_end():
                arguments.space()
            if arguments.at_end():
                return await _list(session, reference, pattern, b"LIST")
    if not is_offered(session, b"LIST-EXTENDED"):
        raise Bad(b"Unexpected arguments")
    with overlay.use(("imap.list_extended",)) as extended:
        return await extended.list_mailboxes(session, arguments, reference, pattern)


async def list_subscribed(session, command):
    """Outlook reads special uses from LSUB, so they are given here too."""
    arguments = command.arguments
    arguments.space()
    reference = arguments.astring()
    arguments.space()
    pattern = arguments.list_mailbox()
    arguments.end()
    return await _list(session, reference, pattern, b"LSUB")


async def _list(session, reference, pattern, verb):
    if not pattern:
        # The delimiter and the root's name (RFC 3501 6.3.8).
        await _tell(session, verb, b"\\Noselect", "")
        return b"OK %s completed" % verb
    matcher = patterns.matcher(session, reference, pattern)
    store = session.server.store
    mailboxes = store.mailboxes(session.conn.user)
    parents = []
    for k, info in enumerate(mailboxes):
        name = info[INFO_NAME]
        if verb == b"LIST" or info[INFO_ATTRIBUTES] & SUBSCRIBED:
            if matcher.matches(name.encode()):
                words = attributes.children(session, mailboxes, k) + attributes.special_uses(session, info)
                await _tell(session, verb, b" ".join(words), name)
            elif verb == b"LSUB":
                await _tell_parent(session, matcher, mailboxes, name, parents)
        if k % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep_ms(0)
    if verb == b"LSUB":
        # Without \Noselect, which would say that they are not subscribed (RFC 3501 6.3.9, RFC 5258 3.1).
        for octets in store.nonexistent(session.conn.user):
            name = str(octets, "utf-8")
            if matcher.matches(octets):
                await _tell(session, verb, b"", name)
            else:
                await _tell_parent(session, matcher, mailboxes, name, parents)
    return b"OK %s completed" % verb


async def _tell(session, verb, words, name):
    await session.conn.write(b'* %s (%s) "/" %s\r\n' % (verb, words, names.quoted(session, name)))


async def _tell_parent(session, matcher, mailboxes, name, told):
    """With "%", a name above a subscribed one is told as \\Noselect if not subscribed itself (RFC 3501 6.3.9)."""
    parent = _matching_parent(matcher, name)
    if parent is None or parent in told:
        return
    told.append(parent)
    for info in mailboxes:
        if info[INFO_NAME] == parent and info[INFO_ATTRIBUTES] & SUBSCRIBED:
            return
    if parent.encode() not in session.server.store.nonexistent(session.conn.user):
        await _tell(session, b"LSUB", b"\\Noselect", parent)


def _matching_parent(matcher, name):
    """Returns the lowest name above this one that matches, or None."""
    end = name.rfind("/")
    while end > 0:
        name = name[:end]
        if matcher.matches(name.encode()):
            return name
        end = name.rfind("/")
    return None


async def namespace(session, command):
    """One personal namespace, nothing shared (RFC 2342 5)."""
    command.arguments.end()
    await session.conn.write(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return b"OK NAMESPACE completed"
