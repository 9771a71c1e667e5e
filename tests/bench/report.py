"""The rows of a bench: what was measured beside its limit and what the flash itself would need at least."""

from dataclasses import asdict, dataclass, field
from typing import Any

WIDTHS = (84, 12, 12, 10)


@dataclass(frozen=True)
class Row:
    """One figure. The limit is a largest value, or a least one with `at_least`; None: it is only told."""

    what: str
    measured: float
    unit: str = ""
    limit: float | None = None
    floor: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool:
        if self.limit is None:
            return True
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


@dataclass
class Report:
    """Rows under headings, in the order in which they were measured."""

    parts: list[tuple[str, list[Row]]] = field(default_factory=list)

    def part(self, heading: str, rows: list[Row]) -> None:
        self.parts.append((heading, rows))

    @property
    def missed(self) -> list[Row]:
        return [row for _, rows in self.parts for row in rows if not row.met]

    def as_json(self) -> dict[str, Any]:
        parts = [{"heading": heading, "rows": [_as_json(row) for row in rows]} for heading, rows in self.parts]
        return {"parts": parts, "missed": [row.what for row in self.missed]}


def _as_json(row: Row) -> dict[str, Any]:
    return {**asdict(row), "met": row.met}


def heading_lines(heading: str) -> str:
    what, limit, measured, floor = WIDTHS
    return f"\n{heading:{what}}{'limit':>{limit}}{'measured':>{measured}}{'floor':>{floor}}"


def row_line(row: Row) -> str:
    what, limit, measured, floor = WIDTHS
    bound = "" if row.limit is None else f"{'>=' if row.at_least else '<='} {number(row.limit)}"
    least = "" if row.floor is None else number(row.floor)
    text = f"  {row.what}{', ' + row.unit if row.unit else ''}"
    mark = "" if row.met else "  MISSED"
    return f"{text:{what}}{bound:>{limit}}{number(row.measured):>{measured}}{least:>{floor}}{mark}"


def number(value: float) -> str:
    """Three digits behind the point for small values, none for large ones."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.1f}"
