"""Fixtures that unit tests share: the store on flash in memory, and letters without a store around them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.letters_support import Bench
from tests.unit.store_support import Board


@pytest.fixture
def board() -> Iterator[Board]:
    """A board with two users and no letters. It has never asked the chip to set a bit."""
    made = Board()
    yield made
    made.flash.release()
    assert not made.flash.chip.refused


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
