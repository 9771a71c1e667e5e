"""Letters in their slots: every call of the file system fails once, and the log with them."""

import os
from contextlib import suppress

import pytest

from postino.store import files
from postino.store.errors import StoreError, StoreFull, StoreUnavailable
from postino.store.slots import PENDING
from tests.unit.letters_support import Bench, whole


class Failing:
    """The n-th call of the file system fails."""

    def __init__(self, monkeypatch, error: Exception) -> None:
        self.left = 0
        self.error = error
        for name in ("open_file", "remove", "make_directory", "size_of"):
            monkeypatch.setattr(files, name, self._wrapped(getattr(files, name)))

    def hit(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.error

    def _wrapped(self, function):
        def call(*arguments):
            self.hit()
            result = function(*arguments)
            return FailingFile(result, self) if function.__name__ == "open_file" else result

        return call


class FailingFile:
    def __init__(self, file, failing: Failing) -> None:
        self._file = file
        self._failing = failing

    def __getattr__(self, name):
        method = getattr(self._file, name)

        def call(*arguments):
            if name == "close":
                method()
            self._failing.hit()
            return None if name == "close" else method(*arguments)

        return call


def honest():
    """What the store's callers are prepared for."""
    return suppress(StoreError, MemoryError)


@pytest.mark.parametrize("error", [OSError(5, ""), OSError(28, ""), MemoryError()], ids=["EIO", "ENOSPC", "memory"])
def test_every_failure_of_a_delivery(tmp_path, monkeypatch, error):
    failing = Failing(monkeypatch, error)
    number = 0
    while True:
        number += 1
        bench = Bench(tmp_path / str(number))
        os.mkdir(bench.root)
        failing.left = number
        slot = -1
        with honest():
            writer = bench.letters.new()
            try:
                writer.write(bytes(3000))
                writer.write(bytes(3000))
                slot = bench.commit(writer)
            finally:
                writer.abort()
        passed = failing.left > 0
        failing.left = 0
        assert bench.letters.busy == {}
        bench.letters.tidy()
        assert bench.stored() == ({slot} if slot >= 0 else set())
        assert list(bench.slots.pending()) == []
        assert bench.space.transit == 0
        if slot >= 0:
            reader = bench.letters.open(slot)
            assert whole(reader) == bytes(6000)
            reader.close()
        if passed:
            break
    assert number > 8
    assert slot >= 0


@pytest.mark.parametrize("error", [OSError(5, ""), MemoryError()], ids=["EIO", "memory"])
def test_every_failure_of_reading_and_removing(tmp_path, monkeypatch, error):
    failing = Failing(monkeypatch, error)
    number = 0
    while True:
        number += 1
        bench = Bench(tmp_path / str(number))
        os.mkdir(bench.root)
        slot = bench.deliver(bytes(6000))
        failing.left = number
        with honest():
            reader = bench.letters.open(slot)
            bench.expunge(slot, 2)
            with honest():
                whole(reader)
            with honest():
                reader.structure()
            with honest():
                reader.close()
        passed = failing.left > 0
        failing.left = 0
        assert bench.letters.busy == {}
        if bench.slots.get(slot) == 1:
            bench.expunge(slot, 2)
        bench.letters.tidy()
        assert bench.stored() == set()
        assert bench.slots.get(slot) == 0
        assert bench.space.transit == 0
        if passed:
            break
    assert number > 5


@pytest.mark.parametrize("error", [StoreFull("log full"), StoreUnavailable("flash error 5"), MemoryError()])
def test_an_intent_that_cannot_be_logged(bench, error):
    bench.log.failure = error
    with pytest.raises(type(error)):
        bench.letters.new()
    assert bench.stored() == set()
    assert bench.letters.busy == {}
    assert bench.space.transit == 0
    assert bench.slots.get(0) == 0
    # A failed record may count until the log is settled.
    bench.log.dirty = True
    with pytest.raises(type(error)):
        bench.letters.new()
    assert bench.slots.get(1) == PENDING
    bench.log.dirty = False
    bench.log.failure = None
    bench.letters.tidy()
    assert bench.slots.get(1) == 0
    assert bench.space.transit == 0
