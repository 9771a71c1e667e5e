"""CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 6.3.3 to 6.3.7)."""

from ..store.errors import NoSuchMailbox
from . import names
from .errors import No


def _read_name(session, command):
    command.arguments.space()
    return names.read(session, command.arguments)


async def create(session, command):
    """Missing parents are made as real mailboxes: Outlook loses mail in a \\Noselect one."""
    command.arguments.space()
    text = command.arguments.astring()
    command.arguments.end()
    # A delimiter at the end only says that there will be mailboxes below it (RFC 3501 6.3.3).
    name = names.read_text(session, text[:-1] if text.endswith(b"/") else text)
    session.server.store.create(session.conn.user, name)
    return b"OK CREATE completed"


async def delete(session, command):
    name = _read_name(session, command)
    command.arguments.end()
    view = session.view
    info = names.find(session, name)
    session.server.store.delete(session.conn.user, name)
    if view is not None and view.box is not None and view.box.id == info[0]:
        # The client deletes what it has selected: it is in the authenticated state from now on.
        session.unselect()
    return b"OK DELETE completed"


async def rename(session, command):
    """INBOX stays and gives its letters away (RFC 3501 6.3.5); the store does that."""
    old = _read_name(session, command)
    new = _read_name(session, command)
    command.arguments.end()
    names.find(session, old)
    session.server.store.rename(session.conn.user, old, new)
    return b"OK RENAME completed"


async def subscribe(session, command):
    name = _read_name(session, command)
    command.arguments.end()
    names.find(session, name)
    session.server.store.subscribe(session.conn.user, name, True)
    return b"OK SUBSCRIBE completed"


async def unsubscribe(session, command):
    """A name that does not exist is not subscribed: OK, or Thunderbird tries for ever."""
    command.arguments.space()
    text = command.arguments.astring()
    command.arguments.end()
    try:
        session.server.store.subscribe(session.conn.user, names.read_text(session, text), False)
    except (NoSuchMailbox, No):
        pass
    return b"OK UNSUBSCRIBE completed"
