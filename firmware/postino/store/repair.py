"""The repair: after damage, letters that no mailbox shows any more come back, and the references are put right.

It counts the entries that name each slot. A slot with more references than entries lost some with a damaged snapshot:
the letter goes back into a damaged mailbox. A letter without references whose trailer is whole was lost with a damaged
record of the log: it goes to the mailboxes that its trailer names. Flags are lost, and the letters get new UIDs.
"""

from array import array

from postino.store import catalogue, files, fold, folders, records, snapshot, trailer
from postino.store.catalogue import (
    BLOCKS,
    DYING,
    ENTRIES,
    FIRST_SECTOR,
    INFO_ATTRIBUTES,
    INFO_COUNTERS,
    INFO_ID,
    INFO_NAME,
    INFO_USER,
    UIDNEXT,
)
from postino.store.slots import DIRECTORY_BITS, MOST, PENDING, Slots
from postino.store.space import blocks_of


def repair(store, damaged: list):
    """`damaged`: ids of mailboxes that are known to have lost entries; others that have are added."""
    store.prepare()
    for mailbox in list(store.open_boxes):
        store.lose_id(mailbox)
    found = Slots(store.slots.count)
    for info in store.catalogue.infos:
        if _count(store, info, found) and info[INFO_ID] not in damaged:
            damaged.append(info[INFO_ID])
    job = _Repair(store, found, [mailbox for mailbox in damaged if store.catalogue.any(mailbox) is not None])
    job.check_references()
    for slot in list(store.letters.withheld):
        job.part(slot)
    if store.log.damaged:
        job.find_lost_letters()
    store.keeper.mended()
    store.report("repair: %d letters are back" % job.back)


def _count(store, info, found) -> bool:
    """Counts the entries of a mailbox; True if it is damaged."""
    counter = _Counter(found)
    entries = fold.Entries(store, info, 2)
    try:
        window = entries.next()
        while window is not None:
            window.visit(counter.put)
            window = entries.next()
        bad = entries.contents.damaged
        headless = entries.contents.headless
        uidnext = entries.contents.uidnext
    finally:
        entries.close()
    counters = info[INFO_COUNTERS]
    counters[ENTRIES] = counter.entries
    counters[BLOCKS] = counter.blocks
    counters[UIDNEXT] = max(counters[UIDNEXT], counter.last + 1, uidnext)
    if headless:
        # Without the head nobody knows which records of the log are in the snapshot: all of them count again.
        counters[FIRST_SECTOR] = store.log.tail
        # A transaction of its own: all its entries count as changed by it.
        store.touch(info)
        with store.log as log:
            catalogue.put_record(log, info, 0)
        store.logged(info[INFO_ID])
    return bad


class _Counter:
    """A sink for Window.visit()."""

    def __init__(self, found):
        self._found = found
        self.entries = self.blocks = self.last = 0

    def put(self, buffer, at: int):
        entry = snapshot.entry_at(buffer, at)
        self.last = entry[0]
        self.blocks += entry[8]
        self.entries += 1
        self._found.raise_(entry[7])


class _Strangers:
    """A sink for Window.visit(): entries that name this slot, but not the letter in it (`fields`: its trailer)."""

    def __init__(self, slot: int, fields):
        self._slot = slot
        self._fields = fields
        # UID, slot and blocks, three numbers each.
        self.found = array("I")

    def put(self, buffer, at: int):
        uid, letter, size, date, _, _, _, slot, blocks, _ = snapshot.entry_at(buffer, at)
        fields = self._fields
        # Copies leave the letter id to the trailer.
        same = (
            letter == fields[trailer.LETTER] if letter else (size, date) == (fields[trailer.SIZE], fields[trailer.DATE])
        )
        if slot == self._slot and not same:
            self.found.extend(array("I", (uid, slot, blocks)))


