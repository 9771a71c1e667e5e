"""An open mailbox: one table shared by all sessions that have it open, and the operations on its letters.

Every operation builds and commits one transaction of the log, then changes the table, then tells the listeners. Memory
that the table will need is reserved before the commit; if memory runs out after it all the same, the table is dropped,
the sessions are told on_lost(), and the next one to open the mailbox reads it back from flash.
"""

from array import array

from postino.store import records
from postino.store.errors import StoreUnavailable
from postino.store.flags import KEYWORD_SHIFT, VISIBLE, Change
from postino.store.space import blocks_of
from postino.store.table import (
    DATE,
    EXTRA_BLOCK,
    FLAGS_MASK,
    FLAGS_SHIFT,
    MODSEQ,
    PLACE,
    SIZE,
    SIZE_MASK,
    SLOT_MASK,
    UID,
)
from postino.store.transient import Transient


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


class Nobody:
    """A listener that does not listen."""

    def on_added(self, box):
        pass

    def on_expunged(self, uid):
        pass

    def on_flags(self, uid):
        pass

    def on_lost(self):
        pass


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

    def set_flags(self, index, place, modseq):
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
        """The letter's slot, for Store.open_letter(): at once, for the slot may be another letter's later."""
        return self.table.word(index, PLACE) & SLOT_MASK

    def size(self, index: int) -> int:
        return self.table.word(index, SIZE) & SIZE_MASK

    def blocks(self, index: int) -> int:
        """Blocks of the letter's file."""
        size = self.table.word(index, SIZE)
        return blocks_of(size & SIZE_MASK) + (1 if size & EXTRA_BLOCK else 0)

    def date(self, index: int) -> int:
        return self.table.word(index, DATE)

    def flags(self, index: int) -> int:
        place = self.table.word(index, PLACE)
        return place >> FLAGS_SHIFT & FLAGS_MASK | self.contents.keywords_of(place) << KEYWORD_SHIFT

    def modseq(self, index: int) -> int:
        """The modification sequence of a letter (RFC 7162)."""
        return self.contents.base + self.table.word(index, MODSEQ)

    @property
    def highest_modseq(self) -> int:
        return max(self.contents.modseq, 1)

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
        contents = self.contents
        change = Change(add, remove)
        store.prepare()
        store.touch(self.info)
        with store.log as log:
            contents.log_keywords(log)
            on = (change.flags_on, change.flags_off, change.keywords_on, change.keywords_off)
            runs = records.Runs(log, self.id, *on)
            for uid in uids:
                index = table.index_of(uid)
                if index >= 0:
                    place = table.word(index, PLACE)
                    # Asked for now, since a new combination of keywords may be refused.
                    if contents.changed_place(place, change) != place:
                        runs.put(uid, index)
            runs.finish()
        store.logged(self.id)
        try:
            contents.mark_saved()
            for uid in uids:
                self._apply_change(uid, change, listener)
        except MemoryError:
            store.lose(self)
        store.after()

    def _apply_change(self, uid: int, change, listener):
        table = self.table
        index = table.index_of(uid)
        if index < 0:
            return
        place = table.word(index, PLACE)
        changed = self.contents.changed_place(place, change)
        if changed == place:
            if listener is not None:
                listener.on_flags(uid)
            return
        table.set_flags(index, changed, self.contents.offset(self.store.log.sequence))
        for other in self.listeners:
            other.on_flags(uid)

    # Letters out of the mailbox.

    def expunge(self, uids):
        """Takes the entries out; a letter's file goes with its last entry and last reader."""
        self.check()
        uids = as_uids(uids)
        store = self.store
        store.prepare()
        store.touch(self.info)
        with store.log as log:
            log_expunge(self, uids, log)
        store.logged(self.id)
        self.apply_expunge(uids)
        store.after()

    def apply_expunge(self, uids):
        """After the commit: the entries leave the table, and letters that nothing names any more go."""
        store = self.store
        info = self.info
        # Removing letters may log something.
        modseq = store.log.sequence
        try:
            for uid in uids:
                index = self.table.index_of(uid)
                if index >= 0:
                    slot = self.letter(index)
                    blocks = self.blocks(index)
                    self._drop(uid, index, modseq)
                    store.left(info, slot, blocks)
        except MemoryError:
            # The references follow from the log: the next start puts it right.
            store.need_replay()
            store.lose(self)

    def _drop(self, uid: int, index: int, modseq: int):
        """Takes one entry out of the table and tells everybody."""
        self.table.delete(index)
        self.contents.remember(uid, modseq)
        for listener in self.listeners:
            listener.on_expunged(uid)

    def copy(self, uids, target: int):
        """Copies to the mailbox with this id; returns its UIDVALIDITY and the new UIDs, in the order of the old."""
        with Transient("transfer") as work:
            return work.transfer(self, as_uids(uids), target, False)

    def move(self, uids, target: int):
        """Like copy(), and the entries leave this mailbox in the same transaction (RFC 6851)."""
        with Transient("transfer") as work:
            return work.transfer(self, as_uids(uids), target, True)

    def added(self):
        """Entries were added to the table: tell everybody."""
        for listener in self.listeners:
            listener.on_added(self)


def log_expunge(box, uids, log):
    """EXPUNGE records for those of the UIDs that are there."""
    begun = False
    for uid in uids:
        index = box.table.index_of(uid)
        if index < 0:
            continue
        if not begun or log.room() < records.EXPUNGE_ITEM:
            log.record(records.EXPUNGE, box.id, records.EXPUNGE_ITEM)
            begun = True
        log.put_struct("<IHH", uid, box.letter(index), box.blocks(index))
