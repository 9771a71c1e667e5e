"""Opens a mail store of format 1 on the simulator's chip, on MicroPython.

upgrade_driver.py free FREE TOGETHER: in a heap with about FREE octets left, in pieces of little more than TOGETHER KB;
prints how long it takes.
upgrade_driver.py fail FIRST STEP: the N-th allocation fails, for N from FIRST on by STEP, until it is not reached any
more; each time the store is opened again on what that left. The file `flash.orig` has the chip as it was.
"""

import gc
import sys
import time

import simchip
import vfs

from postino.store import Store, StoreError
from postino.store.log_device import RawLog

ROOT = "/mail"
PIECE = 1088

BLOCK = 4096
BLOCK_COUNT = 4
ERASE = 6


def started(partition, storage):
    """The store, not yet open."""
    device = storage.mount_mail(partition, ROOT, RawLog)
    return Store(ROOT, None, device, None)


def board_storage():
    import postino.board.storage as storage

    return storage


def ballast(free, together):
    """Takes the whole heap in pieces; gives some back, `together` at a time and one not, until so much is free."""
    pieces = []
    try:
        while True:
            pieces.append(bytearray(PIECE))
    except MemoryError:
        pass
    index = len(pieces)
    while gc.mem_free() < free and index > 0:
        index -= 1
        if index % (together + 1):
            pieces[index] = None
            gc.collect()
    return pieces


def summary(store):
    found = []
    for info in store.catalogue.infos:
        messages, _, uidnext, validity, unseen = store.status(info[1], info[2])[:5]
        found.append((info[1], info[2], messages, uidnext, validity, unseen))
    return found


def in_little_memory(partition, free, together):
    store = started(partition, board_storage())
    held = ballast(free, together)
    gc.collect()
    before = gc.mem_free()
    start = time.ticks_ms()
    store.open()
    taken = time.ticks_diff(time.ticks_ms(), start)
    del held
    gc.collect()
    print("opened", before, taken, len(summary(store)))
    for line in summary(store):
        print(line)


def restore(partition, original):
    """The chip as it was."""
    there = bytearray(BLOCK)
    wanted = bytearray(BLOCK)
    original.seek(0)
    for number in range(partition.ioctl(BLOCK_COUNT, 0)):
        original.readinto(wanted)
        partition.readblocks(number, there, 0)
        if there != wanted:
            partition.ioctl(ERASE, number)
            partition.writeblocks(number, wanted, 0)


def opened(partition, storage, failing):
    """Starts once, with an allocation that fails (0: none); returns what came of it, and if it got that far."""
    store = started(partition, storage)
    gc.collect()
    start = simchip.allocations()
    simchip.fail_allocation(failing)
    try:
        store.open()
        outcome = summary(store)
    except (MemoryError, StoreError) as error:
        outcome = error
    finally:
        simchip.fail_allocation(0)
    reached = simchip.allocations() - start >= failing
    vfs.umount(ROOT)
    return outcome, reached


def with_failures(partition, first, step):
    storage = board_storage()
    expected, _ = opened(partition, storage, 0)
    failed = 0
    number = first
    reached = True
    with open("flash.orig", "rb") as original:
        while reached:
            restore(partition, original)
            outcome, reached = opened(partition, storage, number)
            if isinstance(outcome, Exception):
                failed += 1
                outcome, _ = opened(partition, storage, 0)
            assert outcome == expected, (number, outcome)
            number += step
    print("failures", failed, "allocations", number)


def main():
    partition = simchip.Partition(0, simchip.open("flash", "books"))
    numbers = [int(each) for each in sys.argv[2:]]
    if sys.argv[1] == "free":
        in_little_memory(partition, *numbers)
    else:
        with_failures(partition, *numbers)


main()
