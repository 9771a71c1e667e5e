"""Retention: letters that leave a mailbox by themselves, after some days or when there are too many.

Days count from the arrival in the mailbox (the save date), so a letter moved to Trash has its whole time there. While
the clock is unset nothing goes by age, and a letter that arrived with the clock unset never does.
"""

from array import array

from postino.store import fold, folders
from postino.store.catalogue import ENTRIES, INFO_COUNT, INFO_COUNTERS, INFO_DAYS, INFO_ID, INFO_NAME, INFO_USER

DAY = 86400
# Letters that go in one slice.
_BATCH = 16


def step(store) -> bool:
    """Removes some letters of one mailbox; False if nothing is due any more."""
    for info in store.catalogue.infos:
        if (info[INFO_DAYS] or info[INFO_COUNT]) and _expire(store, info):
            return True
    return False


def _expire(store, info) -> bool:
    """True if letters went."""
    expired = due(store, info)
    if not expired:
        return False
    store.prepare()
    folders.take_out(store, info, expired)
    gone = (len(expired) // 3, info[INFO_NAME], info[INFO_USER])
    store.report("retention: %d letters removed from %s of %s" % gone)
    return True


def due(store, info) -> array:
    """UID, slot and blocks of letters that are to go now, three numbers each."""
    found = array("I")
    surplus = info[INFO_COUNTERS][ENTRIES] - info[INFO_COUNT] if info[INFO_COUNT] else 0
    now = store.now()
    before = now - info[INFO_DAYS] * DAY if info[INFO_DAYS] and now else 0
    if surplus <= 0 and before <= 0:
        return found
    entries = fold.Entries(store, info, 1)
    try:
        if entries.contents.damaged:
            # How many there are is not known.
            store.note_damage(info[INFO_ID])
            return found
        window = entries.next()
        while window is not None and surplus > 0 and not found:
            window.visit(fold.Collector(found, 3 * min(surplus, _BATCH)).put)
            window = entries.next()
        while window is not None and not found and before > 0:
            window.visit(_Aged(found, 3 * _BATCH, before).put)
            window = entries.next()
    finally:
        entries.close()
    return found


class _Aged(fold.Collector):
    """Letters with a known save date only."""

    def put(self, buffer, at: int):
        if buffer[at + 16] or buffer[at + 17] or buffer[at + 18] or buffer[at + 19]:
            super().put(buffer, at)
