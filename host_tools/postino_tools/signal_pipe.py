"""Signals as bytes on a pipe, so that one loop waits for them and for everything else."""

import os
import signal
from types import TracebackType


class SignalPipe:
    """While it is open, the given signals do nothing but appear in `read`."""

    def __init__(self, *signals: signal.Signals):
        self.descriptor, self._writer = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._writer, False)
        self._previous = {number: signal.signal(number, lambda *_: None) for number in signals}
        self._previous_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def __enter__(self) -> "SignalPipe":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._previous_wakeup)
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        os.close(self.descriptor)
        os.close(self._writer)

    def read(self) -> list[int]:
        """The signals that have come since the last call."""
        try:
            return list(os.read(self.descriptor, 512))
        except BlockingIOError:
            return []
