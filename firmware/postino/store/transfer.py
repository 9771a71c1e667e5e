"""COPY and MOVE: entries added to one mailbox and, for a move, taken out of another, in one transaction.

No octet of a letter is copied: both entries name the same file, and carry the SHARED mark so that an expunge knows
that it has to look for the others. A moved entry keeps its mark as it was.
"""

from array import array

from postino.store import journal as kinds
from postino.store.flags import KEYWORD_SHIFT, KEYWORDS, SHARED
from postino.store.space import ENTRY_RESERVE
from postino.store.table import DATE, ENTRY_SIZE, FLAGS, LETTER, SIZE


class _Transfer:
    """The facts of one transfer, so that they need not be handed around."""

    def __init__(self, source, uids, target: int, move: bool):
        store = source.store
        self.store = store
        self.source = source
        self.target = target
        self.move = move
        self.table = source.table
        if uids and uids[-1] >= source.uidnext:
            # A copy into the mailbox itself makes letters with such UIDs on the way: they are not meant.
            uids = array("I", [uid for uid in uids if uid < source.uidnext])
        self.uids = uids
        self.count = 0
        self.keywords = 0
        self._survey()
        self.first = store.prepare_add(target, self.count)
        self.box = store.open_boxes.get(target)
        self.contents = self.box.contents if self.box else None
        self.mapping = None
        if self.keywords and target != source.id:
            self._map_keywords()

    def _survey(self):
        """How many of the letters are there, and which keywords they have."""
        table = self.table
        for uid in self.uids:
            index = table.index_of(uid)
            if index >= 0:
                self.count += 1
                self.keywords |= table.word(index, FLAGS) & KEYWORDS

    def _map_keywords(self):
        """Pairs of bits, here and there: every mailbox numbers its keywords itself."""
        if self.contents is None:
            self.contents = self.store.load(self.target, False)
        self.mapping = []
        names = self.source.keywords
        for number in range(len(names)):
            bit = 1 << (KEYWORD_SHIFT + number)
            if self.keywords & bit:
                self.mapping.append((bit, self.contents.keyword_bit(names[number], True)))

    def flags_there(self, index: int) -> int:
        """The flags that the entry will have in the target."""
        flags = self.table.word(index, FLAGS)
        if not self.move:
            flags |= SHARED
        if self.mapping is None or not flags & KEYWORDS:
            return flags
        result = flags & ~KEYWORDS
        for here, there in self.mapping:
            if flags & here:
                result |= there
        return result

    def write(self, journal):
        self.source.contents.journal_keywords(journal)
        if self.contents is not None and self.contents is not self.source.contents:
            self.contents.journal_keywords(journal)
        self._write_entries(journal)
        if self.move:
            runs = kinds.Runs(journal, kinds.EXPUNGE, self.source.id)
        else:
            runs = kinds.Runs(journal, kinds.FLAGS, self.source.id, SHARED, 0)
        for uid in self.uids:
            index = self.table.index_of(uid)
            if index >= 0 and (self.move or not self.table.word(index, FLAGS) & SHARED):
                runs.put(uid, index)
        runs.finish()

    def _write_entries(self, journal):
        table = self.table
        new = self.first
        begun = False
        for uid in self.uids:
            index = table.index_of(uid)
            if index < 0:
                continue
            if not begun or journal.room() < ENTRY_SIZE:
                journal.record(kinds.ADD, self.target)
                begun = True
            size = table.word(index, SIZE)
            journal.put_entry(new, table.word(index, LETTER), size, table.word(index, DATE), self.flags_there(index))
            new += 1

    def apply(self):
        """After the commit: the tables follow."""
        self.source.contents.mark_saved()
        if self.contents is not None:
            self.contents.mark_saved()
        new = self.first
        for uid in self.uids:
            index = self.table.index_of(uid)
            if index < 0:
                continue
            self._apply_add(new, index)
            if not self.move:
                self.table.set_flags(index, self.table.word(index, FLAGS) | SHARED)
            new += 1
        self.store.uidnext_is(self.target, new)

    def _apply_add(self, new: int, index: int):
        if self.box is None:
            return
        table = self.table
        size = table.word(index, SIZE)
        flags = self.flags_there(index)
        self.box.table.append(new, table.word(index, LETTER), size, table.word(index, DATE), flags)

    def apply_move(self):
        """The entries leave the source."""
        for uid in self.uids:
            index = self.table.index_of(uid)
            if index >= 0:
                self.source.drop(uid, index)


def transfer(source, uids, target: int, move: bool):
    """Returns the target's UIDVALIDITY and the new UIDs."""
    source.check()
    store = source.store
    validity = store.uidvalidity_of(target)
    job = _Transfer(source, uids, target, move)
    result = array("I", bytes(4 * job.count))
    for number in range(job.count):
        result[number] = job.first + number
    # Made before the commit: after it nothing may fail.
    answer = (validity, result)
    if not job.count:
        return answer
    store.space.take(0, ENTRY_RESERVE)
    store.touch(source.id)
    with store.journal as journal:
        job.write(journal)
    try:
        job.apply()
        if job.box is not None:
            job.box.added()
        if move:
            job.apply_move()
    except MemoryError:
        store.lose(source)
        store.lose_id(target)
    store.after()
    return answer
