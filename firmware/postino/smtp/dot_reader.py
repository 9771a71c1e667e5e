"""Finds the end of a letter in DATA, undoes dot-stuffing, and makes every line end CRLF. Pure: no input or output.

The rules, each the same whatever the pieces in which the input arrives:
- Only CRLF "." CRLF ends the data (RFC 5321 section 4.1.1.4); the CRLF of the DATA command counts as the first one.
- A CR without LF, or an LF without CR, becomes CRLF in the letter (RFC 5321 section 2.3.8 forbids both on the wire) and
  never is part of the end: what one server takes for the end and another does not is how letters are smuggled.
- One leading "." is taken off a line that began after a real CRLF (RFC 5321 section 4.5.2). A line that began after a
  mended bare CR or LF keeps its dot: the sender's stuffing, if any, worked on CRLF lines.
- Every other octet, NUL and 8-bit included, goes through unchanged, in lines of any length.
"""

CRLF = b"\r\n"

# What has been seen just before the next octet.
# In a line, or at the start of one that began after a mended line end.
_TEXT = 0
# CRLF, or nothing yet.
_LINE_START = 1
# A CR that waits for its LF.
_CR = 2
# CRLF "."
_DOT = 3
# CRLF "." CR
_DOT_CR = 4


class DotReader:
    """Hands the letter's octets to `emit(buffer, start, end)` in runs. `done` is set when the end was seen.

    `emit` must not raise what the session survives: the run would be lost.
    """

    def __init__(self, emit):
        self._emit = emit
        self._state = _LINE_START
        self.done = False
        # Line ends in the run that is being handed out; -1 if they were not counted.
        self.lines = -1

    def feed(self, buffer, start, end):
        """Takes buffer[start:end] (bytes or bytearray), returns how many octets belong to the data.

        All of them, unless the end of the data is among them: then `done` is set, and what follows is commands.
        """
        position = start
        while position < end and not self.done:
            if self._state == _TEXT or (self._state == _LINE_START and buffer[position] != 0x2E):
                position = self._bulk(buffer, position, end)
            else:
                position += self._step(buffer[position])
        return position - start

    def _step(self, octet):
        """Takes one octet after a line end, or what may become one. Returns 0 if it has to be looked at again."""
        state = self._state
        if state == _LINE_START:
            # The octet is a dot: it is the end, or stuffing to be dropped.
            self._state = _DOT
            return 1
        if state == _DOT and octet == 0x0D:
            self._state = _DOT_CR
            return 1
        if state == _DOT_CR and octet == 0x0A:
            self.done = True
            return 1
        if state == _CR and octet == 0x0A:
            self._emit(CRLF, 0, 2)
            self._state = _LINE_START
            return 1
        if state != _DOT:
            # The CR stays bare.
            self._emit(CRLF, 0, 2)
        self._state = _TEXT
        return 0

    def _bulk(self, buffer, start, end):
        """Takes text up to the next line with a leading dot, or to the end. Nothing here looks at single octets."""
        stop = buffer.find(b"\r\n.", start, end)
        if stop >= 0:
            stop += 2
            after = _LINE_START
            taken = stop
        else:
            taken = stop = end
            after = _TEXT
            if buffer[end - 1] == 0x0D:
                # Whether it is bare shows in the next piece.
                stop -= 1
                after = _CR
            elif buffer[end - 1] == 0x0A and end - start > 1 and buffer[end - 2] == 0x0D:
                after = _LINE_START
        pairs = buffer.count(CRLF, start, stop)
        if buffer.count(b"\r", start, stop) == pairs and buffer.count(b"\n", start, stop) == pairs:
            if stop > start:
                self.lines = pairs
                self._emit(buffer, start, stop)
                self.lines = -1
        else:
            self._mend(buffer, start, stop)
        self._state = after
        return taken

    def _mend(self, buffer, start, stop):
        """Emits buffer[start:stop] with every bare CR and bare LF made CRLF."""
        run = position = start
        line_feed = carriage_return = start - 1
        while position < stop:
            if line_feed < position:
                line_feed = buffer.find(b"\n", position, stop)
                line_feed = stop if line_feed < 0 else line_feed
            if carriage_return < position:
                carriage_return = buffer.find(b"\r", position, stop)
                carriage_return = stop if carriage_return < 0 else carriage_return
            if carriage_return + 1 == line_feed and line_feed < stop:
                position = line_feed + 1
                continue
            bare = line_feed if line_feed < carriage_return else carriage_return
            if bare > run:
                self._emit(buffer, run, bare)
            if bare < stop:
                self._emit(CRLF, 0, 2)
            run = position = bare + 1
        if run < stop:
            self._emit(buffer, run, stop)
