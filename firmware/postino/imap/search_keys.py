"""The keys of SEARCH and SORT (RFC 3501 6.4.4, RFC 9051 6.4.4), read into a small tree of tuples (search_match.py)."""

from .. import date_parser
from ..store.flags import SEEN
from . import capabilities, flags, sequence, sets, wire
from .errors import Bad, No
from .search_match import Query

# Deepest nesting of NOT and OR. The parser counts parentheses, with the same limit; Apple Mail needs four of both.
MAX_DEPTH = 8
# Keys in one SEARCH, and ranges of all its sets together.
MAX_KEYS = 64
MAX_RANGES = sequence.MAX_RANGES
# Octets of a text that is looked for.
MAX_TEXT = 1024
# No date is later, or as much earlier, as seconds or as days; no size is larger.
_NEVER = sequence.MAX_NUMBER + 1

CHARSETS = (
    b"US-ASCII",
    b"UTF-8",
    b"ISO-8859-1",
    b"ISO-8859-2",
    b"ISO-8859-5",
    b"ISO-8859-7",
    b"ISO-8859-9",
    b"ISO-8859-15",
    b"WINDOWS-1250",
    b"WINDOWS-1251",
    b"WINDOWS-1252",
    b"KOI8-R",
)

_FLAGS = (b"ANSWERED", b"DELETED", b"DRAFT", b"FLAGGED", b"SEEN")
_FIELDS = (b"BCC", b"CC", b"FROM", b"SUBJECT", b"TO")
_DAYS = (b"BEFORE", b"ON", b"SINCE")
_ENTRY_TYPES = (b"ALL", b"PRIV", b"SHARED")
# Keys of extensions, and the capability that each belongs to.
_EXTENSIONS = (
    (b"OLDER", b"WITHIN"),
    (b"YOUNGER", b"WITHIN"),
    (b"SAVEDBEFORE", b"SAVEDATE"),
    (b"SAVEDON", b"SAVEDATE"),
    (b"SAVEDSINCE", b"SAVEDATE"),
    (b"SAVEDATESUPPORTED", b"SAVEDATE"),
    (b"MODSEQ", b"CONDSTORE"),
    (b"EMAILID", b"OBJECTID"),
    (b"THREADID", b"OBJECTID"),
)

# Kinds of nodes that are answered from memory; for the others, flash is read.
_CHEAP = ("all", "flag", "recent", "uids")

_ALL = ("all",)
_NOTHING = ("not", _ALL)


def read(session, arguments):
    """Reads the arguments of SEARCH behind RETURN: CHARSET, if it comes, and the keys. Returns a Query.

    Raises Bad; No for a character set that is not known, or a text that is too long.
    """
    charset = b"UTF-8"
    if arguments.accept_word(b"CHARSET"):
        if session.enabled & capabilities.UTF8_ACCEPT:
            # RFC 6855 3.
            raise Bad(b"No CHARSET after ENABLE UTF8=ACCEPT")
        charset = _charset(arguments)
    return _Keys(session, charset).read(arguments)


def read_with_charset(session, arguments):
    """The same for SORT, where a character set must come."""
    charset = _charset(arguments, session.enabled & capabilities.UTF8_ACCEPT)
    return _Keys(session, charset).read(arguments)


def _charset(arguments, only_utf8=0):
    """Reads a character set, and the space behind it: without any keys the command is wrong, whatever it names."""
    name = arguments.astring().upper()
    arguments.space()
    if only_utf8 and name != b"UTF-8":
        # RFC 6855 3, with erratum 4029.
        raise Bad(b"No charset but UTF-8 after ENABLE UTF8=ACCEPT")
    if name not in CHARSETS:
        raise No(b"That charset is not known", b"BADCHARSET (%s)" % b" ".join(CHARSETS))
    # ASCII is a part of UTF-8.
    return b"UTF-8" if name == b"US-ASCII" else name


