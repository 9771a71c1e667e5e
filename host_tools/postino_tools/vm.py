"""The virtual board's process: MicroPython with the firmware, in a session of its own, its serial console on pipes.

It never outlives `postino`: the kernel kills it when its parent dies. Only `postino` hears Ctrl-C and passes it on
as a console verb, so that the firmware ends in good order.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postino_tools.errors import CommandError
from postino_tools.runtime import Runtime

FIRMWARE_FOLDER = Path(__file__).resolve().parents[2] / "firmware"

# Exit statuses of the VM that mean something (sim_chip/simchip.c).
STATUS_NOR_VIOLATION = 98
STATUS_POWER_CUT = 99

PR_SET_PDEATHSIG = 1
# Loaded here, not in the child: between fork and exec nothing may be imported.
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Command:
    """What is run, and where."""

    arguments: list[str]
    environment: dict[str, str]
    folder: Path


def firmware_command(runtime: Runtime, heap: int, folder: Path) -> Command:
    """How the firmware is started. `folder` is the VM's working directory: it imports from there first."""
    script, search = (
        ("import main", ".frozen") if runtime.frozen else (_unfrozen_script(), f"{FIRMWARE_FOLDER}:.frozen")
    )
    arguments = [str(runtime.path), "-X", f"heapsize={heap}", "-c", script]
    return Command(arguments, {**os.environ, "MICROPYPATH": search}, folder)


def _unfrozen_script() -> str:
    """Imports every module before it is needed: to compile at the end of a long chain of imports recurses too deeply.

    A module that is too deep in the first round finds those that it imports compiled in the next.
    """
    paths = sorted(FIRMWARE_FOLDER.glob("postino/*/*.py"))
    names = [".".join(path.relative_to(FIRMWARE_FOLDER).with_suffix("").parts) for path in paths]
    ports = ("postino.board.esp32", "postino.board.ethernet")
    wanted = [name for name in names if name not in ports and not name.endswith("__init__")]
    return f"""
for _ in range(4):
    for name in {wanted!r}:
        try:
            __import__(name)
        except RuntimeError:
            pass
import main
"""


class Vm:
    """A running virtual board."""

    def __init__(self, command: Command, inherited: tuple[int, ...]):
        """Starts the process; descriptors in `inherited` stay open in it. CommandError when it cannot be started."""
        stdin, self._stdin = os.pipe()
        # The firmware polls its console; a blocking read there would stop its event loop.
        os.set_blocking(stdin, False)
        parent = os.getpid()
        try:
            self.process = subprocess.Popen(
                command.arguments,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=command.folder,
                env=command.environment,
                pass_fds=inherited,
                start_new_session=True,
                # No thread runs here that could hold a lock.
                preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509
                bufsize=0,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise CommandError(f"cannot run {command.arguments[0]}: {error}") from None
        finally:
            os.close(stdin)
        assert self.process.stdout is not None and self.process.stderr is not None
        self.stdout = self.process.stdout.fileno()
        self.stderr = self.process.stderr.fileno()
        os.set_blocking(self.stdout, False)
        os.set_blocking(self.stderr, False)

    def send(self, request: dict[str, Any]) -> None:
        """One JSON object to the console; quietly nothing when the VM has ended."""
        line = json.dumps(request, separators=(",", ":")) + "\n"
        with suppress(BrokenPipeError):
            os.write(self._stdin, line.encode())

    def kill(self) -> None:
        self.process.kill()

    def wait(self) -> int:
        """The exit status; negative when a signal ended the process."""
        status = self.process.wait()
        os.close(self._stdin)
        return status


def _die_with(parent: int) -> None:
    """Runs in the child, before the program does: ties its life to that of `parent`."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before that line.
    if os.getppid() != parent:
        os._exit(1)
