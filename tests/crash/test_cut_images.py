"""The slice of the power-cut laboratory that is always tested: thousands of cut images, none of which breaks a promise.

The host's own reader (`postino fsck`) looks at each and must agree with the firmware. `make crash` has them all.
"""

import pytest

from tests.crash import plan, report, workloads
from tests.crash.laboratory import Tally

LEAST_IMAGES = 3000


@pytest.fixture(scope="module")
def total():
    """Filled by the tests; the last one looks at it."""
    return Tally()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("job", plan.ci_slice(), ids=lambda job: job.workload)
def test_cut_images(job: plan.Job, total: Tally) -> None:
    tally = plan.run(job)
    total.add(tally)
    assert not tally.violations, "\n".join(tally.violations)
    assert tally.agreed


def test_enough_images(total: Tally) -> None:
    if total.kinds:
        print(report.text(total, 0))
    # Not if only some of them were run.
    if len(total.outcomes) == 5 and len(plan.ci_slice()) == len(workloads.WORKLOADS):
        assert len(total.keys) >= LEAST_IMAGES
        assert not [pair for pair in total.pairs if report.reason(*pair)]


def test_the_whole_run_cuts_everything() -> None:
    assert {job.workload for job in plan.whole()} == set(workloads.WORKLOADS)
