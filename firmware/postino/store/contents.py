"""What a mailbox holds: counters, keywords and the table, as read from its snapshot and the journal's later records."""

from postino.store import journal as kinds
from postino.store.flags import KEYWORD_SHIFT, MAX_KEYWORD_BYTES, MAX_KEYWORDS
from postino.store.table import ENTRY_SIZE, FLAGS, UID, Table


class Contents:
    """`table` is None where only the counters and keywords are wanted."""

    def __init__(self, mailbox: int, uidvalidity: int, with_table: bool):
        self.mailbox = mailbox
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        # Letters from this UID on are \Recent for the next session that selects the mailbox (RFC 3501 section 2.3.2).
        self.recent_from = 1
        # The sequence number of the journal up to which the snapshot goes.
        self.sequence = 0
        self.keywords = []
        # Keywords that the snapshot or the journal knows; later ones go out with the next transaction.
        self.saved_keywords = 0
        self.table = Table() if with_table else None

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

    def journal_keywords(self, journal):
        """Writes the keywords that are new; mark_saved() after the commit."""
        for number in range(self.saved_keywords, len(self.keywords)):
            journal.record(kinds.KEYWORD, self.mailbox)
            journal.put(bytes([number]))
            journal.put(self.keywords[number].encode())

    def mark_saved(self):
        self.saved_keywords = len(self.keywords)

    # Replay of one record; they come in the order in which they were written.

    def apply(self, reader):
        if reader.kind == kinds.ADD:
            self._apply_add(reader)
        elif reader.kind == kinds.KEYWORD:
            number = reader.buffer[kinds.RECORD_HEAD]
            if number == len(self.keywords):
                self.keywords.append(reader.payload(1).decode())
            self.mark_saved()
        elif self.table is not None and reader.kind == kinds.FLAGS:
            add = reader.word(0)
            keep = 0xFFFFFFFF & ~reader.word(4)
            for at in range(8, reader.length, 8):
                self._apply_flags(reader.word(at), reader.word(at + 4), add, keep)
        elif self.table is not None and reader.kind == kinds.EXPUNGE:
            for at in range(0, reader.length, 8):
                self._apply_expunge(reader.word(at), reader.word(at + 4))

    def _apply_add(self, reader):
        word = reader.word
        for at in range(0, reader.length, ENTRY_SIZE):
            uid = word(at)
            if self.table is not None:
                self.table.reserve(1)
                self.table.append(uid, word(at + 4), word(at + 8), word(at + 12), word(at + 16))
            self.uidnext = uid + 1

    def _apply_flags(self, first: int, last: int, add: int, keep: int):
        table = self.table
        index = table.lower_bound(first)
        while index < len(table) and table.word(index, UID) <= last:
            table.set_flags(index, table.word(index, FLAGS) & keep | add)
            index += 1

    def _apply_expunge(self, first: int, last: int):
        table = self.table
        index = table.lower_bound(first)
        while index < len(table) and table.word(index, UID) <= last:
            table.delete(index)
