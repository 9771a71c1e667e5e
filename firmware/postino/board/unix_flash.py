"""Stands in for the module `simchip` on a MicroPython that was not built for Postino: the same flash chip, in Python.

It behaves as NOR flash does, counts into the same books (layout: host_tools/postino_tools/sim_chip/books.h) and can
lose power; it is slower, its counters lie in the firmware's heap, and it cannot make allocations fail.
"""

# The chip's files are there from open() on.
# pyright: reportOptionalMemberAccess=false, reportAttributeAccessIssue=false

import array
import gc
import struct
import sys
import time

BLOCK_SIZE = 4096
PAGE_SIZE = 256
EXIT_NOR_VIOLATION = 98
EXIT_POWER_CUT = 99

# Places in the books.
HEADER_SIZE = 4096
AT_OPERATIONS = 24
AT_FAULT = 32
AT_HEAP_PEAK = 40
AT_GAUGES = 64
GAUGES = 16
COUNTERS = 5
READS, READ_BYTES, PROGS, PROG_BYTES, ERASES = range(COUNTERS)

# Milliseconds of real flash; shorter waits than these are left out.
ERASE_MS = 45

_BLANK = b"\xff" * PAGE_SIZE


class _Chip:
    """The open flash file and its counters."""

    def __init__(self):
        self.file = None
        self.books = None
        self.counters = None
        self.operations = 0
        self.cut_after = 0
        self.timed = False
        self.heap_peak = 0
        self.gauges = [0] * GAUGES
        self.fault = None
        # After a power cut nothing is written any more, whatever still runs.
        self.dead = False

    def count(self, address, length, kind, bytes_kind=None):
        block = address // BLOCK_SIZE
        self.counters[block * COUNTERS + kind] += 1
        while bytes_kind is not None and length > 0:
            part = min(length, BLOCK_SIZE - address % BLOCK_SIZE)
            self.counters[address // BLOCK_SIZE * COUNTERS + bytes_kind] += part
            address += part
            length -= part

    def operation_done(self):
        self.operations += 1
        if self.operations == self.cut_after:
            die(EXIT_POWER_CUT)


_chip = _Chip()


def open_file(path):
    # The name `open` is taken by this module's own.
    import io

    return io.open(path, "r+b")


def open(flash_path, books_path):
    """Opens the chip; returns its size in bytes."""
    _chip.file = open_file(flash_path)
    _chip.books = open_file(books_path)
    size = _chip.file.seek(0, 2)
    _chip.counters = array.array("I", bytes(size // BLOCK_SIZE * COUNTERS * 4))
    return size


def close():
    """Writes the books and ends all writing."""
    if _chip.books is not None:
        _chip.dead = True
        flush()


def flush():
    """Writes the books: not at each operation, for that would double the time it takes."""
    _write_at(AT_OPERATIONS, struct.pack("<Q", _chip.operations))
    if _chip.fault is not None:
        _write_at(AT_FAULT, struct.pack("<Q", _chip.fault))
    _write_at(AT_HEAP_PEAK, struct.pack("<Q", _chip.heap_peak))
    for slot in range(GAUGES):
        _write_at(AT_GAUGES + 8 * slot, struct.pack("<Q", _chip.gauges[slot]))
    for index in range(len(_chip.counters)):
        if _chip.counters[index]:
            _write_at(HEADER_SIZE + 8 * index, struct.pack("<Q", _chip.counters[index]))


def _write_at(offset, data):
    _chip.books.seek(offset)
    _chip.books.write(data)


def die(status):
    """Ends the process as a loss of power would: no write after this."""
    close()
    sys.exit(status)


class Partition:
    """A window onto the chip, with the methods of esp32.Partition."""

    def __init__(self, offset, size):
        self._offset = offset
        self._size = size

    def readblocks(self, block, buffer, offset=0):
        address = self._offset + block * BLOCK_SIZE + offset
        _chip.count(address, len(buffer), READS, READ_BYTES)
        _chip.file.seek(address)
        _chip.file.readinto(buffer)
        return 0

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            for start in range(0, len(buffer), BLOCK_SIZE):
                self.ioctl(6, block + start // BLOCK_SIZE)
            offset = 0
        address = self._offset + block * BLOCK_SIZE + offset
        if _chip.dead:
            return -5
        self._refuse_setting_bits(address, buffer)
        _chip.file.seek(address)
        _chip.file.write(buffer)
        _chip.count(address, len(buffer), PROGS, PROG_BYTES)
        _chip.operation_done()
        return 0

    def _refuse_setting_bits(self, address, buffer):
        present = bytearray(len(buffer))
        _chip.file.seek(address)
        _chip.file.readinto(present)
        for index in range(len(present)):
            if buffer[index] & ~present[index]:
                _chip.fault = address + index
                die(EXIT_NOR_VIOLATION)

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._size // BLOCK_SIZE
        if operation == 5:
            return BLOCK_SIZE
        if operation == 6 and _chip.dead:
            return -5
        if operation == 6:
            address = self._offset + argument * BLOCK_SIZE
            _chip.file.seek(address)
            for _ in range(BLOCK_SIZE // PAGE_SIZE):
                _chip.file.write(_BLANK)
            _chip.count(address, 0, ERASES)
            if _chip.timed:
                time.sleep_ms(ERASE_MS)
            _chip.operation_done()
        return 0


def power_cut(number):
    _chip.cut_after = number


def timing(mode):
    _chip.timed = mode == 1


def note(slot, value):
    """Publishes a figure. It is called after collections, so the live heap is measured here too."""
    _chip.gauges[slot] = value
    _chip.heap_peak = max(_chip.heap_peak, gc.mem_alloc())


def fail_allocation(count):
    pass


def allocations():
    return 0
