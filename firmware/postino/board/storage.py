"""Mounts the two file systems, the same way on every port, and formats one only when nothing can be lost.

That is when the partition is blank (all 0xFF), or carries only what littlefs writes first when it formats, and not all
of that: power was lost before any file could exist. Everything else that does not mount is left as it is.
"""

import vfs

# Kept for the life of a file system: littlefs stores files up to its cache size (four times `progsize`) inline.
READ_SIZE = 32
PROGRAM_SIZE = 32
LOOKAHEAD = 512

BLOCK_SIZE = 4096
# The numbers of the block-device protocol.
BLOCK_COUNT = 4
ERASE = 6

# A format programs the superblock once into each of the blocks 0 and 1, so many octets of it.
SUPERBLOCKS = (0, 1)
SUPERBLOCK_MARK = 64
# Octets compared at a time.
PIECE = 2048


class NotMountable(Exception):
    """A partition does not mount and may hold something; nothing was written. The text is one line."""


class MailNotMountable(NotMountable):
    """The same, of the partition `mail`."""


def mount(device, path):
    """Mounts littlefs from a block device at `path`, formatting it first if that loses nothing. NotMountable."""
    try:
        system = _open(device)
    except OSError as error:
        blank = is_blank(device)
        if not blank and not is_cut_format(device):
            raise NotMountable("it does not mount (error %s) and is not blank" % error.args[0])
        _format(device, blank)
        system = _open(device)
    vfs.mount(system, path)


def _open(device):
    return vfs.VfsLfs2(device, readsize=READ_SIZE, progsize=PROGRAM_SIZE, lookahead=LOOKAHEAD, mtime=False)


def _format(device, blank):
    # littlefs goes on from the revision count of what it finds; a blank start makes every first format the same.
    if not blank:
        for block in SUPERBLOCKS:
            device.ioctl(ERASE, block)
    vfs.VfsLfs2.mkfs(device, readsize=READ_SIZE, progsize=PROGRAM_SIZE, lookahead=LOOKAHEAD)


def is_blank(device):
    """True if every octet of the partition is 0xFF."""
    return _is_blank_beside(device, 0)


def is_cut_format(device):
    """True if the partition holds at most an unfinished format: the superblocks, perhaps in part, and nothing else."""
    if not _is_blank_beside(device, SUPERBLOCK_MARK):
        return False
    complete = _FormatRecorder(device.ioctl(BLOCK_COUNT, 0))
    vfs.VfsLfs2.mkfs(complete, readsize=READ_SIZE, progsize=PROGRAM_SIZE, lookahead=LOOKAHEAD)
    found = bytearray(SUPERBLOCK_MARK)
    for block in SUPERBLOCKS:
        device.readblocks(block, found, 0)
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
    piece = bytearray(PIECE)
    blank = memoryview(b"\xff" * PIECE)
    for block in range(device.ioctl(BLOCK_COUNT, 0)):
        offset = mark if block in SUPERBLOCKS else 0
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
