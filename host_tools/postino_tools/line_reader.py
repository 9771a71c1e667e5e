"""Cuts what arrives on a pipe into lines."""

import os

# A console that never ends its line must not fill the host's memory.
LINE_MAX = 65536
BLOCK = 65536


class LineReader:
    """Lines of a non-blocking descriptor, as text."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor
        self.ended = False
        self._rest = b""

    def read(self) -> list[str]:
        """The lines that are complete now; at the end of input also an unfinished last one."""
        try:
            block = os.read(self.descriptor, BLOCK)
        except BlockingIOError:
            return []
        if not block:
            self.ended = True
            lines, self._rest = [self._rest] if self._rest else [], b""
        else:
            *lines, self._rest = (self._rest + block).split(b"\n")
            if len(self._rest) > LINE_MAX:
                lines, self._rest = [*lines, self._rest], b""
        return [line.rstrip(b"\r").decode("utf-8", "replace") for line in lines]
