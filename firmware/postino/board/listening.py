"""Opens listening sockets: the same on every port but for the form of the address."""

import socket

# Connections that the network stack keeps waiting while one is accepted.
BACKLOG = 8


def open_listener(address, limits):
    """Returns a non-blocking socket that listens on `address`, charged to `limits`. Raises OSError."""
    if not limits.open_listener():
        raise OSError("no socket left")
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        limits.close_listener()
        raise
    return sock
