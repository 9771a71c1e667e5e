"""What is wrong with a mail store: one line each, with how bad it is."""

from dataclasses import dataclass

# Mail, or a number that must never be given twice, is lost or may be: the store is not what its specification says.
ERROR = "error"
# Room is lost, or something lies about that nobody will miss.
WARNING = "warning"
# Nothing is wrong: what a power cut leaves behind, and the firmware expects.
NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that was noticed. `kind` is for programs: it stays the same when the words change."""

    severity: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.text}"


class Findings(list[Finding]):
    """A list of findings, with a verb for each severity."""

    def error(self, kind: str, text: str) -> None:
        self.append(Finding(ERROR, kind, text))

    def warning(self, kind: str, text: str) -> None:
        self.append(Finding(WARNING, kind, text))

    def note(self, kind: str, text: str) -> None:
        self.append(Finding(NOTE, kind, text))

    def errors(self) -> list[Finding]:
        return [finding for finding in self if finding.severity == ERROR]
