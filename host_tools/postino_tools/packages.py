"""Debian packages that set-up needs: installed as root, named in one line otherwise.

`python -m postino_tools.packages COMMAND=PACKAGE ...` makes sure that each command is there. A service that a package
brings is not started: the tests start what they need themselves.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postino_tools.progress import fail, step, until_interrupted

# Where servers are; not on everybody's PATH.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")

# What Debian asks before it starts a service (invoke-rc.d(8), deb-systemd-invoke(1p)); 101 forbids it.
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_MARK = "# Made by the set-up of Postino"
# Should set-up be killed, what it leaves behind forbids nothing any more.
POLICY_TEXT = """#!/bin/sh
{mark}: no service is started while process {pid} installs packages.
test -d /proc/{pid} && exit 101
exit 0
"""


class PackagesMissing(Exception):
    """Packages are missing and cannot be installed; the message is one line that says which."""


def find(command: str) -> str | None:
    """The path of a command that is installed, also of one that only administrators have on their PATH."""
    return shutil.which(command, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS]))


def install(names: list[str]) -> None:
    """Install Debian packages. Raises PackagesMissing where the user must do it, or where apt-get fails."""
    listed = " ".join(names)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise PackagesMissing(f"missing Debian packages, install them with: apt-get install {listed}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {listed}", 30), services_held():
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *names]):
            run = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        reason = next((line for line in run.stderr.splitlines() if line.startswith("E:")), "apt-get failed")
        raise PackagesMissing(f"cannot install {listed}: {reason}")


@contextmanager
def services_held() -> Iterator[None]:
    """While the block runs, no package starts a service. A policy of the administrator's own is put back after it."""
    kept = POLICY.with_name(POLICY.name + ".kept")
    if POLICY.exists() and POLICY_MARK not in POLICY.read_text(errors="replace"):
        POLICY.rename(kept)
    made = POLICY.with_name(POLICY.name + ".new")
    made.write_text(POLICY_TEXT.format(mark=POLICY_MARK, pid=os.getpid()))
    made.chmod(0o755)
    made.rename(POLICY)
    try:
        yield
    finally:
        # Also the one that a set-up before this one had no time to put back.
        if kept.exists():
            kept.rename(POLICY)
        else:
            POLICY.unlink()


def main(arguments: list[str]) -> int:
    """Install the packages of the commands that are missing; return the exit status."""
    pairs = [argument.partition("=") for argument in arguments]
    missing = [package for command, _, package in pairs if not find(command)]
    if missing:
        try:
            install(missing)
        except PackagesMissing as error:
            return fail(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(until_interrupted(lambda: main(sys.argv[1:])))
