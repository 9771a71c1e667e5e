"""Makes IMAP commands that the formal syntax allows, with the odd forms that it allows.

RFC 3501 9 and RFC 9051 9, and the extensions that Postino offers. A word is in any case, a string is an atom, quoted or
a literal of either kind, numbers begin with zeros, sets are out of order. What docs/imap.md limits stays within limits.
"""

from collections.abc import Callable

from hypothesis import strategies as st

Draw = Callable

# Letters in the mailbox that is selected.
LETTERS = 4
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NAMES = (b"INBOX", b"Sent", b"Archive", b"Trash", b"a b", b"x/y", b"Entw&APw-rfe", b'q"u\\o', b"]", b"nowhere", b"NIL")
TEXTS = (b"", b"a", b"hello", b"two words", b'q"\\', b"(", b"{3}", b"NIL", b"%*", b"x]", b"0", b"$", b"\x01\x7f")
FIELDS = (b"Subject", b"FROM", b"x-1", b"a b", b"")
KEYWORDS = (b"$Forwarded", b"a", b"[x", b"k.1", b"NIL", b"+-/", b"8")
SYSTEM_FLAGS = (b"\\Seen", b"\\Answered", b"\\Flagged", b"\\Deleted", b"\\Draft")
CRITERIA = (b"ARRIVAL", b"CC", b"DATE", b"FROM", b"SIZE", b"SUBJECT", b"TO")
# The first is not one of IMAP4rev2.
STATUS_ITEMS = (
    b"RECENT", b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"SIZE", b"HIGHESTMODSEQ", b"MAILBOXID",
    b"APPENDLIMIT", b"DELETED", b"DELETED-STORAGE",
)  # fmt: skip
ATOM = frozenset(set(range(33, 127)) - set(b'(){%*"\\]'))
TAG = "".join(chr(octet) for octet in sorted(ATOM - set(b"+") | set(b"]")))


