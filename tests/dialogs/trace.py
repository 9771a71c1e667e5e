"""Reads an IMAP dialog without playing it: which commands it sends, in which state of its session, and what it expects.

A dialog that passes has got the answers that it expects; so the state is followed by these: a LOGIN that is expected to
be OK logs in (RFC 3501 3). Octets are followed as a server does: what belongs to a literal, to IDLE or to AUTHENTICATE
is no command.
"""

import re
from pathlib import Path

from tests.dialogs.player import Player

BEFORE_LOGIN = "before login"
NO_MAILBOX = "no mailbox"
SELECTED = "selected"
EXAMINED = "examined"
AFTER_LOGOUT = "after LOGOUT"
STATES = (BEFORE_LOGIN, NO_MAILBOX, SELECTED, EXAMINED, AFTER_LOGOUT)

LEADS_TO_NO_MAILBOX = ("LOGIN", "AUTHENTICATE", "CLOSE", "UNSELECT")

ANNOUNCEMENT = re.compile(r"\{(\d+)(\+?)\}$")
FIRST_WORDS = re.compile(r"(\S+) (UID \S+|\S+) ?", re.IGNORECASE)
# What stands for values that are only known when the dialog is played. No literal's length depends on it.
GUESS = "7"


class Attempt:
    """One command: its tag, verb and text (its lines, without what is in literals), its state, the expected reply.

    `condition` is OK, NO, BAD, or "" where there is none or any would do. `answer` has all lines up to the tagged one.
    `session` numbers the sessions of the dialog; `place` is where the command stands among the steps.
    """

    def __init__(self, tag: str, verb: str, text: str, place: int) -> None:
        self.tag, self.verb, self.text, self.place = tag, verb, text, place
        self.connection = ""
        self.session = 0
        self.state = ""
        self.condition = ""
        self.answer: list[str] = []


