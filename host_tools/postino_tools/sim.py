"""`postino sim`: the firmware in the foreground, on a flash file, until it is told to stop."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from postino_tools import flash_file, flash_layout, scram, sim_options
from postino_tools.books import Books
from postino_tools.errors import CommandError
from postino_tools.partition_table import Partition
from postino_tools.ports import PortReservation
from postino_tools.ready_file import ReadyFile
from postino_tools.runtime import Runtime, RuntimeMissing, find_runtime
from postino_tools.sim_options import STOCK_HEAP_MIN, SimOptions
from postino_tools.sim_run import SimRun
from postino_tools.stats_file import StatsFile
from postino_tools.vm import Vm, firmware_command

BOOKS_NAME = "books.bin"


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "sim",
        help="run the firmware on this machine",
        description="Run the firmware on this machine, with a file for its flash chip, until SIGINT or SIGTERM.",
        allow_abbrev=False,
    )
    sim_options.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the simulator; returns its exit status. CommandError for what the user has to be told."""
    options = sim_options.read(arguments)
    ready = ReadyFile(options.ready_file)
    runtime = _runtime()
    with _locked(options.state) as lock:
        # Not before the lock: the file may be that of a simulator that runs.
        ready.remove()
        flash, partitions = flash_file.open_flash(options.state, options.flash_size)
        books_path = options.state / BOOKS_NAME
        with (
            PortReservation(options.host, options.ports) as ports,
            closing(Books.create(books_path, options.flash_size, os.getpid())) as books,
        ):
            options.ports = ports.numbers
            strap = make_strap(options, flash, books_path, partitions)
            stats = StatsFile(options.stats_file, books, partitions, has_ledger=options.board is not None)
            command = firmware_command(runtime, _heap(options, runtime), options.state.resolve())
            return SimRun(options, ready, stats, books).run(lambda: _start(command, lock, strap))


def _start(command: Any, lock: int, strap: dict[str, Any]) -> Vm:
    # The VM holds the lock too: the flash file is free only when nothing can write to it any more.
    vm = Vm(command, (lock,))
    vm.send(strap)
    return vm


def _runtime() -> Runtime:
    try:
        return find_runtime()
    except RuntimeMissing as error:
        raise CommandError(str(error)) from None


def _heap(options: SimOptions, runtime: Runtime) -> int:
    if runtime.frozen or options.heap >= STOCK_HEAP_MIN:
        return options.heap
    print("the heap is 1m: this runtime has to compile the firmware itself", file=sys.stderr)
    return STOCK_HEAP_MIN


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    lock = flash_file.lock_state(folder)
    try:
        yield lock
    finally:
        os.close(lock)


def make_strap(options: SimOptions, flash: Path, books: Path, partitions: list[Partition]) -> dict[str, Any]:
    """What the firmware is told on the first line of its console: the wiring of its virtual board."""
    strap: dict[str, Any] = {
        "flash": str(flash.resolve()),
        "books": str(books.resolve()),
        "partitions": {
            label: [partition.offset, partition.size]
            for label in (flash_layout.VFS, flash_layout.MAIL)
            for partition in [flash_layout.find_partition(partitions, label)]
        },
        "host": options.host,
        "ports": options.ports,
        "power_cut": options.power_cut,
        "timing": int(options.nor_timing),
        "heap": options.heap,
        "limits": _limits(options),
        "settings": options.settings,
        "users": [[name, scram.derive_record(password)] for name, password in options.users.items()],
    }
    if options.fail_allocations is not None:
        service, count = options.fail_allocations
        strap["fail_allocation"] = {"service": service, "count": count}
    return strap


def _limits(options: SimOptions) -> dict[str, int]:
    """0 means that the simulated board has no such limit."""
    board = options.board
    if board is None:
        return {"sockets": options.sockets, "tcp": 0, "ledger": 0}
    return {"sockets": options.sockets, "tcp": board.tcp_connections, "ledger": board.ledger(options.heap)}
