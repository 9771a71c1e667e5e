"""Which letters are still named by an entry: the removal of letters that lost one, and the walk over all mailboxes."""

from postino.store import files, snapshot
from postino.store.catalogue import INFO_ID
from postino.store.errors import StoreError, StoreUnavailable
from postino.store.flags import SHARED
from postino.store.table import CHUNK_ENTRIES, LETTER, WORDS, new_chunk

# Shared letters looked for in one walk over the mailboxes: bounds the memory.
_BATCH = 64


def visit_all(store, sink):
    """Hands every entry of every mailbox to the sink, chunk by chunk; raises StoreUnavailable if one is unreadable."""
    for info in store.catalogue.infos:
        mailbox = info[INFO_ID]
        box = store.open_boxes.get(mailbox)
        if box is not None:
            box.table.visit(sink)
        elif mailbox in store.touched:
            store.load(mailbox).table.visit(sink)
        elif snapshot.read(store.snapshot_path(mailbox), mailbox, sink) is None:
            raise StoreUnavailable("mailbox %x missing" % mailbox)


class Remover:
    """Takes the letters of expunged entries, after the commit; removes the files that nothing names any more."""

    def __init__(self, store):
        self._store = store
        self._wanted = {}
        self._chunk = None

    def put(self, letter: int, size: int, flags: int):
        """An entry of this letter has gone. Never raises."""
        if not flags & SHARED:
            self._store.letters.discard(letter, size)
            return
        try:
            self._wanted[letter] = size
        except MemoryError:
            self._store.letters.sweep_wanted = True
        if len(self._wanted) >= _BATCH:
            self.finish()

    def finish(self):
        """Never raises: what cannot be decided now is left to the sweep."""
        if not self._wanted:
            return
        try:
            visit_all(self._store, self)
            for letter in self._wanted:
                self._store.letters.discard(letter, self._wanted[letter])
        except (MemoryError, OSError, StoreError):
            self._store.letters.sweep_wanted = True
        self._wanted.clear()

    # As the sink of visit_all().

    def chunk(self, entries: int):
        if self._chunk is None:
            self._chunk = new_chunk(CHUNK_ENTRIES)
        return self._chunk

    def filled(self, chunk, entries: int):
        wanted = self._wanted
        for at in range(LETTER, entries * WORDS, WORDS):
            if chunk[at] in wanted:
                del wanted[chunk[at]]


def remove_snapshot(store, mailbox: int):
    """The file of a mailbox that was deleted."""
    try:
        if not files.try_remove(store.snapshot_path(mailbox)):
            store.letters.sweep_wanted = True
    except MemoryError:
        store.letters.sweep_wanted = True
