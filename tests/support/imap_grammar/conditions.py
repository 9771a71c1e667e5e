"""Conditions, OK NO BAD BYE PREAUTH, with their response codes (RFC 3501 7.1, RFC 5530, RFC 9051 7.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.imap_grammar.reader import Reader

CONDITIONS = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")
# What a tagged response says (RFC 3501 9, resp-cond-state).
STATES = (b"OK", b"NO", b"BAD")


@dataclass(frozen=True)
class Code:
    """A response code and what it has been given."""

    name: bytes
    value: Any = None


def _bare(reader: Reader) -> None:
    """A code without arguments."""


def _number(reader: Reader) -> int:
    reader.space()
    return reader.nz_number()


def _modseq(reader: Reader) -> int:
    reader.space()
    return reader.modseq()


def _set(reader: Reader) -> list[tuple[int, int]]:
    reader.space()
    return reader.number_set()


def _object_id(reader: Reader) -> bytes:
    reader.space()
    return reader.object_id()


def _flags(reader: Reader) -> list[bytes]:
    """RFC 3501 9: flag-perm, which is a flag or backslash and asterisk."""
    reader.space()
    return reader.listed(lambda: reader.flag((b"\\*",)), 0)


def _charsets(reader: Reader) -> list[bytes]:
    """RFC 9051 9: charset is an atom or quoted (RFC 3501: an astring)."""
    if not reader.peek(b" "):
        return []
    reader.space()
    return reader.listed(lambda: reader.quoted() if reader.peek(b'"') else reader.atom(), 1)


def read_capabilities(reader: Reader) -> list[bytes]:
    """What follows CAPABILITY (RFC 3501 9, capability-data): with IMAP4rev1 or IMAP4rev2, and each once."""
    start = reader.at
    names = []
    while reader.peek(b" "):
        reader.space()
        names.append(reader.name())
    if b"IMAP4REV1" not in names and b"IMAP4REV2" not in names:
        reader.fail("capabilities without IMAP4rev1 and IMAP4rev2", start)
    if len(set(names)) < len(names):
        reader.fail("a capability twice", start)
    return names


def _appended(reader: Reader) -> tuple[int, list[tuple[int, int]]]:
    """RFC 4315 4, resp-code-apnd: UIDVALIDITY, then the UIDs."""
    return _number(reader), _set(reader)


def count(pairs: list[tuple[int, int]]) -> int:
    return sum(high - low + 1 for low, high in pairs)


def _copied(reader: Reader) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
    """RFC 4315 4, resp-code-copy: to each UID in the source belongs one in the target."""
    start = reader.at
    uidvalidity, sources, copies = _number(reader), _set(reader), _set(reader)
    if count(sources) != count(copies):
        reader.fail("COPYUID with sets of different size", start)
    return uidvalidity, sources, copies


# Every code: how its arguments are read, and the conditions that may carry it.
_OK = (b"OK",)
_NO = (b"NO",)
_ANY = CONDITIONS
_CODES: dict[bytes, tuple[Callable[[Reader], Any], tuple[bytes, ...]]] = {
    # RFC 3501 7.1.
    b"ALERT": (_bare, _ANY),
    b"BADCHARSET": (_charsets, _NO),
    b"CAPABILITY": (read_capabilities, (b"OK", b"PREAUTH")),
    b"PARSE": (_bare, (b"OK", b"NO")),
    b"PERMANENTFLAGS": (_flags, _OK),
    b"READ-ONLY": (_bare, _OK),
    b"READ-WRITE": (_bare, _OK),
    b"TRYCREATE": (_bare, _NO),
    b"UIDNEXT": (_number, _OK),
    b"UIDVALIDITY": (_number, _OK),
    b"UNSEEN": (_number, _OK),
    # RFC 4315 3.
    b"APPENDUID": (_appended, _OK),
    b"COPYUID": (_copied, (b"OK", b"NO")),
    b"UIDNOTSTICKY": (_bare, (b"OK", b"NO")),
    # RFC 5182 2.1.
    b"NOTSAVED": (_bare, _NO),
    # RFC 5530 3.
    b"UNAVAILABLE": (_bare, (b"NO", b"BYE")),
    b"AUTHENTICATIONFAILED": (_bare, _NO),
    b"AUTHORIZATIONFAILED": (_bare, _NO),
    b"EXPIRED": (_bare, _NO),
    b"PRIVACYREQUIRED": (_bare, _NO),
    b"CONTACTADMIN": (_bare, _NO),
    b"NOPERM": (_bare, _NO),
    b"INUSE": (_bare, _NO),
    b"EXPUNGEISSUED": (_bare, (b"OK", b"NO")),
    b"CORRUPTION": (_bare, _NO),
    b"SERVERBUG": (_bare, (b"NO", b"BAD", b"BYE")),
    b"CLIENTBUG": (_bare, (b"OK", b"NO", b"BAD")),
    b"CANNOT": (_bare, _NO),
    b"LIMIT": (_bare, (b"NO", b"BYE")),
    b"OVERQUOTA": (_bare, _NO),
    b"ALREADYEXISTS": (_bare, _NO),
    b"NONEXISTENT": (_bare, _NO),
    # RFC 9051 7.1.
    b"HASCHILDREN": (_bare, _NO),
    # RFC 3516 4.3.
    b"UNKNOWN-CTE": (_bare, _NO),
    # RFC 7162 3.1.2, 3.1.3, 3.2.11.
    b"HIGHESTMODSEQ": (_modseq, _OK),
    b"NOMODSEQ": (_bare, _OK),
    b"MODIFIED": (_set, (b"OK", b"NO")),
    b"CLOSED": (_bare, _OK),
    # RFC 7889 4.
    b"TOOBIG": (_bare, _NO),
    # RFC 6154 3.
    b"USEATTR": (_bare, _NO),
    # RFC 8474 4.
    b"MAILBOXID": (_object_id, _OK),
}


def read_condition(reader: Reader, condition: bytes) -> tuple[Code | None, bytes]:
    """What follows a condition up to the end of the line: an optional code in brackets, and a text always."""
    reader.space()
    code = None
    if reader.accept(b"["):
        start = reader.at
        name = reader.name()
        if name not in _CODES:
            reader.fail(f"no response code: {name.decode()}", start)
        read, conditions = _CODES[name]
        if condition not in conditions:
            reader.fail(f"{name.decode()} does not go with {condition.decode()}", start)
        code = Code(name, read(reader))
        reader.expect(b"]")
        reader.space()
    return code, reader.text()
