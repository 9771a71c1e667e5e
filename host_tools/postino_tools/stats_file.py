"""The stats file: the firmware's figures and the chip's counters, in one JSON object that is replaced atomically."""

import json
from pathlib import Path
from typing import Any

from postino_tools.atomic_file import replace_text
from postino_tools.books import Books
from postino_tools.errors import CommandError
from postino_tools.partition_table import Partition

# Slots of the gauges that the firmware publishes (firmware/postino/board/unix.py).
GAUGE_HEAP_FREE = 0
GAUGE_LEDGER_FREE_MIN = 1
GAUGE_SESSIONS_OPEN = 2
GAUGE_SESSIONS_TOTAL = 3
GAUGE_DELIVERED = 4
GAUGE_ALLOCATION_FAULTS = 5


class StatsFile:
    """Writes the figures each time it is asked to; does nothing when no path was given."""

    def __init__(self, path: Path | None, books: Books, partitions: list[Partition], has_ledger: bool):
        self.path = path
        self.books = books
        self.partitions = partitions
        self.has_ledger = has_ledger
        # It goes on from an old file, so that whoever waits for a new number is not misled by a restart.
        self.sequence = _last_sequence(path)

    def write(self) -> None:
        if self.path is None:
            return
        self.sequence += 1
        try:
            replace_text(self.path, json.dumps(self.content(), indent=2) + "\n")
        except OSError as error:
            raise CommandError(f"cannot write the stats file {self.path}: {error.strerror}") from None

    def content(self) -> dict[str, Any]:
        """`flash` holds the counters of the whole chip, and those of each partition under its label."""
        books = self.books
        flash: dict[str, Any] = dict(books.totals())
        for partition in self.partitions:
            flash[partition.label] = books.totals(partition.offset, partition.end)
        return {
            "sequence": self.sequence,
            "heap_free": books.gauge(GAUGE_HEAP_FREE),
            "heap_peak_used": books.heap_peak_used,
            "flash": flash,
            # Without a board there is no ledger to be short of.
            "ledger_free_min": books.gauge(GAUGE_LEDGER_FREE_MIN) if self.has_ledger else None,
            "sessions_open": books.gauge(GAUGE_SESSIONS_OPEN),
            "sessions_total": books.gauge(GAUGE_SESSIONS_TOTAL),
            "delivered": books.gauge(GAUGE_DELIVERED),
            "operations": books.operations,
            "allocation_faults": books.gauge(GAUGE_ALLOCATION_FAULTS),
        }


def _last_sequence(path: Path | None) -> int:
    """The sequence number in a stats file that is there already, else 0."""
    try:
        sequence = json.loads(path.read_text(encoding="utf-8"))["sequence"] if path is not None else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return sequence if isinstance(sequence, int) else 0
