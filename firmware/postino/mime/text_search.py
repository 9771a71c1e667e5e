"""Looking for several texts at once in text that streams by, whatever the case of its letters.

Needles are given folded (casefold.fold), and so is the text.
"""


class TextSearch:
    """Looks for needles in one text after the other; `found` has a 1 for each needle that was seen in any of them."""

    def __init__(self, needles):
        self._needles = needles
        self.found = bytearray(len(needles))
        # The end of the text so far, in which a needle may have begun.
        self._tail = b""
        self._keep = 0
        # Needles not found yet.
        self.missing = len(needles)
        self._seen_in(b"")

    def feed(self, folded: bytes) -> bool:
        """The text goes on with these octets. True while a needle is missing."""
        if self.missing and folded:
            data = self._tail + folded
            self._seen_in(data)
            self._tail = data[-self._keep :] if self._keep else b""
        return self.missing > 0

    def restart(self):
        """Another text begins: no needle is found that began in the last one."""
        self._tail = b""

    def _seen_in(self, data):
        keep = 0
        for number, needle in enumerate(self._needles):
            if self.found[number]:
                continue
            # An empty text is in every text.
            if not needle or data.find(needle) >= 0:
                self.found[number] = 1
                self.missing -= 1
            else:
                keep = max(keep, len(needle) - 1)
        self._keep = keep
