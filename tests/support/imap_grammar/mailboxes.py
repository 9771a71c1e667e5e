"""Untagged data that is about mailboxes: LIST, LSUB, STATUS, FLAGS, SEARCH, SORT, ESEARCH, VANISHED, NAMESPACE, QUOTA.

RFC 3501 7.2, RFC 2342, RFC 4731, RFC 5256, RFC 5258, RFC 6154, RFC 7162, RFC 9051 7.3, RFC 9208. ENABLED (RFC 5161)
and ID (RFC 2971) too.
"""

import base64
import binascii
import re
from typing import Any

from tests.support.imap_grammar.reader import Reader

# One selectability flag at most; of the others each once (RFC 9051 9, mbx-list-flags).
_SELECTABILITY = (b"\\NONEXISTENT", b"\\NOSELECT", b"\\MARKED", b"\\UNMARKED")
_OTHER_FLAGS = (
    b"\\NOINFERIORS",
    b"\\HASCHILDREN",
    b"\\HASNOCHILDREN",
    b"\\SUBSCRIBED",
    b"\\REMOTE",
    # RFC 6154 2.
    b"\\ALL",
    b"\\ARCHIVE",
    b"\\DRAFTS",
    b"\\FLAGGED",
    b"\\JUNK",
    b"\\SENT",
    b"\\TRASH",
)
# What contradicts each other (RFC 3348 3, RFC 5258 3).
_CONTRADICTIONS = (
    (b"\\HASCHILDREN", b"\\HASNOCHILDREN"),
    (b"\\HASCHILDREN", b"\\NOINFERIORS"),
)
# Options that stand in CHILDINFO (RFC 5258 3.5, RFC 6154 2).
_BASE_OPTIONS = (b"SUBSCRIBED", b"SPECIAL-USE")
# RFC 2971 3.3.
_MOST_ID_PAIRS = 30
_LONGEST_ID_FIELD = 30
_LONGEST_ID_VALUE = 1024
_SHIFTED_TWICE = re.compile(rb"&[A-Za-z0-9+,]+-&[A-Za-z0-9+,]")
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")


def check_utf7(reader: Reader, name: bytes, at: int) -> None:
    """RFC 3501 5.1.3: printable US-ASCII, and what is not in modified base64 between `&` and `-`, never printable."""
    if not _PRINTABLE.fullmatch(name):
        reader.fail("a mailbox name that is not printable US-ASCII", at)
    for piece in name.split(b"&")[1:]:
        shifted, end, _ = piece.partition(b"-")
        if not end:
            reader.fail("modified UTF-7 that does not end", at)
        if not shifted:
            continue
        try:
            octets = base64.b64decode(shifted.replace(b",", b"/") + b"=" * (-len(shifted) % 4), validate=True)
            text = octets.decode("utf-16-be")
        except (binascii.Error, UnicodeDecodeError):
            reader.fail("no modified UTF-7", at)
        if any(" " <= character <= "~" for character in text):
            reader.fail("modified UTF-7 of what stands for itself", at)
        if base64.b64encode(octets).rstrip(b"=").replace(b"/", b",") != shifted:
            reader.fail("modified UTF-7 with bits left over", at)
    # Only what is not a "&" for itself: what follows is one piece with what was before (RFC 3501 5.1.3).
    if _SHIFTED_TWICE.search(name):
        reader.fail("modified UTF-7 with a superfluous shift", at)


def read_mailbox(reader: Reader) -> bytes:
    """A mailbox name: modified UTF-7, or UTF-8 where that is enabled (RFC 6855 3, RFC 9051 5.1)."""
    start = reader.at
    name = reader.astring()
    if reader.utf8:
        reader.check_utf8(name, start)
        if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in name.decode()):
            reader.fail("a mailbox name with a control character", start)
    else:
        check_utf7(reader, name, start)
    return name


def _list_flag(reader: Reader) -> bytes:
    start = reader.at
    reader.expect(b"\\")
    word = b"\\" + reader.name()
    if word not in _SELECTABILITY and word not in _OTHER_FLAGS:
        reader.fail(f"no attribute of a mailbox: {word.decode()}", start)
    return word


