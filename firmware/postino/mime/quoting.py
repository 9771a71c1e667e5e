"""IMAP strings (RFC 3501 4.3): quoted where that is safe for every client, otherwise a literal; never an atom."""

# A longer string is sent as a literal.
QUOTED_LIMIT = 512

# Every octet that may stand in a quoted string as it is, frequent ones first: strip() looks them up in this order.
_SAFE = b"etaonisrhldcumfpgwybvkxjqz 0123456789-._@/ETAONISRHLDCUMFPGWYBVKXJQZ=<>+:,;?()!#$%&'*[]^`{|}~"


def string(value: bytes) -> bytes:
    """The value as a quoted string or a literal."""
    # strip() leaves nothing exactly when every octet is safe: one call instead of a loop over the octets.
    if len(value) <= QUOTED_LIMIT and not value.strip(_SAFE):
        return b'"' + value + b'"'
    return b"{%d}\r\n" % len(value) + _clean(value)


def nstring(value) -> bytes:
    """The value as a string, or NIL for None."""
    return b"NIL" if value is None else string(value)


def nstring_of(read):
    """Yields the same in pieces, for a value that comes in pieces each time read() is called, or for None."""
    pieces = read()
    if pieces is None:
        yield b"NIL"
        return
    size = 0
    short = b""
    for piece in pieces:
        size += len(piece)
        short = short + piece if size <= QUOTED_LIMIT else b""
    if size <= QUOTED_LIMIT:
        yield string(short)
        return
    yield b"{%d}\r\n" % size
    for piece in read():
        yield _clean(piece)


def one_line(value: bytes) -> bytes:
    """A text for people, with every run of blanks and line ends made one blank."""
    value = value.replace(b"\t", b" ").replace(b"\r", b" ").replace(b"\n", b" ")
    while b"  " in value:
        value = value.replace(b"  ", b" ")
    return value


def _clean(value):
    # A literal holds any octet but NUL (RFC 3501 9, CHAR8).
    return value.replace(b"\x00", b" ")
