"""The store's state machine: any order of operations, cuts and restarts, held against the plain model.

A machine has one chip. What runs the store on it is the backend: this process, or MicroPython. After every rule all
that can be seen is compared. When the power goes, the operation under way happened whole or not at all: both are kept
until the store has started again and shows which.
"""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.nor_chip import PowerLost
from tests.support.store_backends import Backend
from tests.support.store_model import BLOCK, INBOX, MOVE_BATCH, Letter, Model, Refused, canonical, letter_of

USERS = ("anna", "bert", "carl")
DAY = 86400
NAMES = ("a", "a/b", "a/b/c", "b", "Grüße", "INBOX/x", "Trash", "Bin/日本", "inbox", "Junk")
BAD_NAMES = ("", "a//b", "a/", "x\x01", "é" * 101)
KEYWORDS = ("$junk", "$mdnsent", "work", "später", "k1", "k2")
FLAGS = (1, 2, 4, 8, 16)
START = 1764000000
DATES = st.sampled_from((0, 1, START, 2**32 - 1))
SIZES = st.sampled_from((0, 1, 60, 700, 3900, 4020, 4096, 5000, 8100, 20000))
SOME_NAMES = st.sampled_from(NAMES * 3 + BAD_NAMES)
CUTS = st.lists(st.integers(1, 10), max_size=2)
RARELY = ("flag_for_long", "more_keywords", "multiply")
FOLDERS = ("create", "create", "rename", "rename", "delete", "subscribe", "set_retention", "users")
SOME_KEYWORDS = st.lists(st.sampled_from(KEYWORDS), max_size=3, unique=True)
# Letters in one mailbox beyond which nothing multiplies them any more.
MANY = 150
FULL = "StoreFull"
# So many calls of maintain() do all that is waiting.
PATIENCE = 300
# A letter of one block may be refused when no more blocks than these are free.
SPARE = 4
# A letter with 254 entries keeps its file for ever (docs/store.md): that is not what is looked at here.
MOST_REFERENCES = 253


