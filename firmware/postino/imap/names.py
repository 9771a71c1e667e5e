"""Mailbox names between the wire and the store (RFC 3501 5.1)."""

from ..mime.quoting import string
from . import utf7
from .errors import No

INBOX = "INBOX"
# Longest name that is looked at, as it is written; no mailbox has one so long.
MAX_NAME = 1024
# Octets of a name as it is sent: more than any name the store takes can need, and little enough to be decoded at once.
MAX_SENT = 1024


def read_text(text):
    """Returns the name (str) that was read as `text`. Raises No if it cannot be one."""
    if len(text) > MAX_SENT:
        raise No(b"That mailbox name is too long", b"CANNOT")
    if len(text) > MAX_NAME:
        raise No(b"The mailbox name is too long", b"CANNOT")
    try:
        name = utf7.decode(text)
    except ValueError:
        raise No(b"That is not a mailbox name in modified UTF-7", b"CANNOT")
    # INBOX is the same in any case (RFC 3501 5.1).
    return INBOX if name.upper() == INBOX else name


def read(arguments):
    """Reads a mailbox name."""
    return read_text(arguments.astring())


def quoted(name):
    """Returns a name as it is sent: always quoted, so that no client stumbles over a blank."""
    return string(utf7.encode(name))


def find(session, name):
    """Returns the MailboxInfo of the user's mailbox. Raises No."""
    info = session.server.store.find(session.conn.user, name)
    if info is None:
        raise No(b"There is no mailbox of that name", b"NONEXISTENT")
    return info
