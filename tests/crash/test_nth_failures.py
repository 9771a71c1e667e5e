"""The N-th program or erase fails, the N-th block is not to be had, for N = 1, 2, 3 and on until the operation passes.

After each, the error is one of the store's, the store holds what it held before (or, if it said nothing, what it was
asked to), and goes on: at once, and after a start.
"""

import random

import pytest

from postino.store import StoreFull
from tests.crash.failures import BALLAST, OPERATIONS, Bench, attempt, settle
from tests.crash.outcomes import torn
from tests.crash.work import Work
from tests.support.nor_chip import BLOCK, EIO, Torn

ENOSPC = 28
# An operation that takes more of them never passes.
MOST = 400


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def fail_program_or_erase(work: Work, number: int, partly: bool):
    """Arms the chip; the list says how many are left to the failure."""
    chip = work.flash.chip
    left = [number]
    generator = random.Random(number)

    def before(chip, operation):
        left[0] -= 1
        if left[0]:
            return 0
        if partly:
            start = operation[0] // BLOCK * BLOCK
            ways = [content for _, content in torn(bytes(chip.image[start : start + BLOCK]), operation, f"{number}")]
            done = (start, Torn(generator.choice(ways)))
            chip.operations.append(done)
            chip.image[start : start + BLOCK] = done[1]
        return EIO

    chip.before = before
    return left


@pytest.mark.parametrize("partly", [False, True], ids=["not done", "done in part"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_flash_operation_fails(bench: Bench, name: str, partly: bool) -> None:
    for number in range(1, MOST):
        work = bench.fresh()
        left = fail_program_or_erase(work, number, partly)
        attempt(work, f"{name}, {number}", OPERATIONS[name])
        settle(work, f"{name}, {number}", live=False)
        if left[0] > 0:
            break
    else:
        raise AssertionError("never passes")


def fill_up(work: Work, free: int) -> None:
    """Leaves so many blocks of littlefs free."""
    system = work.flash.system
    file = system.open_file(BALLAST, "wb")
    used = system.used_blocks()
    size = (system.blocks - used - free) * (BLOCK - 8)
    file.write(bytes(size))
    file.close()
    while system.blocks - system.used_blocks() > free:
        file = system.open_file(BALLAST, "ab")
        file.write(bytes(BLOCK // 2))
        file.close()


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_blocks_left(bench: Bench, name: str) -> None:
    """littlefs itself is full: 0, 1, 2 and more blocks are left, until that is enough."""
    said = "full"
    for free in range(12):
        work = bench.fresh()
        fill_up(work, free)
        work.flash.chip.operations = []
        said = attempt(work, f"{name}, {free} blocks", OPERATIONS[name])
        assert said in ("", StoreFull.__name__), said
        work.flash.system.remove(BALLAST)
        settle(work, f"{name}, {free} blocks")
    assert not said, "never passes"


@pytest.mark.parametrize("name", OPERATIONS)
def test_block_allocation_fails(bench: Bench, name: str) -> None:
    """littlefs erases each block that it takes into use: the N-th is not to be had."""
    for number in range(1, MOST):
        work = bench.fresh()
        blocks = work.flash.device.blocks
        left = [number]

        def before(_chip, operation, left=left, blocks=blocks):
            if operation[1] is None and operation[0] < blocks * BLOCK:
                left[0] -= 1
                return ENOSPC if left[0] == 0 else 0
            return 0

        work.flash.chip.before = before
        attempt(work, f"{name}, {number}", OPERATIONS[name])
        settle(work, f"{name}, {number}")
        if left[0] > 0:
            break
    else:
        raise AssertionError("never passes")
