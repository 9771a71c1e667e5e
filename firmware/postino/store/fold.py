"""Folding: a new snapshot of a mailbox from the old one and the log, in windows of bounded memory.

The table of an open mailbox is not needed and not used: what counts is on flash. A fold takes transactions up to the
one that was the last when it began; it can be done in slices, while others go on.
"""

import gc
import struct

from postino.store import files, records, snapshot
from postino.store.catalogue import (
    ENTRIES,
    FIRST_SECTOR,
    INFO_COUNTERS,
    INFO_ID,
    INFO_UIDVALIDITY,
    LOG_OCTETS,
    RECENT,
    UIDNEXT,
    modseq_of,
)
from postino.store.errors import StoreUnavailable
from postino.store.flags import change_of
from postino.store.snapshot import ENTRY, ENTRY_SIZE, PAGE_ENTRIES, PAGE_HEAD_SIZE, PAGE_SIZE

# Pages in memory at a time, if it can be had.
_WINDOW_PAGES = 8

# Places in an entry.
_KEYWORDS_AT = 20
_FLAGS_AT = 32


class Window:
    """Some entries of a mailbox, in full, in UID order."""

    def __init__(self, pages: int):
        self._pages = []
        self._counts = []
        for _ in range(pages):
            try:
                self._pages.append(bytearray(PAGE_SIZE))
            except MemoryError:
                break
            self._counts.append(0)
        if not self._pages:
            raise MemoryError
        self._used = 0
        # The UIDs of each page lie between these, also when some of them have gone.
        self._lowest = [0] * len(self._pages)
        self._highest = [0] * len(self._pages)
        # The last UID that came from the log in this pass.
        self.last_added = 0

    def clear(self):
        self._used = 0
        for number in range(len(self._counts)):
            self._counts[number] = 0

    @property
    def last(self) -> int:
        """The highest UID, 0 if there is none."""
        return self._highest[self._used - 1] if self._used else 0

    @property
    def full(self) -> bool:
        return self._used == len(self._pages) and self._counts[self._used - 1] == PAGE_ENTRIES

    def _uid(self, page: int, index: int) -> int:
        return struct.unpack_from("<I", self._pages[page], PAGE_HEAD_SIZE + index * ENTRY_SIZE)[0]

    def fill(self, reader):
        """Takes pages of the old snapshot; False when there are no more."""
        self.clear()
        while self._used < len(self._pages):
            count = reader.page(self._pages[self._used])
            if not count:
                break
            self._counts[self._used] = count
            self._lowest[self._used] = self._uid(self._used, 0)
            self._highest[self._used] = self._uid(self._used, count - 1)
            self._used += 1
        return self._used > 0

    def add(self, values):
        """An entry with the highest UID."""
        if not self._used or self._counts[self._used - 1] == PAGE_ENTRIES:
            self._lowest[self._used] = values[0]
            self._used += 1
        page = self._used - 1
        self._highest[page] = values[0]
        struct.pack_into(ENTRY, self._pages[page], PAGE_HEAD_SIZE + self._counts[page] * ENTRY_SIZE, *values)
        self._counts[page] += 1

    def visit(self, sink):
        """sink(buffer, offset) for each entry that is still there; a UID of 0 stands for one that has gone."""
        for page in range(self._used):
            for index in range(self._counts[page]):
                if self._uid(page, index):
                    sink(self._pages[page], PAGE_HEAD_SIZE + index * ENTRY_SIZE)

    def _between(self, first: int, last: int, action):
        for page in range(self._used):
            if self._highest[page] < first or self._lowest[page] > last:
                continue
            buffer = self._pages[page]
            for index in range(self._counts[page]):
                uid = self._uid(page, index)
                if uid > last:
                    return
                if uid >= first:
                    action(buffer, PAGE_HEAD_SIZE + index * ENTRY_SIZE)

    def apply(self, reader, base: int):
        """FLAGS and EXPUNGE records change the entries in the window."""
        if reader.kind == records.EXPUNGE:
            for at in range(0, reader.length, records.EXPUNGE_ITEM):
                uid = reader.word(at)
                self._between(uid, uid, _clear_uid)
        elif reader.kind == records.FLAGS:
            setter = _FlagSetter(change_of(reader), min(max(reader.sequence - base, 0), 0xFFFFFFFF))
            for at in range(records.FLAGS_HEAD, reader.length, records.RUN):
                self._between(reader.word(at), reader.word(at + 4), setter.set)


