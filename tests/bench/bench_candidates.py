"""Counts the flash operations of the two candidates for the index: `python -m tests.bench.bench_candidates`.

Both run on the littlefs of the simulator's MicroPython, on the mail partition of a 16 MB chip, with everything that
they write included: letters, index, merges. docs/store-decision.md says what came of it.
"""

import argparse
import random
import tempfile
from pathlib import Path

from tests.bench.machine import Machine, mail_partition

SEED = 4
LETTERS = 1000
SIZE = 4096
# Title -> arguments of vm/candidate_driver.py.
CANDIDATES = {
    "A, sealed summary and cells": ("cells",),
    "B, journal on raw sectors": ("ring",),
    "B, records padded to 32 octets in place of 16": ("ring", "32"),
    "B, records padded to 4 octets": ("ring", "4"),
}


def rows(arguments: tuple[str, ...], folder: Path, letters: int) -> list[tuple[str, float, float, float, float]]:
    """(operation, octets programmed, erases, reads, octets read), averages an operation."""
    source = random.Random(SEED)
    result = []

    def add(what: str, count: int, function: str, *values: object) -> None:
        _, counts = machine.measure(function, *values)
        figures = (counts.prog_bytes, counts.erases, counts.reads, counts.read_bytes)
        result.append((what, *(figure / count for figure in figures)))

    for recipients in (1, 10):
        part = folder / str(recipients)
        part.mkdir()
        with Machine(part, "candidate_driver.py", arguments, heap="8m") as machine:
            machine.call("start", *mail_partition())
            to = "1 user" if recipients == 1 else f"{recipients} users"
            add(f"deliver {SIZE:,} B to {to}", letters, "deliver", letters, SIZE, recipients)
            if recipients == 1:
                uids = [source.randint(1, letters) for _ in range(letters)]
                add("change the flags of one letter", letters, "flags", uids)
                assert machine.call("select") == letters
                add("select", 1, "select")
                uids = source.sample(range(1, letters + 1), letters // 2)
                add("expunge one letter", len(uids), "expunge", uids)
                assert machine.call("select") == letters - len(uids)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=LETTERS, help="letters in the mailbox, and operations")
    letters = parser.parse_args().letters
    print(f"Averages of {letters} operations on a mailbox of up to {letters} letters (expunge: half of them).")
    for title, arguments in CANDIDATES.items():
        print(f"\n{title}\n{'':34}{'programmed':>12}{'erases':>9}{'reads':>9}{'read':>12}")
        with tempfile.TemporaryDirectory() as folder:
            for what, programmed, erases, reads, read in rows(arguments, Path(folder), letters):
                print(f"{what:34}{programmed:10,.0f} B{erases:9.3f}{reads:9,.0f}{read:10,.0f} B")


if __name__ == "__main__":
    main()
