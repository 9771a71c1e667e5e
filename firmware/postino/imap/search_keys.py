"""The keys of SEARCH (RFC 3501 6.4.4), read into a small tree and evaluated with three answers: yes, no, not known yet.

What the mailbox's table answers is asked first; then the header is read; the body only where nothing else decides.
A node is a tuple: its kind, then what the kind needs. Content keys have a slot number, under which the answer is kept.
"""

from .. import dates
from ..store.flags import SEEN
from . import flags, sequence
from .errors import Bad

# Deepest nesting of NOT and OR. The parser counts parentheses, with the same limit; Apple Mail needs four of both.
MAX_DEPTH = 8
# Keys in one SEARCH.
MAX_KEYS = 64

NO = 0
YES = 1
UNKNOWN = 2

MAX_NUMBER = sequence.MAX_NUMBER
# Fields in which TEXT is looked for decoded; elsewhere it is compared with the octets as they are.
TEXT_FIELDS = (b"subject", b"from", b"to", b"cc")
# Kinds of nodes that need the letter: slot, field name, needle; slot, lowest, below; slot, needle; slot, needle.
# The other kinds: "and" nodes, "or" nodes, "not" node, "all", "flag" mask and wanted, "recent" wanted, "uids" pairs,
# "day" lowest and below, "size" lowest and below.
CONTENT = ("header", "sent", "body", "text")

_FLAGS = (b"ANSWERED", b"DELETED", b"DRAFT", b"FLAGGED", b"SEEN")
_FIELDS = (b"BCC", b"CC", b"FROM", b"SUBJECT", b"TO")
_DAYS = (b"BEFORE", b"ON", b"SINCE", b"SENTBEFORE", b"SENTON", b"SENTSINCE")


class Query:
    """A SEARCH as it was read: `root` is its tree, `content` its keys that need the letter."""

    def __init__(self, view):
        self._view = view
        self._keys = 0
        # Content nodes in slot order.
        self.content = []
        self.root = None

    def read(self, arguments):
        """Reads all keys; they must all match."""
        nodes = [self._key(arguments, 0)]
        while not arguments.at_end():
            arguments.space()
            if arguments.at_end():
                break
            nodes.append(self._key(arguments, 0))
        self.root = ("and", tuple(nodes))

    def _key(self, arguments, depth):
        self._keys += 1
        if self._keys > MAX_KEYS or depth > MAX_DEPTH:
            raise Bad(b"The search is too complicated")
        octet = arguments.peek()
        if octet == 40:
            return self._group(arguments, depth)
        if octet == 42 or 48 <= octet <= 57:
            return self._numbers(arguments)
        name = arguments.atom().upper()
        if name == b"NOT":
            arguments.space()
            return ("not", self._key(arguments, depth + 1))
        if name == b"OR":
            arguments.space()
            first = self._key(arguments, depth + 1)
            arguments.space()
            return ("or", (first, self._key(arguments, depth + 1)))
        node = _plain(name)
        if node is not None:
            return node
        arguments.space()
        return self._with_argument(name, arguments)

    def _group(self, arguments, depth):
        arguments.open_list()
        nodes = [self._key(arguments, depth)]
        while not arguments.close_list():
            arguments.space()
            nodes.append(self._key(arguments, depth))
        return ("and", tuple(nodes)) if len(nodes) > 1 else nodes[0]

    def _numbers(self, arguments):
        # Numbers that no message has match nothing: K-9 asks an empty mailbox for `*:*`.
        view = self._view
        return ("uids", view.uids_of_numbers(sequence.parse(arguments.set_parts(), view.count())))

    def _with_argument(self, name, arguments):
        if name == b"UID":
            return ("uids", sequence.parse(arguments.set_parts(), self._view.largest_uid()))
        if name == b"LARGER":
            return ("size", arguments.number() + 1, MAX_NUMBER + 1)
        if name == b"SMALLER":
            return ("size", 0, arguments.number())
        if name in (b"KEYWORD", b"UNKEYWORD"):
            return self._keyword(arguments.atom(), name == b"KEYWORD")
        if name in _DAYS:
            return self._day(name, arguments.astring())
        if name in _FIELDS:
            return self._slot(("header", len(self.content), name.lower(), _text(arguments)))
        if name == b"HEADER":
            field = arguments.astring().lower()
            arguments.space()
            return self._slot(("header", len(self.content), field, _text(arguments)))
        if name in (b"BODY", b"TEXT"):
            kind = "body" if name == b"BODY" else "text"
            return self._slot((kind, len(self.content), _text(arguments).encode()))
        raise Bad(b"Unknown search key")

    def _keyword(self, name, wanted):
        bit = self._view.box.keyword_bit(name.decode(), False)
        if bit:
            return ("flag", bit, wanted)
        return ("not", ("all",)) if wanted else ("all",)

    def _day(self, name, text):
        try:
            day = dates.parse_imap_day(text)
        except ValueError:
            raise Bad(b"That is no date")
        sent = name.startswith(b"SENT") and name != b"SENT"
        word = name[4:] if sent else name
        low, below = 0, MAX_NUMBER
        if word in (b"ON", b"SINCE"):
            low = day
        if word in (b"ON", b"BEFORE"):
            below = day + (word == b"ON")
        return self._slot(("sent", len(self.content), low, below)) if sent else ("day", low, below)

    def _slot(self, node):
        # Its second item is its number in this list, under which its answer is kept.
        self.content.append(node)
        return node

    def fields(self):
        """Returns the header fields that the search needs."""
        names = []
        for node in self.content:
            if node[0] == "header":
                wanted = (node[2],)
            elif node[0] == "sent":
                wanted = (b"date",)
            else:
                wanted = TEXT_FIELDS if node[0] == "text" else ()
            names += [name for name in wanted if name not in names]
        return tuple(names)


