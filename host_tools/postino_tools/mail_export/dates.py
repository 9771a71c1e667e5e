"""Dates as `postino.json` has them."""

from datetime import UTC, datetime


def iso_date(seconds: int) -> str | None:
    """ISO 8601 in UTC; None if the clock was not set."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
