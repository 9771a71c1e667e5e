"""What a mailbox holds: counters, keywords, history and the table, as read from its snapshot and the log's records.

What the table lacks of a letter is in `cold`.

Keywords of a letter are a mask of 32 bits. The table has ten bits for it: the number of the mask in `sets`, a list of
the combinations in use, of which a mailbox has few.
"""

from array import array

from postino.store import records
from postino.store.catalogue import is_created
from postino.store.cold import Cold
from postino.store.errors import LimitReached
from postino.store.flags import KEYWORD_SHIFT, MAX_KEYWORD_BYTES, MAX_KEYWORDS, change_of
from postino.store.rows import UID
from postino.store.table import FLAGS_MASK, FLAGS_SHIFT, MAX_CHANGES, MAX_SETS, PLACE, SET_SHIFT, SLOT_MASK, Table

# Runs of expunged UIDs that are remembered (RFC 7162 section 3.2.7 lets a server forget old ones).
MAX_HISTORY = 64
# Changes in the table from which on idle work makes a fold: about as many as the log takes of one mailbox.
_IDLE_CHANGES = MAX_CHANGES * 7 // 8


class Contents:
    """`table` is None where only the rest is wanted."""

    def __init__(self, mailbox: int, uidvalidity: int, with_table: bool):
        self.mailbox = mailbox
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.recent_from = 1
        # Transactions up to this one are in the snapshot.
        self.sequence = 0
        # Modification sequences are kept less this.
        self.base = 0
        self.modseq = 0
        # Expunged UIDs: first, last, modification sequence less the base; complete above the floor.
        self.history = array("I")
        self.floor = 0
        self.entries = 0
        # Something of the snapshot could not be read.
        self.damaged = False
        # Its head, that is: keywords, history, and up to where the log is in it.
        self.headless = False
        self.keywords = []
        # Keywords that the snapshot or the log knows; later ones go out with the next transaction.
        self.saved_keywords = 0
        self.sets = [0]
        # The table is being read from flash: nothing can be refused.
        self.loading = True
        self.table = Table() if with_table else None
        self.cold = Cold(mailbox) if with_table else None

    def make_table(self):
        self.table = Table()
        self.cold = Cold(self.mailbox)

    # Keywords.

    def keyword_bit(self, name: str, create: bool) -> int:
        """The flag bit of a keyword, 0 if there is none and none can be made."""
        wanted = name.lower()
        for number in range(len(self.keywords)):
            if self.keywords[number].lower() == wanted:
                return 1 << (KEYWORD_SHIFT + number)
        if not create or len(self.keywords) >= MAX_KEYWORDS or len(name.encode()) > MAX_KEYWORD_BYTES:
            return 0
        self.keywords.append(name)
        return 1 << (KEYWORD_SHIFT + len(self.keywords) - 1)

    def log_keywords(self, log) -> bool:
        """Logs the keywords that are new, True if there are any; mark_saved() after the commit."""
        for number in range(self.saved_keywords, len(self.keywords)):
            name = self.keywords[number].encode()
            log.record(records.KEYWORD, self.mailbox, 1 + len(name))
            log.put(bytes([number]))
            log.put(name)
        return self.saved_keywords < len(self.keywords)

    def mark_saved(self):
        self.saved_keywords = len(self.keywords)

    def set_number(self, keywords: int) -> int:
        """The number of this combination of keywords; raises LimitReached."""
        if not keywords:
            return 0
        for number in range(len(self.sets)):
            if self.sets[number] == keywords:
                return number
        if len(self.sets) >= MAX_SETS:
            if self.loading:
                # They stay on flash, and are shown when there are fewer.
                return 0
            raise LimitReached("too many combinations of keywords")
        self.sets.append(keywords)
        return len(self.sets) - 1

    def keywords_of(self, place: int) -> int:
        return self.sets[place >> SET_SHIFT]

    def place(self, slot: int, flags: int, keywords: int) -> int:
        return slot | (flags & FLAGS_MASK) << FLAGS_SHIFT | self.set_number(keywords) << SET_SHIFT

    def changed_place(self, place: int, change) -> int:
        """The place word of a letter after a change of flags; raises LimitReached."""
        flags = place >> FLAGS_SHIFT & FLAGS_MASK & ~change.flags_off | change.flags_on
        keywords = self.sets[place >> SET_SHIFT] & ~change.keywords_off | change.keywords_on
        return self.place(place & SLOT_MASK, flags, keywords)

    # The table.

    def offset(self, modseq: int) -> int:
        """A modification sequence as the table and the history keep it."""
        return min(max(modseq - self.base, 0), 0xFFFFFFFF)

    def reserve(self, letters: int):
        """Before a commit: so many calls of add() need no memory."""
        self.table.reserve_for(letters, self.uidnext)
        self.cold.reserve(letters)

    def add(self, uid: int, slot: int, flags: int, keywords: int, modseq: int, letter):
        """After the commit: a letter with the highest UID. `letter`: size, blocks, INTERNALDATE, save date."""
        self.table.append(uid, self.place(slot, flags, keywords))
        self.cold.add(uid, self.offset(modseq), *letter)

    def drop(self, index: int, uid: int):
        """After the commit: the letter with this index and UID has left the mailbox."""
        self.table.delete(index)
        self.cold.delete(uid)

    def folded(self, sequence: int):
        """A new snapshot, with all up to this transaction, is in force. What comes after it stays."""
        until = self.offset(sequence)
        self.cold.covered(until)
        self.table.forget_changes(until)

    def wants_fold(self) -> bool:
        """The open mailbox holds much that a fold would free it of."""
        return self.table.changes > _IDLE_CHANGES or self.cold.wants_fold()

    def remember(self, uid: int, modseq: int):
        """An expunged UID goes into the history."""
        history = self.history
        offset = self.offset(modseq)
        last = len(history) - 2
        if last > 0 and history[last] + 1 == uid and history[last + 1] == offset:
            history[last] = uid
            return
        history.append(uid)
        history.append(uid)
        history.append(offset)
        if len(history) > 3 * MAX_HISTORY:
            self.floor = max(self.floor, self.base + history[2])
            self.history = history[3:]

    def vanished_since(self, modseq: int):
        """As Mailbox.vanished_since() returns it."""
        history = self.history
        # In place of a sort that would make an object of each run: they are few, and mostly in order.
        runs = array("I")
        for at in range(0, len(history), 3):
            if self.base + history[at + 2] > modseq:
                runs.extend(history[at : at + 2])
                place = len(runs) - 2
                while place and runs[place - 2] > runs[place]:
                    runs[place - 2], runs[place] = runs[place], runs[place - 2]
                    runs[place - 1], runs[place + 1] = runs[place + 1], runs[place - 1]
                    place -= 2
        return _joined(runs), modseq >= self.floor

    # Replay of one record; they come in the order in which they were written.

    def apply(self, reader):
        kind = reader.kind
        if kind == records.FLAGS:
            self._apply_flags(reader)
        elif kind == records.ADD:
            self._apply_add(reader)
        elif kind == records.ENTRIES:
            self._apply_entries(reader)
        elif kind == records.EXPUNGE:
            self._apply_expunge(reader)
        elif kind == records.KEYWORD:
            self._apply_keyword(reader)
        elif not is_created(reader):
            return
        self.modseq = max(self.modseq, reader.sequence)

    def _apply_keyword(self, reader):
        if reader.octet(0) == len(self.keywords):
            self.keywords.append(reader.payload(1).decode())
        self.mark_saved()

    def _apply_add(self, reader):
        at = reader.target(self.mailbox)
        uid = reader.word(at + 4)
        if uid < self.uidnext:
            # Without the head it is not known that the snapshot has it already.
            return
        if self.table is not None:
            self.uidnext = uid
            self.reserve(1)
            letter = (reader.word(8), reader.half(2), reader.word(12), reader.word(16))
            self.add(uid, reader.half(0), reader.octet(at + 12), reader.word(at + 8), reader.sequence, letter)
        self.entries += 1
        self.uidnext = uid + 1

    def _apply_entries(self, reader):
        for at in range(records.ENTRIES_HEAD, reader.length, records.ENTRY_SIZE):
            uid = reader.word(at)
            if uid < self.uidnext:
                continue
            if self.table is not None:
                self.uidnext = uid
                self.reserve(1)
                letter = (reader.word(at + 8), reader.half(at + 22), reader.word(at + 12), reader.word(0))
                flags = reader.octet(at + 24)
                self.add(uid, reader.half(at + 20), flags, reader.word(at + 16), reader.sequence, letter)
            self.entries += 1
            self.uidnext = uid + 1

    def _apply_flags(self, reader):
        table = self.table
        if table is None:
            return
        change = change_of(reader)
        offset = self.offset(reader.sequence)
        if not table.begin_change(offset):
            table.merge_oldest()
        for at in range(records.FLAGS_HEAD, reader.length, records.RUN):
            index = table.lower_bound(reader.word(at))
            last = reader.word(at + 4)
            while index < len(table) and table.word(index, UID) <= last:
                table.set_place(index, self.changed_place(table.word(index, PLACE), change))
                table.prepare_note(index)
                table.note(index, offset)
                index += 1

    def _apply_expunge(self, reader):
        for at in range(0, reader.length, records.EXPUNGE_ITEM):
            uid = reader.word(at)
            self.entries -= 1
            self.remember(uid, reader.sequence)
            if self.table is not None:
                index = self.table.index_of(uid)
                if index >= 0:
                    self.drop(index, uid)


def _joined(runs):
    """Ascending runs (first, last, …) with neighbours made one."""
    joined = array("I")
    for at in range(0, len(runs), 2):
        if joined and joined[len(joined) - 1] + 1 == runs[at]:
            joined[len(joined) - 1] = runs[at + 1]
        else:
            joined.extend(runs[at : at + 2])
    return joined