def _delimiter(reader: Reader) -> bytes | None:
    return None if reader.nil() else reader.quoted_char()


def read_list(reader: Reader) -> tuple[list[bytes], bytes]:
    """LIST and LSUB: attributes, delimiter, name, extended data. Returns attributes and name."""
    reader.space()
    start = reader.at
    flags = reader.listed(lambda: _list_flag(reader), 0)
    if len(set(flags)) < len(flags):
        reader.fail("an attribute twice", start)
    if len([flag for flag in flags if flag in _SELECTABILITY]) > 1:
        reader.fail("two attributes of selectability", start)
    for pair in _CONTRADICTIONS:
        if set(pair) <= set(flags):
            reader.fail("attributes that contradict each other", start)
    reader.space()
    _delimiter(reader)
    reader.space()
    name = read_mailbox(reader)
    if reader.peek(b" "):
        reader.space()
        reader.listed(lambda: _extended_item(reader), 1)
    return flags, name


def _extended_item(reader: Reader) -> None:
    """RFC 5258 6, mbox-list-extended-item: CHILDINFO, or OLDNAME of RFC 9051."""
    start = reader.at
    tag = reader.astring().upper()
    reader.space()
    if tag == b"CHILDINFO":
        # "The selection options are always returned quoted".
        for option in reader.listed(reader.quoted, 1):
            if option.upper() not in _BASE_OPTIONS:
                reader.fail("no option that CHILDINFO has", start)
    elif tag == b"OLDNAME":
        if len(reader.listed(lambda: read_mailbox(reader), 1)) != 1:
            reader.fail("OLDNAME of several names", start)
    else:
        reader.fail("extended data that no RFC defines", start)


# Items of STATUS (RFC 3501 9, RFC 7162 7, RFC 7889 6, RFC 8438 4, RFC 8474 7, RFC 9051 9, RFC 9208 7).
_STATUS: dict[bytes, Any] = {
    b"MESSAGES": Reader.number,
    b"RECENT": Reader.number,
    b"UIDNEXT": Reader.nz_number,
    b"UIDVALIDITY": Reader.nz_number,
    b"UNSEEN": Reader.number,
    b"DELETED": Reader.number,
    b"SIZE": Reader.number64,
    b"HIGHESTMODSEQ": Reader.number64,
    b"APPENDLIMIT": lambda reader: None if reader.nil() else reader.number(),
    b"MAILBOXID": Reader.object_id,
    b"DELETED-STORAGE": Reader.number64,
}


def read_status(reader: Reader) -> tuple[bytes, dict[bytes, Any]]:
    reader.space()
    name = read_mailbox(reader)
    reader.space()
    items: dict[bytes, Any] = {}

    def item() -> None:
        start = reader.at
        word = reader.name()
        if word not in _STATUS:
            reader.fail("no STATUS item", start)
        if word in items:
            reader.fail(f"{word.decode()} twice", start)
        reader.space()
        items[word] = _STATUS[word](reader)

    reader.listed(item, 0)
    return name, items


def read_flags(reader: Reader) -> list[bytes]:
    r"""FLAGS: without \Recent and \* (RFC 3501 9, flag-list)."""
    reader.space()
    start = reader.at
    flags = reader.listed(reader.flag, 0)
    if len({flag.lower() for flag in flags}) < len(flags):
        reader.fail("a flag twice", start)
    return flags


def read_numbers(reader: Reader) -> tuple[list[int], int | None]:
    """SEARCH and SORT: numbers, none twice, and behind at least one of them perhaps MODSEQ (RFC 7162 7)."""
    start = reader.at
    numbers = []
    modseq = None
    while reader.peek(b" "):
        reader.space()
        if reader.accept(b"("):
            if not numbers or not reader.accept_word(b"MODSEQ"):
                reader.fail("MODSEQ behind numbers expected")
            reader.space()
            modseq = reader.modseq()
            reader.expect(b")")
            break
        numbers.append(reader.nz_number())
    if len(set(numbers)) < len(numbers):
        reader.fail("a number twice", start)
    return numbers, modseq


