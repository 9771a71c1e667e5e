"""The store as the rest of the firmware sees it: opening and recovery, letters in and out, mailboxes by name and id.

    store = Store("/mail", clock)
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

from postino.store import catalogue as infos
from postino.store import checkpoint, files, folders, snapshot
from postino.store import journal as kinds
from postino.store.catalogue import INFO_ID, INFO_UIDVALIDITY, SUBSCRIBED, Catalogue
from postino.store.contents import Contents
from postino.store.errors import NoSuchMailbox, StoreError, StoreUnavailable
from postino.store.flags import SEEN, SHARED, VISIBLE
from postino.store.letters import Letters
from postino.store.mailbox import Mailbox
from postino.store.recovery import is_blank_or_cut_format, recover
from postino.store.space import BLOCK, RESERVE, Space
from postino.store.sweep import Sweep
from postino.store.table import FLAGS

# A start for UIDVALIDITY that no earlier store had, with room to count up (RFC 3501 section 2.3.1.1).
_VALIDITY_MASK = 0x3FFFFFFF

_LARGEST_DATE = 0xFFFFFFFF


class Store:
    def __init__(self, root: str, clock=None, statvfs=None):
        self.root = root
        self.clock = clock
        self.journal = kinds.Journal(root + "/journal")
        self.catalogue = Catalogue(root + "/catalogue")
        self.space = Space(root, statvfs)
        self.letters = Letters(root + "/letters", self.space, self.journal)
        # Mailbox id -> Mailbox, for those that a session has open.
        self.open_boxes = {}
        # Mailboxes that the journal names, or will name -> UIDNEXT (0: not known).
        self.touched = {}
        # Mailboxes with \Recent claimed since the checkpoint -> first recent UID.
        self.recents = {}
        self._sweep = None
        self._checkpoint_at = kinds.LIMIT

    def reset(self):
        """Forgets all but the root: open() comes next."""
        self.open_boxes.clear()
        self.touched.clear()
        self.recents.clear()
        self.letters.busy.clear()
        self.abandon_sweep()
        self._checkpoint_at = kinds.LIMIT

    # The whole store.

    def is_blank_or_cut_format(self) -> bool:
        """Nothing but what a first format that was cut leaves: the caller may format()."""
        with files.guard:
            return is_blank_or_cut_format(self.root)

    def format(self):
        """Writes an empty store into an empty file system. The journal comes last: without it, it is not a store."""
        if not self.is_blank_or_cut_format():
            raise StoreUnavailable("not empty")
        with files.guard:
            present = files.names_in(self.root)
            for name in ("letters", "mailboxes"):
                if name not in present:
                    files.make_directory("%s/%s" % (self.root, name))
            Catalogue(self.root + "/catalogue").write(0)
            fresh = kinds.Journal(self.root + "/journal")
            fresh.next_uidvalidity = 1 + (int.from_bytes(os.urandom(4), "little") & _VALIDITY_MASK)
            fresh.restart(0)

    def open(self):
        """Recovers; raises StoreUnavailable, with nothing written, if this is not a store of our format."""
        with files.guard:
            recover(self)

    def close(self):
        """Folds everything into the snapshots; nothing can be done afterwards but open()."""
        if not self.journal.ready:
            return
        try:
            unclean = self.letters.sweep_wanted or self._sweep is not None or self.letters.busy
            with files.guard:
                checkpoint.checkpoint(self, kinds.SWEEP if unclean else 0)
        finally:
            self.journal.ready = False
            for mailbox in list(self.open_boxes):
                self.lose_id(mailbox)
            self.journal.close()

    def maintain(self):
        """Idle work, one slice; cheap when there is nothing to do. Never raises."""
        if not self.journal.ready:
            return
        try:
            if self.journal.dirty:
                self.journal.repair()
            elif self.letters.sweep_wanted or self._sweep is not None:
                self.sweep_slice()
            elif self.journal.length >= self._checkpoint_at - kinds.LIMIT // 2:
                self._try_checkpoint()
        except (MemoryError, OSError):
            # Memory or the flash may do better next time.
            pass
        except StoreError:
            # A mailbox is unreadable: no sweep until somebody has seen to it.
            self.abandon_sweep()

    def abandon_sweep(self):
        self._sweep = None
        self.letters.sweep_wanted = False

    def sweep_slice(self) -> bool:
        """Sweeps one window of letters; True while there are more."""
        if self._sweep is None:
            self.letters.sweep_wanted = False
            try:
                self._sweep = Sweep(self)
            except (MemoryError, OSError):
                self.letters.sweep_wanted = True
                raise
        if self._sweep.step():
            return True
        self._sweep = None
        return False

    def after(self):
        """At the end of each operation, when the tables are right: a checkpoint if the journal is long."""
        if self.journal.length >= self._checkpoint_at:
            self._try_checkpoint()

    def _try_checkpoint(self):
        """The operation before it is done and stays done, whatever happens here."""
        self._checkpoint_at = self.journal.length + kinds.LIMIT
        try:
            if checkpoint.checkpoint(self, kinds.SWEEP):
                self._checkpoint_at = kinds.LIMIT
        except (MemoryError, OSError, StoreError):
            pass

    def capacity_bytes(self) -> int:
        return self.space.capacity * BLOCK

    def free_bytes(self) -> int:
        """Octets that letters may still take, about."""
        return max(0, self.space.free - RESERVE) * BLOCK

    # Letters.

    def new_letter(self):
        """A LetterWriter; it has to be ended by deliver(), append() or its abort()."""
        self._check()
        return self.letters.new()

    def open_letter(self, letter: int):
        """A LetterReader; close() is a must."""
        self._check()
        return self.letters.open(letter)

    def deliver(self, letter, users, date: int):
        """To the INBOX of each user: all or none, durable on return."""
        self._check()
        mailboxes = []
        for user in users:
            info = self.catalogue.find(user, folders.INBOX)
            if info is None:
                raise NoSuchMailbox("no such user")
            if info[INFO_ID] not in mailboxes:
                mailboxes.append(info[INFO_ID])
        self._add(letter, mailboxes, SHARED if len(mailboxes) > 1 else 0, date)

    def append(self, letter, mailbox: int, flags: int, date: int):
        """Into one mailbox; returns (uidvalidity, uid)."""
        self._check()
        with files.guard:
            # Made before the commit: after it nothing may fail.
            answer = (self.uidvalidity_of(mailbox), self.prepare_add(mailbox, 1))
        self._add(letter, [mailbox], flags & VISIBLE, date)
        return answer

    def _add(self, letter, mailboxes: list, flags: int, date: int):
        date = min(max(date, 0), _LARGEST_DATE)
        with files.guard:
            letter.finish()
            uids = [self.prepare_add(mailbox, 1) for mailbox in mailboxes]
        with self.journal as journal:
            for number in range(len(mailboxes)):
                box = self.open_boxes.get(mailboxes[number])
                if box is not None:
                    box.contents.journal_keywords(journal)
                journal.record(kinds.ADD, mailboxes[number])
                journal.put_entry(uids[number], letter.letter, letter.size, date, flags)
        letter.committed()
        for number in range(len(mailboxes)):
            self._added(mailboxes[number], uids[number], letter, date, flags)
        self.after()

    def _added(self, mailbox: int, uid: int, letter, date: int, flags: int):
        """After the commit: the table, if there is one, follows."""
        box = self.open_boxes.get(mailbox)
        try:
            if box is not None:
                box.contents.mark_saved()
                box.table.append(uid, letter.letter, letter.size, date, flags)
            self.uidnext_is(mailbox, uid + 1)
            if box is not None:
                box.added()
        except MemoryError:
            self.lose_id(mailbox)

    # Mailboxes by name.

    def ensure_user(self, user: str):
        folders.ensure_user(self, user)

    def remove_user(self, user: str):
        folders.remove_user(self, user)

    def mailboxes(self, user: str) -> list:
        self._check()
        return self.catalogue.of_user(user)

    def find(self, user: str, name: str):
        self._check()
        return self.catalogue.find(user, folders.canonical(name))

    def create(self, user: str, name: str, attributes: int = SUBSCRIBED):
        folders.create(self, user, name, attributes)

    def delete(self, user: str, name: str):
        folders.delete(self, user, name)

    def rename(self, user: str, old: str, new: str):
        folders.rename(self, user, old, new)

    def subscribe(self, user: str, name: str, wanted: bool):
        folders.subscribe(self, user, name, wanted)

    def status(self, user: str, name: str):
        """(messages, recent, uidnext, uidvalidity, unseen)"""
        info = self.find(user, name)
        if info is None:
            raise NoSuchMailbox("no such mailbox")
        box = self.open_boxes.get(info[INFO_ID])
        contents = box.contents if box is not None else self.load(info[INFO_ID])
        table = contents.table
        unseen = 0
        for index in range(len(table)):
            if not table.word(index, FLAGS) & SEEN:
                unseen += 1
        recent = len(table) - table.lower_bound(contents.recent_from)
        return len(table), recent, contents.uidnext, contents.uidvalidity, unseen

    # Mailboxes by id.

    def open_mailbox(self, mailbox: int, listener) -> Mailbox:
        """The Mailbox, shared with the other sessions that have it open; box.close(listener) is a must."""
        self.uidvalidity_of(mailbox)
        box = self.open_boxes.get(mailbox)
        if box is not None:
            box.listeners.append(listener)
            return box
        box = Mailbox(self, self.load(mailbox))
        box.listeners.append(listener)
        self.open_boxes[mailbox] = box
        return box

    def forget(self, box: Mailbox):
        """The last session has closed it."""
        # A mailbox that was lost may be open again by now, with a table of its own.
        if self.open_boxes.get(box.id) is box:
            self.open_boxes.pop(box.id)
            if box.id in self.touched:
                self.touched[box.id] = box.contents.uidnext

    def lose(self, box: Mailbox):
        """Drops a table that may be wrong; the next one to open the mailbox reads it from flash."""
        if box.lost:
            return
        self.open_boxes.pop(box.id, None)
        if box.id in self.touched:
            self.touched[box.id] = 0
        box.lose()

    def lose_id(self, mailbox: int):
        box = self.open_boxes.get(mailbox)
        if box is not None:
            self.lose(box)
        elif mailbox in self.touched:
            self.touched[mailbox] = 0

    def uidvalidity_of(self, mailbox: int) -> int:
        """Raises NoSuchMailbox."""
        self._check()
        info = self.catalogue.get(mailbox)
        if info is None:
            raise NoSuchMailbox("no such mailbox")
        return info[INFO_UIDVALIDITY]

    def snapshot_path(self, mailbox: int) -> str:
        return snapshot.path_of(self.root, mailbox)

    def load(self, mailbox: int, with_table: bool = True) -> Contents:
        """Reads a mailbox: its snapshot, then the journal's later records; StoreUnavailable if it is damaged."""
        with files.guard:
            sink = None if with_table else snapshot.Skip()
            contents = snapshot.read(self.snapshot_path(mailbox), mailbox, sink)
            if mailbox in self.touched:
                contents = self._replay(mailbox, contents, with_table)
        if contents is None:
            raise StoreUnavailable("mailbox %x missing" % mailbox)
        if mailbox in self.recents:
            contents.recent_from = self.recents[mailbox]
        return contents

    def _replay(self, mailbox: int, contents, with_table: bool):
        reader = self.journal.reader()
        try:
            while reader.next():
                if reader.mailbox != mailbox:
                    continue
                if contents is None:
                    if infos.is_created(reader):
                        contents = Contents(mailbox, reader.word(0), with_table)
                elif reader.sequence > contents.sequence:
                    contents.apply(reader)
        finally:
            reader.close()
        return contents

    # What the operations need before and after a commit.

    def touch(self, mailbox: int):
        """Before a transaction names the mailbox."""
        if mailbox not in self.touched:
            self.touched[mailbox] = 0

    def prepare_add(self, mailbox: int, entries: int) -> int:
        """Before entries are added: reserves the memory and returns the first UID."""
        box = self.open_boxes.get(mailbox)
        if box is not None:
            box.table.reserve(entries)
            uid = box.contents.uidnext
        else:
            uid = self.touched.get(mailbox, 0) or self.load(mailbox, False).uidnext
        self.touched[mailbox] = uid
        return uid

    def uidnext_is(self, mailbox: int, uid: int):
        """After the commit."""
        box = self.open_boxes.get(mailbox)
        if box is not None:
            box.contents.uidnext = uid
        self.touched[mailbox] = uid

    def claim_recent(self, box: Mailbox):
        """Kept in memory until the next checkpoint: after a power cut letters may be \\Recent once more."""
        uidnext = box.contents.uidnext
        self.touched[box.id] = uidnext
        self.recents[box.id] = uidnext
        box.contents.recent_from = uidnext

    def _check(self):
        if not self.journal.ready:
            raise StoreUnavailable("store not open")
