"""What can end or disturb a wait on a connection. A session lets these pass; the listener answers them."""


class ConnectionClosed(Exception):
    """The peer has gone, or the socket has failed: nothing more can be read or written."""


class DeadlineExpired(Exception):
    """A wait went past the deadline set with `Connection.set_deadline`."""


class ServerStopping(Exception):
    """This connection has been asked to go: the server stops, or its slot is needed for somebody else.

    With an argument, the client begins with TLS, which this port does not speak: it would wait for that in vain.
    """


class LineTooLong(Exception):
    """A line exceeded its limit. It has been read to its end and thrown away; the connection is in step."""
