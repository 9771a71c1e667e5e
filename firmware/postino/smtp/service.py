"""The SMTP service as the listener sees it: its last words, its code, and a session."""

# What the listener says when it ends a session, or does not begin one (RFC 5321 section 3.8).
REFUSAL = b"421 4.3.2 Too many connections, try again later\r\n"
OUT_OF_MEMORY = b"421 4.3.0 Out of memory, try again later\r\n"
FAULT = b"421 4.3.0 Internal error, try again later\r\n"
TIMEOUT = b"421 4.4.2 Timeout, closing\r\n"
NO_TLS = b"421 4.7.0 No TLS on this port, closing\r\n"
STOPPING = b"421 4.3.2 Service closing, try again later\r\n"

# What every session needs. It is there from the start.
RESIDENT = (
    "mime.blocks",
    "mime.tokens",
    "mime.parameters",
    "mime.fields",
    "mime.part_table",
    "mime.structure",
    "mime.incoming",
    "smtp.replies",
    "smtp.trace",
    "smtp.dot_reader",
    "smtp.paths",
    "smtp.data",
    "smtp.transaction",
    "smtp.session",
)


async def serve(conn, server):
    """Serves one client from the greeting to the end. What ends it early passes to the listener."""
    from . import session

    await session.serve(conn, server)
