"""FETCH (RFC 3501 7.4.2) with the items of RFC 3516, 7162, 8474, 8514, 8970 and 9051."""

import re
from collections.abc import Callable
from typing import Any

from tests.support.imap_grammar.reader import Reader
from tests.support.imap_grammar.structure import read_body, read_envelope

# RFC 8970 3.3.
_LONGEST_PREVIEW = 256
# A name ends before "[", a blank or a parenthesis.
_NAME = re.compile(rb"[A-Za-z0-9.]+")
_PART = re.compile(rb"[1-9][0-9]*(?:\.[1-9][0-9]*)*")


def _flags(reader: Reader) -> tuple[bytes, ...]:
    more = () if reader.rev2 else (b"\\recent",)
    reader.space()
    start = reader.at
    flags = reader.listed(lambda: reader.flag(more), 0)
    if len({flag.lower() for flag in flags}) < len(flags):
        reader.fail("a flag twice", start)
    return tuple(flags)


def _uid(reader: Reader) -> int:
    reader.space()
    return reader.nz_number()


def _modseq(reader: Reader) -> int:
    reader.space()
    reader.expect(b"(")
    modseq = reader.modseq()
    reader.expect(b")")
    return modseq


def _date(reader: Reader) -> bytes:
    reader.space()
    return reader.date_time()


def _date_or_nil(reader: Reader) -> bytes | None:
    reader.space()
    return None if reader.nil() else reader.date_time()


def _size(reader: Reader) -> int:
    reader.space()
    return reader.number64() if reader.rev2 else reader.number()


def _envelope(reader: Reader) -> None:
    reader.space()
    read_envelope(reader)


def _structure(reader: Reader) -> None:
    reader.space()
    read_body(reader, True)


def _nstring(reader: Reader) -> int | None:
    """Returns the length; None for NIL."""
    reader.space()
    value = reader.nstring()
    return None if value is None else len(value)


def _preview(reader: Reader) -> bytes | None:
    reader.space()
    start = reader.at
    text = reader.nstring()
    if text is not None:
        reader.check_utf8(text, start)
        if len(text.decode()) > _LONGEST_PREVIEW:
            reader.fail("a preview that is too long", start)
    return text


def _email_id(reader: Reader) -> bytes:
    reader.space()
    return reader.object_id()


def _thread_id(reader: Reader) -> bytes | None:
    reader.space()
    return None if reader.nil() else reader.object_id()


_ITEMS: dict[bytes, Callable[[Reader], Any]] = {
    b"FLAGS": _flags,
    b"UID": _uid,
    b"MODSEQ": _modseq,
    b"INTERNALDATE": _date,
    b"RFC822.SIZE": _size,
    b"RFC822": _nstring,
    b"RFC822.HEADER": _nstring,
    b"RFC822.TEXT": _nstring,
    b"ENVELOPE": _envelope,
    b"BODYSTRUCTURE": _structure,
    b"PREVIEW": _preview,
    b"SAVEDATE": _date_or_nil,
    b"EMAILID": _email_id,
    b"THREADID": _thread_id,
}


# What a client gets twice if it asks for it twice.
_MAY_COME_TWICE = re.compile(
    rb"(?:BODY|BINARY|BINARY\.SIZE)\[|RFC822(?:\.TEXT|\.HEADER)?$|PREVIEW|SAVEDATE|EMAILID|THREADID"
)


def read_fetch(reader: Reader) -> dict[bytes, Any]:
    """What follows FETCH: at least one item; what the table of a mailbox knows comes once. Returns them by name."""
    reader.space()
    items: dict[bytes, Any] = {}

    def item() -> None:
        start = reader.at
        name, value = _item(reader)
        if name in items and not _MAY_COME_TWICE.match(name):
            reader.fail(f"{name.decode('latin-1')} twice", start)
        items[name] = value

    reader.listed(item, 1)
    return items


def _item(reader: Reader) -> tuple[bytes, Any]:
    start = reader.at
    found = _NAME.match(reader.data, reader.at)
    name = found[0].upper() if found else b""
    reader.at += len(name)
    if reader.peek(b"["):
        if name not in (b"BODY", b"BINARY", b"BINARY.SIZE"):
            reader.fail("no item with a section", start)
        return _section_item(reader, name, start)
    if name == b"BODY":
        reader.space()
        read_body(reader, False)
        return name, None
    if name not in _ITEMS:
        reader.fail("no FETCH item", start)
    return name, _ITEMS[name](reader)


def _section_item(reader: Reader, name: bytes, start: int) -> tuple[bytes, Any]:
    reader.expect(b"[")
    if name == b"BODY":
        _section(reader)
    elif not reader.peek(b"]"):
        _part_numbers(reader)
    reader.expect(b"]")
    if name != b"BINARY.SIZE" and reader.accept(b"<"):
        # The origin that was asked for; RFC 9051 9 lets a client ask for 63 bits.
        reader.number64()
        reader.expect(b">")
    label = reader.data[start : reader.at]
    if name == b"BINARY.SIZE":
        reader.space()
        return label, reader.number()
    if name == b"BINARY" and reader.peek(b" ~"):
        reader.space()
        return label, len(reader.literal8())
    return label, _nstring(reader)


def _part_numbers(reader: Reader) -> None:
    found = _PART.match(reader.data, reader.at)
    if found is None:
        reader.fail("a part number expected")
    if any(int(number) >= 1 << 32 for number in found[0].split(b".")):
        reader.fail("a part number that is too large")
    reader.at = found.end()


def _section(reader: Reader) -> None:
    """RFC 3501 9, section-spec, or nothing."""
    if reader.peek(b"]"):
        return
    part = _PART.match(reader.data, reader.at) is not None
    if part:
        _part_numbers(reader)
        if not reader.accept(b"."):
            return
    if reader.accept_word(b"HEADER.FIELDS"):
        reader.accept_word(b".NOT")
        reader.space()
        reader.listed(reader.astring, 1)
    elif not (reader.accept_word(b"HEADER") or reader.accept_word(b"TEXT") or (part and reader.accept_word(b"MIME"))):
        reader.fail("no section")
