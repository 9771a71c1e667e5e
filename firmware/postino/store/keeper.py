"""The store's housekeeping: keeps room in the log by folding, and does what can wait while nothing else is to do.

Work that must be done (make_room) is done at once; idle work goes in slices, one at each maintain().
"""

from postino.store import files, heap
from postino.store.catalogue import DYING, FIRST_SECTOR, INFO_ATTRIBUTES, INFO_COUNTERS, INFO_ID, LOG_OCTETS, RECENT
from postino.store.errors import StoreError
from postino.store.records import FOLDED
from postino.store.transient import Transient

# Octets of a mailbox's own records after which it is folded; while idle, sooner.
_FOLD_AT = 12288
_IDLE_FOLD_AT = 11264
# Pages in memory during an idle fold, which keeps them from slice to slice while sessions need memory too.
_IDLE_PAGES = 3
# In a fold that is made for the memory it gives back. With fewer it would last so many slices that as many changes come
# meanwhile as the table has room for.
_RELIEF_PAGES = 2
# Octets of heap that an idle fold wants to find free, and less for one that gives memory back: it takes 5 to 7 KB from
# slice to slice, and sessions go on meanwhile. One that finds so few left is given up. What has to be folded is folded
# at once (make_room, after), with as little memory as there is: it gives that back before anybody else runs.
_HEAP_FOR_FOLD = 20 * 1024
_HEAP_FOR_RELIEF = 14 * 1024
_HEAP_WITH_FOLD = 3 * 1024
# Slices until the heap is looked at again: that takes a collection.
_FOLD_PAUSE = 10
# Sectors of the log that are kept free.
_SPARE_SECTORS = 3
# Seconds between two walks of the retention, or slices while the clock is not set.
_RETENTION_PAUSE = 3600
# Slices until a repair that failed is tried again.
_REPAIR_PAUSE = 60


