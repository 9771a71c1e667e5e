"""Mounts the two file systems, the same way on every port, and formats one only when nothing can be lost.

That is when the partition is blank (all 0xFF), or carries only what littlefs writes first when it formats, and not all
of that: power was lost before any file could exist. Everything else that does not mount is left as it is.

The last blocks of the partition `mail` are not littlefs' but the log of the store, raw (docs/store.md). Only where an
older version has made the file system, it has all of them.
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

# What littlefs says of a superblock with another number of blocks.
EINVAL = 22

# Blocks of the log: one in so many of the partition, within these bounds.
LOG_SHARE = 140
LEAST_LOG = 8
MOST_LOG = 24

# A format programs the superblock once into each of the blocks 0 and 1, so many octets of it.
SUPERBLOCKS = (0, 1)
SUPERBLOCK_MARK = 64
# Octets compared at a time.
PIECE = 1024


class NotMountable(Exception):
    """A partition does not mount and may hold something; nothing was written. The text is one line."""


class MailNotMountable(NotMountable):
    """The same, of the partition `mail`."""


class Window:
    """The blocks of the partition `mail` that its littlefs has: all of them, or those before the log."""

    def __init__(self, partition, blocks):
        # Without a call in between. littlefs' calls come through C: nothing here may raise or allocate.
        self.readblocks = partition.readblocks
        self.writeblocks = partition.writeblocks
        self._ioctl = partition.ioctl
        self.blocks = blocks
        # Erases that littlefs has asked for.
        self.erases = 0
        # The store's log device; None if the log lies in files.
        self.log = None

    def ioctl(self, operation, argument):
        if operation == BLOCK_COUNT:
            return self.blocks
        if operation == ERASE:
            self.erases += 1
        return self._ioctl(operation, argument)


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


def log_blocks(blocks):
    """Blocks of the log in a partition with so many blocks."""
    return min(MOST_LOG, max(LEAST_LOG, blocks // LOG_SHARE))


def mount(device, path):
    """Mounts littlefs from a block device at `path`, formatting it first if that loses nothing. NotMountable."""
    try:
        system = _open(device)
    except OSError as error:
        system = _first_format(device, device, error)
    vfs.mount(system, path)


def mount_mail(partition, path, make_log):
    """Does the same with the partition `mail`, and returns its Window.

    `make_log(partition, first block, blocks)` makes the log device, where there is a raw log.
    """
    total = partition.ioctl(BLOCK_COUNT, 0)
    window = Window(partition, total - log_blocks(total))
    try:
        system = _open(window)
    except OSError as error:
        try:
            whole = Window(partition, total)
            system = _open(whole)
            window = whole
        except OSError as other:
            system = _first_format(partition, window, other if error.args[0] == EINVAL else error)
    if window.blocks < total:
        window.log = make_log(partition, window.blocks, total - window.blocks)
    vfs.mount(system, path)
    return window


def _first_format(partition, device, error):
    """Formats `device`, which lies on the partition, after `error` when it was to be mounted."""
    if not is_blank(partition):
        if not is_cut_format(partition, device):
            raise NotMountable("it does not mount (error %s) and is not blank" % error.args[0])
        if not _is_format_in_part(partition, device.ioctl(BLOCK_COUNT, 0)):
            # It is that of an older version, for all blocks.
            for block in SUPERBLOCKS:
                device.ioctl(ERASE, block)
    # littlefs goes on from the revision count of what it finds; a blank start makes every first format the same.
    vfs.VfsLfs2.mkfs(_FormatWindow(device), readsize=READ_SIZE, progsize=PROGRAM_SIZE, lookahead=LOOKAHEAD)
    return _open(device)


def _open(device):
    # A bit for each block is all that littlefs can use, in pieces of 64.
    lookahead = min(LOOKAHEAD, (device.ioctl(BLOCK_COUNT, 0) + 63) // 64 * 8)
    return vfs.VfsLfs2(device, readsize=READ_SIZE, progsize=PROGRAM_SIZE, lookahead=lookahead, mtime=False)


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
