"""Plays a dialog file: sends what the client says, compares what the server answers.

One step per line; leading spaces count, trailing ones too.

    # text                a comment; an RFC section says where the expected answer comes from
    C: text               the client sends the text and CRLF. Lines that follow each other directly go in one packet
    S: pattern            the server's next line must match
    S? pattern            like S:, but a run of such lines may come in any order
    L: text               a line of a literal: sent like C:, and counted for `{@}`
    R: text               raw octets in Python notation (\\r \\n \\x00), sent without a line end
    C[b]: S[b]: ...       the same on the connection called b
    @open b pop3          opens connection b to another service; without it connections open by themselves, to the
                          service the folder is named after
    @login b anna imap    opens connection b, reads the greeting and logs in; without the service as above
    @close b              the client closes connection b (`-` is the unnamed one)
    @deliver anna plain   delivers letters/plain.eml to anna by SMTP, `@deliver anna,bob plain` to both
    @append anna Sent html "(\\Seen) date"    appends letters/html.eml by IMAP; the last argument may be left out
    @option --set a=b     starts the simulator with this option (anywhere in the file)
    @restart              stops the simulator and starts it again on the same flash; all connections are closed
    @higher old new       the number kept as new is higher than the one kept as old
    @quiet b              nothing arrives on connection b for a moment

In the text of C: and L: lines and in patterns:
    ${name}               in a pattern, the first time: a run of characters without space, quote, bracket, brace, angle
                          bracket or comma, which is kept under this name; everywhere else: what was kept
    ${user} ${password}   (and any other name) given by the caller
    ${8192*x}             x so many times
    {@} {@+}              at the end of a C: line: the octets in the run of L: lines that comes next on that connection,
                          each with its CRLF
In patterns:
    ...                   any text within the line
    <any lines>           as a whole pattern: lines up to the one that matches the next pattern
    <closed>              as a whole pattern: the server has closed the connection
Everything else is compared octet by octet. Whenever the client sends, and at the end, nothing unexpected may be left.
An IMAP response without a text is an error.
"""

import re
import select
import shlex
import socket
import time
from pathlib import Path

from tests.support.imap_grammar import GrammarError, Watch

LETTERS = Path(__file__).parent / "letters"
# How long the server may take for a line. Generous: it only ends tests that fail.
PATIENCE_S = 20
QUIET_S = 0.4
# Octets of a line that a report shows.
LOGGED = 400
STEP = re.compile(r"(C|S|L|R)(?:\[(\w+)\])?([:?])(?: (.*))?$", re.DOTALL)
VARIABLE = re.compile(r"\$\{(\w+)\}")
# RFC 3501 7.1: a text follows, behind the response code if there is one.
TEXTLESS = re.compile(rb"\S+ (OK|NO|BAD|BYE)( \[[^\]]*\])?\s*")
REPEATED = re.compile(r"\$\{(\d+)\*([^}]*)\}")
CAPTURE = r"[^\s\"()\[\]{}<>,]+"


class DialogError(AssertionError):
    """The dialog did not go as written, or the file cannot be read; the message names file and line."""


class Step:
    """One line of a dialog file."""

    def __init__(self, number, kind, connection, text):
        self.number = number
        self.kind = kind
        self.connection = connection
        self.text = text


def read_dialog(path):
    """The steps of a dialog file, without comments and options, and the options for the simulator."""
    steps, options = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("@option "):
            options += shlex.split(line[len("@option ") :])
        elif line.startswith("@"):
            steps.append(Step(number, "@", "", line[1:]))
        else:
            match = STEP.match(line)
            if not match:
                raise DialogError(f"{path.name}:{number}: not a step: {line}")
            kind = match[1] + ("?" if match[3] == "?" else "")
            steps.append(Step(number, kind, match[2] or "-", match[4] or ""))
    return steps, options


