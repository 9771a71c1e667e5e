"""The store as the rest of the firmware sees it: opening and recovery, letters in and out, mailboxes by name and id.

    store = Store("/mail", clock, device)
    store.open()
    letter = store.new_letter()
    try:
        letter.write(b"…")
        store.deliver(letter, ["anna", "bert"], now)
    finally:
        letter.abort()

All calls are synchronous; with cooperative scheduling that makes each of them atomic for the sessions.
"""

import os

from postino.store import delivery, files, keeper, loading, snapshot
from postino.store.catalogue import (
    BLOCKS,
    ENTRIES,
    FIRST_SECTOR,
    INBOX,
    INFO_COUNTERS,
    INFO_ID,
    INFO_UIDVALIDITY,
    INFO_USER,
    LOG_OCTETS,
    RECENT,
    UIDNEXT,
    Catalogue,
    canonical,
    set_modseq,
)
from postino.store.contents import Contents
from postino.store.counts import Counts
from postino.store.delivery import storable_date
from postino.store.errors import NoSuchMailbox, NotAStore, OverQuota, SlotTaken, StoreUnavailable
from postino.store.flags import VISIBLE
from postino.store.index_space import index_blocks
from postino.store.letters import Letters
from postino.store.log import Log
from postino.store.log_device import FILE_SECTORS, SECTOR, FileLog
from postino.store.mailbox import Mailbox
from postino.store.numbers import SKIPPED, Numbers
from postino.store.pages import Pages
from postino.store.slots import Slots
from postino.store.space import BLOCK, Space, blocks_of
from postino.store.transient import Transient

# A start for UIDVALIDITY that no earlier store had, with room to count up (RFC 3501 section 2.3.1.1).
_VALIDITY_MASK = 0x3FFFFFFF

# Without a device (tests on a plain folder).
_FOLDER_BLOCKS = 2560

# Of a log in files, a block each, beside its sectors: their directory.
_LOG_DIRECTORY = 2


def _silent(text):
    pass


