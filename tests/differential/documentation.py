"""Writes the section of docs/clients.md about Dovecot: `python -m tests.differential.documentation`."""

from tests.differential.difference import Difference
from tests.differential.letter_differences import OF_LETTERS
from tests.differential.letters import LETTERS
from tests.differential.normalise import NORMALISATIONS
from tests.differential.topic_differences import OF_TOPICS
from tests.differential.topics import TOPICS
from tests.support.simulator import ROOT

PAGE = ROOT / "docs" / "clients.md"
HEADING = "## Beside Dovecot"

INTRODUCTION = """
`tests/differential` leads Postino and Dovecot 2.3.19 (Debian's `dovecot-imapd`) through the same commands on the same
letters: every FETCH item and section of {letters} letters and all their parts, and {topics} conversations on
everything else. The answers are equal but for what stands here. This section is written from the tests.

### What is made equal before answers are compared
"""

DIFFERENCES = """
### Differences, and what allows them

| difference | Postino and Dovecot | what allows it |
| --- | --- | --- |
"""


def section() -> str:
    """The section, with its heading, without an empty line at its end."""
    text = INTRODUCTION.format(letters=len(LETTERS), topics=len(TOPICS)) + "\n"
    for function in NORMALISATIONS:
        text += f"- **{function.__name__.replace('_', ' ')}**: {_first_paragraph(function.__doc__)}\n"
    return HEADING + "\n" + text + DIFFERENCES + "".join(_rows((*OF_LETTERS, *OF_TOPICS)))


def _first_paragraph(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())


def _rows(differences: tuple[Difference, ...]) -> list[str]:
    """One row for each name: a difference may be listed several times."""
    rows = []
    for each in differences:
        row = f"| {each.name} | {_cell(each.what)} | {each.rfc}: {_cell(each.sentence)} |\n"
        if row not in rows:
            rows.append(row)
    return rows


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def with_section(text: str) -> str:
    """The page with the section as it has to be, at its end if it has none."""
    before, heading, rest = text.partition(HEADING + "\n")
    if not heading:
        return text.rstrip() + "\n\n" + section()
    following = rest.find("\n## ")
    return before + section() + (rest[following:] if following >= 0 else "")


if __name__ == "__main__":
    PAGE.write_text(with_section(PAGE.read_text() if PAGE.exists() else "# Clients\n"))
