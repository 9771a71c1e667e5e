"""CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 6.3.3 to 6.3.7, RFC 6154 3)."""

from .. import overlay
from ..store import mailbox_object_id
from ..store.catalogue import INBOX
from ..store.errors import NoSuchMailbox
from . import names
from .capabilities import IMAP4REV2, is_offered
from .errors import Bad, No


def _read_name(session, command):
    command.arguments.space()
    return names.read(session, command.arguments)


def _check_new(name):
    """Raises No for a name that no mailbox may get (RFC 6855 3, RFC 5198 2): control characters, separators of lines
    and paragraphs, a byte order mark. The store looks after US-ASCII.
    """
    octets = name.encode()
    # U+2028, U+2029 and U+FEFF.
    bad = b"\xe2\x80\xa8" in octets or b"\xe2\x80\xa9" in octets or b"\xef\xbb\xbf" in octets
    # U+0080 to U+009F.
    at = octets.find(b"\xc2")
    while at >= 0 and not bad:
        bad = octets[at + 1] < 0xA0
        at = octets.find(b"\xc2", at + 2)
    if bad:
        raise No(b"A control character in a mailbox name", b"CANNOT")


def _read_text(command):
    """Reads a name as it is written."""
    command.arguments.space()
    return command.arguments.astring()


def _is_other(session, name, text):
    """True where the client is to be told that it has written `text` for this name (RFC 9051 6.3.9.7)."""
    return session.enabled & IMAP4REV2 and text.decode() != name


async def _tell_name(session, name, text):
    """Tells the mailbox called `name`, which the client calls `text`."""
    with overlay.use(("imap.attributes", "imap.told_name")) as told_name:
        await told_name.tell(session, name, text)


async def create(session, command):
    """Missing parents are made as real mailboxes: Outlook loses mail in a \\Noselect one."""
    arguments = command.arguments
    arguments.space()
    text = arguments.astring()
    if not arguments.at_end():
        arguments.space()
    special_use = 0 if arguments.at_end() else _read_parameters(session, arguments)
    # A delimiter at the end only says that there will be mailboxes below it (RFC 3501 6.3.3).
    text = text[:-1] if text.endswith(b"/") else text
    name = names.read_text(session, text)
    _check_new(name)
    session.server.store.create(session.conn.user, name, special_use)
    if _is_other(session, name, text):
        await _tell_name(session, name, text)
    if is_offered(session, b"OBJECTID"):
        # RFC 8474 4.1.
        return b"OK [MAILBOXID (%s)] CREATE completed" % mailbox_object_id(names.find(session, name))
    return b"OK CREATE completed"


def _read_parameters(session, arguments):
    """Reads the parameters of CREATE (RFC 4466 2.2); there is only USE. Returns the special uses as bits."""
    arguments.open_list()
    if not arguments.accept_word(b"USE") or not is_offered(session, b"CREATE-SPECIAL-USE"):
        raise Bad(b"Unknown parameter of CREATE")
    uses = []
    arguments.open_list()
    while not arguments.close_list():
        if uses:
            arguments.space()
        arguments.expect(b"\\")
        uses.append(b"\\" + arguments.atom())
    arguments.expect(b")")
    arguments.end()
    with overlay.use(("imap.attributes",)) as attributes:
        return sum({_bit_of(attributes.SPECIAL_USE_NAMES, use) for use in uses})


def _bit_of(special_uses, wanted):
    for bit, name in special_uses:
        if name.lower() == wanted.lower():
            return bit
    # All mailboxes are ordinary ones: \All and \Flagged would not be.
    raise No(b"That special use is not supported", b"USEATTR")


async def delete(session, command):
    text = _read_text(command)
    command.arguments.end()
    name = names.read_text(session, text)
    view = session.view
    info = names.find(session, name)
    session.server.store.delete(session.conn.user, name)
    if view is not None and view.box is not None and view.box.id == info[0]:
        # The client deletes what it has selected: it is in the authenticated state from now on.
        session.unselect()
        await session.conn.write(b"* OK [CLOSED] The selected mailbox is deleted\r\n")
    if _is_other(session, name, text):
        await _tell_name(session, name, text)
    return b"OK DELETE completed"


async def rename(session, command):
    """INBOX stays and gives its letters away (RFC 3501 6.3.5); the store does that."""
    text = _read_text(command)
    new_text = _read_text(command)
    command.arguments.end()
    old = names.read_text(session, text)
    new = names.read_text(session, new_text)
    names.find(session, old)
    _check_new(new)
    session.server.store.rename(session.conn.user, old, new)
    if old != INBOX and (_is_other(session, old, text) or _is_other(session, new, new_text)):
        await _tell_name(session, new, text)
    return b"OK RENAME completed"


async def subscribe(session, command):
    """A name that does not exist is refused, unless it is subscribed already (RFC 9051 6.3.7)."""
    name = _read_name(session, command)
    command.arguments.end()
    session.server.store.subscribe(session.conn.user, name, True)
    return b"OK SUBSCRIBE completed"


async def unsubscribe(session, command):
    """OK also if it was not subscribed or never existed, or Thunderbird tries for ever."""
    command.arguments.space()
    text = command.arguments.astring()
    command.arguments.end()
    try:
        session.server.store.subscribe(session.conn.user, names.read_text(session, text), False)
    except (NoSuchMailbox, No):
        pass
    return b"OK UNSUBSCRIBE completed"