class Collector:
    """A sink for Window.visit(): UID, slot and blocks of the entries, up to so many numbers."""

    def __init__(self, found, most: int, before: int = 0xFFFFFFFF):
        self._found = found
        self._most = most
        # Only letters that came into the mailbox before this time.
        self._before = before

    def put(self, buffer, at: int):
        uid, _, _, _, saved, _, _, slot, blocks, _ = struct.unpack_from(ENTRY, buffer, at)
        if len(self._found) < self._most and saved < self._before:
            self._found.append(uid)
            self._found.append(slot)
            self._found.append(blocks)


def _clear_uid(buffer, at: int):
    struct.pack_into("<I", buffer, at, 0)


class _FlagSetter:
    def __init__(self, change, modseq: int):
        self._change = change
        self._modseq = modseq

    def set(self, buffer, at: int):
        change = self._change
        keywords = struct.unpack_from("<I", buffer, at + _KEYWORDS_AT)[0]
        keywords = keywords & ~change.keywords_off | change.keywords_on
        struct.pack_into("<II", buffer, at + _KEYWORDS_AT, keywords, self._modseq)
        buffer[at + _FLAGS_AT] = buffer[at + _FLAGS_AT] & ~change.flags_off | change.flags_on


class _Headless:
    """The head was damaged: what the keywords of an entry mean is not known, and clients have to look again."""

    def __init__(self, modseq: int):
        self._modseq = modseq

    def put(self, buffer, at: int):
        struct.pack_into("<II", buffer, at + _KEYWORDS_AT, 0, self._modseq)


class Entries:
    """All entries of a mailbox in UID order, window by window, as of a sequence number. close() is a must.

    `contents` has everything else of it (no table).
    """

    def __init__(self, store, info, pages: int = _WINDOW_PAGES):
        self._store = store
        self._mailbox = info[INFO_ID]
        self._info = info
        self.until = store.log.sequence
        self._reader = snapshot.Reader(
            snapshot.path_of(store.root, self._mailbox), self._mailbox, info[INFO_UIDVALIDITY]
        )
        self.contents = self._reader.contents
        try:
            self._since = self.contents.sequence
            self._base = self.contents.base
            self._new_from = self.contents.uidnext
            self._old = self._reader.exists
            self._replay_rest()
            if self.contents.entries != info[INFO_COUNTERS][ENTRIES]:
                self.contents.damaged = True
            self._window = Window(pages)
        except Exception:
            self.close()
            raise

    def _log(self):
        return self._store.log.reader(self._mailbox, self._info[INFO_COUNTERS][FIRST_SECTOR])

    def _counts(self, reader) -> bool:
        return self._since < reader.sequence <= self.until

    def _replay_rest(self):
        reader = self._log()
        while reader.next():
            if self._counts(reader):
                self.contents.apply(reader)

    def next(self):
        """The next window, or None."""
        window = self._window
        if self._old:
            if window.fill(self._reader):
                self._new_from = max(self._new_from, window.last + 1)
                self._apply(window)
                return window
            self._old = False
            self._reader.close()
        window.clear()
        self._apply(window, True)
        if not window.last_added:
            return None
        return window

    def _apply(self, window, adding: bool = False):
        reader = self._log()
        window.last_added = 0
        while reader.next():
            if not self._counts(reader):
                continue
            if adding and reader.kind == records.ADD:
                self._add(window, _added(reader, reader.target(self._mailbox), self._base))
            elif adding and reader.kind == records.ENTRIES:
                for at in range(records.ENTRIES_HEAD, reader.length, records.ENTRY_SIZE):
                    self._add(window, _entered(reader, at, self._base))
            else:
                window.apply(reader, self._base)
        if adding and window.last_added:
            self._new_from = window.last_added + 1

    def _add(self, window, values):
        if values[0] >= self._new_from and not window.full:
            window.add(values)
            window.last_added = values[0]

    def close(self):
        self._reader.close()


def _added(reader, at: int, base: int):
    """The entry that an ADD record makes in the mailbox of its target at `at`."""
    letter = (reader.word(at + 4), reader.word(4), reader.word(8), reader.word(12), reader.word(16))
    return letter + (reader.word(at + 8), reader.sequence - base, reader.half(0), reader.half(2), reader.octet(at + 12))


def _entered(reader, at: int, base: int):
    """The entry at `at` of an ENTRIES record."""
    letter = (reader.word(at), reader.word(at + 4), reader.word(at + 8), reader.word(at + 12), reader.word(0))
    place = (reader.half(at + 20), reader.half(at + 22), reader.octet(at + 24))
    return letter + (reader.word(at + 16), reader.sequence - base) + place


