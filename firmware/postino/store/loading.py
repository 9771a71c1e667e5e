"""Reads a mailbox from flash: its snapshot, then the log's later records; and counts it for STATUS."""

from postino.store import snapshot
from postino.store.catalogue import ENTRIES, FIRST_SECTOR, INFO_COUNTERS, INFO_ID, INFO_UIDVALIDITY, UIDNEXT, modseq_of
from postino.store.flags import SEEN


def load(store, info, with_table: bool):
    """The contents of a mailbox; what is damaged is left out and noted."""
    contents = _read_snapshot(store, info, with_table)
    first = info[INFO_COUNTERS][FIRST_SECTOR]
    if first:
        reader = store.log.reader(info[INFO_ID], first)
        since = contents.sequence
        while reader.next():
            if reader.sequence > since:
                contents.apply(reader)
    if contents.entries != info[INFO_COUNTERS][ENTRIES]:
        contents.damaged = True
    contents.uidnext = max(contents.uidnext, info[INFO_COUNTERS][UIDNEXT])
    contents.recent_from = store.recent_of(info)
    contents.loading = False
    if contents.damaged:
        store.note_damage(info[INFO_ID])
    return contents


def _read_snapshot(store, info, with_table: bool):
    path = snapshot.path_of(store.root, info[INFO_ID])
    reader = snapshot.Reader(path, info[INFO_ID], info[INFO_UIDVALIDITY])
    try:
        contents = reader.contents
        if not reader.exists or contents.damaged:
            # What the counters say is never less than what clients have been told.
            contents.modseq = modseq_of(info[INFO_COUNTERS])
        if with_table:
            contents.make_table()
            _read_pages(reader, contents)
        return contents
    finally:
        reader.close()


def _read_pages(reader, contents):
    """The entries of a snapshot go into the table."""
    page = bytearray(snapshot.PAGE_SIZE)
    base = contents.base
    count = reader.page(page)
    while count:
        contents.table.reserve(count)
        for index in range(count):
            entry = snapshot.entry(page, index)
            uid, _, size, date, _, keywords, modseq, slot, blocks, flags = entry
            if contents.headless:
                keywords = 0
            contents.add(uid, slot, flags, keywords, base + modseq, size, blocks, date)
            contents.uidnext = max(contents.uidnext, uid + 1)
        count = reader.page(page)


class Counter:
    """Counts for STATUS."""

    def __init__(self, recent_from: int):
        self._recent_from = recent_from
        self.messages = self.recent = self.unseen = 0

    def count(self, uid: int, flags: int):
        self.messages += 1
        if uid >= self._recent_from:
            self.recent += 1
        if not flags & SEEN:
            self.unseen += 1

    def put(self, buffer, at: int):
        """As a sink for Window.visit()."""
        entry = snapshot.entry_at(buffer, at)
        self.count(entry[0], entry[9])
