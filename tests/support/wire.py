"""A raw dialogue over TCP, line by line: for what a client library would not do or would hide."""

import socket

from tests.support.imap_grammar import Watch
from tests.support.simulator import Simulator

# Seconds that one answer may take: a bound, not a measurement.
PATIENCE = 60
# The segment size of a slow line.
SMALL_SEGMENT = 536


class Wire:
    """One connection to a service. Lines are bytes without CRLF. All that an IMAP server says is read strictly."""

    def __init__(self, simulator: Simulator, service: str, source: str = "", receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        if receive_buffer:
            # Before connecting: they limit how far ahead the server can write. The kernel makes the server's send
            # buffer as large as 20 segments at first, which are 64 KB each on the loopback.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL_SEGMENT)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((simulator.host, simulator.ports[service]))
        self.file = self.socket.makefile("rb")
        self.watch = Watch() if service == "imap" else None

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        if self.watch:
            self.watch.said(data)
        self.socket.sendall(data)

    def heard(self, octets: bytes) -> bytes:
        if self.watch:
            self.watch.heard(octets)
        return octets

    def line(self) -> bytes:
        """The next line; b"" at the end of the connection."""
        try:
            line = self.heard(self.file.readline())
        except ConnectionResetError:
            return b""
        assert not line or line.endswith(b"\r\n"), line
        return line[:-2]

    def read(self, count: int) -> bytes:
        """Exactly `count` octets, fewer only at the end of the connection."""
        return self.heard(self.file.read(count))

    def rest(self) -> list[bytes]:
        """All lines until the server closes."""
        lines = []
        while line := self.line():
            lines.append(line)
        return lines

    def until(self, start: bytes) -> list[bytes]:
        """Lines up to and with the first that begins with `start`."""
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if line.startswith(start):
                return lines
            assert line or not self.at_end(), f"connection closed before {start!r}: {lines[-10:]}"

    def at_end(self) -> bool:
        """True once the server has closed and everything is read."""
        try:
            return not self.file.peek(1)
        except ConnectionResetError:
            return True

    def ask(self, command: bytes, start: bytes) -> list[bytes]:
        """Sends a command line; returns the answer's lines up to the one that begins with `start`."""
        self.send(command + b"\r\n")
        return self.until(start)


def smtp(simulator: Simulator, **options) -> Wire:
    """A connection that has read the SMTP greeting."""
    wire = Wire(simulator, "smtp", **options)
    wire.until(b"220 ")
    return wire


def pop3(simulator: Simulator, login: tuple[bytes, bytes] | None = None, **options) -> Wire:
    """A connection that has read the POP3 greeting and, if asked, logged in."""
    wire = Wire(simulator, "pop3", **options)
    wire.until(b"+OK")
    if login:
        wire.ask(b"USER " + login[0], b"+OK")
        wire.ask(b"PASS " + login[1], b"+OK")
    return wire


def imap(simulator: Simulator, login: tuple[bytes, bytes] | None = None, mailbox: bytes = b"", **options) -> Wire:
    """A connection that has read the IMAP greeting and, if asked, logged in and selected."""
    wire = Wire(simulator, "imap", **options)
    wire.until(b"* OK")
    if login:
        wire.ask(b"a0 LOGIN %s %s" % login, b"a0 OK")
    if mailbox:
        wire.ask(b"s0 SELECT " + mailbox, b"s0 OK")
    return wire
