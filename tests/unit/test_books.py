"""The books of the simulated chip, as the host makes and reads them."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino_tools.books import BLOCK_SIZE, COUNTERS, Books

CHIP_SIZE = 4 * BLOCK_SIZE
RECORD_SIZE = 40


def write_records(path: Path, records: list[tuple[int, ...]]) -> None:
    """Write block records as the runtime would."""
    with path.open("r+b") as file:
        file.seek(BLOCK_SIZE)
        for record in records:
            file.write(struct.pack("<5Q", *record))


def test_new_books_are_empty_and_have_room_for_every_block(tmp_path: Path) -> None:
    path = tmp_path / "books"
    with Books.create(path, CHIP_SIZE) as books:
        assert books.chip_size == CHIP_SIZE
        assert (books.operations, books.heap_peak_used, books.collections) == (0, 0, 0)
        assert books.fault_address is None
        assert [books.gauge(slot) for slot in range(16)] == [0] * 16
        assert set(books.totals().values()) == {0}
    assert path.stat().st_size == BLOCK_SIZE + 4 * RECORD_SIZE


def test_header_fields_are_where_the_runtime_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "books"
    with Books.create(path, CHIP_SIZE) as books:
        with path.open("r+b") as file:
            file.seek(24)
            file.write(struct.pack("<4Q", 7, 0x1234, 5000, 3))
            file.seek(64 + 8 * 15)
            file.write(struct.pack("<Q", 2**63))
        assert (books.operations, books.fault_address, books.heap_peak_used, books.collections) == (7, 0x1234, 5000, 3)
        assert books.gauge(15) == 2**63


counter = st.integers(0, 2**40)
records_of_a_chip = st.lists(st.tuples(*[counter] * 5), min_size=4, max_size=4)


@given(records=records_of_a_chip, blocks=st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted))
def test_totals_sum_exactly_the_blocks_of_the_range(tmp_path_factory, records, blocks) -> None:
    path = tmp_path_factory.mktemp("books") / "books"
    start, end = blocks
    with Books.create(path, CHIP_SIZE) as books:
        write_records(path, records)
        totals = books.totals(start * BLOCK_SIZE, end * BLOCK_SIZE)
    chosen = records[start:end]
    for index, name in enumerate(COUNTERS):
        assert totals[name] == sum(record[index] for record in chosen)
    assert totals["max_block_erases"] == max((record[4] for record in chosen), default=0)


@pytest.mark.parametrize(
    ("start", "end"), [(1, BLOCK_SIZE), (0, 100), (BLOCK_SIZE, 0), (0, CHIP_SIZE + BLOCK_SIZE), (-BLOCK_SIZE, 0)]
)
def test_a_range_off_the_blocks_is_refused(tmp_path: Path, start: int, end: int) -> None:
    with Books.create(tmp_path / "books", CHIP_SIZE) as books, pytest.raises(ValueError, match="range of blocks"):
        books.totals(start, end)


@pytest.mark.parametrize("size", [0, -BLOCK_SIZE, BLOCK_SIZE + 1])
def test_a_chip_of_broken_blocks_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="whole number"):
        Books.create(tmp_path / "books", size)


def test_another_file_is_not_taken_for_books(tmp_path: Path) -> None:
    path = tmp_path / "books"
    path.write_bytes(bytes(BLOCK_SIZE))
    with pytest.raises(ValueError, match="not the books"):
        Books(path)


def test_a_slot_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with Books.create(tmp_path / "books", CHIP_SIZE) as books, pytest.raises(IndexError):
        books.gauge(16)
