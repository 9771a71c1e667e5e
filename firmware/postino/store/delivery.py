"""A letter gets into mailboxes: one transaction for all of them, then the tables of those that are open."""

from postino.store import records
from postino.store.catalogue import INFO_COUNTERS, INFO_ID, UIDNEXT
from postino.store.flags import KEYWORD_SHIFT, SYSTEM

# Mailboxes in one ADD record.
_TARGETS = 50

_LARGEST_DATE = 0xFFFFFFFF


def storable_date(date: int) -> int:
    """The nearest date that 32 bits hold."""
    return min(max(date, 0), _LARGEST_DATE)


def add(store, letter, infos: list, flags: int, date: int):
    """The letter, which is written, gets into all of these mailboxes, durably; or into none, with an exception."""
    date = storable_date(date)
    store.prepare()
    boxes = [store.open_boxes[info[INFO_ID]] for info in infos if info[INFO_ID] in store.open_boxes]
    for box in boxes:
        box.table.reserve(1)
        box.contents.set_number(flags >> KEYWORD_SHIFT)
    number = store.state.next_letter
    letter.finish(number, [info[INFO_ID] for info in infos], date)
    for info in infos:
        store.touch(info)
    with store.log as log:
        for box in boxes:
            box.contents.log_keywords(log)
        _write(log, (letter.slot, letter.blocks, number, letter.size, date, store.now()), infos, flags)
    store.state.next_letter = number + 1
    letter.committed()
    for info in infos:
        store.logged(info[INFO_ID], len(infos))
        _added(store, info, letter, date, flags)
    store.after()


def _write(log, letter, infos: list, flags: int):
    """ADD records: what is said of the letter, and its entries."""
    for at in range(0, len(infos), _TARGETS):
        part = infos[at : at + _TARGETS]
        log.record(records.ADD, 0, records.ADD_HEAD + len(part) * records.ADD_TARGET)
        log.put_struct("<HHIIII", *letter)
        for info in part:
            log.put_struct("<III", info[INFO_ID], info[INFO_COUNTERS][UIDNEXT], flags >> KEYWORD_SHIFT)
            log.put_struct("<B3x", flags & SYSTEM)


def _added(store, info, letter, date: int, flags: int):
    """After the commit: the counters and the table, if there is one, follow."""
    uid = info[INFO_COUNTERS][UIDNEXT]
    store.entered(info, letter.slot, letter.blocks, uid)
    box = store.open_boxes.get(info[INFO_ID])
    if box is None:
        return
    try:
        contents = box.contents
        contents.mark_saved()
        message = (letter.size, letter.blocks, date)
        contents.add(uid, letter.slot, flags & SYSTEM, flags >> KEYWORD_SHIFT, store.log.sequence, *message)
        contents.uidnext = uid + 1
        box.added()
    except MemoryError:
        store.lose(box)