def read_letter(name):
    """A letter of `letters/` with CRLF line ends."""
    return (LETTERS / f"{name}.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def repeated(text):
    """`text` with all that is written `${n*x}`."""
    return REPEATED.sub(lambda match: match[2] * int(match[1]), text)


class Wire:
    """One connection as the player sees it: lines in, octets out. All that an IMAP server says is read strictly."""

    def __init__(self, host, port, service, name="-"):
        self.sock = socket.create_connection((host, port), PATIENCE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = b""
        # Before that, a client that speaks first does not see the greeting come.
        self.has_read = False
        self.watch = Watch(name) if service == "imap" else None

    def _receive(self):
        """What has arrived; b"" when the server has closed."""
        try:
            block = self.sock.recv(65536)
        except ConnectionError:
            return b""
        if self.watch:
            self.watch.heard(block)
            if not block:
                self.watch.ended()
        self.input += block
        return block

    def read_line(self, patience=PATIENCE_S):
        """The next line with its CRLF; b"" when the server has closed; None when nothing came in time."""
        self.has_read = True
        deadline = time.monotonic() + patience
        while b"\n" not in self.input:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            if not self._receive():
                return b""
        line, _, self.input = self.input.partition(b"\n")
        return line + b"\n"

    def unread(self):
        """What has come and was not asked for."""
        while select.select([self.sock], [], [], 0)[0] and self._receive():
            pass
        return self.input

    def send(self, data):
        if self.watch:
            self.watch.said(data)
        self.sock.sendall(data)

    def close(self):
        self.sock.close()


class Player:
    """Plays one dialog file. `ports` maps services to numbers; `restart()` starts the server anew and returns them."""

    def __init__(self, path, ports, host="127.0.0.1", restart=None, variables=None):
        self.path = path
        self.service = path.parent.name
        self.ports = ports
        self.host = host
        self.restart = restart
        self.values = dict(variables or {})
        self.wires = {}
        self.steps, self.options = read_dialog(path)
        self.log = []

    def play(self):
        """Plays all steps. Raises DialogError with the conversation so far."""
        position = 0
        try:
            while position < len(self.steps):
                position = self.play_run(position)
            for name, wire in self.wires.items():
                self.expect_nothing(name, wire, self.steps[-1])
        except GrammarError as error:
            raise self.error(self.steps[min(position, len(self.steps) - 1)], "no IMAP: " + str(error)) from error
        finally:
            self.close_all()

    def play_run(self, position):
        """Plays the run of steps of one kind at `position`; returns where the next run begins."""
        first = self.steps[position]
        if first.kind == "@":
            self.direct(first)
            return position + 1
        sends = first.kind in ("C", "L", "R")
        end = position
        while end < len(self.steps) and self.steps[end].connection == first.connection:
            kind = self.steps[end].kind
            if not (kind in ("C", "L", "R") if sends else kind == first.kind):
                break
            end += 1
        run = self.steps[position:end]
        if sends:
            self.send_run(run, end)
            return end
        if first.kind == "S?":
            self.expect_in_any_order(run)
            return end
        return self.expect_one(position)

    # Sending ----------------------------------------------------------------------------------------------------

    def send_run(self, run, end):
        wire = self.wire(run[0])
        self.expect_nothing(run[0].connection, wire, run[0])
        data = b""
        for index, step in enumerate(run):
            if step.kind == "R":
                octets = step.text.encode("latin-1").decode("unicode_escape").encode("latin-1")
            else:
                text = self.fill(step)
                if step.kind == "C" and re.search(r"\{@\+?\}$", text):
                    text = text.replace("{@", "{%d" % self.literal_size(run[index + 1 :] + self.steps[end:], step))
                octets = text.encode() + b"\r\n"
            self.note(step, octets)
            data += octets
        try:
            wire.send(data)
        except OSError as error:
            raise self.error(run[0], f"cannot send: {error}") from None

    def literal_size(self, steps, command):
        size = 0
        for step in steps:
            if step.connection != command.connection or step.kind not in ("L", "S", "C", "R"):
                continue
            if step.kind == "L":
                size += len(self.fill(step).encode()) + 2
            elif size or step.kind != "S":
                break
        if not size:
            raise self.error(command, "no L: lines for the literal")
        return size

    def fill(self, step):
        def value(match):
            if match[1] not in self.values:
                raise self.error(step, f"nothing is known as {match[1]}")
            return self.values[match[1]]

        return VARIABLE.sub(value, repeated(step.text))

    # Receiving --------------------------------------------------------------------------------------------------

    def expect_one(self, position):
        step = self.steps[position]
        wire = self.wire(step)
        if step.text == "<closed>":
            line = wire.read_line()
            if line != b"":
                raise self.error(step, "the server did not close the connection", line)
            self.wires.pop(step.connection).close()
            return position + 1
        if step.text == "<any lines>":
            following = self.steps[position + 1]
            while True:
                line = self.next_line(following, wire)
                if self.matches(following, line):
                    return position + 2
        line = self.next_line(step, wire)
        if not self.matches(step, line):
            raise self.error(step, "another answer was expected", line)
        return position + 1

    def expect_in_any_order(self, run):
        left = list(run)
        wire = self.wire(run[0])
        while left:
            line = self.next_line(left[0], wire)
            for step in left:
                if self.matches(step, line):
                    left.remove(step)
                    break
            else:
                raise self.error(left[0], "another answer was expected", line)

    def next_line(self, step, wire):
        line = wire.read_line()
        if line is None:
            raise self.error(step, "no answer")
        if line == b"":
            raise self.error(step, "the server closed the connection")
        if not line.endswith(b"\r\n"):
            raise self.error(step, "a line without CRLF", line)
        if self.service == "imap" and TEXTLESS.fullmatch(line):
            raise self.error(step, "a response without a text", line)
        self.log.append(f"S[{step.connection}] {line[:LOGGED]!r}")
        return line[:-2]

    def matches(self, step, line):
        """True if the line matches; what it captures is kept."""
        match = re.fullmatch(self.pattern(step), line, re.DOTALL)
        if match is None:
            return False
        for name, value in match.groupdict().items():
            self.values[name] = value.decode()
        return True

    def pattern(self, step):
        parts = []
        new = set()
        for piece in re.split(r"(\.\.\.|\$\{\w+\})", repeated(step.text)):
            if piece == "...":
                parts.append(b".*")
            elif VARIABLE.fullmatch(piece):
                name = piece[2:-1]
                if name in self.values:
                    parts.append(re.escape(self.values[name].encode()))
                elif name in new:
                    parts.append(f"(?P={name})".encode())
                else:
                    new.add(name)
                    parts.append(f"(?P<{name}>{CAPTURE})".encode())
            else:
                parts.append(re.escape(piece.encode()))
        return b"".join(parts)

    def expect_nothing(self, name, wire, step):
        unread = wire.unread()
        if unread and wire.has_read:
            raise self.error(step, f"unexpected on connection {name}", unread)

    # Directions -------------------------------------------------------------------------------------------------

    def direct(self, step):
        verb, *arguments = shlex.split(step.text)
        if verb == "open":
            name, service = arguments
            self.wires[name] = Wire(self.host, self.ports[service], service, name)
        elif verb == "login":
            self.log_in(step, *arguments)
        elif verb == "close":
            for name in arguments:
                self.wires.pop(name).close()
        elif verb == "deliver":
            self.deliver(step, arguments[0].split(","), arguments[1])
        elif verb == "append":
            self.append(step, *arguments)
        elif verb == "restart":
            self.close_all()
            self.ports = self.restart()
        elif verb == "higher":
            old, new = (int(self.values[name]) for name in arguments)
            if new <= old:
                raise self.error(step, f"{new} is not higher than {old}")
        elif verb == "quiet":
            self.wait_quietly(step, arguments[0] if arguments else "-")
        else:
            raise self.error(step, f"no such direction: {verb}")

    def deliver(self, step, users, letter):
        """Speaks SMTP itself, without pipelining, so that a dialog does not depend on anything it proves."""
        wire = Wire(self.host, self.ports["smtp"], "smtp")
        try:
            self.say(step, wire, None, "220")
            self.say(step, wire, "HELO sender.example", "250")
            self.say(step, wire, "MAIL FROM:<sender@sender.example>", "250")
            for user in users:
                self.say(step, wire, f"RCPT TO:<{user}@office.lan>", "250")
            self.say(step, wire, "DATA", "354")
            wire.send(read_letter(letter).replace(b"\r\n.", b"\r\n.."))
            self.say(step, wire, ".", "250")
            self.say(step, wire, "QUIT", "221")
        finally:
            wire.close()

    def append(self, step, user, mailbox, letter, more=""):
        wire = Wire(self.host, self.ports["imap"], "imap")
        try:
            self.log_in_by_imap(step, wire, user)
            data = read_letter(letter)
            self.say(step, wire, f'b APPEND "{mailbox}" {more}{" " if more else ""}{{{len(data)}}}', "+")
            wire.send(data)
            self.say(step, wire, "", "b OK")
            self.say(step, wire, "c LOGOUT", "c OK")
        finally:
            wire.close()

    def log_in(self, step, name, user, service=None):
        service = service or self.service
        wire = self.wires[name] = Wire(self.host, self.ports[service], service, name)
        if service == "imap":
            self.log_in_by_imap(step, wire, user)
        else:
            self.say(step, wire, None, "+OK")
            self.say(step, wire, f"USER {user}", "+OK")
            self.say(step, wire, f"PASS {self.values['password']}", "+OK")

    def log_in_by_imap(self, step, wire, user):
        self.say(step, wire, None, "* OK")
        self.say(step, wire, f'a LOGIN {user} "{self.values["password"]}"', "a OK")

    def say(self, step, wire, command, answer):
        """Sends a command and reads up to the line that begins with `answer`, past untagged IMAP responses."""
        if command is not None:
            wire.send(command.encode() + b"\r\n")
        while True:
            line = wire.read_line()
            if not line:
                raise self.error(step, f"no answer to {command}")
            if line.startswith(answer.encode()):
                return
            if not line.startswith(b"* "):
                raise self.error(step, f"{command} was refused", line)

    def wait_quietly(self, step, name):
        line = self.wires[name].read_line(QUIET_S)
        if line is not None:
            raise self.error(step, "nothing should have come", line)

    # Housekeeping -----------------------------------------------------------------------------------------------

    def wire(self, step):
        if step.connection not in self.wires:
            service = self.service
            self.wires[step.connection] = Wire(self.host, self.ports[service], service, step.connection)
        return self.wires[step.connection]

    def close_all(self):
        for wire in self.wires.values():
            wire.close()
        self.wires.clear()

    def note(self, step, octets):
        self.log.append(f"C[{step.connection}] {octets[:LOGGED]!r}")

    def error(self, step, message, line=None):
        came = "" if line is None else f"\n  came:     {line!r}"
        talk = "\n    ".join(self.log[-14:])
        place = f"{self.path.parent.name}/{self.path.name}:{step.number}"
        return DialogError(f"{place}: {message}\n  expected: {step.text}{came}\n  before:\n    {talk}")
