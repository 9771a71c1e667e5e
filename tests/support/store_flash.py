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

import importlib.util
import os
import sys
import types
from pathlib import Path

from postino.store import Store
from postino.store.log_device import RawLog
from tests.support import littlefs_files
from tests.support.littlefs_files import FileSystem
from tests.support.nor_chip import Chip

ROOT = "/"
FIRMWARE = Path(os.environ.get("POSTINO_FIRMWARE") or Path(__file__).resolve().parents[2] / "firmware")
STORAGE = FIRMWARE / "postino" / "board" / "storage.py"


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
    present = sys.modules.get("vfs")
    sys.modules["vfs"] = types.ModuleType("vfs")
    try:
        specification = importlib.util.spec_from_file_location("postino_board_storage", STORAGE)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
    finally:
        if present is None:
            del sys.modules["vfs"]
        else:
            sys.modules["vfs"] = present
    module.vfs.VfsLfs2 = FileSystem
    return module


storage = _storage()
NotMountable = storage.NotMountable
