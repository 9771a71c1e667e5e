"""The store in plain Python: what the state machine holds against the real one (tests/device/store_driver.py).

An operation on the model either happens and returns what the store has to answer, or raises Refused and changes
nothing. What only the store can know (mailbox ids, UIDVALIDITYs, modification sequences, slots) is 0, or minus the
number of the operation, until it is first seen; from then on it must stay.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tests.device.store_driver import octets_of

INBOX = "INBOX"
SUBSCRIBED = 1
# Special uses, and what they are kept for, in days.
NEW_USER = {"INBOX": (0, 0), "Drafts": (2, 0), "Sent": (4, 0), "Junk": (8, 30), "Trash": (16, 30), "Archive": (32, 0)}
SEEN = "1"
DELETED = "8"
MAX_KEYWORDS = 32
MAX_HISTORY = 64
# Letters that leave INBOX in one transaction when it is renamed.
MOVE_BATCH = 125
BLOCK = 4096
DAY = 86400
# More than any trailer here, with what littlefs keeps in each block.
LARGEST_TRAILER = 600


class Refused(Exception):
    """The operation is an error; the arguments are the exceptions of the store that may say so."""


class Letter(NamedTuple):
    """What is on flash once."""

    number: int
    size: int
    digest: str
    date: int


class Entry(NamedTuple):
    """A letter in a mailbox."""

    letter: Letter
    flags: frozenset[str]
    modseq: int
    saved: int


@dataclass
class Box:
    """A mailbox. `serial` is its identity here, which a rename does not change."""

    serial: int
    attributes: int
    days: int = 0
    count: int = 0
    number: int = 0
    uidvalidity: int = 0
    uidnext: int = 1
    recent: int = 1
    # After a power cut letters may be recent once more.
    recent_may_be_less: bool = False
    modseq: int = 0
    # Something happened that may raise the modification sequence, and need not.
    modseq_may_rise: bool = True
    entries: dict[int, Entry] = field(default_factory=dict)
    # Expunged UIDs with the modification sequence of that.
    expunged: dict[int, int] = field(default_factory=dict)
    floor: int = 0
    keywords: list[str] = field(default_factory=list)

    def copy(self) -> "Box":
        return replace(self, entries=dict(self.entries), expunged=dict(self.expunged), keywords=list(self.keywords))

    def keyword(self, name: str) -> bool:
        """Whether the mailbox has the keyword, or can take it."""
        if name not in self.keywords and len(self.keywords) < MAX_KEYWORDS:
            self.keywords.append(name)
        return name in self.keywords


@dataclass
class Session:
    """A mailbox that is open, and the UIDs whose flags must have been told since they were last asked for."""

    serial: int
    lost: bool = False
    heard: list[int] = field(default_factory=list)


def letter_of(number: int, size: int, date: int) -> Letter:
    octets = octets_of(number, size)
    return Letter(number, size, hashlib.sha256(octets).hexdigest()[:16], date)


def canonical(name: str) -> str:
    head, rest = name[:5], name[5:]
    return INBOX + rest if head.upper() == INBOX and (not rest or rest[0] == "/") else name


class Model:
    def __init__(self) -> None:
        self.users: set[str] = set()
        self.boxes: dict[tuple[str, str], Box] = {}
        # Subscribed, and no mailbox has the name.
        self.names: set[tuple[str, str]] = set()
        self.sessions: dict[int, Session] = {}
        self.operation = 0
        self.serial = 0
        self.now = 0
        # The highest that were ever seen.
        self.number = 0
        self.uidvalidity = 0
        self.modseq = 0
        # Operations that may be one transaction with the next.
        self.several: set[int] = set()
        # Letters that were deleted with their mailbox may still have files.
        self.dying = False

    def copy(self) -> "Model":
        other = Model()
        other.__dict__.update(self.__dict__)
        other.users = set(self.users)
        other.names = set(self.names)
        other.several = set(self.several)
        other.boxes = {key: box.copy() for key, box in self.boxes.items()}
        other.sessions = {
            number: Session(session.serial, session.lost, list(session.heard))
            for number, session in self.sessions.items()
        }
        return other

    def _tick(self) -> int:
        """The modification sequence of what happens now."""
        self.operation += 1
        return -self.operation

    def _listening(self, box: Box) -> list[tuple[int, Session]]:
        return [each for each in self.sessions.items() if each[1].serial == box.serial]

    def find(self, user: str, name: str) -> Box:
        box = self.boxes.get((user, canonical(name)))
        if box is None:
            raise Refused("NoSuchMailbox")
        return box

    def most_references(self) -> int:
        """How often the letter that is in most mailboxes, or most often in one, is there."""
        letters = Counter(entry.letter for box in self.boxes.values() for entry in box.entries.values())
        return max(letters.values(), default=0)

    # Letters in.

    def deliver(self, users: list[str], letter: Letter) -> None:
        boxes = [self.find(user, INBOX) for user in dict.fromkeys(users)]
        modseq = self._tick()
        for box in boxes:
            self._add(box, letter, frozenset(), modseq)

    def append(self, user: str, name: str, letter: Letter, flags: frozenset[str], keywords: list[str]) -> list[int]:
        box = self.find(user, name)
        self._take_keywords(box, keywords)
        return [box.uidvalidity, self._add(box, letter, flags | frozenset(keywords), self._tick())]

    def _add(self, box: Box, letter: Letter, flags: frozenset[str], modseq: int) -> int:
        uid = box.uidnext
        box.uidnext += 1
        box.entries[uid] = Entry(letter, flags, modseq, self.now)
        box.modseq = modseq
        return uid

    def _take_keywords(self, box: Box, keywords: list[str]) -> None:
        missing = [name for name in keywords if name not in box.keywords]
        if missing and len(box.keywords) + len(missing) > MAX_KEYWORDS:
            raise Refused("NoKeyword")
        for name in keywords:
            box.keyword(name)
            box.modseq_may_rise = True

    # Letters in a mailbox.

    def change(self, key, uids: list[int], add: frozenset, remove: frozenset | None, keywords: list, session) -> None:
        """Flags are (flags - remove) | add; `remove` is None for all."""
        box = self.find(*key)
        self._take_keywords(box, keywords)
        modseq = self._tick()
        for uid in sorted(set(uids) & set(box.entries)):
            entry = box.entries[uid]
            flags = add if remove is None else (entry.flags - remove) | add
            if flags != entry.flags:
                box.entries[uid] = entry._replace(flags=flags, modseq=modseq)
                box.modseq = modseq
            for number, other in self._listening(box):
                if flags != entry.flags or number == session:
                    other.heard.append(uid)

    def expunge(self, key, uids: list[int]) -> None:
        box = self.find(*key)
        self._take_out(box, uids, self._tick())

    def _take_out(self, box: Box, uids: list[int], modseq: int) -> None:
        for uid in sorted(set(uids) & set(box.entries)):
            del box.entries[uid]
            box.expunged[uid] = modseq
            box.modseq = modseq

    def transfer(self, key, uids: list[int], name: str, move: bool) -> list:
        source = self.find(*key)
        target = self.find(key[0], name)
        uids = sorted(set(uids) & set(source.entries))
        modseq = self._tick()
        used = {name for uid in uids for name in source.entries[uid].flags}
        for keyword in [keyword for keyword in source.keywords if keyword in used]:
            target.keyword(keyword)
        new = []
        for uid in uids:
            entry = source.entries[uid]
            flags = frozenset(name for name in entry.flags if name.isdigit() or name in target.keywords)
            new.append(self._add(target, entry.letter, flags, modseq))
        if move:
            self._take_out(source, uids, modseq)
        return [target.uidvalidity, new]

    # Sessions.

    def open(self, number: int, user: str, name: str) -> None:
        self.sessions[number] = Session(self.find(user, name).serial)

    def close(self, number: int) -> None:
        del self.sessions[number]

    def box_of(self, number: int) -> Box | None:
        """The mailbox of a session, None if it is gone."""
        session = self.sessions[number]
        found = [box for box in self.boxes.values() if box.serial == session.serial]
        return None if session.lost or not found else found[0]

    def claim(self, number: int) -> int:
        box = self.box_of(number)
        assert box is not None
        recent = box.recent
        box.recent = box.uidnext
        return recent

    # Mailboxes.

    def _new(self, user: str, name: str, attributes: int, days: int = 0) -> Box:
        self.serial += 1
        self.names.discard((user, name))
        box = self.boxes[user, name] = Box(self.serial, attributes, days)
        return box

    def ensure_user(self, user: str) -> None:
        for name, (use, days) in NEW_USER.items() if (user, INBOX) not in self.boxes else ():
            if (user, name) not in self.boxes:
                self._new(user, name, SUBSCRIBED | use, days)
        self.users.add(user)

    def remove_user(self, user: str) -> None:
        for key in [key for key in self.boxes if key[0] == user]:
            self._drop(key)
        self.names = {key for key in self.names if key[0] != user}
        self.users.discard(user)

    def _drop(self, key: tuple[str, str]) -> None:
        box = self.boxes.pop(key)
        for _, session in self._listening(box):
            session.lost = True
        if box.entries:
            self.dying = True

    def create(self, user: str, name: str) -> None:
        name = canonical(name)
        if (user, name) in self.boxes:
            raise Refused("MailboxExists")
        self._check_name(name)
        self._make_parents(user, name + "/")

    def _check_name(self, name: str) -> None:
        if not all(name.split("/")) or any(ord(each) < 32 or ord(each) == 127 for each in name):
            raise Refused("InvalidName")
        if len(name.encode()) > 200:
            raise Refused("InvalidName")

    def _make_parents(self, user: str, name: str) -> None:
        for end in [at for at, each in enumerate(name) if each == "/"]:
            if (user, name[:end]) not in self.boxes:
                self._new(user, name[:end], SUBSCRIBED)

    def delete(self, user: str, name: str) -> None:
        self.find(user, name)
        name = canonical(name)
        if name == INBOX:
            raise Refused("InvalidName")
        if any(key[0] == user and key[1].startswith(name + "/") for key in self.boxes):
            raise Refused("HasChildren")
        self._leave((user, name))
        self._drop((user, name))

    def _leave(self, key: tuple[str, str]) -> None:
        if self.boxes[key].attributes & SUBSCRIBED:
            self.names.add(key)

    def check_rename(self, user: str, old: str, new: str) -> None:
        self.find(user, old)
        old, new = canonical(old), canonical(new)
        self._check_name(new)
        if (user, new) in self.boxes:
            raise Refused("MailboxExists")
        if new.startswith(old + "/"):
            raise Refused("InvalidName")

    def rename(self, user: str, old: str, new: str) -> None:
        self.check_rename(user, old, new)
        old, new = canonical(old), canonical(new)
        self._make_parents(user, new)
        for key in [key for key in self.boxes if key[0] == user and (key[1] + "/").startswith(old + "/")]:
            self._leave(key)
            box = self.boxes.pop(key)
            box.modseq_may_rise = True
            self.boxes[user, new + key[1][len(old) :]] = box
        self.names -= self.boxes.keys()

    def empty_inbox(self, user: str, new: str) -> None:
        """INBOX cannot be renamed: its letters go, so many at a time."""
        self.transfer((user, INBOX), sorted(self.boxes[user, INBOX].entries)[:MOVE_BATCH], canonical(new), True)

    def subscribe(self, user: str, name: str, wanted: bool) -> None:
        key = (user, canonical(name))
        if key in self.names:
            if not wanted:
                self.names.discard(key)
            return
        box = self.find(user, name)
        box.attributes = box.attributes & ~SUBSCRIBED | wanted
        box.modseq_may_rise = True

    def set_retention(self, user: str, name: str, days: int, count: int) -> None:
        box = self.find(user, name)
        box.days, box.count = days, count
        box.modseq_may_rise = True

    # Letters that leave by themselves.

    def due(self) -> dict[tuple[str, str], list[int]]:
        """The UIDs that have to go, in the order in which they go."""
        found = {key: self._due(box) for key, box in self.boxes.items()}
        return {key: uids for key, uids in found.items() if uids}

    def _due(self, box: Box) -> list[int]:
        uids = sorted(box.entries)
        surplus = uids[: max(0, len(uids) - box.count)] if box.count else []
        before = self.now - box.days * DAY if box.days and self.now else 0
        return surplus + [uid for uid in uids[len(surplus) :] if 0 < box.entries[uid].saved < before]

    def expired(self, seen: dict) -> "Model":
        """What the model is if of the letters that are due those have gone that are not seen any more."""
        other = self.copy()
        left = {(each["user"], each["name"]): {row[0] for row in each["entries"]} for each in seen["boxes"]}
        for key, uids in self.due().items():
            for uid in uids:
                if uid in left.get(key, (uid,)):
                    break
                # In several transactions, nobody knows in how many.
                modseq = other._tick()
                other.several.add(-modseq)
                other._take_out(other.boxes[key], [uid], modseq)
        return other

    # Starts.

    def restarted(self, clean: bool) -> None:
        self.sessions.clear()
        for box in self.boxes.values():
            box.recent_may_be_less = box.recent_may_be_less or not clean

    # What is seen.

    def compare(self, seen: dict) -> "Comparison":
        return Comparison(self, seen)


class Comparison:
    """What is wrong with what was seen, and, if nothing is, what the model learns from it."""

    def __init__(self, model: Model, seen: dict) -> None:
        self.model = model
        self.seen = seen
        self.problems: list[str] = []
        # Operation -> the modification sequence that it got.
        self.modseqs: dict[int, int] = {}
        self.slots: dict[Letter, int] = {}
        found = {(each["user"], each["name"]): each for each in seen["boxes"]}
        if sorted(found) != sorted(model.boxes):
            self.problems.append(f"mailboxes {sorted(found)}, not {sorted(model.boxes)}")
            return
        self.expect("names without a mailbox", sorted(map(tuple, seen["nonexistent"])), sorted(model.names))
        for key, box in model.boxes.items():
            self._mailbox(key, box, found[key])
        self._numbers(found)
        self._order()
        self._files()
        self._room()
        self._sessions()

    def expect(self, what: Any, seen: Any, wanted: Any) -> None:
        if seen != wanted:
            self.problems.append(f"{what} is {seen!r}, not {wanted!r}")

    def holds(self, what: str, condition: bool) -> None:
        if not condition:
            self.problems.append(what)

    def _mailbox(self, key, box: Box, seen: dict) -> None:
        for name in ("attributes", "days", "count", "uidnext", "keywords"):
            value = [each.lower() for each in seen[name]] if name == "keywords" else seen[name]
            self.expect(f"{key} {name}", value, getattr(box, name))
        recent = seen["recent"]
        if not (box.recent_may_be_less and recent <= box.recent):
            self.expect(f"{key} recent", recent, box.recent)
        flags = [entry.flags for entry in box.entries.values()]
        counts = [len(box.entries), sum(uid >= recent for uid in box.entries), box.uidnext, seen["uidvalidity"]]
        counts += [sum(SEEN not in each for each in flags), sum(DELETED in each for each in flags)]
        counts.append(sum(entry.letter.size for entry in box.entries.values()))
        self.expect(f"{key} status", seen["status"], counts)
        self.expect(f"{key} status modseq", seen["status_modseq"], seen["modseq"])
        self.expect(f"{key} UIDs", [row[0] for row in seen["entries"]], sorted(box.entries))
        for uid, slot, size, flags, date, modseq, digest in seen["entries"]:
            if uid in box.entries:
                self._entry(f"{key} {uid}", box.entries[uid], slot, size, flags, date, digest)
                self._modseq(f"{key} {uid}", box.entries[uid].modseq, modseq)
                self.holds(f"{key} {uid} has {modseq}, the mailbox {seen['modseq']}", modseq <= seen["modseq"])
        self._highest(key, box, seen["modseq"])
        self._history(key, box, seen)

    def _entry(self, what: str, entry: Entry, slot: int, size: int, flags: str, date: int, digest: str) -> None:
        letter = entry.letter
        self.expect(what + " size", size, letter.size)
        self.expect(what + " flags", flags, " ".join(sorted(entry.flags)))
        self.expect(what + " date", date, letter.date)
        self.expect(what + " octets", digest or letter.digest, letter.digest)
        self.expect(what + " slot", self.slots.setdefault(letter, slot), slot)

    def _modseq(self, what: str, known: int, seen: int) -> None:
        """A known one must not change; one operation has one."""
        if known < 0:
            self.holds(f"{what} modseq {seen} is not new", seen > self.model.modseq)
            known = self.modseqs.setdefault(-known, seen)
        self.expect(what + " modseq", seen, known)

    def _highest(self, key, box: Box, seen: int) -> None:
        if not box.modseq_may_rise:
            self._modseq(f"{key} highest", box.modseq, seen)
            return
        known = self.modseqs.get(-box.modseq, 0) if box.modseq < 0 else box.modseq
        self.holds(f"{key} highest modseq is {seen}, below {known}", seen >= known)

    def _history(self, key, box: Box, seen: dict) -> None:
        found = {}
        for first, last, modseq in seen["history"]:
            found.update(dict.fromkeys(range(first, last + 1), modseq))
        floor = seen["floor"]
        self.holds(f"{key} has {len(seen['history'])} runs of history", len(seen["history"]) <= MAX_HISTORY)
        self.holds(f"{key} history floor {floor} fell from {box.floor}", floor >= box.floor)
        self.holds(f"{key} history floor {floor} above {seen['modseq']}", floor <= seen["modseq"])
        if floor > box.floor:
            self.holds(f"{key} history floor {floor} rose too early", len(seen["history"]) == MAX_HISTORY)
        for uid, modseq in found.items():
            if uid not in box.expunged:
                self.problems.append(f"{key} {uid} is in the history, and was not expunged")
            else:
                self._modseq(f"{key} expunged {uid}", box.expunged[uid], modseq)
        for uid, modseq in box.expunged.items():
            known = modseq if modseq > 0 else self.modseqs.get(-modseq, floor + 1)
            self.holds(f"{key} {uid} with {known} is not in the history", known <= floor or uid in found)

    def _numbers(self, found: dict) -> None:
        """Ids and UIDVALIDITYs stay, and new ones have never been seen."""
        for name, known in (("id", "number"), ("uidvalidity", "uidvalidity")):
            new = []
            for key, box in self.model.boxes.items():
                number = found[key][name]
                if getattr(box, known):
                    self.expect(f"{key} {name}", number, getattr(box, known))
                else:
                    new.append(number)
            self.holds(f"{name} {new} not new", all(each > getattr(self.model, known) for each in new))
            self.holds(f"{name} {new} twice", len(set(new)) == len(new))

    def _order(self) -> None:
        """What happened later has a greater modification sequence."""
        last = 0
        for operation in sorted(self.modseqs):
            modseq = self.modseqs[operation]
            together = operation in self.model.several and operation - 1 in self.model.several
            self.holds(f"modseq {modseq} after {last}", modseq > last or (together and modseq == last))
            last = modseq

    def _files(self) -> None:
        """The octets of a letter are there once, and those of letters that are gone are not."""
        self.holds("two letters in one slot", len(set(self.slots.values())) == len(self.slots))
        missing = set(self.slots.values()) - set(self.seen["files"])
        self.holds(f"no files of {missing}", not missing)

    def leftovers(self) -> set[int]:
        """Files that belong to no entry."""
        return set(self.seen["files"]) - set(self.slots.values())

    def _room(self) -> None:
        """What counts against the quota of each user."""
        for user, used in self.seen["used"].items():
            sizes = [
                e.letter.size for key, box in self.model.boxes.items() if key[0] == user for e in box.entries.values()
            ]
            least = sum(-(-size // BLOCK) for size in sizes)
            most = sum(-(-(size + LARGEST_TRAILER) // BLOCK) for size in sizes)
            self.holds(f"{user} uses {used}", used % BLOCK == 0 and least <= used // BLOCK <= most)

    def _sessions(self) -> None:
        """Every session has been told exactly what happened."""
        seen = dict(self.seen["sessions"])
        self.expect("sessions", sorted(seen), sorted(self.model.sessions))
        for number, session in self.model.sessions.items():
            lost, view, heard = seen.get(number, (None, None, None))
            box = self.model.box_of(number)
            self.expect(f"session {number} lost", lost, session.lost)
            if box is not None:
                wanted = [[uid, " ".join(sorted(box.entries[uid].flags))] for uid in sorted(box.entries)]
                self.expect(f"session {number}", view, wanted)
                self.expect(f"session {number} heard", heard, session.heard)

    def learn(self) -> None:
        """The model takes over what only the store could know."""
        model = self.model
        for seen in self.seen["boxes"]:
            box = model.boxes[seen["user"], seen["name"]]
            box.number, box.uidvalidity, box.modseq = seen["id"], seen["uidvalidity"], seen["modseq"]
            box.recent, box.floor = seen["recent"], seen["floor"]
            box.recent_may_be_less = box.modseq_may_rise = False
            for row in seen["entries"]:
                box.entries[row[0]] = box.entries[row[0]]._replace(modseq=row[5])
            # What the history lost before it was seen is below the floor.
            for uid, known in box.expunged.items():
                box.expunged[uid] = known if known > 0 else self.modseqs.get(-known, box.floor)
            model.number = max(model.number, box.number)
            model.uidvalidity = max(model.uidvalidity, box.uidvalidity)
            model.modseq = max(model.modseq, box.modseq)
        # A letter of a mailbox that is dying may still be in another one.
        if not self.leftovers() and not self.seen["dying"]:
            model.dying = False
        for session in model.sessions.values():
            session.heard.clear()
        model.several.clear()
