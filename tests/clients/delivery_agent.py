"""A mail delivery agent for programs that hand each letter to one: every letter becomes a file of its own."""

import re
from pathlib import Path

from tests.support.trace import digest, strip_trace, with_crlf

# Moved when it is whole, so that nobody counts half a letter.
SCRIPT = """#!/bin/sh
cat > "{folder}/tmp/$$" && mv "{folder}/tmp/$$" "{folder}/new/$$"
"""


# What getmail puts at the end of the header.
ADDED = re.compile(rb"^X-getmail-retrieved-from-mailbox: [^\r\n]*\r\n", re.MULTILINE)


def as_sent(letter: bytes) -> bytes:
    """A letter that a program has handed over, without its addition and the trace fields."""
    return strip_trace(ADDED.sub(b"", with_crlf(letter), count=1))


class DeliveryAgent:
    """The program `path`, and the letters that it was given."""

    def __init__(self, folder: Path) -> None:
        for name in ("new", "tmp"):
            (folder / name).mkdir(parents=True)
        self.path = folder / "keep_letter"
        self.path.write_text(SCRIPT.format(folder=folder))
        self.path.chmod(0o755)
        self._new = folder / "new"
        self._seen: set[Path] = set()

    def new(self) -> list[str]:
        """The letters that came since the last look, by digest of what was sent, sorted."""
        paths = set(self._new.iterdir()) - self._seen
        self._seen |= paths
        return sorted(digest(as_sent(path.read_bytes())) for path in paths)
