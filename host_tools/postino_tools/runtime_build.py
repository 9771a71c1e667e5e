"""Builds the runtime of the simulator: the 32-bit MicroPython unix port with TLS, `simchip` and our firmware frozen in.

Everything lives in `.cache/runtime/` of the checkout. `inputs.json` there holds a digest of each kind of input, and
only what depends on a changed one is made again: sources mean everything, flags mean a new compilation, firmware means
a few seconds. What is frozen is not the firmware's source as it stands but what frozen_source.py makes of it, in
`firmware/` there, with a copy of the manifest: its paths are relative.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postino_tools import constants, frozen_source
from postino_tools import runtime_sources as sources
from postino_tools.packages import PackagesMissing, install
from postino_tools.progress import step

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
# What turns the source into what is frozen.
CONVERSION = (Path(frozen_source.__file__), Path(constants.__file__))
SIM_CHIP = Path(__file__).resolve().parent / "sim_chip"

CACHE = ROOT / ".cache" / "runtime"
DOWNLOADS = CACHE / "downloads"
SOURCE = CACHE / "source"
MPY_CROSS = SOURCE / "mpy-cross" / "build" / "mpy-cross"
BUILD = CACHE / "build"
FROZEN = CACHE / "firmware"
MANIFEST = FROZEN / "manifest.py"
LOG = CACHE / "build.log"
INPUTS = CACHE / "inputs.json"
BINARY = CACHE / "postino-micropython"

# As close to the board as the unix port gets: 32 bits, one thread, no modules that a board does not have.
MAKE_FLAGS = (
    "VARIANT=standard",
    "MICROPY_FORCE_32BIT=1",
    "MICROPY_PY_SSL=1",
    "MICROPY_SSL_MBEDTLS=1",
    "MICROPY_PY_THREAD=0",
    "MICROPY_PY_FFI=0",
    "MICROPY_PY_BTREE=0",
    "MICROPY_PY_JNI=0",
    # Here no module has a `__file__`: it would cost each of them a name in the heap. Board images are to do the same.
    "CFLAGS_EXTRA=-DMICROPY_FLOAT_USE_NATIVE_FLT16=0 -DMICROPY_PY___FILE__=0",
)
COMPILER_PACKAGES = ("gcc-multilib", "make")


class RuntimeUnavailable(Exception):
    """This machine cannot build the runtime; the message is one line for the user."""


class BuildFailed(Exception):
    """A step of the build failed on its input, such as a syntax error in the firmware; the message is one line."""


def build() -> bool:
    """Bring the runtime up to date. Return whether anything had to be done. Raises RuntimeUnavailable, BuildFailed."""
    _require_platform()
    CACHE.mkdir(parents=True, exist_ok=True)
    DOWNLOADS.mkdir(exist_ok=True)
    with _one_at_a_time():
        try:
            tree = sources.user_tree()
            if tree is None or not sources.has_mbedtls(tree):
                sources.fetch(DOWNLOADS)
        except sources.SourcesUnavailable as error:
            raise RuntimeUnavailable(str(error)) from None
        wanted = inputs(tree)
        if BINARY.exists() and wanted == _built_inputs():
            return False
        _require_compiler()
        _build_changed(tree, wanted, _prepared_inputs())
    return True


def is_current() -> bool:
    """Say whether the runtime in the cache was built from the firmware and sources as they are now."""
    try:
        return BINARY.exists() and inputs(sources.user_tree()) == _built_inputs()
    except sources.SourcesUnavailable:
        return False


def inputs(tree: Path | None) -> dict[str, str]:
    """Return a digest of each kind of input of the build; `tree` is the user's MicroPython tree or None."""
    firmware = sorted(path for path in FIRMWARE.rglob("*.py") if "__pycache__" not in path.parts)
    return {
        "sources": sources.revision(DOWNLOADS, tree),
        "flags": hashlib.sha256("\n".join((*MAKE_FLAGS, str(ROOT))).encode()).hexdigest(),
        "sim_chip": _digest(sorted(path for path in SIM_CHIP.iterdir() if path.is_file())),
        "firmware": _digest([*CONVERSION, *firmware]),
    }


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _built_inputs() -> dict[str, str]:
    try:
        return json.loads(INPUTS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


# What the folders `source` and `build` hold, noted before a build that may fail half-way.
def _prepared_inputs() -> dict[str, str]:
    try:
        return json.loads((BUILD / "prepared.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _build_changed(tree: Path | None, wanted: dict[str, str], prepared: dict[str, str]) -> None:
    """Run the steps that `wanted` needs over `prepared`."""
    INPUTS.unlink(missing_ok=True)
    if wanted["sources"] != prepared.get("sources"):
        shutil.rmtree(BUILD, ignore_errors=True)
        with step("runtime: unpacking the sources"):
            sources.prepare(SOURCE, DOWNLOADS, tree)
    if any(wanted[kind] != prepared.get(kind) for kind in ("sources", "flags")):
        shutil.rmtree(BUILD, ignore_errors=True)
    # Told by what the steps end with: one that was interrupted is done, and announced, again.
    fresh = not (BUILD / "micropython").exists()
    BUILD.mkdir(exist_ok=True)
    # The freezing tool goes by time stamps, which a checkout or a removed file can fool.
    shutil.rmtree(BUILD / "frozen_mpy", ignore_errors=True)
    (BUILD / "frozen_content.c").unlink(missing_ok=True)
    (BUILD / "prepared.json").write_text(json.dumps(wanted), encoding="utf-8")
    LOG.unlink(missing_ok=True)
    if not MPY_CROSS.exists():
        with step("runtime: compiling the bytecode compiler", 15):
            _make("mpy-cross")
    with (
        step("runtime: compiling MicroPython with the firmware", 40)
        if fresh
        else step("runtime: freezing the firmware")
    ):
        _write_frozen_source()
        _make(
            "ports/unix",
            f"BUILD={BUILD}",
            f"FROZEN_MANIFEST={MANIFEST}",
            f"USER_C_MODULES={SIM_CHIP.parent}",
            *MAKE_FLAGS,
        )
    _install(wanted)


def _write_frozen_source() -> None:
    try:
        frozen_source.write(FIRMWARE, FROZEN)
    except frozen_source.NotFreezable as error:
        raise BuildFailed(f"runtime: {error}") from None


def _install(wanted: dict[str, str]) -> None:
    """Put the new binary in its place in one step: simulators that run the old one keep it."""
    fresh = BINARY.with_suffix(".new")
    shutil.copy2(BUILD / "micropython", fresh)
    os.replace(fresh, BINARY)
    INPUTS.write_text(json.dumps(wanted, indent=1), encoding="utf-8")


def _make(folder: str, *variables: str) -> None:
    """Run make in a folder of the source, its output into the log. Raises BuildFailed with the first error in it."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "MPY_DIR"))}
    # Without this the version of MicroPython would be asked of the repository around the cache: ours.
    environment = {**inherited, "GIT_DIR": os.devnull, "LC_ALL": "C"}
    jobs = f"-j{os.cpu_count() or 1}"
    with LOG.open("a", encoding="utf-8") as log:
        run = subprocess.run(
            ["make", jobs, "-C", str(SOURCE / folder), f"PYTHON={sys.executable}", *variables],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if run.returncode:
        raise BuildFailed(f"runtime: {_first_error()} (log: {LOG})")


def _first_error() -> str:
    """Return the line of the log that says what went wrong, for the firmware with the file and line it is in."""
    module = place = ""
    for line in LOG.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("MPY "):
            module = line.removeprefix("MPY ")
        elif line.startswith("  File "):
            # The compiler names the temporary copy that it is given.
            place = f"{module},{line.partition(',')[2]}: "
        elif re.search(r"\berror: |Error: ", line):
            return place + line.strip()
    return "the build failed"


def _require_platform() -> None:
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "amd64"):
        raise RuntimeUnavailable("the 32-bit runtime can only be built on 64-bit x86 Linux")
    if " " in str(ROOT):
        raise RuntimeUnavailable("the runtime cannot be built in a folder with a space in its path")


def _require_compiler() -> None:
    """Make sure a 32-bit program can be compiled; as root install what is missing. Raises RuntimeUnavailable."""
    if _can_compile():
        return
    try:
        install(list(COMPILER_PACKAGES))
    except PackagesMissing as error:
        raise RuntimeUnavailable(str(error)) from None
    if not _can_compile():
        raise RuntimeUnavailable("gcc cannot compile a 32-bit program (gcc -m32)")


def _can_compile() -> bool:
    if not shutil.which("make") or not shutil.which("gcc"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "probe.c"
        program.write_text(
            "#include <asm/errno.h>\n#include <stdio.h>\nint main(void) { return 0; }\n", encoding="ascii"
        )
        command = ["gcc", "-m32", str(program), "-o", str(program.with_suffix(""))]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold the lock of the cache, so that two builds do not write into one another."""
    with (CACHE / "lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("runtime: waiting for another build of it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
