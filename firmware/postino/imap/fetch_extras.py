"""The rarer items of FETCH.

SAVEDATE (RFC 8514), EMAILID and THREADID (RFC 8474), PREVIEW (RFC 8970), BINARY (RFC 3516, RFC 9051).
"""

from .. import dates, overlay
from ..mime.quoting import string
from ..store import letter_object_id
from ..store.errors import LetterGone
from . import capabilities
from .errors import Bad
from .sections import read_section

# Item: the capability that it belongs to.
_ITEMS = (
    (b"SAVEDATE", b"SAVEDATE"),
    (b"EMAILID", b"OBJECTID"),
    (b"THREADID", b"OBJECTID"),
    (b"PREVIEW", b"PREVIEW"),
    (b"BINARY", b"BINARY"),
    (b"BINARY.PEEK", b"BINARY"),
    (b"BINARY.SIZE", b"BINARY"),
)

_BINARY = ("mime.transfer", "imap.binary")
_PREVIEW = (
    "mime.utf8",
    "mime.charsets",
    "mime.transfer",
    "mime.part_text",
    "mime.html_text",
    "mime.preview",
)


class Extra:
    """One item asked for: `label` as it is told, `section` of BINARY."""

    def __init__(self, name):
        self.name = name
        self.label = name
        self.section = None
        self.needs_letter = name[:6] == b"BINARY" or name == b"PREVIEW"


def read(session, name, arguments):
    """Reads the rest of an item. Raises Bad if there is none of that name."""
    for item, capability in _ITEMS:
        if item == name and capabilities.is_offered(session, capability):
            extra = Extra(name)
            if name[:6] == b"BINARY":
                _read_binary(extra, arguments)
            elif name == b"PREVIEW":
                # LAZY asks only for what is there without effort; making one is little effort (RFC 8970 3.1).
                arguments.accept_word(b" (LAZY", b")")
            return extra
    raise Bad(b"Unknown FETCH item")


def _read_binary(extra, arguments):
    arguments.expect(b"[")
    section = extra.section = read_section(arguments)
    if section.kind:
        # RFC 3516 7, section-binary.
        raise Bad(b"BINARY takes part numbers only")
    size = extra.name == b"BINARY.SIZE"
    if size and section.length is not None:
        raise Bad(b"BINARY.SIZE has no part of it")
    # The label is made for BODY.
    extra.label = section.label = (b"BINARY.SIZE" if size else b"BINARY") + section.label[4:]


async def value_of(session, letter, uid, extra):
    """Returns the value of an item, for send(). Raises LetterGone; No if it cannot be made of this letter."""
    box = session.view.box
    row = box.index_of(uid)
    if row < 0:
        raise LetterGone("expunged")
    if extra.name == b"SAVEDATE":
        saved = box.saved(row)
        return b'"%s"' % dates.imap(saved, session.server.tz_minutes()) if saved else b"NIL"
    if extra.name == b"THREADID":
        # Letters are not put in threads here (RFC 8474 5.2).
        return b"NIL"
    if extra.name == b"EMAILID":
        return _email_id(session.server.store, box, row)
    if extra.name == b"PREVIEW":
        with overlay.use(_PREVIEW) as preview:
            return await _preview(letter, preview)
    with overlay.use(_BINARY) as binary:
        if extra.name == b"BINARY.SIZE":
            return await binary.size_of(letter, extra.section)
        return await binary.measure(letter, extra.section)


async def send(conn, letter, value):
    """Sends a value: octets, or what BINARY has measured."""
    if isinstance(value, bytes):
        await conn.write(value)
        return
    with overlay.use(_BINARY) as binary:
        await binary.send(conn, letter, value)


def _email_id(store, box, row):
    reader = store.open_letter(box.letter(row), box.size(row))
    try:
        identifier = letter_object_id(reader)
    finally:
        reader.close()
    if not identifier:
        # What says so is damaged: it is a letter of its own, like no other (RFC 8474 5.1).
        identifier = b"damaged-%d-%d" % (box.uidvalidity, box.uid(row))
    return b"(%s)" % identifier


async def _preview(letter, preview):
    table = await letter.parts()

    async def header_of(index):
        return await letter.collect(table.start(index), table.body(index), preview.NAMES)

    found = await preview.find_part(table, header_of)
    if found is None:
        return b'""'
    index, header = found
    maker = preview.Preview(header.get(b"content-type"), header.get(b"content-transfer-encoding"))
    await letter.feed(table.body(index), table.end(index), maker.feed)
    return string(maker.finish().encode())
