"""littlefs-python behind the store's `files` module: files as MicroPython has them, on a chip in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from littlefs import lfs
from littlefs.errors import LittleFSError

from postino.store import files
from tests.support.nor_chip import BLOCK, BLOCK_COUNT, BLOCK_ERASE, EIO, Chip, PowerLost

ENOENT = 2
# The geometry of the mail partition (docs/store.md); MicroPython's own figures for the rest.
GEOMETRY = {
    "block_size": BLOCK,
    "read_size": 32,
    "prog_size": 32,
    "cache_size": 128,
    "lookahead_size": 512,
    "block_cycles": 100,
}
_SAVED = {
    name: getattr(files, name)
    for name in (
        "open_file",
        "remove",
        "rename",
        "make_directory",
        "remove_directory",
        "names_in",
        "size_of",
        "statvfs",
    )
    if hasattr(files, name)
}


class OnChip:
    """What littlefs-python calls, for a storage.Window onto a chip in memory."""

    def __init__(self, window) -> None:
        self._window = window
        self.chip = chip_of(window)
        self.read = self.chip.read
        self.prog = self.chip.prog
        self.sync = self.chip.sync

    def erase(self, _config, block: int) -> int:
        try:
            return self._window.ioctl(BLOCK_ERASE, block)
        except PowerLost:
            # littlefs is in between: whoever called it is told.
            return -EIO


class OnDevice:
    """The same for any block device in Python that raises nothing but PowerLost."""

    def __init__(self, device) -> None:
        self._device = device
        self.chip = Chip(0)

    def read(self, _config, block: int, offset: int, size: int) -> bytearray:
        buffer = bytearray(size)
        self._device.readblocks(block, buffer, offset)
        return buffer

    def prog(self, _config, block: int, offset: int, data) -> int:
        return self._done(self._device.writeblocks, block, data, offset)

    def erase(self, _config, block: int) -> int:
        return self._done(self._device.ioctl, BLOCK_ERASE, block)

    def _done(self, call, *arguments) -> int:
        try:
            return call(*arguments)
        except PowerLost:
            # littlefs is in between: whoever called it is told.
            self.chip.lost = True
            return -EIO

    def sync(self, _config) -> int:
        return 0


def chip_of(device) -> Chip | None:
    """The chip in memory that a storage.Window is a window onto."""
    if isinstance(device, Chip):
        return device
    owner = getattr(getattr(device, "readblocks", None), "__self__", None)
    return owner if isinstance(owner, Chip) else None


class FileSystem:
    """A littlefs on a block device, made as `vfs.VfsLfs2` is."""

    def __init__(self, device, **_options) -> None:
        self._mounted = False
        # littlefs has a list of the open files: none of them may go before it is closed.
        self.open_files: set[File] = set()
        context = OnDevice(device) if chip_of(device) is None else OnChip(device)
        self.chip = context.chip
        self.blocks = device.ioctl(BLOCK_COUNT, 0)
        self._config = lfs.LFSConfig(context=context, block_count=self.blocks, **GEOMETRY)
        self._fs = lfs.LFSFilesystem()
        self._call(lfs.mount, self._config)
        self._mounted = True

    @classmethod
    def mkfs(cls, device, **_options) -> None:
        context = OnDevice(device) if chip_of(device) is None else OnChip(device)
        config = lfs.LFSConfig(context=context, block_count=device.ioctl(BLOCK_COUNT, 0), **GEOMETRY)
        try:
            lfs.format(lfs.LFSFilesystem(), config)
        except LittleFSError as error:
            raise OSError(-error.code, "") from error
        finally:
            if context.chip.lost:
                raise PowerLost

    def __del__(self) -> None:
        # littlefs-python does not give back by itself what a mount has allocated.
        if self._mounted:
            self._mounted = False
            lfs.unmount(self._fs)

    def _call(self, function, *arguments):
        if self.chip.lost:
            # Not a step further: a file that was just opened has been given back behind the back of littlefs.
            raise PowerLost
        try:
            return function(self._fs, *arguments)
        except LittleFSError as error:
            raise OSError(-error.code, "") from error
        finally:
            if self.chip.lost:
                raise PowerLost

    # What `files` has.

    def open_file(self, path: str, mode: str) -> "File":
        return File(self, self._call(lfs.file_open, path, mode))

    def remove(self, path: str) -> None:
        self._call(lfs.remove, path)

    remove_directory = remove

    def rename(self, old: str, new: str) -> None:
        self._call(lfs.rename, old, new)

    def make_directory(self, path: str) -> None:
        self._call(lfs.mkdir, path)

    def names_in(self, path: str) -> list[str]:
        return [name for name, _, _ in self.entries(path)]

    def size_of(self, path: str) -> int:
        try:
            return self._call(lfs.stat, path).size
        except OSError as error:
            if error.args[0] == ENOENT:
                return 0
            raise

    def statvfs(self, _root: str):
        free = self.blocks - self.used_blocks()
        return BLOCK, BLOCK, self.blocks, free, free

    # For the tests.

    def entries(self, path: str) -> list[tuple[str, bool, int]]:
        """Name, whether it is a directory, and size of everything in a directory."""
        handle = self._call(lfs.dir_open, path)
        found = []
        try:
            info = self._call(lfs.dir_read, handle)
            while info:
                if info.name not in (".", ".."):
                    found.append((info.name, info.type == lfs.LFSStat.TYPE_DIR, info.size))
                info = self._call(lfs.dir_read, handle)
        finally:
            self._call(lfs.dir_close, handle)
        return found

    def tree(self, path: str = "/") -> dict[str, int]:
        """Path and size of every file."""
        found = {}
        for name, is_directory, size in self.entries(path):
            below = f"{path.rstrip('/')}/{name}"
            if is_directory:
                found.update(self.tree(below))
            else:
                found[below] = size
        return found

    def used_blocks(self) -> int:
        return self._call(lfs.fs_size)

    def use(self) -> None:
        """Puts this file system behind the store, in place of any other."""
        for name in _SAVED:
            setattr(files, name, getattr(self, name))


class File:
    """A file as MicroPython has it: no buffer above littlefs, flush() is the sync."""

    def __init__(self, system: FileSystem, handle) -> None:
        self._system = system
        self._handle = handle
        system.open_files.add(self)

    def _call(self, function, *arguments):
        if self._handle is None:
            raise ValueError("closed file")
        return self._system._call(function, self._handle, *arguments)

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = self._call(lfs.file_size) - self._call(lfs.file_tell)
        return self._call(lfs.file_read, size)

    def readinto(self, buffer) -> int:
        view = memoryview(buffer).cast("B")
        octets = self._call(lfs.file_read, len(view))
        view[: len(octets)] = octets
        return len(octets)

    def write(self, data) -> int:
        return self._call(lfs.file_write, bytes(data))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._call(lfs.file_seek, offset, whence)

    def tell(self) -> int:
        return self._call(lfs.file_tell)

    def flush(self) -> None:
        self._call(lfs.file_sync)

    def close(self) -> None:
        if self._handle is not None:
            try:
                self._call(lfs.file_close)
            finally:
                self._handle = None
                self._system.open_files.discard(self)

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_failure) -> None:
        self.close()


def restore() -> None:
    """The host's own files behind the store again."""
    for name, value in _SAVED.items():
        setattr(files, name, value)


@contextmanager
def on_chip(chip: Chip, fresh: bool = False) -> Iterator[FileSystem]:
    """A littlefs on all of the chip behind the store, for as long as the block; `fresh` formats it first."""
    if fresh:
        FileSystem.mkfs(chip)
    system = FileSystem(chip)
    system.use()
    try:
        yield system
    finally:
        restore()
