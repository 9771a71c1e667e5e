"""One IMAP connection: greeting, the loop over commands, the table of verbs, and the updates that end each command."""

import asyncio

from .. import log, overlay
from ..net.errors import ConnectionClosed

# What serves the commands is imported when they come (verbs.py); what every session needs is imported here, leaves
# first, since imports nest on a small stack.
from . import capabilities, errors, flags, verbs
from .commands import Reader
from .view import View

# Letters whose flags are told, after which other sessions get their turn.
YIELD_EVERY = 32


async def serve(conn, server):
    """Serves one client from the greeting to the end. What ends it early passes to the listener."""
    session = Session(conn, server)
    try:
        await session.run()
    finally:
        session.unselect()


class Session:
    """State of one connection. `view` is that of the selected mailbox, or None (RFC 3501 3)."""

    def __init__(self, conn, server):
        self.conn = conn
        self.server = server
        self.view: View | None = None
        self.failed_logins = 0
        # Bits of what the client has enabled (capabilities.py), and what is switched off for it.
        self.enabled = 0
        self.off = ()
        # The result that `$` stands for, pairs of UIDs (RFC 5182), or None.
        self.saved_result = None
        self.reader = Reader(conn)
        self.read_settings()

    async def run(self):
        conn = self.conn
        conn.set_deadline(self.server.settings.get("login_timeout"))
        await conn.write(b"* OK [CAPABILITY %s] Postino ready\r\n" % capabilities.text(self))
        try:
            while not conn.finished:
                if not conn.pending():
                    await conn.flush()
                self.renew_deadline()
                await self._serve_command()
        except errors.Goodbye as goodbye:
            if goodbye.reply is not None:
                await conn.write(b"%s %s\r\n" % (self.reader.tag or b"*", goodbye.reply))
            await conn.write(b"* BYE %s\r\n" % goodbye.text)
        await conn.flush()

    def read_settings(self):
        """What is switched off, for everybody before login and for the user after it."""
        self.off = capabilities.switched_off(self.server.settings.get("imap_capabilities_off"), self.conn.user)

    def renew_deadline(self):
        """After login every command, and every letter that is sent, gets the whole time; before it, all have one."""
        if self.conn.user is not None:
            self.conn.set_deadline(self.server.settings.get("imap_timeout"))

    async def _serve_command(self):
        try:
            command = await self.reader.read(self.conn.user is not None)
            entry = self._find(command)
            result = await self._run(entry, command)
        except (errors.Goodbye, ConnectionClosed):
            raise
        except Exception as error:
            result = errors.reply_for(error)
            if result is None:
                raise
            if result.startswith(b"NO [UNAVAILABLE]"):
                log.error("imap: storage failure: %s", str(error))
            await self._tell_if_lost()
        if result is not None:
            await self.conn.write(b"%s %s\r\n" % (self.reader.tag or b"*", result))

    def _find(self, command):
        entry = verbs.find(command.verb)
        if entry is None or (entry[4] is not None and not capabilities.is_offered(self, entry[4])):
            raise errors.Bad(b"Unknown command")
        letters = entry[1]
        if self.conn.user is None:
            if "n" not in letters:
                raise errors.Bad(b"Log in first")
        elif "s" in letters and self.view is None:
            raise errors.Bad(b"Select a mailbox first")
        elif letters == "n":
            raise errors.Bad(b"Already logged in")
        return entry

    async def _run(self, entry, command):
        await self._tell_if_lost()
        if self.view is not None:
            # New letters may be told at any time; a UID command for one that has just come finds it (quirk 19).
            await self.tell_new()
            await self.tell_keywords()
        with overlay.use(verbs.modules(entry)) as module:
            result = await getattr(module, entry[3])(self, command)
        if self.view is not None:
            await self.tell_updates("e" in entry[1])
        return result

    # The selected mailbox ---------------------------------------------------------------------------------------

    def unselect(self):
        """Leaves the selected mailbox, if there is one."""
        view = self.view
        self.view = None
        self.saved_result = None
        if view is not None and view.box is not None:
            box = view.box
            view.box = None
            box.close(view)

    async def _tell_if_lost(self):
        # The mailbox was deleted by another session: it is disconnected (RFC 2180 3.3).
        if self.view is not None and self.view.lost:
            raise errors.Goodbye(b"The selected mailbox is gone, or has changed too much")

    async def tell_new(self):
        """Tells EXISTS and RECENT if letters have arrived (RFC 3501 7.3.1, 7.3.2)."""
        view = self.view
        if view.take_new():
            await self.conn.write(b"* %d EXISTS\r\n* %d RECENT\r\n" % (view.count(), view.recent()))

    async def tell_updates(self, expunges):
        """Tells all that has happened in the mailbox; EXPUNGE only where sequence numbers may change."""
        view = self.view
        view.woken = False
        await self._tell_if_lost()
        while expunges:
            run = view.pop_ghosts()
            if run is None:
                break
            for _ in range(run[1]):
                await self.conn.write(b"* %d EXPUNGE\r\n" % run[0])
        await self._tell_if_lost()
        await self.tell_new()
        pairs = view.take_changed()
        if pairs:
            await self.tell_flags(pairs)

    async def tell_flags(self, pairs):
        """Tells the flags of the letters whose UIDs are in the set (RFC 3501 7.4.2)."""
        view = self.view
        await self.tell_keywords()
        for told, uid in enumerate(view.uids(pairs)):
            row = view.box.index_of(uid)
            text = flags.text(view.box.flags(row), view.box.keywords, view.is_recent(uid))
            await self.conn.write(b"* %d FETCH (UID %d FLAGS (%s))\r\n" % (view.number_of(uid), uid, text))
            if told % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep_ms(0)

    async def tell_keywords(self):
        """Tells FLAGS and PERMANENTFLAGS again if the mailbox has keywords that the client does not know."""
        view = self.view
        if len(view.box.keywords) != view.keywords_told:
            await self.conn.write(flags.announcement(view))
