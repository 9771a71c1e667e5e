"""ENVELOPE of a letter's header (RFC 3501 7.4.2): ten fields always, the strings as they were sent."""

from postino.mime.address import addresses
from postino.mime.quoting import described

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
    """Yields the envelope in pieces, none longer than one field or address."""
    yield b"(" + described(collector.get(b"date")) + b" "
    yield described(collector.get(b"subject")) + b" "
    author = b"".join(_address_list(collector.get(b"from")))
    yield author
    for name in (b"sender", b"reply-to"):
        yield b" "
        # Missing or empty, they are what From is (RFC 3501 7.4.2).
        own = b"".join(_address_list(collector.get(name)))
        yield author if own == b"NIL" else own
    for name in (b"to", b"cc", b"bcc"):
        yield b" "
        yield from _address_list(collector.get(name))
    yield b" " + described(collector.get(b"in-reply-to"))
    yield b" " + described(collector.get(b"message-id")) + b")"


def _address_list(value):
    """Yields the list of one field, address by address; NIL where there is none, never an empty list."""
    empty = True
    for name, route, mailbox, host in addresses(value or b""):
        yield b"((" if empty else b"("
        empty = False
        yield described(name) + b" " + described(route) + b" " + described(mailbox) + b" " + described(host) + b")"
    yield b"NIL" if empty else b")"
