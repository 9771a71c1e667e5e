"""Flag bits of a letter in a mailbox (RFC 3501 section 2.3.2): system flags in the low octet, keywords above."""

SEEN = 1
ANSWERED = 2
FLAGGED = 4
DELETED = 8
DRAFT = 16
SYSTEM = 31

# Keyword number k of the mailbox is 1 << (KEYWORD_SHIFT + k).
KEYWORD_SHIFT = 8
MAX_KEYWORDS = 32
MAX_KEYWORD_BYTES = 64
VISIBLE = ((1 << MAX_KEYWORDS) - 1) << KEYWORD_SHIFT | SYSTEM


class Change:
    """A change of flags, apart for system flags and keywords: (flags & ~off) | on."""

    def __init__(self, on: int, off: int):
        self.flags_on = on & SYSTEM
        self.flags_off = off & SYSTEM
        self.keywords_on = on >> KEYWORD_SHIFT
        self.keywords_off = off >> KEYWORD_SHIFT & 0xFFFFFFFF


def change_of(reader) -> Change:
    """The change that a FLAGS record makes."""
    change = Change(reader.octet(8), reader.octet(9))
    change.keywords_on = reader.word(0)
    change.keywords_off = reader.word(4)
    return change
