"""A wrong variant of one file of the firmware, and how it is put into a copy of the whole."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
FIRMWARE = ROOT / "firmware"


class Mutant(NamedTuple):
    name: str
    # Below firmware/.
    file: str
    content: str


class Misfit(Exception):
    """The firmware has changed: the text to be replaced is not there, or more than once."""


def source_of(file: str) -> str:
    return (FIRMWARE / file).read_text(encoding="utf-8")


def edited(name: str, file: str, edits: tuple[tuple[str, str], ...]) -> Mutant:
    """Each old text is there exactly once. Raises Misfit."""
    content = source_of(file)
    for old, new in edits:
        if content.count(old) != 1:
            raise Misfit(f"{name}: {file} has {content.count(old)} times what is to be replaced: {old!r}")
        content = content.replace(old, new)
    return Mutant(name, file, content)


def put_into(folder: Path, mutant: Mutant | None) -> Path:
    """A copy of the firmware with the mutant in it; returns where it is. The working tree stays as it is."""
    copy = folder / "firmware"
    shutil.copytree(FIRMWARE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant is not None:
        (copy / mutant.file).write_text(mutant.content, encoding="utf-8")
    return copy


def environment_for(firmware: Path) -> dict[str, str]:
    """Of a process that takes the firmware from there. No compiled file is kept: another mutant may be as long."""
    # pytest cuts what it says to the width of the terminal.
    changes = {"POSTINO_FIRMWARE": str(firmware), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
    return {**os.environ, **changes}
