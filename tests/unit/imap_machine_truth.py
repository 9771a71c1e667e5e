"""What a mailbox must hold, from the commands that were given to it; and those commands, as a model sees them.

Nothing here uses the code of IMAP sessions. The mailbox of the store is only asked when it says that it has changed,
and then its answer must be what the command under way is for.
"""

import re

from postino.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

_SYSTEM = (
    (SEEN, "\\Seen"),
    (ANSWERED, "\\Answered"),
    (FLAGGED, "\\Flagged"),
    (DELETED, "\\Deleted"),
    (DRAFT, "\\Draft"),
)
_FIRST_KEYWORD = 8


class Truth:
    """The letters of one open mailbox, their flags and modification sequences. It is a listener of the store."""

    def __init__(self, box) -> None:
        self.box = box
        self.uids: list[int] = []
        self.flags: dict[int, frozenset[str]] = {}
        self.modseqs: dict[int, int] = {}
        # Expunged: UID and the modification sequence of that.
        self.gone: dict[int, int] = {}
        self.uidnext = box.uidnext
        self.highest = box.highest_modseq
        # The command that is being carried out at this moment.
        self.command: Command = Nothing()
        # What went wrong inside a session's slice, where an exception might be caught.
        self.failures: list[AssertionError] = []
        box.listeners.append(self)

    def _noting(self, check, *arguments) -> None:
        try:
            check(*arguments)
        except AssertionError as failure:
            self.failures.append(failure)

    def on_added(self, box) -> None:
        self._noting(self._added)

    def on_expunged(self, uid: int) -> None:
        self._noting(self._expunged, uid)

    def on_flags(self, uid: int) -> None:
        self._noting(self._flags, uid)

    def on_lost(self) -> None:
        self._noting(self._lost)

    def _lost(self) -> None:
        raise AssertionError("the mailbox was lost")

    def _raise(self, modseq: int) -> None:
        assert modseq >= self.highest and self.box.highest_modseq >= modseq
        self.highest = self.box.highest_modseq

    def _added(self) -> None:
        first, self.uidnext = self.uidnext, self.box.uidnext
        new = [self.box.uid(row) for row in range(len(self.box)) if self.box.uid(row) >= first]
        assert new == list(range(first, self.uidnext))
        for uid, expected in zip(new, self.command.flags_of_new(self, len(new)), strict=True):
            row = self.box.index_of(uid)
            assert self._told(row) == expected, (self.command, uid)
            self.uids.append(uid)
            self.flags[uid] = expected
            modseq = self.box.modseq(row)
            assert modseq > max(self.modseqs.values(), default=0) or modseq == self.highest
            self.modseqs[uid] = modseq
            self._raise(modseq)

    def _expunged(self, uid: int) -> None:
        assert self.command.expunges(self, uid), (self.command, uid)
        self.uids.remove(uid)
        self.gone[uid] = self.box.highest_modseq
        assert self.gone[uid] > self.modseqs.pop(uid)
        self._raise(self.gone[uid])
        del self.flags[uid]

    def _flags(self, uid: int) -> None:
        before = self.flags[uid]
        expected = self.command.flags_after(self, uid, before)
        row = self.box.index_of(uid)
        assert expected is not None and expected != before, (self.command, uid)
        assert self._told(row) == expected, (self.command, uid)
        modseq = self.box.modseq(row)
        assert modseq > self.modseqs[uid]
        self.flags[uid] = expected
        self.modseqs[uid] = modseq
        self._raise(modseq)
        self.command.applied(self, uid)

    def _told(self, row: int) -> frozenset[str]:
        mask = self.box.flags(row)
        names = [name for bit, name in _SYSTEM if mask & bit]
        return frozenset(names + [word for k, word in enumerate(self.box.keywords) if mask >> _FIRST_KEYWORD + k & 1])


