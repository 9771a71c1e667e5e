"""One operation on a store with its N-th allocation, or its N-th program or erase, failing, N = 1, 2, 3 and on.

`crash_failures.py BLOCKS memory|flash OPERATION STEP` works on the file `flash`: the blocks of a mail partition, and as
many more with the content that each try begins with. The last line is the number of failures.
"""

import gc
import hashlib
import sys

import simchip
import vfs
from store_driver import Driver

from postino.board import storage
from postino.store import Store, StoreError
from postino.store.log_device import RawLog

BLOCK = 4096
ERASE = 6
EIO = 5
DATE = 1764000000
USERS = ("anna", "ben")
# Slices after which no idle work is left.
IDLE = 40
MOST = 6000
# Octets that stand for an entry, and where the modification sequence is in it.
DIGEST = 8
MODSEQ = 5


class Failing:
    """A partition whose programs and erases fail when they are told to. It never raises."""

    def __init__(self, partition):
        self._partition = partition
        self.readblocks = partition.readblocks
        self.left = 0

    def _fails(self):
        if not self.left:
            return False
        self.left -= 1
        return self.left == 0

    def writeblocks(self, number, buffer, offset=0):
        return -EIO if self._fails() else self._partition.writeblocks(number, buffer, offset)

    def ioctl(self, operation, argument):
        if operation == ERASE and self._fails():
            return -EIO
        return self._partition.ioctl(operation, argument)


class Memory:
    """The same for allocations: `left` of them are made before one fails."""

    def __init__(self, partition):
        self.device = partition
        self._start = self._number = 0

    def arm(self, number):
        gc.collect()
        self._number = number
        self._start = simchip.allocations()
        simchip.fail_allocation(number)

    def disarm(self):
        """True if the failure has struck."""
        simchip.fail_allocation(0)
        return simchip.allocations() - self._start >= self._number


class Chip:
    def __init__(self, partition):
        self.device = Failing(partition)

    def arm(self, number):
        self.device.left = number

    def disarm(self):
        struck = self.device.left == 0
        self.device.left = 0
        return struck


def mounted(device):
    seconds = [DATE]
    window = storage.mount_mail(device, "/mail", RawLog)
    store = Store("/mail", lambda: seconds[0], window)
    store.open()
    return Driver(store, seconds, [])


def summary(driver):
    found = []
    for user in USERS:
        for info in driver.store.mailboxes(user):
            box = driver._mailbox(user, info, True)
            # In few octets: several summaries are in the heap at a time.
            modseqs = digest_of([entry.pop(MODSEQ) for entry in box["entries"]])
            entries = b"".join([digest_of(entry) for entry in box["entries"]])
            found.append((user, box["name"], box["uidvalidity"], box["uidnext"], box["attributes"], modseqs, entries))
    return found


def digest_of(value):
    return hashlib.sha256(repr(value).encode()).digest()[:DIGEST]


def without_modseqs(rows):
    """A fold that is made for want of memory takes a sequence number."""
    return [row[:-2] + row[-1:] for row in rows]


OPERATIONS = {
    "deliver": lambda d: d.deliver(["anna"], 9, 5000, DATE),
    "several": lambda d: d.deliver(list(USERS), 9, 60, DATE),
    "append": lambda d: d.append_only("anna", "Trash", 9, 200, 1, ["$Junk"], DATE),
    "append_all": lambda d: d.append_all_only("anna", "Trash", [[9, 200], [11, 900], [10, 60]], 1, ["$Junk"], DATE),
    "replace": lambda d: d.replace_only("anna", "INBOX", 2, "Archive", 9, 900, 1, ["work"], DATE),
    "status": lambda d: [d.store.status("anna", name) for name in ("INBOX", "Sent", "Junk")],
    "flags": lambda d: d.change("anna", "INBOX", [1, 3], "add", 4, [], None),
    "keyword": lambda d: d.change("ben", "INBOX", [2], "add", 0, ["work"], None),
    "copy": lambda d: d.transfer("anna", "INBOX", [1, 2], "Trash", False),
    "move": lambda d: d.transfer("anna", "INBOX", [2, 3], "Archive", True),
    "expunge": lambda d: d.expunge("anna", "Junk", [1]),
    "quit": lambda d: d.expunge("ben", "INBOX", [1, 2, 3]),
    "create": lambda d: d.create("ben", "Lists/2026"),
    "rename": lambda d: d.rename("ben", "Junk", "Old/Spam"),
    "delete": lambda d: d.delete("anna", "Archive"),
    "subscribe": lambda d: d.subscribe("ben", "Sent", False),
    "retention": lambda d: d.set_retention("anna", "INBOX", 3, 20),
    "idle": lambda d: d.maintain(4),
    "restart": lambda d: d.claim_and_shut("anna"),
}


def attempt(faults, name, number, after):
    """Tries the operation with this failure; returns whether it struck, and what the store holds."""
    driver = mounted(faults.device)
    before = summary(driver)
    said = None
    faults.arm(number)
    try:
        OPERATIONS[name](driver)
    except (MemoryError, StoreError) as error:
        said = error
    finally:
        struck = faults.disarm()
    if name == "restart":
        driver.store.open()
    now = summary(driver)
    if number:
        wanted = before if said else after
        assert without_modseqs(now) == without_modseqs(wanted), (name, number, said, now)
        assert not said or now == before, (name, number, said, now)
    live_on(driver, faults, now)
    return struck, now


def live_on(driver, faults, now):
    """The store goes on, and finds the same after a start."""
    # If memory ran out after a commit, everything is read again in idle time.
    driver.maintain(2)
    for user in USERS:
        driver.deliver([user], 10, 700, DATE)
    driver.maintain(IDLE)
    later = summary(driver)
    assert len(now) == len(later)
    # MicroPython's zip() has no `strict`.
    for old, new in zip(now, later):  # noqa: B905
        assert new[-1][: len(old[-1])] == old[-1] and len(new[-1]) == len(old[-1]) + DIGEST * (old[1] == "INBOX"), (
            old,
            new,
        )
    driver = None
    vfs.umount("/mail")
    again = mounted(faults.device)
    found = summary(again)
    assert found == later, (found, later)
    vfs.umount("/mail")


def restore(work, master, blocks, buffer, there):
    for number in range(blocks):
        master.readblocks(number, buffer)
        work.readblocks(number, there)
        if there != buffer:
            work.writeblocks(number, buffer)


def main():
    blocks = int(sys.argv[1])
    name = sys.argv[3]
    step = int(sys.argv[4])
    simchip.open("flash", "books")
    partition = simchip.Partition(0, blocks * BLOCK)
    master = simchip.Partition(blocks * BLOCK, blocks * BLOCK)
    buffer = bytearray(BLOCK)
    there = bytearray(BLOCK)
    faults = (Memory if sys.argv[2] == "memory" else Chip)(partition)
    restore(partition, master, blocks, buffer, there)
    after = attempt(faults, name, 0, None)[1]
    number = 1
    struck = True
    while struck:
        restore(partition, master, blocks, buffer, there)
        struck = attempt(faults, name, number, after)[0]
        number += step
        assert number < MOST, "never passes"
    print(number - step)


main()
