"""The limits that are cheap to count, with fewer operations than `make bench-store` takes; counts are deterministic."""

import pytest

from tests.bench import store_measures as store
from tests.bench.report import Row, row_line
from tests.bench.store_measures import Subject

SUBJECT = Subject()
# Few enough for the everyday tests, enough for several folds.
OPERATIONS = 400
LETTERS = 1000


def assert_met(rows: list[Row]) -> None:
    assert [row_line(row) for row in rows if not row.met] == []


def test_deliver():
    assert_met(store.deliver(SUBJECT, 4096, OPERATIONS, (1.12, 1.15)))


def test_deliver_to_ten():
    assert_met(store.deliver_to_ten(SUBJECT, 4096, OPERATIONS // 4, 1.5))


def test_flags():
    assert_met(store.flags(SUBJECT, OPERATIONS, LETTERS))


def test_expunge():
    assert_met(store.expunge(SUBJECT, OPERATIONS, LETTERS))


def test_select():
    assert_met(store.select(SUBJECT, LETTERS))


@pytest.mark.parametrize(("octets", "blocks"), [(1, 1), (4096, 1), (4097, 2), (8188, 2), (8189, 3), (30000, 8)])
def test_blocks_of_a_file(octets, blocks):
    assert store.blocks_of(octets) == blocks
