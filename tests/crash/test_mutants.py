"""Every planted mistake in the store is caught by the laboratory, by the recording that shows it soonest."""

import pytest

from tests.crash.mutants import generated, hunt
from tests.crash.mutants.planted import PLANTED, Planted
from tests.crash.mutants.survivors import EXPLAINED

LEAST_PLANTED = 10
LEAST_GENERATED = 40


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_planted_mistake_is_caught(planted: Planted) -> None:
    caught = hunt.in_laboratory(planted.mutant(), [planted.check])
    assert caught is not None, planted.breaks
    # Not because it does not run at all.
    assert "invariant" in caught.text, caught


def test_there_are_enough() -> None:
    assert len(PLANTED) >= LEAST_PLANTED
    mutants = generated.chosen(60)
    names = [mutant.name for mutant in mutants]
    assert len(names) == len(set(names)) >= LEAST_GENERATED
    for mutant in mutants:
        compile(mutant.content, mutant.file, "exec")
    assert all(EXPLAINED.values())
