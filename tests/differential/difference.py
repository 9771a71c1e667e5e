"""What an allowed difference is, and how two answers are compared with a list of them.

A difference is applied narrowly: to the letters, or the topic, and to the commands that it names. It changes both
answers, or one, so that they become equal if nothing else differs. A difference that is listed for a letter or a topic
has to occur there: otherwise the list is out of date, and the test fails.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from tests.differential.normalise import in_order, normalise
from tests.differential.pair import Answers
from tests.differential.wire import Response

Responses = list[Response]
# Gives both answers back without the difference.
Change = Callable[[Responses, Responses], tuple[Responses, Responses]]

# Octets of an answer that a report shows.
SHOWN = 1500


@dataclass(frozen=True)
class Difference:
    """One entry of the list; `name` and `rfc` stand in docs/clients.md, too."""

    name: str
    # What Postino and Dovecot do.
    what: str
    # The RFC with its section, and the sentence that allows what Postino does.
    rfc: str
    sentence: str
    # Names of letters, or of topics, where it occurs.
    where: tuple[str, ...]
    # The commands in whose answers it may occur.
    commands: str
    change: Change
    # It occurs if Postino has these capabilities.
    needs: tuple[str, ...] = ()

    def applies(self, command: bytes) -> bool:
        return re.search(self.commands.encode(), command) is not None


class Comparison:
    """The answers of one test: collects what is not equal, and which differences were needed."""

    def __init__(self, where: str, differences: tuple[Difference, ...], capabilities: Collection[str] = ()):
        self._where = where
        self._differences = [
            each for each in differences if where in each.where and set(each.needs) <= set(capabilities)
        ]
        self._needed: set[str] = set()
        self._unequal: list[str] = []
        self.commands = 0

    def add(self, pairs: list[Answers]) -> None:
        for answers in pairs:
            self.commands += 1
            ours, theirs = normalise(answers.postino), normalise(answers.dovecot)
            if ours != theirs and not self._excused(answers.command, ours, theirs):
                self._unequal.append(
                    f"{answers.command[:200].decode(errors='replace')}\n"
                    f"  Postino: {show(ours)}\n  Dovecot: {show(theirs)}"
                )

    def _excused(self, command: bytes, ours: Responses, theirs: Responses) -> bool:
        """The answers are equal but for the differences; notes those that are needed for it."""
        chosen = [each for each in self._differences if each.applies(command)]
        if not _equal_with(chosen, ours, theirs):
            return False
        needed = chosen
        for each in chosen:
            fewer = [other for other in needed if other is not each]
            if _equal_with(fewer, ours, theirs):
                needed = fewer
        self._needed.update(each.name for each in needed)
        return True

    def check(self) -> None:
        """Fails with all that is not equal, and with listed differences that did not occur."""
        report = list(self._unequal)
        for each in self._differences:
            if each.name not in self._needed:
                report.append(f"listed for {self._where}, but it does not occur: {each.name}")
        assert not report, f"{len(report)} of {self.commands} commands:\n" + "\n".join(report)


def _equal_with(differences: list[Difference], ours: Responses, theirs: Responses) -> bool:
    for each in differences:
        ours, theirs = each.change(ours, theirs)
    # What a change took away may have been what they were sorted by.
    return in_order(ours) == in_order(theirs)


def show(responses: Responses) -> str:
    """The answer for a report."""
    parts = []
    for each in responses:
        number = "" if each.number is None else f" {each.number}"
        values = "".join(f" {value!r}" for value in each.values)
        code = f" [{' '.join(repr(value) for value in each.code)}]" if each.code else ""
        parts.append(f"{each.name.decode()}{number}{values}{code}")
    return "; ".join(parts)[:SHOWN]
