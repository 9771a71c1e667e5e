"""What happens at open(): the journal is read, folded into the snapshots, and what a cut left behind is swept."""

from postino.store import catalogue, checkpoint, files
from postino.store import journal as kinds
from postino.store.errors import StoreError, StoreFull, StoreUnavailable
from postino.store.sweep import sweep_leftovers
from postino.store.table import ENTRY_SIZE

# What a format that was cut can have left; the journal comes last and makes it a store.
_CUT_FORMAT = ("letters", "mailboxes", "catalogue", "catalogue.new", "journal.new")


def is_blank_or_cut_format(root: str) -> bool:
    names = files.names_in(root)
    for name in names:
        if name not in _CUT_FORMAT:
            return False
    for name in ("letters", "mailboxes"):
        if name in names and files.names_in(root + "/" + name):
            return False
    return True


def recover(store):
    """Nothing is written before the journal and the catalogue have been read and found to be ours."""
    journal = store.journal
    store.reset()
    if "journal" not in files.names_in(store.root):
        raise StoreUnavailable("not a store")
    journal.load()
    store.catalogue.load()
    _find_end(journal)
    _replay(store)
    unclean = journal.dirty or journal.length > kinds.HEADER_SIZE or bool(journal.marks & kinds.SWEEP)
    # Full only for a moment: what the sweep removes makes room for the checkpoint.
    folded = _fold(store)
    if unclean:
        _sweep(store)
    if not folded:
        _fold(store)
    journal.repair()
    store.space.measure()
    journal.ready = True


def _find_end(journal):
    """The good part ends with the last record that has the COMMIT mark."""
    reader = journal.reader(None)
    try:
        while reader.next():
            if reader.marks & kinds.COMMIT:
                journal.length = reader.at
    finally:
        reader.close()
    journal.dirty = files.size_of(journal.path) > journal.length


def _replay(store):
    """The catalogue, the counters, and which mailboxes the journal names."""
    journal = store.journal
    reader = journal.reader()
    try:
        while reader.next():
            journal.sequence = reader.sequence
            store.catalogue.apply(reader)
            if reader.kind == kinds.DELETE:
                store.touched.pop(reader.mailbox, 0)
            else:
                store.touched[reader.mailbox] = 0
            if reader.kind == kinds.ADD:
                for at in range(4, reader.length, ENTRY_SIZE):
                    journal.next_letter = max(journal.next_letter, reader.word(at) + 1)
            elif catalogue.is_created(reader):
                journal.next_mailbox = max(journal.next_mailbox, reader.mailbox + 1)
                journal.next_uidvalidity = max(journal.next_uidvalidity, reader.word(0) + 1)
    finally:
        reader.close()


def _fold(store) -> bool:
    """Writes the snapshots and the mark that the store is in use."""
    try:
        return checkpoint.checkpoint(store, kinds.SWEEP)
    except StoreFull:
        return False
    except OSError as error:
        if error.args[0] != files.ENOSPC:
            raise
        return False


def _sweep(store):
    """Without success if a mailbox cannot be read, or is too large for that: then nothing is removed."""
    try:
        sweep_leftovers(store)
        while store.sweep_slice():
            pass
    except (MemoryError, StoreError):
        store.abandon_sweep()
