"""Room for letters, their slots, and the directories of these, which are sealed when letters have left them."""

from types import SimpleNamespace

import pytest

from postino.store import files
from postino.store.errors import StoreFull
from postino.store.slots import MANY, MOST, PENDING, Slots
from postino.store.space import blocks_of, capacity_of
from tests.support.littlefs_files import on_chip
from tests.support.nor_chip import Chip
from tests.unit.letters_support import DATE, Bench

# Room --------------------------------------------------------------------------------------------------------------


def test_blocks_are_those_of_littlefs():
    """Block n of a file begins with one pointer for each time that n can be halved, and one."""
    expected = 1
    capacity = 4096
    for size in range(1, 300_000):
        if size > capacity:
            pointers = (expected & -expected).bit_length()
            capacity += 4096 - 4 * pointers
            expected += 1
        assert blocks_of(size) == expected, size
    assert blocks_of(0) == 1
    assert capacity_of(1) == 4096


@pytest.mark.parametrize("size", [129, 4096, 4097, 8188, 8189, 40_000, 75_000])
def test_blocks_as_littlefs_counts_them(size):
    with on_chip(Chip(64), True) as system:
        with system.open_file("empty", "wb"):
            pass
        before = system.used_blocks()
        with system.open_file("x", "wb") as file:
            file.write(bytes(size))
        assert system.used_blocks() - before == blocks_of(size)


def test_room_is_what_is_left(bench):
    space = bench.space
    assert space.free() == 1000 - 2 - 8 - 4
    space.index = lambda: (32, 10)
    space.log = 12
    assert space.free() == 1000 - 2 - 8 - 4 - 40 - 12
    free = space.free()
    slot = bench.deliver(bytes(5000))
    # A directory and two blocks.
    assert space.free() == free - 2 - 2
    assert space.transit == 0
    bench.expunge(slot, 2)
    assert space.free() == free - 2


def test_a_letter_that_finds_no_room_leaves_nothing(tmp_path):
    bench = Bench(tmp_path, 40)
    free = bench.space.free()
    writer = bench.letters.new()
    with pytest.raises(StoreFull):
        for _ in range(40):
            writer.write(bytes(4096))
    writer.abort()
    assert bench.stored() == set()
    assert bench.space.free() == free - 2


def test_the_trailer_needs_room_too(tmp_path):
    bench = Bench(tmp_path, 40)
    writer = bench.letters.new()
    writer.write(bytes(4096))
    bench.space.transit += bench.space.free()
    with pytest.raises(StoreFull):
        writer.finish(1, (1,), DATE)
    writer.abort()
    assert bench.stored() == set()


def test_no_letter_is_begun_without_room(tmp_path):
    bench = Bench(tmp_path, 40)
    bench.space.transit = bench.space.free()
    with pytest.raises(StoreFull):
        bench.letters.new()
    bench.space.transit -= 1
    # A new directory takes two.
    with pytest.raises(StoreFull):
        bench.letters.new()
    assert bench.space.free() == 1
    assert bench.log.transactions == []


def test_filled_and_emptied_again_and_again(tmp_path):
    bench = Bench(tmp_path, 120)
    rounds = []
    for _ in range(20):
        slots = []
        with pytest.raises(StoreFull):
            while True:
                slots.append(bench.deliver(bytes(3000)))
        rounds.append(len(slots))
        for slot in slots:
            bench.expunge(slot, 1)
    assert len(set(rounds)) == 1
    assert bench.stored() == set()
    assert bench.space.transit == bench.slots.blocks == 0


# Slots -------------------------------------------------------------------------------------------------------------


def test_references():
    slots = Slots(1000)
    assert slots.get(5) == 0
    slots.intend(5)
    assert slots.get(5) == PENDING
    assert [slots.raise_(5) for _ in range(3)] == [1, 2, 3]
    assert [slots.lower(5) for _ in range(3)] == [False, False, True]
    assert slots.get(5) == PENDING
    slots.free(5)
    assert slots.get(5) == 0
    assert not slots.lower(5)
    slots.raise_(5)
    slots.free(5)
    assert slots.get(5) == 1


