"""`python -m tests.crash.mutants`: every planted and every generated mistake has to be noticed; see README.md above."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
os.environ.pop("POSTINO_FIRMWARE", None)
sys.path.insert(0, str(ROOT / "firmware"))

from tests.crash.mutants import generated, hunt  # noqa: E402
from tests.crash.mutants.hunt import Catch  # noqa: E402
from tests.crash.mutants.mutant import Misfit, Mutant  # noqa: E402
from tests.crash.mutants.planted import PLANTED, Planted  # noqa: E402
from tests.crash.mutants.survivors import EXPLAINED  # noqa: E402

GENERATED = 60
PROCESSES = 2
# Characters of what caught a mutant.
LONGEST = 200


def catch_planted(planted: Planted) -> Catch | Misfit | None:
    """The laboratory alone: its most telling job, then all others."""
    try:
        mutant = planted.mutant()
    except Misfit as misfit:
        return misfit
    return hunt.in_laboratory(mutant, [planted.check, *hunt.checks()])


def each(work: Callable, items: list, processes: int) -> Iterator[tuple]:
    """(item, what was caught) in their order; the work is done by other processes, the threads wait for them."""
    with ThreadPoolExecutor(processes) as pool:
        yield from zip(items, pool.map(work, items), strict=True)


def shortened(text: str) -> str:
    """The beginning and the end, which says where."""
    text = " ".join(text.split())
    place = text[text.rindex("[") :]
    return text if len(text) <= LONGEST else f"{text[: max(LONGEST - len(place), 0)]}… {place}"


def show(name: str, catch: Catch | None) -> None:
    if catch is None:
        print(f"SURVIVED  {name}: {EXPLAINED.get(name, 'NO EXPLANATION')}", flush=True)
        return
    # What is violated comes first, then where; one line for each mutant.
    where, _, what = catch.text.rpartition(": invariant ")
    text = f"invariant {what} [{where}]" if where else f"{catch.text} [{catch.by}]"
    print(f"caught    {name}: {shortened(text)}", flush=True)


def run_planted(processes: int) -> int:
    """The number of survivors; what cannot be planted any more is one."""
    left = 0
    for planted, catch in each(catch_planted, list(PLANTED), processes):
        if isinstance(catch, Misfit):
            print(f"NO FIT    {catch}", flush=True)
            left += 1
            continue
        show(planted.name, catch)
        left += catch is None
    return left


def run_generated(mutants: list[Mutant], processes: int) -> tuple[int, int]:
    """The numbers of survivors that are explained, and of those that are not."""
    explained = unexplained = 0
    for mutant, catch in each(hunt.hunt, mutants, processes):
        show(mutant.name, catch)
        if catch is None and mutant.name in EXPLAINED:
            explained += 1
        elif catch is None:
            unexplained += 1
        elif mutant.name in EXPLAINED:
            print("          (its explanation in survivors.py is out of date)")
    return explained, unexplained


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.mutants", description=__doc__)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--generated", type=int, default=GENERATED, help=f"about so many (default {GENERATED})")
    parser.add_argument("--only", default="", help="only mutants that have this text in their names")
    arguments = parser.parse_args()
    begun = time.monotonic()
    control = hunt.hunt(None)
    if control is not None:
        print(f"without any mistake: {control.by}: {control.text}")
        return 1
    print(f"without any mistake: nothing is caught ({time.monotonic() - begun:.0f} s)", flush=True)
    print("planted:", flush=True)
    survived = 0 if arguments.only else run_planted(arguments.processes)
    mutants = [mutant for mutant in generated.chosen(arguments.generated) if arguments.only in mutant.name]
    print("generated:", flush=True)
    explained, unexplained = run_generated(mutants, arguments.processes)
    caught = len(mutants) - explained - unexplained
    print(f"planted    {len(PLANTED)}, survived {survived}")
    print(f"generated  {len(mutants)}, caught {caught}, survived {explained} explained and {unexplained} not")
    print(f"seconds    {time.monotonic() - begun:.0f}")
    return 1 if survived or unexplained else 0


sys.exit(main())
