"""The 32-bit MicroPython on a simulated chip, driven from outside: a script in it answers calls, the chip counts.

All counters are those of the simulator's chip (`simchip`): an operation is one block-device call.
"""

import json
import os
import struct
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from postino_tools.books import BLOCK_SIZE, Books
from postino_tools.flash_layout import FLASH_SIZES, MAIL, find_partition, layout
from postino_tools.runtime import RuntimeMissing, find_runtime
from tests.support import device_scripts

FOLDER = Path(__file__).resolve().parent
FIRMWARE = FOLDER.parents[1] / "firmware"

FLASH = "flash"
BOOKS = "books"
_RECORD = struct.Struct("<5Q")


class MachineFailed(Exception):
    """The script in the VM ended with an error; the text is what it said."""


@dataclass(frozen=True)
class Counts:
    """What the chip counted."""

    reads: int = 0
    read_bytes: int = 0
    progs: int = 0
    prog_bytes: int = 0
    erases: int = 0

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def mail_partition(flash_size: str = "16M") -> tuple[int, int]:
    """Offset and blocks of the mail partition of a chip."""
    partition = find_partition(layout(FLASH_SIZES[flash_size]), MAIL)
    return partition.offset, partition.size // BLOCK_SIZE


class Machine:
    """A VM that runs a script of vm/ on a chip in `folder`; the chip stays when the VM ends, the counters do not."""

    def __init__(
        self, folder: Path, script: str, arguments: tuple[str, ...] = (), search: str = "", heap: str = "1m"
    ) -> None:
        self.folder = folder
        # On a firmware that is not frozen they run as well: what they hold of constants is this checkout's.
        scripts = device_scripts.folder(FOLDER / "vm", FOLDER / "candidates")
        self._command = [str(runtime()), "-X", f"heapsize={heap}", str(scripts / script), *arguments]
        self._environment = {**os.environ, "MICROPYPATH": f"{search}:.frozen"}
        self._process: subprocess.Popen[str] | None = None
        self._books: Books | None = None

    def start(self) -> Self:
        """Starts the VM on the chip as it is, with counters at zero; makes a blank chip if there is none."""
        flash = self.folder / FLASH
        size = FLASH_SIZES["16M"]
        if not flash.exists():
            flash.write_bytes(b"\xff" * size)
        self._books = Books.create(self.folder / BOOKS, size)
        self._process = subprocess.Popen(
            self._command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self

    def stop(self) -> None:
        """Ends the VM: as a loss of power does, nothing is written."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        if self._books is not None:
            self._books.close()
            self._books = None

    def __enter__(self) -> Self:
        return self.start() if self._process is None else self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def call(self, name: str, *arguments: object) -> Any:
        """Calls a function of the script and returns its result."""
        assert self._process is not None and self._process.stdin and self._process.stdout, "not started"
        try:
            self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            output, errors = self._process.communicate()
            raise MachineFailed(f"{name}: {errors}{output}")
        return json.loads(line)

    def measure(self, name: str, *arguments: object) -> tuple[Any, Counts]:
        """Calls a function; returns its result and what the chip counted meanwhile."""
        before = self.counts()
        result = self.call(name, *arguments)
        return result, self.counts() - before

    def counts(self) -> Counts:
        """The counters of the whole chip since the start."""
        assert self._books is not None, "not started"
        totals = self._books.totals()
        return Counts(*(totals[each.name] for each in fields(Counts)))

    def erases_by_block(self, offset: int, blocks: int) -> list[int]:
        """How often each block of a partition has been erased since the start."""
        with open(self.folder / BOOKS, "rb") as file:
            file.seek(BLOCK_SIZE + offset // BLOCK_SIZE * _RECORD.size)
            return [record[4] for record in _RECORD.iter_unpack(file.read(blocks * _RECORD.size))]


def runtime() -> Path:
    """The simulator's MicroPython; only that one has the chip. SystemExit with one line if it is not there."""
    try:
        found = find_runtime()
    except RuntimeMissing as error:
        raise SystemExit(str(error)) from None
    if not found.has_chip:
        raise SystemExit("the benches need the runtime of the simulator (make runtime)")
    return found.path
