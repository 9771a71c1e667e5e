"""The table of connections: the caps, the slot that is kept for mail, and who has to go."""

import importlib.util
import types
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "firmware" / "postino" / "net" / "table.py"


class Connection:
    """As much of a connection as the table looks at."""

    closing = False

    def __init__(self, service="imap", user=None, idle_since=None, peer="10.0.0.1"):
        self.service = service
        self.user = user
        self.idle_since = idle_since
        self.peer = peer
        self.asked = False

    def ask_to_go(self):
        self.asked = True


@pytest.fixture
def make_table():
    """Makes tables with a clock that stands at 1,000; the package cannot be imported here."""
    spec = importlib.util.spec_from_file_location("table_under_test", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.time = types.SimpleNamespace(ticks_ms=lambda: 1000, ticks_diff=lambda one, other: one - other)

    def make(connections, total, per_address=40):
        table = module.ConnectionTable(total, per_address, 40)
        for conn in connections:
            table.add(conn)
        return table

    return make


def test_a_slot_is_kept_for_mail(make_table):
    table = make_table([Connection() for _ in range(5)], 6)
    assert not table.admit("10.0.0.2", "imap")
    assert not table.admit("10.0.0.2", "pop3")
    assert table.admit("10.0.0.2", "smtp")
    table.add(Connection("smtp"))
    assert not table.admit("10.0.0.2", "smtp")


def test_the_longest_idle_of_the_user_with_most_makes_room(make_table):
    idle = [Connection(user="ben", idle_since=1)]
    idle += [Connection(user="anna", idle_since=since) for since in (500, 400)]
    table = make_table(idle, 6)
    assert table.admit("10.0.0.2", "imap")
    assert not any(conn.asked for conn in idle)
    table.add(Connection())
    assert table.admit("10.0.0.2", "imap")
    assert [conn.asked for conn in idle] == [False, False, True]


def test_whoever_comes_when_all_slots_are_taken_finds_room_the_next_time(make_table):
    """All came before any of them was idle, so nobody was asked to go then."""
    idle = [Connection(user="anna", idle_since=since) for since in (3, 2, 1, 4, 5)]
    table = make_table(idle, 6)
    assert not table.admit("10.0.0.2", "imap")
    assert [conn.asked for conn in idle] == [False, False, True, False, False]
    table.remove(idle[2])
    assert table.admit("10.0.0.2", "imap")


def test_a_burst_costs_one_connection_at_a_time(make_table):
    idle = [Connection(user="anna", idle_since=since) for since in range(5)]
    table = make_table(idle, 6)
    assert not any(table.admit("10.0.0.2", "imap") for _ in range(20))
    assert sum(conn.asked for conn in idle) == 1


def test_too_many_from_one_address_cost_nobody_else_anything(make_table):
    idle = [Connection(user="anna", idle_since=1) for _ in range(4)]
    table = make_table([*idle, Connection(peer="10.0.0.2")], 6, per_address=1)
    assert not table.admit("10.0.0.2", "smtp")
    assert not any(conn.asked for conn in idle)
