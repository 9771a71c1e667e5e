"""A sample of the images is opened by the real MicroPython, 32 bits wide, on its own littlefs: it finds the same.

POSTINO_FIRMWARE names a folder to take the store from, in place of the one frozen into the runtime.
"""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from postino_tools.books import BLOCK_SIZE, Books
from postino_tools.runtime import find_runtime
from tests.crash import workloads
from tests.crash.images import images
from tests.device.store_driver import Driver
from tests.support import device_scripts
from tests.support.store_flash import Flash

DEVICE = Path(__file__).resolve().parents[1] / "device"
SEED = 20261124
# Cuts of each workload; every one has up to three images.
CUTS = 14
SAMPLES = ("letters", "flags", "folders", "folds", "full", "cuts", "every kind, full log", "every kind, torn tail")
FIRMWARE = os.environ.get("POSTINO_FIRMWARE", "")
PATIENCE_S = 250
# What is found is put together in the heap, and perhaps the firmware's bytecode is there too.
HEAP = "4m"


def sample(name: str):
    recording = workloads.WORKLOADS[name](SEED)
    chosen = random.Random(f"{SEED} {name}").sample(recording.indices(), CUTS)
    return recording, [bytes(rolling.image) for _, rolling in images(recording, f"{SEED}", 1, chosen)]


def on_cpython(image: bytes, users) -> dict:
    flash = Flash(len(image) // BLOCK_SIZE, image)
    seconds = [0]
    store = flash.start(lambda: seconds[0])
    store.open()
    try:
        return Driver(store, seconds, []).observe([user for user in users if store.find(user, "INBOX")], True)
    finally:
        flash.release()


def on_micropython(folder: Path, contents: list[bytes], users) -> list[dict]:
    (folder / "flash").write_bytes(b"".join(contents))
    Books.create(folder / "books", sum(len(image) for image in contents)).close()
    blocks = str(len(contents[0]) // BLOCK_SIZE)
    command = [
        find_runtime().path,
        "-X",
        f"heapsize={HEAP}",
        device_scripts.folder(DEVICE) / "crash_images.py",
        str(len(contents)),
        blocks,
    ]
    done = subprocess.run(
        [*command, *users],
        cwd=folder,
        env={**os.environ, "MICROPYPATH": f"{FIRMWARE}:.frozen" if FIRMWARE else ".frozen"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", SAMPLES)
def test_micropython_finds_the_same(tmp_path: Path, name: str) -> None:
    recording, contents = sample(name)
    found = on_micropython(tmp_path, contents, recording.users)
    assert len(found) == len(contents) >= CUTS
    for number, image in enumerate(contents):
        # Through JSON, which has no tuples.
        expected = json.loads(json.dumps(on_cpython(image, recording.users)))
        assert found[number] == expected, f"image {number} of {name}"
