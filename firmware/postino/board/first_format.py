"""The first format of a file system: made only when nothing can be lost.

That is when the partition is blank (all 0xFF), or carries only what littlefs writes first when it formats, and not all
of that: power was lost before any file could exist.
"""

import vfs

from .storage import BLOCK_COUNT, BLOCK_SIZE, ERASE, LOOKAHEAD, PROGRAM_SIZE, READ_SIZE

# A format programs the superblock once into each of the blocks 0 and 1, so many octets of it.
SUPERBLOCKS = (0, 1)
SUPERBLOCK_MARK = 64
# Octets compared at a time.
PIECE = 1024


class _FormatWindow:
    """Passes a first format on, without an erase: one that is cut could leave anything, which nobody dares to erase.

    A superblock that was programmed in part looks blank until it is programmed again, with the same octets: what it
    lacks is added to it.
    """

    def __init__(self, device):
        self._device = device
        self._programmed = bytearray(len(SUPERBLOCKS))

    def readblocks(self, block, buffer, offset=0):
        if block in SUPERBLOCKS and not self._programmed[block]:
            for index in range(len(buffer)):
                buffer[index] = 0xFF
            return 0
        return self._device.readblocks(block, buffer, offset)

    def writeblocks(self, block, buffer, offset=0):
        if block in SUPERBLOCKS:
            self._programmed[block] = 1
        return self._device.writeblocks(block, buffer, offset)

    def ioctl(self, operation, argument):
        if operation == ERASE and argument in SUPERBLOCKS and not self._programmed[argument]:
            return 0
        return self._device.ioctl(operation, argument)


def make(partition, device):
    """Formats `device`, which lies on `partition`, if that loses nothing. False if something may be there.

    Nothing has been written then.
    """
    if not is_blank(partition):
        if not is_cut_format(partition, device):
            return False
        if not _is_format_in_part(partition, device.ioctl(BLOCK_COUNT, 0)):
            # It is that of an older version, for all blocks.
            for block in SUPERBLOCKS:
                device.ioctl(ERASE, block)
    # littlefs goes on from the revision count of what it finds; a blank start makes every first format the same.
    vfs.VfsLfs2.mkfs(_FormatWindow(device), readsize=READ_SIZE, progsize=PROGRAM_SIZE, lookahead=LOOKAHEAD)
    return True


def is_blank(device):
    """True if every octet of the partition is 0xFF."""
    return _is_blank_beside(device, 0)


def is_cut_format(partition, device):
    """True if the partition holds at most an unfinished format of this or an older version, and nothing else.

    That is the superblocks, perhaps in part: with the blocks of `device`, which lies on the partition, or with all.
    """
    if not _is_blank_beside(partition, SUPERBLOCK_MARK):
        return False
    for blocks in (device.ioctl(BLOCK_COUNT, 0), partition.ioctl(BLOCK_COUNT, 0)):
        if _is_format_in_part(partition, blocks):
            return True
    return False


def _is_format_in_part(partition, blocks):
    complete = _FormatRecorder(blocks)
    vfs.VfsLfs2.mkfs(complete, readsize=READ_SIZE, progsize=PROGRAM_SIZE, lookahead=LOOKAHEAD)
    found = bytearray(SUPERBLOCK_MARK)
    for block in SUPERBLOCKS:
        partition.readblocks(block, found, 0)
        if not _is_part_of(found, complete.marks[block]):
            return False
    return True


def _is_part_of(found, complete):
    # A program that was cut has cleared some of the bits it was to clear, and no other.
    for index in range(SUPERBLOCK_MARK):
        if found[index] & complete[index] != complete[index]:
            return False
    return True


def _is_blank_beside(device, mark):
    """True if all is 0xFF but the first `mark` octets of the superblocks."""
    for block in range(device.ioctl(BLOCK_COUNT, 0)):
        if not _is_blank_from(device, block, mark if block in SUPERBLOCKS else 0):
            return False
    return True


def _is_blank_from(device, block, offset):
    """True if all of the block from this offset on is 0xFF."""
    piece = bytearray(PIECE)
    blank = memoryview(b"\xff" * PIECE)
    while offset < BLOCK_SIZE:
        length = min(PIECE, BLOCK_SIZE - offset)
        view = memoryview(piece)[:length]
        device.readblocks(block, view, offset)
        if view != blank[:length]:
            return False
        offset += length
    return True


class _FormatRecorder:
    """A block device that remembers only what a format writes, to compare with."""

    def __init__(self, blocks):
        self._blocks = blocks
        self.marks = [bytearray(b"\xff" * SUPERBLOCK_MARK) for _ in SUPERBLOCKS]

    def readblocks(self, block, buffer, offset=0):
        for index in range(len(buffer)):
            known = block in SUPERBLOCKS and offset + index < SUPERBLOCK_MARK
            buffer[index] = self.marks[block][offset + index] if known else 0xFF
        return 0

    def writeblocks(self, block, buffer, offset=0):
        if block in SUPERBLOCKS:
            self.marks[block][offset : offset + len(buffer)] = buffer
        return 0

    def ioctl(self, operation, argument):
        if operation == BLOCK_COUNT:
            return self._blocks
        return BLOCK_SIZE if operation == 5 else 0
