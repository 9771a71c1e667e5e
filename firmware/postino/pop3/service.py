"""The POP3 service as the listener sees it: its last words, its code, and a session."""

# What the listener says when it ends a session, or does not begin one (codes: RFC 2449 section 8, RFC 3206).
REFUSAL = b"-ERR [SYS/TEMP] Too many connections, try again later\r\n"
OUT_OF_MEMORY = b"-ERR [SYS/TEMP] Out of memory, try again later\r\n"
FAULT = b"-ERR [SYS/TEMP] Internal error, try again later\r\n"
TIMEOUT = b"-ERR [SYS/TEMP] Timeout, closing\r\n"
STOPPING = b"-ERR [SYS/TEMP] Service closing, try again later\r\n"

# What every session needs. It is there from the start.
MODULES = ("pop3.maildrop", "pop3.login", "pop3.transfer", "pop3.commands", "pop3.session")


async def serve(conn, server):
    """Serves one client from the greeting to the end. What ends it early passes to the listener."""
    from . import session

    await session.serve(conn, server)