class Keeper:
    def __init__(self, store):
        self._store = store
        self.reset()

    def reset(self):
        # What is in memory does not count any more.
        self.stale = False
        # The log sector with the first record that the state lacks.
        self.state_sector = 0
        # Mailboxes with damage; a repair is to be made, after so many slices; it is being made.
        self._damaged = []
        self._repair = False
        self._repair_wait = 0
        self.mending = False
        self._fold = None
        self._fold_wait = 0
        # Retention comes at this time, or after so many slices: the clock may not be set.
        self._retention_at = 0
        self._retention_wait = 0
        # What a cut has left in the index is removed once after a start.
        self._swept = False

    # Room in the log.

    def _oldest(self):
        """(sector, mailbox tuple) of what holds the tail; None stands for the state."""
        sector = self.state_sector
        oldest = None
        for info in self._store.catalogue.infos:
            first = info[INFO_COUNTERS][FIRST_SECTOR]
            if first and first < sector:
                sector = first
                oldest = info
        return sector, oldest

    def _occupied(self) -> int:
        log = self._store.log
        return log.sector - log.tail + 1

    def release(self):
        """Tells the log which of its sectors nobody needs any more."""
        self._store.log.release(self._oldest()[0])

    def make_room(self):
        """Before a transaction: folds the oldest until the log has sectors to spare."""
        log = self._store.log
        most = log.device.sectors - _SPARE_SECTORS
        if self._occupied() > most:
            self.release()
        while self._occupied() > most:
            before = log.tail
            oldest = self._oldest()[1]
            if oldest is None:
                self.write_state()
            else:
                self.fold_now(oldest)
            self.release()
            if log.tail == before and self._oldest()[1] is oldest:
                return

    def fold_now(self, info):
        if self._fold is not None:
            self.abandon_fold()
        with Transient("fold") as fold:
            fold.fold(self._store, info)

    def abandon_fold(self):
        """The fold that is done in slices is given up; nothing of it counts."""
        job = self._fold
        self._fold = None
        if job is not None:
            job.abort()

    def replacing(self, mailbox: int):
        """Told by a fold: the snapshot is about to be another one. Should that fail, it is either of them."""
        store = self._store
        store.pages.forget(mailbox)
        box = store.open_boxes.get(mailbox)
        if box is not None:
            box.contents.cold.forget()

    def replaced(self, mailbox: int, sequence: int):
        """Told by a fold: the snapshot is the new one. Never raises."""
        box = self._store.open_boxes.get(mailbox)
        if box is not None:
            try:
                box.contents.folded(sequence)
            except MemoryError:
                self._store.lose(box)

    def folded(self, mailbox: int, sequence: int):
        """Told by a fold: notes it in the log, so that the next start knows."""
        log = self._store.log
        try:
            with log:
                log.record(FOLDED, mailbox, 8)
                log.put_struct("<Q", sequence)
        except StoreError:
            # It is only a hint.
            pass

    def write_state(self):
        store = self._store
        for mailbox in store.recents:
            info = store.catalogue.any(mailbox)
            if info is not None:
                info[INFO_COUNTERS][RECENT] = max(info[INFO_COUNTERS][RECENT], store.recents[mailbox])
        sector = store.log.sector
        store.state.sequence = store.log.sequence
        with Transient("state") as state:
            state.write(store.root, store.state, store.slots, store.catalogue.infos, False, store.catalogue.names)
        # Removals are in it as well.
        store.slots.logged()
        store.recents.clear()
        self.state_sector = sector

    # After operations.

    def after(self):
        store = self._store
        try:
            if not self.stale:
                store.letters.tidy()
                self._fold_longest(_FOLD_AT)
        except (MemoryError, OSError, StoreError):
            # The operation is done and stays done.
            pass

    def _fold_longest(self, least: int) -> bool:
        for info in self._store.catalogue.infos:
            if info[INFO_COUNTERS][LOG_OCTETS] > least and not info[INFO_ATTRIBUTES] & DYING:
                self.fold_now(info)
                self.release()
                return True
        return False

    def finish(self):
        """At close: what is only in memory."""
        self.abandon_fold()
        store = self._store
        self.make_room()
        store.log.settle()
        if store.recents or store.state.stale_copy or store.slots.resolved:
            self.write_state()

    # Idle work.

    def maintain(self) -> bool:
        """One slice of idle work; True if there is more that should not wait long."""
        try:
            return self._slice()
        except (MemoryError, OSError):
            # Memory or the flash may do better next time.
            self.abandon_fold()
        except StoreError as error:
            self.abandon_fold()
            self._store.report("store: %s" % error)
        return False

    def _slice(self) -> bool:
        store = self._store
        self._repair_wait = max(0, self._repair_wait - 1)
        self._fold_wait = max(0, self._fold_wait - 1)
        if self.stale:
            store.reload()
        elif self._repair and not self._repair_wait:
            self._mend()
        elif store.log.dirty:
            self.make_room()
            store.log.settle()
        elif self._fold is not None:
            self._fold_slice()
        elif not self._begin_idle_fold():
            return self._tidy_slice()
        return True

    def _tidy_slice(self) -> bool:
        """What can wait longest."""
        store = self._store
        if store.catalogue.dying() is not None:
            with Transient("folders") as folders:
                folders.drain(store, store.catalogue.dying())
        elif not self._swept:
            self._sweep_index()
        elif store.letters.leftovers:
            # Readers may hold them for long.
            store.letters.tidy()
            return False
        else:
            return store.letters.shrink() or self._retain()
        return True

    def _sweep_index(self):
        """Removes half-made files, and snapshots of mailboxes that were dropped."""
        folder = self._store.root + "/index"
        for name in files.names_in(folder):
            if name.endswith(files.NEW) or self._is_dropped(files.number_of(name)):
                files.try_remove(folder + "/" + name)
        self._swept = True

    def _is_dropped(self, mailbox: int) -> bool:
        """After damage a mailbox may only look as if it had never been."""
        return mailbox >= 0 and not self._store.log.damaged and self._store.catalogue.any(mailbox) is None

    def _fold_slice(self):
        job = self._fold
        if self._store.catalogue.any(job.info[INFO_ID]) is None:
            self.abandon_fold()
        elif heap.free(_HEAP_WITH_FOLD) < _HEAP_WITH_FOLD:
            self.abandon_fold()
            self._fold_wait = _FOLD_PAUSE
        elif not job.step():
            self._fold = None
            self.release()

    def _begin_idle_fold(self) -> bool:
        """Begins what make_room() would have to do later; True if something was done."""
        store = self._store
        log = store.log
        if store.state.stale_copy:
            self.write_state()
            return True
        # Before make_room() has to.
        old = min(log.device.sectors // 2, log.device.sectors - _SPARE_SECTORS - 2)
        for info in store.catalogue.infos:
            counters = info[INFO_COUNTERS]
            first = counters[FIRST_SECTOR]
            if first and not info[INFO_ATTRIBUTES] & DYING and info[INFO_ID] not in self._damaged:
                relief = self._burdens(info[INFO_ID])
                due = counters[LOG_OCTETS] > _IDLE_FOLD_AT or log.sector - first > old
                if (relief or due) and self._may_fold(_HEAP_FOR_RELIEF if relief else _HEAP_FOR_FOLD):
                    with Transient("fold") as fold:
                        self._fold = fold.Fold(store, info, _RELIEF_PAGES if relief else _IDLE_PAGES)
                    return True
        if log.sector - self.state_sector > old:
            self.write_state()
            self.release()
            return True
        return False

    def _may_fold(self, least: int) -> bool:
        """There is heap for an idle fold. After a no, nobody looks for some slices."""
        if self._fold_wait:
            return False
        if heap.free(least) >= least:
            return True
        self._fold_wait = _FOLD_PAUSE
        return False

    def _burdens(self, mailbox: int) -> bool:
        """The mailbox is open, and what came after its snapshot takes much memory."""
        box = self._store.open_boxes.get(mailbox)
        return box is not None and box.contents.wants_fold()

    def _retain(self) -> bool:
        now = self._store.now()
        if now < self._retention_at and self._retention_wait:
            self._retention_wait -= 1
            return False
        with Transient("retention") as retention:
            if retention.step(self._store):
                return True
        self._retention_at = now + _RETENTION_PAUSE
        self._retention_wait = _RETENTION_PAUSE
        return False

    def look_at_retention(self):
        """It has been changed for some mailbox."""
        self._retention_wait = 0

    # Damage.

    def note_damage(self, mailbox: int = 0):
        """Letters of this mailbox (0: of any) are missing, or may be: a repair looks for them."""
        self._repair = True
        if mailbox and mailbox not in self._damaged:
            self._damaged.append(mailbox)

    def repair_now(self):
        """Letters are where the log says that there are none; it has lost something."""
        self.abandon_fold()
        self._store.log.damaged = True
        self._store.pass_over_numbers()
        with files.guard:
            self._mend()

    def _mend(self):
        # If it fails it is tried again, but not at once: other work goes on meanwhile.
        self._repair = True
        self._repair_wait = _REPAIR_PAUSE
        self.mending = True
        try:
            with Transient("repair") as repair:
                repair.repair(self._store, self._damaged)
        finally:
            self.mending = False
        self._repair = False
        self._damaged = []

    def mended(self):
        """The repair is done: what was damaged is written anew, and a log with damage in it is given up."""
        store = self._store
        log = store.log
        for info in list(store.catalogue.infos):
            if info[INFO_ID] in self._damaged or (log.damaged and info[INFO_COUNTERS][FIRST_SECTOR]):
                self.fold_now(info)
        log.settle()
        self.write_state()
        if log.damaged:
            log.renew()
            self.state_sector = log.sector
        self.release()
