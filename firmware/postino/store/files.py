"""The file system calls the store uses, in one place: tests put another file system behind them."""

import os

from postino.store.errors import StoreFull, StoreUnavailable

ENOENT = 2
ENOSPC = 28
# What littlefs says of metadata or a block pointer that makes no sense (LFS_ERR_CORRUPT).
ECORRUPT = 84

NEW = ".new"

_END_OF_FILE = 2


def open_file(path: str, mode: str):
    """Opens a file; the caller closes it in a `finally`: left to a finaliser, half a file would be committed."""
    return open(path, mode)


def remove(path: str):
    os.remove(path)


def rename(old: str, new: str):
    """Atomic on littlefs; replaces `new`."""
    os.rename(old, new)


def make_directory(path: str):
    os.mkdir(path)


def remove_directory(path: str):
    os.rmdir(path)


def names_in(path: str) -> list:
    return os.listdir(path)


def number_of(name: str) -> int:
    """The number that a name of ours says (docs/store.md), -1 for other names."""
    try:
        number = int(name, 16)
    except ValueError:
        return -1
    return number if name == "%x" % number else -1


def size_of(path: str) -> int:
    """Octets in the file, 0 if there is none."""
    try:
        file = open_file(path, "rb")
    except OSError as error:
        if error.args[0] == ENOENT:
            return 0
        raise
    # Not os.stat(): MicroPython looks the name up twice there, the second time for a date that there is not.
    try:
        return file.seek(0, _END_OF_FILE)
    finally:
        file.close()


def statvfs(root: str):
    """Block size, fragment size, blocks, free blocks, … of the file system."""
    return os.statvfs(root)


def try_remove(path: str) -> bool:
    """Removes a file that may not be there; True if nothing is left of it."""
    try:
        remove(path)
    except OSError as error:
        return error.args[0] == ENOENT
    return True


def translated(error):
    """The store's own exception for one of the file system's; others as they are."""
    if not isinstance(error, OSError):
        return error
    if error.args and error.args[0] == ENOSPC:
        return StoreFull("flash full")
    return StoreUnavailable("flash error %s" % (error.args[0] if error.args else ""))


class _Guard:
    """`with guard:` turns what the file system raises into the store's own exceptions."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, OSError):
            raise translated(error)
        return False


guard = _Guard()
