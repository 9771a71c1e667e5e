"""What is done to catch a mutant: the laboratory first, cheap recordings before dear ones, then the tests of the store.

Everything runs in processes of its own with a bound, on a copy of the firmware; the first that is found is enough.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.crash.mutants.child import REFUSALS
from tests.crash.mutants.mutant import ROOT, Mutant, environment_for, put_into
from tests.crash.plan import Job

# Cuts of each recording; every one leaves three images or so.
CUTS = 30
TWICE_CUTS = 12
# Several times what it takes without a mutant: what takes longer hangs.
LABORATORY_S = 900
TESTS_S = 900

CHEAP = (
    *("flags", "letters", "folders", "imap", "retention", "folds", "slices", "first start", "mixed", "cuts", "full"),
    *("subscriptions", "every kind, torn tail", "every kind, cut state", "every kind, cut fold"),
    *("every kind, pending in state", "every kind, uncommitted tail", "every kind, everything logged"),
    "every kind, across sectors",
)
DEAR = (
    *("ring", "every kind, full log", "every kind, half across sectors", "every kind, sector ends"),
    *("every kind, cut header", "every kind, cut erase"),
)
# Everything but the upgrade from format 1, the quickest first.
OTHERS = ("test_store_upgrade.py",)
SLOWEST = (
    "tests/unit/test_store_failures.py",
    "tests/crash/test_nth_failures.py",
    "tests/crash/test_state_machine.py",
)


class Catch(NamedTuple):
    """What caught a mutant: the job or the test, and what it said."""

    by: str
    text: str


def job(workload: str, cuts: int = CUTS, twice: bool = False) -> Job:
    """A few cuts of a recording. The host's own reader, which does not change, has no part in it."""
    return Job(workload, 0, twice=twice, cuts=cuts, agreement=0)


def checks() -> list[str]:
    """The laboratory's part of the hunt."""
    jobs = [job(name) for name in CHEAP]
    jobs.append(job("mixed", TWICE_CUTS, True))
    jobs += [job(name) for name in DEAR]
    return [*(json.dumps(each) for each in jobs), REFUSALS]


def hunt(mutant: Mutant | None) -> Catch | None:
    """Everything; None if the mutant survives, or if there is none."""
    return in_laboratory(mutant, checks()) or in_tests(mutant)


def in_laboratory(mutant: Mutant | None, wanted: list[str]) -> Catch | None:
    command = [sys.executable, "-m", "tests.crash.mutants.child", *wanted]
    done = run(mutant, command, LABORATORY_S)
    if isinstance(done, Catch):
        return done
    if done.returncode < 0:
        return Catch("laboratory", f"ended by signal {-done.returncode}: {_last_line(done.stderr)}")
    if done.returncode:
        return Catch("laboratory", f"does not run: {_last_line(done.stderr)}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Catch(_title(found["check"]), found["text"]) if found else None


def tests_of_the_store() -> list[str]:
    """Their files, in the order in which they are run."""
    found = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/unit/test_store*.py"))
    return [*(file for file in found if not file.endswith(OTHERS) and file not in SLOWEST), *SLOWEST]


def in_tests(mutant: Mutant | None) -> Catch | None:
    with tempfile.TemporaryDirectory() as folder:
        firmware = put_into(Path(folder), mutant)
        options = ["-q", "-x", "--no-header", "-p", "no:cacheprovider", "--timeout=60", f"--basetemp={folder}/tests"]
        command = [sys.executable, "-m", "pytest", *options, *tests_of_the_store()]
        done = bounded(command, firmware, TESTS_S)
    if isinstance(done, Catch):
        return done
    if done.returncode == 0:
        return None
    failure = re.search(r"^(?:FAILED|ERROR) (\S+?)(?:\[.*?\])?(?: - (.*))?$", done.stdout, re.MULTILINE)
    if failure is None:
        return Catch("tests", f"status {done.returncode}: {_last_line(done.stdout + done.stderr)}")
    return Catch(failure[1].rpartition("/")[2], failure[2] or "")


def run(mutant: Mutant | None, command: list[str], seconds: int):
    with tempfile.TemporaryDirectory() as folder:
        return bounded(command, put_into(Path(folder), mutant), seconds)


def bounded(command: list[str], firmware: Path, seconds: int) -> subprocess.CompletedProcess[str] | Catch:
    try:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=environment_for(firmware),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Catch("patience", f"hang: more than {seconds} seconds")


def _title(check: str) -> str:
    return check if check == REFUSALS else Job(*json.loads(check)).title


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
