"""ENVELOPE of a letter's header (RFC 3501 7.4.2): ten fields always, the strings as they were sent."""

from postino.mime.address import addresses
from postino.mime.quoting import nstring, nstring_of, one_line

# The fields an envelope is made from: what its FieldCollector has to collect.
NAMES = (
    b"date",
    b"subject",
    b"from",
    b"sender",
    b"reply-to",
    b"to",
    b"cc",
    b"bcc",
    b"in-reply-to",
    b"message-id",
)


def envelope(collector) -> bytes:
    """The envelope in one piece."""
    return b"".join(pieces(collector))


def pieces(collector):
    """Yields the envelope in pieces, none much longer than an address or a collector's piece."""
    yield b"("
    yield from nstring_of(lambda: collector.pieces(b"date"))
    yield b" "
    yield from nstring_of(lambda: _subject(collector.pieces(b"subject")))
    for name in (b"from", b"sender", b"reply-to"):
        yield b" "
        # Missing or empty, they are what From is (RFC 3501 7.4.2).
        yield from _address_list(collector, name if _has_address(collector, name) else b"from")
    for name in (b"to", b"cc", b"bcc"):
        yield b" "
        yield from _address_list(collector, name)
    yield b" "
    yield from nstring_of(lambda: collector.pieces(b"in-reply-to"))
    yield b" "
    yield from nstring_of(lambda: collector.pieces(b"message-id"))
    yield b")"


def _subject(value):
    """The subject in pieces, or None, with every run of blanks made one, as folding likes to leave them."""
    return None if value is None else _without_runs(value)


def _without_runs(value):
    blank = True
    for piece in value:
        piece = one_line(piece)
        if blank:
            piece = piece.lstrip(b" ")
        if piece:
            blank = piece[-1] == 0x20
            yield piece


def _has_address(collector, name):
    for _ in addresses(collector.pieces(name) or ()):
        return True
    return False


def _address_list(collector, name):
    """Yields the list of one field, address by address; NIL where there is none, never an empty list."""
    empty = True
    for person, route, mailbox, host in addresses(collector.pieces(name) or ()):
        person = person and one_line(person).strip(b" ")
        yield b"((" if empty else b"("
        empty = False
        yield nstring(person) + b" " + nstring(route) + b" " + nstring(mailbox) + b" " + nstring(host) + b")"
    yield b"NIL" if empty else b")"
