"""Mailbox names between the wire and the store (RFC 3501 5.1, RFC 6855 3, RFC 9051 5.1)."""

from ..mime.quoting import string
from . import utf7
from .capabilities import UTF8_NAMES
from .errors import No

INBOX = "INBOX"
# Longest name that is looked at, as it is written; no mailbox has one so long.
MAX_NAME = 1024


def decode(session, text):
    """Returns a name or pattern as str: modified UTF-7, or UTF-8 where that is enabled. Raises ValueError."""
    return text.decode() if session.enabled & UTF8_NAMES else utf7.decode(text)


def read_text(session, text):
    """Returns the name (str) that was read as `text`. Raises No if it cannot be one."""
    if len(text) > MAX_NAME:
        raise No(b"That mailbox name is too long", b"CANNOT")
    try:
        name = decode(session, text)
    except ValueError:
        raise No(b"That is not a mailbox name in the encoding in use", b"CANNOT")
    # INBOX is the same in any case (RFC 3501 5.1).
    return INBOX if name.upper() == INBOX else name


def read(session, arguments):
    """Reads a mailbox name."""
    return read_text(session, arguments.astring())


def quoted(session, name):
    """Returns a name as it is sent: always quoted, so that no client stumbles over a blank."""
    if session.enabled & UTF8_NAMES:
        # RFC 6855 3 and RFC 9051 4.3: a quoted string may hold UTF-8.
        return b'"' + name.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return string(utf7.encode(name))


def find(session, name):
    """Returns the MailboxInfo of the user's mailbox. Raises No."""
    info = session.server.store.find(session.conn.user, name)
    if info is None:
        raise No(b"There is no mailbox of that name", b"NONEXISTENT")
    return info