class Store:
    def __init__(self, root: str, clock=None, device=None, report=None, capacity: int = _FOLDER_BLOCKS):
        """`device`: the mounted flash (.log, .blocks, .erases); `report` takes one line about damage or retention."""
        self.root = root
        self.clock = clock
        self.report = report or _silent
        self._device = device
        self._blocks = capacity if device is None else device.blocks
        log_device = None if device is None else device.log
        self.log = Log(log_device or FileLog(root, FILE_SECTORS), self.report)
        # Octets of each user's mailboxes together, 0 for no limit; a setting.
        self.quota = 0
        # Mailbox id -> Mailbox, for those that a session has open.
        self.open_boxes = {}
        self.catalogue = Catalogue()
        # \Recent claimed since the state was written: mailbox id -> first recent UID.
        self.recents = {}
        # Of snapshots, for what the tables lack.
        self.pages = Pages(self)
        # What STATUS has counted.
        self.counts = Counts()
        self.keeper = keeper.Keeper(self)
        self.ready = False
        self._before = self._sequence = 0
        self.reset()

    def reset(self):
        """Forgets all but the flash: open() comes next."""
        self.open_boxes.clear()
        self.recents.clear()
        self.counts.clear()
        self.pages.clear()
        self.slots = Slots(self._blocks)
        self.space = Space(self._blocks, self.slots)
        self.space.index = self._index_blocks
        if self._device is None or self._device.log is None:
            self.space.log = FILE_SECTORS + _LOG_DIRECTORY
        self.letters = Letters(self.root, self.space, self.log, self.slots, self._device, self.report)
        self.state = Numbers()
        self.catalogue.install(([], {}, []))
        self.keeper.reset()

    # The counters that every number of the store comes from.

    @property
    def next_mailbox(self) -> int:
        return self.state.next_mailbox

    @next_mailbox.setter
    def next_mailbox(self, number: int):
        self.state.next_mailbox = number

    @property
    def next_uidvalidity(self) -> int:
        return self.state.next_uidvalidity

    @next_uidvalidity.setter
    def next_uidvalidity(self, number: int):
        self.state.next_uidvalidity = number

    # The whole store.

    def is_blank_or_cut_format(self) -> bool:
        """Nothing but what a first format that was cut leaves: the caller may format()."""
        with files.guard, Transient("recovery") as recovery:
            return recovery.is_blank_or_cut_format(self.root)

    def format(self):
        """Writes an empty store into an empty file system. The state comes last: without it, it is not a store."""
        if not self.is_blank_or_cut_format():
            raise StoreUnavailable("not empty")
        with files.guard:
            self.reset()
            if "index" not in files.names_in(self.root):
                files.make_directory(self.root + "/index")
            self.log.format()
            self.state.next_uidvalidity = 1 + (int.from_bytes(os.urandom(4), "little") & _VALIDITY_MASK)
            with Transient("state") as state:
                state.write(self.root, self.state, self.slots, self.catalogue.infos, True)

    def open(self):
        """Recovers; raises StoreUnavailable, with nothing written, if this is not a store of our format."""
        self.reset()
        self._recover()

    def start(self):
        """open(), after a format() where there is nothing but what a first format that was cut leaves."""
        try:
            self.open()
        except NotAStore:
            if not self.is_blank_or_cut_format():
                raise
            self.format()
            self.open()

    def _recover(self):
        with files.guard, Transient("recovery") as recovery:
            recovery.recover(self)
            self.ready = True

    def reload(self):
        """Reads everything from flash again, with sessions and letters in transit as they are."""
        for mailbox in list(self.open_boxes):
            self.lose_id(mailbox)
        # What is half read must not be taken for all: until it is whole the store is not open, and it is tried again.
        self.ready = False
        self.keeper.abandon_fold()
        self.keeper.reset()
        self.keeper.stale = self.letters.stale = True
        self.slots.clear()
        self.counts.clear()
        self._recover()
        self.keeper.stale = False

    def close(self):
        """Everything is on flash already: what has been claimed as recent is written. Only open() comes after it."""
        self.keeper.abandon_fold()
        if not self.ready:
            self.keeper.stale = False
            return
        try:
            if not self.keeper.stale:
                with files.guard:
                    self.keeper.finish()
        finally:
            self.ready = False
            for mailbox in list(self.open_boxes):
                self.lose_id(mailbox)

    def maintain(self) -> bool:
        """Idle work, one slice; cheap when there is nothing to do. True if there is more. Never raises."""
        return (self.ready or self.keeper.stale) and self.keeper.maintain()

    def capacity_bytes(self) -> int:
        return self.space.capacity * BLOCK

    def free_bytes(self) -> int:
        """Octets that letters may still take, about."""
        return max(0, self.space.free()) * BLOCK if self.ready else 0

    def used_bytes(self, user: str) -> int:
        """Octets of flash that the letters in the user's mailboxes take, each as often as it is there."""
        self.check()
        return sum([info[INFO_COUNTERS][BLOCKS] for info in self.catalogue.of_user(user)]) * BLOCK

    def has_room_for(self, user: str, octets: int) -> bool:
        """False if the user's quota does not take so many octets more."""
        return not self.quota or self.used_bytes(user) + blocks_of(octets) * BLOCK <= self.quota

    def now(self) -> int:
        return storable_date(self.clock() if self.clock else 0)

    def _index_blocks(self):
        return index_blocks(self.catalogue.infos, self.catalogue.names, self.slots.extent)

    # Letters.

    def new_letter(self):
        """A LetterWriter; it has to be ended by deliver(), append() or its abort()."""
        self.prepare()
        try:
            return self.letters.new()
        except SlotTaken as error:
            self.report("damage: %s" % error)
        self.keeper.repair_now()
        return self.letters.new()

    def open_letter(self, slot: int, size: int = -1):
        """A LetterReader; close() is a must. Its size, if it is known, saves reading."""
        self.check()
        return self.letters.open(slot, size)

    def deliver(self, letter, users, date: int):
        """To the INBOX of each user: all or none, durable on return."""
        self.check()
        infos = []
        for user in users:
            info = self.catalogue.find(user, INBOX)
            if info is None:
                raise NoSuchMailbox("no such user")
            if info not in infos:
                infos.append(info)
        if not infos:
            raise NoSuchMailbox("no recipients")
        delivery.add(self, letter, infos, 0, date)

    def append(self, letter, mailbox: int, flags: int, date: int):
        """Into one mailbox; returns (uidvalidity, uid). Raises OverQuota."""
        info = self.info_of(mailbox)
        # Made before the commit: after it nothing may fail.
        answer = (info[INFO_UIDVALIDITY], info[INFO_COUNTERS][UIDNEXT])
        self.check_quota(info[INFO_USER], blocks_of(letter.size))
        delivery.add(self, letter, [info], flags & VISIBLE, date)
        return answer

    def finish_letter(self, letter, mailbox: int, date: int):
        """A letter for append_all() has been written: its file is closed, whose buffer is not wanted while it waits."""
        self.info_of(mailbox)
        delivery.finish(self, letter, [mailbox], storable_date(date))

    def append_all(self, mailbox: int, items):
        """Several letters into one mailbox, all or none (RFC 3502).

        `items` are (LetterWriter, flags, date) each, up to delivery.MOST_LETTERS. Returns UIDVALIDITY and an array of
        the UIDs, in the order of the items. Raises LimitReached, OverQuota; whatever it raises, nothing has happened.
        """
        with Transient("appending") as appending:
            return appending.append_all(self, mailbox, items)

    def replace(self, letter, box: Mailbox, uid: int, mailbox: int, flags: int, date: int):
        """append(), and the letter with this UID leaves the open `box`, in one transaction (RFC 8508).

        Returns (uidvalidity, uid). Raises LetterGone if the old letter is not there any more, OverQuota; nothing has
        happened then.
        """
        with Transient("appending") as appending:
            return appending.replace(self, letter, box, uid, mailbox, flags, date)

    # Mailboxes by name.

    def ensure_user(self, user: str):
        if self.find(user, INBOX) is None:
            self._folders("ensure_user", user)

    def remove_user(self, user: str):
        self._folders("remove_user", user)

    def mailboxes(self, user: str) -> list:
        self.check()
        return self.catalogue.of_user(user)

    def find(self, user: str, name: str):
        self.check()
        return self.catalogue.find(user, canonical(name))

    def nonexistent(self, user: str):
        """Yields the names (UTF-8) that the user is subscribed to though no mailbox has them, the oldest first."""
        self.check()
        owner = user.encode() + b"\0"
        for name in self.catalogue.names:
            if name.startswith(owner):
                yield name[len(owner) :]

    def create(self, user: str, name: str, special_use: int = 0):
        """`special_use`: any of DRAFTS, SENT, JUNK, TRASH, ARCHIVE (RFC 6154 section 3); others may have it too."""
        self._folders("create", user, name, special_use)

    def delete(self, user: str, name: str):
        self._folders("delete", user, name)

    def rename(self, user: str, old: str, new: str):
        self._folders("rename", user, old, new)

    def subscribe(self, user: str, name: str, wanted: bool):
        """Subscribes, or takes off, also a name that is subscribed to and that no mailbox has. Raises NoSuchMailbox."""
        self._folders("subscribe", user, name, wanted)

    def set_retention(self, user: str, name: str, days: int, count: int):
        self._folders("set_retention", user, name, days, count)

    def _folders(self, operation: str, *arguments):
        with Transient("folders") as folders:
            getattr(folders, operation)(self, *arguments)

    def status(self, user: str, name: str, counted: bool = True):
        """(messages, recent, uidnext, uidvalidity, unseen, deleted, size, highest modification sequence)

        `size` is that of all messages together. Without `counted` recent, unseen, deleted and size are None, and
        nothing is read from flash.
        """
        info = self.find(user, name)
        if info is None:
            raise NoSuchMailbox("no such mailbox")
        return self.counts.status(self, info, counted)

    # Mailboxes by id.

    def open_mailbox(self, mailbox: int, listener) -> Mailbox:
        """The Mailbox, shared with the other sessions that have it open; box.close(listener) is a must."""
        info = self.info_of(mailbox)
        box = self.open_boxes.get(mailbox)
        if box is not None:
            box.listeners.append(listener)
            return box
        box = Mailbox(self, self.load(info))
        box.listeners.append(listener)
        self.open_boxes[mailbox] = box
        return box

    def forget(self, box: Mailbox):
        """The last session has closed it."""
        # A mailbox that was lost may be open again by now, with a table of its own.
        if self.open_boxes.get(box.id) is box:
            self.open_boxes.pop(box.id)
        if not self.open_boxes:
            self.pages.clear()

    def lose(self, box: Mailbox):
        """Drops a table that may be wrong; the next one to open the mailbox reads it from flash."""
        if box.lost:
            return
        self.open_boxes.pop(box.id, None)
        box.lose()

    def lose_id(self, mailbox: int):
        box = self.open_boxes.get(mailbox)
        if box is not None:
            self.lose(box)

    def info_of(self, mailbox: int):
        """The mailbox tuple; raises NoSuchMailbox."""
        self.check()
        info = self.catalogue.get(mailbox)
        if info is None:
            raise NoSuchMailbox("no such mailbox")
        return info

    def load(self, info, with_table: bool = True) -> Contents:
        """Reads a mailbox: its snapshot, then the log's later records."""
        with files.guard:
            return loading.load(self, info, with_table)

    def recent_of(self, info) -> int:
        return max(info[INFO_COUNTERS][RECENT], self.recents.get(info[INFO_ID], 0))

    # What the operations need before and after a commit.

    def prepare(self):
        """Before a transaction: the log has room for it."""
        self.check()
        if self.keeper.stale:
            raise StoreUnavailable("out of memory")
        with files.guard:
            self.keeper.make_room()
        # Now: a number that a transaction which failed has used up is not one of the transaction that comes.
        self.log.settle()

    def touch(self, info):
        """Before a transaction names the mailbox: from here on its records are in the log."""
        if not info[INFO_COUNTERS][FIRST_SECTOR]:
            info[INFO_COUNTERS][FIRST_SECTOR] = self.log.sector
        self._before = self.log.sector * SECTOR + self.log.position
        self._sequence = self.log.sequence

    def logged(self, mailbox: int, shared: int = 1):
        """After the commit of a transaction that names the mailbox, and as many in all."""
        if self.log.sequence == self._sequence:
            # There was nothing to change.
            return
        counters = self.catalogue.any(mailbox)[INFO_COUNTERS]
        counters[LOG_OCTETS] += (self.log.sector * SECTOR + self.log.position - self._before) // shared
        set_modseq(counters, self.log.sequence)
        box = self.open_boxes.get(mailbox)
        if box is not None:
            box.contents.modseq = self.log.sequence

    def entered(self, info, slot: int, blocks: int, uid: int):
        """After the commit: the letter has an entry more, in this mailbox."""
        if self.slots.raise_(slot) == 1:
            self.slots.blocks += blocks
        counters = info[INFO_COUNTERS]
        counters[UIDNEXT] = uid + 1
        counters[ENTRIES] += 1
        counters[BLOCKS] += blocks

    def left(self, info, slot: int, blocks: int):
        """After the commit: the letter has an entry less. Its file goes with the last one."""
        counters = info[INFO_COUNTERS]
        counters[ENTRIES] -= 1
        counters[BLOCKS] -= min(blocks, counters[BLOCKS])
        if self.keeper.stale:
            return
        if self.slots.lower(slot):
            self.slots.blocks -= blocks
            self.letters.discard(slot, blocks)

    def after(self):
        """At the end of each operation, when the tables are right. What fails here has no part in it."""
        self.keeper.after()

    def need_replay(self):
        """Memory ran out after a commit: what is in memory does not count until it has been read from flash again."""
        self.keeper.stale = self.letters.stale = True

    def check_room(self, info, entries: int, blocks: int):
        """Before entries are added for letters that are there, of so many blocks; raises StoreFull or OverQuota."""
        self.space.need(1 + entries * snapshot.ENTRY_SIZE // BLOCK)
        self.check_quota(info[INFO_USER], blocks)

    def check_quota(self, user: str, blocks: int):
        """Raises OverQuota if the user's quota does not take so many blocks more."""
        if self.quota and blocks > 0 and self.used_bytes(user) + blocks * BLOCK > self.quota:
            raise OverQuota("quota exceeded")

    def pass_over_numbers(self):
        """What damage in the log may have hidden must not be given twice."""
        for info in self.catalogue.infos:
            info[INFO_COUNTERS][UIDNEXT] += SKIPPED
        self.state.next_letter += SKIPPED
        self.state.next_mailbox += SKIPPED
        self.state.next_uidvalidity += SKIPPED

    def note_damage(self, mailbox: int):
        """Letters of this mailbox are missing, or may be."""
        self.keeper.note_damage(mailbox)

    def folded(self, mailbox: int, sequence: int):
        """A new snapshot is in force."""
        self.keeper.folded(mailbox, sequence)

    def claim_recent(self, box: Mailbox):
        """Kept in memory until the state is written: after a power cut letters may be \\Recent once more."""
        uidnext = box.contents.uidnext
        self.recents[box.id] = uidnext
        box.contents.recent_from = uidnext

    def check(self):
        """Raises StoreUnavailable unless it is open."""
        if not self.ready:
            raise StoreUnavailable("store not open")
