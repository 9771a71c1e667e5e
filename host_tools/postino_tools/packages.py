"""Debian packages that set-up needs: installed as root, named in one line otherwise.

`python -m postino_tools.packages COMMAND=PACKAGE ...` makes sure that each command is on PATH.
"""

import os
import shutil
import subprocess
import sys

from postino_tools.progress import fail, step, until_interrupted


class PackagesMissing(Exception):
    """Packages are missing and cannot be installed; the message is one line that says which."""


def install(names: list[str]) -> None:
    """Install Debian packages. Raises PackagesMissing where the user must do it, or where apt-get fails."""
    listed = " ".join(names)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise PackagesMissing(f"missing Debian packages, install them with: apt-get install {listed}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {listed}", 30):
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *names]):
            run = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        reason = next((line for line in run.stderr.splitlines() if line.startswith("E:")), "apt-get failed")
        raise PackagesMissing(f"cannot install {listed}: {reason}")


def main(arguments: list[str]) -> int:
    """Install the packages of the commands that are missing; return the exit status."""
    pairs = [argument.partition("=") for argument in arguments]
    missing = [package for command, _, package in pairs if not shutil.which(command)]
    if missing:
        try:
            install(missing)
        except PackagesMissing as error:
            return fail(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(until_interrupted(lambda: main(sys.argv[1:])))
