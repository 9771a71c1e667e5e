"""One IMAP connection: greeting, the loop over commands, and the updates that end each command."""

import asyncio

from .. import log, overlay

# What serves the commands is imported when they come (verbs.py); what every session needs is imported here, leaves
# first, since imports nest on a small stack.
from . import capabilities, errors, flags, idle, verbs
from .commands import Reader
from .view import View

# Letters whose flags are told, after which other sessions get their turn.
YIELD_EVERY = 32
# Times that what has changed meanwhile is told as well before a command ends.
MAX_ROUNDS = 4


def serve(conn, server):
    """To be awaited: serves one client from the greeting to the end. What ends it early passes to the listener."""
    return Session(conn, server).run()


def _reply_for(error):
    """Returns the reply to a command that failed. Raises the error again if it is more than that."""
    reply = errors.reply_for(error)
    if reply is None:
        raise error
    if reply.startswith(b"NO [UNAVAILABLE]"):
        log.error("imap: storage failure: %s", str(error))
    return reply


class Session:
    """State of one connection. `view` is that of the selected mailbox, or None (RFC 3501 3)."""

    # What few sessions ever change has no room in each.
    failed_logins = 0
    # The result that `$` stands for, pairs of UIDs (RFC 5182), or None.
    saved_result = None

    def __init__(self, conn, server):
        self.conn = conn
        self.server = server
        self.view: View | None = None
        # An IDLE has begun and not ended (idle.py); its tag is still that of the reader.
        self.idling = False
        # Bits of what the client has enabled (capabilities.py), and what is switched off for it.
        self.enabled = 0
        self.off = ()
        self.reader = Reader(conn)
        self.read_settings()

    async def run(self):
        conn = self.conn
        conn.set_deadline(self.server.settings.get("login_timeout"))
        try:
            await self._greet()
            while not conn.finished:
                # Most sessions wait here most of the time, in as few calls as can be: each takes 100 octets of heap.
                came = True
                if self.idling:
                    came = await conn.wait_input(self.server.settings.get("idle_notify"))
                else:
                    self.renew_deadline()
                    if not conn.pending():
                        await conn.fill()
                await self._serve_command(came)
        except errors.Goodbye as goodbye:
            if goodbye.reply is not None:
                await conn.write(b"%s %s\r\n" % (self.reader.tag or b"*", goodbye.reply))
            await conn.write(b"* BYE %s\r\n" % goodbye.text)
        finally:
            self.unselect()
        await conn.flush()

    async def _greet(self):
        # Not in run(): what was worked out there stays in its frame, and so in the heap, as long as the session.
        await self.conn.write(b"* OK [CAPABILITY %s] Postino ready\r\n" % capabilities.text(self))

    def read_settings(self):
        """What is switched off, for everybody before login and for the user after it."""
        self.off = capabilities.switched_off(self.server.settings.get("imap_capabilities_off"), self.conn.user)

    def renew_deadline(self):
        """After login every command, and every letter that is sent, gets the whole time; before it, all have one."""
        if self.conn.user is not None:
            self.conn.set_deadline(self.server.settings.get("imap_timeout"))

    async def _serve_command(self, came):
        """Reads and answers one command, or goes on with IDLE; `came` is what wait_input() said."""
        view = self.view
        enabled = self.enabled
        try:
            if self.idling:
                result = await idle.go_on(self, came)
            else:
                command = await self.reader.read(self.conn.user is not None)
                result = await self._run(self._find(command), command)
        except Exception as error:
            result = _reply_for(error)
            self.idling = False
            await self._tell_if_lost()
        if self.enabled & ~enabled & capabilities.CONDSTORE and view is not None and view is self.view:
            # From here on the client reckons with it (RFC 7162 3.1.2).
            await self.conn.write(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % view.known_modseq())
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
        # Clients take the first line after IDLE for its "+", so that one waits for nothing.
        if self.view is not None and entry[2] != "idle":
            # New letters may be told at any time; a UID command for one that has just come finds it (quirk 19).
            await self.tell_new()
            await self.tell_keywords()
        with overlay.use(verbs.modules(entry)) as module:
            try:
                result = await getattr(module, entry[3])(self, command)
            except Exception as error:
                # It may have told something: what has happened besides is told all the same.
                result = _reply_for(error)
        if command.expunged and self.enabled & capabilities.QRESYNC and result.startswith(b"OK "):
            await self.tell_updates(True)
            # RFC 7162 3.2.7. Only now it is known.
            return b"OK [HIGHESTMODSEQ %d] %s" % (self.view.known_modseq(), result[3:])
        await self.tell_all("e" in entry[1] and not command.keeps_numbers)
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
        """Tells EXISTS, and RECENT where there is such a thing, if letters have arrived (RFC 3501 7.3.1, 7.3.2)."""
        view = self.view
        recents = not self.enabled & capabilities.IMAP4REV2
        if view.take_new(recents):
            await self.conn.write(b"* %d EXISTS\r\n" % view.count())
            if recents:
                await self.conn.write(b"* %d RECENT\r\n" % view.recent())

    async def tell_all(self, expunges):
        """At the end of a command: tells all that has happened, and how far the client's knowledge goes."""
        if self.view is None:
            return
        await self.tell_updates(expunges)
        if self.view.held:
            await self.conn.write(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % self.view.known_modseq())

    async def tell_updates(self, expunges):
        """Tells all that has happened in the mailbox; EXPUNGE only where sequence numbers may change."""
        view = self.view
        await self._tell_if_lost()
        if expunges and view.has_ghosts():
            await self._tell_ghosts(view)
            await self._tell_if_lost()
        await self.tell_new()
        sure = 0
        for _ in range(MAX_ROUNDS):
            sure = view.box.highest_modseq
            pairs = view.take_changed()
            if not pairs:
                return
            await self.tell_flags(pairs)
        if self.enabled & capabilities.CONDSTORE:
            # What has changed since then comes with the next command.
            view.hold(sure)

    async def _tell_ghosts(self, view):
        if view.exact:
            with overlay.use(("imap.qresync",)) as qresync:
                await qresync.tell_vanished(self)
            return
        while True:
            run = view.pop_ghosts()
            if run is None:
                break
            for _ in range(run[1]):
                await self.conn.write(b"* %d EXPUNGE\r\n" % run[0])

    async def tell_flags(self, pairs):
        """Tells the flags of the letters whose UIDs are in the set (RFC 3501 7.4.2)."""
        view = self.view
        await self.tell_keywords()
        for told, uid in enumerate(view.uids(pairs)):
            row = view.box.index_of(uid)
            items = b"UID %d FLAGS (%s)%s" % (uid, self.flags_text(uid, row), self.modseq_text(row))
            await self.conn.write(b"* %d FETCH (%s)\r\n" % (view.number_of(uid), items))
            if told % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep_ms(0)
            # While that waited, another session may have made one.
            if len(view.box.keywords) != view.keywords_told:
                await self.tell_keywords()

    def flags_text(self, uid, row):
        """Returns the flags of a letter as this session sees them; IMAP4rev2 has no \\Recent (RFC 9051 appendix E)."""
        view = self.view
        recent = not self.enabled & capabilities.IMAP4REV2 and view.is_recent(uid)
        return flags.text(view.box.flags(row), view.box.keywords, recent)

    def modseq_text(self, row):
        """Returns what is told beside the flags of a letter to a client that asked for it once (RFC 7162 3.1)."""
        return b" MODSEQ (%d)" % self.view.box.modseq(row) if self.enabled & capabilities.CONDSTORE else b""

    async def tell_keywords(self):
        """Tells FLAGS and PERMANENTFLAGS again if the mailbox has keywords that the client does not know."""
        view = self.view
        while len(view.box.keywords) != view.keywords_told:
            await self.conn.write(flags.announcement(view))
