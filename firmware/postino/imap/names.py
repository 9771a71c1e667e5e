"""Mailbox names between the wire and the store (RFC 3501 5.1, RFC 6855 3, RFC 9051 5.1)."""

from .. import overlay
from ..mime.quoting import string
from ..store.catalogue import canonical
from . import utf7, wire
from .capabilities import UTF8_NAMES
from .errors import No

# Longest name that is looked at, as it is written; no mailbox has one so long.
MAX_NAME = 1024

# What may be put together with what stands before it begins like this: accents, the letters of Hangul but the first of
# a syllable, marks of kana. So do signs that are letters: Ohm, Kelvin, Angstrom.
_PARTS = (b"\xcc", b"\xcd", b"\xe1\x85", b"\xe1\x86", b"\xe1\x87", b"\xe3\x82\x99", b"\xe3\x82\x9a", b"\xe2\x84")


def decode(session, text):
    """Returns a name or pattern as str: modified UTF-7, or UTF-8 where that is enabled. Raises ValueError.

    However a client spells accents, it finds the same mailbox (RFC 5198 2: Normalization Form C).
    """
    name = wire.utf8(text) if session.enabled & UTF8_NAMES else utf7.decode(text)
    octets = name.encode()
    if len(octets) > len(name) and any(part in octets for part in _PARTS):
        with overlay.use(("mime.utf8", "mime.composition")) as composition:
            return composition.compose(octets).decode()
    return name


def read_text(session, text):
    """Returns the name (str) that was read as `text`. Raises No if it cannot be one."""
    if len(text) > MAX_NAME:
        raise No(b"That mailbox name is too long", b"CANNOT")
    try:
        name = decode(session, text)
    except ValueError:
        raise No(b"That is not a mailbox name in the encoding in use", b"CANNOT")
    # INBOX is the same in any case (RFC 3501 5.1).
    return canonical(name)


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
