"""What `make bench-store` measures at the store itself, each on a fresh chip: functions that return rows.

Averages count everything: letters, records, snapshots and states as they are written on the way, and at the end
what is left to be folded. The limits are those of the task; the floor is what the flash needs at least: the
octets of the file once and an erase for each of its blocks, or one record, or the entries once.
"""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import Counts, Machine, mail_partition
from tests.bench.report import Row

KB = 1024
BLOCK = 4096
USERS = ("anna", "ben", "clara", "dora", "emil", "fritz")
SEED = 4
# A record with a single letter in it, padded; the commit of littlefs that removes a name.
RECORD = 48
EXPUNGE_RECORD = 32
REMOVAL = 32
ENTRY = 36
# Octets of the header of the letters, with the first mailbox's trace (vm/store_driver.py).
HEADER = 566
# Letters of a batch that surely fit into the partition.
BATCH_BLOCKS = 1800


@dataclass(frozen=True)
class Subject:
    """What is measured: a driver in vm/, and where it imports the firmware from (empty: it is frozen in)."""

    driver: str = "store_driver.py"
    firmware: str = ""

    @contextmanager
    def machine(self, folder: Path, blocks: int = 0) -> Iterator[Machine]:
        """A VM with an open store on the chip in `folder`."""
        offset, whole = mail_partition()
        with Machine(folder, self.driver, search=self.firmware, heap="512k") as machine:
            machine.call("start", offset, blocks or whole)
            yield machine

    @contextmanager
    def fresh(self, users: tuple[str, ...] = USERS, blocks: int = 0) -> Iterator[Machine]:
        """The same on a new chip, with users and their default folders."""
        with tempfile.TemporaryDirectory() as folder, self.machine(Path(folder), blocks) as machine:
            for user in users:
                machine.call("user", user)
            yield machine


def blocks_of(octets: int) -> int:
    """Blocks of a littlefs file: the n-th block, from 0, has as many pointers as n has trailing zero bits, and one."""
    blocks, room = 1, BLOCK
    while room < octets:
        room += BLOCK - 4 * ((blocks & -blocks).bit_length())
        blocks += 1
    return blocks


def indexes(source: random.Random, count: int, letters: int) -> list[int]:
    return [source.randrange(letters) for _ in range(count)]


def settled(machine: Machine) -> Counts:
    """Everything that is still to be folded and written is, and counts."""
    return machine.measure("settle")[1] + machine.measure("close")[1]


def reopened(machine: Machine) -> None:
    """Closes the store with everything folded and opens it again in a new process."""
    settled(machine)
    machine.stop()
    machine.start()
    machine.call("start", *mail_partition())


# Letters in.


