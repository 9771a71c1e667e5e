"""An open mailbox: one table shared by all sessions that have it open, and the operations on its letters.

Every operation builds and commits one transaction of the log, then changes the table, then tells the listeners. Memory
that the table will need is reserved before the commit; if memory runs out after it all the same, the table is dropped,
the sessions are told on_lost(), and the next one to open the mailbox reads it back from flash.
"""

from array import array

from postino.store import files, records
from postino.store.cold import BLOCKS, DATE, MODSEQ, SAVED, SIZE
from postino.store.errors import StoreError, StoreUnavailable
from postino.store.flags import KEYWORD_SHIFT, VISIBLE, Change
from postino.store.rows import UID
from postino.store.table import FLAGS_MASK, FLAGS_SHIFT, PLACE, SLOT_MASK, Table
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


class _LostTable(Table):
    """Stands in for the table of a mailbox that was deleted or dropped: it is empty, and says why."""

    def _seek(self, index):
        raise StoreUnavailable("mailbox lost")


_LOST = _LostTable()


class Mailbox:
    def __init__(self, store, contents):
        self.store = store
        self.id = contents.mailbox
        self.contents = contents
        contents.cold.base = contents.base
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

    # These read the mailbox's snapshot, unless the letter is new, and may raise StoreUnavailable. In the order of the
    # UIDs each page of it is read once.

    def _cold(self, index: int, which: int) -> int:
        return self.store.pages.value(self.contents.cold, self.table.word(index, UID), which)

    def size(self, index: int) -> int:
        """Octets of the message."""
        return self._cold(index, SIZE)

    def blocks(self, index: int) -> int:
        """Blocks of the letter's file."""
        return self._cold(index, BLOCKS)

    def date(self, index: int) -> int:
        """INTERNALDATE, in seconds since 1970; 0 if it is not known."""
        return self._cold(index, DATE)

    def saved(self, index: int) -> int:
        """When the letter came into this mailbox (RFC 8514), in seconds since 1970; 0 if the clock was not set."""
        return self._cold(index, SAVED)

    def modseq(self, index: int) -> int:
        """The modification sequence of a letter (RFC 7162)."""
        contents = self.contents
        changed = self.table.changed(index)
        return contents.base + (changed or max(contents.cold.least, self._cold(index, MODSEQ)))

    def changed_since(self, index: int, modseq: int) -> bool:
        """modseq() of the letter is above this one (RFC 7162 3.1.4.1). Pages without any such letter are not read."""
        contents = self.contents
        offset = contents.offset(modseq)
        changed = self.table.changed(index) or contents.cold.least
        return changed > offset or self.store.pages.is_newer(contents.cold, self.table.word(index, UID), offset)

    def flags(self, index: int) -> int:
        place = self.table.word(index, PLACE)
        return place >> FLAGS_SHIFT & FLAGS_MASK | self.contents.keywords_of(place) << KEYWORD_SHIFT

    @property
    def highest_modseq(self) -> int:
        """Rises with every change of the mailbox that a client may see, and never falls."""
        return max(self.contents.modseq, 1)

    def vanished_since(self, modseq: int):
        """UIDs that were expunged after this modification sequence, as far as it is remembered (RFC 7162 3.2.10).

        Returns an array of the first and the last UID of each run, ascending, and whether these are all.
        """
        return self.contents.vanished_since(modseq)

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
        self._begin_change()
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
                        table.prepare_note(index)
            runs.finish()
        store.logged(self.id)
        try:
            contents.mark_saved()
            for uid in uids:
                self._apply_change(uid, change, listener)
        except MemoryError:
            store.lose(self)
        store.after()

    def _begin_change(self):
        """The table has room for one more modification sequence."""
        table = self.table
        if table.begin_change():
            return
        try:
            with files.guard:
                self.store.keeper.fold_now(self.info)
        except (MemoryError, StoreError):
            # Changes of flags are never refused for this: rather some letters count as changed later than they were.
            pass
        self.check()
        if not table.begin_change():
            table.merge_oldest()

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
        table.set_place(index, changed)
        table.note(index, self.contents.offset(self.store.log.sequence))
        for other in self.listeners:
            other.on_flags(uid)

    # Letters out of the mailbox.

    def expunge(self, uids):
        """Takes the entries out; a letter's file goes with its last entry and last reader."""
        self.check()
        uids = as_uids(uids)
        store = self.store
        store.prepare()
        blocks = self.all_blocks(uids)
        store.touch(self.info)
        with store.log as log:
            log_expunge(self, uids, blocks, log)
        store.logged(self.id)
        self.apply_expunge(uids, blocks)
        store.after()

    def all_blocks(self, uids):
        """Before an expunge, for log_expunge() and apply_expunge(): blocks of the letters, in the order of the UIDs."""
        blocks = array("H", bytes(2 * len(uids)))
        for number in range(len(uids)):
            index = self.table.index_of(uids[number])
            if index >= 0:
                blocks[number] = self.blocks(index)
        self.check()
        return blocks

    def apply_expunge(self, uids, blocks):
        """After the commit: the entries leave the table, and letters that nothing names any more go."""
        store = self.store
        info = self.info
        # Removing letters may log something.
        modseq = store.log.sequence
        try:
            for number in range(len(uids)):
                index = self.table.index_of(uids[number])
                if index >= 0:
                    slot = self.letter(index)
                    self._drop(uids[number], index, modseq)
                    store.left(info, slot, blocks[number])
        except MemoryError:
            # The references follow from the log: the next start puts it right.
            store.need_replay()
            store.lose(self)

    def _drop(self, uid: int, index: int, modseq: int):
        """Takes one entry out of the table and tells everybody."""
        self.contents.drop(index, uid)
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


def log_expunge(box, uids, blocks, log):
    """EXPUNGE records for those of the UIDs that are there; `blocks` are those of their files."""
    begun = False
    for number in range(len(uids)):
        index = box.table.index_of(uids[number])
        if index < 0:
            continue
        if not begun or log.room() < records.EXPUNGE_ITEM:
            log.record(records.EXPUNGE, box.id, records.EXPUNGE_ITEM)
            begun = True
        log.put_struct("<IHH", uids[number], box.letter(index), blocks[number])
