"""Prints the flash operations of the mail store beside their limits: `python -m tests.bench.bench_store`.

The store runs under the simulator's 32-bit MicroPython, on the mail partition of a 16 MB chip; the parts named
`server` go through the SMTP and IMAP server of `postino sim`. Exit status 1 if a limit is missed.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import server_measures
from tests.bench import store_measures as store
from tests.bench.report import Report, Row, heading_lines, row_line
from tests.bench.store_measures import Subject

OPERATIONS = 1000
WEAR_OPERATIONS = 50_000
ROUNDS = 1000
# Octets of a stored letter -> limits: octets programmed per octet, erases.
DELIVERIES: dict[int, tuple[float | None, float | None]] = {
    1000: (1.6, 1.15),
    4096: (1.12, 1.15),
    4608: (None, None),
    8294: (None, None),
    30_000: (1.04, 8.3),
    76_800: (None, None),
}
FORMAT_1 = "format1_driver.py"


def parts(subject: Subject, count: int) -> dict[str, tuple[str, list[Callable[[], list[Row]]]]]:
    """Name -> heading and measurements, with averages of `count` operations."""
    deliveries = [
        lambda size=size, limits=limits: store.deliver(subject, size, count, limits)
        for size, limits in DELIVERIES.items()
    ]
    result = {
        "deliver": (
            "Letters in",
            [
                *deliveries,
                lambda: store.deliver_into(subject, 4096, count, count),
                lambda: store.deliver_to_ten(subject, 4096, count, 1.5),
            ],
        ),
        "change": (
            "Changes",
            [
                lambda: store.flags(subject, count, count),
                lambda: store.expunge(subject, count, count),
            ],
        ),
        "select": (
            "Reading",
            [
                lambda: store.select(subject, count),
                lambda: store.select_many(subject, count * 5 // 2),
                lambda: store.headers(subject, count, 4096),
            ],
        ),
        "boot": ("The start", [lambda: store.boot(subject, count)]),
        "capacity": ("Room", [lambda: store.capacity(subject), lambda: store.rounds(subject, ROUNDS)]),
        "wear": ("Wear", [lambda: store.wear(subject, WEAR_OPERATIONS)]),
    }
    if not subject.firmware:
        result["server"] = ("Through the server", [lambda: server_measures.server(count)])
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="only this part (repeatable)")
    parser.add_argument("--operations", type=int, default=OPERATIONS, help="operations that an average is taken of")
    parser.add_argument("--firmware", type=Path, help="import the firmware from this folder, not the frozen one")
    parser.add_argument("--format-1", action="store_true", help="the firmware there has the store of format 1")
    options = parser.parse_args()
    firmware = str(options.firmware.resolve()) if options.firmware else ""
    subject = Subject(FORMAT_1 if options.format_1 else "store_driver.py", firmware)
    report = Report()
    for name, (heading, measurements) in parts(subject, options.operations).items():
        if not options.only or name in options.only:
            report.part(heading, run(heading, measurements))
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    print(f"\n{len(report.missed)} limits missed" if report.missed else "\nall limits met")
    return 1 if report.missed else 0


def run(heading: str, measurements: list[Callable[[], list[Row]]]) -> list[Row]:
    """Measures and prints as it goes."""
    print(heading_lines(heading), flush=True)
    rows = []
    for measurement in measurements:
        for row in measurement():
            rows.append(row)
            print(row_line(row), flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
