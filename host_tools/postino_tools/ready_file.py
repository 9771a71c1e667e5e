"""The ready file: there while all listeners accept, and only then."""

import json
import os
from pathlib import Path

from postino_tools.atomic_file import replace_text
from postino_tools.errors import CommandError


class ReadyFile:
    """`{"pid": …, "host": …, "ports": {"smtp": …}}`; does nothing when no path was given."""

    def __init__(self, path: Path | None):
        self.path = path

    def remove(self) -> None:
        """At start (an old one may be left from a crash) and at exit."""
        if self.path is None:
            return
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise CommandError(f"cannot remove the ready file {self.path}: {error.strerror}") from None

    def write(self, host: str, ports: dict[str, int]) -> None:
        if self.path is None:
            return
        content = {"pid": os.getpid(), "host": host, "ports": ports}
        try:
            replace_text(self.path, json.dumps(content) + "\n")
        except OSError as error:
            raise CommandError(f"cannot write the ready file {self.path}: {error.strerror}") from None