class _Repair:
    def __init__(self, store, found, damaged: list):
        self._store = store
        self._found = found
        self._damaged = damaged
        # Letters that came back.
        self.back = 0

    def check_references(self):
        slots = self._store.slots
        for slot in range(max(slots.extent, self._found.extent)):
            known = slots.get(slot)
            count = self._found.get(slot)
            if known == PENDING:
                known = 0
            if count > known:
                self._set(slot, self._blocks(slot), count)
            elif count < known <= MOST:
                self._put_back(slot, count, known - count)

    def _blocks(self, slot: int) -> int:
        size = files.size_of(self._store.letters.path(slot))
        return blocks_of(size) if size else 0

    def _set(self, slot: int, blocks: int, count: int):
        """The references as they are counted."""
        store = self._store
        store.prepare()
        with store.log as log:
            log.record(records.REFERENCES, 0, 6)
            log.put_struct("<HHH", slot, blocks, count)
        before = store.slots.get(slot)
        store.slots.set(slot, count)
        store.slots.blocks += (blocks if count else 0) - (blocks if 0 < before < PENDING else 0)

    def _put_back(self, slot: int, count: int, missing: int):
        fields, mailboxes = self._store.letters.trailer_of(slot)
        blocks = self._blocks(slot)
        if fields is None:
            # The letter itself is gone as well.
            self._store.report("the letter in slot %x is lost" % slot)
            self._set(slot, blocks, count)
            return
        targets = self._targets(mailboxes, missing)
        if targets:
            self._enter(targets, slot, blocks, fields)
        else:
            self._report_lost(fields)

    def _report_lost(self, fields):
        """It keeps its references, and so its file: `postino export` shows it."""
        self._store.report("nobody knows whose letter %x is: it stays where it is" % fields[trailer.LETTER])

    def _targets(self, mailboxes, missing: int) -> list:
        """Where a letter goes that has lost so many entries: never to anybody who may not have had it.

        To damaged mailboxes, those that its trailer names before others of the same user, or, where nothing else is
        damaged, to those being deleted; else to those that its trailer names.
        """
        catalogue = self._store.catalogue
        named = [catalogue.any(mailbox) for mailbox in mailboxes if catalogue.any(mailbox) is not None]
        if not named:
            return []
        damaged = [catalogue.any(mailbox) for mailbox in self._damaged]
        owners = {info[INFO_USER] for info in named}
        wanted = [info for info in named if info in damaged]
        wanted += [info for info in damaged if info not in wanted and info[INFO_USER] in owners]
        if not wanted and not self._store.log.damaged:
            wanted = [info for info in damaged if info[INFO_ATTRIBUTES] & DYING]
        return (wanted or named)[:missing]

    def _enter(self, infos: list, slot: int, blocks: int, fields):
        """One transaction: the references are what is counted, and an entry more in each of the mailboxes."""
        store = self._store
        store.prepare()
        for info in infos:
            store.touch(info)
        count = self._found.get(slot)
        letter = (fields[trailer.LETTER], fields[trailer.SIZE], fields[trailer.DATE], 0, slot, blocks, 0)
        with store.log as log:
            log.record(records.REFERENCES, 0, 6)
            log.put_struct("<HHH", slot, blocks, count)
            for info in infos:
                log.record(records.ENTRIES, info[INFO_ID], records.ENTRIES_HEAD + records.ENTRY_SIZE)
                log.put_struct("<I", store.now())
                log.put_struct("<IIIIIHHB3x", info[INFO_COUNTERS][UIDNEXT], *letter)
        before = store.slots.get(slot)
        store.slots.blocks -= blocks if 0 < before < PENDING and not count else 0
        store.slots.set(slot, count)
        for info in infos:
            store.entered(info, slot, blocks, info[INFO_COUNTERS][UIDNEXT])
            store.logged(info[INFO_ID])
            store.report("letter %x is back in %s of %s" % (letter[0], info[INFO_NAME], info[INFO_USER]))
        self._found.set(slot, count + len(infos))
        self.back += 1

    def find_lost_letters(self):
        """Files in slots that nothing names."""
        store = self._store
        for name in files.names_in(store.root):
            directory = files.number_of(name)
            if directory < 0:
                continue
            for own in files.names_in("%s/%s" % (store.root, name)):
                slot = directory << DIRECTORY_BITS | files.number_of(own)
                if files.number_of(own) >= 0 and not self._found.get(slot) and slot not in store.letters.busy:
                    self._judge(slot)

    def _judge(self, slot: int):
        store = self._store
        fields, mailboxes = self._store.letters.trailer_of(slot)
        if fields is None:
            files.try_remove(store.letters.path(slot))
            store.slots.free(slot)
            return
        targets = self._targets(mailboxes, max(1, len(mailboxes)))
        if targets:
            self._enter(targets, slot, self._blocks(slot), fields)
        else:
            self._set(slot, self._blocks(slot), 1)
            self._report_lost(fields)

    def part(self, slot: int):
        """A slot that entries of different letters name: those that are not of the letter in it go."""
        store = self._store
        fields = store.letters.trailer_of(slot)[0]
        if fields is None:
            return
        self._set(slot, self._blocks(slot), self._found.get(slot))
        for info in list(store.catalogue.infos):
            strangers = _Strangers(slot, fields)
            fold.visit(store, info, strangers)
            if strangers.found:
                store.prepare()
                folders.take_out(store, info, strangers.found)
                for _ in range(len(strangers.found) // 3):
                    self._found.lower(slot)
        store.letters.withheld.remove(slot)
