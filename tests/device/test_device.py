"""Runs the device tests under the 32-bit runtime, and checks that the runtime is the one that they mean."""

import ast
import os
import subprocess
from pathlib import Path

import pytest
from tests.support import device_scripts

from postino_tools import runtime_build
from postino_tools.books import BLOCK_SIZE, Books

FOLDER = Path(__file__).resolve().parent
FIRMWARE = FOLDER.parents[1] / "firmware"
HEAP = "112k"
PATIENCE_S = 240
CHIP_SIZE = 64 * BLOCK_SIZE


def run_micropython(*arguments, heap=HEAP, folder=FOLDER):
    """Runs the runtime with nothing but the frozen modules (and a script's own folder) to import from."""
    command = [str(runtime_build.BINARY), "-X", f"heapsize={heap}", *arguments]
    environment = {**os.environ, "MICROPYPATH": ".frozen"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def device_tests():
    """(module, function) of every device test; the files are read, not imported."""
    for path in sorted(FOLDER.glob("test_*_device.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield path.stem, node.name


@pytest.mark.parametrize(("module", "name"), list(device_tests()))
def test_on_device(module, name, tmp_path):
    # A small chip of the simulator, for tests that want one: its bytes are outside of the heap.
    (tmp_path / "flash").write_bytes(b"\xff" * CHIP_SIZE)
    Books.create(tmp_path / "books", CHIP_SIZE).close()
    result = run_micropython(str(device_scripts.folder(FOLDER) / "run.py"), module, name, folder=tmp_path)
    assert result.returncode == 0 and f"ok {name}" in result.stdout, result.stdout + result.stderr


def test_runner_reports_failures():
    """A failing assertion fails the run: the tests above mean something."""
    result = run_micropython("-c", "assert 1 == 2, 'seen'")
    assert result.returncode == 1 and "seen" in result.stderr + result.stdout


def test_runtime_is_32_bit():
    assert run_micropython("-c", "import sys; print(sys.maxsize)").stdout.split() == [str(2**31 - 1)]


def test_runtime_has_this_firmware_frozen_in():
    """Every module of the firmware imports from the frozen image, with no file in reach."""
    modules = {
        ".".join(path.relative_to(FIRMWARE).with_suffix("").parts).removesuffix(".__init__")
        for path in FIRMWARE.glob("postino/**/*.py")
        # The board modules talk to hardware, or to the simulator's chip, when they are imported.
        if path.parent.name != "board"
    }
    # The store first, as the firmware does it: a chain of imports takes stack.
    order = ["postino.store", *sorted(modules)]
    script = f"import sys\nfor name in {order!r}:\n    __import__(name)\n    print(sys.modules[name].__name__)"
    result = run_micropython("-c", script, heap="1m")
    assert result.stdout.split() == order, result.stdout + result.stderr


def test_runtime_is_current():
    """The image is that of these sources, not of yesterday's."""
    assert runtime_build.is_current()