class Maker:
    """Draws pieces of commands, by what is enabled: UTF8=ACCEPT, QRESYNC, IMAP4rev2, which has some words no more."""

    def __init__(self, draw: Draw, utf8: bool = False, qresync: bool = False, rev2: bool = False) -> None:
        self._draw = draw
        self.utf8 = utf8
        self.qresync = qresync
        self.rev2 = rev2

    # Choices ----------------------------------------------------------------------------------------------------

    def below(self, limit: int) -> int:
        return self._draw(st.integers(0, limit - 1))

    def yes(self) -> bool:
        return bool(self.below(2))

    def one_of(self, choices):
        return choices[self.below(len(choices))]

    def some_of(self, choices, most: int = 3) -> list:
        """At least one; the same may come again."""
        return [self.one_of(choices) for _ in range(1 + self.below(most))]

    def distinct(self, choices) -> list:
        return list(dict.fromkeys(self.some_of(choices)))

    # Terminals --------------------------------------------------------------------------------------------------

    def word(self, text: bytes) -> bytes:
        """In any case (RFC 3501 9, rule 1)."""
        return self.one_of((text, text.lower(), text.title(), text.swapcase()))

    def words(self, choices, most: int = 3) -> bytes:
        return b" ".join(self.word(each) for each in dict.fromkeys(self.some_of(choices, most)))

    def literal(self, octets: bytes, kinds=(b"{%d}", b"{%d+}")) -> bytes:
        return self.one_of(kinds) % len(octets) + b"\r\n" + octets

    def string(self, text: bytes) -> bytes:
        if self.yes() or not (text.isascii() or self.utf8 or self.rev2) or set(text) & set(b"\r\n\0"):
            return self.literal(text)
        return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'

    def astring(self, text: bytes, more: bytes = b"]") -> bytes:
        """An atom where that can be; `more` are characters that may stand in it besides."""
        if text and set(text) <= ATOM | set(more) and self.yes():
            return text
        return self.string(text)

    def number(self, most: int = 4294967295, least: int = 0) -> bytes:
        value = self.one_of((least, least + self.below(9), min(4096, most), most))
        # Only a number that may be 0 may begin with one.
        return (b"00%d" if not least and value < 1000 and self.yes() else b"%d") % value

    def mailbox(self) -> bytes:
        if (self.utf8 or self.rev2) and not self.below(4):
            return self.string("Übung".encode())
        return self.astring(self.one_of((b"inbOX", *NAMES)))

    def flag(self) -> bytes:
        return self.word(self.one_of(SYSTEM_FLAGS)) if self.yes() else self.one_of(KEYWORDS)

    def flag_list(self) -> bytes:
        return b"(%s)" % b" ".join(self.flag() for _ in range(self.below(4)))

    def date(self) -> bytes:
        day = self.one_of((b"1", b"01", b"9", b"28"))
        text = b"%s-%s-%04d" % (day, self.word(self.one_of(MONTHS).encode()), self.one_of((1970, 2024, 2099)))
        return b'"%s"' % text if self.yes() else text

    def date_time(self) -> bytes:
        day = self.one_of((b" 1", b"01", b"28"))
        month = self.word(self.one_of(MONTHS).encode())
        zone = self.one_of((b"+0000", b"-1130", b"+1400"))
        return b'"%s-%s-2024 23:59:59 %s"' % (day, month, zone)

    def number_set(self, by_uid: bool) -> bytes:
        """A sequence-set: of numbers that are there, of UIDs that need not be."""
        if not self.below(12):
            return b"$"
        numbers = (b"1", b"2", b"%d" % LETTERS, b"*", *((b"999", b"4294967295") if by_uid else ()))
        return b",".join(b":".join(self.some_of(numbers, 2)) for _ in range(1 + self.below(3)))

    # FETCH ------------------------------------------------------------------------------------------------------

    def _partial(self) -> bytes:
        return b"<%s.%s>" % (self.number(), self.number(least=1)) if not self.below(3) else b""

    def _section(self) -> bytes:
        part = b".".join(self.some_of((b"1", b"2", b"9"), 3)) if self.yes() else b""
        choices = [b"", b"HEADER", b"TEXT", b"HEADER.FIELDS", b"HEADER.FIELDS.NOT", *((b"MIME",) if part else ())]
        text = self.one_of(choices)
        if text.startswith(b"HEADER.F"):
            fields = b" ".join(self.astring(each) for each in self.some_of(FIELDS))
            return b"[%s%s (%s)]" % (part + b"." if part else b"", self.word(text), fields)
        return b"[%s]" % b".".join(each for each in (part, self.word(text)) if each)

    def fetch_item(self) -> bytes:
        plain = (
            b"UID", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY", b"BODYSTRUCTURE",
            b"MODSEQ", b"EMAILID", b"THREADID", b"SAVEDATE", b"PREVIEW",
            *(() if self.rev2 else (b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT")),
        )  # fmt: skip
        kind = self.below(4)
        if kind == 0:
            return self.word(self.one_of((b"BODY", b"BODY.PEEK"))) + self._section() + self._partial()
        if kind == 1:
            part = self.one_of((b"", b"1", b"2.1", b"9"))
            if self.yes():
                return self.word(b"BINARY.SIZE") + b"[%s]" % part
            return self.word(self.one_of((b"BINARY", b"BINARY.PEEK"))) + b"[%s]" % part + self._partial()
        item = self.one_of(plain)
        if item == b"PREVIEW" and self.yes():
            return self.word(item) + b" (%s)" % self.word(b"LAZY")
        return self.word(item)

    def fetch(self, by_uid: bool) -> bytes:
        if not self.below(5):
            items = self.word(self.one_of((b"ALL", b"FULL", b"FAST")))
        elif self.yes():
            items = self.fetch_item()
        else:
            items = b"(%s)" % b" ".join(self.fetch_item() for _ in range(1 + self.below(4)))
        more = b""
        if not self.below(4):
            more = b" (%s %s)" % (self.word(b"CHANGEDSINCE"), self.number(9223372036854775807, 1))
            if by_uid and self.qresync:
                more = more[:-1] + b" " + self.word(b"VANISHED") + b")"
        return b"%s %s %s%s" % (self.word(b"FETCH"), self.number_set(by_uid), items, more)

    # STORE, SEARCH, SORT ----------------------------------------------------------------------------------------

    def store(self, by_uid: bool) -> bytes:
        modifier = b"(%s %s) " % (self.word(b"UNCHANGEDSINCE"), self.number(9223372036854775807))
        item = self.one_of((b"", b"+", b"-")) + self.word(self.one_of((b"FLAGS", b"FLAGS.SILENT")))
        flags = self.flag_list() if self.yes() else b" ".join(self.flag() for _ in range(1 + self.below(3)))
        condition = modifier if not self.below(4) else b""
        return b"%s %s %s%s %s" % (self.word(b"STORE"), self.number_set(by_uid), condition, item, flags)

    def key(self, depth: int = 0) -> bytes:
        kind = self.below(9 if depth < 3 else 6)
        if kind == 0:
            flags = (b"ANSWERED", b"DELETED", b"DRAFT", b"FLAGGED", b"SEEN")
            old = () if self.rev2 else (b"NEW", b"OLD", b"RECENT")
            plain = (*flags, *(b"UN" + flag for flag in flags), b"ALL", b"SAVEDATESUPPORTED", *old)
            return self.word(self.one_of(plain))
        if kind == 1:
            name = self.one_of((b"BCC", b"BODY", b"CC", b"FROM", b"SUBJECT", b"TEXT", b"TO", b"HEADER"))
            field = self.astring(self.one_of(FIELDS)) + b" " if name == b"HEADER" else b""
            return self.word(name) + b" " + field + self.astring(self.one_of(TEXTS))
        if kind == 2:
            on = self.one_of((b"BEFORE", b"ON", b"SINCE"))
            return self.word(self.one_of((b"", b"SENT", b"SAVED")) + on) + b" " + self.date()
        if kind == 3:
            return self.number_set(True) if self.yes() else self.word(b"UID") + b" " + self.number_set(True)
        if kind == 4:
            return self._key_with_number()
        if kind == 5:
            name = self.one_of((b"KEYWORD", b"UNKEYWORD", b"EMAILID", b"THREADID"))
            return self.word(name) + b" " + self.one_of((b"a", b"F-1_2") if name.endswith(b"ID") else KEYWORDS)
        if kind == 6:
            return self.word(b"NOT") + b" " + self.key(depth + 1)
        if kind == 7:
            return b"%s %s %s" % (self.word(b"OR"), self.key(depth + 1), self.key(depth + 1))
        return b"(%s)" % b" ".join(self.key(depth + 1) for _ in range(1 + self.below(3)))

    def _key_with_number(self) -> bytes:
        name = self.one_of((b"LARGER", b"SMALLER", b"OLDER", b"YOUNGER", b"MODSEQ"))
        if name != b"MODSEQ":
            return self.word(name) + b" " + self.number(least=int(name in (b"OLDER", b"YOUNGER")))
        entry = b' "/flags/\\\\seen" ' + self.word(self.one_of((b"priv", b"shared", b"all"))) if self.yes() else b""
        return b"%s%s %s" % (self.word(name), entry, self.number(9223372036854775807))

    def search(self, _: bool) -> bytes:
        returned = b""
        if self.yes():
            options = (b"MIN", b"MAX", b"ALL", b"COUNT", b"SAVE")
            returned = b" %s (%s)" % (self.word(b"RETURN"), self.words(options, 4) if self.below(6) else b"")
        charset = b""
        if not self.utf8 and self.yes():
            names = (b"UTF-8", b"US-ASCII", b"utf-8", b"x-unknown")
            charset = b" %s %s" % (self.word(b"CHARSET"), self.astring(self.one_of(names)))
        keys = b" ".join(self.key() for _ in range(1 + self.below(3)))
        return b"%s%s%s %s" % (self.word(b"SEARCH"), returned, charset, keys)

    def sort(self, _: bool) -> bytes:
        criteria = [(self.word(b"REVERSE") + b" ") * self.below(2) + self.word(each) for each in self.some_of(CRITERIA)]
        # RFC 6855 3 with erratum 4029: no other than UTF-8 once UTF8=ACCEPT is enabled.
        charset = self.astring(b"UTF-8" if self.utf8 else self.one_of((b"UTF-8", b"US-ASCII")))
        return b"%s (%s) %s %s" % (self.word(b"SORT"), b" ".join(criteria), charset, self.key())

    def status_items(self) -> bytes:
        return self.words(STATUS_ITEMS[self.rev2 :], 5)

    # Mailboxes --------------------------------------------------------------------------------------------------

    def _pattern(self) -> bytes:
        return self.astring(self.one_of((b"*", b"%", b"", b"INB*", b"x/%", b"a b", b"%/%*", b"\\")), b"]%*")

    def list_mailboxes(self) -> bytes:
        selection = b""
        if self.yes():
            options = self.distinct((b"SUBSCRIBED", b"REMOTE", b"SPECIAL-USE")) if self.below(5) else []
            if options and options != [b"REMOTE"] and self.yes():
                options.insert(self.below(len(options) + 1), b"RECURSIVEMATCH")
            selection = b" (%s)" % b" ".join(self.word(each) for each in options)
        patterns = self._pattern()
        if self.yes():
            patterns = b"(%s)" % b" ".join(self._pattern() for _ in range(1 + self.below(3)))
        returned = b""
        if self.yes():
            options = [self.word(each) for each in self.distinct((b"SUBSCRIBED", b"CHILDREN", b"SPECIAL-USE"))]
            if self.yes():
                options.append(b"%s (%s)" % (self.word(b"STATUS"), self.status_items()))
            returned = b" %s (%s)" % (self.word(b"RETURN"), b" ".join(options) if self.below(5) else b"")
        reference = self.astring(self.one_of((b"", b"x/", b"INBOX")))
        return b"%s%s %s %s%s" % (self.word(b"LIST"), selection, reference, patterns, returned)

    def select(self) -> bytes:
        parameters = []
        if not self.below(3):
            parameters.append(self.word(b"CONDSTORE"))
        if self.qresync and self.yes():
            known = self.one_of((b"", b" 1:9,3", b" 1,2 (1 1)", b" (1:2,4 1,3,9)"))
            numbers = self.number(least=1), self.number(9223372036854775807, 1)
            parameters.append(b"%s (%s %s%s)" % (self.word(b"QRESYNC"), *numbers, known))
        more = b" (%s)" % b" ".join(parameters) if parameters else b""
        return b"%s %s%s" % (self.word(self.one_of((b"SELECT", b"EXAMINE"))), self.mailbox(), more)

    def append(self) -> bytes:
        messages = b"".join(self._message() for _ in range(1 + self.below(2)))
        return b"%s %s%s" % (self.word(b"APPEND"), self.mailbox(), messages)

    def _message(self) -> bytes:
        out = b" " + self.flag_list() if self.yes() else b""
        out += b" " + self.date_time() if self.yes() else b""
        octets = self.one_of((b"Subject: x\r\n\r\ny", b"x", b"\r\n\xff{3}\r\n"))
        if self.utf8 and self.yes():
            return b"%s %s (%s)" % (out, self.word(b"UTF8"), self.literal(octets, (b"~{%d}", b"~{%d+}")))
        if self.yes():
            return out + b" " + self.literal(octets + b"\0", (b"~{%d}", b"~{%d+}"))
        return out + b" " + self.literal(octets)

    def about_mailbox(self) -> bytes:
        verbs = (b"CREATE", b"DELETE", b"RENAME", b"SUBSCRIBE", b"UNSUBSCRIBE", b"GETQUOTAROOT", b"LSUB")
        verb = self.one_of(verbs[:6] if self.rev2 else verbs)
        name = self.astring(self.one_of((b"x/y", b"new", b"a b", b"new/er/", b"&", b"nowhere")))
        if verb == b"CREATE":
            use = b" (%s (%s))" % (self.word(b"USE"), self.word(self.one_of((b"\\Sent", b"\\Flagged", b"\\All"))))
            return self.word(verb) + b" " + name + (use if not self.below(3) else b"")
        if verb == b"RENAME":
            return b"%s %s %s" % (self.word(verb), name, self.mailbox())
        if verb == b"LSUB":
            return b"%s %s %s" % (self.word(verb), self.astring(self.one_of((b"", b"x/"))), self._pattern())
        return self.word(verb) + b" " + name

    def other(self) -> bytes:
        kind = self.below(7)
        if kind == 0:
            return self.word(self.one_of((b"NOOP", b"CAPABILITY", b"NAMESPACE", b"NOOP" if self.rev2 else b"CHECK")))
        if kind == 1:
            pairs = [
                self.string(b"f%d" % k) + b" " + self.one_of((b"NIL", b"nil", self.string(b"v"))) for k in range(3)
            ]
            return self.word(b"ID") + b" " + self.one_of((b"NIL", b"()", b"(%s)" % b" ".join(pairs)))
        if kind == 2:
            return b"%s %s" % (self.word(b"ENABLE"), b" ".join(self.some_of((b"CONDSTORE", b"x-own", b"IDLE", b"0"))))
        if kind == 3:
            return b"%s %s" % (self.word(b"GETQUOTA"), self.astring(self.one_of((b"", b"User quota", b"]"))))
        if kind == 4:
            return self.word(b"IDLE") + b"\r\n" + self.word(b"DONE")
        if kind == 5:
            return b"%s %s (%s)" % (self.word(b"STATUS"), self.mailbox(), self.status_items())
        return self.append()

    # Commands ---------------------------------------------------------------------------------------------------

    def by_set(self, verbs) -> bytes:
        """One of the commands that work on messages, by number or by UID."""
        by_uid = self.yes()
        verb = self.one_of(verbs)
        if isinstance(verb, bytes):
            command = b"%s %s %s" % (self.word(verb), self.number_set(by_uid), self.mailbox())
        else:
            command = verb(by_uid)
        return (self.word(b"UID") + b" " if by_uid else b"") + command

    def command(self) -> bytes:
        """One that leaves the mailbox selected, and all its messages in it."""
        kind = self.below(8)
        if kind < 5:
            return self.by_set((self.fetch, self.fetch, self.store, self.search, self.search, self.sort, b"COPY"))
        return self.one_of((self.list_mailboxes, self.about_mailbox, self.other))()

    def replace(self, by_uid: bool) -> bytes:
        number = self.one_of((b"1", b"*", *((b"77",) if by_uid else ())))
        return b"%s %s %s%s" % (self.word(b"REPLACE"), number, self.mailbox(), self._message())

    def last_command(self) -> bytes:
        """One after which numbers, or the mailbox, are others."""
        kind = self.below(5)
        if kind == 0:
            return self.by_set((b"MOVE", self.replace))
        if kind == 1:
            return self.word(b"UID") + b" " + self.word(b"EXPUNGE") + b" " + self.number_set(True)
        if kind == 2:
            return self.select()
        return self.word(self.one_of((b"EXPUNGE", b"CLOSE", b"UNSELECT", b"LOGOUT")))

    def tag(self) -> bytes:
        return self._draw(st.text(TAG, min_size=1, max_size=9)).encode()


@st.composite
def sessions(draw: Draw) -> tuple[list[bytes], list[bytes]]:
    """What a client says that is logged in and has a mailbox of LETTERS messages selected: (tags, command lines)."""
    utf8, qresync, rev2 = (draw(st.booleans()) for _ in range(3))
    maker = Maker(draw, utf8, qresync, rev2)
    enabled = [b"UTF8=ACCEPT"] * utf8 + [b"QRESYNC"] * qresync + [b"IMAP4rev2"] * rev2
    commands = [*(b"ENABLE " + name for name in enabled), b"SELECT INBOX"]
    commands += [maker.command() for _ in range(draw(st.integers(1, 8)))]
    commands.append(maker.last_command())
    tags = [maker.tag() for _ in commands]
    return tags, [tag + b" " + command + b"\r\n" for tag, command in zip(tags, commands, strict=True)]


@st.composite
def logins(draw: Draw) -> tuple[list[bytes], list[bytes]]:
    """What a client says before it is logged in, and how it logs in."""
    maker = Maker(draw)
    login = b"%s %s %s" % (maker.word(b"LOGIN"), maker.astring(b"anna"), maker.string(b"tin whistle"))
    authenticate = maker.word(b"AUTHENTICATE") + b" " + maker.word(b"PLAIN")
    login = maker.one_of(
        (login, authenticate + b" AGFubmEAdGluIHdoaXN0bGU=", authenticate + b"\r\nAGFubmEAdGluIHdoaXN0bGU=")
    )
    names = maker.string(b"n"), maker.one_of((b"NIL", b'"v"'))
    identify = maker.word(b"ID") + b" " + maker.one_of((b"NIL", b"()", b"(%s %s)" % names))
    any_time = (maker.word(b"CAPABILITY"), maker.word(b"NOOP"), identify if b"{" not in identify else b"ID NIL")
    commands = [*maker.some_of(any_time), login, *maker.some_of(any_time), maker.word(b"LOGOUT")]
    tags = [maker.tag() for _ in commands]
    return tags, [tag + b" " + command + b"\r\n" for tag, command in zip(tags, commands, strict=True)]
