"""Replaces a small file in one step, so that a reader sees the old content or the new, never half of it."""

import os
import tempfile
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Writes `text` under another name in the same folder, then renames it. OSError when that fails."""
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        # mkstemp makes files that nobody else may read; these are meant to be read by test scripts.
        os.fchmod(descriptor, 0o644)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
