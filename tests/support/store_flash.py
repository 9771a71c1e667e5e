"""The store on a whole mail partition in memory, mounted by the firmware's own code: littlefs first, then the raw log.

    flash = Flash(56)
    store = flash.mount()
    ...
    flash.chip.cut_in(7)
    ...
    flash.chip.power_on()
    store = flash.mount()

One file system at a time is behind the store; `release()` puts the host's own back. POSTINO_FIRMWARE names a folder to
take the firmware's module from that mounts, in place of firmware/.
"""

import importlib
import os
import sys
import types
from pathlib import Path
from unittest.mock import patch

from postino.store import Store
from postino.store.log_device import RawLog
from tests.support import littlefs_files
from tests.support.littlefs_files import FileSystem
from tests.support.nor_chip import Chip

ROOT = "/"
FIRMWARE = Path(os.environ.get("POSTINO_FIRMWARE") or Path(__file__).resolve().parents[2] / "firmware")
BOARD = FIRMWARE / "postino" / "board"


class Flash:
    """A chip that is the mail partition; `mount()` is a start of the firmware."""

    def __init__(self, blocks: int, image: bytes | bytearray | None = None) -> None:
        self.chip = Chip(blocks, image)

    def start(self, clock=None, report=None) -> Store:
        """Mounts the file system; the store is not open yet. Raises NotMountable."""
        mounted = []
        storage.vfs.mount = lambda system, _path: mounted.append(system)
        self.device = storage.mount_mail(self.chip, ROOT, RawLog)
        self.system: FileSystem = mounted[0]
        self.system.use()
        self.store = Store(ROOT, clock, self.device, report)
        return self.store

    def mount(self, clock=None, report=None) -> Store:
        """Mounts and opens the store, after formatting it if there is none."""
        store = self.start(clock, report)
        store.start()
        return store

    def release(self) -> None:
        littlefs_files.restore()


def _storage():
    """The firmware's module, on littlefs-python: `postino.board` itself wants MicroPython."""
    package = types.ModuleType("postino_board")
    package.__path__ = [str(BOARD)]
    vfs = types.ModuleType("vfs")
    vfs.VfsLfs2 = FileSystem
    with patch.dict(sys.modules, {"vfs": vfs}):
        sys.modules[package.__name__] = package
        modules = [importlib.import_module(f"postino_board.{name}") for name in ("storage", "first_format")]
    sys.modules.update({module.__name__: module for module in (package, *modules)})
    return modules[0]


storage = _storage()
NotMountable = storage.NotMountable
