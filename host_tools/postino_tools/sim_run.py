"""One run of the simulator: passes on the console and signals, writes ready and stats files, ends in good order."""

import json
import selectors
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from postino_tools import announcement
from postino_tools.books import Books
from postino_tools.errors import CommandError
from postino_tools.line_reader import LineReader
from postino_tools.ready_file import ReadyFile
from postino_tools.signal_pipe import SignalPipe
from postino_tools.sim_options import DEFAULT_PORTS, SimOptions
from postino_tools.stats_file import StatsFile
from postino_tools.vm import STATUS_NOR_VIOLATION, STATUS_POWER_CUT, Vm

# The firmware has this long to stop; then it is killed, so that `postino` ends within the 5 s that it promises.
STOP_TIMEOUT_S = 4.5
# The firmware collects its figures at once, unless it hangs: then the file shows the last ones it published.
STATS_TIMEOUT_S = 2.0
# Lines of the VM's standard error that are kept: the place of a fault in the firmware.
FAULT_LINES = 60
FAULT_NAME = "fault.txt"


class SimRun:
    """Runs a virtual board to its end."""

    def __init__(self, options: SimOptions, ready: ReadyFile, stats: StatsFile, books: Books):
        self.options = options
        self.ready = ready
        self.stats = stats
        self.books = books
        self.failure: str | None = None
        self.fault: list[str] = []
        # What replies are still to come for: the console answers in the order of the requests.
        self.requests: list[str] = []
        self.stats_deadline: float | None = None
        self.stop_deadline: float | None = None
        self.killed = False

    def run(self, start: Callable[[], Vm]) -> int:
        """Starts the board and returns the exit status of `postino`. CommandError when the board failed."""
        with SignalPipe(signal.SIGINT, signal.SIGTERM, signal.SIGUSR1) as signals:
            self.vm = start()
            try:
                self._pass_on(signals)
                status = self.vm.wait()
            except BaseException:
                self.vm.kill()
                self.vm.wait()
                raise
            finally:
                self.ready.remove()
                self.stats.write()
            return self._exit_status(status)

    # The loop ------------------------------------------------------------------------------------------------------

    def _pass_on(self, signals: SignalPipe) -> None:
        """Returns when the VM has ended: both its outputs are closed then."""
        output, errors = LineReader(self.vm.stdout), LineReader(self.vm.stderr)
        selector = selectors.DefaultSelector()
        selector.register(signals.descriptor, selectors.EVENT_READ, lambda: self._signalled(signals.read()))
        selector.register(output.descriptor, selectors.EVENT_READ, lambda: self._console(output.read()))
        selector.register(errors.descriptor, selectors.EVENT_READ, lambda: self._faulty(errors.read()))
        with selector:
            while not (output.ended and errors.ended):
                for key, _ in selector.select(self._patience()):
                    key.data()
                for reader in (output, errors):
                    if reader.ended and reader.descriptor in selector.get_map():
                        selector.unregister(reader.descriptor)
                self._check_deadlines()

    def _patience(self) -> float | None:
        deadlines = [each for each in (self.stats_deadline, self.stop_deadline) if each is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _check_deadlines(self) -> None:
        now = time.monotonic()
        if self.stats_deadline is not None and now >= self.stats_deadline:
            self.stats_deadline = None
            self.stats.write()
        if self.stop_deadline is not None and now >= self.stop_deadline:
            self.stop_deadline = None
            self.killed = True
            self.vm.kill()

    def _signalled(self, numbers: list[int]) -> None:
        for number in numbers:
            if number == signal.SIGUSR1:
                self._request("stats")
                self.stats_deadline = self.stats_deadline or time.monotonic() + STATS_TIMEOUT_S
            elif self.stop_deadline is None and not self.killed:
                self.ready.remove()
                self._request("stop")
                self.stop_deadline = time.monotonic() + STOP_TIMEOUT_S

    def _request(self, verb: str) -> None:
        self.requests.append(verb)
        self.vm.send({"verb": verb})

    # What the VM says ----------------------------------------------------------------------------------------------

    def _console(self, lines: list[str]) -> None:
        for line in lines:
            message = _json_object(line)
            if message is not None and "event" in message:
                self._event(message)
            elif message is not None and "ok" in message:
                self._reply()
            else:
                print(line, flush=True)

    def _event(self, message: dict[str, Any]) -> None:
        if message["event"] == "ready" and self.stop_deadline is None:
            # In our order of services: the VM's dictionaries have none.
            ports = {service: message["ports"][service] for service in DEFAULT_PORTS if service in message["ports"]}
            self.ready.write(self.options.host, ports)
            for line in announcement.lines(self.options, ports, message.get("users")):
                print(line, flush=True)
        elif message["event"] == "failed":
            self.failure = str(message.get("message", "the firmware cannot start"))

    def _reply(self) -> None:
        verb = self.requests.pop(0) if self.requests else None
        if verb == "stats" and self.stats_deadline is not None and "stats" not in self.requests:
            self.stats_deadline = None
            self.stats.write()

    def _faulty(self, lines: list[str]) -> None:
        self.fault = (self.fault + lines)[-FAULT_LINES:]

    # The end -------------------------------------------------------------------------------------------------------

    def _exit_status(self, status: int) -> int:
        if self.killed:
            raise CommandError("the firmware did not stop in time and was killed")
        if self.failure is not None:
            raise CommandError(self.failure)
        if status == STATUS_NOR_VIOLATION:
            address = self.books.fault_address or 0
            print(f"postino: a program would set a cleared bit at address {address:#x}", file=sys.stderr)
        elif status == STATUS_POWER_CUT:
            print(f"power cut after operation {self.books.operations}", flush=True)
        elif status != 0:
            raise CommandError(self._describe_fault(status))
        return status

    def _describe_fault(self, status: int) -> str:
        """One line for the user; the traceback, if there is one, goes to a file in the state directory."""
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        if not self.fault:
            return f"the firmware ended with {how}"
        path = self.options.state / FAULT_NAME
        path.write_text("\n".join(self.fault) + "\n", encoding="utf-8")
        return f"the firmware ended with {how}: {self.fault[-1]} (see {path})"


def _json_object(line: str) -> dict[str, Any] | None:
    """The object of a console message; None for a line of the log."""
    if not line.startswith("{"):
        return None
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