def read_esearch(reader: Reader) -> dict[bytes, Any]:
    """RFC 4731 3.1, RFC 4466 2.6.2: TAG, UID if these are UIDs, then what was asked for, each once."""
    out: dict[bytes, Any] = {}
    if reader.peek(b" ("):
        reader.space()
        reader.expect(b"(")
        if not reader.accept_word(b"TAG"):
            reader.fail("expected TAG")
        reader.space()
        # A string in RFC 4466, which is more than the astring of RFC 9051.
        out[b"TAG"] = reader.string()
        reader.expect(b")")
    if reader.data[reader.at : reader.at + 4].upper() == b" UID":
        reader.at += 4
        out[b"UID"] = True
    while reader.peek(b" "):
        reader.space()
        start = reader.at
        name = reader.name()
        if name in out:
            reader.fail(f"{name.decode()} twice", start)
        if name not in (b"MIN", b"MAX", b"ALL", b"COUNT", b"MODSEQ"):
            reader.fail("no result of a search", start)
        reader.space()
        out[name] = _search_result(reader, name)
    return out


def _search_result(reader: Reader, name: bytes) -> Any:
    if name == b"ALL":
        return reader.number_set()
    if name == b"COUNT":
        return reader.number()
    return reader.modseq() if name == b"MODSEQ" else reader.nz_number()


def read_vanished(reader: Reader) -> tuple[bool, list[tuple[int, int]]]:
    """RFC 7162 7, expunged-resp. Returns whether EARLIER, and the UIDs."""
    reader.space()
    earlier = reader.accept_word(b"(EARLIER)")
    if earlier:
        reader.space()
    return earlier, reader.number_set()


def read_namespace(reader: Reader) -> None:
    """RFC 2342 6: three lists, or NIL: personal, others', shared."""
    for _ in range(3):
        reader.space()
        if not reader.nil():
            reader.listed(lambda: _one_namespace(reader), 1, separated=False)


def _one_namespace(reader: Reader) -> None:
    reader.expect(b"(")
    start = reader.at
    prefix = reader.string()
    if not reader.utf8:
        check_utf7(reader, prefix, start)
    reader.space()
    _delimiter(reader)
    while reader.peek(b" "):
        reader.space()
        reader.string()
        reader.space()
        reader.listed(reader.string, 1)
    reader.expect(b")")


def read_quota(reader: Reader) -> bytes:
    """RFC 9208 7: root, and usage and limit of at least one resource."""
    reader.space()
    root = reader.astring()
    reader.space()

    def resource() -> None:
        start = reader.at
        if reader.name() not in (b"STORAGE", b"MESSAGE", b"MAILBOX", b"ANNOTATION-STORAGE"):
            reader.fail("no quota resource", start)
        for _ in range(2):
            reader.space()
            reader.number64()

    reader.listed(resource, 1)
    return root


def read_quota_root(reader: Reader) -> tuple[bytes, list[bytes]]:
    """RFC 9208 7: mailbox, and its roots."""
    reader.space()
    name = read_mailbox(reader)
    roots = []
    while reader.peek(b" "):
        reader.space()
        roots.append(reader.astring())
    return name, roots


def read_enabled(reader: Reader) -> list[bytes]:
    """RFC 5161 4, enable-data."""
    start = reader.at
    names = []
    while reader.peek(b" "):
        reader.space()
        names.append(reader.name())
    if len(set(names)) < len(names):
        reader.fail("an extension twice", start)
    return names


def read_id(reader: Reader) -> None:
    """RFC 2971 4: NIL, or pairs of a string and a string or NIL; fields and values have limits (3.3)."""
    reader.space()
    if reader.nil():
        return
    names: set[bytes] = set()

    def pair() -> None:
        start = reader.at
        field = reader.string()
        reader.space()
        value = reader.nstring()
        if field.lower() in names or len(field) > _LONGEST_ID_FIELD or len(value or b"") > _LONGEST_ID_VALUE:
            reader.fail("a field twice, or one that is too long", start)
        names.add(field.lower())

    start = reader.at
    if len(reader.listed(pair, 0)) > _MOST_ID_PAIRS:
        reader.fail("too many fields", start)
