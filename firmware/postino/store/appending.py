"""Several letters get into a mailbox together (RFC 3502), and one takes the place of another (RFC 8508).

Each is one transaction: it happens or it does not. The letters have been written before, and their callers abort()
those of a call that failed.
"""

from array import array

from postino.store import delivery
from postino.store.catalogue import INFO_COUNTERS, INFO_UIDVALIDITY, INFO_USER, UIDNEXT
from postino.store.errors import LetterGone, LimitReached
from postino.store.flags import VISIBLE
from postino.store.mailbox import log_expunge
from postino.store.space import blocks_of


def append_all(store, mailbox: int, items):
    """`items`: (LetterWriter, flags, date) each. Returns UIDVALIDITY and the UIDs, in the order of the items."""
    info = store.info_of(mailbox)
    if len(items) > delivery.MOST_LETTERS:
        raise LimitReached("too many letters in one transaction")
    items = [_storable(*item) for item in items]
    # Made before the commit: after it nothing may fail.
    first = info[INFO_COUNTERS][UIDNEXT]
    answer = (info[INFO_UIDVALIDITY], array("I", [first + number for number in range(len(items))]))
    if not items:
        return answer
    store.check_quota(info[INFO_USER], sum([blocks_of(letter.size) for letter, _, _ in items]))
    store.prepare()
    box = _ready(store, info, items)
    store.touch(info)
    saved = store.now()
    with store.log as log:
        _write(log, box, info, items, saved)
    _follow(store, info, items, saved)
    store.after()
    return answer


def replace(store, letter, source, uid: int, target: int, flags: int, date: int):
    """The letter gets into mailbox `target`, and the one with this UID leaves `source`. Returns (UIDVALIDITY, UID).

    Raises LetterGone if there is none of this UID any more.
    """
    info = store.info_of(target)
    source.check()
    if source.index_of(uid) < 0:
        raise LetterGone("letter gone")
    items = (_storable(letter, flags, date),)
    uids = array("I", (uid,))
    answer = (info[INFO_UIDVALIDITY], info[INFO_COUNTERS][UIDNEXT])
    store.prepare()
    blocks = source.all_blocks(uids)
    store.check_quota(info[INFO_USER], blocks_of(letter.size) - blocks[0])
    box = _ready(store, info, items)
    store.touch(source.info)
    store.touch(info)
    saved = store.now()
    with store.log as log:
        _write(log, box, info, items, saved)
        log_expunge(source, uids, blocks, log)
    if source.id != target:
        store.logged(source.id)
    _follow(store, info, items, saved)
    if source.lost:
        # Memory ran out: who names the old letter follows from the log.
        store.need_replay()
    source.apply_expunge(uids, blocks)
    store.after()
    return answer


def _storable(letter, flags: int, date: int):
    return letter, flags & VISIBLE, delivery.storable_date(date)


def _ready(store, info, items):
    """Before the commit: the table of the mailbox, if it is open, has room, and all files are closed. Returns it."""
    mailbox = info[0]
    box = store.open_boxes.get(mailbox)
    if box is not None:
        delivery.reserve(box, items)
    for letter, _, date in items:
        if not letter.letter:
            delivery.finish(store, letter, [mailbox], date)
    return box


def _write(log, box, info, items, saved: int):
    if box is not None:
        box.contents.log_keywords(log)
    for number in range(len(items)):
        delivery.write(log, items[number], (info,), saved, number)


def _follow(store, info, items, saved: int):
    """After the commit: the letters are there, in the table as well."""
    for letter, _, _ in items:
        letter.committed()
    store.logged(info[0])
    delivery.follow(store, info, items, saved)
