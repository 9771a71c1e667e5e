"""The SMTP service as the listener sees it: its last words, and the session, whose code is there while it is needed."""

from .. import overlay

# What the listener says when it ends a session, or does not begin one (RFC 5321 section 3.8).
REFUSAL = b"421 4.3.2 Too many connections, try again later\r\n"
OUT_OF_MEMORY = b"421 4.3.0 Out of memory, try again later\r\n"
FAULT = b"421 4.3.0 Internal error, try again later\r\n"
TIMEOUT = b"421 4.4.2 Timeout, closing\r\n"
STOPPING = b"421 4.3.2 Service closing, try again later\r\n"

MODULES = (
    "mime.fields",
    "mime.structure",
    "mime.incoming",
    "smtp.replies",
    "smtp.trace",
    "smtp.dot_reader",
    "smtp.paths",
    "smtp.auth",
    "smtp.data",
    "smtp.transaction",
    "smtp.session",
)


async def serve(conn, server):
    """Serves one client from the greeting to the end. What ends it early passes to the listener."""
    with overlay.use(MODULES) as session:
        await session.serve(conn, server)
