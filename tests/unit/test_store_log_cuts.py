"""The log of the store when the power goes at any operation, when operations fail, and when it is damaged."""

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postino.store.errors import StoreUnavailable
from postino.store.log import Log
from postino.store.log_device import SECTOR
from postino.store.records import (
    ENTRIES,
    HEADER_SIZE,
)
from tests.unit.log_support import (
    ONE,
    Flash,
    World,
    bits,
    filled,
    hole,
    nothing,
    octets_of,
    outcomes,
    prefix,
    random_records,
    reloaded,
    rows_of,
    whole,
)

# Seeds for the runs that are cut everywhere; more with POSTINO_CRASH_RUNS, as for the other power cuts.
SEEDS = range(2 + int(os.environ.get("POSTINO_CRASH_RUNS", "0")) // 10)

# Power cuts.


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cut_at_every_operation(seed):
    """And a second one, at some operation after it."""
    chance = random.Random(seed)
    # The ring has been round once, so that what is erased is not blank.
    world = filled(Flash(), seed, 100, keep=3)
    while world.log.sector < 9:
        world.transaction(random_records(chance))
        world.log.release(world.log.sector - 3)
    cuts = world.record()
    while world.log.sector < 13:
        stop = chance.randrange(6) if chance.random() < 0.05 else -1
        world.transaction(random_records(chance), stop)
        world.log.release(world.log.sector - chance.randrange(1, 6))
    for cut in cuts:
        for outcome in [*outcomes(cut.operation[2], chance), whole]:
            again = cut.after(outcome)
            more = again.record()
            go_on(again, chance)
            second = chance.choice(more)
            second.after(chance.choice(outcomes(second.operation[2], chance))).must_go_on()


def go_on(world: World, chance: random.Random) -> None:
    for number in range(4):
        if number == 2:
            world.log.release(world.log.sector - chance.randrange(1, 3))
        world.transaction(random_records(chance))
    world.must_go_on()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 48))
def test_failures_and_cuts_in_any_order(seed):
    """Operations that fail after some, all or nothing of what they do, transactions that are given up, and cuts."""
    chance = random.Random(seed)
    world = World.new(Flash(chance.choice((8, 8, 9, 13))))
    for _ in range(4):
        cuts = world.record()
        for _ in range(chance.randrange(1, 40)):
            if chance.random() < 0.2:
                kind = chance.choice((None, bytes(64)))
                fault = chance.choice([*outcomes(kind, chance), whole, nothing])
                at = world.device.operations + chance.randrange(4)
                world.device.faults[at] = fitting(fault, chance)
            stop = chance.randrange(4) if chance.random() < 0.1 else -1
            world.transaction(random_records(chance, 12), stop)
            if chance.random() < 0.7:
                world.log.release(world.log.sector - chance.randrange(6))
            if chance.random() < 0.1:
                world.check()
        if not cuts:
            continue
        cut = chance.choice(cuts)
        world = cut.after(chance.choice([*outcomes(cut.operation[2], chance), whole]))
    world.must_go_on()


def fitting(fault, chance):
    """The fault, or another one if the operation turns out to be of the other kind."""

    def apply(image, place, offset, data):
        choice = fault if fault in (whole, nothing) else chance.choice(outcomes(data, chance))
        choice(image, place, offset, data)

    return apply


def test_a_failure_at_every_operation():
    """The caller is told, nothing of it counts, and the next transaction works."""
    records = [[(ENTRIES, 1, bytes([number]) * size)] * (number % 3 + 1) for number, size in enumerate([700] * 12)]
    total = World.new(Flash())
    for transaction in records:
        assert total.transaction(transaction)
    chance = random.Random(1)
    for at in range(2, total.device.operations):
        for choice in range(6):
            world = World.new(Flash())

            def fault(image, place, offset, data, choice=choice):
                [*outcomes(data, chance), whole][choice](image, place, offset, data)

            world.device.faults[at] = fault
            failed = [not world.transaction(transaction) for transaction in records]
            assert sum(failed) == 1 or (sum(failed) == 0 and not world.log.dirty)
            world.check()
            world.must_go_on()


def test_a_device_that_fails_for_a_while():
    world = World.new(Flash())
    world.transaction(ONE)
    world.device.faults.update(dict.fromkeys(range(world.device.operations, world.device.operations + 9), whole))
    for _ in range(3):
        assert not world.transaction(ONE)
        assert world.log.dirty and world.log.sequence == 1
        assert rows_of(world.log) == world.rows
    with pytest.raises(StoreUnavailable):
        world.log.settle()
    while world.device.faults:
        assert not world.transaction(ONE)
    assert world.transaction(ONE)
    assert [row[0] for row in world.rows] == [1, 3]
    world.check()


