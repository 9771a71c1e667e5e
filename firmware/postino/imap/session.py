"""One IMAP connection: greeting, the loop over commands, the table of verbs, and the updates that end each command."""

import asyncio

from .. import log

# All that the verbs need is imported here, leaves first: imports nest on a small stack, and one that is put off until
# a session needs it could fail in the middle of a command.
from ..mime import address, bodystructure, encoded_words, envelope, fields, structure  # noqa: F401
from ..net.errors import ConnectionClosed
from . import (  # noqa: F401
    append,
    auth,
    basics,
    copying,
    errors,
    expunge,
    fetch,
    flags,
    idle,
    listing,
    mailboxes,
    search,
    select,
    storing,
)
from .commands import Reader
from .view import View

REFUSAL = b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
OUT_OF_MEMORY = b"* BYE [UNAVAILABLE] Out of memory, try again later\r\n"
# RFC 5530 3.
FAULT = b"* BYE [SERVERBUG] Internal error, try again later\r\n"
TIMEOUT = b"* BYE Too long without a command\r\n"
STOPPING = b"* BYE Server is going down, or needs this connection\r\n"

# Letters whose flags are told, after which other sessions get their turn.
YIELD_EVERY = 32

# What is done at the start and at the end of a command, as letters: allowed before login (n), after it (a), only with
# a selected mailbox (s). EXPUNGE is told at its end unless it counts in sequence numbers (e) (RFC 3501 7.4.1).
# A tuple of constants: frozen, it takes no heap. Verb, letters, module, function.
VERBS = (
    (b"CAPABILITY", "nae", "basics", "capability"),
    (b"NOOP", "nae", "basics", "noop"),
    (b"LOGOUT", "na", "basics", "logout"),
    (b"ID", "nae", "basics", "identify"),
    (b"LOGIN", "n", "auth", "login"),
    (b"AUTHENTICATE", "n", "auth", "authenticate"),
    (b"SELECT", "a", "select", "select"),
    (b"EXAMINE", "a", "select", "examine"),
    (b"LIST", "ae", "listing", "list_mailboxes"),
    (b"LSUB", "ae", "listing", "list_subscribed"),
    (b"NAMESPACE", "ae", "listing", "namespace"),
    (b"CREATE", "ae", "mailboxes", "create"),
    (b"DELETE", "ae", "mailboxes", "delete"),
    (b"RENAME", "ae", "mailboxes", "rename"),
    (b"SUBSCRIBE", "ae", "mailboxes", "subscribe"),
    (b"UNSUBSCRIBE", "ae", "mailboxes", "unsubscribe"),
    (b"STATUS", "ae", "mailboxes", "status"),
    (b"APPEND", "ae", "append", "append"),
    (b"IDLE", "ae", "idle", "idle"),
    (b"CHECK", "se", "select", "check"),
    (b"CLOSE", "s", "select", "close"),
    (b"UNSELECT", "s", "select", "unselect"),
    (b"EXPUNGE", "se", "expunge", "expunge"),
    (b"FETCH", "s", "fetch", "fetch"),
    (b"STORE", "s", "storing", "store"),
    (b"SEARCH", "s", "search", "search"),
    (b"COPY", "se", "copying", "copy"),
    (b"MOVE", "se", "copying", "move"),
    (b"UID FETCH", "se", "fetch", "fetch"),
    (b"UID STORE", "se", "storing", "store"),
    (b"UID SEARCH", "se", "search", "search"),
    (b"UID COPY", "se", "copying", "copy"),
    (b"UID MOVE", "se", "copying", "move"),
    (b"UID EXPUNGE", "se", "expunge", "uid_expunge"),
)


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
        self.reader = Reader(conn)

    async def run(self):
        conn = self.conn
        conn.set_deadline(self.server.settings.get("login_timeout"))
        await conn.write(b"* OK [CAPABILITY %s] Postino ready\r\n" % basics.capabilities(self))
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
        verb = command.verb
        for entry in VERBS:
            if entry[0] == verb:
                break
        else:
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
        function = getattr(globals()[entry[2]], entry[3])
        await self._tell_if_lost()
        if self.view is not None:
            # New letters may be told at any time; a UID command for one that has just come finds it (quirk 19).
            await self.tell_new()
            await self.tell_keywords()
        result = await function(self, command)
        if self.view is not None:
            await self.tell_updates("e" in entry[1])
        return result

    # The selected mailbox ---------------------------------------------------------------------------------------

    def unselect(self):
        """Leaves the selected mailbox, if there is one."""
        view = self.view
        self.view = None
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
