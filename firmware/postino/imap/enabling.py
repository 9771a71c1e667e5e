"""ENABLE: extensions that change what the server sends (RFC 5161)."""

from . import capabilities
from .errors import Bad

# Words in one ENABLE.
MAX_WORDS = 32

# Those that can be enabled, and the bits of what they bring with them.
_EXTENSIONS = (
    (b"CONDSTORE", capabilities.CONDSTORE),
    # RFC 7162 3.2.3: QRESYNC enables CONDSTORE too.
    (b"QRESYNC", capabilities.QRESYNC | capabilities.CONDSTORE),
    (b"UTF8=ACCEPT", capabilities.UTF8_ACCEPT),
    (b"IMAP4rev2", capabilities.IMAP4REV2),
)


async def enable(session, command):
    """Unknown words are ignored; ENABLED tells what was newly enabled (RFC 5161 3.1, 3.2)."""
    arguments = command.arguments
    wanted = []
    while not arguments.at_end():
        arguments.space()
        if arguments.at_end():
            break
        wanted.append(arguments.astring().upper())
        if len(wanted) > MAX_WORDS:
            raise Bad(b"Too many words in ENABLE")
    if not wanted:
        raise Bad(b"Missing argument")
    view = session.view
    while b"QRESYNC" in wanted and view is not None and view.has_ghosts():
        # What has gone is told by number for the last time: behind ENABLED only by UID (RFC 7162 3.2.10).
        await session.tell_updates(True)
    reply = b"* ENABLED"
    for name, bits in _EXTENSIONS:
        if name.upper() not in wanted or not capabilities.is_offered(session, name):
            continue
        if session.enabled & bits != bits:
            session.enabled |= bits
            reply += b" " + name
            if bits & capabilities.QRESYNC and view is not None:
                view.exact = True
    await session.conn.write(reply + b"\r\n")
    return b"OK ENABLE completed"
