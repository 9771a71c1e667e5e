"""BODYSTRUCTURE and BODY of a letter (RFC 3501 7.4.2), written part by part as the table lists them.

Nothing is kept per part: what stands at the end of a multipart or an attached letter comes from its header, read again.
"""

from postino.mime import envelope, parameters
from postino.mime.quoting import described
from postino.mime.structure import LEAF, MESSAGE, MULTIPART
from postino.mime.tokens import COMMENT, tokens

# The fields that describe a part.
PART_NAMES = (
    b"content-type",
    b"content-transfer-encoding",
    b"content-id",
    b"content-description",
    b"content-disposition",
    b"content-language",
    b"content-location",
    b"content-md5",
)
# What the collectors handed to emit() have to collect: the letter inside an attached one has an envelope, too.
NAMES = PART_NAMES + envelope.NAMES

# Languages listed of one part.
LANGUAGE_LIMIT = 16


async def emit(table, header_of, write, extended):
    """Writes the description of the whole letter.

    `header_of(index)` is awaited for a FieldCollector over NAMES, fed with that part's header; `write` is awaited with
    bytes. With `extended` it is BODYSTRUCTURE, otherwise BODY.
    """
    # Multiparts and attached letters not yet closed.
    around = []
    header = None
    for index in range(table.count):
        while around and around[-1] != table.parent(index):
            await _close(table, around.pop(), header_of, write, extended)
        kind = table.kind(index)
        if kind == MULTIPART:
            around.append(index)
            await write(b"(")
        elif kind == MESSAGE:
            around.append(index)
            if header is None:
                header = await header_of(index)
            await write(b'("MESSAGE" "RFC822" ' + _basic(table, index, header) + b" ")
            header = await header_of(index + 1)
            for piece in envelope.pieces(header):
                await write(piece)
            await write(b" ")
            # The header of the letter inside is what the next turn needs.
            continue
        else:
            if header is None:
                header = await header_of(index)
            await write(_leaf(table, index, header, extended))
        header = None
    while around:
        await _close(table, around.pop(), header_of, write, extended)


async def _close(table, index, header_of, write, extended):
    """What follows the inner parts of a multipart or an attached letter."""
    if table.kind(index) == MESSAGE and not extended:
        await write(b" %d)" % table.lines(index))
        return
    header = await header_of(index)
    if table.kind(index) == MESSAGE:
        out = b" %d " % table.lines(index) + described(header.get(b"content-md5")) + _extension(header)
    else:
        _, subtype, given = parameters.content_type(header.get(b"content-type"))
        out = b" " + described(subtype)
        if extended:
            out += b" " + _parameters(given) + _extension(header)
    await write(out + b")")


def _leaf(table, index, header, extended):
    """A part without parts inside."""
    if table.kind(index) == LEAF:
        kind, subtype, _ = parameters.content_type(header.get(b"content-type"))
    else:
        kind, subtype = b"TEXT", b"PLAIN"
    out = b"(" + described(kind) + b" " + described(subtype) + b" " + _basic(table, index, header)
    if kind.lower() == b"text":
        out += b" %d" % table.lines(index)
    if extended:
        out += b" " + described(header.get(b"content-md5")) + _extension(header)
    return out + b")"


def _basic(table, index, header):
    """The fields that every part but a multipart has: parameters, id, description, encoding, octets."""
    kind = table.kind(index)
    if kind == LEAF or (kind == MESSAGE and header.get(b"content-type")):
        given = parameters.content_type(header.get(b"content-type"))[2]
    else:
        given = ()
    out = _parameters(given) + b" " + described(header.get(b"content-id"))
    out += b" " + described(header.get(b"content-description"))
    # What could not be taken apart is shown as it is, whatever its header says.
    encoding = _encoding(header) if kind == LEAF or kind == MESSAGE else b"8BIT"
    return out + b" " + described(encoding) + b" %d" % table.octets(index)


def _encoding(header):
    """Never NIL: clients fail on that. 7BIT is the default (RFC 2045 6.1)."""
    main = parameters.parse(header.get(b"content-transfer-encoding") or b"")[0]
    return main.upper() or b"7BIT"


def _parameters(given):
    if not given:
        return b"NIL"
    return b"(" + b" ".join([described(name) + b" " + described(value) for name, value in given]) + b")"


def _extension(header):
    """Disposition, languages and location, each after a blank."""
    disposition = b"NIL"
    value = header.get(b"content-disposition")
    if value:
        main, given = parameters.parse(value)
        if main:
            disposition = b"(" + described(main) + b" " + _parameters(given) + b")"
    location = header.get(b"content-location")
    return b" " + disposition + b" " + _languages(header) + b" " + described(location)


def _languages(header):
    """Content-Language (RFC 3282) as a list; NIL, never an empty one."""
    tags = []
    for kind, text in tokens(header.get(b"content-language") or b"", b",", b",("):
        if text and kind != COMMENT and len(tags) < LANGUAGE_LIMIT:
            tags.append(described(text))
    return b"(" + b" ".join(tags) + b")" if tags else b"NIL"
