"""IMAP answers as structures: literals, quoted strings, atoms, numbers, lists and NIL, each told apart.

What is compared later is compared as values, never as text, so that no octet of a letter is taken for syntax.
"""

import re
import socket
from dataclasses import dataclass, field

from tests.support.imap_grammar import Watch

# Seconds that one answer may take: a bound, not a measurement.
PATIENCE = 60
# Commands sent before their answers are read, and octets of them: what the sockets surely hold.
PIPELINE_COMMANDS = 16
PIPELINE_OCTETS = 8192

_LITERAL = re.compile(rb"(?:~?)\{(\d+)\}\r\n$")
_ATOM = re.compile(rb'[^\x00-\x20(){"\x7f]+')
# A FETCH item's name: BODY[1.HEADER.FIELDS (To "x y")]<0>; the brackets may hold blanks and strings.
_SECTION = re.compile(rb"(?:BODY|BINARY|BINARY\.SIZE)\[", re.IGNORECASE)
# Untagged responses whose end is human text.
_CONDITIONS = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")


class Atom(bytes):
    """An atom, a flag, or the name of a FETCH item."""


class Quoted(bytes):
    """The text of a quoted string."""


class Literal(bytes):
    """The octets of a literal."""


class Literal8(Literal):
    """The octets of a literal that may hold NUL (RFC 3516)."""


# A number is an int, NIL is None, a parenthesised list is a list.
Value = Atom | Quoted | Literal | int | list | None


class Malformed(AssertionError):
    """The server sent what is no IMAP, or closed the connection."""


@dataclass
class Response:
    """One untagged response: `* 3 FETCH (...)` is Response(FETCH, 3, [[...]])."""

    name: bytes
    number: int | None = None
    values: list = field(default_factory=list)
    # The response code of OK, NO, BAD and BYE, without its brackets; empty if there is none.
    code: list = field(default_factory=list)
    text: bytes = b""


@dataclass
class Answer:
    """What a command was answered with."""

    command: bytes
    status: bytes
    code: list
    text: bytes
    untagged: list[Response]


class _Reader:
    """Takes one response apart; `data` is the whole of it, literals included, up to its last CRLF."""

    def __init__(self, data: bytes):
        self._data = data
        self._at = 0

    def at_end(self) -> bool:
        return self._at >= len(self._data)

    def peek(self) -> bytes:
        return self._data[self._at : self._at + 1]

    def rest(self) -> bytes:
        rest = self._data[self._at :]
        self._at = len(self._data)
        return rest

    def fail(self, why: str):
        shown = self._data[max(0, self._at - 80) : self._at], self._data[self._at : self._at + 80]
        raise Malformed(f"{why}: ...{shown[0]!r} HERE {shown[1]!r}...")

    def expect(self, octets: bytes) -> None:
        if not self._data.startswith(octets, self._at):
            self.fail(f"{octets!r} expected")
        self._at += len(octets)

    def word(self) -> bytes:
        """Anything up to the next blank or the end: a tag, a status."""
        end = self._data.find(b" ", self._at)
        end = len(self._data) if end < 0 else end
        word = self._data[self._at : end]
        self._at = end
        return word

    def values(self, closing: bytes) -> list:
        """Values with one blank between them, up to `closing`, or to the end if that is empty."""
        out = []
        while not (self.at_end() if not closing else self.peek() == closing):
            # A list needs no blank before it after another list: the parts of a multipart, the addresses of a field.
            if out and not (isinstance(out[-1], list) and self.peek() == b"("):
                self.expect(b" ")
            out.append(self.value(closing))
        self.expect(closing)
        return out

    def value(self, closing: bytes) -> Value:
        start = self.peek()
        if start == b"(":
            self._at += 1
            return self.values(b")")
        if start == b'"':
            return self._quoted()
        if start in (b"{", b"~"):
            return self._literal()
        return self._atom(closing)

    def _quoted(self) -> Quoted:
        out = bytearray()
        at = self._at + 1
        while self._data[at : at + 1] != b'"':
            if self._data[at : at + 1] == b"\\":
                at += 1
            octet = self._data[at : at + 1]
            if not octet or octet in b"\r\n\x00":
                self.fail("a quoted string that does not end")
            out += octet
            at += 1
        self._at = at + 1
        return Quoted(out)

    def _literal(self) -> Literal:
        kind = Literal8 if self.peek() == b"~" else Literal
        end = self._data.find(b"\r\n", self._at) + 2
        found = _LITERAL.match(self._data[self._at : end])
        if not found:
            self.fail("no literal")
        self._at = end + int(found[1])
        return kind(self._data[end : self._at])

    def _atom(self, closing: bytes) -> Value:
        section = _SECTION.match(self._data, self._at)
        if section and closing != b"]":
            return self._section(section.end())
        found = _ATOM.match(self._data, self._at)
        text = found[0] if found else b""
        if closing:
            text = text.split(closing)[0]
        if not text:
            self.fail("a value expected")
        self._at += len(text)
        if text == b"NIL":
            return None
        return int(text) if text.isdigit() else Atom(text)

    def _section(self, at: int) -> Atom:
        """The name of a FETCH item up to the blank behind its closing bracket."""
        quoted = False
        while quoted or self._data[at : at + 1] != b"]":
            octet = self._data[at : at + 1]
            if not octet:
                self.fail("a section that does not end")
            if octet == b'"':
                quoted = not quoted
            elif quoted and octet == b"\\":
                at += 1
            at += 1
        end = self._data.find(b" ", at)
        name = self._data[self._at : end]
        self._at = end
        return Atom(name)

    def condition(self) -> tuple[list, bytes]:
        """The response code and the text behind a status."""
        code = []
        if self.at_end():
            return code, b""
        self.expect(b" ")
        if self.peek() == b"[":
            self._at += 1
            code = self.values(b"]")
            if not self.at_end():
                self.expect(b" ")
        return code, self.rest()


