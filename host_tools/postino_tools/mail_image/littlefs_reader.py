"""Reads the littlefs of a mail partition, by littlefs-python, into a FileSystem.

littlefs is written in C, for flash that nobody means harm with: on some damage it divides by zero, or runs in a circle
for ever. Whoever reads an image of unknown origin does it by littlefs_child.py.
"""

import struct

from littlefs import LittleFS, LittleFSError, UserContext, lfs

from postino_tools.mail_image.filesystem import FileSystem
from postino_tools.mail_image.log import blocks_of_log
from postino_tools.mail_image.octets import Damaged
from postino_tools.mail_image.partition import BLOCK, NAME, NAME_OFFSET, SUPERBLOCKS, NotAStore

# Geometry of the mail partition. A larger cache reads the same files, with fewer calls.
READ_SIZE = 32
CACHE = BLOCK
LOOKAHEAD = 512
# Any octets are a name in this encoding.
NAMES = "latin-1"
# littlefs's error number for input and output.
IO_ERROR = -5
# A block of metadata cannot hold more names: whoever finds more runs in a circle.
NAMES_OF_BLOCK = 256
# Behind the name in the superblock: a tag, the version, the size and the number of blocks.
COUNT = struct.Struct("<I")
COUNT_OFFSET = NAME_OFFSET + len(NAME) + 12
# Folders inside one another down to here are only looked through for a circle.
DEPTH_MAX = 16
# All files together cannot be longer than the file system. Those of a damaged one may have blocks in common.
SHARED_MAX = 2


class ReadOnlyBlocks(UserContext):
    """The octets of a partition as a block device that refuses to be written."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, cfg: object, block: int, off: int, size: int) -> bytes:  # type: ignore[override]
        start = block * BLOCK + off
        # The caller copies `size` octets whatever it gets.
        return self.content[start : start + size].ljust(size, b"\xff")

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        return IO_ERROR

    def erase(self, cfg: object, block: int) -> int:
        return IO_ERROR

    def sync(self, cfg: object) -> int:
        return 0


def read_littlefs(partition: bytes) -> FileSystem:
    """All files of the partition, as far as they can be read; NotAStore if it cannot be mounted."""
    mounted = _mount(partition)
    try:
        return _Reader(mounted).read_all()
    finally:
        # littlefs-python does not give back what a mount has allocated.
        mounted.unmount()


def _mount(partition: bytes) -> LittleFS:
    """Always with a number of blocks: without one littlefs takes what it finds, and divides by it."""
    blocks = len(partition) // BLOCK
    said = _counts_of_superblocks(partition)
    reason = ""
    for count in filter(range(1, blocks + 1).__contains__, [*said, blocks - blocks_of_log(blocks), blocks]):
        mounted = LittleFS(
            context=ReadOnlyBlocks(partition),
            mount=False,
            filename_encoding=NAMES,
            block_size=BLOCK,
            block_count=count,
            read_size=READ_SIZE,
            prog_size=READ_SIZE,
            cache_size=CACHE,
            lookahead_size=LOOKAHEAD,
        )
        try:
            mounted.mount()
            return mounted
        except LittleFSError as error:
            reason = reason or _reason(error)
    if any(count > blocks for count in said):
        raise NotAStore(f"the littlefs has {said[0]} blocks, the partition {blocks}")
    raise NotAStore(f"the littlefs of the mail partition cannot be mounted: {reason}")


def _counts_of_superblocks(partition: bytes) -> list[int]:
    """The numbers of blocks that the two superblocks say; one of them may have been cut."""
    found: list[int] = []
    for at in SUPERBLOCKS:
        if partition[at + NAME_OFFSET : at + NAME_OFFSET + len(NAME)] == NAME and len(partition) >= at + BLOCK:
            (count,) = COUNT.unpack_from(partition, at + COUNT_OFFSET)
            found += [count] if count not in found else []
    return found


class _Reader:
    """Goes through all folders and files of a mounted littlefs."""

    def __init__(self, mounted: LittleFS) -> None:
        self._fs = mounted.fs
        self._found = FileSystem(mounted.block_count)
        self._octets_left = SHARED_MAX * mounted.block_count * BLOCK

    def read_all(self) -> FileSystem:
        for folder in self._read_folder(""):
            for nested in self._read_folder(folder):
                self._found.nested.append(nested)
                if self._is_endless(nested):
                    self._found.endless.append(nested)
        return self._found

    def _read_folder(self, folder: str) -> list[str]:
        """Reads the files in a folder; returns the folders in it."""
        try:
            entries = self._entries(folder)
        except Damaged as error:
            self._found.unreadable[folder] = str(error)
            return []
        folders = []
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.type == lfs.LFSStat.TYPE_REG:
                self._found.files[path] = self._read_file(path, entry.size)
            else:
                folders.append(path)
        return folders

    def _is_endless(self, folder: str) -> bool:
        """True if the folders in it are too deep or too many to be true."""
        waiting = [folder]
        # A folder takes two blocks.
        left = self._found.blocks // 2
        while waiting:
            path = waiting.pop()
            left -= 1
            if left < 0 or path.count("/") >= DEPTH_MAX:
                return True
            try:
                entries = self._entries(path)
            except Damaged:
                continue
            waiting += [f"{path}/{entry.name}" for entry in entries if entry.type != lfs.LFSStat.TYPE_REG]
        return False

    def _entries(self, folder: str) -> list[lfs.LFSStat]:
        entries = []
        try:
            handle = lfs.dir_open(self._fs, f"/{folder}", NAMES)
            try:
                while (entry := lfs.dir_read(self._fs, handle, NAMES)) is not None:
                    if entry.name not in (".", ".."):
                        entries.append(entry)
                    if len(entries) > self._found.blocks * NAMES_OF_BLOCK:
                        raise Damaged("the directory has no end")
            finally:
                # littlefs keeps a list of what is open.
                lfs.dir_close(self._fs, handle)
        except LittleFSError as error:
            raise Damaged(_reason(error)) from None
        return entries

    def _read_file(self, path: str, size: int) -> tuple[bytes, str]:
        try:
            handle = lfs.file_open(self._fs, path, "r", NAMES)
        except LittleFSError as error:
            return b"", _reason(error)
        try:
            content, problem = self._read_whole(handle, min(size, self._octets_left))
        finally:
            lfs.file_close(self._fs, handle)
        self._octets_left -= len(content)
        return content, problem or ("" if len(content) == size else "the files are longer than the file system")

    def _read_whole(self, handle: lfs.LFSFile, size: int) -> tuple[bytes, str]:
        """The content; if there is none, piece by piece as much of it as there is."""
        try:
            return lfs.file_read(self._fs, handle, size), ""
        except LittleFSError as error:
            problem = _reason(error)
        pieces = []
        try:
            lfs.file_seek(self._fs, handle, 0, 0)
            while piece := lfs.file_read(self._fs, handle, READ_SIZE):
                pieces.append(piece)
        except LittleFSError:
            pass
        return b"".join(pieces), problem


def _reason(error: LittleFSError) -> str:
    """`LFS_ERR_CORRUPT` reads as `corrupt`."""
    return f"littlefs: {error.name.removeprefix('LFS_ERR_').lower()}"
