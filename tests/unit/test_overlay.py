"""Overlays: what is in use stays, what nobody uses goes after a while, and the heap is asked twice."""

import sys

import pytest

from postino import overlay


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """Stands in for MicroPython: modules are made by the test, and forgetting takes them out of sys.modules."""
    monkeypatch.setattr(overlay, "_loaded", {})
    forgotten = []
    monkeypatch.setattr(overlay, "_forget", forgotten.append)
    return forgotten


def test_the_last_module_is_handed_out():
    with overlay.use(("dates", "log")) as module:
        assert module is sys.modules["postino.log"]


def test_what_is_in_use_is_not_forgotten(modules):
    with overlay.use(("dates",)):
        with overlay.use(("dates", "log")):
            pass
        overlay.forget_idle()
        assert modules == ["log"]
    overlay.forget_idle()
    assert modules == ["log", "dates"]


def test_what_was_used_lately_stays(modules):
    with overlay.use(("log",)):
        pass
    for _ in range(overlay.KEEP_ROUNDS - 1):
        overlay.tidy()
    assert not modules
    with overlay.use(("log",)):
        pass
    for _ in range(overlay.KEEP_ROUNDS - 1):
        overlay.tidy()
    assert not modules
    overlay.tidy()
    assert modules == ["log"]


def test_without_memory_the_idle_ones_go_and_it_is_tried_again(modules, monkeypatch):
    with overlay.use(("dates",)):
        pass
    real = overlay._import
    failures = [MemoryError()]

    def fail_once(name):
        if failures:
            raise failures.pop()
        return real(name)

    monkeypatch.setattr(overlay, "_import", fail_once)
    with overlay.use(("log",)) as module:
        assert module is sys.modules["postino.log"]
    assert modules == ["dates"]


def test_a_failure_leaves_nothing_in_use(monkeypatch):
    def fail(name):
        raise MemoryError

    monkeypatch.setattr(overlay, "_import", fail)
    with pytest.raises(MemoryError), overlay.use(("dates", "log")):
        pass
    assert all(not times[0] for times in overlay._loaded.values())


def test_an_error_in_the_block_ends_the_use():
    with pytest.raises(ValueError), overlay.use(("log",)):
        raise ValueError
    assert overlay._loaded["log"] == [0, 0]
