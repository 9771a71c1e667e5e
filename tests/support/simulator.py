"""One `postino sim` process under test: started, asked for figures, stopped; every wait is bounded.

Every process is ended by its own id. What it printed is kept in a file, and shown when a test fails.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".venv" / "bin" / "postino"

# Demo accounts; ben's password has the characters that quoting gets wrong.
PASSWORDS = {"anna": "wide-open-barn", "ben": 'quiet "old\\ pond:7', "clara": "paper+kite"}
DOMAIN = "office.lan"

# Bounds in seconds: generous, since the machine may be busy. A stop takes at most 5 by the design.
START_PATIENCE = 60
STOP_PATIENCE = 15
STATS_PATIENCE = 30
# Looks at the heap, those when so much is wanted, and seconds between two.
HEAP_LOOKS = 10
HEAP_LOOKS_FOR_WANTED = 120
HEAP_PAUSE = 0.5
POLL = 0.02


class SimulatorFailed(AssertionError):
    """The simulator did something else than the test asked for; the text carries what it printed."""


def command() -> list[str]:
    """How `postino` is called: as installed by `make setup`, else from the tree."""
    if COMMAND.exists():
        return [str(COMMAND)]
    return [sys.executable, "-m", "postino_tools"]


def wait_until(what: str, condition: Callable[[], bool], patience: float) -> None:
    """Polls until `condition` holds; SimulatorFailed with `what` when it does not in time."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise SimulatorFailed(f"waited {patience} s in vain: {what}")
        time.sleep(POLL)


class Simulator:
    """A simulator with its state in `folder`; it can be started again on the same state after it has stopped."""

    # The ones that run now, for the report of a failing test.
    running: list["Simulator"] = []

    def __init__(
        self,
        folder: Path,
        *options: str,
        board: str | None = None,
        settings: dict[str, object] | None = None,
        users: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.flash_file = self.state / "flash.bin"
        self.options = [*self._common_options(board), *options]
        for name, password in (PASSWORDS if users is None else users).items():
            self.options += ["--user", f"{name}:{password}"]
        for key, value in (settings or {}).items():
            self.options += ["--set", f"{key}={value}"]
        self.host = ""
        self.ports: dict[str, int] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self._ready_file = folder / "ready.json"
        self._stats_file = folder / "stats.json"
        self._log_file = folder / "simulator.log"

    def _common_options(self, board: str | None) -> list[str]:
        options = ["--state", str(self.folder / "state"), "--domain", DOMAIN]
        for service in ("smtp", "submission", "pop3", "imap"):
            options += [f"--{service}-port", "0"]
        options += ["--ready-file", str(self.folder / "ready.json"), "--stats-file", str(self.folder / "stats.json")]
        if board is not None:
            options += ["--board", board]
        return options

    # Start and stop ---------------------------------------------------------------------------------------------

    def start(self) -> "Simulator":
        """Starts the process and waits until all listeners accept."""
        assert self.process is None, "the simulator runs already"
        self._ready_file.unlink(missing_ok=True)
        with open(self._log_file, "ab") as log:
            environment = dict(os.environ, PYTHONPATH=str(ROOT / "host_tools"))
            self.process = subprocess.Popen(
                [*command(), "sim", *self.options],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        Simulator.running.append(self)
        try:
            wait_until("ready file", self._ready_or_ended, START_PATIENCE)
        except SimulatorFailed:
            self.kill()
            raise
        if self.process.poll() is not None:
            status = self._reap()
            raise SimulatorFailed(f"the simulator ended with status {status}:\n{self.output()}")
        ready = json.loads(self._ready_file.read_text())
        self.host, self.ports = ready["host"], ready["ports"]
        return self

    def _ready_or_ended(self) -> bool:
        assert self.process is not None
        return self._ready_file.exists() or self.process.poll() is not None

    def stop(self) -> None:
        """Ends it by SIGTERM, and checks that it ends with status 0."""
        assert self.process is not None, "the simulator does not run"
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise SimulatorFailed(f"no end {STOP_PATIENCE} s after SIGTERM:\n{self.output()}") from None
        self._reap()
        if status != 0:
            raise SimulatorFailed(f"status {status} after SIGTERM:\n{self.output()}")

    def restart_without(self, *options: str) -> None:
        """Stops it and starts it again on the same state, without these options."""
        self.stop()
        self.options = [option for option in self.options if option not in options]
        self.start()

    def kill(self) -> None:
        """SIGKILL; its VM dies by itself within a second. Does nothing if it has ended."""
        if self.process is not None:
            self.process.kill()
            self._reap()

    def wait(self, patience: float = STOP_PATIENCE) -> int:
        """Waits for it to end by itself (a power cut); returns the exit status."""
        assert self.process is not None
        self.process.wait(patience)
        return self._reap()

    def _reap(self) -> int:
        assert self.process is not None
        status = self.process.wait(STOP_PATIENCE)
        self.process = None
        if self in Simulator.running:
            Simulator.running.remove(self)
        return status

    def __enter__(self) -> "Simulator":
        return self if self.process is not None else self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        if self.process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()

    # Looking at it ----------------------------------------------------------------------------------------------

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stats(self) -> dict:
        """The figures of this moment: SIGUSR1, then a stats file with a new sequence number."""
        assert self.process is not None, "the simulator does not run"
        before = self.last_stats().get("sequence")
        self.process.send_signal(signal.SIGUSR1)
        wait_until("new stats", lambda: self.last_stats().get("sequence") != before, STATS_PATIENCE)
        return self.last_stats()

    def heap_free(self, wanted: int | None = None) -> int:
        """The free heap when nothing is done: idle work of the store borrows some for a while.

        The best of some looks; with `wanted` it looks until so much is free, for a minute at most.
        """
        best = 0
        for look in range(HEAP_LOOKS if wanted is None else HEAP_LOOKS_FOR_WANTED):
            if look:
                time.sleep(HEAP_PAUSE)
            best = max(best, self.stats()["heap_free"])
            if wanted is not None and best >= wanted:
                break
        return best

    def last_stats(self) -> dict:
        """What the stats file says now; after the end, the last figures."""
        try:
            return json.loads(self._stats_file.read_text())
        except FileNotFoundError:
            return {}

    def output(self, lines: int = 100) -> str:
        """The last lines that the simulator and its VM printed."""
        try:
            text = self._log_file.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])
