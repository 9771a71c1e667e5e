"""STATUS (RFC 3501 6.3.10)."""

from . import names
from .errors import Bad

# STATUS items, in the order of what `store.status` returns.
STATUS_ITEMS = (b"MESSAGES", b"RECENT", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN")


def _read_items(arguments):
    arguments.open_list()
    items = []
    while not arguments.close_list():
        if items:
            arguments.space()
        item = arguments.atom().upper()
        if item not in STATUS_ITEMS:
            raise Bad(b"Unknown STATUS item")
        if item not in items:
            items.append(item)
    if not items:
        raise Bad(b"STATUS of nothing")
    return items


async def status(session, command):
    command.arguments.space()
    name = names.read(session, command.arguments)
    command.arguments.space()
    items = _read_items(command.arguments)
    command.arguments.end()
    names.find(session, name)
    values = session.server.store.status(session.conn.user, name)
    text = b" ".join([b"%s %d" % (item, values[STATUS_ITEMS.index(item)]) for item in items])
    await session.conn.write(b"* STATUS %s (%s)\r\n" % (names.quoted(session, name), text))
    return b"OK STATUS completed"