class _Values(dict):
    """Values of a dialog: those given, and something for every other name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return GUESS


class _Session:
    """One connection: what is sent on it is cut into commands, and each gets its reply from the steps."""

    def __init__(self, number: int, connection: str, logged_in: bool) -> None:
        self.number, self.connection = number, connection
        self.attempts: list[Attempt] = []
        # (place, text) of the lines that are expected on it.
        self.answers: list[tuple[int, str]] = []
        self._first_state = NO_MAILBOX if logged_in else BEFORE_LOGIN
        self._sent: list[tuple[int, bytes]] = []

    def send(self, place: int, octets: bytes) -> None:
        self._sent.append((place, octets))

    def finish(self) -> None:
        """Cuts what was sent into commands, and follows the state. To be called when all steps are known."""
        cutter = _Cutter(self.answers)
        for place, octets in self._sent:
            cutter.feed(place, octets)
        self.attempts = cutter.attempts
        self._take_replies()
        _follow(self.attempts, self._first_state)

    def _take_replies(self) -> None:
        taken = 0
        for attempt in self.attempts:
            attempt.session, attempt.connection = self.number, self.connection
            for at in range(taken, len(self.answers)):
                place, text = self.answers[at]
                if place > attempt.place and text.startswith(attempt.tag + " "):
                    condition = text.split(" ")[1]
                    attempt.condition = condition if condition in ("OK", "NO", "BAD") else ""
                    attempt.answer = [text for _, text in self.answers[taken : at + 1]]
                    taken = at + 1
                    break


class _Cutter:
    """Cuts octets into commands. Whether the server asks for more is seen from the answers that are expected."""

    def __init__(self, answers: list[tuple[int, str]]) -> None:
        self.attempts: list[Attempt] = []
        self._answers = answers
        self._rest = b""
        # Octets of a literal to come; the command that goes on behind it; a line that is no command comes next.
        self._literal = 0
        self._open: Attempt | None = None
        self._line_of_command = False
        # The next answer that may be the continuation of a command.
        self._seen = -1

    def feed(self, place: int, octets: bytes) -> None:
        self._rest += octets
        while self._rest:
            if self._literal:
                skipped = min(self._literal, len(self._rest))
                self._rest = self._rest[skipped:]
                self._literal -= skipped
                continue
            line, end, rest = self._rest.partition(b"\n")
            if not end:
                return
            self._rest = rest
            self._take_line(place, line.removesuffix(b"\r").decode("latin-1"))

    def _take_line(self, place: int, line: str) -> None:
        if self._line_of_command:
            self._line_of_command = False
            return
        attempt = self._open
        self._open = None
        if attempt is not None:
            attempt.text += line
        else:
            words = FIRST_WORDS.match(line + " ")
            if words is None:
                return
            verb = words[2].upper()
            attempt = Attempt(words[1], verb, verb + " " + line[words.end() :], place)
            self.attempts.append(attempt)
        self._go_on(attempt, line)

    def _go_on(self, attempt: Attempt, line: str) -> None:
        """Finds out whether a literal or a line comes that belongs to the command."""
        literal = ANNOUNCEMENT.search(line)
        if literal:
            if literal[2] or self._is_continued(attempt):
                self._literal = int(literal[1])
                self._open = attempt
        elif attempt.verb == "IDLE" or (attempt.verb == "AUTHENTICATE" and len(attempt.text.split()) == 2):
            self._line_of_command = self._is_continued(attempt)

    def _is_continued(self, attempt: Attempt) -> bool:
        for place, text in self._answers:
            if place <= max(attempt.place, self._seen):
                continue
            if text.startswith("+"):
                self._seen = place
                return True
            if text.startswith(attempt.tag + " "):
                return False
        return False


def _follow(attempts: list[Attempt], state: str) -> None:
    mailbox = ""
    for attempt in attempts:
        attempt.state = state
        done = attempt.condition == "OK"
        name = attempt.text.partition(" ")[2].strip().strip('"')
        if attempt.verb in ("SELECT", "EXAMINE"):
            # One that fails leaves nothing selected (RFC 3501 6.3.1); one that is wrong changes nothing.
            if done:
                state = EXAMINED if "[READ-ONLY]" in attempt.answer[-1] or attempt.verb == "EXAMINE" else SELECTED
                mailbox = name
            elif attempt.condition == "NO" and state in (SELECTED, EXAMINED):
                state = NO_MAILBOX
        elif done and attempt.verb == "LOGOUT":
            state = AFTER_LOGOUT
        elif done and (attempt.verb in LEADS_TO_NO_MAILBOX or (attempt.verb == "DELETE" and name == mailbox)):
            state = NO_MAILBOX


class _Reader:
    """Goes through the steps of a dialog, and gives each session what belongs to it."""

    def __init__(self, path: Path) -> None:
        self._player = Player(path, {})
        self._player.values = _Values(password="horse battery 7")
        self._service = path.parent.name
        self._open: dict[str, _Session | None] = {}
        self.sessions: list[_Session] = []

    def read(self) -> None:
        steps = self._player.steps
        for place, step in enumerate(steps):
            if step.kind == "@":
                self._direct(step.text.split())
                continue
            if step.connection not in self._open:
                self._begin(step.connection, self._service, False)
            session = self._open[step.connection]
            if session is None:
                continue
            if step.kind in ("S", "S?"):
                session.answers.append((place, step.text))
                if step.text == "<closed>":
                    del self._open[step.connection]
            else:
                session.send(place, self._octets(steps, place))
        for session in self.sessions:
            session.finish()

    def _octets(self, steps, place: int) -> bytes:
        step = steps[place]
        if step.kind == "R":
            return step.text.encode("latin-1").decode("unicode_escape").encode("latin-1")
        text = self._player.fill(step)
        if step.kind == "C" and re.search(r"\{@\+?\}$", text):
            text = text.replace("{@", "{%d" % self._player.literal_size(steps[place + 1 :], step))
        return text.encode() + b"\r\n"

    def _begin(self, connection: str, service: str, logged_in: bool) -> None:
        session = None
        if service == "imap":
            session = _Session(len(self.sessions), connection, logged_in)
            self.sessions.append(session)
        self._open[connection] = session

    def _direct(self, words: list[str]) -> None:
        if words[0] == "open":
            self._begin(words[1], words[2], False)
        elif words[0] == "login":
            self._begin(words[1], words[3] if len(words) > 3 else self._service, True)
        elif words[0] == "close":
            for name in words[1:]:
                del self._open[name]
        elif words[0] == "restart":
            self._open.clear()


def attempts(path: Path) -> list[Attempt]:
    """All commands that a dialog sends on IMAP connections, session by session."""
    reader = _Reader(path)
    reader.read()
    return [attempt for session in reader.sessions for attempt in session.attempts]
