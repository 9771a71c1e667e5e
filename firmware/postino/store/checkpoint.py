"""The checkpoint: folds the journal into the snapshots and the catalogue, then begins a new journal.

A cut at any point is harmless: every file carries the sequence number of the journal that it includes, and older
records are ignored for it. The new journal's rename is the last step.
"""

from postino.store import files, snapshot
from postino.store.errors import StoreUnavailable
from postino.store.space import blocks_of


def checkpoint(store, marks: int) -> bool:
    """Returns False if the journal had to stay, because a mailbox that it names cannot be read, or not now."""
    whole = True
    for mailbox in list(store.touched):
        if store.catalogue.get(mailbox) is None:
            continue
        try:
            _write_snapshot(store, mailbox)
        except (MemoryError, StoreUnavailable):
            # One that is too large to be read now holds up nobody but itself.
            whole = False
    if store.catalogue.stale:
        store.catalogue.write(store.journal.sequence)
    if not whole:
        return False
    store.journal.restart(marks)
    store.touched.clear()
    store.recents.clear()
    return True


def _write_snapshot(store, mailbox: int):
    box = store.open_boxes.get(mailbox)
    contents = box.contents if box is not None else store.load(mailbox)
    path = store.snapshot_path(mailbox)
    before = files.size_of(path)
    after = snapshot.write(path, contents, store.journal.sequence)
    store.space.give((blocks_of(before) if before else 0) - blocks_of(after))
