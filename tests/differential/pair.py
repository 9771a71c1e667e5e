"""Both servers side by side: the same commands go to both, and the answers come back in pairs."""

from dataclasses import dataclass

from tests.differential.dovecot import Dovecot
from tests.differential.letters import LETTERS
from tests.differential.wire import Answer, Connection, batches
from tests.support.simulator import Simulator

# Users of both servers; a topic that needs the mailboxes of a fresh account takes one that nobody else takes.
PASSWORDS = {
    "reader": "wide-open-barn",
    "lister": "paper-kite",
    "worker": "quiet-old-pond",
    "taker": "tall-oak",
    "mapper": "red-brick",
}

# The mailbox of `reader` that holds all letters; nobody changes anything in it.
ALL_LETTERS = "Everything"


@dataclass
class Answers:
    """What the two servers answered to one command."""

    postino: Answer
    dovecot: Answer

    @property
    def command(self) -> bytes:
        return self.postino.command


class Link:
    """One connection to each server, logged in as the same user."""

    def __init__(self, pair: "Pair", user: str):
        self._postino = Connection("Postino", pair.simulator.host, pair.simulator.ports["imap"])
        self._dovecot = Connection("Dovecot", pair.dovecot.host, pair.dovecot.port)
        for connection in (self._postino, self._dovecot):
            answer = connection.ask(f"LOGIN {user} {PASSWORDS[user]}".encode())
            assert answer.status == b"OK", answer

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in (self._postino, self._dovecot):
            connection.__exit__()

    def run(self, commands: list[bytes]) -> list[Answers]:
        """Sends commands to both; both work at the same time.

        Postino gets them in pipelines. Dovecot gets one after the other: it answers pipelined FETCHes of the same items
        together, behind the first of them.
        """
        out = []
        for batch in batches(commands):
            tags = self._postino.send(batch)
            theirs = [self._dovecot.ask(command) for command in batch]
            ours = self._postino.receive(batch, tags)
            out += [Answers(one, other) for one, other in zip(ours, theirs, strict=True)]
        return out

    def run_each(self, ours: bytes, theirs: bytes) -> Answers:
        """Sends one command to each that says the same to both, in values that each of them gave."""
        tags = self._postino.send([ours]), self._dovecot.send([theirs])
        return Answers(
            self._postino.receive([ours], tags[0])[0],
            self._dovecot.receive([theirs], tags[1])[0],
        )

    def prepare(self, commands: list[bytes]) -> None:
        """Runs commands that must succeed on both."""
        for answers in self.run(commands):
            for answer in (answers.postino, answers.dovecot):
                assert answer.status == b"OK", answer


class Pair:
    """The two running servers, with the letters in both."""

    def __init__(self, simulator: Simulator, dovecot: Dovecot):
        self.simulator = simulator
        self.dovecot = dovecot

    def link(self, user: str) -> Link:
        return Link(self, user)

    def capabilities(self, user: str) -> tuple[set[str], set[str]]:
        """What Postino and Dovecot offer to this user."""
        with self.link(user) as link:
            [answers] = link.run([b"CAPABILITY"])
        ours, theirs = (
            {name.decode() for name in answer.untagged[0].values} for answer in (answers.postino, answers.dovecot)
        )
        return ours, theirs

    def load(self) -> None:
        """Puts all letters into ALL_LETTERS of the reader."""
        with self.link("reader") as link:
            link.prepare([f"CREATE {ALL_LETTERS}".encode()])
            # Some have 8-bit characters in the header, which Postino takes from a client that has said so (RFC 6855 4).
            link.prepare([b"ENABLE UTF8=ACCEPT"])
            link.prepare([letter.append(ALL_LETTERS) for letter in LETTERS])
