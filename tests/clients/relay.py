"""A TCP relay between a mail program and the server that keeps what both say: it shows what a program really uses."""

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from tests.support.imap_grammar import GrammarError, Watch
from tests.support.simulator import Simulator

BLOCK = 65536
# Octets shown of what is no text.
LONGEST_BINARY = 60
# Seconds for the threads to end after the connections are closed: a bound, not a measurement.
END_PATIENCE = 15


class Relay:
    """Listens on a free port of the loopback, and connects each client to `service` of the simulator.

    `text()` has the conversations, one after the other, with the octets as they came. All that an IMAP server says is
    read strictly; the test fails at its end if that is no IMAP.
    """

    def __init__(self, simulator: Simulator, service: str = "imap") -> None:
        self.target = (simulator.host, simulator.ports[service])
        self.service = service
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        self._lock = threading.Lock()
        # For each connection the pieces: True with what the client sent, False with what the server sent.
        self._talks: list[list[tuple[bool, bytes]]] = []
        # How many pieces of each are not looked at any more.
        self._forgotten: list[int] = []
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._held: tuple[bytes, Callable[[], None]] | None = None

    def __enter__(self) -> "Relay":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            sockets = [self.listener, *self._sockets]
        for each in sockets:
            hang_up(each)
        for thread in list(self._threads):
            thread.join(END_PATIENCE)
        for each in sockets:
            each.close()
        assert not any(thread.is_alive() for thread in self._threads), "the relay did not end"

    def _start(self, work, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                # The server is being started anew.
                client.close()
                continue
            talk: list[tuple[bool, bytes]] = []
            with self._lock:
                self._talks.append(talk)
                self._forgotten.append(0)
                self._sockets += [client, server]
                closed = self._closed
            if closed:
                hang_up(client)
                hang_up(server)
            watch = Watch() if self.service == "imap" else None
            self._start(self._carry, client, server, talk, True, watch)
            self._start(self._carry, server, client, talk, False, watch)

    def _carry(
        self, source: socket.socket, target: socket.socket, talk: list, from_client: bool, watch: Watch | None
    ) -> None:
        try:
            while data := source.recv(BLOCK):
                action = self._take_held(data) if from_client else None
                if action is not None:
                    action()
                with self._lock:
                    talk.append((from_client, data))
                    if watch is not None:
                        look_at(watch, data, from_client)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # One side has hung up: so does the other.
            hang_up(source)
            hang_up(target)

    def _take_held(self, data: bytes) -> Callable[[], None] | None:
        with self._lock:
            if self._held is None or self._held[0] not in data:
                return None
            action, self._held = self._held[1], None
            return action

    def before(self, words: bytes, action: Callable[[], None]) -> None:
        """Does something once, before the next piece in which a client says `words` is passed on."""
        with self._lock:
            self._held = (words, action)

    # What was said ----------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """What is said from now on is what counts, except for `text()`: for a second run of a program."""
        with self._lock:
            self._forgotten = [len(talk) for talk in self._talks]

    def _said_by_each(self, by_client: bool) -> list[bytes]:
        with self._lock:
            pieces = [talk[start:] for talk, start in zip(self._talks, self._forgotten, strict=True)]
        return [b"".join(data for from_client, data in talk if from_client == by_client) for talk in pieces]

    def sent_by_each(self) -> list[bytes]:
        """What the client sent on each connection."""
        return self._said_by_each(True)

    def sent(self) -> bytes:
        """All that clients sent, connection by connection."""
        return b"".join(self.sent_by_each())

    def received(self) -> bytes:
        """All that the server sent, connection by connection."""
        return b"".join(self._said_by_each(False))

    def text(self) -> bytes:
        """All conversations with a mark before each line: C: or S:, after a heading for each connection."""
        pieces = []
        with self._lock:
            talks = [list(talk) for talk in self._talks]
        for number, talk in enumerate(talks, 1):
            pieces.append(b"---- connection %d\n" % number)
            for from_client, data in talk:
                mark = b"C: " if from_client else b"S: "
                pieces += [mark + shown(line) + b"\n" for line in data.removesuffix(b"\r\n").split(b"\r\n")]
        return b"".join(pieces)

    def save(self, path: Path) -> None:
        """Writes `text()` to a file."""
        path.write_bytes(self.text())


def look_at(watch: Watch, data: bytes, from_client: bool) -> None:
    """Lets the strict reader have a look. What it finds, it keeps: here the program goes on."""
    if from_client:
        watch.said(data)
        return
    with contextlib.suppress(GrammarError):
        watch.heard(data)


def shown(line: bytes) -> bytes:
    """A line as it was; the beginning of a TLS record, or what else is no text, in a few characters."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = "\0"
    return line if text.replace("\t", " ").isprintable() else repr(line[:LONGEST_BINARY]).encode()


def hang_up(each: socket.socket) -> None:
    """Ends a connection, or a listener, and whoever waits for it."""
    # It may be closed already.
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
