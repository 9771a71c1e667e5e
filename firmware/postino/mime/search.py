"""Finding a text in a stream: case-insensitive for ASCII letters, across blocks (RFC 3501 6.4.4)."""

from postino.mime.blocks import blocks


class Searcher:
    """Looks for one needle in the blocks it is fed."""

    def __init__(self, needle: bytes):
        self._needle = bytes(needle).lower()
        self._tail = b""
        # An empty string is in every text.
        self.found = not needle

    def feed(self, buf) -> bool:
        """True as soon as the needle has been seen."""
        keep = len(self._needle) - 1
        for block in blocks(buf):
            if self.found:
                break
            data = self._tail + block.lower()
            self.found = data.find(self._needle) >= 0
            self._tail = data[-keep:] if keep else b""
        return self.found

    def restart(self):
        """Forgets what was fed, so that two fields are not taken for one text."""
        self._tail = b""


def contains(haystack: bytes, needle: bytes) -> bool:
    """The same for one text at hand."""
    return haystack.lower().find(needle.lower()) >= 0
