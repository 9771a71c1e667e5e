"""ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501 7.4.2 and 9, RFC 9051 9)."""

from tests.support.imap_grammar.reader import Reader

# From, Sender, Reply-To, To, Cc and Bcc, which are address lists (RFC 3501 9, envelope).
_ADDRESS_LISTS = 6


def read_envelope(reader: Reader) -> None:
    """Ten fields: strings or NIL, and six lists of addresses or NIL between them."""
    reader.expect(b"(")
    for _ in range(2):
        reader.nstring()
        reader.space()
    lists = []
    for _ in range(_ADDRESS_LISTS):
        start = reader.at
        lists.append(_addresses(reader))
        # RFC 3501 7.4.2: sender and reply-to default to from.
        if len(lists) in (2, 3) and lists[0] and not lists[-1]:
            reader.fail("no sender or reply-to, but a from", start)
        reader.space()
    reader.nstring()
    reader.space()
    reader.nstring()
    reader.expect(b")")


def _addresses(reader: Reader) -> bool:
    """NIL or a list of at least one address, without blanks between them. Returns False for NIL."""
    if reader.nil():
        return False
    start = reader.at
    groups = [kind for kind in reader.listed(lambda: _address(reader), 1, separated=False) if kind]
    # RFC 3501 7.4.2: the start of a group and its end belong together, and groups do not nest.
    if groups != [1, -1] * (len(groups) // 2):
        reader.fail("groups that do not begin and end in turn", start)
    return True


def _address(reader: Reader) -> int:
    """Name, route, mailbox, host. Returns 1 for the start of a group, -1 for its end, 0 for an address."""
    start = reader.at
    reader.expect(b"(")
    values = [reader.nstring()]
    for _ in range(3):
        reader.space()
        values.append(reader.nstring())
    reader.expect(b")")
    name, route, mailbox, host = values
    if host is not None:
        if mailbox is None:
            reader.fail("an address with a host and no mailbox", start)
        return 0
    # "[RFC-2822] group syntax is indicated by a special form of address structure in which the host name is NIL."
    if name is not None or route is not None:
        reader.fail("a group with a name or a route of its own", start)
    return -1 if mailbox is None else 1


def read_body(reader: Reader, extended: bool) -> None:
    """`body`; with `extended` it may have extension data, which BODY must not have (RFC 3501 7.4.2)."""
    reader.expect(b"(")
    if reader.peek(b"("):
        _multipart(reader, extended)
    else:
        _part(reader, extended)
    reader.expect(b")")


def _multipart(reader: Reader, extended: bool) -> None:
    """Parts without blanks between them, subtype, extension data."""
    while reader.peek(b"("):
        read_body(reader, extended)
    reader.space()
    reader.string()
    if extended and reader.peek(b" "):
        reader.space()
        _parameters(reader)
        _extension(reader)


def _part(reader: Reader, extended: bool) -> None:
    """Type and subtype, the basic fields, then what the type demands, then extension data."""
    start = reader.at
    kind_quoted = reader.peek(b'"')
    kind = reader.string().upper()
    reader.space()
    quoted = kind_quoted and reader.peek(b'"')
    subtype = reader.string().upper()
    letter = kind == b"MESSAGE" and subtype in (b"RFC822", b"GLOBAL")
    if (kind == b"TEXT" and not kind_quoted) or (letter and not quoted):
        # RFC 3501 9, media-text and media-message: DQUOTE.
        reader.fail("text or message/rfc822 as a literal", start)
    if kind == b"MULTIPART":
        # It has parts inside (RFC 3501 9, body-type-mpart), or it is none.
        reader.fail("a multipart without parts", start)
    reader.space()
    _fields(reader)
    if kind == b"MESSAGE" and (subtype == b"RFC822" or (subtype == b"GLOBAL" and reader.rev2)):
        _message(reader, extended)
    elif kind == b"MESSAGE" and subtype == b"GLOBAL" and reader.peek(b" ("):
        # RFC 3501 does not know it: there it may be one like any other, or as RFC 9051 has it.
        _message(reader, extended)
    elif kind == b"TEXT":
        reader.space()
        reader.number()
    if extended and reader.peek(b" "):
        reader.space()
        reader.nstring()
        _extension(reader)


def _message(reader: Reader, extended: bool) -> None:
    """RFC 3501 9, body-type-msg: envelope, body, lines."""
    reader.space()
    read_envelope(reader)
    reader.space()
    read_body(reader, extended)
    reader.space()
    reader.number()


def _fields(reader: Reader) -> None:
    """RFC 3501 9, body-fields: parameters, id, description, encoding, octets."""
    _parameters(reader)
    for _ in range(2):
        reader.space()
        reader.nstring()
    reader.space()
    if reader.nil():
        reader.fail("an encoding that is NIL")
    if not reader.string():
        reader.fail("an encoding that is empty")
    reader.space()
    # 63 bits in RFC 9051 9, body-fld-octets.
    if reader.rev2:
        reader.number64()
    else:
        reader.number()


def _parameters(reader: Reader) -> None:
    """RFC 3501 9, body-fld-param: NIL, or pairs of strings, at least one."""
    if reader.nil():
        return
    start = reader.at
    if len(reader.listed(reader.string, 2)) % 2:
        reader.fail("a parameter without a value", start)


def _extension(reader: Reader) -> None:
    """What may follow MD5, or the parameters of a multipart: disposition, language, location, and what is to come."""
    if not reader.peek(b" "):
        return
    reader.space()
    if not reader.nil():
        reader.expect(b"(")
        reader.string()
        reader.space()
        _parameters(reader)
        reader.expect(b")")
    if not reader.peek(b" "):
        return
    reader.space()
    if reader.peek(b"("):
        reader.listed(reader.string, 1)
    else:
        reader.nstring()
    if not reader.peek(b" "):
        return
    reader.space()
    reader.nstring()
    if reader.peek(b" "):
        # RFC 3501 9, body-extension: servers must not send any but those of a standard, and there is none.
        reader.fail("extension data that no RFC defines")
