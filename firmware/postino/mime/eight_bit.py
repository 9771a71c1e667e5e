"""Whether a letter's header has 8-bit characters, found while its octets pass (RFC 6855 4). Nothing is copied or kept.

The header goes up to the first blank line; that of an attached letter is part of the body.
"""

# What has been seen of the line that is being read.
_NOTHING = 0
_CR = 1
_MORE = 2


class HeaderOctets:
    """Push in the letter from its beginning, in any pieces."""

    def __init__(self):
        self._line = _NOTHING
        self._over = False

    def found(self, buffer, start, end):
        """True if buffer[start:end], which comes next, has an 8-bit character that belongs to the header."""
        if self._over:
            return False
        stop = self._header_end(buffer, start, end)
        return stop > start and max(memoryview(buffer)[start:stop]) > 127

    def _header_end(self, buffer, start, end):
        """Returns up to where these octets are of the header."""
        while start < end:
            octet = buffer[start]
            if octet == 0x0A and self._line != _MORE:
                self._over = True
                return start
            if octet == 0x0D and self._line == _NOTHING:
                self._line = _CR
                start += 1
                continue
            line_feed = buffer.find(b"\n", start, end)
            if line_feed < 0:
                self._line = _MORE
                return end
            self._line = _NOTHING
            start = line_feed + 1
        return end
