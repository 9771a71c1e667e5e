"""A mail program that runs on beside the test until it is ended, by its own process id."""

import os
import signal
import subprocess
from pathlib import Path

from tests.support.programs import find, tail
from tests.support.simulator import wait_until

# Seconds to wait for something the program does, and for its end: bounds, not measurements.
PATIENCE = 60
END_PATIENCE = 15


class Background:
    """A program with `home` as its home and working folder; what it prints is kept in `home/NAME.out`."""

    def __init__(self, arguments: list[str], home: Path, environment: dict[str, str] | None = None) -> None:
        self.arguments = arguments
        self.home = home
        self.environment = dict(os.environ, HOME=str(home), LC_ALL="C.UTF-8", **(environment or {}))
        self.shown = home / f"{Path(arguments[0]).name}.out"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Background":
        with open(self.shown, "wb") as shown:
            self.process = subprocess.Popen(
                [find(self.arguments[0]), *self.arguments[1:]],
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=shown,
                stderr=shown,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(END_PATIENCE)

    def output(self) -> bytes:
        """What it has printed by now."""
        return self.shown.read_bytes()

    def wait_for(self, what: str, condition) -> None:
        """Polls until `condition` holds; fails when it does not in time, or when the program has ended."""
        assert self.process is not None

        def holds() -> bool:
            assert self.process is not None
            ended = self.process.poll() is not None
            return condition() or ended

        wait_until(f"{what}; {self.arguments[0]} printed:\n{tail(self.output())}", holds, PATIENCE)
        assert condition(), f"{self.arguments[0]} ended before: {what}\n{tail(self.output())}"

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends it a signal and waits for its end; returns the exit status, negative if the signal ended it."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Waits for it to end by itself; returns the exit status."""
        assert self.process is not None
        return self.process.wait(END_PATIENCE)