def read_untagged(data: bytes) -> Response:
    """What stands behind `* `."""
    reader = _Reader(data)
    word = reader.word()
    if word.upper() in _CONDITIONS:
        code, text = reader.condition()
        return Response(word.upper(), code=code, text=text)
    number = None
    if word.isdigit():
        number = int(word)
        reader.expect(b" ")
        word = reader.word()
    if not reader.at_end():
        reader.expect(b" ")
    return Response(word.upper(), number, reader.values(b""))


def values(data: bytes) -> list:
    """The values of an IMAP text: for what a test expects."""
    return _Reader(data).values(b"")


class Connection:
    """One IMAP connection; commands go out in pipelines, answers come back in their order.

    What Postino says is read strictly besides.
    """

    def __init__(self, server: str, host: str, port: int):
        self.server = server
        self._socket = socket.create_connection((host, port), PATIENCE)
        self._file = self._socket.makefile("rb")
        self._tags = 0
        self._watch = Watch() if server == "Postino" else None
        greeting = self._response()
        if not greeting.startswith(b"* OK"):
            raise Malformed(f"{server} greets with {greeting!r}")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, commands: list[bytes]) -> list[bytes]:
        """Sends commands, without tag and line end; returns their tags for receive()."""
        out = bytearray()
        tags = []
        for command in commands:
            self._tags += 1
            tags.append(b"t%d" % self._tags)
            out += tags[-1] + b" " + command + b"\r\n"
        if self._watch:
            self._watch.said(out)
        self._socket.sendall(out)
        return tags

    def receive(self, commands: list[bytes], tags: list[bytes]) -> list[Answer]:
        """The answers to what was sent, in order."""
        return [self._answer(command, tag) for command, tag in zip(commands, tags, strict=True)]

    def ask(self, command: bytes) -> Answer:
        """Sends one command and returns its answer."""
        return self.receive([command], self.send([command]))[0]

    def _answer(self, command: bytes, tag: bytes) -> Answer:
        untagged = []
        while True:
            data = self._response()
            if data.startswith(b"* "):
                untagged.append(read_untagged(data[2:]))
                continue
            reader = _Reader(data)
            found = reader.word()
            if found != tag:
                raise Malformed(f"{self.server} answers {command!r} ({tag!r}) with {data[:200]!r}")
            reader.expect(b" ")
            status = reader.word()
            code, text = reader.condition()
            return Answer(command, status, code, text, untagged)

    def _response(self) -> bytes:
        """One response with its literals, without the last CRLF."""
        line = data = self._line()
        # Only the end of a line announces a literal, never what a literal holds.
        while announced := _LITERAL.search(line):
            octets = self._heard(self._file.read(int(announced[1])))
            if len(octets) != int(announced[1]):
                raise Malformed(f"{self.server} closed the connection in a literal")
            line = self._line()
            data += octets + line
        return data[:-2]

    def _heard(self, octets: bytes) -> bytes:
        if self._watch:
            self._watch.heard(octets)
        return octets

    def _line(self) -> bytes:
        line = self._heard(self._file.readline())
        if not line.endswith(b"\r\n"):
            raise Malformed(f"{self.server} closed the connection, or sent a line without CRLF: {line[-200:]!r}")
        return line


def batches(commands: list[bytes]) -> list[list[bytes]]:
    """The commands in pieces that may be sent in one go."""
    out: list[list[bytes]] = [[]]
    octets = 0
    for command in commands:
        if out[-1] and (len(out[-1]) == PIPELINE_COMMANDS or octets + len(command) > PIPELINE_OCTETS):
            out.append([])
            octets = 0
        out[-1].append(command)
        octets += len(command)
    return out
