"""What sessions share: the store, the users, the settings, the connections and the counters."""

import gc

from . import log, overlay
from .net.buffers import BufferPool
from .net.table import ConnectionTable

# Slots for sockets that are no client's: one to refuse with, one for time and names.
SPARE_SOCKETS = 2


class Server:
    """Handed to every session. `board` is the port module (see `postino.board`)."""

    def __init__(self, board, settings, users, router, store):
        self.board = board
        self.settings = settings
        self.users = users
        self.router = router
        self.store = store
        self.clock = board.clock
        self.received = board.received
        self.buffers = BufferPool(board.transfer_started, board.transfer_ended)
        self.connections = None
        self.stopping = False
        # Names of users whose INBOX a POP3 session has locked (RFC 1939 3).
        self.maildrop_locks = set()
        # Letters taken since start, by SMTP.
        self.letters = 0

    def make_table(self, listeners):
        """Makes the table of connections: the caps of the settings, within the board's sockets."""
        get = self.settings.get
        total = get("max_connections")
        sockets = self.board.limits().sockets
        if sockets:
            total = min(total, sockets - listeners - SPARE_SOCKETS)
        # One address must not take all slots: others still find two.
        per_address = get("max_connections_per_address") or max(2, total - 2)
        self.connections = ConnectionTable(total, per_address, get("max_connections_per_user"))

    def make_room(self):
        """Memory is wanted: what nobody needs at this moment goes."""
        overlay.forget_idle()
        gc.collect()

    def delivered(self, count=1):
        """Counts letters (not recipients) that were acknowledged."""
        self.letters += count
        self.board.delivered(self.letters)

    def out_of_memory(self, conn, error):
        """Notes that a session ended for want of memory. Never raises."""
        free = gc.mem_free()  # type: ignore[attr-defined]
        log.warn("%s %s: session ended: %r, %d octets are free", conn.service, conn.peer, error, free)

    def session_failed(self, conn, error):
        """Notes that a session ended by a fault of ours. Never raises."""
        log.error("%s %s: internal error, session ended: %r", conn.service, conn.peer, error)

    def tz_minutes(self):
        """Offset of local time from UTC in minutes, from the setting `timezone`."""
        zone = self.settings.get("timezone")
        minutes = int(zone[1:3]) * 60 + int(zone[3:])
        return -minutes if zone[0] == "-" else minutes

    def cleartext_allowed(self, conn):
        """True if this connection may log in without TLS, by the setting for its service."""
        where = self.settings.get("cleartext_" + conn.service)
        return where == "always" or (where == "lan" and is_local_network(conn.peer))


def is_local_network(address):
    """True for IPv4 addresses that no router passes on: private (RFC 1918), loopback and link-local (RFC 3927)."""
    octets = address.split(".")
    if len(octets) != 4:
        return False
    first, second = octets[0], octets[1]
    if first in ("10", "127"):
        return True
    if first == "172":
        return second.isdigit() and 16 <= int(second) <= 31
    return (first, second) in (("192", "168"), ("169", "254"))
