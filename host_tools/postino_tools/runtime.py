"""The MicroPython runtime that the simulator runs: find it, build it, check it.

`python -m postino_tools.runtime` builds it when its inputs changed; `--check` fails unless it is the 32-bit one with
this checkout's firmware frozen in.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from postino_tools import runtime_build
from postino_tools.progress import fail, until_interrupted

# What the firmware needs, and what its builders like to see named.
MODULES = "asyncio binascii deflate hashlib json select simchip socket tls vfs"
PROBE = f"""
import sys
for name in {MODULES.split()!r}:
    try:
        __import__(name)
        print(name)
    except ImportError:
        pass
try:
    import postino
    print("frozen")
except ImportError:
    pass
print("32-bit" if sys.maxsize == 0x7FFFFFFF else "64-bit")
"""


class RuntimeMissing(Exception):
    """There is no MicroPython to run the firmware on; the message is one line for the user."""


@dataclass(frozen=True)
class Runtime:
    """A MicroPython executable. `frozen`: the firmware is in it; `has_chip`: it has the module `simchip`."""

    path: Path
    frozen: bool
    has_chip: bool


def find_runtime() -> Runtime:
    """Return the runtime built by `make runtime`, else another MicroPython after one line on stderr that says so.

    The other one is what POSTINO_MICROPYTHON names or `micropython` on PATH. It has no firmware in it, so it needs
    MICROPYPATH and a heap of at least 1m. Raises RuntimeMissing.
    """
    if runtime_build.BINARY.exists():
        return Runtime(runtime_build.BINARY, frozen=True, has_chip=True)
    other = _other_runtime()
    print(f"no 32-bit runtime with the firmware frozen in: using {other.path}", file=sys.stderr)
    return other


def _other_runtime() -> Runtime:
    """Return the MicroPython that the user provides. Raises RuntimeMissing."""
    path = shutil.which(os.environ.get("POSTINO_MICROPYTHON") or "micropython")
    if not path:
        raise RuntimeMissing("no runtime: run `make runtime`, or set POSTINO_MICROPYTHON to a MicroPython executable")
    features = probe(Path(path))
    return Runtime(Path(path), frozen="frozen" in features, has_chip="simchip" in features)


def probe(path: Path) -> set[str]:
    """Return the modules a MicroPython has, `frozen` if the firmware is in it, and its word size as `32-bit`."""
    with tempfile.TemporaryDirectory() as empty:
        environment = {**os.environ, "MICROPYPATH": ".frozen"}
        try:
            run = subprocess.run(
                [path, "-c", PROBE], cwd=empty, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RuntimeMissing(f"{path} does not run: {error}") from None
    return set(run.stdout.split())


def check() -> int:
    """Say in one line whether the runtime is what `make test` must run on; return the exit status."""
    if not runtime_build.BINARY.exists():
        return fail("runtime: the 32-bit runtime is not built (make runtime); tests do not run on another one")
    features = probe(runtime_build.BINARY)
    missing = {"32-bit", "frozen", *MODULES.split()} - features
    if missing:
        return fail(f"runtime: not what the tests need, it lacks: {' '.join(sorted(missing))}")
    if not runtime_build.is_current():
        return fail("runtime: older than the firmware or its other inputs (make runtime)")
    print("runtime: 32-bit, this firmware frozen in")
    return 0


def build() -> int:
    """Build what changed and name the modules that are in it; return the exit status."""
    try:
        changed = runtime_build.build()
    except runtime_build.BuildFailed as error:
        return fail(str(error))
    except runtime_build.RuntimeUnavailable as error:
        return _fall_back(str(error))
    except (OSError, tarfile.TarError) as error:
        return fail(f"runtime: {error}")
    if changed:
        features = probe(runtime_build.BINARY)
        print(f"runtime: ready, with {' '.join(name for name in MODULES.split() if name in features)}")
    return 0


def _fall_back(reason: str) -> int:
    """Accept another MicroPython where the runtime cannot be built. An outdated one of ours would only confuse."""
    runtime_build.BINARY.unlink(missing_ok=True)
    try:
        other = _other_runtime()
    except RuntimeMissing:
        return fail(f"runtime: {reason}")
    print(f"runtime: {reason}; using {other.path} without the memory model", file=sys.stderr)
    return 0


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m postino_tools.runtime", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail unless it is 32-bit with this firmware frozen in")
    return check() if parser.parse_args().check else build()


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
