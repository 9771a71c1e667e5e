"""Message flags between the wire and the store's masks (RFC 3501 2.3.2)."""

from ..store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, MAX_KEYWORDS, SEEN
from .errors import Bad, No
from .wire import is_atom

# Longest keyword that is taken.
MAX_KEYWORD = 64

SYSTEM = (
    (SEEN, b"\\Seen"),
    (ANSWERED, b"\\Answered"),
    (FLAGGED, b"\\Flagged"),
    (DELETED, b"\\Deleted"),
    (DRAFT, b"\\Draft"),
)
# The first keyword's bit.
FIRST_KEYWORD = 8


def text(mask, keywords, recent):
    """Returns the flags of a message as they stand between the parentheses."""
    parts = [name for bit, name in SYSTEM if mask & bit]
    if mask >> FIRST_KEYWORD:
        parts += [word.encode() for k, word in enumerate(keywords) if mask >> FIRST_KEYWORD + k & 1]
    if recent:
        parts.append(b"\\Recent")
    return b" ".join(parts)


def announcement(view):
    """Returns the untagged FLAGS and PERMANENTFLAGS of a mailbox, and notes that they are told (RFC 3501 7.2.6)."""
    words = view.box.keywords
    view.keywords_told = len(words)
    names = b" ".join([name for _, name in SYSTEM] + [word.encode() for word in words])
    if view.read_only:
        permanent = b"()] No permanent flags permitted"
    else:
        # "\*": new keywords can be made; it goes with the last that can (RFC 9051 7.1, PERMANENTFLAGS).
        permanent = b"(%s%s)] Flags are kept" % (names, b" \\*" if len(words) < MAX_KEYWORDS else b"")
    return b"* FLAGS (%s)\r\n* OK [PERMANENTFLAGS %s\r\n" % (names, permanent)


def read_list(arguments):
    """Reads flags, in parentheses or bare (RFC 3501 6.4.6). Returns their names as written."""
    names = []
    if arguments.peek() != 40:
        while True:
            names.append(arguments.flag())
            if arguments.at_end():
                return names
            arguments.space()
    arguments.open_list()
    while not arguments.close_list():
        if names:
            arguments.space()
        names.append(arguments.flag())
    return names


def system_bit(name):
    """Returns the bit of a system flag; 0 for \\Recent, which no client sets; -1 for a keyword. Raises Bad."""
    if not name.startswith(b"\\"):
        return -1
    lower = name.lower()
    for bit, known in SYSTEM:
        if known.lower() == lower:
            return bit
    if lower == b"\\recent":
        return 0
    raise Bad(b"Unknown system flag")


def mask_of(names, box, create):
    """Returns the mask for flag names; keywords get a bit of the mailbox if `create`, else unknown ones none."""
    mask = 0
    for name in names:
        bit = system_bit(name)
        if bit >= 0:
            mask |= bit
            continue
        if len(name) > MAX_KEYWORD or not is_atom(name):
            raise Bad(b"That is no keyword")
        bit = box.keyword_bit(name.decode(), create)
        if create and not bit:
            raise No(b"There is no room for more keywords in this mailbox", b"LIMIT")
        mask |= bit
    return mask
