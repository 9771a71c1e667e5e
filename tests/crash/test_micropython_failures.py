"""Under the real MicroPython: the N-th allocation fails, and the N-th program or erase, N = 1, 2, 3 and on.

POSTINO_FAILURE_STEP is how far N goes on each time for allocations, of which there are hundreds (default 5).
POSTINO_FIRMWARE names a folder to take the store from in place of the one that is frozen into the runtime.
"""

import os
import subprocess
from pathlib import Path

import pytest

from postino_tools.books import BLOCK_SIZE, Books
from postino_tools.runtime import find_runtime
from tests.crash.failures import BLOCKS, Bench
from tests.support import device_scripts

DEVICE = Path(__file__).resolve().parents[1] / "device"
STEP = int(os.environ.get("POSTINO_FAILURE_STEP", "5"))
FIRMWARE = os.environ.get("POSTINO_FIRMWARE", "")
PATIENCE_S = 1500

OPERATIONS = (
    *("deliver", "several", "append", "append_all", "replace", "flags", "keyword", "copy", "move", "expunge", "quit"),
    *("create", "rename", "delete", "subscribe", "retention", "status", "idle", "restart"),
)


@pytest.fixture(scope="module")
def image() -> bytes:
    return Bench().image


def run(folder: Path, image: bytes, *arguments: str) -> int:
    (folder / "flash").write_bytes(b"\xff" * len(image) + image)
    Books.create(folder / "books", 2 * len(image)).close()
    # As on a board, and room for this test's own code; more if the firmware's bytecode is in the heap too.
    heap = "1m" if FIRMWARE else "160k"
    assert len(image) == BLOCKS * BLOCK_SIZE
    command = [
        find_runtime().path,
        "-X",
        f"heapsize={heap}",
        device_scripts.folder(DEVICE) / "crash_failures.py",
        str(BLOCKS),
        *arguments,
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "MICROPYPATH": f"{FIRMWARE}:.frozen" if FIRMWARE else ".frozen"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-3000:]
    return int(done.stdout.split()[-1])


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_allocation_fails(tmp_path: Path, image: bytes, operation: str) -> None:
    assert run(tmp_path, image, "memory", operation, str(STEP)) > 10


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_flash_operation_fails(tmp_path: Path, image: bytes, operation: str) -> None:
    assert run(tmp_path, image, "flash", operation, "1") >= 1
