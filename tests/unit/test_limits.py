"""The limits of a board: sockets, TCP connections with TIME_WAIT, and the RAM ledger."""

import importlib.util
import types
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "firmware" / "postino" / "board" / "limits.py"


@pytest.fixture
def clock():
    """Ticks that a test moves on."""
    clock = types.SimpleNamespace(now=0)
    clock.ticks_ms = lambda: clock.now
    clock.ticks_add = lambda ticks, delta: ticks + delta
    clock.ticks_diff = lambda one, other: one - other
    return clock


@pytest.fixture
def limits(clock):
    """The module, on that clock; its package cannot be imported here."""
    spec = importlib.util.spec_from_file_location("limits_under_test", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.time = clock
    return module


def test_sockets_in_all(limits):
    board = limits.Limits(sockets=3)
    assert [board.open_listener(), board.open_connection(), board.open_connection()] == [True, True, True]
    assert not board.open_connection()
    assert not board.open_listener()
    board.close_connection(True)
    assert board.open_connection()


def test_no_limit_is_no_limit(limits):
    board = limits.Limits()
    assert all(board.open_connection() for _ in range(1000))
    assert board.start_tls()
    assert board.ledger_free_min == 0


def test_who_closes_first_has_time_wait(limits, clock):
    board = limits.Limits(tcp=2)
    assert board.open_connection()
    assert board.open_connection()
    assert not board.open_connection()
    board.close_connection(True)
    assert board.open_connection()
    # The oldest TIME_WAIT makes room for a new connection.
    board.close_connection(False)
    assert board.open_connection()
    assert not board.open_connection()


def test_time_wait_ends_by_itself(limits, clock):
    board = limits.Limits(tcp=2)
    for _ in range(2):
        board.open_connection()
        board.close_connection(False)
    assert len(board._time_wait) == 2
    clock.now += limits.TIME_WAIT_MS
    board.open_connection()
    assert board._time_wait == []


def test_the_ledger_refuses_and_remembers_its_least(limits):
    room_for_one = limits.SOCKET_BYTES + limits.TRANSFER_BYTES
    board = limits.Limits(ledger=room_for_one + limits.SOCKET_BYTES)
    assert board.open_listener()
    assert board.open_connection()
    board.start_transfer()
    assert board.ledger_free == 0
    assert not board.open_connection()
    assert not board.open_listener()
    board.end_transfer()
    assert not board.open_connection()
    board.close_connection(False)
    assert board.open_connection()
    assert board.ledger_free_min == 0


def test_tls_is_refused_without_memory(limits):
    board = limits.Limits(ledger=limits.TLS_BYTES + 10)
    assert board.start_tls()
    assert not board.start_tls()
    board.end_tls()
    assert board.start_tls()
    assert board.ledger_free_min == 10
