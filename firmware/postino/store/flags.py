"""Flag bits of a letter in a mailbox (RFC 3501 section 2.3.2), 32 in all."""

SEEN = 1
ANSWERED = 2
FLAGGED = 4
DELETED = 8
DRAFT = 16

# The letter has, or had, entries in other mailboxes: its file needs a search before it is removed.
SHARED = 32

# Bits 5 to 7 belong to the store; nobody outside sees or sets them.
PRIVATE = 0xE0
VISIBLE = 0xFFFFFF1F

# Keyword number k of the mailbox is 1 << (KEYWORD_SHIFT + k).
KEYWORD_SHIFT = 8
KEYWORDS = 0xFFFFFF00
MAX_KEYWORDS = 24
MAX_KEYWORD_BYTES = 64
