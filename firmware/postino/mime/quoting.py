"""IMAP strings (RFC 3501 4.3): quoted where that is safe for every client, otherwise a literal; never an atom."""

# A longer string is sent as a literal.
QUOTED_LIMIT = 512

# Strings that describe a letter (a subject, a name, a file name) are cut here: nobody reads on, and the heap is small.
DESCRIPTION_LIMIT = 1024

# Every octet that may stand in a quoted string as it is, frequent ones first: strip() looks them up in this order.
_SAFE = b"etaonisrhldcumfpgwybvkxjqz 0123456789-._@/ETAONISRHLDCUMFPGWYBVKXJQZ=<>+:,;?()!#$%&'*[]^`{|}~"


def string(value: bytes) -> bytes:
    """The value as a quoted string or a literal."""
    # strip() leaves nothing exactly when every octet is safe: one call instead of a loop over the octets.
    if len(value) <= QUOTED_LIMIT and not value.strip(_SAFE):
        return b'"' + value + b'"'
    # A literal holds any octet but NUL (RFC 3501 9, CHAR8).
    value = value.replace(b"\x00", b" ")
    return b"{%d}\r\n" % len(value) + value


def nstring(value) -> bytes:
    """The value as a string, or NIL for None."""
    return b"NIL" if value is None else string(value)


def described(value) -> bytes:
    """The same for a string of ENVELOPE or BODYSTRUCTURE, which is cut where it is unreasonably long."""
    return nstring(value if value is None else value[:DESCRIPTION_LIMIT])
