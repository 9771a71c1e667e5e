"""Generates docs/settings.md from the firmware's table of settings: `make docs`, and a test that it is up to date."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "firmware" / "postino" / "settings.py"
TARGET = ROOT / "docs" / "settings.md"

HEAD = """# Settings

Generated from `firmware/postino/settings.py` by `make docs`; do not edit.

Set one in the simulator with `postino sim --set NAME=VALUE`; it is kept in the flash file. A value out of range is
refused with one line, and nothing is changed.

| name | values | default | meaning |
| --- | --- | --- | --- |
"""

KINDS = {
    "domain": "a domain name",
    "name": "a host name without dots",
    "user": "a user's name",
    "zone": "+hhmm or -hhmm",
    "address": "address/prefix/gateway",
    "host": "a host name or address",
    "words": "words of letters, digits and `._-=:`, blanks between",
}


def load_table() -> ModuleType:
    """The firmware's settings module, loaded by itself: it needs nothing of the board."""
    spec = importlib.util.spec_from_file_location("postino_settings", SOURCE)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values(kind: str, limits) -> str:
    """How the values of a setting are written in the table."""
    if kind == "int":
        return f"{limits[0]:,} to {limits[1]:,}"
    if kind == "choice":
        return ", ".join(limits)
    return KINDS[kind]


def default(value) -> str:
    """How a default is written in the table."""
    if value is None:
        return "computed"
    return "empty" if value == "" else f"`{value}`"


def render() -> str:
    """The whole page."""
    rows = [
        f"| `{name}` | {values(kind, limits)} | {default(value)} | {meaning} |\n"
        for name, kind, limits, value, meaning in load_table().TABLE
    ]
    return HEAD + "".join(rows)


def main() -> int:
    """Writes the page."""
    TARGET.write_text(render(), encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
