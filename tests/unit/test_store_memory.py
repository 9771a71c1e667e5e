"""The store in the real runtime on the simulator's chip: the device tests, and every allocation failing once.

The store is the one frozen into the runtime (`make runtime`); POSTINO_FIRMWARE names a folder to take it from instead,
and then the heap is larger because its bytecode lies in it.
"""

import os
import subprocess
from pathlib import Path

import pytest

from postino_tools.books import BLOCK_SIZE, Books
from postino_tools.runtime import find_runtime

DEVICE_TESTS = Path(__file__).resolve().parents[1] / "device"
CHIP_SIZE = 48 * BLOCK_SIZE

SCRIPT = """
import sys
sys.path.append({tests!r})
if {firmware!r}:
    sys.path.insert(0, {firmware!r})
import simchip
simchip.open("flash", "books")
import test_store_device as tests
tests.chip = simchip.Partition(0, {size})
{body}
"""


def run(folder: Path, body: str) -> str:
    (folder / "flash").write_bytes(b"\xff" * CHIP_SIZE)
    Books.create(folder / "books", CHIP_SIZE).close()
    firmware = os.environ.get("POSTINO_FIRMWARE", "")
    heap = "400k" if firmware else "112k"
    script = SCRIPT.format(tests=str(DEVICE_TESTS), firmware=firmware, size=CHIP_SIZE, body=body)
    command = [str(find_runtime().path), "-X", f"heapsize={heap}", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_device_tests_pass_on_the_chip(tmp_path: Path) -> None:
    body = """
tests.OPERATIONS = ()
for name in dir(tests):
    if name.startswith("test_"):
        getattr(tests, name)()
        print(name)
"""
    assert len(run(tmp_path, body).split()) >= 8


SHORT = ("deliver", "append", "several", "flags", "keyword", "expunge", "copy", "move", "create", "delete", "rename")
# So many allocations that only every so manieth is made to fail.
LONG = ("maintain", "close")


@pytest.mark.parametrize("operation", SHORT + LONG)
def test_one_allocation_fails(tmp_path: Path, operation: str) -> None:
    step = 7 if operation in LONG else 1
    body = f"tests.OPERATIONS = ({operation!r},)\ntests.STEP = {step}\ntests.test_every_allocation_may_fail()\n"
    assert int(run(tmp_path, body).split()[1]) > 10
