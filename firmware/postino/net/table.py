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
        # The connection that has been asked to make room, until it has gone.
        self._going = None
        # Sessions since start, for the statistics.
        self.served = 0

    def admit(self, peer, service):
        """True if a connection from `peer` to `service` may be served now.

        When the last slot goes, or there is none, the longest-idle connection of the user with most is asked to go,
        so that the next one finds room.
        """
        count = len(self.open)
        if sum(1 for conn in self.open if conn.peer == peer) >= self.per_address:
            return False
        full = count >= self.total or (service != self.reserved and self._others() >= self.total - 1)
        if full or count + 1 >= self.total - 1:
            self._make_room()
        return not full

    def _others(self):
        return sum(1 for conn in self.open if conn.service != self.reserved)

    def _make_room(self):
        if self._going is not None:
            # One at a time: a burst of connections must not cost everybody else theirs.
            return
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
            self._going = victim
            victim.ask_to_go()

    def add(self, conn):
        self.open.append(conn)
        self.served += 1

    def remove(self, conn):
        if conn is self._going:
            self._going = None
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
