"""What a mailbox holds, in numbers (RFC 3501 section 6.3.10 and its extensions), and the numbers of the last few.

Clients ask for the same mailboxes again and again: what was counted holds until the mailbox changes, which its highest
modification sequence shows, or its letters stop being recent.
"""

from postino.store import files
from postino.store.catalogue import ENTRIES, INFO_COUNTERS, INFO_ID, INFO_UIDVALIDITY, UIDNEXT, modseq_of
from postino.store.transient import Transient

# Mailboxes whose numbers are kept.
_KEPT = 32

_NOTHING = (0, 0, 0, 0, 0)


class Counts:
    def __init__(self):
        # Mailbox id -> (highest modification sequence, first recent UID, then what counting.count() returns).
        self._known = {}

    def clear(self):
        self._known.clear()

    def status(self, store, info, counted: bool):
        """As Store.status() returns it."""
        counters = info[INFO_COUNTERS]
        numbers = self._numbers(store, info) if counted else (counters[ENTRIES], None, None, None, None)
        messages, recent, unseen, deleted, size = numbers
        known = (counters[UIDNEXT], info[INFO_UIDVALIDITY])
        return (messages, recent) + known + (unseen, deleted, size, max(1, modseq_of(counters)))

    def _numbers(self, store, info):
        """(messages, recent, unseen, deleted, octets of all)"""
        modseq = modseq_of(info[INFO_COUNTERS])
        recent_from = store.recent_of(info)
        known = self._known.get(info[INFO_ID])
        if known is not None and known[0] == modseq and known[1] == recent_from:
            return known[2:]
        numbers = _NOTHING
        if info[INFO_COUNTERS][ENTRIES]:
            with files.guard, Transient("counting") as counting:
                numbers = counting.count(store, info, recent_from)
        if numbers[0] == info[INFO_COUNTERS][ENTRIES]:
            self._keep(info[INFO_ID], (modseq, recent_from) + numbers)
        # Else some cannot be read, and the repair brings them back.
        return numbers

    def _keep(self, mailbox: int, known):
        if len(self._known) >= _KEPT and mailbox not in self._known:
            # Whichever: asked for in turn, the oldest would be the one that comes next.
            self._known.popitem()
        self._known[mailbox] = known
