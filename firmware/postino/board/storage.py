"""Mounts the two file systems, the same way on every port, and formats one only when nothing can be lost.

What does not mount is left as it is, unless first_format.py finds that there cannot be anything in it.

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
    # Once in the life of a chip: app.py forgets the module again.
    from . import first_format

    if not first_format.make(partition, device):
        raise NotMountable("it does not mount (error %s) and is not blank" % error.args[0])
    return _open(device)


def _open(device):
    # A bit for each block is all that littlefs can use, in pieces of 64.
    lookahead = min(LOOKAHEAD, (device.ioctl(BLOCK_COUNT, 0) + 63) // 64 * 8)
    return vfs.VfsLfs2(device, readsize=READ_SIZE, progsize=PROGRAM_SIZE, lookahead=lookahead, mtime=False)
