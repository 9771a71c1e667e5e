"""Calls that fail below the store, of littlefs and of the raw log; also during a start."""

from collections.abc import Callable

import pytest

from postino.store.log_device import RawLog
from tests.support.littlefs_files import File, FileSystem

EIO = 5
# What littlefs says of metadata or a block pointer that makes no sense.
CORRUPT = 84

# What finds damage, and what else may fail.
_READING = ("read", "readinto")
_OF_FILES = (*_READING, "seek", "write", "close")
_OF_THE_SYSTEM = ("remove", "rename", "names_in", "size_of")
_OF_THE_LOG = ("read", "program", "erase")


class Faults:
    """Call number `left` from now on fails (0: none does), and all after it if `lasting`.

    With `only` just opening and reading the files whose path it likes is counted.
    """

    def __init__(self, patch: pytest.MonkeyPatch, error: Exception, only: Callable[[str], bool] | None = None) -> None:
        self.left = 0
        self.lasting = False
        self._error = error
        self._only = only
        self._counted: set[int] = set()
        patch.setattr(FileSystem, "open_file", self._opening(FileSystem.open_file))
        for name in _OF_FILES if only is None else _READING:
            patch.setattr(File, name, self._before(getattr(File, name)))
        if only is None:
            for owner, names in ((FileSystem, _OF_THE_SYSTEM), (RawLog, _OF_THE_LOG)):
                for name in names:
                    patch.setattr(owner, name, self._before(getattr(owner, name)))

    def strike(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.left = int(self.lasting)
            raise self._error

    def disarm(self) -> bool:
        """True if it has struck."""
        struck = self.lasting or self.left <= 0
        self.left = 0
        self.lasting = False
        return struck

    def _opening(self, function: Callable) -> Callable:
        def open_file(system: FileSystem, path: str, mode: str) -> File:
            counts = self._only is None or self._only(path)
            if counts:
                self.strike()
            file = function(system, path, mode)
            if counts:
                self._counted.add(id(file))
            else:
                self._counted.discard(id(file))
            return file

        return open_file

    def _before(self, function: Callable) -> Callable:
        def call(owner, *arguments):
            if function is close:
                # It has been closed all the same.
                function(owner)
            if not isinstance(owner, File) or id(owner) in self._counted:
                self.strike()
            return None if function is close else function(owner, *arguments)

        close = File.close
        return call
