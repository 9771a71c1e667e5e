"""Runs mail programs: bounded, with their output kept, and failing when the program is not installed."""

import os
import pty
import shutil
import subprocess
import time
from pathlib import Path

# Seconds that any run may take: a bound, not a measurement.
PATIENCE = 120


def find(program: str) -> str:
    """The program's path. A missing one fails the test: it was not tested."""
    path = shutil.which(program)
    assert path is not None, f"{program} is not installed: make setup installs what the tests need"
    return path


def run(arguments: list[str], home: Path, status: int = 0, feed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Runs a program with `home` as its home and working folder; fails unless it ends with `status`."""
    home.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, HOME=str(home), LC_ALL="C.UTF-8")
    done = subprocess.run(
        [find(arguments[0]), *arguments[1:]],
        cwd=home,
        env=environment,
        input=feed,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    shown = tail(done.stdout) + tail(done.stderr)
    assert done.returncode == status, f"{arguments} ended with {done.returncode}:\n{shown}"
    return done


def run_on_terminal(arguments: list[str], home: Path) -> bytes:
    """Runs a program that insists on a terminal; returns all it showed. Fails unless it ends with 0."""
    ours, theirs = pty.openpty()
    environment = dict(os.environ, HOME=str(home), LC_ALL="C.UTF-8", TERM="xterm", LINES="24", COLUMNS="80")
    process = subprocess.Popen(
        [find(arguments[0]), *arguments[1:]],
        cwd=home,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    os.set_blocking(ours, False)
    end = time.monotonic() + PATIENCE
    try:
        while process.poll() is None and time.monotonic() < end:
            shown += read_some(ours)
            time.sleep(0.02)
        shown += read_some(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert process.returncode == 0, f"{arguments} ended with {process.returncode}:\n{tail(shown)}"
    return shown


def read_some(terminal: int) -> bytes:
    """What the terminal shows by now."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        # Nothing yet, or the other end is closed.
        return b""


def tail(output: bytes) -> str:
    """The end of an output, for a message."""
    return output[-2000:].decode(errors="replace")
