"""The selected mailbox as a client knows it: what may be told of it next (RFC 3501 2.3.1, 7.3, 7.4.1, RFC 7162)."""

from typing import Any

from tests.support.imap_grammar.reader import GrammarError

# What every SELECT tells (RFC 3501 6.3.1).
_TOLD_BY_SELECT = (b"FLAGS", b"EXISTS", b"UIDVALIDITY", b"UIDNEXT", b"PERMANENTFLAGS")


class Mailbox:
    """Numbers, UIDs where they were told, and what never falls. Methods raise GrammarError."""

    def __init__(self, name: bytes = b"") -> None:
        self.name = name
        # What was told of it.
        self.told: set[bytes] = set()
        self.exists = 0
        # UIDs by number, None where they were not told, and the highest number whose UID was.
        self.uids: list[int | None] = []
        self._top = 0
        self.flags: set[bytes] = set()
        self.uidnext = 0
        self.uidvalidity = 0
        self.highest_modseq = 0
        self.modseqs: dict[int, int] = {}

    def check_selected(self, rev2: bool, condstore: bool) -> None:
        """SELECT has succeeded: it has told what it must."""
        missing = [name for name in _TOLD_BY_SELECT if name not in self.told]
        if not rev2 and b"RECENT" not in self.told:
            missing.append(b"RECENT")
        # RFC 9051 6.3.2.
        if rev2 and b"LIST" not in self.told:
            missing.append(b"LIST")
        # RFC 7162 3.1.2.
        if condstore and not self.told & {b"HIGHESTMODSEQ", b"NOMODSEQ"}:
            missing.append(b"HIGHESTMODSEQ")
        if missing:
            raise GrammarError(f"SELECT without {b', '.join(missing).decode()}")

    # Numbers ----------------------------------------------------------------------------------------------------

    def set_exists(self, count: int) -> None:
        if count < self.exists:
            raise GrammarError(f"EXISTS falls from {self.exists} to {count} without EXPUNGE")
        self.told.add(b"EXISTS")
        self.exists = count
        self.uids += [None] * (count - len(self.uids))

    def check_number(self, number: int) -> None:
        if not 1 <= number <= self.exists:
            raise GrammarError(f"message {number} of {self.exists}")

    def expunge(self, number: int) -> None:
        self.check_number(number)
        self.exists -= 1
        del self.uids[number - 1]
        if number <= self._top:
            self._top -= 1

    def vanish(self, pairs: list[tuple[int, int]]) -> None:
        """Each of these UIDs is one letter less (RFC 7162 3.2.10.2)."""
        gone = {uid for low, high in pairs for uid in range(low, high + 1)}
        if len(gone) > self.exists:
            raise GrammarError(f"VANISHED of {len(gone)} UIDs, of {self.exists} messages")
        unknown = gone - set(self.uids)
        if unknown and None not in self.uids:
            raise GrammarError(f"VANISHED of UIDs that are not there: {sorted(unknown)}")
        self.exists -= len(gone)
        # Of the others it is not known which number they had.
        self.uids = [None] * self.exists if unknown else [uid for uid in self.uids if uid not in gone]
        self._top = 0 if unknown else self.exists

    def vanished_earlier(self, pairs: list[tuple[int, int]]) -> None:
        """UIDs that are not there any more: none of those that are (RFC 7162 3.2.10.1)."""
        for uid in self.uids:
            if uid is not None and any(low <= uid <= high for low, high in pairs):
                raise GrammarError(f"VANISHED (EARLIER) of UID {uid}, which is there")

    def set_uid(self, number: int, uid: int) -> None:
        """UIDs do not change, and ascend with the numbers (RFC 3501 2.3.1.1)."""
        known = self.uids[number - 1]
        if known == uid:
            return
        if known is not None:
            raise GrammarError(f"the UID of message {number} was {known} and is {uid}")
        below = number - 2
        while below >= 0 and self.uids[below] is None:
            below -= 1
        if below >= 0 and (self.uids[below] or 0) >= uid:
            raise GrammarError(f"UID {uid} of message {number} is not above {self.uids[below]} of {below + 1}")
        above = number
        while above < self._top and self.uids[above] is None:
            above += 1
        if above < self._top and (self.uids[above] or 0) <= uid:
            raise GrammarError(f"UID {uid} of message {number} is not below {self.uids[above]} of {above + 1}")
        self.uids[number - 1] = uid
        self._top = max(self._top, number)

    # What is told of messages -----------------------------------------------------------------------------------

    def fetched(self, number: int, items: dict[bytes, Any]) -> None:
        self.check_number(number)
        if b"UID" in items:
            self.set_uid(number, items[b"UID"])
        for flag in items.get(b"FLAGS", ()):
            # RFC 3501 7.2.6: FLAGS lists those that are applicable.
            if flag.lower() not in self.flags and flag.lower() != b"\\recent":
                raise GrammarError(f"the flag {flag.decode()} was not announced by FLAGS")
        uid = self.uids[number - 1]
        if b"MODSEQ" in items and uid is not None:
            # RFC 7162 3.1: strictly rising with each change.
            if items[b"MODSEQ"] < self.modseqs.get(uid, 0):
                raise GrammarError(f"MODSEQ of UID {uid} falls")
            self.modseqs[uid] = items[b"MODSEQ"]

    def set_number(self, name: bytes, value: int) -> None:
        """UIDVALIDITY stays, UIDNEXT and HIGHESTMODSEQ never fall (RFC 3501 2.3.1.1, RFC 7162 3.1.2.1)."""
        self.told.add(name)
        if name == b"UIDVALIDITY":
            if self.uidvalidity not in (0, value):
                raise GrammarError(f"UIDVALIDITY was {self.uidvalidity} and is {value}")
            self.uidvalidity = value
        elif name == b"UIDNEXT":
            if value < self.uidnext:
                raise GrammarError(f"UIDNEXT falls from {self.uidnext} to {value}")
            if any(uid is not None and uid >= value for uid in self.uids):
                raise GrammarError(f"UIDNEXT {value} is not above the UIDs")
            self.uidnext = value
        else:
            if value < self.highest_modseq:
                raise GrammarError(f"HIGHESTMODSEQ falls from {self.highest_modseq} to {value}")
            self.highest_modseq = value
