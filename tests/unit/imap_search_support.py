"""A mailbox in RAM and a session that has it selected, for tests of SEARCH and SORT."""

import asyncio
from types import SimpleNamespace

from postino.imap import wire
from postino.imap.view import View
from postino.net.buffers import BufferPool
from postino.store.errors import LetterGone

NOW = 1795522019


async def sleep_ms(milliseconds):
    """What MicroPython's asyncio has and CPython's has not."""
    await asyncio.sleep(0)


class Row:
    """One letter in a mailbox."""

    def __init__(self, uid, content=b"", flags=0, date=NOW, saved=0, modseq=1):
        self.uid = uid
        self.content = content
        self.flags = flags
        self.date = date
        self.saved = saved
        self.modseq = modseq


class Box:
    """An open mailbox: what views and searches ask of the store's Mailbox."""

    def __init__(self, rows, keywords=()):
        self.rows = list(rows)
        self.keywords = list(keywords)
        self.uidnext = max([row.uid for row in rows], default=0) + 1
        self.recent_from = self.uidnext
        self.highest_modseq = max([row.modseq for row in rows], default=1)
        self.listener = None
        # How often something was asked for that is not in memory.
        self.cold_reads = 0

    def __len__(self):
        return len(self.rows)

    def uid(self, index):
        return self.rows[index].uid

    # The letter's slot is its UID here.
    letter = uid

    def size(self, index):
        self.cold_reads += 1
        return len(self.rows[index].content)

    def flags(self, index):
        return self.rows[index].flags

    def date(self, index):
        self.cold_reads += 1
        return self.rows[index].date

    def saved(self, index):
        self.cold_reads += 1
        return self.rows[index].saved

    def modseq(self, index):
        self.cold_reads += 1
        assert index >= 0
        return self.rows[index].modseq

    def changed_since(self, index, modseq):
        return self.modseq(index) > modseq

    def lower_bound(self, uid):
        return len([row for row in self.rows if row.uid < uid])

    def index_of(self, uid):
        index = self.lower_bound(uid)
        return index if index < len(self.rows) and self.rows[index].uid == uid else -1

    def keyword_bit(self, name, create=False):
        assert not create
        return 1 << 8 + self.keywords.index(name) if name in self.keywords else 0

    def claim_recent(self):
        return self.recent_from

    def expunge(self, uid):
        self.rows = [row for row in self.rows if row.uid != uid]
        self.listener.on_expunged(uid)


class Reader:
    """An open letter; what the store's LetterReader offers, and how many are open."""

    opened = 0
    # Blocks that were read, of all letters.
    blocks = 0

    def __init__(self, content):
        Reader.opened += 1
        self._content = content
        self._at = 0
        self.size = len(content)
        # As if the trailer were damaged: the structure is read anew, and not kept.
        self.letter_id = 0

    def seek(self, position):
        self._at = position

    def readinto(self, buffer):
        Reader.blocks += 1
        piece = self._content[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def structure(self):
        return b""

    def close(self):
        Reader.opened -= 1


class Session:
    """A session with the mailbox selected; `sent` is what it has written. `reads` is how often a letter was opened."""

    def __init__(self, box, enabled=0, off=()):
        self.box = box
        self.enabled = enabled
        self.off = off
        self.saved_result = None
        self.sent = b""
        self.reads = 0
        self.conn = SimpleNamespace(wake=lambda: None, write=self._write, user="anna", closing=False)
        self.view = View(self.conn, False, False)
        self.view.attach(box)
        box.listener = self.view
        self.view.take_new(True)
        self.server = SimpleNamespace(
            tz_minutes=lambda: 0,
            clock=lambda: NOW,
            buffers=BufferPool(),
            store=SimpleNamespace(open_letter=self._open_letter),
        )

    async def _write(self, octets):
        self.sent += octets

    def renew_deadline(self):
        pass

    def _open_letter(self, slot, size):
        index = self.box.index_of(slot)
        if index < 0:
            raise LetterGone
        self.reads += 1
        return Reader(self.box.rows[index].content)

    def run(self, function, line, by_uid=False, tag=b"t"):
        """Runs a command with these arguments. Returns its untagged lines and its tagged result."""
        verb = (b"UID " if by_uid else b"") + function.__name__.upper().encode()
        command = SimpleNamespace(tag=tag, verb=verb, uid=by_uid, arguments=wire.Parser(pieces(b" " + line)))
        self.sent = b""
        open_before, free_before = Reader.opened, len(self.server.buffers._free)
        try:
            result = asyncio.run(function(self, command))
        finally:
            assert Reader.opened == open_before
            assert len(self.server.buffers._free) >= free_before
        assert not self.sent or self.sent.endswith(b"\r\n")
        return self.sent.split(b"\r\n")[:-1], result


def pieces(line):
    """A command's line and literals, as the reader of commands gives them: `{n+}`, CRLF and n octets make a literal."""
    result = []
    while True:
        end = line.find(b"+}\r\n")
        if end < 0:
            return [*result, [line]]
        start = line.rindex(b"{", 0, end)
        size = int(line[start + 1 : end])
        result += [[line[: end + 2]], line[end + 4 : end + 4 + size]]
        line = line[end + 4 + size :]
