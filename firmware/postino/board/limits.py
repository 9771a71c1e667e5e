"""What a board can bear: sockets in all, TCP connections with those in TIME_WAIT, and a ledger of internal RAM.

On a board the network stack enforces the first two and the system heap the third; the simulator enforces them here with
the same numbers (`boards/<id>/board.toml`). A limit of 0 is off.
"""

import time

# After a connection that we closed first, its place is taken for twice the maximum segment lifetime (lwIP: 60 s).
TIME_WAIT_MS = 120000

# Bytes of internal RAM (design, "RAM ledger"; estimates in facts about lwIP and mbedTLS, not measured).
SOCKET_BYTES = 1024
# Send buffer and receive window of one connection, while data is in them.
TRANSFER_BYTES = 11776
TLS_BYTES = 22 * 1024


class Limits:
    """Counts, refuses, and remembers the least that the ledger ever had left."""

    def __init__(self, sockets=0, tcp=0, ledger=0):
        self.sockets = sockets
        self.tcp = tcp
        self.ledger = ledger
        self.ledger_free = ledger
        self.ledger_free_min = ledger
        self._open_sockets = 0
        self._open_connections = 0
        # End of each TIME_WAIT in ticks, oldest first.
        self._time_wait = []

    def open_listener(self):
        """Takes a socket for a listener; False if there is none."""
        if not self._room(SOCKET_BYTES):
            return False
        self._take_socket()
        return True

    def close_listener(self):
        self._give_socket()

    def open_connection(self):
        """Takes what a new connection needs; False if it must be refused.

        There must be room for its transfer as well: once accepted, a connection is not refused its buffers.
        """
        if not self._room(SOCKET_BYTES + TRANSFER_BYTES):
            return False
        self._expire()
        if self.tcp and self._open_connections + len(self._time_wait) >= self.tcp:
            # lwIP takes the oldest connection in TIME_WAIT for a new one.
            if not self._time_wait:
                return False
            self._time_wait.pop(0)
        self._open_connections += 1
        self._take_socket()
        return True

    def close_connection(self, by_client):
        """Gives back what open_connection took. If the client closed first, TIME_WAIT is the client's."""
        self._open_connections -= 1
        self._give_socket()
        if self.tcp and not by_client:
            self._expire()
            self._time_wait.append(time.ticks_add(time.ticks_ms(), TIME_WAIT_MS))

    def start_transfer(self):
        self._charge(TRANSFER_BYTES)

    def end_transfer(self):
        self._charge(-TRANSFER_BYTES)

    def start_tls(self):
        """Takes the memory of a TLS session; False if there is not enough."""
        if self.ledger and self.ledger_free < TLS_BYTES:
            return False
        self._charge(TLS_BYTES)
        return True

    def end_tls(self):
        self._charge(-TLS_BYTES)

    def _room(self, needed):
        if self.sockets and self._open_sockets >= self.sockets:
            return False
        return not self.ledger or self.ledger_free >= needed

    def _take_socket(self):
        self._open_sockets += 1
        self._charge(SOCKET_BYTES)

    def _give_socket(self):
        self._open_sockets -= 1
        self._charge(-SOCKET_BYTES)

    def _charge(self, count):
        if self.ledger:
            self.ledger_free -= count
            self.ledger_free_min = min(self.ledger_free_min, self.ledger_free)

    def _expire(self):
        now = time.ticks_ms()
        while self._time_wait and time.ticks_diff(self._time_wait[0], now) <= 0:
            self._time_wait.pop(0)
