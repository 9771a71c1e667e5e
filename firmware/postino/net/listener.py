"""Accepts connections, runs a session on each, and answers whatever ends a session in the protocol's own words.

A failure, MemoryError included, costs the connection it happens in and nothing else.
"""

import asyncio
import gc
import sys
import time

from .connection import Connection
from .errors import ConnectionClosed, DeadlineExpired, ServerStopping
from .waiting import until_ready

# Seconds that a client gets to close first after QUIT or LOGOUT, so that TIME_WAIT is charged to it and not to us.
CLOSE_FIRST_TIMEOUT = 2
# Seconds that a last line to a client may take.
FAREWELL_TIMEOUT = 2
# How often deadlines are looked at (ms): the precision of every timeout.
TICK = 250
# Pause after a failed accept (ms): sockets or memory are short, and accepting again at once would spin.
ACCEPT_PAUSE = 100


class Listener:
    """One service on one port. `protocol` is a session module (`serve`, `REFUSAL`, `TIMEOUT`, `FAULT`, ...)."""

    def __init__(self, service, protocol, sock, port):
        self.service = service
        self.protocol = protocol
        self.sock = sock
        self.port = port


async def accept_connections(listener, server):
    """Accepts for ever on one listener."""
    while True:
        try:
            await until_ready(listener.sock)  # type: ignore[misc]
            while True:
                accepted = server.board.accept(listener.sock)
                if accepted is None:
                    break
                _admit(listener, server, accepted[0], accepted[1])
                del accepted
        except (OSError, MemoryError):
            gc.collect()
            await asyncio.sleep_ms(ACCEPT_PAUSE)


def _admit(listener, server, sock, peer):
    conn = None
    opened = False
    try:
        opened = server.connections.admit(peer, listener.service) and server.board.connection_opened()
        if not opened:
            _refuse(listener, server, sock)
            return
        conn = _connection(listener, server, sock, peer)
        server.connections.add(conn)
        asyncio.create_task(_run_session(listener.protocol, conn, server))
    except MemoryError:
        if conn is not None:
            server.connections.remove(conn)
        if opened:
            server.board.connection_closed(False)
        sock.close()
        raise


def _connection(listener, server, sock, peer):
    try:
        return Connection(sock, peer, listener.service, server.buffers)
    except MemoryError:
        server.make_room()
        return Connection(sock, peer, listener.service, server.buffers)


def _refuse(listener, server, sock):
    # One write that either fits the socket's buffer or is dropped: a refusal must not wait.
    try:
        sock.write(listener.protocol.REFUSAL)
    except OSError:
        pass
    sock.close()


async def _run_session(protocol, conn, server):
    farewell = None
    client_closed = False
    try:
        server.board.session_started(conn.service)
        await protocol.serve(conn, server)
    except ConnectionClosed:
        client_closed = True
    except DeadlineExpired:
        farewell = protocol.TIMEOUT
    except ServerStopping as reason:
        farewell = protocol.NO_TLS if reason.args else protocol.STOPPING
    except MemoryError as error:
        server.out_of_memory(conn, error)
        farewell = protocol.OUT_OF_MEMORY
    except Exception as error:
        # A fault of ours: it goes to the log with its place, and costs this session only.
        sys.print_exception(error)
        server.session_failed(conn, error)
        farewell = protocol.FAULT
    try:
        client_closed = client_closed or await _part(conn, farewell)
    finally:
        _close(conn, server, client_closed)


async def _part(conn, farewell):
    """Says a last line, and lets a client that was told goodbye close first. True if it did."""
    try:
        conn.allow_farewell(FAREWELL_TIMEOUT if farewell else CLOSE_FIRST_TIMEOUT)
        if farewell:
            conn.discard()
            await conn.write(farewell)
        await conn.flush()
        if conn.finished or farewell:
            conn.allow_farewell(CLOSE_FIRST_TIMEOUT)
            while True:
                conn.consume(len(await conn.read_block()))
    except ConnectionClosed:
        return True
    except (DeadlineExpired, ServerStopping, MemoryError):
        pass
    return False


def _close(conn, server, client_closed):
    conn.discard()
    server.connections.remove(conn)
    server.board.connection_closed(client_closed)
    conn.sock.close()
    server.board.session_ended()


async def keep_time(server):
    """Ends waits whose deadline has come; runs for ever."""
    while True:
        await asyncio.sleep_ms(TICK)
        now = time.ticks_ms()
        for conn in server.connections.open:
            conn.check_time(now)
        server.board.feed_watchdog()
