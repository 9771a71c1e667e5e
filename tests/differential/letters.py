"""The letters that both servers get: the files of `letters/`, each with a date and flags of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = Path(__file__).parent / "letters"

# Internal dates: the first, and from one letter to the next; not a whole number of hours or days.
FIRST_DATE = datetime(2024, 1, 31, 22, 15, 7, tzinfo=UTC)
DATE_STEP = timedelta(hours=17, minutes=23, seconds=11)
# What the zone of an internal date is when it is appended; the date is the same moment.
ZONES = (0, 330, -480, 60)
# Flags in turn, so that every number of letters has every kind.
FLAGS = (
    (),
    ("\\Seen",),
    ("\\Answered", "\\Seen"),
    ("\\Flagged",),
    ("\\Draft", "\\Seen"),
    ("$Forwarded", "\\Seen"),
    ("\\Flagged", "Work"),
)


@dataclass(frozen=True)
class Letter:
    """One letter; `number` is its sequence number and UID in a mailbox that holds all of them."""

    name: str
    number: int
    octets: bytes
    flags: tuple[str, ...]
    # The internal date as APPEND has it, and its day of the month in UTC.
    date: str
    utc_day: int

    def append(self, mailbox: str) -> bytes:
        """The APPEND command that puts it into a mailbox."""
        flags = " ".join(self.flags)
        head = f'APPEND {mailbox} ({flags}) "{self.date}" {{{len(self.octets)}+}}\r\n'
        return head.encode() + self.octets


def _letter(index: int, path: Path) -> Letter:
    utc = FIRST_DATE + index * DATE_STEP
    date = _date_time(utc, ZONES[index % len(ZONES)])
    return Letter(path.stem, index + 1, path.read_bytes(), FLAGS[index % len(FLAGS)], date, utc.day)


def _date_time(utc: datetime, minutes: int) -> str:
    """A date-time of APPEND (RFC 3501 9), in the zone so many minutes east."""
    local = utc + timedelta(minutes=minutes)
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    return f"{local.day:2}-{local:%b-%Y %H:%M:%S} {zone}"


LETTERS = tuple(_letter(index, path) for index, path in enumerate(sorted(FOLDER.glob("*.eml"))))
BY_NAME = {letter.name: letter for letter in LETTERS}