class Command:
    """What one command does to the mailbox, and what its client may hear meanwhile."""

    # EXPUNGE and VANISHED may come (RFC 3501 7.4.1).
    may_expunge = True
    # MODSEQ may come though the client has not enabled it: it asks for it.
    enables = False

    def __init__(self, text: str = "", targets: tuple[int, ...] = (), by_number: bool = False) -> None:
        self.text = text
        self.targets = targets
        self.by_number = by_number
        # Targets that were gone when the command was given.
        self.dead: set[int] = set()
        # UIDs that FETCH responses were about.
        self.heard: set[int] = set()

    def __repr__(self) -> str:
        return f"{self.text} {self.targets}"

    def begin(self, truth: Truth) -> None:
        self.dead = {uid for uid in self.targets if uid not in truth.flags}

    def after_slice(self, truth: Truth) -> None:
        """The session has had a turn."""

    def flags_of_new(self, truth: Truth, count: int) -> list[frozenset[str]]:
        raise AssertionError("this command adds nothing")

    def expunges(self, truth: Truth, uid: int) -> bool:
        return False

    def flags_after(self, truth: Truth, uid: int, flags: frozenset[str]) -> frozenset[str] | None:
        return None

    def applied(self, truth: Truth, uid: int) -> None:
        """flags_after() has become true."""

    def finish(self, truth: Truth, status: str, code: str) -> None:
        assert status == "OK", (self, status, code)

    def check_missing(self, truth: Truth, status: str, code: str) -> None:
        """By number, expunged letters are a NO (RFC 2180 4.1.2, 4.2.2, 4.4.1)."""
        if self.by_number and self.dead:
            assert (status, code) == ("NO", "EXPUNGEISSUED"), (self, status, code)
        elif not self.by_number or all(uid in truth.flags for uid in self.targets):
            assert status == "OK", (self, status, code)


class Nothing(Command):
    pass


class Deliver(Command):
    """New letters with these flags, one after the other."""

    def __init__(self, text: str = "", flags: frozenset[str] = frozenset()) -> None:
        super().__init__(text)
        self._flags = flags

    def flags_of_new(self, truth: Truth, count: int) -> list[frozenset[str]]:
        return [self._flags] * count


class Outside(Command):
    """Somebody without a view, as POP3 is, expunges."""

    def expunges(self, truth: Truth, uid: int) -> bool:
        return uid in self.targets


class Fetch(Command):
    """FETCH; with `seen` it sets \\Seen, with `since` only changed letters are told."""

    def __init__(self, text, targets, by_number, seen=False, since=None) -> None:
        super().__init__(text, targets, by_number)
        self.may_expunge = not by_number
        self.seen = seen
        self.since = since
        self.enables = since is not None or "MODSEQ" in text
        self._due: set[int] = set()
        # They had \\Seen at some time.
        self._read: set[int] = set()

    def begin(self, truth: Truth) -> None:
        super().begin(truth)
        self._due = {uid for uid in self.targets if truth.modseqs.get(uid, 0) > (self.since or 0)}
        self.after_slice(truth)

    def after_slice(self, truth: Truth) -> None:
        self._read |= {uid for uid in self.targets if "\\Seen" in truth.flags.get(uid, ())}

    def flags_after(self, truth, uid, flags):
        return flags | {"\\Seen"} if self.seen and uid in self.targets else None

    def finish(self, truth, status, code) -> None:
        self.check_missing(truth, status, code)
        assert all(uid in self.heard or uid not in truth.flags for uid in self._due), self
        assert not self.seen or all(uid in self._read or uid not in truth.flags for uid in self.targets), self


