"""The table of open connections: who is connected, the caps, and who has to go when slots are scarce.

Connections are the scarcest thing on a board (design: sockets in all, memory for each). The caps are settings; the
board's own limits hold besides. The service named in `reserved` always keeps one slot, so that mail can come in.
"""

import time


class ConnectionTable:
    """Counts connections and admits new ones."""

    def __init__(self, total, per_address, per_user, reserved="smtp"):
        self.total = total
        self.per_address = per_address
        self.per_user = per_user
        self.reserved = reserved
        self.open = []
        # Sessions since start, for the statistics.
        self.served = 0

    def admit(self, peer, service):
        """True if a connection from `peer` to `service` may be served now.

        When the last slot goes, the longest-idle connection of the user with most is asked to go, so that the next
        one finds room.
        """
        count = len(self.open)
        if count >= self.total or sum(1 for conn in self.open if conn.peer == peer) >= self.per_address:
            return False
        if service != self.reserved and self._others(service) >= self.total - 1:
            return False
        if count + 1 >= self.total - 1:
            self._make_room()
        return True

    def _others(self, service):
        return sum(1 for conn in self.open if conn.service != self.reserved)

    def _make_room(self):
        victim = None
        most = (0, 0)
        now = time.ticks_ms()
        for conn in self.open:
            if conn.user is None or conn.idle_since is None or conn.closing:
                continue
            idle = time.ticks_diff(now, conn.idle_since)
            rank = (self.count_user(conn.user), idle)
            if victim is None or rank > most:
                victim, most = conn, rank
        if victim is not None:
            victim.ask_to_go()

    def add(self, conn):
        self.open.append(conn)
        self.served += 1

    def remove(self, conn):
        if conn in self.open:
            self.open.remove(conn)

    def count_user(self, user):
        return sum(1 for conn in self.open if conn.user == user)

    def login(self, conn, user):
        """Notes that `conn` belongs to `user` from now on. False, and nothing noted, if that user has too many."""
        if self.count_user(user) >= self.per_user:
            return False
        conn.user = user
        return True
