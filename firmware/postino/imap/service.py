"""The IMAP service as the listener sees it: its last words, its code, and a session."""

REFUSAL = b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
OUT_OF_MEMORY = b"* BYE [UNAVAILABLE] Out of memory, try again later\r\n"
# RFC 5530 3.
FAULT = b"* BYE [SERVERBUG] Internal error, try again later\r\n"
TIMEOUT = b"* BYE Too long without a command\r\n"
NO_TLS = b"* BYE No TLS on this port\r\n"
STOPPING = b"* BYE Server is going down, or needs this connection\r\n"

# What every session needs: to begin, and to read letters. It is there from the start.
RESIDENT = (
    "imap.errors",
    "imap.sequence",
    "imap.wire",
    "imap.utf7",
    "mime.quoting",
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
    "imap.expunge",
    "imap.select",
    "mime.blocks",
    "mime.tokens",
    "mime.parameters",
    "mime.fields",
    "mime.part_table",
    "imap.letter",
    "imap.sections",
    "imap.fetch",
)


async def serve(conn, server):
    """Serves one client from the greeting to the end. What ends it early passes to the listener."""
    from . import session

    await session.serve(conn, server)