class _Keys:
    """Reads keys into nodes."""

    def __init__(self, session, charset):
        self._session = session
        self._view = session.view
        self._charset = charset
        self._keys = 0
        self._ranges = 0
        self._content = []
        self._has_modseq = False
        self._has_numbers = False

    def read(self, arguments):
        """Reads all keys, which must all match; MODSEQ enables CONDSTORE (RFC 7162 3.1)."""
        nodes = [self._key(arguments, 0)]
        while not arguments.at_end():
            arguments.space()
            if arguments.at_end():
                break
            nodes.append(self._key(arguments, 0))
        if self._has_modseq:
            self._session.enabled |= capabilities.CONDSTORE
        return Query(("and", _cheap_first(nodes)), self._content, self._charset, self._has_modseq, self._has_numbers)

    def _key(self, arguments, depth):
        self._keys += 1
        if self._keys > MAX_KEYS or depth > MAX_DEPTH:
            raise Bad(b"The search is too complicated")
        octet = arguments.peek()
        if octet == 0x28:
            return self._group(arguments, depth)
        if octet == 0x24 or octet == 0x2A or 0x30 <= octet <= 0x39:
            return self._set(arguments, False)
        name = arguments.atom().upper()
        if name == b"NOT":
            arguments.space()
            return ("not", self._key(arguments, depth + 1))
        if name == b"OR":
            arguments.space()
            first = self._key(arguments, depth + 1)
            arguments.space()
            return ("or", _cheap_first((first, self._key(arguments, depth + 1))))
        return self._plain(name) or self._with_argument(name, arguments)

    def _group(self, arguments, depth):
        arguments.open_list()
        nodes = [self._key(arguments, depth)]
        while not arguments.close_list():
            arguments.space()
            nodes.append(self._key(arguments, depth))
        return ("and", _cheap_first(nodes)) if len(nodes) > 1 else nodes[0]

    def _set(self, arguments, by_uid):
        view = self._view
        pairs = sets.read_saved(self._session, arguments)
        if pairs is not None:
            return ("uids", pairs)
        if by_uid:
            pairs = sequence.parse(arguments.set_parts(), view.largest_uid())
        else:
            self._has_numbers = True
            # Numbers that no message has match nothing: K-9 asks an empty mailbox for `*:*`.
            pairs = view.uids_of_numbers(sequence.parse(arguments.set_parts(), view.count()))
        self._ranges += len(pairs) // 2
        if self._ranges > MAX_RANGES:
            raise Bad(b"Too many ranges in the sets of a search")
        return ("uids", pairs)

    def _plain(self, name):
        """Returns the node of a key without arguments, or None."""
        if name == b"ALL":
            return _ALL
        if name in (b"RECENT", b"NEW", b"OLD") and self._session.enabled & capabilities.IMAP4REV2:
            # Nothing is recent there (RFC 9051 appendix E).
            return _ALL if name == b"OLD" else _NOTHING
        if name == b"RECENT" or name == b"OLD":
            return ("recent", name == b"RECENT")
        if name == b"NEW":
            return ("and", (("recent", True), ("flag", SEEN, False)))
        if name == b"SAVEDATESUPPORTED" and self._is_offered(name):
            return _ALL
        word = name[2:] if name.startswith(b"UN") else name
        return ("flag", flags.system_bit(b"\\" + word), word == name) if word in _FLAGS else None

    def _is_offered(self, name):
        for key, capability in _EXTENSIONS:
            if key == name:
                return capabilities.is_offered(self._session, capability)
        return True

    def _with_argument(self, name, arguments):
        if not self._is_offered(name):
            raise Bad(b"Unknown search key")
        arguments.space()
        if name == b"UID":
            return self._set(arguments, True)
        if name == b"LARGER":
            return ("size", _number64(arguments) + 1, _NEVER)
        if name == b"SMALLER":
            return ("size", 0, _number64(arguments))
        if name in (b"KEYWORD", b"UNKEYWORD"):
            return self._keyword(arguments.atom(), name == b"KEYWORD")
        if name in _FIELDS:
            return self._slot(("header", len(self._content), name.lower(), _text(arguments)))
        if name == b"HEADER":
            field = arguments.astring().lower()
            arguments.space()
            return self._slot(("header", len(self._content), field, _text(arguments)))
        if name == b"BODY" or name == b"TEXT":
            return self._slot(("body" if name == b"BODY" else "text", len(self._content), _text(arguments)))
        return self._time(name, arguments) or self._of_extension(name, arguments)

    def _keyword(self, name, wanted):
        bit = self._view.box.keyword_bit(name.decode(), False)
        if bit:
            return ("flag", bit, wanted)
        return _NOTHING if wanted else _ALL

    def _time(self, name, arguments):
        """Returns the node of a key with a date, or None."""
        word, kind = name, "day"
        if name.startswith(b"SENT"):
            word, kind = name[4:], "sent"
        elif name.startswith(b"SAVED"):
            word, kind = name[5:], "saved"
        if word not in _DAYS:
            return None
        low, below = _days(word, arguments.astring())
        return self._slot(("sent", len(self._content), low, below)) if kind == "sent" else (kind, low, below)

    def _of_extension(self, name, arguments):
        if name == b"OLDER" or name == b"YOUNGER":
            interval = arguments.number()
            if not interval:
                raise Bad(b"An interval of no length")
            # While the clock is not set, every letter is younger.
            border = self._session.server.clock() - interval
            return ("date", 0, border + 1) if name == b"OLDER" else ("date", border, _NEVER)
        if name == b"MODSEQ":
            return self._modseq(arguments)
        if name == b"EMAILID":
            return self._slot(("emailid", len(self._content), arguments.atom()))
        if name == b"THREADID":
            # No letter has one (RFC 8474 5.4).
            arguments.atom()
            return _NOTHING
        raise Bad(b"Unknown search key")

    def _modseq(self, arguments):
        if arguments.peek() == 0x22:
            # All of a letter's metadata have one modification sequence: their names do not matter (RFC 7162 3.1.5).
            if not arguments.string().lower().startswith(b"/flags/"):
                raise Bad(b"Unknown metadata")
            arguments.space()
            if arguments.atom().upper() not in _ENTRY_TYPES:
                raise Bad(b"Unknown type of metadata")
            arguments.space()
        self._has_modseq = True
        return ("modseq", _number64(arguments))

    def _slot(self, node):
        # Its second item is its number in this list, under which its answer is kept.
        self._content.append(node)
        return node


def _cheap_first(nodes):
    """Returns the nodes as a tuple, those in front that are answered from memory: they may decide alone."""
    return tuple([node for node in nodes if _is_cheap(node)] + [node for node in nodes if not _is_cheap(node)])


def _is_cheap(node):
    if node[0] == "not":
        return _is_cheap(node[1])
    if node[0] in ("and", "or"):
        return all(_is_cheap(below) for below in node[1])
    return node[0] in _CHEAP


def _days(word, text):
    """Returns the first day that BEFORE, ON or SINCE a date includes, and the one behind the last."""
    try:
        day = date_parser.parse_imap_day(text)
    except ValueError:
        raise Bad(b"That is no date")
    if word == b"ON":
        return day, day + 1
    return (-_NEVER, day) if word == b"BEFORE" else (day, _NEVER)


def _number64(arguments):
    """A size, or a modification sequence (RFC 7162 7)."""
    number = wire.number64(arguments.atom())
    if number is None:
        raise Bad(b"Not a number")
    return number


def _text(arguments):
    """Reads a text to look for."""
    text = arguments.astring()
    if len(text) > MAX_TEXT:
        raise No(b"A text to look for is too long", b"LIMIT")
    return text
