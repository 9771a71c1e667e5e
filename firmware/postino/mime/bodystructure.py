"""BODYSTRUCTURE and BODY of a letter (RFC 3501 7.4.2), written part by part as the table lists them.

Nothing is kept per part: what stands at the end of a multipart or an attached letter comes from its header, read again.
"""

from postino.mime import envelope, parameters
from postino.mime.part_table import GLOBAL, LEAF, MESSAGE, MULTIPART, RAW
from postino.mime.quoting import nstring, nstring_of, string
from postino.mime.tokens import ATOM, COMMENT, tokens

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

# What a text is without parameters, and an entity without encoding (RFC 2045 5.2, 6.1).
_CHARSET = (b"charset", b"us-ascii")
_ENCODING = b"7bit"

# IMAP has no multipart without parts (RFC 3501 9, body-type-mpart): there is said to be an empty one.
_NO_PART = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0'
_NO_EXTENSION = b" NIL NIL NIL NIL"
# The envelope of an attached letter that cannot be looked into.
_NO_ENVELOPE = b" (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "


async def emit(table, header_of, write, extended, rev2):
    """Writes the description of the whole letter.

    `header_of(index)` is awaited for a FieldCollector over NAMES, fed with that part's header; `write` is awaited with
    bytes. With `extended` it is BODYSTRUCTURE, otherwise BODY. A message/global is an attached letter in IMAP4rev2
    (`rev2`), and a part like any other in IMAP4rev1 (RFC 9051 9, media-message).
    """
    # Multiparts and attached letters not yet closed.
    around = []
    header = None
    for index in range(table.count):
        if not rev2 and _is_in_global(table, index):
            continue
        while around and around[-1] != table.parent(index):
            await _close(table, around.pop(), header_of, write, extended)
        kind = table.kind(index)
        if kind == MULTIPART:
            around.append(index)
            await write(b"(")
            if not table.has_parts(index):
                await write(_no_part(extended))
        elif kind == MESSAGE or (kind == GLOBAL and rev2):
            around.append(index)
            if header is None:
                header = await header_of(index)
            await _begin_message(table, index, header, write)
            header = await header_of(index + 1)
            await _write_all(write, envelope.pieces(header))
            await write(b" ")
            # The header of the letter inside is what the next turn needs.
            continue
        else:
            if header is None:
                header = await header_of(index)
            await _leaf(table, index, header, write, extended, rev2)
        header = None
    while around:
        await _close(table, around.pop(), header_of, write, extended)


def _is_in_global(table, index):
    while index > 0:
        index = table.parent(index)
        if table.kind(index) == GLOBAL:
            return True
    return False


async def _write_all(write, pieces):
    for piece in pieces:
        await write(piece)


async def _begin_message(table, index, header, write):
    """An attached letter up to its envelope."""
    value = header.get(b"content-type")
    # In a digest there may be no type (RFC 2046 5.1.5).
    given = parameters.content_type(value)[2] if value else ()
    subtype = b"global" if table.kind(index) == GLOBAL else b"rfc822"
    await write(b'("message" "' + subtype + b'" ' + _parameters(given))
    await _basic(table, index, header, write)
    await write(b" ")


async def _close(table, index, header_of, write, extended):
    """What follows the inner parts of a multipart or an attached letter."""
    message = table.kind(index) != MULTIPART
    if message:
        await write(b" %d" % table.lines(index))
    if extended or not message:
        header = await header_of(index)
        if not message:
            _, subtype, given = parameters.content_type(header.get(b"content-type"))
            await write(b" " + string(subtype))
            if extended:
                await write(b" " + _parameters(given))
        if extended:
            await _extension(header, write, message)
    await write(b")")


async def _leaf(table, index, header, write, extended, rev2):
    """A part without parts inside."""
    kind, subtype, given = b"text", b"plain", ()
    if table.kind(index) in (LEAF, GLOBAL):
        kind, subtype, given = parameters.content_type(header.get(b"content-type"))
    has_lines = kind.lower() == b"text"
    if has_lines and parameters.get(given, b"charset") is None:
        given = list(given)
        given.append(_CHARSET)
    await write(b"(" + string(kind) + b" " + string(subtype) + b" " + _parameters(given))
    await _basic(table, index, header, write)
    if rev2 and kind.lower() == b"message" and subtype.lower() == b"global":
        # It is encoded: nobody has looked into it.
        await write(_NO_ENVELOPE + _no_part(extended))
        has_lines = True
    if has_lines:
        await write(b" %d" % table.lines(index))
    if extended:
        await _extension(header, write, True)
    await write(b")")


def _no_part(extended):
    return _NO_PART + (_NO_EXTENSION if extended else b"") + b")"


async def _basic(table, index, header, write):
    """The fields that every part but a multipart has behind its parameters: id, description, encoding, octets."""
    await write(b" " + nstring(header.get(b"content-id")) + b" ")
    await _write_all(write, nstring_of(lambda: header.pieces(b"content-description")))
    kind = table.kind(index)
    # What could not be taken apart is shown as it is, whatever its header says.
    encoding = _encoding(header) if kind != RAW else b"8bit"
    await write(b" " + string(encoding) + b" %d" % table.octets(index))


def _encoding(header):
    """Never NIL: clients fail on that. What is no single word is the default (RFC 2045 6.1)."""
    main = parameters.parse(header.get(b"content-transfer-encoding") or b"")[0]
    return _ENCODING if not main or b" " in main else main


def _parameters(given):
    if not given:
        return b"NIL"
    return b"(" + b" ".join([string(name) + b" " + string(value) for name, value in given]) + b")"


async def _extension(header, write, with_md5):
    """MD5 where it belongs, disposition, languages and location, each after a blank."""
    if with_md5:
        await write(b" " + nstring(header.get(b"content-md5")))
    await write(b" " + _disposition(header.get(b"content-disposition")) + b" " + _languages(header) + b" ")
    await _write_all(write, nstring_of(lambda: header.pieces(b"content-location")))


def _disposition(value):
    if value is None:
        return b"NIL"
    main, given = parameters.parse(value)
    # Up to a blank, where a semicolon was forgotten.
    return b"(" + string(main.split(b" ")[0]) + b" " + _parameters(given) + b")"


def _languages(header):
    """Content-Language (RFC 3282) as a list, up to what is no language; NIL, never an empty one."""
    tags = []
    comma = True
    for kind, text in tokens(header.get(b"content-language") or b"", b",", b',("'):
        if kind == COMMENT:
            continue
        if (kind == ATOM) != comma or len(tags) == LANGUAGE_LIMIT:
            break
        if kind == ATOM:
            tags.append(string(text))
        comma = kind != ATOM
    return b"(" + b" ".join(tags) + b")" if tags else b"NIL"
