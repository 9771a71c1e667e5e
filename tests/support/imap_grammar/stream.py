"""Cuts what arrives into responses: a line, and with every literal that it announces at its end another one."""

import re
from collections.abc import Iterator

# What stands at the end of a line before a literal: at most so many octets.
_ANNOUNCEMENT = re.compile(rb"\{([0-9]{1,20})\+?\}\r\n$")
_LONGEST = 26


class Stream:
    """Collects octets; whole responses come out, each with its CRLF."""

    def __init__(self) -> None:
        self._data = bytearray()
        # Where the line begins whose end is looked for, and where the search goes on.
        self._line = 0
        self._searched = 0

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """Takes more octets; yields the responses that are whole now."""
        data = self._data
        data += octets
        while self._line <= len(data):
            end = data.find(b"\n", max(self._line, self._searched)) + 1
            if not end:
                self._searched = len(data)
                return
            found = _ANNOUNCEMENT.search(data[max(self._line, end - _LONGEST) : end])
            if found:
                self._line = end + int(found[1])
                continue
            response = bytes(data[:end])
            del data[:end]
            self._line = self._searched = 0
            yield response

    def rest(self) -> bytes:
        """What has come of a response that is not whole."""
        return bytes(self._data)
