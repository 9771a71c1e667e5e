"""What the store should hold, the plain way: the laboratory's word on every operation, apart from the store's own."""

import copy
import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.crash.observation import NONEXISTENT
from tests.crash.observation import Box as Seen

SUBSCRIBED = 1
DAY = 86400
# Octets of heap for names without a mailbox.
NAMES_OF_USER = 2048
NAMES_OF_ALL = 4096
# Special uses and days of a new user's mailboxes (RFC 6154).
DAYS = {8: 30, 16: 30}
NEW_USER = {"INBOX": (0, 0), "Drafts": (2, 0), "Sent": (4, 0), "Junk": (8, 30), "Trash": (16, 30), "Archive": (32, 0)}


class Entry(NamedTuple):
    size: int
    digest: str
    flags: frozenset[str]
    date: int
    # When it came into this mailbox.
    saved: int


@dataclass
class Box:
    attributes: int
    days: int = 0
    count: int = 0
    # Known when it is first seen.
    uidvalidity: int = 0
    uidnext: int = 1
    entries: dict[int, Entry] = field(default_factory=dict)


def octets_of_name(key: tuple[str, str]) -> int:
    """What a name without a mailbox takes of the heap, with its user, a 0, and the object that it is."""
    return 24 + len("\0".join(key).encode())


def entry_of(octets: bytes, flags, date: int, now: int) -> Entry:
    return Entry(len(octets), hashlib.sha256(octets).hexdigest()[:16], frozenset(flags), date, now)


class Model:
    def __init__(self) -> None:
        self.boxes: dict[tuple[str, str], Box] = {}
        # Subscribed, and no mailbox has the name; the oldest first.
        self.names: list[tuple[str, str]] = []
        self.now = 0
        self.highest_validity = 0

    def copy(self) -> "Model":
        return copy.deepcopy(self)

    def new_user(self, user: str) -> None:
        for name, (use, days) in NEW_USER.items():
            self.boxes[user, name] = Box(SUBSCRIBED | use, days)

    def create(self, user: str, name: str, use: int = 0) -> None:
        levels = name.split("/")
        for depth in range(1, len(levels)):
            self.boxes.setdefault((user, "/".join(levels[:depth])), Box(SUBSCRIBED))
        self.boxes.setdefault((user, name), Box(SUBSCRIBED | use, DAYS.get(use, 0)))
        self._look_at_names()

    def rename(self, user: str, old: str, new: str) -> None:
        if "/" in new:
            self.create(user, new.rpartition("/")[0])
        family = sorted(key for key in self.boxes if key[0] == user and (key[1] + "/").startswith(old + "/"))
        # Itself last.
        for key in family[1:] + family[:1]:
            self._leave(key)
            self.boxes[user, new + key[1][len(old) :]] = self.boxes.pop(key)
        self._look_at_names()

    def delete(self, user: str, name: str) -> None:
        self._leave((user, name))
        del self.boxes[user, name]
        self._look_at_names()

    def remove_user(self, user: str) -> None:
        self.boxes = {key: box for key, box in self.boxes.items() if key[0] != user}
        self.names = [key for key in self.names if key[0] != user]

    def _leave(self, key: tuple[str, str]) -> None:
        """A subscription outlives its mailbox (RFC 3501 6.3.9)."""
        if self.boxes[key].attributes & SUBSCRIBED:
            self.names.append(key)

    def _look_at_names(self) -> None:
        """Those that a mailbox has are none; beyond the limits the oldest are forgotten."""
        self.names = [key for key in self.names if key not in self.boxes]
        for user in {user for user, _ in self.names}:
            while sum(octets_of_name(key) for key in self.names if key[0] == user) > NAMES_OF_USER:
                self.names.remove(next(key for key in self.names if key[0] == user))
        while sum(map(octets_of_name, self.names)) > NAMES_OF_ALL:
            del self.names[0]

    def subscribe(self, user: str, name: str, wanted: bool) -> None:
        if (user, name) not in self.names:
            box = self.boxes[user, name]
            box.attributes = box.attributes & ~SUBSCRIBED | wanted
        elif not wanted:
            self.names.remove((user, name))

    def add(self, key, entry: Entry) -> int:
        box = self.boxes[key]
        uid = box.uidnext
        box.uidnext += 1
        box.entries[uid] = entry
        return uid

    def transfer(self, source, target, uids, move: bool) -> list[int]:
        new = []
        for uid in sorted(uid for uid in uids if uid in self.boxes[source].entries):
            new.append(self.add(target, self.boxes[source].entries[uid]._replace(saved=self.now)))
            if move:
                del self.boxes[source].entries[uid]
        return new

    def change(self, key, uids, add, remove) -> None:
        entries = self.boxes[key].entries
        for uid in uids:
            if uid in entries:
                entries[uid] = entries[uid]._replace(flags=(entries[uid].flags - frozenset(remove)) | frozenset(add))

    def expunge(self, key, uids) -> None:
        for uid in uids:
            self.boxes[key].entries.pop(uid, None)

    def expire(self) -> None:
        """Nothing goes by age while the clock is unset, nor a letter that came while it was."""
        for box in self.boxes.values():
            if box.days and self.now:
                limit = self.now - box.days * DAY
                box.entries = {uid: each for uid, each in box.entries.items() if not each.saved or each.saved > limit}
            if box.count:
                box.entries = {uid: box.entries[uid] for uid in sorted(box.entries)[-box.count :]}

    def check(self, seen: dict[tuple[str, str], Seen]) -> None:
        """Compares what the store shows; a mailbox's UIDVALIDITY is taken over when it is first seen."""
        there = {key for key, box in seen.items() if box != NONEXISTENT}
        assert there == self.boxes.keys(), (sorted(there ^ self.boxes.keys()), "mailboxes")
        names = seen.keys() - there
        assert names == set(self.names), (sorted(names ^ set(self.names)), "subscribed names")
        fresh = []
        for key, box in self.boxes.items():
            _, validity, attributes, days, count = seen[key].fixed
            if not box.uidvalidity:
                fresh.append(validity)
                box.uidvalidity = validity
            assert validity == box.uidvalidity, (key, "UIDVALIDITY")
            assert (attributes, days, count) == (box.attributes, box.days, box.count), (key, seen[key].fixed, box)
            assert seen[key].uidnext == box.uidnext, (key, seen[key].uidnext, box.uidnext)
            rows = [(e.uid, e.size, e.digest, frozenset(e.flags), e.date) for e in seen[key].entries]
            wanted = [(uid, e.size, e.digest, e.flags, e.date) for uid, e in sorted(box.entries.items())]
            assert rows == wanted, (key, rows, wanted)
        assert all(validity > self.highest_validity for validity in fresh), "UIDVALIDITY given twice"
        assert len(set(fresh)) == len(fresh), "UIDVALIDITY given twice"
        self.highest_validity = max([self.highest_validity, *fresh])
