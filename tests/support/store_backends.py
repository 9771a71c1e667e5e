"""Where the state machine of the store runs it: in this process over littlefs in memory, or inside MicroPython.

Both keep one flash chip over all restarts, and can lose power at any of its operations: PowerLost then.
"""

import json
import os
import random
import select
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from postino_tools.books import BLOCK_SIZE, Books
from postino_tools.runtime import find_runtime
from tests.device.store_driver import Driver
from tests.support import device_scripts
from tests.support.nor_chip import BLOCK, Chip, Operation, PowerLost, apply
from tests.support.store_flash import Flash

DEVICE = Path(__file__).resolve().parents[1] / "device"
# The longest that the VM may take for an answer.
PATIENCE_S = 60
POWER_CUT = 99


class Backend(Protocol):
    """A store on a chip."""

    def start(self, cut_in: int = 0) -> None:
        """Mounts the chip and opens the store; the power may go at this operation on the way (0: it does not)."""

    def stop(self) -> None:
        """The power goes now."""

    def call(self, name: str, *arguments: Any) -> dict:
        """A command of the driver."""

    def cut_in(self, operations: int, seed: int) -> None:
        """The power goes at this operation from now on (1: the next), in one of several ways."""

    def end(self) -> None: ...


class CutChip(Chip):
    """Keeps what it holds when the power goes, and goes on: littlefs cannot be left in the middle of a call."""

    def __init__(self, image: bytes) -> None:
        super().__init__(len(image) // BLOCK, image)
        self.kept: bytes | None = None

    def power_off(self) -> bytes:
        """What the chip holds; nothing changes that any more."""
        if self.kept is None:
            self.kept = bytes(self.image)
            self.lost = True
        return self.kept

    def cut(self, operations: int, seed: int) -> None:
        generator = random.Random(seed)
        left = [operations]

        def before(chip: Chip, operation: Operation) -> int:
            left[0] -= 1
            if left[0] == 0:
                self._half_done(operation, generator)
                self.power_off()
            return 0

        self.before = before

    def _asked(self, operation: Operation) -> int:
        return self.before(self, operation) if self.before is not None else 0

    def _half_done(self, operation: Operation, generator: random.Random) -> None:
        """What of the operation happens: nothing, a beginning, some of it, or all."""
        address, data = operation
        how = generator.randrange(4)
        if how == 1:
            apply(self.image, operation)
        elif data is not None and how == 2:
            apply(self.image, (address, data[: generator.randrange(len(data))]))
        elif data is not None and how == 3:
            some = bytes(octet | generator.randrange(256) for octet in data)
            apply(self.image, (address, some))
        elif how == 2:
            at = generator.choice((32, 128, generator.randrange(BLOCK)))
            self.image[address + at : address + BLOCK] = bytes(BLOCK - at)
        elif how == 3:
            self.image[address : address + BLOCK] = generator.randbytes(BLOCK)


class InMemory:
    """The store in this process."""

    def __init__(self, blocks: int) -> None:
        self._flash = Flash(0)
        self._chip = CutChip(b"\xff" * (blocks * BLOCK))
        self._driver: Driver

    def start(self, cut_in: int = 0) -> None:
        # A chip of its own: what still holds the old one cannot write any more.
        self._chip = self._flash.chip = CutChip(self._chip.power_off())
        if cut_in:
            self._chip.cut(cut_in, cut_in)
        seconds = [0]
        reports: list[str] = []
        store = self._flash.mount(lambda: seconds[0], reports.append)
        self._driver = Driver(store, seconds, reports)

    def stop(self) -> None:
        assert not self._chip.refused, "a program would have set bits"
        self._chip.power_off()

    def call(self, name: str, *arguments: Any) -> dict:
        return self._driver.call(name, *arguments)

    def cut_in(self, operations: int, seed: int) -> None:
        self._chip.cut(operations, seed)

    def end(self) -> None:
        self.stop()
        self._flash.release()


class Vm:
    """The real MicroPython, with the chip in files."""

    def __init__(self, blocks: int) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        self._folder = Path(self._temporary.name)
        self._size = blocks * BLOCK_SIZE
        (self._folder / "flash").write_bytes(b"\xff" * self._size)
        self._process: subprocess.Popen[bytes] | None = None
        self._books: Books | None = None
        self._pending = b""

    def start(self, cut_in: int = 0) -> None:
        self._books = Books.create(self._folder / "books", self._size)
        self._pending = b""
        firmware = os.environ.get("POSTINO_FIRMWARE", "")
        scripts = device_scripts.folder(DEVICE)
        self._process = subprocess.Popen(
            [find_runtime().path, "-X", "heapsize=1m", scripts / "store_machine.py", str(cut_in)],
            cwd=self._folder,
            env={**os.environ, "MICROPYPATH": f"{scripts}:{firmware}:.frozen" if firmware else f"{scripts}:.frozen"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._answer() == {"result": "ready"}

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=PATIENCE_S)
            self._process = None
        if self._books is not None:
            self._books.close()
            self._books = None

    def call(self, name: str, *arguments: Any) -> dict:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            # What it said before it ended is the answer.
            pass
        return self._answer()

    def _answer(self) -> dict:
        assert self._process is not None and self._process.stdout is not None
        stop = time.monotonic() + PATIENCE_S
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, stop - time.monotonic()))
            assert ready, "no answer"
            octets = os.read(self._process.stdout.fileno(), 65536)
            if not octets:
                self._ended()
            self._pending += octets
        line, _, self._pending = self._pending.partition(b"\n")
        return json.loads(line)

    def _ended(self) -> None:
        assert self._process is not None
        _, errors = self._process.communicate(timeout=PATIENCE_S)
        status = self._process.returncode
        self.stop()
        if status == POWER_CUT:
            raise PowerLost
        raise AssertionError(f"status {status}: {self._pending.decode()} {errors.decode()}")

    def cut_in(self, operations: int, seed: int) -> None:
        """The chip of the simulator knows one way only: the operation is complete, and nothing happens after it."""
        assert self._books is not None
        self.call("cut_at", self._books.operations + operations)

    def end(self) -> None:
        self.stop()
        self._temporary.cleanup()
