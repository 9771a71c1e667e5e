"""A pool of equal buffers, so that an idle connection holds none and a busy one takes no fresh memory.

Buffers are made once and used again: on a small heap even a block of 1 KB asked for late may not be found in one piece
(after a day's mail a heap of 112k has 20 KB free, and no piece above 1.5 KB).
"""

# Octets in each buffer. It bounds a single read from a socket, and what a reply collects before it is sent.
BUFFER_SIZE = 1024
# Buffers made at start; and the most that are kept when connections give theirs back.
POOL_START = 6
POOL_KEEP = 12


def _nothing():
    pass


class BufferPool:
    """Lends buffers of BUFFER_SIZE octets.

    `transfer_started` and `transfer_ended` are called when a connection begins to hold buffers and when it holds none
    any more: the board charges the network stack's own buffers by them.
    """

    def __init__(self, transfer_started=_nothing, transfer_ended=_nothing):
        self.transfer_started = transfer_started
        self.transfer_ended = transfer_ended
        self._free = [bytearray(BUFFER_SIZE) for _ in range(POOL_START)]

    def take(self):
        """Returns a buffer of BUFFER_SIZE octets with undefined content. Raises MemoryError if there is no room."""
        if self._free:
            return self._free.pop()
        return bytearray(BUFFER_SIZE)

    def give(self, buffer):
        """Takes a buffer back. The caller must not use it, or a view of it, any more."""
        if len(self._free) < POOL_KEEP:
            self._free.append(buffer)