class Store(Command):
    """STORE; `limit` is that of UNCHANGEDSINCE."""

    def __init__(self, text, targets, by_number, sign, flags, silent, limit, client) -> None:
        super().__init__(text, targets, by_number)
        self._client = client
        self.may_expunge = not by_number
        self._sign = sign
        self._flags = frozenset(flags)
        self.silent = silent
        self._limit = limit
        self.enables = limit is not None
        # It has come true for these at some time, by a change or because it was true already.
        self.done: set[int] = set()
        self.changed: set[int] = set()
        self._refusable: set[int] = set()
        # Numbers of the targets as the client had them.
        self.numbers: dict[int, int] = {}

    def change(self, flags: frozenset[str]) -> frozenset[str]:
        if self._sign == "+":
            return flags | self._flags
        return flags - self._flags if self._sign == "-" else self._flags

    def begin(self, truth: Truth) -> None:
        super().begin(truth)
        self.after_slice(truth)

    def after_slice(self, truth: Truth) -> None:
        for uid in self.targets:
            if uid in truth.flags and self.change(truth.flags[uid]) == truth.flags[uid]:
                self.done.add(uid)
            if self._limit is not None and truth.modseqs.get(uid, 0) > self._limit:
                self._refusable.add(uid)

    def flags_after(self, truth, uid, flags):
        if uid not in self.targets or uid in self.changed:
            return None
        if self._limit is not None and truth.modseqs[uid] > self._limit:
            return None
        return self.change(flags)

    def applied(self, truth: Truth, uid: int) -> None:
        self.done.add(uid)
        self.changed.add(uid)
        if self.silent:
            self._client.silently(self, uid)

    def finish(self, truth, status, code) -> None:
        refused = self._refused(code)
        assert refused <= self._refusable, (self, code)
        for uid in self.targets:
            assert uid in refused or uid in self.done or uid not in truth.flags, (self, uid, code)
            assert not (uid in refused and uid in self.changed), (self, uid, code)
            if self.silent and uid not in refused and uid not in self.changed:
                self._client.silently(self, uid)
        if not refused and not (self.silent and status == "OK"):
            self.check_missing(truth, status, code)

    def _refused(self, code: str) -> set[int]:
        if not code.startswith("MODIFIED "):
            return set()
        numbers = numbers_of(code.split()[1])
        if not self.by_number:
            return numbers
        found = {uid for uid, number in self.numbers.items() if number in numbers}
        assert len(found) == len(numbers), (self, code)
        return found


class Expunge(Command):
    """EXPUNGE, UID EXPUNGE (`targets`) and CLOSE; of the letters that were announced, `known`."""

    def __init__(self, text, targets, known) -> None:
        super().__init__(text, targets)
        self._all = text in ("EXPUNGE", "CLOSE")
        self._known = set(known)
        self.may_expunge = text != "CLOSE"
        self._due: set[int] = set()

    def begin(self, truth: Truth) -> None:
        super().begin(truth)
        chosen = self._known if self._all else self._known & set(self.targets)
        self._due = {uid for uid in chosen if "\\Deleted" in truth.flags.get(uid, ())}

    def after_slice(self, truth: Truth) -> None:
        # What is undeleted meanwhile need not go.
        self._due = {uid for uid in self._due if "\\Deleted" in truth.flags.get(uid, ())}

    def expunges(self, truth: Truth, uid: int) -> bool:
        # Letters that are announced as the command begins may go too.
        return "\\Deleted" in truth.flags[uid] and (self._all or uid in self.targets)

    def finish(self, truth, status, code) -> None:
        super().finish(truth, status, code)
        # Also what was undeleted before this slice.
        self.after_slice(truth)
        assert not self._due & set(truth.flags), self


class Transfer(Command):
    """COPY and MOVE, into the mailbox itself or another."""

    def __init__(self, text, targets, by_number, move, itself) -> None:
        super().__init__(text, tuple(sorted(targets)), by_number)
        self._move = move
        self._itself = itself
        self._copied: list[int] = []
        self._moved: set[int] = set()

    def flags_of_new(self, truth, count):
        assert self._itself
        left = [uid for uid in self.targets if uid in truth.flags and uid not in self._copied]
        self._copied += left[:count]
        return [truth.flags[uid] for uid in left[:count]]

    def expunges(self, truth, uid) -> bool:
        assert self._move and (not self._itself or uid in self._copied)
        self._moved.add(uid)
        return uid in self.targets

    def finish(self, truth, status, code) -> None:
        self.check_missing(truth, status, code)
        if status == "OK":
            left = {uid for uid in self.targets if uid in truth.flags}
            assert not left if self._move else not self._itself or left <= set(self._copied), self
        else:
            assert not self._copied and not self._moved


class Select(Command):
    """SELECT and EXAMINE: the flags that the client remembers, and since when if it must ask for changes."""

    def __init__(self, text, read_only, flags, behind) -> None:
        super().__init__(text)
        self.read_only = read_only
        self.flags = flags
        self.behind = behind
        self.enables = bool(re.search("CONDSTORE|QRESYNC", text))


class Leave(Command):
    """UNSELECT."""


class Search(Command):
    """SEARCH by number: nothing may be expunged before the client."""

    may_expunge = False


def numbers_of(text: str) -> set[int]:
    """The numbers of a sequence set without `*`."""
    result: set[int] = set()
    for part in text.split(","):
        assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", part), text
        low, _, high = part.partition(":")
        result |= set(range(int(low), int(high or low) + 1))
    return result
