"""Power cuts: a mixed workload is recorded on littlefs, then the flash as it was after each single operation is opened.

Whatever the cut, the store holds exactly what it held after the last operation that had been acknowledged, or after the
one that was under way. Cuts in the middle of a program, and cuts during the recovery itself, are sampled.
"""

import random
import time
from array import array

import pytest

from postino.store import INFO_ID, Store
from postino.store.flags import FLAGGED, SEEN
from tests.unit.store_support import (
    Flash,
    Model,
    append,
    apply,
    deliver,
    littlefs,
    mounted,
    opened,
    referenced,
    state_of,
    stored,
)

USERS = ("anna", "bert", "carl")
BLOCKS = 96
SECONDS = 50


class Workload:
    """Does operations on the store and the model, and notes when each was acknowledged."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.flash = Flash(BLOCKS)
        self.system = mounted(self.flash, fresh=True)
        self.flash.operations.clear()
        self.start = bytes(self.flash.buffer)
        self.model = Model()
        # (operations on flash by then, what the store holds)
        self.acknowledged: list = [(0, {})]
        self.letters = 0

    def run(self, turns: int) -> None:
        with littlefs(self.system):
            self.store = Store("/")
            self.store.format()
            self.store.open()
            for user in USERS:
                self.store.ensure_user(user)
                self.model.sync_mailboxes(self.store, USERS)
                self.note()
            for _ in range(turns):
                step = self.random.choice(STEPS)
                step(self)
                self.note()
            assert state_of(self.store, USERS) == self.model.state()
            self.store.close()
            self.note()

    def note(self) -> None:
        self.acknowledged.append((len(self.flash.operations), self.model.copy().state()))

    def octets(self) -> bytes:
        self.letters += 1
        size = self.random.choice((20, 100, 700, 4500))
        return (b"letter %d\r\n" % self.letters).ljust(size, b".")

    def key(self):
        return self.random.choice(USERS), self.random.choice(("INBOX", "INBOX", "INBOX", "Trash", "Archive"))

    def some_uids(self, key) -> array:
        uids = sorted(self.model.boxes[key][2])
        return array("I", [uid for uid in uids if self.random.random() < 0.5])

    def deliver_one(self) -> None:
        self.deliver((self.random.choice(USERS),))

    def deliver_all(self) -> None:
        self.deliver(USERS)

    def deliver(self, users) -> None:
        octets = self.octets()
        deliver(self.store, users, octets)
        for user in users:
            self.model.add((user, "INBOX"), octets, ())

    def append(self) -> None:
        user, name = self.key()
        octets = self.octets()
        append(self.store, user, name, octets, FLAGGED)
        self.model.add((user, name), octets, (str(FLAGGED),))

    def flag(self) -> None:
        key = self.key()
        uids = self.some_uids(key)
        with opened(self.store, *key) as box:
            bit = box.keyword_bit("$Junk", True)
            box.change_flags(uids, SEEN | bit, FLAGGED)
        self.model.change(key, uids, (str(SEEN), "$Junk"), (str(FLAGGED),))

    def expunge(self) -> None:
        key = self.key()
        uids = self.some_uids(key)
        with opened(self.store, *key) as box:
            box.expunge(uids)
        self.model.expunge(key, uids)

    def copy(self) -> None:
        self.transfer(False)

    def move(self) -> None:
        self.transfer(True)

    def transfer(self, move: bool) -> None:
        user, source = self.key()
        target = self.random.choice(("Trash", "Archive"))
        uids = self.some_uids((user, source))
        with opened(self.store, user, source) as box:
            number = self.store.find(user, target)[INFO_ID]
            (box.move if move else box.copy)(uids, number)
        self.model.transfer((user, source), (user, target), list(uids), move)

    def tree(self) -> None:
        user = self.random.choice(USERS)
        if self.store.find(user, "Lists") is None:
            self.store.create(user, "Lists")
            self.model.sync_mailboxes(self.store, USERS)
            return
        if self.random.random() < 0.5:
            self.store.delete(user, "Lists")
            del self.model.boxes[user, "Lists"]
        elif self.store.find(user, "Old") is None:
            self.store.rename(user, "Lists", "Old")
            self.model.boxes[user, "Old"] = self.model.boxes.pop((user, "Lists"))

    def checkpoint(self) -> None:
        self.store._try_checkpoint()

    def restart(self) -> None:
        if self.random.random() < 0.3:
            self.store.close()
            self.store = Store("/")
            self.store.open()


STEPS = (
    *[Workload.deliver_one] * 5,
    *[Workload.deliver_all] * 3,
    *[Workload.flag] * 3,
    *[Workload.expunge] * 3,
    Workload.append,
    Workload.copy,
    Workload.copy,
    Workload.move,
    Workload.move,
    Workload.tree,
    Workload.checkpoint,
    Workload.restart,
)


def recovered(image: bytes):
    """Opens the store on an image as the firmware does: its state, and the flash afterwards."""
    flash = Flash(BLOCKS, image)
    system = mounted(flash)
    with littlefs(system):
        store = Store("/")
        if store.is_blank_or_cut_format():
            store.format()
        store.open()
        users = [user for user in USERS if store.find(user, "INBOX") is not None]
        state = state_of(store, users)
        assert stored(store) == referenced(store, users)
        # Numbers are never given twice.
        assert all(store.journal.next_uidvalidity > validity for validity, _, _ in state.values())
        assert all(store.journal.next_letter > letter for letter in stored(store))
        store.journal.close()
    return state, flash


def check(image: bytes, allowed: list, where) -> Flash:
    state, flash = recovered(image)
    assert state in allowed, where
    return flash


def allowed_at(acknowledged: list, cut: int) -> list:
    """What the store may hold after so many operations: as acknowledged, or with the next one done."""
    done = max(number for number, (count, _) in enumerate(acknowledged) if count <= cut)
    return [acknowledged[done][1], acknowledged[min(done + 1, len(acknowledged) - 1)][1]]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_cut(seed: int) -> None:
    workload = Workload(seed)
    workload.run(60)
    operations = workload.flash.operations
    generator = random.Random(seed)
    image = bytearray(workload.start)
    stop = time.monotonic() + SECONDS / 2
    cuts = 0
    for cut in range(len(operations) + 1):
        # Over time only every few cuts, so that the end of the workload is reached all the same.
        if time.monotonic() < stop or cut % 10 == 0:
            allowed = allowed_at(workload.acknowledged, cut)
            after = check(bytes(image), allowed, cut)
            cuts += 1
            if generator.random() < 0.05:
                check_cut_again(bytes(image), after, allowed, generator, cut)
        if cut < len(operations):
            data = operations[cut][1]
            if data is not None and generator.random() < 0.05:
                torn = bytearray(image)
                apply(torn, operations[cut], generator.randrange(1, len(data)))
                check(bytes(torn), allowed_at(workload.acknowledged, cut), (cut, "torn"))
            apply(image, operations[cut])
    print(f"{cuts} of {len(operations) + 1} cuts checked")
    assert cuts > len(operations) // 10


def check_cut_again(image: bytes, after: Flash, allowed: list, generator, cut: int) -> None:
    """A cut during the recovery, and a second recovery of what the first left."""
    first, _ = recovered(bytes(after.buffer))
    second, _ = recovered(image)
    assert first == second, cut
    broken = bytearray(image)
    for operation in after.operations[: generator.randrange(len(after.operations) + 1)]:
        apply(broken, operation)
    check(bytes(broken), allowed, (cut, "recovery"))
