"""Which recordings are cut, how often, and where: the whole run (`make crash`) and the slice that is always tested."""

import multiprocessing
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from tests.crash import branches, workloads
from tests.crash.agreement import Agreement
from tests.crash.laboratory import Laboratory, Tally

# For two cores.
PROCESSES = 2
SEED = 20261124
# Of so many images of the whole run, one is read by the host's own reader too.
AGREEMENT_SHARE = 4
# Cuts of the slice, in all; each has three images or so.
SLICE_CUTS = 1500
# With so many violations a recording has been looked at enough.
MOST_VIOLATIONS = 20


class Job(NamedTuple):
    """One recording, or a part of its cuts."""

    workload: str
    seed: int
    variants: int = 1
    # Recoveries are cut, too.
    twice: bool = False
    part: int = 0
    parts: int = 1
    # So many cuts, chosen by the seed; 0 for all.
    cuts: int = 0
    # 1: the host's reader looks at every image; n: at one of n; 0: at none.
    agreement: int = AGREEMENT_SHARE

    @property
    def title(self) -> str:
        part = f" {self.part + 1}/{self.parts}" if self.parts > 1 else ""
        return f"{self.workload} {self.seed}{part}{', twice' if self.twice else ''}"


def whole() -> list[Job]:
    """More than 30,000 images, the longest jobs first."""
    jobs = [Job("mixed", 0, 1, True, part, 6) for part in range(6)]
    jobs += [Job("every kind, full log", 0, 1, False, part, 4) for part in range(4)]
    jobs += [Job("letters", 0, 2, False, part, 4) for part in range(4)]
    jobs += [Job(name, seed) for name in ("mixed", "cuts", "full", "ring") for seed in range(1, 3)]
    situations = [name for name in workloads.WORKLOADS if name.startswith("every kind")]
    jobs += [Job(name, 0, 1, name != "every kind, full log") for name in situations]
    jobs += [Job(name, seed) for name in situations if "cut" in name or "tail" in name for seed in range(1, 3)]
    jobs += [Job("first start", 0, 2, True)]
    jobs += [Job(name, 0, 3) for name in ("flags", "folders", "subscriptions", "imap", "retention", "folds", "slices")]
    return jobs


def ci_slice() -> list[Job]:
    """Some cuts of every workload."""
    share = SLICE_CUTS // len(workloads.WORKLOADS)
    return [Job(name, 0, 1, False, 0, 1, share, 1) for name in workloads.WORKLOADS]


def run(job: Job, most_violations: int = MOST_VIOLATIONS) -> Tally:
    """Everything of one job, or up to so many violations."""
    recording = workloads.WORKLOADS[job.workload](job.seed)
    indices = recording.indices()[job.part :: job.parts]
    if job.cuts and job.cuts < len(indices):
        indices = sorted(random.Random(f"{SEED} {job}").sample(indices, job.cuts))
    agreement = Agreement(job.agreement) if job.agreement else None
    looks = [agreement] if agreement else []
    laboratory = Laboratory(recording, f"{job.workload} {job.seed}", looks, most_violations)
    with branches.watching():
        if job.twice:
            tally = laboratory.run_twice(job.variants, indices)
        else:
            tally = laboratory.run(job.variants, indices)
    tally.kinds |= {step.kind for step in recording.steps}
    if agreement:
        tally.agreed = agreement.images
    return tally


def run_all(jobs: list[Job], processes: int = PROCESSES) -> Iterator[tuple[Job, Tally]]:
    """The jobs as they are done, in their order."""
    if processes == 1:
        for job in jobs:
            yield job, run(job)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        yield from zip(jobs, pool.map(run, jobs), strict=True)