def _plain(name):
    """Returns the node of a key without arguments, or None."""
    if name == b"ALL":
        return ("all",)
    if name == b"RECENT" or name == b"OLD":
        return ("recent", name == b"RECENT")
    if name == b"NEW":
        return ("and", (("recent", True), ("flag", SEEN, False)))
    word = name[2:] if name.startswith(b"UN") else name
    return ("flag", flags.system_bit(b"\\" + word), word == name) if word in _FLAGS else None


def _text(arguments):
    """Reads a string to look for."""
    try:
        return arguments.astring().decode().lower()
    except ValueError:
        raise Bad(b"The search text is not UTF-8")


class Facts:
    """What the table knows of one letter, and the answers of content keys so far."""

    def __init__(self, slots):
        self.answers = bytearray(slots)
        self.uid = self.flags = self.size = self.day = 0
        self.recent = False

    def take(self, view, row, tz_minutes):
        box = view.box
        self.uid = box.uid(row)
        self.flags = box.flags(row)
        self.size = box.size(row)
        self.day = dates.day_of(box.date(row), tz_minutes)
        self.recent = view.is_recent(self.uid)
        for slot in range(len(self.answers)):
            self.answers[slot] = UNKNOWN


def evaluate(node, facts):
    """Returns YES, NO or UNKNOWN for a letter."""
    kind = node[0]
    if kind == "and":
        return _all(node[1], facts, NO)
    if kind == "or":
        return _all(node[1], facts, YES)
    if kind == "not":
        answer = evaluate(node[1], facts)
        return answer if answer == UNKNOWN else 1 - answer
    if kind in CONTENT:
        return facts.answers[node[1]]
    return YES if _from_table(kind, node, facts) else NO


def _all(nodes, facts, decisive):
    result = 1 - decisive
    for node in nodes:
        answer = evaluate(node, facts)
        if answer == decisive:
            return answer
        if answer == UNKNOWN:
            result = UNKNOWN
    return result


def _from_table(kind, node, facts):
    if kind == "all":
        return True
    if kind == "flag":
        return bool(facts.flags & node[1]) == node[2]
    if kind == "recent":
        return facts.recent == node[1]
    if kind == "uids":
        return bool(node[1]) and sequence.contains(node[1], facts.uid)
    return node[1] <= (facts.day if kind == "day" else facts.size) < node[2]
