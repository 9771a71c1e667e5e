"""A letter gets into mailboxes: one transaction for all of them, then the tables of those that are open."""

from postino.store import records
from postino.store.catalogue import INFO_COUNTERS, INFO_ID, UIDNEXT
from postino.store.flags import KEYWORD_SHIFT, SYSTEM

# Letters that get into a mailbox in one transaction (appending.py): each waits with its writer in memory.
MOST_LETTERS = 32

# Mailboxes in one ADD record.
_TARGETS = 50

_LARGEST_DATE = 0xFFFFFFFF


def storable_date(date: int) -> int:
    """The nearest date that 32 bits hold."""
    return min(max(date, 0), _LARGEST_DATE)


def add(store, letter, infos: list, flags: int, date: int):
    """The letter, which is written, gets into all of these mailboxes, durably; or into none, with an exception."""
    date = storable_date(date)
    items = ((letter, flags, date),)
    store.prepare()
    boxes = [store.open_boxes[info[INFO_ID]] for info in infos if info[INFO_ID] in store.open_boxes]
    for box in boxes:
        reserve(box, items)
    finish(store, letter, [info[INFO_ID] for info in infos], date)
    for info in infos:
        store.touch(info)
    saved = store.now()
    with store.log as log:
        for box in boxes:
            box.contents.log_keywords(log)
        write(log, items[0], infos, saved)
    letter.committed()
    for info in infos:
        store.logged(info[INFO_ID], len(infos))
        follow(store, info, items, saved)
    store.after()


# The steps; `items` are letters with their flags and dates, (LetterWriter, mask, date) each.


def reserve(box, items):
    """Before the commit: what the table of an open mailbox will need for these letters. Raises LimitReached."""
    box.contents.reserve(len(items))
    for _, flags, _ in items:
        box.contents.set_number(flags >> KEYWORD_SHIFT)


def finish(store, letter, mailboxes: list, date: int):
    """The letter gets its number, and its file is closed. What fails after that wastes the number."""
    number = store.state.next_letter
    letter.finish(number, mailboxes, date)
    store.state.next_letter = number + 1


def write(log, item, infos, saved: int, number: int = 0):
    """ADD records of the number-th letter (from 0) of a transaction: what is said of it, and its entries."""
    letter, flags, date = item
    for at in range(0, len(infos), _TARGETS):
        part = infos[at : at + _TARGETS]
        log.record(records.ADD, 0, records.ADD_HEAD + len(part) * records.ADD_TARGET)
        log.put_struct("<HHIIII", letter.slot, letter.blocks, letter.letter, letter.size, date, saved)
        for info in part:
            log.put_struct("<III", info[INFO_ID], info[INFO_COUNTERS][UIDNEXT] + number, flags >> KEYWORD_SHIFT)
            log.put_struct("<B3x", flags & SYSTEM)


def follow(store, info, items, saved: int):
    """After the commit: the counters and the table, if there is one, follow; its sessions are told once."""
    box = store.open_boxes.get(info[INFO_ID])
    for item in items:
        letter = item[0]
        uid = info[INFO_COUNTERS][UIDNEXT]
        store.entered(info, letter.slot, letter.blocks, uid)
        if box is not None and not box.lost:
            _add_to_table(store, box, uid, item, saved)
    if box is not None:
        try:
            box.added()
        except MemoryError:
            store.lose(box)


def _add_to_table(store, box, uid: int, item, saved: int):
    letter, flags, date = item
    try:
        contents = box.contents
        contents.mark_saved()
        message = (letter.size, letter.blocks, date, saved)
        contents.add(uid, letter.slot, flags & SYSTEM, flags >> KEYWORD_SHIFT, store.log.sequence, message)
        contents.uidnext = uid + 1
    except MemoryError:
        store.lose(box)
