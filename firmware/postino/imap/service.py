"""The IMAP service as the listener sees it: its last words, and the session, whose code is there while it is needed."""

from .. import overlay

REFUSAL = b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
OUT_OF_MEMORY = b"* BYE [UNAVAILABLE] Out of memory, try again later\r\n"
# RFC 5530 3.
FAULT = b"* BYE [SERVERBUG] Internal error, try again later\r\n"
TIMEOUT = b"* BYE Too long without a command\r\n"
STOPPING = b"* BYE Server is going down, or needs this connection\r\n"

# All that a session needs whatever its client asks for.
MODULES = (
    "imap.errors",
    "imap.sequence",
    "imap.wire",
    "imap.utf7",
    "imap.capabilities",
    "imap.names",
    "imap.sets",
    "imap.flags",
    "imap.verbs",
    "imap.basics",
    "imap.idle",
    "imap.commands",
    "imap.view",
    "imap.session",
)


async def serve(conn, server):
    """Serves one client from the greeting to the end. What ends it early passes to the listener."""
    with overlay.use(MODULES) as session:
        await session.serve(conn, server)
