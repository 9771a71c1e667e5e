"""A Dovecot of the test's own: its own configuration, folder, users and port, on loopback, ended by its id.

The service that Debian's package may have is never touched. Run as root, Dovecot drops to the users that its package
has made; run by anybody else, everything belongs to that user.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from postino_tools import packages
from tests.support.simulator import wait_until

HOST = "127.0.0.1"

# Bounds in seconds: generous, since the machine may be busy.
START_PATIENCE = 30
STOP_PATIENCE = 15

# The mailboxes that a Postino user has from the start, with their special uses (RFC 6154).
SPECIAL = {"Archive": "\\Archive", "Drafts": "\\Drafts", "Junk": "\\Junk", "Sent": "\\Sent", "Trash": "\\Trash"}

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
instance_name = postino-tests
protocols = imap
listen = {host}
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
default_process_limit = 20
first_valid_uid = 1
mail_uid = {mail}
mail_gid = {mail_group}
mail_location = sdbox:{folder}/mail/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {host}
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}
}}
"""


class DovecotFailed(AssertionError):
    """Dovecot did not start or stop; the text carries its log."""


class Dovecot:
    """One instance with these users and passwords (without colons); a context manager."""

    def __init__(self, passwords: dict[str, str]) -> None:
        self._passwords = passwords
        # Not pytest's own folders: those are closed to the users that Dovecot drops to.
        self._folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.host = HOST
        self.port = _free_port()

    def __enter__(self) -> "Dovecot":
        self._folder.chmod(0o755)
        path = self._write_configuration()
        program = packages.find("dovecot")
        assert program is not None, "dovecot is not installed: make test-setup installs what the tests need"
        with open(self._folder / "output", "wb") as output:
            self._process = subprocess.Popen(
                # Whatever becomes of the test, Dovecot ends with it.
                ["setpriv", "--pdeathsig", "TERM", program, "-F", "-c", str(path)],
                # Times are told in the zone of the server, here in that of the simulator.
                env={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            wait_until("Dovecot accepts", self._accepts_or_ended, START_PATIENCE)
            if self._process.poll() is not None:
                raise DovecotFailed(f"Dovecot ended with status {self._process.returncode}:\n{self.log()}")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def log(self) -> str:
        """What it printed and logged."""
        texts = []
        for name in ("output", "dovecot.log"):
            path = self._folder / name
            texts.append(path.read_text(errors="replace") if path.exists() else "")
        return "".join(texts)[-5000:]

    def _end(self) -> None:
        """Ends the master, which ends its children; then removes the folder."""
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_PATIENCE)
            raise DovecotFailed(f"no end {STOP_PATIENCE} s after SIGTERM:\n{self.log()}") from None
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _accepts_or_ended(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            return True
        with socket.socket() as probe:
            return not probe.connect_ex((self.host, self.port))

    def _write_configuration(self) -> Path:
        me = pwd.getpwuid(os.getuid()).pw_name
        own_group = grp.getgrgid(os.getgid()).gr_name
        names = {"internal": me, "group": own_group, "login": me, "mail": me, "mail_group": own_group}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            names = {"internal": "dovecot", "group": "dovecot", "login": "dovenull", "mail": "nobody"}
            names["mail_group"] = grp.getgrgid(nobody.pw_gid).gr_name
        mail = self._folder / "mail"
        mail.mkdir()
        if os.geteuid() == 0:
            os.chown(mail, nobody.pw_uid, nobody.pw_gid)
        users = self._folder / "users"
        users.write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in self._passwords.items()))
        users.chmod(0o644)
        uses = {"INBOX": "", **{name: f"special_use = {use}" for name, use in SPECIAL.items()}}
        mailboxes = "\n".join(
            f"  mailbox {name} {{\n    auto = subscribe\n    {use}\n  }}" for name, use in uses.items()
        )
        path = self._folder / "dovecot.conf"
        path.write_text(
            CONFIGURATION.format(folder=self._folder, host=self.host, port=self.port, mailboxes=mailboxes, **names)
        )
        path.chmod(0o644)
        return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
