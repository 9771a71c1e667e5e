"""What the client has said, command by command, as far as the server has come with it.

Commands are answered one after the other, so that the one that is being answered is known, however many were sent. A
literal that the client sends without being asked (RFC 7888) belongs to its command even if that has been answered; one
that the server has to ask for never comes if it does not.
"""

import re

# One with more digits is none: no literal is so large.
_ANNOUNCEMENT = re.compile(rb"\{([0-9]{1,20})(\+?)\}\r?\n$")
_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+(?= |\r?\n)')

# A longer tag is answered like none. Its line is no command, and announces no literal, unless it is longer than the
# server takes, before login and after it: then the literal is thrown away with it (docs/imap.md, Limits).
_LONGEST_TAG = 1023
_LONGEST_TAG_OF_A_LONG_LINE = 64
_LONGEST_LINE = (1024, 8192)

# Where it is: at the beginning of a line; in a literal; before a literal that the server has to ask for; behind a
# command, that is not answered.
_LINE, _LITERAL, _WAITING, _WHOLE = range(4)


class Command:
    """One command. `tag` is None if the line has none. `text` has its lines without the literals, in upper case."""

    def __init__(self, line: bytes, limit: int) -> None:
        found = _TAG.match(line)
        self.tag = found[0] if found and len(found[0]) <= _LONGEST_TAG else None
        too_long = len(line.rstrip(b"\r\n")) > limit
        self.has_literals = self.tag is not None or too_long
        # It may be answered without its tag.
        self.may_lose_tag = self.tag is None or (too_long and len(self.tag) > _LONGEST_TAG_OF_A_LONG_LINE)
        self.text = line[len(self.tag) + 1 :].upper() if self.tag else b""
        words = self.text.split(None, 2)
        self.name = words[0] if words else b""
        self.uid = self.name == b"UID" and len(words) > 1
        if self.uid:
            # The family; `uid` says that it is by UID.
            self.name = words[1]


class Client:
    """The client's side of a connection."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._state = _LINE
        self._left = 0
        self._command: Command | None = None
        self._logged_in = False
        # The command is answered; the rest of it is on its way.
        self._answered = False

    def said(self, octets: bytes) -> None:
        self._data += octets

    def command(self) -> Command | None:
        """The command that the server is at, or None if it has answered all that it can have read."""
        while self._state in (_LINE, _LITERAL) and self._data:
            if self._state == _LITERAL:
                self._skip()
            elif not self._take_line():
                break
        return None if self._answered else self._command

    def _skip(self) -> None:
        taken = min(self._left, len(self._data))
        del self._data[:taken]
        self._left -= taken
        if not self._left:
            self._state = _LINE

    def _take_line(self) -> bool:
        end = self._data.find(b"\n") + 1
        if not end:
            return False
        line = bytes(self._data[:end])
        del self._data[:end]
        if self._command is not None:
            self._command.text += line.upper()
        elif line.rstrip(b"\r\n").upper() == b"DONE":
            # One that ends no IDLE is nothing.
            return True
        else:
            self._command = Command(line, _LONGEST_LINE[self._logged_in])
        self._look_for_literal(line)
        return True

    def _look_for_literal(self, line: bytes) -> None:
        found = _ANNOUNCEMENT.search(line) if self._command and self._command.has_literals else None
        if found is None:
            self._state = _WHOLE
        elif found[2]:
            self._left = int(found[1])
            self._state = _LITERAL if self._left else _LINE
        else:
            self._left = int(found[1])
            self._state = _WAITING
        if self._answered and self._state in (_WHOLE, _WAITING):
            self._forget()

    def _forget(self) -> None:
        self._command = None
        self._answered = False
        self._state = _LINE

    def asked_to_go_on(self) -> bool:
        """The server sends a continuation; False if there is nothing that it could ask for."""
        command = self.command()
        if command is None:
            return False
        if self._state == _WAITING:
            self._state = _LITERAL if self._left else _LINE
            return True
        # What follows is a line of the same command: a response, or DONE.
        if self._state == _WHOLE and command.name in (b"AUTHENTICATE", b"IDLE"):
            self._state = _LINE
            return True
        return False

    def answered(self, succeeded: bool) -> None:
        """The server has answered the command that it was at."""
        if self._command is None:
            return
        self._logged_in = self._logged_in or (succeeded and self._command.name in (b"LOGIN", b"AUTHENTICATE"))
        self._answered = True
        if self._state in (_WHOLE, _WAITING) or self._command.name in (b"AUTHENTICATE", b"IDLE"):
            self._forget()
