"""Operations on a store and on the plain model of it at once, recorded with what the store may hold at each moment."""

import random
from array import array
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import Any

from postino.store import INFO_ID, StoreError, StoreFull
from tests.crash.model import Model, entry_of
from tests.crash.observation import NOBODY, observe
from tests.crash.outcomes import torn
from tests.crash.recording import FILLER, MOVING, REMOVING, Recording, Step
from tests.device.store_driver import expire_all
from tests.support.nor_chip import BLOCK, PowerLost, Torn
from tests.support.store_flash import Flash

DATE = 1764000000
USERS = ("anna", "ben", "clara", "dora", "emil")
SYSTEM_FLAGS = (1, 2, 4, 8, 16)
PIECE = 1000
# Idle slices after which nothing can be left to do.
PATIENCE = 400
QUIET = 12
HOUR = 3601


def octets_of(number: int, size: int) -> bytes:
    """The letter with this number: a header, and lines unlike those of any other."""
    head = b"Subject: letter %d\r\nFrom: sender@sender.example\r\n\r\n" % number
    generator = random.Random(number)
    lines = generator.randbytes(size).hex().encode()
    return (head + b"\r\n".join(lines[at : at + 76] for at in range(0, size, 76)))[:size].ljust(size, b".")


class Work:
    def __init__(self, name: str, blocks: int, users: int, seed: int = 0) -> None:
        self.name = name
        self.users = USERS[:users]
        # Those that were there once.
        self.everybody = set(self.users)
        self.random = random.Random(f"{name} {seed}")
        self.flash = Flash(blocks)
        self.model = Model()
        self.model.now = DATE
        self.letters = 0
        self.recording: Recording | None = None
        # What the store showed last.
        self.last: dict = {}
        self.store = None
        # What is done now only fills the log: it is not cut.
        self.filling = False
        self._unseen = False
        # Readers and writers that nobody ends.
        self.sessions: tuple = ()

    def clock(self) -> int:
        return self.model.now

    def start(self) -> None:
        """The firmware starts, and whoever is not a user yet becomes one."""
        self.store = self.flash.mount(self.clock)

    def set_up(self) -> None:
        self.start()
        for user in self.users:
            self.store.ensure_user(user)
            self.model.new_user(user)
        self.check()

    def record(self) -> None:
        """From here on operations are recorded."""
        self.check()
        chip = self.flash.chip
        chip.operations = []
        self.recording = Recording(self.name, bytes(chip.image), chip.blocks)
        self.last = self.seen()

    def record_from_blank(self) -> None:
        """Everything is recorded, from the formats on."""
        chip = self.flash.chip
        self.recording = Recording(self.name, bytes(chip.image), chip.blocks, from_blank=True)
        self.last = {}
        self.do("format", self.start, lambda _: None)
        for user in self.users:
            self.add_user(user)

    def seen(self):
        users = {user for user, _ in self.model.boxes} | set(self.users)
        return observe(self.store, sorted(user for user in users if self.store.find(user, "INBOX")))

    def check(self):
        """What the store shows is what the model says."""
        seen = self.seen()
        self.model.check(seen)
        return seen

    def do(self, kind: str, act: Callable[[], Any], follow: Callable[[Any], None], in_between: str = "") -> None:
        """One call of the store, which is acknowledged when `act` returns, and what it means for the model."""
        chip = self.flash.chip
        first = len(chip.operations)
        if self.recording is not None and self._unseen and not self.filling:
            # After fillers: what they did is looked at now.
            self.last = self.check()
            self._unseen = False
        before = self.last
        try:
            result = act()
        except PowerLost:
            self._start_again(Step(kind, first, len(chip.operations), before, before, "", self.model.now), follow)
            return
        last = len(chip.operations)
        follow(result)
        if self.recording is None:
            return
        if self.filling:
            self._unseen = True
            self.recording.steps.append(Step(FILLER, first, last, before, before))
        else:
            self.last = self.check()
            assert len(chip.operations) == last, "to look into the store writes on flash"
            assert not chip.refused, "a program set bits"
            step = Step(kind, first, last, before, self.last, in_between, self.model.now)
            self.recording.steps.append(step)

    # Power cuts within the run.

    def cut_next(self, operations: int) -> None:
        """The power goes so many operations from now on, in one of the ways there are."""
        seed = self.random.random()

        def part(chip, operation):
            start = operation[0] // BLOCK * BLOCK
            block = bytes(chip.image[start : start + BLOCK])
            ways = [content for _, content in torn(block, operation, f"{seed}")]
            choice = self.random.randrange(len(ways) + 1)
            return (start, Torn(ways[choice])) if choice < len(ways) else None

        self.flash.chip.cut_in(operations, part)

    def cut_at_program(self, number: int) -> None:
        """The power goes at this program of the log from now on (1: the next), as part of it is done."""
        chip = self.flash.chip
        log = (chip.blocks - self.store.log.device.sectors) * BLOCK
        self.cut_next(1)
        cut = chip.before
        left = [number]

        def before(chip, operation):
            address, data = operation
            if address < log or data is None:
                return 0
            left[0] -= 1
            return 0 if left[0] else cut(chip, operation)

        chip.before = before

    def power_on(self) -> None:
        """A cut that was to come does not."""
        self.flash.chip.power_on()

    @contextmanager
    def fillers(self):
        """What is done here is not cut."""
        self.filling = True
        try:
            yield
        finally:
            self.filling = False

    def _start_again(self, step: Step, follow: Callable[[Any], None]) -> None:
        """The power is back. What was under way has happened or not: the store says which."""
        chip = self.flash.chip
        chip.power_on()
        self.start()
        seen = self.seen()
        if seen != step.before:
            follow(None)
            self.model.check(seen)
            step.after = seen
        self.last = seen
        self.recording.steps.append(step)
        after = Step("start", step.last, len(chip.operations), seen, seen, "", self.model.now)
        self.recording.steps.append(after)

    def finish(self) -> Recording:
        self.recording.operations = self.flash.chip.operations
        self.recording.users = tuple(sorted(self.everybody))
        self.flash.release()
        return self.recording

    # Letters in.

    def write(self, octets: bytes):
        letter = self.store.new_letter()
        try:
            for start in range(0, len(octets), PIECE):
                letter.write(memoryview(octets)[start : start + PIECE])
        except StoreError:
            letter.abort()
            raise
        return letter

    def next_letter(self, size: int) -> bytes:
        self.letters += 1
        return octets_of(self.letters, size)

    def deliver(self, size: int, users: int = 1) -> None:
        chosen = self.users if users >= len(self.users) else self.random.sample(self.users, users)
        octets = self.next_letter(size)

        def act():
            letter = self.write(octets)
            try:
                self.store.deliver(letter, chosen, DATE)
            finally:
                letter.abort()

        def follow(_):
            for user in chosen:
                self.model.add((user, "INBOX"), entry_of(octets, (), DATE, self.model.now))

        self.do("deliver to %s" % ("one" if users == 1 else "several"), act, follow)

    def append(self, user: str, name: str, size: int, flags: int, keywords=()) -> None:
        octets = self.next_letter(size)

        def act():
            letter = self.write(octets)
            try:
                with self.opened(user, name) as box:
                    self.store.append(letter, box.id, mask_of(box, flags, keywords), DATE)
            finally:
                letter.abort()

        def follow(_):
            self.model.add((user, name), entry_of(octets, (*names_of(flags), *keywords), DATE, self.model.now))

        self.do("append", act, follow)

    def abandon(self, size: int) -> None:
        """A letter whose sender goes away."""
        octets = self.next_letter(size)
        self.do("abandon", lambda: self.write(octets).abort(), lambda _: None)

    # Sessions that are in the midst of something. What they leave is not recorded.

    def begin_letter(self, size: int):
        """A letter that comes in slowly."""
        return self.write(self.next_letter(size))

    def read_and_expunge(self, user: str):
        """A reader of the last letter of an INBOX, which leaves the mailbox meanwhile."""
        self.append(user, "INBOX", 600, 0)
        uid = self.uids(user, "INBOX")[-1]
        with self.opened(user, "INBOX") as box:
            reader = self.store.open_letter(box.letter(box.index_of(uid)))
        self.expunge(user, "INBOX", [uid])
        return reader

    def refuse(self) -> None:
        """A letter for which there is no room in the end: for the moment the store thinks that it is smaller."""
        space = self.store.space
        spared = space.free() - 1
        octets = self.next_letter(9000)

        def act():
            space.capacity -= spared
            try:
                self.write(octets)
                raise AssertionError("there was room")
            except StoreFull:
                pass
            finally:
                space.capacity += spared

        self.do("refused delivery", act, lambda _: None)

    def add_user(self, user: str) -> None:
        self.everybody.add(user)
        self.do("new user", lambda: self.store.ensure_user(user), lambda _: self.model.new_user(user))

    def remove_user(self, user: str) -> None:
        self.do("remove user", lambda: self.store.remove_user(user), lambda _: self.model.remove_user(user))

    def refused(self, size: int, users: int = 1) -> bool:
        """A delivery that the store may refuse because it is full; True if it did."""
        first = len(self.flash.chip.operations)
        try:
            self.deliver(size, users)
            return False
        except StoreFull:
            pass
        # Nothing has happened, but something may have been written.
        if self.recording is not None:
            assert self.check() == self.last
            last = len(self.flash.chip.operations)
            self.recording.steps.append(Step("refused delivery", first, last, self.last, self.last, "", self.model.now))
        return True

    # Letters in a mailbox.

    @contextmanager
    def opened(self, user: str, name: str):
        box = self.store.open_mailbox(self.store.find(user, name)[INFO_ID], NOBODY)
        try:
            yield box
        finally:
            box.close(NOBODY)

    def uids(self, user: str, name: str) -> list[int]:
        return sorted(self.model.boxes[user, name].entries)

    def some(self, user: str, name: str, most: int = 4) -> list[int]:
        uids = self.uids(user, name)
        return sorted(self.random.sample(uids, min(len(uids), self.random.randint(1, most))))

    def change(self, user: str, name: str, uids, add: int = 0, remove: int = 0, keywords=()) -> None:
        uids = array("I", uids)

        def act():
            with self.opened(user, name) as box:
                box.change_flags(uids, mask_of(box, add, keywords), remove)

        def follow(_):
            self.model.change((user, name), uids, (*names_of(add), *keywords), names_of(remove))

        self.do("keyword" if keywords else "flags", act, follow)

    def expunge(self, user: str, name: str, uids, kind: str = "expunge") -> None:
        uids = array("I", uids)

        def act():
            with self.opened(user, name) as box:
                box.expunge(uids)

        self.do(kind, act, lambda _: self.model.expunge((user, name), uids))

    def quit(self, user: str, uids) -> None:
        """POP3: what DELE marked goes at QUIT."""
        self.expunge(user, "INBOX", uids, "quit")

    def transfer(self, user: str, source: str, uids, target: str, move: bool) -> None:
        uids = array("I", uids)

        def act():
            with self.opened(user, source) as box:
                number = self.store.find(user, target)[INFO_ID]
                return list((box.move if move else box.copy)(uids, number)[1])

        def follow(new):
            there = self.model.transfer((user, source), (user, target), uids, move)
            assert new in (there, None)

        self.do("move" if move else "copy", act, follow)

    # Mailboxes.

    def create(self, user: str, name: str, use: int = 0) -> None:
        self.do("create", lambda: self.store.create(user, name, use), lambda _: self.model.create(user, name, use))

    def rename(self, user: str, old: str, new: str) -> None:
        self.do("rename", lambda: self.store.rename(user, old, new), lambda _: self.model.rename(user, old, new))

    def rename_inbox(self, user: str, new: str) -> None:
        """Two transactions: the new mailbox, then the letters."""

        def follow(_):
            self.model.create(user, new)
            self.model.transfer((user, "INBOX"), (user, new), self.uids(user, "INBOX"), True)

        self.do("rename", lambda: self.store.rename(user, "INBOX", new), follow, MOVING)

    def delete(self, user: str, name: str) -> None:
        self.do("delete", lambda: self.store.delete(user, name), lambda _: self.model.delete(user, name))

    def subscribe(self, user: str, name: str, wanted: bool) -> None:
        """Also a name without a mailbox, which is an operation of its own."""
        kind = "unsubscribe name" if (user, name) in self.model.names else "subscribe"
        follow = partial(self.model.subscribe, user, name, wanted)
        self.do(kind, lambda: self.store.subscribe(user, name, wanted), lambda _: follow())

    def set_retention(self, user: str, name: str, days: int, count: int) -> None:
        def follow(_):
            self.model.boxes[user, name].days = days
            self.model.boxes[user, name].count = count

        self.do("retention set", lambda: self.store.set_retention(user, name, days, count), follow)

    def expire(self) -> None:
        self.do("expire", lambda: expire_all(self.store), lambda _: self.model.expire(), REMOVING)

    # The whole store.

    def idle(self, slices: int = PATIENCE, kind: str = "idle") -> None:
        """Idle work until nothing is written any more, or so many slices of it."""
        # Retention has not been looked at for an hour.
        self.model.now += HOUR

        def act():
            left, quiet = slices, 0
            while left and quiet < QUIET:
                before = len(self.flash.chip.operations)
                self.store.maintain()
                quiet = quiet + 1 if len(self.flash.chip.operations) == before else 0
                left -= 1

        def follow(_):
            if slices == PATIENCE:
                self.model.expire()

        self.do(kind, act, follow, REMOVING)

    def fold(self, user: str, name: str) -> None:
        self.do("fold", lambda: self.store.keeper.fold_now(self.store.find(user, name)), lambda _: None)

    def write_state(self) -> None:
        self.do("state", self.store.keeper.write_state, lambda _: None)

    def restart(self) -> None:
        """Stops in order and starts again."""

        def act():
            self.store.close()
            self.start()

        self.do("restart", act, lambda _: None)


def names_of(flags: int) -> tuple[str, ...]:
    return tuple(str(flag) for flag in SYSTEM_FLAGS if flags & flag)


def mask_of(box, flags: int, keywords) -> int:
    for keyword in keywords:
        flags |= box.keyword_bit(keyword, True)
    return flags