def test_a_header_that_failed_but_got_through_ends_the_sector_before():
    world = World.new(Flash())
    for _ in range(5):
        world.transaction([(ENTRIES, 1, bytes(900))])
    log = world.log
    world.transaction(ONE)
    log.release(2)
    world.device.faults[world.device.operations + 1] = whole
    with pytest.raises(StoreUnavailable):
        log.publish()
    assert (log.sector, log.dirty, reloaded(world).sector) == (2, False, 3)
    assert world.transaction(ONE) and log.sector == 3
    world.check()


def test_a_failed_program_that_got_through_counts_no_more_once_settled():
    world = World.new(Flash())
    world.device.faults[world.device.operations] = whole
    assert not world.transaction(ONE)
    assert not world.log.dirty and world.log.sequence == 1
    world.check()
    assert rows_of(reloaded(world)) == []


def test_no_number_is_shared_by_a_cut_transaction_and_a_later_one():
    chance = random.Random(2)
    for tear in (prefix(chance), bits(chance), hole(chance)):
        world = World.new(Flash())
        world.transaction(ONE)
        cuts = world.record()
        world.transaction([(ENTRIES, 1, bytes(900))] * 9)
        programs = [cut for cut in cuts if cut.operation[2] and len(cut.operation[2]) > HEADER_SIZE]
        for cut in programs:
            again = cut.after(tear)
            assert again.log.dirty and again.log.sequence == 1
            assert again.transaction(ONE)
            assert again.rows[-1][0] == 3
            again.check()


def test_loading_writes_nothing():
    world = filled(Flash(), 6, 70)
    world.device.faults[world.device.operations] = bits(random.Random(0))
    world.device.faults[world.device.operations + 1] = nothing
    assert not world.transaction(ONE) and world.log.dirty
    operations = world.device.operations
    log = reloaded(world)
    assert log.dirty and world.device.operations == operations
    assert rows_of(log) == [row for row in world.rows if row[1] >= log.tail]


# Damage.


def flip(device: Flash, place: int, offset: int) -> None:
    device.image[place * SECTOR + offset] ^= 0x10


def offsets_of(world: World) -> list:
    """(sector, offset) of each row that is in the log."""
    offsets, at = [], {}
    for row in world.rows:
        start = at.get(row[1], HEADER_SIZE)
        offsets.append((row[1], start))
        at[row[1]] = start + octets_of([row[2:]])
    return offsets


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_record_costs_its_transaction(seed):
    chance = random.Random(seed)
    world = World.new(Flash())
    for _ in range(45):
        assert world.transaction(random_records(chance, 4))
    image = bytes(world.device.image)
    last = world.rows[-1][0]
    for row, (sector, offset) in zip(world.rows, offsets_of(world), strict=True):
        device = Flash(8, image)
        flip(device, sector % 8, offset + chance.randrange(20 + len(row[4])))
        reports: list[str] = []
        log = Log(device, reports.append)
        log.load()
        assert rows_of(log) == [other for other in world.rows if other[0] != row[0]]
        # The last one in the log looks like one that was cut.
        if row[0] != last or sector != log.sector:
            assert log.damaged and len(reports) == 1
        assert log.sequence == last or log.dirty
        damaged = World(device, log, rows_of(log))
        damaged.must_go_on()
        assert damaged.rows[-1][0] > last


def test_a_damaged_sector_header_costs_the_sector():
    chance = random.Random(8)
    world = World.new(Flash())
    while world.log.sector < 7:
        assert world.transaction(random_records(chance, 4))
    assert world.transaction(ONE)
    image = bytes(world.device.image)
    last = world.log.sequence
    for sector in range(1, 8):
        device = Flash(8, image)
        flip(device, sector, chance.randrange(HEADER_SIZE))
        reports: list[str] = []
        log = Log(device, reports.append)
        log.load()
        lost = {row[0] for row in world.rows if row[1] == sector}
        assert log.damaged and len(reports) == 1
        assert rows_of(log) == [row for row in world.rows if row[0] not in lost]
        assert log.sequence == last
        damaged = World(device, log, rows_of(log))
        log.release(3)
        damaged.must_go_on()
        assert damaged.rows[-1][0] > last


def test_noise_anywhere_is_survived():
    for seed in range(60):
        chance = random.Random(seed)
        world = filled(Flash(), seed, 60)
        for _ in range(chance.randrange(1, 6)):
            start = chance.randrange(8 * SECTOR - 300)
            world.device.image[start : start + 300] = chance.randbytes(300)
        log = Log(world.device)
        try:
            log.load()
        except StoreUnavailable:
            continue
        assert set(rows_of(log)) <= set(world.rows)