class StoreMachine(RuleBasedStateMachine):
    """The rules; a subclass says what runs the store."""

    def new_backend(self) -> Backend:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.backend = self.new_backend()
        self.model = Model()
        self.letters = 0
        self.numbers = 0
        self.turns = 0
        # Readers and writers that are under way: number -> letter.
        self.reading: dict[int, Letter] = {}
        self.writing: dict[int, Letter] = {}
        self.armed = False
        # Letters may have left by themselves since it was last looked.
        self.expiring = False
        self.free = 0
        # References of a letter that only the store knows, when it was last looked.
        self.hidden = 0
        # Everything was as it should when it was last looked at.
        self.sound = False

    # Doing.

    def do(self, name: str, *arguments: Any, steps: list[Callable[[Model], Any]], room: int = 0) -> Any:
        """One operation on both. Each of the steps is all or none."""
        stages = [self.model]
        expected = refused = None
        try:
            for step in steps:
                stages.append(stages[-1].copy())
                expected = step(stages[-1])
        except Refused as error:
            refused = error.args
            stages = [self.model]
        try:
            answer = self.backend.call(name, *arguments)
        except PowerLost:
            self.start_again(stages)
            return None
        if answer.get("error") == FULL:
            # Nothing but what brings letters may be refused for want of room.
            assert self.free < room * BLOCK, (name, arguments, answer, self.free)
            return None
        if refused:
            assert answer.get("error") in refused, (name, arguments, answer, refused)
            return None
        assert "result" in answer and answer["result"] == expected, (name, arguments, answer, expected)
        self.model = stages[-1]
        return expected

    def start_again(self, stages: list[Model], clean: bool = False, cuts: tuple = ()) -> None:
        """Starts the store, which may lose power on the way, and finds out which of the models holds."""
        self.reading.clear()
        self.writing.clear()
        self.armed = False
        for operations in (*cuts, 0):
            self.backend.stop()
            try:
                self.backend.start(operations)
                if operations == 0:
                    break
            except PowerLost:
                clean = False
        for model in stages:
            model.restarted(clean)
        self.backend.call("clock", self.model.now)
        self.look(stages, True)

    def look(self, models: list[Model], contents: bool) -> None:
        """What is seen must be what one of the models says."""
        seen = self.backend.call("observe", sorted(models[-1].users | self.model.users), contents)["result"]
        assert not seen["reports"], seen["reports"]
        if self.expiring:
            models = [model.expired(seen) for model in models]
            self.expiring = False
        comparisons = [model.compare(seen) for model in models]
        fitting = [each for each in comparisons if not each.problems]
        assert fitting, "\nor else\n".join("\n".join(each.problems[:8]) for each in comparisons)
        if not self.reading and not self.writing and not fitting[0].model.dying:
            assert not fitting[0].leftovers(), f"files of no letter: {fitting[0].leftovers()}"
        fitting[0].learn()
        self.model = fitting[0].model
        self.free = seen["free"]
        self.hidden = max(0, seen["references"] - self.model.most_references())
        self.sound = True

    def new_letter(self, size: int, date: int) -> Letter:
        self.letters += 1
        return letter_of(self.letters, size, date)

    def new_number(self) -> int:
        self.numbers += 1
        return self.numbers

    # Choosing.

    def key(self, data: Any) -> tuple[str, str]:
        """A mailbox; those with letters more often than the others."""
        keys = sorted(self.model.boxes)
        full = [key for key in keys if self.model.boxes[key].entries]
        return data.draw(st.sampled_from(full + full + keys), "mailbox")

    def uids(self, data: Any, key: tuple[str, str]) -> list[int]:
        """Some UIDs: there or not, in runs or with gaps, now and then in no order."""
        uidnext = self.model.boxes[key].uidnext
        first = data.draw(st.integers(1, uidnext), "first")
        count = data.draw(st.sampled_from((1, 1, 2, 5, 1000)), "count")
        step = data.draw(st.sampled_from((1, 1, 1, 2, 3)), "step")
        found = list(range(first, min(first + count * step, uidnext + 2), step))
        return found[::-1] + found[:1] if data.draw(st.integers(0, 9), "disorder") == 9 else found

    def user(self, data: Any) -> str:
        """One that is there, nearly always."""
        return data.draw(st.sampled_from(sorted(self.model.users) * 4 + ["nobody"]), "user")

    @initialize(letters=st.sampled_from((1, 3, 30)), cuts=CUTS)
    def start(self, letters: int, cuts: list) -> None:
        self.model.now = START
        self.start_again([self.model], False, tuple(cuts))
        self.blank = self.free
        for user in USERS[:2]:
            self.do("ensure_user", user, steps=[lambda model, user=user: model.ensure_user(user)])
        for number in range(letters):
            self.deliver_to(list(USERS[number % 2 : 2]), 100 + number, START)

    def deliver_to(self, users: list, size: int, date: int) -> None:
        letter = self.new_letter(size, date)
        steps = [lambda model: model.deliver(users, letter)]
        self.do("deliver", users, letter.number, size, date, steps=steps, room=size // BLOCK + SPARE)

    # The rules are few, so that hardly a run does without one of them; each does one of several things.

    @rule(data=st.data(), what=st.sampled_from(("deliver", "deliver", "begin_letter", "end_letter", "append")))
    def letters_in(self, data: Any, what: str) -> None:
        getattr(self, "do_" + what)(data)

    @rule(data=st.data(), what=st.sampled_from(("flag", "flag", "expunge", "transfer", "transfer", *RARELY)))
    def letters(self, data: Any, what: str) -> None:
        getattr(self, "do_" + what)(data)

    letters_too = letters_again = letters

    @rule(data=st.data(), what=st.sampled_from(("open", "open", "close", "claim", "read", "end_read")))
    def sessions(self, data: Any, what: str) -> None:
        getattr(self, "do_" + what)(data)

    @rule(data=st.data(), what=st.sampled_from(FOLDERS))
    def mailboxes(self, data: Any, what: str) -> None:
        getattr(self, "do_" + what)(data)

    @rule(data=st.data(), what=st.sampled_from(("maintain", "maintain", "clock", "expire")))
    def idle(self, data: Any, what: str) -> None:
        getattr(self, "do_" + what)(data)

    @rule(data=st.data(), what=st.sampled_from(("cut", "cut", "cut", "restart")))
    def power(self, data: Any, what: str) -> None:
        getattr(self, "do_" + what)(data)

    power_again = power

    # Letters in.

    def do_deliver(self, data: Any) -> None:
        count = data.draw(st.sampled_from((1, 1, 1, 2, 3)), "users")
        self.deliver_to([self.user(data) for _ in range(count)], data.draw(SIZES, "size"), data.draw(DATES, "date"))

    def do_begin_letter(self, data: Any) -> None:
        """A letter that comes in while others do something."""
        if len(self.writing) < 3:
            number = self.new_number()
            letter = self.new_letter(data.draw(SIZES, "size"), START)
            self.writing[number] = letter
            room = letter.size // BLOCK + SPARE
            self.do("begin", number, letter.number, letter.size, steps=[lambda model: None], room=room)

    def do_end_letter(self, data: Any) -> None:
        if not self.writing:
            return
        number, letter = self.writing.popitem()
        users = [self.user(data) for _ in range(data.draw(st.integers(0, 2), "users"))]
        if users:
            steps = [lambda model: model.deliver(users, letter)]
            self.do("finish", number, users, START, steps=steps, room=letter.size // BLOCK + SPARE)
        else:
            self.do("abandon", number, steps=[lambda model: None])

    def do_append(self, data: Any) -> None:
        key = self.key(data)
        letter = self.new_letter(data.draw(SIZES, "size"), data.draw(DATES, "date"))
        flags = data.draw(st.sampled_from((0, 1, 21)), "flags")
        keywords = data.draw(SOME_KEYWORDS, "keywords")
        steps = [lambda model: model.append(*key, letter, names_of(flags), keywords)]
        what = (*key, letter.number, letter.size, flags, keywords, letter.date)
        self.do("append", *what, steps=steps, room=letter.size // BLOCK + SPARE)

    # Letters in a mailbox.

    def change(self, key: Any, uids: list, how: str, flags: int, keywords: list, session: int | None = None) -> None:
        names = names_of(flags) | frozenset(keywords)
        draft = frozenset(("16",))
        add, remove = {"add": (names, draft), "remove": (frozenset(), names), "set": (names, None)}[how]
        steps = [lambda model: model.change(key, uids, add, remove, keywords, session)]
        self.do("change", *key, uids, how, flags, keywords, session, steps=steps)

    def do_flag(self, data: Any) -> None:
        key = self.key(data)
        how = data.draw(st.sampled_from(("add", "remove", "set")), "how")
        flags = data.draw(st.integers(0, 31), "flags")
        serial = self.model.boxes[key].serial
        sessions = [None, *(number for number, each in self.model.sessions.items() if each.serial == serial)]
        session = data.draw(st.sampled_from(sessions), "session")
        self.change(key, self.uids(data, key), how, flags, data.draw(SOME_KEYWORDS, "keywords"), session)

    def do_flag_for_long(self, data: Any) -> None:
        """Enough to fill sectors of the log, and to have the mailbox folded."""
        key = self.key(data)
        step = data.draw(st.sampled_from((1, 2, 3)), "step")
        for turn in range(data.draw(st.sampled_from((10, 40, 120)), "turns")):
            if key not in self.model.boxes:
                return
            uids = list(range(1 + turn % step, self.model.boxes[key].uidnext, step))
            self.change(key, uids, ("add", "remove")[turn // step % 2], FLAGS[turn % 4], [KEYWORDS[turn // 2 % 6]])

    def do_more_keywords(self, data: Any) -> None:
        key = self.key(data)
        first = data.draw(st.integers(0, 40), "first keyword")
        self.change(key, self.uids(data, key), "add", 0, [f"keyword-{first + each}" for each in range(8)])

    def do_expunge(self, data: Any) -> None:
        key = self.key(data)
        uids = self.uids(data, key)
        self.do("expunge", *key, uids, steps=[lambda model: model.expunge(key, uids)])

    def do_transfer(self, data: Any) -> None:
        key = self.key(data)
        mine = sorted(name for user, name in self.model.boxes if user == key[0])
        target = data.draw(st.sampled_from([*mine, "nothing"]), "target")
        self.transfer_to(key, self.uids(data, key), target, data.draw(st.booleans(), "move"))

    def transfer_to(self, key: Any, uids: list, target: str, move: bool) -> None:
        if self.too_many(key):
            return
        steps = [lambda model: model.transfer(key, uids, target, move)]
        self.do("move" if move else "copy", *key, uids, target, steps=steps, room=0 if move else SPARE)

    def too_many(self, key: Any) -> bool:
        """A letter would have too many references if those of the mailbox were copied, or moved: that counts both."""
        return self.model.most_references() + self.hidden + len(self.model.boxes[key].entries) > MOST_REFERENCES

    def do_multiply(self, data: Any) -> None:
        """A mailbox of several pages."""
        key = self.key(data)
        while key in self.model.boxes and 0 < len(self.model.boxes[key].entries) < MANY:
            before = self.model.boxes[key].uidnext
            self.transfer_to(key, list(self.model.boxes[key].entries), key[1], False)
            if key in self.model.boxes and self.model.boxes[key].uidnext == before:
                # No room.
                return

    # Sessions.

    def do_open(self, data: Any) -> None:
        if len(self.model.sessions) < 5:
            key = self.key(data)
            number = self.new_number()
            self.do("open", number, *key, steps=[lambda model: model.open(number, *key)])

    def do_close(self, data: Any) -> None:
        if self.model.sessions:
            number = data.draw(st.sampled_from(sorted(self.model.sessions)), "session")
            self.do("close", number, steps=[lambda model: model.close(number)])

    def do_claim(self, data: Any) -> None:
        alive = [number for number in sorted(self.model.sessions) if self.model.box_of(number)]
        if alive:
            number = data.draw(st.sampled_from(alive), "session")
            self.do("claim", number, steps=[lambda model: model.claim(number)])

    def do_read(self, data: Any) -> None:
        """A reader keeps its letter, whatever happens to it meanwhile."""
        key = self.key(data)
        entries = self.model.boxes[key].entries
        if entries and len(self.reading) < 3:
            uid = data.draw(st.sampled_from(sorted(entries)), "uid")
            number = self.new_number()
            self.reading[number] = entries[uid].letter
            self.do("read_begin", number, *key, uid, steps=[lambda model: None])

    def do_end_read(self, data: Any) -> None:
        if self.reading:
            number, letter = self.reading.popitem()
            self.do("read_end", number, steps=[lambda model: letter.digest])

    # Mailboxes.

    def do_users(self, data: Any) -> None:
        user = data.draw(st.sampled_from(USERS), "user")
        if user != USERS[0] and data.draw(st.booleans(), "remove"):
            self.do("remove_user", user, steps=[lambda model: model.remove_user(user)])
        else:
            self.do("ensure_user", user, steps=[lambda model: model.ensure_user(user)])

    def do_create(self, data: Any) -> None:
        user = data.draw(st.sampled_from(sorted(self.model.users)), "user")
        name = data.draw(SOME_NAMES, "name")
        self.do("create", user, name, steps=[lambda model: model.create(user, name)])

    def do_delete(self, data: Any) -> None:
        key = self.key(data)
        self.do("delete", *key, steps=[lambda model: model.delete(*key)])

    def do_rename(self, data: Any) -> None:
        user, old = self.key(data)
        new = data.draw(SOME_NAMES, "name")
        if canonical(old) == INBOX and self.too_many((user, old)):
            return
        self.do("rename", user, old, new, steps=rename_steps(self.model, user, old, new), room=SPARE)

    def do_subscribe(self, data: Any) -> None:
        """Also what is subscribed and does not exist, or was never there."""
        left = sorted(self.model.names) or [(USERS[0], "nothing")]
        key = data.draw(st.sampled_from(left), "left") if data.draw(st.booleans(), "gone") else self.key(data)
        wanted = data.draw(st.booleans(), "wanted")
        self.do("subscribe", *key, wanted, steps=[lambda model: model.subscribe(*key, wanted)])

    def do_set_retention(self, data: Any) -> None:
        key = self.key(data)
        days = data.draw(st.sampled_from((0, 1, 10)), "days")
        count = data.draw(st.sampled_from((0, 1, 20)), "count")
        self.do("set_retention", *key, days, count, steps=[lambda model: model.set_retention(*key, days, count)])

    # While idle.

    def do_clock(self, data: Any) -> None:
        """Time goes on, or the clock is not set for a while."""
        days = data.draw(st.sampled_from((0, 0.1, 2, 31, None)), "days")
        self.model.now = 0 if days is None else (self.model.now or START) + int(days * DAY)
        self.do("clock", self.model.now, steps=[lambda model: None])

    def do_expire(self, data: Any) -> None:
        """All letters that are due, at once."""
        self.expiring = True
        armed = self.armed
        self.do("expire", steps=[lambda model: None])
        self.look([self.model], False)
        # If the power went, some may still be there.
        assert self.armed != armed or not self.model.due(), self.model.due()

    def do_maintain(self, data: Any) -> None:
        slices = data.draw(st.sampled_from((1, 3, 20)), "slices")
        self.expiring = True
        self.do("maintain", slices, steps=[lambda model: None])

    # Power.

    def do_restart(self, data: Any) -> None:
        """After a clean end, or not; the start may be cut, too."""
        clean = data.draw(st.booleans(), "clean")
        if clean:
            try:
                answer = self.backend.call("shut")
                assert answer == {"result": True}, answer
            except PowerLost:
                clean = False
        self.start_again([self.model], clean, tuple(data.draw(CUTS, "cuts")))

    def do_cut(self, data: Any) -> None:
        """The power goes at some flash operation from now on, in whatever is under way then."""
        operations = data.draw(st.sampled_from((1, 1, 2, 2, 3, 4, 5, 6, 8, 11, 15, 25, 60)), "operations")
        if not self.armed:
            self.armed = True
            self.backend.cut_in(operations, data.draw(st.integers(0, 1000), "seed"))

    @invariant()
    def same(self) -> None:
        self.sound = False
        self.turns += 1
        try:
            self.look([self.model], self.turns % 4 == 0)
        except PowerLost:
            self.start_again([self.model])

    # The end.

    def teardown(self) -> None:
        try:
            if self.sound:
                self.sound = False
                self.empty()
        finally:
            self.backend.end()

    def empty(self) -> None:
        """Everything is deleted: all the room is there again."""
        self.start_again([self.model])
        for user in sorted(self.model.users):
            self.do("remove_user", user, steps=[lambda model, user=user: model.remove_user(user)])
        self.do("maintain", PATIENCE, steps=[lambda model: None])
        self.model.dying = False
        self.look([self.model], False)
        self.start_again([self.model])
        # The folders of letters stay.
        folders = -(-(self.letters + 1) // 64)
        assert self.blank - self.free <= 2 * folders * BLOCK, (self.blank, self.free)


def names_of(flags: int) -> frozenset[str]:
    return frozenset(str(bit) for bit in FLAGS if flags & bit)


def rename_steps(model: Model, user: str, old: str, new: str) -> list[Callable[[Model], Any]]:
    """A rename is one step, but for INBOX: there the new mailbox comes first, then the letters, in batches."""
    if canonical(old) != INBOX:
        return [lambda model: model.rename(user, old, new)]

    def make(model: Model) -> None:
        model.check_rename(user, old, new)
        model.create(user, new)

    letters = len(model.boxes[user, INBOX].entries)
    return [make, *[lambda model: model.empty_inbox(user, new)] * -(-letters // MOVE_BATCH)]


def bounds(examples: int, steps: int) -> settings:
    """So many runs of so many steps, the same each time; POSTINO_MACHINE makes them so many times as many, others."""
    times = int(os.environ.get("POSTINO_MACHINE", "0"))
    shrink = (Phase.shrink, Phase.explain) if os.environ.get("POSTINO_MACHINE_SHRINK") else ()
    return settings(
        max_examples=examples * max(1, times),
        stateful_step_count=steps,
        phases=(Phase.generate, *shrink),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=not times,
        database=None,
        report_multiple_bugs=False,
    )
