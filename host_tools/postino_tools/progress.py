"""Progress of set-up: one line for each long step, with the time it took.

`python -m postino_tools.progress TEXT COMMAND ...` runs a command as such a step, its output shown only if it fails.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def step(what: str, about_seconds: int = 0) -> Iterator[None]:
    """Print `what` before the block runs and the seconds it took after it; `about_seconds` is said beforehand."""
    estimate = f" (about {about_seconds} s)" if about_seconds else ""
    print(f"{what}{estimate} ...", end="", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" {time.monotonic() - start:.0f} s", flush=True)


def until_interrupted(run: Callable[[], int]) -> int:
    """Return the exit status of `run`; after Ctrl-C that of a program ended by it, without a traceback."""
    try:
        return run()
    except KeyboardInterrupt:
        return 130


def fail(message: str) -> int:
    """Print one line to stderr; return the exit status 1."""
    print(message, file=sys.stderr)
    return 1


def main(what: str, *command: str) -> int:
    """Run a command as a step; return its exit status."""
    try:
        with step(what):
            subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    except subprocess.CalledProcessError as error:
        print(error.stdout, file=sys.stderr, end="")
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(until_interrupted(lambda: main(*sys.argv[1:])))