def test_so_many_references_are_never_lowered():
    slots = Slots(1000)
    for _ in range(MOST):
        slots.raise_(1)
    assert slots.get(1) == MOST
    assert not slots.lower(1)
    assert slots.get(1) == MOST - 1
    for _ in range(3):
        slots.raise_(1)
    assert slots.get(1) == MANY
    assert not slots.lower(1)
    assert slots.get(1) == MANY


def test_slots_are_given_by_next_fit():
    slots = Slots(200)
    assert [slots.take() for _ in range(64)] == list(range(64))
    for slot in (3, 60):
        slots.free(slot)
    # What lies in a directory that is there goes before a new one.
    assert slots.directories == 1
    assert [slots.take(), slots.take(), slots.take(False)] == [3, 60, -1]
    assert slots.take() == 64
    slots.free(4)
    assert slots.take() == 65
    assert slots.directories == 2


def test_slots_end():
    slots = Slots(100)
    assert len({slots.take() for _ in range(128)}) == 128
    assert slots.take() == -1


def test_slots_go_on_where_the_log_left():
    slots = Slots(2000)
    for slot in range(700):
        slots.raise_(slot)
    slots.free(3)
    slots.intend(3)
    slots.intend(640)
    slots.set(650, PENDING)
    slots.free(650)
    assert slots.take() == 650


def test_pending_slots_across_pieces():
    slots = Slots(2000)
    for slot in (0, 511, 512, 1300):
        slots.set(slot, PENDING)
    slots.set(5, 1)
    assert list(slots.pending()) == [0, 511, 512, 1300]
    for slot in slots.pending():
        slots.free(slot)
    assert list(slots.pending()) == []
    assert slots.extent == 1344
    assert sum(len(view) for view in slots.views(1344)) == 1344


# Sealing -----------------------------------------------------------------------------------------------------------


def test_a_directory_is_sealed_when_the_letters_have_left_it():
    chip = Chip(400)
    with on_chip(chip, True) as system:
        bench = Bench("", 400, chip)
        for _ in range(64):
            bench.deliver(bytes(600))
            bench.letters.tidy()
        before = chip.erases
        bench.letters.tidy()
        assert chip.erases == before
        bench.deliver(bytes(600))
        before = chip.erases
        bench.letters.tidy()
        # Two blocks are a directory: one of them is made anew.
        assert before < chip.erases <= before + 2
        assert "~" not in system.names_in("0")
        before = chip.erases
        bench.letters.tidy()
        assert chip.erases == before


def test_without_a_window_nothing_is_sealed(bench, monkeypatch):
    for _ in range(65):
        bench.deliver()
    monkeypatch.setattr(files, "open_file", None)
    bench.letters.tidy()


def test_a_directory_with_few_new_letters_is_not_sealed(tmp_path, monkeypatch):
    bench = Bench(tmp_path, window=SimpleNamespace(erases=0))
    for _ in range(64):
        bench.slots.take()
    for slot in range(10):
        bench.slots.free(slot)
    # The last one goes into the next directory.
    for _ in range(11):
        bench.deliver()
    opened = []
    real = files.open_file
    monkeypatch.setattr(files, "open_file", lambda path, mode: (opened.append(path), real(path, mode))[1])
    bench.letters.tidy()
    assert opened == []
    for _ in range(63):
        bench.slots.take()
    assert bench.deliver() == 128
    opened.clear()
    bench.letters.tidy()
    # Only the one above: with every second directory that it has got.
    assert set(opened) == {bench.root + "/~"}


def test_sealing_ends(tmp_path):
    bench = Bench(tmp_path, window=SimpleNamespace(erases=0))
    for _ in range(65):
        bench.deliver()
    bench.letters.tidy()
    assert bench.stored() == set(range(65))
