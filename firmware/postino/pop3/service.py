"""The POP3 service as the listener sees it: its last words, its code, and a session."""

from .. import overlay

# What the listener says when it ends a session, or does not begin one (codes: RFC 2449 section 8, RFC 3206).
REFUSAL = b"-ERR [SYS/TEMP] Too many connections, try again later\r\n"
OUT_OF_MEMORY = b"-ERR [SYS/TEMP] Out of memory, try again later\r\n"
FAULT = b"-ERR [SYS/TEMP] Internal error, try again later\r\n"
TIMEOUT = b"-ERR [SYS/TEMP] Timeout, closing\r\n"
NO_TLS = b"-ERR [SYS/PERM] No TLS on this port\r\n"
STOPPING = b"-ERR [SYS/TEMP] Service closing, try again later\r\n"

# Nothing of it is there from the start: many an office has no POP3 client, and where there are some, they come for
# seconds. What every session needs is imported with the first one, and forgotten some time after the last.
RESIDENT = ()
MODULES = ("pop3.maildrop", "pop3.login", "pop3.transfer", "pop3.commands", "pop3.session")


async def serve(conn, server):
    """Serves one client from the greeting to the end. What ends it early passes to the listener."""
    with overlay.use(MODULES) as session:
        await session.serve(conn, server)
