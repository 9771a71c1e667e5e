"""The log of the store under MicroPython: on the blocks of a chip, and in files on littlefs."""

import gc

import vfs

from postino.board import storage
from postino.store.log import Log
from postino.store.log_device import SECTOR, FileLog, RawLog
from postino.store.records import ENTRIES, EXPUNGE, FLAGS, Items, Runs

# Set by run.py.
chip = None

SECTORS = 8
FIRST_BLOCK = 20
# Live octets that a log may keep, with its two buffers and the rings.
MOST_KEPT = 2200


def fill(log, transactions):
    """Writes transactions of up to 40 items and keeps the newest four sectors."""
    for number in range(transactions):
        with log:
            log.record(FLAGS, number % 7 + 1, 20)
            log.put_struct("<IIIII", number, 0, 0, number, number)
            items = Items(log, ENTRIES, 9, b"head", 28)
            for item in range(number % 40):
                items.put("<7I", *[number] * 6 + [item])
        log.release(log.sector - 3)


def check(log, transactions):
    """All that is left of these transactions reads as it was written, to the last one."""
    reader = log.reader()
    number = items = -1
    while reader.next():
        assert reader.sector >= log.tail
        if reader.kind == FLAGS:
            assert number < 0 or reader.word(0) == number + 1
            assert number < 0 or items == number % 40
            number = reader.word(0)
            assert (reader.sequence, reader.mailbox, reader.length) == (number + 1, number % 7 + 1, 20)
            items = 0
        else:
            for at in range(4, reader.length, 28):
                if number >= 0:
                    assert (reader.word(at), reader.word(at + 24)) == (number, items)
                    items += 1
    assert number == transactions - 1 and log.sequence == transactions
    reader = log.reader(number % 7 + 1)
    last = -1
    while reader.next():
        last = reader.word(0)
    assert last == number


def check_both(log, device, transactions):
    check(log, transactions)
    again = Log(device)
    again.load()
    assert (again.sector, again.position, again.dirty, again.damaged) == (log.sector, log.position, False, False)
    check(again, transactions)


def test_laps_on_the_chip():
    device = RawLog(chip, FIRST_BLOCK, SECTORS)
    log = Log(device)
    log.format()
    fill(log, 400)
    assert log.sector > 3 * SECTORS
    check_both(log, device, 400)


def test_laps_in_files():
    # The file system has the blocks before the log.
    storage.mount(Blocks(chip, FIRST_BLOCK), "/mail")
    device = FileLog("/mail", SECTORS)
    log = Log(device)
    log.format()
    fill(log, 120)
    assert log.sector > SECTORS
    check_both(log, device, 120)
    vfs.umount("/mail")


class Blocks:
    """The first blocks of a chip."""

    def __init__(self, device, blocks):
        self.readblocks = device.readblocks
        self.writeblocks = device.writeblocks
        self._device = device
        self._blocks = blocks

    def ioctl(self, operation, argument):
        return self._blocks if operation == storage.BLOCK_COUNT else self._device.ioctl(operation, argument)


def test_a_cut_transaction_does_not_count():
    device = RawLog(chip, FIRST_BLOCK, SECTORS)
    log = Log(device)
    log.format((1 << 40) - 5)
    with log:
        log.record(EXPUNGE, 1, 8)
        log.put_struct("<IHH", 1, 2, 3)
    end = log.position
    with log:
        log.record(EXPUNGE, 1, 8)
        log.put_struct("<IHH", 2, 3, 4)
        log.record(EXPUNGE, 2, 8)
        log.put_struct("<IHH", 5, 6, 7)
    # The first of its two records loses a bit; nothing comes behind it.
    piece = bytearray(16)
    device.read(1, end, piece)
    piece[4] = 0
    device.program(1, end, piece)
    log = Log(device)
    log.load()
    assert (log.sequence, log.position, log.dirty, log.damaged) == ((1 << 40) - 4, end, True, False)
    reader = log.reader()
    assert reader.next() and reader.word(0) == 1 and not reader.next()
    with log:
        log.record(EXPUNGE, 3, 8)
        log.put_struct("<IHH", 8, 9, 10)
    assert (log.sequence, log.sector, log.dirty) == ((1 << 40) - 2, 2, False)
    log = Log(device)
    log.load()
    reader = log.reader()
    assert reader.next() and reader.next() and reader.word(0) == 8 and not reader.next()


def test_what_it_takes_of_the_heap():
    device = RawLog(chip, FIRST_BLOCK, 24 - 4)
    gc.collect()
    before = gc.mem_alloc()
    log = Log(device)
    log.format()
    runs = Runs(log, 3, 1, 0, 0, 0)
    with log:
        for index in range(0, 600, 2):
            runs.put(index + 1, index)
        runs.finish()
    log.release(log.sector)
    gc.collect()
    assert gc.mem_alloc() - before < MOST_KEPT, gc.mem_alloc() - before
    found = 0
    reader = log.reader(3)
    while reader.next():
        found += (reader.length - 12) // 8
    assert found and log.sector * SECTOR > 0
