"""Sizes as users write them: `N`, `Nk`, `Nm` with units of 1,024."""

import re

UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}


def parse_size(text: str) -> int:
    """The number of bytes that `text` means; ValueError when it is not a size."""
    match = re.fullmatch(r"([0-9]{1,12})([km]?)", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is not a size (write N, Nk or Nm)")
    return int(match[1]) * UNITS[match[2].lower()]


def format_size(size: int) -> str:
    """The shortest way to write `size`."""
    for unit in ("m", "k"):
        if size and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)
