"""COPY and MOVE: entries added to one mailbox and, for a move, taken out of another, in one transaction.

No octet of a letter is copied: both entries name the same slot, whose references count them.
"""

from array import array

from postino.store import records
from postino.store.catalogue import INFO_COUNTERS, UIDNEXT
from postino.store.flags import KEYWORD_SHIFT
from postino.store.mailbox import log_expunge
from postino.store.table import FLAGS_MASK, FLAGS_SHIFT, PLACE


class _Transfer:
    """The facts of one transfer, so that they need not be handed around.

    What is read from flash is read before the transaction: 10 octets a letter until its end.
    """

    def __init__(self, source, uids, info, move: bool):
        store = source.store
        self.store = store
        self.source = source
        self.info = info
        self.move = move
        self.table = source.table
        if uids and uids[-1] >= source.uidnext:
            # A copy into the mailbox itself makes letters with such UIDs on the way: they are not meant.
            uids = array("I", [uid for uid in uids if uid < source.uidnext])
        self.uids = uids
        self.saved = store.now()
        self.keywords_logged = False
        self.count = 0
        # Of the letters, in the order of the UIDs; 0 where one is not there.
        self.blocks = array("H", bytes(2 * len(uids)))
        self._sizes = array("I", bytes(4 * len(uids)))
        self._dates = array("I", bytes(4 * len(uids)))
        self._used = 0
        self._survey()
        self.first = info[INFO_COUNTERS][UIDNEXT]
        self.box = store.open_boxes.get(info[0])
        if self.box is not None:
            self.box.contents.reserve(self.count)
        self.contents = self.box.contents if self.box is not None else None
        self._mapping = None
        if self._used and info[0] != source.id:
            self._map_keywords()

    def _survey(self):
        """How many of the letters are there, what they are, and which keywords they have."""
        table = self.table
        for number in range(len(self.uids)):
            index = table.index_of(self.uids[number])
            if index >= 0:
                self.count += 1
                self.blocks[number] = self.source.blocks(index)
                self._sizes[number] = self.source.size(index)
                self._dates[number] = self.source.date(index)
                self._used |= self.source.contents.keywords_of(table.word(index, PLACE))
        self.source.check()

    def _map_keywords(self):
        """Pairs of bits, here and there: every mailbox numbers its keywords itself."""
        if self.contents is None:
            self.contents = self.store.load(self.info, False)
        self._mapping = []
        names = self.source.keywords
        for number in range(len(names)):
            if self._used >> number & 1:
                there = self.contents.keyword_bit(names[number], True)
                self._mapping.append((1 << number, there >> KEYWORD_SHIFT))

    def keywords_there(self, place: int) -> int:
        """The keywords that the entry will have in the target."""
        keywords = self.source.contents.keywords_of(place)
        if self._mapping is None or not keywords:
            return keywords
        result = 0
        for here, there in self._mapping:
            if keywords & here:
                result |= there
        return result

    def reserve_sets(self):
        """Before the commit: a combination of keywords may be too many for an open target."""
        if self.box is None or not self._used:
            return
        for uid in self.uids:
            index = self.table.index_of(uid)
            if index >= 0:
                self.contents.set_number(self.keywords_there(self.table.word(index, PLACE)))

    def write(self, log):
        self.keywords_logged = self.source.contents.log_keywords(log)
        if self.contents is not None and self.contents is not self.source.contents:
            self.contents.log_keywords(log)
        self._write_entries(log)
        if self.move:
            log_expunge(self.source, self.uids, self.blocks, log)

    def _write_entries(self, log):
        table = self.table
        new = self.first
        begun = False
        for number in range(len(self.uids)):
            index = table.index_of(self.uids[number])
            if index < 0:
                continue
            if not begun or log.room() < records.ENTRY_SIZE:
                log.record(records.ENTRIES, self.info[0], records.ENTRIES_HEAD + records.ENTRY_SIZE)
                log.put_struct("<I", self.saved)
                begun = True
            place = table.word(index, PLACE)
            # The letter id is 0 here: the letter's own trailer has it.
            log.put_struct(
                "<IIIIIHHB3x",
                new,
                0,
                self._sizes[number],
                self._dates[number],
                self.keywords_there(place),
                self.source.letter(index),
                self.blocks[number],
                place >> FLAGS_SHIFT & FLAGS_MASK,
            )
            new += 1

    def apply(self):
        """After the commit: the tables and the counters follow."""
        self.source.contents.mark_saved()
        if self.contents is not None:
            self.contents.mark_saved()
        new = self.first
        for number in range(len(self.uids)):
            index = self.table.index_of(self.uids[number])
            if index < 0:
                continue
            slot = self.source.letter(index)
            self.store.entered(self.info, slot, self.blocks[number], new)
            if self.box is not None:
                place = self.table.word(index, PLACE)
                flags = place >> FLAGS_SHIFT & FLAGS_MASK
                letter = (self._sizes[number], self.blocks[number], self._dates[number], self.saved)
                modseq = self.store.log.sequence
                self.contents.add(new, slot, flags, self.keywords_there(place), modseq, letter)
                self.contents.uidnext = new + 1
            new += 1


def transfer(source, uids, target: int, move: bool):
    """Returns the target's UIDVALIDITY and the new UIDs."""
    source.check()
    store = source.store
    info = store.info_of(target)
    store.prepare()
    job = _Transfer(source, uids, info, move)
    result = array("I", bytes(4 * job.count))
    for number in range(job.count):
        result[number] = job.first + number
    # Made before the commit: after it nothing may fail.
    answer = (info[3], result)
    if not job.count:
        return answer
    job.reserve_sets()
    if not move:
        store.check_room(info, job.count, sum(job.blocks))
    store.touch(source.info)
    store.touch(info)
    with store.log as log:
        job.write(log)
    store.logged(target)
    if move or job.keywords_logged:
        store.logged(source.id)
    _follow(source, job, target, move)
    store.after()
    return answer


def _follow(source, job, target: int, move: bool):
    """After the commit: tables, counters, listeners."""
    store = source.store
    try:
        job.apply()
        if job.box is not None:
            job.box.added()
        if move:
            source.apply_expunge(job.uids, job.blocks)
    except MemoryError:
        store.need_replay()
        store.lose(source)
        store.lose_id(target)
