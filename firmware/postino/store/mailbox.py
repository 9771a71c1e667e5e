"""An open mailbox: one table shared by all sessions that have it open, and the operations on its letters.

Every operation builds and commits one journal transaction, then changes the table, then tells the listeners. Memory
that the table will need is reserved before the commit; if memory runs out after it all the same, the table is dropped,
the sessions are told on_lost(), and the next one to open the mailbox reads it back from flash.
"""

from array import array

from postino.store import journal as kinds
from postino.store.errors import StoreUnavailable
from postino.store.flags import PRIVATE, VISIBLE
from postino.store.remover import Remover
from postino.store.table import DATE, FLAGS, LETTER, SIZE, UID
from postino.store.transfer import transfer


def as_uids(uids):
    """The UIDs as an array in ascending order, none twice."""
    if isinstance(uids, array) and _is_ascending(uids):
        return uids
    result = array("I", uids)
    if _is_ascending(result):
        return result
    return array("I", sorted(set(result)))


def _is_ascending(uids) -> bool:
    previous = 0
    for uid in uids:
        if uid <= previous:
            return False
        previous = uid
    return True


class _LostTable:
    """Stands in for the table of a mailbox that was deleted or dropped."""

    def __len__(self):
        return 0

    def word(self, index, which):
        raise StoreUnavailable("mailbox lost")

    def lower_bound(self, uid):
        return 0

    def index_of(self, uid):
        return -1

    def visit(self, sink):
        pass

    def set_flags(self, index, flags):
        raise StoreUnavailable("mailbox lost")

    def delete(self, index):
        raise StoreUnavailable("mailbox lost")


_LOST = _LostTable()


class Mailbox:
    def __init__(self, store, contents):
        self.store = store
        self.id = contents.mailbox
        self.contents = contents
        self.table = contents.table
        self.listeners = []

    @property
    def info(self):
        return self.store.catalogue.get(self.id)

    @property
    def uidvalidity(self) -> int:
        return self.contents.uidvalidity

    @property
    def uidnext(self) -> int:
        return self.contents.uidnext

    @property
    def recent_from(self) -> int:
        return self.contents.recent_from

    @property
    def keywords(self) -> list:
        return self.contents.keywords

    @property
    def lost(self) -> bool:
        return self.table is _LOST

    def __len__(self):
        return len(self.table)

    def uid(self, index: int) -> int:
        return self.table.word(index, UID)

    def letter(self, index: int) -> int:
        return self.table.word(index, LETTER)

    def size(self, index: int) -> int:
        return self.table.word(index, SIZE)

    def date(self, index: int) -> int:
        return self.table.word(index, DATE)

    def flags(self, index: int) -> int:
        return self.table.word(index, FLAGS) & VISIBLE

    def index_of(self, uid: int) -> int:
        return self.table.index_of(uid)

    def lower_bound(self, uid: int) -> int:
        return self.table.lower_bound(uid)

    def keyword_bit(self, name: str, create: bool = False) -> int:
        """The flag bit of a keyword, or 0. A new one is journaled with the next change of this mailbox."""
        return self.contents.keyword_bit(name, create)

    def claim_recent(self) -> int:
        """Letters from the UID returned on are \\Recent for the caller, and for nobody after it."""
        recent = self.contents.recent_from
        if recent != self.contents.uidnext:
            self.store.claim_recent(self)
        return recent

    def check(self):
        if self.lost:
            raise StoreUnavailable("mailbox lost")

    def close(self, listener):
        """One session less; the last one frees the table."""
        if listener in self.listeners:
            self.listeners.remove(listener)
            if not self.listeners:
                self.store.forget(self)

    def lose(self):
        """The table is dropped (by the store): every session has to go."""
        self.table = _LOST
        self.contents.table = _LOST
        # No new list: this has to work without memory. Whoever is told takes himself off, or is taken off here.
        while self.listeners:
            self.listeners.pop().on_lost()

    # Flags.

    def change_flags(self, uids, add_mask: int, remove_mask: int, listener=None):
        """(flags & ~remove) | add for every UID that is there; `listener` hears of all of them, others of changes."""
        self._change(as_uids(uids), add_mask & VISIBLE, remove_mask & VISIBLE, listener)

    def set_flags(self, uids, mask: int, listener=None):
        """Replaces all flags but the store's own."""
        self._change(as_uids(uids), mask & VISIBLE, VISIBLE, listener)

    def _change(self, uids, add: int, remove: int, listener):
        self.check()
        store = self.store
        table = self.table
        keep = 0xFFFFFFFF & ~remove
        store.touch(self.id)
        with store.journal as journal:
            self.contents.journal_keywords(journal)
            runs = kinds.Runs(journal, kinds.FLAGS, self.id, add, remove)
            for uid in uids:
                index = table.index_of(uid)
                if index >= 0:
                    flags = table.word(index, FLAGS)
                    if flags & keep | add != flags:
                        runs.put(uid, index)
            runs.finish()
        try:
            self.contents.mark_saved()
            for uid in uids:
                self._apply_change(uid, add, keep, listener)
        except MemoryError:
            store.lose(self)
        store.after()

    def _apply_change(self, uid: int, add: int, keep: int, listener):
        table = self.table
        index = table.index_of(uid)
        if index < 0:
            return
        flags = table.word(index, FLAGS)
        changed = flags & keep | add
        if changed == flags:
            if listener is not None:
                listener.on_flags(uid)
            return
        table.set_flags(index, changed)
        for other in self.listeners:
            other.on_flags(uid)

    # Letters out of the mailbox.

    def expunge(self, uids):
        """Takes the entries out; a letter's file goes with its last entry and last reader."""
        self.check()
        uids = as_uids(uids)
        store = self.store
        table = self.table
        remover = Remover(store)
        store.touch(self.id)
        with store.journal as journal:
            runs = kinds.Runs(journal, kinds.EXPUNGE, self.id)
            for uid in uids:
                index = table.index_of(uid)
                if index >= 0:
                    runs.put(uid, index)
            runs.finish()
        try:
            for uid in uids:
                self._apply_expunge(uid, remover)
            remover.finish()
        except MemoryError:
            store.letters.sweep_wanted = True
            store.lose(self)
        store.after()

    def _apply_expunge(self, uid: int, remover):
        table = self.table
        index = table.index_of(uid)
        if index < 0:
            return
        letter = table.word(index, LETTER)
        size = table.word(index, SIZE)
        flags = table.word(index, FLAGS)
        self.drop(uid, index)
        if remover is not None:
            remover.put(letter, size, flags & PRIVATE)

    def drop(self, uid: int, index: int):
        """Takes one entry out of the table and tells everybody."""
        self.table.delete(index)
        for listener in self.listeners:
            listener.on_expunged(uid)

    def copy(self, uids, target: int):
        """Copies to the mailbox with this id; returns its UIDVALIDITY and the new UIDs, in the order of the old."""
        return transfer(self, as_uids(uids), target, False)

    def move(self, uids, target: int):
        """Like copy(), and the entries leave this mailbox in the same transaction (RFC 6851)."""
        return transfer(self, as_uids(uids), target, True)

    def added(self):
        """Entries were added to the table: tell everybody."""
        for listener in self.listeners:
            listener.on_added(self)