class Fold:
    """One fold: step() until it returns False."""

    def __init__(self, store, info, pages: int = _WINDOW_PAGES):
        self.info = info
        self._store = store
        self._entries = Entries(store, info, pages)
        self._writer = None
        self._sector = store.log.sector
        try:
            contents = self._entries.contents
            counters = info[INFO_COUNTERS]
            contents.sequence = self._entries.until
            contents.uidnext = max(contents.uidnext, counters[UIDNEXT])
            contents.recent_from = counters[RECENT]
            if store.keeper.mending:
                # What the repair has counted; what the old head said is not to be trusted.
                contents.entries = counters[ENTRIES]
                # Letters that came back have lost their UIDs, and no EXPUNGE says so.
                contents.floor = contents.sequence
            self._expected = contents.entries
            if contents.headless:
                contents.keywords = []
                contents.history = contents.history[:0]
                contents.modseq = contents.sequence
            self._writer = snapshot.Writer(snapshot.path_of(store.root, info[INFO_ID]), contents)
        except Exception:
            self.abort()
            raise

    def step(self) -> bool:
        """Writes one window; False when the new snapshot is in force."""
        try:
            window = self._entries.next()
            if window is not None:
                if self._entries.contents.headless:
                    window.visit(_Headless(self._entries.until).put)
                window.visit(self._writer.put)
                return True
            self._finish()
            return False
        except Exception:
            self.abort()
            raise

    def _finish(self):
        store = self._store
        counters = self.info[INFO_COUNTERS]
        contents = self._entries.contents
        self._entries.close()
        mismatch = self._writer.entries != self._expected
        if (contents.damaged or mismatch) and not store.keeper.mending:
            # What is missing comes back first (repair.py): until then the damage has to stay visible.
            store.note_damage(self.info[INFO_ID])
            raise StoreUnavailable("mailbox %x is damaged" % self.info[INFO_ID])
        if mismatch:
            # Not to be put in place: the head says another number.
            self._writer.abort()
            self._rewrite(contents)
        else:
            store.keeper.replacing(self.info[INFO_ID])
            self._writer.finish()
        store.keeper.replaced(self.info[INFO_ID], self._entries.until)
        later = modseq_of(counters) > self._entries.until
        # Where it was changed meanwhile there are records that this snapshot lacks.
        counters[LOG_OCTETS] = 0
        counters[FIRST_SECTOR] = self._sector if later else 0
        store.folded(self.info[INFO_ID], self._entries.until)

    def _rewrite(self, contents):
        """Once more, with the number of entries that there are."""
        again = Entries(self._store, self.info)
        again.until = self._entries.until
        writer = None
        try:
            contents.entries = self._writer.entries
            writer = snapshot.Writer(snapshot.path_of(self._store.root, self.info[INFO_ID]), contents)
            window = again.next()
            while window is not None:
                window.visit(writer.put)
                window = again.next()
            again.close()
            self._store.keeper.replacing(self.info[INFO_ID])
            writer.finish()
        except Exception:
            if writer is not None:
                writer.abort()
            raise
        finally:
            again.close()

    def abort(self):
        """Never raises."""
        try:
            self._entries.close()
        except OSError:
            pass
        if self._writer is not None:
            self._writer.abort()


def fold(store, info):
    """The whole fold at once: with one page where there is not the memory for more. Raises MemoryError."""
    try:
        _fold(store, info, _WINDOW_PAGES)
    except MemoryError:
        # The pages have taken what all else needs. They are garbage now, and those that were read are wanted less.
        store.pages.clear()
        gc.collect()
        _fold(store, info, 1)


def _fold(store, info, pages: int):
    job = Fold(store, info, pages)
    while job.step():
        pass


def visit(store, info, sink):
    """sink.put(buffer, offset) for every entry of a mailbox."""
    entries = Entries(store, info, 1)
    try:
        window = entries.next()
        while window is not None:
            window.visit(sink.put)
            window = entries.next()
        if entries.contents.damaged:
            store.note_damage(info[INFO_ID])
    finally:
        entries.close()


def remove(store, mailbox: int):
    """The file of a mailbox that was dropped. Never raises."""
    path = snapshot.path_of(store.root, mailbox)
    files.try_remove(path)
    files.try_remove(path + files.NEW)
