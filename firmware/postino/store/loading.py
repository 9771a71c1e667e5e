"""Reads a mailbox from flash: its snapshot, then the log's later records."""

from postino.store import snapshot
from postino.store.catalogue import ENTRIES, FIRST_SECTOR, INFO_COUNTERS, INFO_ID, INFO_UIDVALIDITY, UIDNEXT, modseq_of
from postino.store.cold import Index


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
        # Letters that come back have lost their UIDs, and no EXPUNGE says so.
        contents.floor = max(contents.floor, contents.modseq)
        store.note_damage(info[INFO_ID])
    return contents


def _read_snapshot(store, info, with_table: bool):
    path = snapshot.path_of(store.root, info[INFO_ID])
    reader = snapshot.Reader(path, info[INFO_ID], info[INFO_UIDVALIDITY])
    try:
        contents = reader.contents
        # What the counters say is never less than what clients have been told.
        contents.modseq = max(contents.modseq, modseq_of(info[INFO_COUNTERS]))
        if with_table:
            contents.make_table()
            _read_pages(reader, contents, store.pages.borrow())
        return contents
    finally:
        reader.close()


def _read_pages(reader, contents, page):
    """The entries of a snapshot go into the table, as far as it has them."""
    index = Index(reader.start)
    table = contents.table
    count = reader.page(page)
    while count:
        newest = uid = 0
        for number in range(count):
            uid, _, _, _, _, keywords, modseq, slot, _, flags = snapshot.entry(page, number)
            if contents.headless:
                keywords = 0
            table.reserve_for(1, uid)
            table.append(uid, contents.place(slot, flags, keywords))
            newest = max(newest, modseq)
        index.note(reader.number, snapshot.entry(page, 0)[0], newest)
        contents.uidnext = max(contents.uidnext, uid + 1)
        count = reader.page(page)
    contents.cold.learn(index)
    if contents.headless:
        contents.cold.least = contents.offset(contents.modseq)
