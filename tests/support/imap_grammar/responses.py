"""One response of a server, as a whole: tagged, untagged or a continuation (RFC 3501 2.2.2, 7)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tests.support.imap_grammar import mailboxes
from tests.support.imap_grammar.conditions import CONDITIONS, STATES, Code, read_capabilities, read_condition
from tests.support.imap_grammar.messages import read_fetch
from tests.support.imap_grammar.reader import Reader

# Responses up to this size are looked up before they are read: most are like one before. How many are kept.
_SHORT = 256
_KEPT = 8192

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?(?=\r\n)")
_FINGER = re.compile(rb"[0-9]+ ")


@dataclass(frozen=True)
class Response:
    """`tag` is None for untagged ones and b"+" for a continuation; `name` is in upper case.

    `value` is what the reader of this kind of response makes of it; conditions have `code` and `text`.
    """

    tag: bytes | None
    name: bytes
    number: int | None = None
    value: Any = None
    code: Code | None = None
    text: bytes = b""


_DATA: dict[bytes, Callable[[Reader], Any]] = {
    b"CAPABILITY": read_capabilities,
    b"ENABLED": mailboxes.read_enabled,
    b"ESEARCH": mailboxes.read_esearch,
    b"FLAGS": mailboxes.read_flags,
    b"ID": mailboxes.read_id,
    b"LIST": mailboxes.read_list,
    b"LSUB": mailboxes.read_list,
    b"NAMESPACE": mailboxes.read_namespace,
    b"QUOTA": mailboxes.read_quota,
    b"QUOTAROOT": mailboxes.read_quota_root,
    b"SEARCH": mailboxes.read_numbers,
    b"SORT": mailboxes.read_numbers,
    b"STATUS": mailboxes.read_status,
    b"VANISHED": mailboxes.read_vanished,
}


def parse(data: bytes, utf8: bool = False, rev2: bool = False) -> Response:
    """Reads one response with its literals and its CRLF. Raises GrammarError.

    `utf8` after ENABLE UTF8=ACCEPT, `rev2` after ENABLE IMAP4rev2. What it returns may be shared: read it only.
    """
    return _remembered(data, utf8, rev2) if len(data) <= _SHORT else _parse(data, utf8, rev2)


def _parse(data: bytes, utf8: bool, rev2: bool) -> Response:
    reader = Reader(data, utf8, rev2)
    response = _read(reader)
    reader.end()
    return response


_remembered = lru_cache(_KEPT)(_parse)


def _read(reader: Reader) -> Response:
    if reader.accept(b"* "):
        return _untagged(reader)
    if reader.accept(b"+ "):
        return _continuation(reader)
    tag = reader.tag()
    reader.space()
    start = reader.at
    name = reader.name()
    if name not in STATES:
        reader.fail("a tagged response says OK, NO or BAD", start)
    code, text = read_condition(reader, name)
    return Response(tag, name, code=code, text=text)


def _continuation(reader: Reader) -> Response:
    """RFC 3501 9, continue-req: base64, which may be nothing, or a text."""
    found = _BASE64.match(reader.data, reader.at)
    if found is not None:
        reader.at = found.end()
        return Response(b"+", b"", text=found[0])
    # A text with a code looks like that of a condition.
    reader.at -= 1
    code, text = read_condition(reader, b"OK")
    return Response(b"+", b"", code=code, text=text)


def _untagged(reader: Reader) -> Response:
    if _FINGER.match(reader.data, reader.at):
        return _numbered(reader)
    start = reader.at
    name = reader.name()
    if name in CONDITIONS:
        code, text = read_condition(reader, name)
        return Response(None, name, code=code, text=text)
    if name not in _DATA:
        reader.fail("no untagged response", start)
    return Response(None, name, value=_DATA[name](reader))


def _numbered(reader: Reader) -> Response:
    start = reader.at
    number = reader.number()
    reader.space()
    place = reader.at
    name = reader.name()
    if name in (b"EXISTS", b"RECENT"):
        return Response(None, name, number)
    if name not in (b"EXPUNGE", b"FETCH"):
        reader.fail("no response with a number", place)
    if not number:
        reader.fail("message 0", start)
    return Response(None, name, number, read_fetch(reader) if name == b"FETCH" else None)
