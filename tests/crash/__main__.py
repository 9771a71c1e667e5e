"""`python -m tests.crash`: the whole run of the power-cut laboratory; see README.md."""

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, os.environ.get("POSTINO_FIRMWARE") or str(ROOT / "firmware"))

from tests.crash import plan, report  # noqa: E402
from tests.crash.laboratory import Tally  # noqa: E402

LEAST_IMAGES = 30_000
LEAST_SHARE = 0.95


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--processes", type=int, default=plan.PROCESSES)
    parser.add_argument("--slice", action="store_true", help="the part of it that every test run has")
    parser.add_argument("workloads", nargs="*", help="only these, every cut of them")
    arguments = parser.parse_args()
    jobs = plan.ci_slice() if arguments.slice else plan.whole()
    if arguments.workloads:
        jobs = [plan.Job(name, 0, agreement=1) for name in arguments.workloads]
    begun = time.monotonic()
    total = Tally()
    for job, tally in plan.run_all(jobs, arguments.processes):
        total.add(tally)
        print(f"{time.monotonic() - begun:5.0f} s {job.title:<40} {len(tally.keys):>6,} images", flush=True)
        for violation in tally.violations:
            print(violation, flush=True)
    print(report.text(total, time.monotonic() - begun))
    if total.violations:
        return 1
    if not arguments.workloads and not arguments.slice:
        enough = len(total.keys) > LEAST_IMAGES and report.share(total) >= LEAST_SHARE
        return 0 if enough else 1
    return 0


sys.exit(main())