def deliver(subject: Subject, stored: int, count: int, limits: tuple[float | None, float | None]) -> list[Row]:
    """Letters to one user, into a mailbox that fills; where the partition is too small for all, in batches."""
    total = Counts()
    batch = max(1, min(count, BATCH_BLOCKS // blocks_of(stored)))
    with subject.fresh() as machine:
        for first in range(0, count, batch):
            if first:
                machine.call("empty", USERS[0], 16)
            number = min(batch, count - first)
            done, counts = machine.measure("deliver", number, stored, [USERS[0]])
            assert done == number, "the partition is full"
            assert machine.call("stored_size", USERS[0], 0) == stored
            total += counts
        total += settled(machine)
    what = f"deliver {stored:,} B"
    return [
        Row(what, total.prog_bytes / count / stored, "programmed per byte", limits[0], 1.0),
        Row(what, total.erases / count, "erases", limits[1], blocks_of(stored)),
    ]


def deliver_into(subject: Subject, stored: int, count: int, present: int) -> list[Row]:
    """The same into a mailbox that has letters: its snapshot is larger from the start."""
    with subject.fresh() as machine:
        machine.call("deliver", present, 1000, [USERS[0]])
        _, total = machine.measure("deliver", count, stored, [USERS[0]])
        total += settled(machine)
    what = f"deliver {stored:,} B into a mailbox of {present:,}"
    return [
        Row(what, total.prog_bytes / count / stored, "programmed per byte", None, 1.0),
        Row(what, total.erases / count, "erases", None, blocks_of(stored)),
    ]


def deliver_to_ten(subject: Subject, stored: int, count: int, limit: float) -> list[Row]:
    """One letter to ten users against one to one of the same ten."""
    programmed = []
    users = tuple(f"user{number}" for number in range(10))
    for recipients in (1, 10):
        with subject.fresh(users) as machine:
            done, counts = machine.measure("deliver", count, stored, users[:recipients])
            assert done == count
            counts += settled(machine)
            programmed.append(counts.prog_bytes)
    # A target of a record takes 16 octets.
    floor = (stored + RECORD + 9 * 16) / (stored + RECORD)
    return [
        Row(f"deliver {stored:,} B to 10 users", programmed[1] / programmed[0], "times one to 1 user", limit, floor)
    ]


# Changes.


@contextmanager
def with_letters(subject: Subject, letters: int) -> Iterator[Machine]:
    """A mailbox of small letters, folded; nothing is selected."""
    with subject.fresh() as machine:
        assert machine.call("deliver", letters, 1000, [USERS[0]]) == letters
        reopened(machine)
        yield machine


def flags(subject: Subject, count: int, letters: int) -> list[Row]:
    """Single STOREs on random letters, then one of all letters."""
    source = random.Random(SEED)
    with with_letters(subject, letters) as machine:
        machine.call("select", USERS[0])
        _, one = machine.measure("flags", USERS[0], indexes(source, count, letters))
        one += settled(machine)
    with with_letters(subject, letters) as machine:
        machine.call("select", USERS[0])
        _, everything = machine.measure("flag_all", USERS[0], 4)
        everything += settled(machine)
    return [
        Row("one flag change", one.prog_bytes / count, "B programmed", 300, RECORD),
        Row("one flag change", one.erases / count, "erases", 0.1, RECORD / BLOCK),
        Row(f"STORE 1:{letters} +FLAGS", everything.prog_bytes / KB, "KB programmed", 64, RECORD / KB),
        Row(f"STORE 1:{letters} +FLAGS", everything.erases, "erases", 20, 0),
    ]


def expunge(subject: Subject, count: int, letters: int) -> list[Row]:
    """Single random letters out of a mailbox that has `letters` on average."""
    source = random.Random(SEED)
    most = letters + count // 2
    with with_letters(subject, most) as machine:
        machine.call("select", USERS[0])
        _, counts = machine.measure("expunge", USERS[0], [source.randrange(most - done) for done in range(count)])
        counts += settled(machine)
    floor = EXPUNGE_RECORD + REMOVAL
    return [
        Row(f"expunge of one of {letters:,}", counts.prog_bytes / count, "B programmed", 600, floor),
        Row(f"expunge of one of {letters:,}", counts.erases / count, "erases", 0.2, floor / BLOCK),
    ]


# Reading.


def select(subject: Subject, letters: int) -> list[Row]:
    """SELECT of a mailbox that was just folded, and of one with many changes since, then the table alone."""
    source = random.Random(SEED)
    rows = []
    with with_letters(subject, letters) as machine:
        rows += select_rows(machine, letters, f"SELECT of {letters:,}, folded")
        opened, read = machine.call("heap_of_open", USERS[0])
        rows.append(Row(f"an open mailbox of {letters:,}", opened, "B of heap", 10 * letters, 6 * letters))
        rows.append(
            Row(f"an open mailbox of {letters:,}, all of it read", read, "B of heap", 11 * letters, 6 * letters)
        )
        machine.call("flags", USERS[0], indexes(source, 200, letters))
        machine.call("unselect", USERS[0])
        rows += select_rows(machine, letters, f"SELECT of {letters:,}, 200 changes since")
        for user in USERS[1:]:
            machine.call("deliver", 4, 1000, [user])
        for _ in range(40):
            for user in USERS:
                machine.call("flags", user, indexes(source, 5, 4))
        machine.call("unselect", USERS[0])
        rows += select_rows(machine, letters, f"SELECT of {letters:,}, changes of all mailboxes since")
    return rows


def select_rows(machine: Machine, letters: int, what: str) -> list[Row]:
    """Selects, which must only read, and asks for all flags, which must not even do that."""
    found, counts = machine.measure("select", USERS[0])
    assert found == letters, (found, letters)
    asked, table = machine.measure("fetch_flags", USERS[0])
    assert asked == letters
    none, changed = machine.measure("changed_since", USERS[0])
    assert none == 0
    asked, cold = machine.measure("fetch_cold", USERS[0])
    assert asked == letters
    machine.call("unselect", USERS[0])
    floor = ENTRY * letters
    return [
        Row(what, counts.read_bytes / KB, "KB read", 64 * letters / 1000, floor / KB),
        Row(what, counts.reads, "reads", None, floor // KB + 1),
        Row(what, counts.progs + counts.erases, "programs and erases", 0, 0),
        Row("FETCH 1:* (FLAGS) after it", table.reads, "reads", 0, 0),
        Row("FETCH 1:* (FLAGS) (CHANGEDSINCE …) after it", changed.reads, "reads", 0, 0),
        Row("FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE MODSEQ)", cold.read_bytes / KB, "KB read", None, floor / KB),
        Row("FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE MODSEQ)", cold.reads, "reads", None, floor // KB + 1),
    ]


def select_many(subject: Subject, entries: int) -> list[Row]:
    """A mailbox of letters that are each in it twice: more than the partition has room for files."""
    with with_letters(subject, entries // 2) as machine:
        machine.call("double", USERS[0])
        reopened(machine)
        return select_rows(machine, entries, f"SELECT of {entries:,}")


def headers(subject: Subject, letters: int, stored: int) -> list[Row]:
    """The header fields of all letters: each file is opened, read and closed."""
    with subject.fresh() as machine:
        assert machine.call("deliver", letters, stored, [USERS[0]]) == letters
        reopened(machine)
        machine.call("select", USERS[0])
        _, counts = machine.measure("fetch_headers", USERS[0])
    return [
        Row(f"header fields of {letters:,}", counts.read_bytes / letters / KB, "KB read a letter", 9, HEADER / KB),
        Row(f"header fields of {letters:,}", counts.reads / letters, "reads a letter", 60, 1),
    ]


# The start.


def boot(subject: Subject, letters: int) -> list[Row]:
    """Six users with 1,000 letters in all, after losses of power: the log is as it is, then as full as it gets."""
    rows = []
    source = random.Random(SEED)
    each = letters // len(USERS)
    with subject.fresh() as machine:
        for _ in range(each):
            for user in USERS:
                machine.call("deliver", 1, BLOCK, [user])
        machine.call("deliver", letters - each * len(USERS), BLOCK, [USERS[0]])
        rows += boot_rows(machine, "boot after deliveries", 1024)
        machine.call("busy", True)
        fullest = 0
        while machine.call("least_to_read") >= fullest:
            fullest = machine.call("least_to_read")
            for user in USERS:
                machine.call("flags", user, indexes(source, 4, each))
        rows += boot_rows(machine, "boot with the log full", None)
    return rows


def boot_rows(machine: Machine, what: str, limit: float | None) -> list[Row]:
    """Loses power, starts, delivers; with a full log the first delivery has to fold first, so it has no limit."""
    floor = machine.call("least_to_read")
    machine.stop()
    machine.start()
    _, counts = machine.measure("start", *mail_partition())
    _, first = machine.measure("deliver_one", BLOCK, USERS[1])
    return [
        Row(what, counts.read_bytes / KB, "KB read", 250, floor / KB),
        Row(what, counts.reads, "reads"),
        Row(what, counts.progs + counts.erases, "programs and erases"),
        Row("first delivery after it", first.read_bytes / KB, "KB read", limit),
        Row("first delivery after it", first.reads, "reads"),
    ]


# Room.


def capacity(subject: Subject) -> list[Row]:
    """Letters of 4,096 B for six users until one is refused; then all go, one by one, and as many fit again."""
    _, blocks = mail_partition()
    with subject.fresh() as machine:
        empty = machine.call("free")[0]
        letters = fill(machine)
        machine.call("flags", USERS[0], list(range(50)))
        removed = sum(machine.call("empty", user, 1) for user in USERS)
        back = machine.call("free")[0]
        again = fill(machine)
    return [
        Row("letters of 4,096 B until full, of the blocks of `mail`", 100 * letters / blocks, "%", 94, 100, True),
        Row("letters of 4,096 B until full", letters),
        Row("letters deleted at 100 %, one by one", removed, "", letters, None, True),
        Row("octets of free room that did not come back", empty - back, "", 2 * BLOCK * (1 + letters // 64)),
        Row("letters that fit again", again, "", letters, None, True),
    ]


def fill(machine: Machine) -> int:
    """Letters in turn to all users until one is refused."""
    total = 0
    while machine.call("deliver", 1, BLOCK, [USERS[total % len(USERS)]]):
        total += 1
    return total


def rounds(subject: Subject, count: int, blocks: int = 64) -> list[Row]:
    """Fills and empties a small partition again and again."""
    users = USERS[:2]
    with subject.fresh(users, blocks) as machine:
        result = machine.call("rounds", 10, BLOCK, users)
        _, _, settled = result[-1]
        for _ in range(count // 50):
            result += machine.call("rounds", 50, BLOCK, users)
    letters = [each[0] for each in result]
    what = f"{count:,} rounds of filling and deleting ({blocks} blocks)"
    return [
        Row(what, letters[9] - letters[-1], "letters fewer at the end", 0),
        Row(what, max(letters) - min(letters), "letters between best and worst"),
        Row(what, settled - result[-1][2], "blocks of littlefs fewer at the end", 2),
    ]


# Wear.

SIZES = (1000, 1000, 1000, 4096, 4096, 4096, 4096, 8294, 8294, 30000)
LETTERS_A_DAY = 200
CYCLES = 100_000
# Letters that a user keeps.
KEPT = 40
# Letters in a folder that are emptied at once.
FOLDER_FULL = 10


class Mix:
    """A seeded mix of operations that leaves the number of letters about the same."""

    def __init__(self) -> None:
        self.source = random.Random(SEED)
        self.inbox = dict.fromkeys(USERS, 0)
        self.folder = {(user, name): 0 for user in USERS for name in ("Trash", "Archive")}
        self.delivered = 0

    def operation(self) -> list[object]:
        """[name, user, number], as the driver takes it."""
        user = self.source.choice(USERS)
        for name in ("Trash", "Archive"):
            if self.folder[user, name] >= FOLDER_FULL:
                self.folder[user, name] = 0
                return ["empty", user, name]
        number = self.source.randrange(1 << 20)
        if self.inbox[user] < KEPT // 2 or self.source.random() < 0.5:
            return self._in_or_out(user, number)
        if self.source.random() < 0.1:
            self.folder[user, "Archive"] += 1
            return ["copy", user, number]
        return ["store", user, number]

    def _in_or_out(self, user: str, number: int) -> list[object]:
        if self.source.randrange(2 * KEPT) >= self.inbox[user]:
            self.inbox[user] += 1
            self.delivered += 1
            return ["deliver", user, self.source.choice(SIZES)]
        self.inbox[user] -= 1
        if self.source.random() < 0.3:
            self.folder[user, "Trash"] += 1
            return ["move", user, number]
        return ["expunge", user, number]


def wear(subject: Subject, operations: int) -> list[Row]:
    """Mixed operations on a chip half full of old mail, which nobody touches."""
    offset, blocks = mail_partition()
    mix = Mix()
    with subject.fresh((*USERS, "old")) as machine:
        machine.call("deliver", blocks // 2, BLOCK, ["old"])
        before = machine.erases_by_block(offset, blocks)
        for first in range(0, operations, 100):
            machine.call("mixed", [mix.operation() for _ in range(min(100, operations - first))])
        erases = [after - was for after, was in zip(machine.erases_by_block(offset, blocks), before, strict=True)]
    most, mean = max(erases), sum(erases) / blocks
    years = CYCLES / most * mix.delivered / LETTERS_A_DAY / 365
    what = f"{operations:,} mixed operations"
    return [
        Row(what, most / mean, "most-erased block / mean", 8, 1),
        Row(what, most, "erases of the most-erased block"),
        Row(what, mean, "erases of a block on average"),
        Row(what, erases.index(most), "the most-erased block"),
        Row(
            f"at {LETTERS_A_DAY} letters a day",
            years,
            "years until the first block has 100,000",
            None,
            CYCLES / mean * mix.delivered / LETTERS_A_DAY / 365,
        ),
    ]
