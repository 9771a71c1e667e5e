"""STATUS (RFC 3501 6.3.10), with the items that RFC 7162, 7889, 8438, 8474, 9051 and 9208 add."""

from ..store import INFO_ID, INFO_NAME, Nobody, mailbox_object_id
from ..store.flags import DELETED
from ..store.space import BLOCK
from . import capabilities, names
from .errors import Bad

# Items, the capability that brings each, and where it is in what store.status() returns (None: elsewhere).
_ITEMS = (
    (b"MESSAGES", None, 0),
    (b"RECENT", None, 1),
    (b"UIDNEXT", None, 2),
    (b"UIDVALIDITY", None, 3),
    (b"UNSEEN", None, 4),
    (b"DELETED", b"IMAP4rev2", 5),
    (b"SIZE", b"STATUS=SIZE", 6),
    (b"HIGHESTMODSEQ", b"CONDSTORE", 7),
    (b"MAILBOXID", b"OBJECTID", None),
    (b"APPENDLIMIT", b"APPENDLIMIT", None),
    (b"DELETED-STORAGE", b"QUOTA=RES-STORAGE", None),
)
# For these every message is looked at.
_COUNTED = (b"RECENT", b"UNSEEN", b"DELETED", b"SIZE", b"DELETED-STORAGE")


async def status(session, command):
    arguments = command.arguments
    arguments.space()
    name = names.read(session, arguments)
    arguments.space()
    items = read_items(session, arguments)
    arguments.end()
    reply = b"* STATUS %s (%s)\r\n" % (names.quoted(session, name), text(session, names.find(session, name), items))
    await session.conn.write(reply)
    return b"OK STATUS completed"


def read_items(session, arguments):
    """Reads the items in parentheses; one that is asked for twice is told once."""
    arguments.open_list()
    items = []
    while not arguments.close_list():
        if items:
            arguments.space()
        item = arguments.atom().upper()
        entry = _entry(item)
        if entry is None or not (entry[1] is None or capabilities.is_offered(session, entry[1])):
            raise Bad(b"Unknown STATUS item")
        if item not in items:
            items.append(item)
    if not items:
        raise Bad(b"STATUS of nothing")
    return items


def _entry(item):
    for entry in _ITEMS:
        if entry[0] == item:
            return entry
    return None


def text(session, info, items):
    """Returns what is told of a mailbox, as it stands between the parentheses. Raises NoSuchMailbox, StoreError."""
    if b"HIGHESTMODSEQ" in items:
        # RFC 7162 3.1.
        session.enabled |= capabilities.CONDSTORE
    counted = any(item in _COUNTED for item in items)
    values = session.server.store.status(session.conn.user, info[INFO_NAME], counted)
    return b" ".join([b"%s %s" % (item, _value(session, info, item, values)) for item in items])


def _value(session, info, item, values):
    if item == b"RECENT" and session.enabled & capabilities.IMAP4REV2:
        # Nothing would be \\Recent if this session selected it (RFC 9051 appendix E).
        return b"0"
    place = _entry(item)[2]
    if place is not None:
        return b"%d" % values[place]
    if item == b"MAILBOXID":
        return b"(%s)" % mailbox_object_id(info)
    if item == b"APPENDLIMIT":
        return b"%d" % session.server.settings.get("max_message_size")
    return b"%d" % (_deleted_storage(session.server.store, info) if values[5] else 0)


def _deleted_storage(store, info):
    """Octets that EXPUNGE would free, as the quota counts them (RFC 9208 4.1.4)."""
    deaf = Nobody()
    box = store.open_mailbox(info[INFO_ID], deaf)
    try:
        return sum(box.blocks(row) for row in range(len(box)) if box.flags(row) & DELETED) * BLOCK
    finally:
        box.close(deaf)
