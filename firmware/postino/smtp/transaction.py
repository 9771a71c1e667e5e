"""MAIL and RCPT: the envelope of one letter (RFC 5321 sections 3.3 and 4.1.1)."""

import asyncio

from .. import log
from ..store import StoreError
from . import paths, replies

# After so many unknown recipients on one connection each further answer waits, and after so many more the connection
# ends: somebody is guessing names (RFC 5321 section 7.3).
UNKNOWN_BEFORE_DELAY = 10
UNKNOWN_BEFORE_CLOSE = 30
UNKNOWN_DELAY_MS = 1000
# Room that must be there for a letter of which the size is not told.
SMALLEST_ROOM = 4096
# RFC 1870 section 4: digits in SIZE=.
_SIZE_DIGITS = 20


class Transaction:
    """Sender and recipients between MAIL and the end of DATA."""

    def __init__(self, sender, size=0):
        self.sender = sender
        # As declared, or 0.
        self.size = size
        # Names of local users, each once: a letter to two addresses of one user is delivered once.
        self.users = []
        # The address of the only recipient, for the Received field; None when there is more than one.
        self.recipient = None
        self.accepted = 0
        self.refused = 0

    def add(self, user, address):
        self.accepted += 1
        self.recipient = address if self.accepted == 1 else None
        if user not in self.users:
            self.users.append(user)


def _parse(argument, keyword, malformed):
    """Returns (address, parameters, None), or (None, None, reply)."""
    try:
        address, parameters = paths.parse(argument, keyword)
    except paths.MalformedCommand:
        return None, None, replies.NOT_WELL_FORMED if b":" not in argument else replies.BAD_ARGUMENT
    except paths.MalformedAddress:
        return None, None, malformed
    except paths.NotAscii:
        return None, None, replies.NOT_ASCII
    return address, parameters, None


async def mail(session, argument):
    """MAIL FROM:<path> [SIZE=n] [BODY=...] [AUTH=...]"""
    if session.helo is None:
        return replies.HELLO_FIRST
    if session.transaction is not None:
        return replies.ALREADY_IN_MAIL
    address, parameters, refusal = _parse(argument, b"FROM", replies.BAD_SENDER)
    if refusal:
        return refusal
    size, refusal = _mail_parameters(parameters)
    refusal = refusal or _refuse_size(session.server, size)
    if refusal:
        return refusal
    session.transaction = Transaction(address, size)
    return replies.SENDER_OK


def _mail_parameters(parameters):
    """Returns (declared size or 0, refusal or None)."""
    size = 0
    seen = []
    for name, value in parameters:
        if name in seen:
            return 0, replies.BAD_ARGUMENT
        seen.append(name)
        if name == b"SIZE":
            # RFC 1870 section 4
            if not value or not value.isdigit() or len(value) > _SIZE_DIGITS:
                return 0, replies.BAD_ARGUMENT
            size = int(value)
        elif name == b"BODY":
            # RFC 6152 section 2
            if not value or value.upper() not in (b"7BIT", b"8BITMIME"):
                return 0, replies.BAD_ARGUMENT
        elif name == b"AUTH":
            # RFC 4954 section 5: taken, and of no consequence.
            if not value:
                return 0, replies.BAD_ARGUMENT
        else:
            return 0, replies.UNKNOWN_PARAMETER
    return size, None


def _refuse_size(server, size):
    # RFC 1870 section 6.1: 552 for a letter that never fits, 452 for one that does not fit now.
    if size > server.settings.get("max_message_size"):
        return replies.TOO_BIG
    try:
        server.store.check()
        if max(size, SMALLEST_ROOM) > server.store.free_bytes():
            return replies.NO_ROOM
    except StoreError as error:
        log.error("smtp: store: %s", error)
        return replies.STORE_TROUBLE
    return None


async def rcpt(session, argument):
    """RCPT TO:<path>, for a local user or not at all."""
    transaction = session.transaction
    if transaction is None:
        return replies.MAIL_FIRST
    address, parameters, refusal = _parse(argument, b"TO", replies.BAD_RECIPIENT)
    if not refusal and not address:
        # RFC 5321 section 4.1.1.3: the null path is for senders.
        refusal = replies.BAD_RECIPIENT
    if not refusal and parameters:
        refusal = replies.UNKNOWN_PARAMETER
    if not refusal:
        found = session.server.router.resolve(address)
        if found is None:
            refusal = await _not_ours(session, address)
        elif found[0] not in transaction.users and len(transaction.users) >= session.server.settings.get(
            "max_recipients"
        ):
            # RFC 5321 section 4.5.3.1.10
            refusal = replies.TOO_MANY_RECIPIENTS
        elif not _has_room(session.server, found[0], transaction.size):
            refusal = replies.RECIPIENT_FULL
        else:
            transaction.add(found[0], address)
            return replies.RECIPIENT_OK
    transaction.refused += 1
    return refusal


def _has_room(server, user, size):
    # A store that cannot say is asked again at DATA.
    try:
        return server.store.has_room_for(user, max(size, SMALLEST_ROOM))
    except StoreError:
        return True


async def _not_ours(session, address):
    session.unknown += 1
    if session.unknown > UNKNOWN_BEFORE_CLOSE:
        session.over = True
        log.warn("smtp %s: too many unknown recipients", session.conn.peer)
        return replies.TOO_MANY_UNKNOWN
    if session.unknown > UNKNOWN_BEFORE_DELAY:
        await asyncio.sleep_ms(UNKNOWN_DELAY_MS)
    domain = paths.split(address)[2]
    if domain and not session.server.router.is_local_domain(domain):
        return replies.NO_RELAY
    return replies.UNKNOWN_USER
