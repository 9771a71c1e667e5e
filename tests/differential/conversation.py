"""Leads both servers through the script of a topic."""

import re
from itertools import pairwise

from tests.differential.difference import Comparison
from tests.differential.letters import BY_NAME
from tests.differential.pair import ALL_LETTERS, Answers, Link, Pair
from tests.differential.topic import Topic
from tests.differential.topic_differences import OF_TOPICS
from tests.differential.wire import Answer

_LITERAL = re.compile(rb"<<(.*?)>>", re.DOTALL)
_VALUE = re.compile(rb"\$\{(\w+)\}")
_KEPT = (b"UIDVALIDITY", b"HIGHESTMODSEQ")


class _Server:
    """What one of the servers told: the numbers that commands may need again."""

    def __init__(self) -> None:
        self._told: dict[bytes, int] = {}
        self._kept: dict[bytes, bytes] = {}

    def note(self, answer: Answer) -> None:
        for code in [answer.code, *(response.code for response in answer.untagged)]:
            if len(code) > 1 and code[0] in _KEPT:
                self._told[code[0]] = code[1]
        for response in answer.untagged:
            self._note_values(response.values)

    def _note_values(self, values: list) -> None:
        for name, value in pairwise(values):
            if name == b"MODSEQ" and isinstance(value, list):
                self._told[b"HIGHESTMODSEQ"] = max(value[0], self._told.get(b"HIGHESTMODSEQ", 0))
            elif name in _KEPT:
                self._told[name] = value
        for value in values:
            if isinstance(value, list):
                self._note_values(value)

    def keep(self, name: bytes, kind: bytes) -> None:
        assert kind in self._told, f"{kind.decode()} was not told"
        self._kept[name] = b"%d" % self._told[kind]

    def fill(self, command: bytes) -> bytes:
        return _VALUE.sub(lambda found: self._kept[found[1]], command)


class Conversation:
    """Leads both servers through a script."""

    def __init__(self, pair: Pair, topic: Topic):
        self._pair = pair
        self._topic = topic
        self._links: dict[str, Link] = {}
        self._servers = _Server(), _Server()
        self._waiting: list[bytes] = []
        self._name = ""
        self.comparison = Comparison(topic.name, OF_TOPICS, pair.capabilities(topic.user)[0])

    def run(self) -> None:
        try:
            for line in self._topic.script.splitlines():
                self._step(line.strip())
            self._flush()
        finally:
            for link in self._links.values():
                link.__exit__()

    def _step(self, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if line.startswith("@"):
            verb, *words = line[1:].split()
            self._special(verb, words)
            return
        name, mark, command = line.partition(": ")
        assert mark, f"{self._topic.name}: what is {line!r}?"
        self._send(name, _LITERAL.sub(lambda found: b"{%d+}\r\n%s" % (len(found[1]), found[1]), command.encode()))

    def _special(self, verb: str, words: list[str]) -> None:
        if verb == "load":
            for letter in words[1:]:
                self._send("A", BY_NAME[letter].append(words[0]))
        elif verb == "letters":
            self._links["A"] = self._pair.link("reader")
            self._send("A", f"EXAMINE {ALL_LETTERS}".encode())
        elif verb == "keep":
            self._flush()
            for server in self._servers:
                server.keep(words[0].encode(), words[1].encode())
        else:
            raise AssertionError(f"{self._topic.name}: what is @{verb}?")

    def _send(self, name: str, command: bytes) -> None:
        """Sends together what one connection has to send before another one speaks."""
        if name != self._name:
            self._flush()
            self._name = name
        if _VALUE.search(command):
            self._flush()
            ours, theirs = (server.fill(command) for server in self._servers)
            self._take([self._link().run_each(ours, theirs)])
        else:
            self._waiting.append(command)

    def _link(self) -> Link:
        if self._name not in self._links:
            self._links[self._name] = self._pair.link(self._topic.user)
        return self._links[self._name]

    def _flush(self) -> None:
        if self._waiting:
            self._take(self._link().run(self._waiting))
            self._waiting = []

    def _take(self, pairs: list[Answers]) -> None:
        for answers in pairs:
            self._servers[0].note(answers.postino)
            self._servers[1].note(answers.dovecot)
        self.comparison.add(pairs)
