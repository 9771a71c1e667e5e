"""mbsync (isync) with a mail folder of its own, and what both sides hold, in a form that can be compared."""

import mailbox
import re
from pathlib import Path

from tests.support.programs import run_on_terminal
from tests.support.simulator import PASSWORDS
from tests.support.trace import digest, strip_trace, with_crlf

SETTINGS = """
IMAPAccount office
Host {host}
Port {port}
User anna
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account office

MaildirStore near
SubFolders Verbatim
Path {home}/Mail/
Inbox {home}/Mail/INBOX

Channel office
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
"""

# The counters that mbsync shows: letters added, flags changed, letters deleted, on the server (F) and here (N).
COUNTERS = re.compile(r"F: \+(\d+)/\d+ \*(\d+)/\d+ #(\d+)/\d+  N: \+(\d+)/\d+ \*(\d+)/\d+ #(\d+)/\d+")
NOTHING = (0, 0, 0, 0, 0, 0)

# mbsync marks the copies that it makes, in both directions.
MARK = re.compile(rb"^X-TUID: [^\r\n]*\r\n", re.MULTILINE)


def as_sent(copy: bytes) -> bytes:
    """A letter that mbsync has transferred, without its mark and the trace fields."""
    return strip_trace(MARK.sub(b"", with_crlf(copy), count=1))


class Mbsync:
    """A mail folder kept in step with anna's mailboxes on a server, or on what stands before it."""

    def __init__(self, host: str, port: int, home: Path):
        self.home = home
        (home / "Mail").mkdir(parents=True)
        self.connect_to(host, port)

    def connect_to(self, host: str, port: int) -> None:
        """The server has another port since its restart."""
        (self.home / "mbsyncrc").write_text(
            SETTINGS.format(host=host, port=port, password=PASSWORDS["anna"], home=self.home)
        )

    def sync(self) -> tuple[int, ...]:
        """One run; returns its counters."""
        shown = run_on_terminal(["mbsync", "-c", str(self.home / "mbsyncrc"), "-a"], self.home).decode(errors="replace")
        found = COUNTERS.findall(shown)
        assert found, shown
        return tuple(int(number) for number in found[-1])

    def folder(self, name: str) -> mailbox.Maildir:
        path = self.home / "Mail" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return mailbox.Maildir(path, factory=None, create=True)

    def digests(self, name: str) -> list[str]:
        """The letters of a folder, by digest of what was sent."""
        folder = self.folder(name)
        return sorted(digest(as_sent(folder.get_bytes(key))) for key in folder.iterkeys())
