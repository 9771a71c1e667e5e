"""Measures how letters best lie in directories: `python -m tests.bench.directories`.

1,000 letters of one block on the mail partition of a 16 MB chip, on the littlefs of the simulator's MicroPython. For
each shape of the directories: what it costs to write a letter, to open a random one and read 1 KB of it, and to write
the first one after a mount, when littlefs looks through all directories for free blocks.
"""

import random
import tempfile
from pathlib import Path

from tests.bench.machine import Machine, mail_partition

SEED = 4
LETTERS = 1000
SIZE = 4096
# Folder above the directories, letters a directory, what is sealed when one is full.
SHAPES = (
    ("", 64, "none"),
    ("", 64, "full"),
    ("", 64, "above too"),
    ("/letters", 64, "none"),
    ("/letters", 64, "full"),
    ("", 48, "none"),
    ("", 48, "full"),
    ("", 32, "full"),
    ("", 128, "full"),
)


def row(folder: Path, parent: str, per_directory: int, sealing: str) -> str:
    """Measures one shape."""
    slots = random.Random(SEED).sample(range(LETTERS), LETTERS)
    shape = (parent, per_directory)
    with Machine(folder, "directory_driver.py") as machine:
        machine.call("start", *mail_partition(), True, *shape)
        _, filled = machine.measure("fill", LETTERS, SIZE, sealing)
        used = machine.call("used") - LETTERS
    with Machine(folder, "directory_driver.py") as machine:
        _, mounted = machine.measure("start", *mail_partition(), False, *shape)
        _, first = machine.measure("create", per_directory * (LETTERS // per_directory + 1), SIZE)
        _, opened = machine.measure("read", slots)
    return (
        f"{parent or '/':10}{per_directory:4}{sealing:>11}"
        f"{filled.prog_bytes / LETTERS:12,.0f}{filled.erases / LETTERS:8.3f}{used:8}"
        f"{opened.reads / LETTERS:9.1f}{opened.read_bytes / LETTERS / 1024:9.1f}"
        f"{mounted.read_bytes / 1024:9.1f}{first.read_bytes / 1024:13,.0f}"
    )


def main() -> None:
    print(f"{LETTERS} letters of {SIZE} B\n")
    print(f"{'shape':25}{'writing a letter':>20}{'beside':>8}{'open, read 1 KB':>18}{'mount':>9}{'first write':>13}")
    print(
        f"{'below':10}{'each':>4}{'sealed':>11}{'B':>12}{'erases':>8}{'blocks':>8}{'reads':>9}{'KB':>9}{'KB':>9}{'KB':>13}"
    )
    for shape in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            print(row(Path(folder), *shape))


if __name__ == "__main__":
    main()
