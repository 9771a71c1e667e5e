"""The log of the mail partition: which sectors are in force, and which of their transactions count."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from postino_tools.mail_image.findings import Findings
from postino_tools.mail_image.partition import BLOCK
from postino_tools.mail_image.sectors import BEGIN, COMMIT, HEADER, Hole, Record, Sector, padded, parse_sector, scan

# The log of a store that was upgraded lies in so many files, whatever the size of the partition.
FILES_OF_LOG = 8


@dataclass
class Log:
    """What the log says."""

    oldest: int = 0
    newest: int = 0
    # The last transaction before the oldest sector, and the last one at all.
    sequence_before: int = 0
    sequence: int = 0
    # All records of transactions that count, in their order.
    records: list[Record] = field(default_factory=list)
    # Something in it is broken that no power cut can have broken: transactions may be missing.
    is_damaged: bool = False


def blocks_of_log(blocks: int) -> int:
    """The sectors of a raw log in a partition of so many blocks."""
    return min(24, max(8, blocks // 140))


def read_log(places: Mapping[int, bytes], count: int, findings: Findings) -> Log:
    """The log in a ring of `count` sectors: what lies in which of its places, as far as it is programmed."""
    # A header counts only where its number belongs: anywhere else it is the copy of another sector's.
    known: dict[int, Sector] = {}
    for place, content in places.items():
        sector = parse_sector(content)
        if sector is not None and sector.number % count == place:
            known[sector.number] = sector
    if not known:
        findings.error("log-missing", "the log has no valid sector")
        return Log(is_damaged=True)
    newest = known[max(known)]
    log = Log(newest.tail, newest.number)
    if not 0 < newest.tail <= newest.number or newest.number - newest.tail >= count:
        findings.error("log-tail", f"the log cannot reach from sector {newest.tail} to {newest.number}")
        log.is_damaged = True
        log.oldest = max(1, newest.number - count + 1)
    if log.oldest in known:
        log.sequence_before = known[log.oldest].sequence
    transactions = _Transactions(log, findings)
    for number in range(log.oldest, log.newest + 1):
        transactions.pass_sector(number, known.get(number), known.get(number + 1))
    transactions.finish()
    following = (log.newest + 1) % count
    if not any(number % count == following for number in known):
        _look_behind_the_end(log, places.get(following, b""), findings)
    return log


def _look_behind_the_end(log: Log, content: bytes, findings: Findings) -> None:
    """Later transactions where the next sector will be: its header got damaged, and nothing else knows of it."""
    number = log.newest + 1
    pieces = scan(padded(content), number, BLOCK, False)
    last = max((piece.sequence for piece in pieces if isinstance(piece, Record)), default=0)
    if last > log.sequence:
        log.is_damaged = True
        text = f"the header of sector {number} of the log is damaged, transactions up to {last} are behind it"
        findings.error("log-sector", f"{text}: the end of the log is lost")


class _Transactions:
    """Goes through the log once and takes from it the records of the transactions that count."""

    def __init__(self, log: Log, findings: Findings) -> None:
        self._log = log
        self._findings = findings
        # Sequence number of the transaction whose records are being passed, 0 between two, and its first record.
        self._open = 0
        self._first: Record | None = None
        # Sequence numbers of which no record counts; those that have been committed, and the greatest of them.
        self._refused: set[int] = set()
        self._committed: set[int] = set()
        self._last = 0
        self._records: list[Record] = []
        # Holes that may be the program that the power cut, as long as no record follows.
        self._holes: list[Hole] = []
        # What was passed last was broken, and has been reported or will be.
        self._after_damage = False

    def pass_sector(self, number: int, sector: Sector | None, following: Sector | None) -> None:
        """One sector, from its header to the end of its good part."""
        if sector is None:
            self._error("log-sector", f"the header of sector {number} of the log is damaged")
            self._break_off()
            return
        self._pass_header(sector)
        end = BLOCK if following is None else self._end_of(number, following)
        for piece in scan(sector.content, number, end, following is not None):
            if isinstance(piece, Hole):
                self._pass_hole(piece)
            else:
                self._pass_record(piece)
        if following is not None:
            self._report_holes()
        for hole in self._holes:
            # Also when the next header is damaged: what came behind is not known then.
            self._findings.note("log-torn", f"{hole.place} of the log: a record that was cut")
        self._holes = []

    def finish(self) -> None:
        self._give_up_open()
        self._log.records = [record for record in self._records if record.sequence not in self._refused]

    def _error(self, kind: str, text: str) -> None:
        self._log.is_damaged = True
        self._findings.error(kind, text)

    def _end_of(self, number: int, following: Sector) -> int:
        end = following.end_before
        if not HEADER.size <= end <= BLOCK:
            self._error("log-end", f"sector {number} of the log cannot end at octet {end}")
        return min(end, BLOCK)

    def _pass_header(self, sector: Sector) -> None:
        """It names the last transaction before its sector: that may be one that was begun and never committed."""
        if self._last > sector.sequence:
            text = f"sector {sector.number} of the log follows transaction {self._last}, its header says"
            self._error("log-sequence", f"{text} {sector.sequence}")
        if sector.sequence >= self._open:
            self._give_up_open()
        self._log.sequence = max(self._log.sequence, sector.sequence)

    def _pass_hole(self, hole: Hole) -> None:
        self._holes.append(hole)
        self._break_off()

    def _break_off(self) -> None:
        """Here is what is no record: the transaction cannot go on behind it."""
        if self._open:
            self._refused.add(self._open)
            self._open = 0
        self._after_damage = True

    def _give_up_open(self) -> None:
        """The transaction whose records were being passed ends without its commit."""
        if self._open and self._first:
            self._refused.add(self._open)
            text = f"{self._first.place} of the log: transaction {self._open} was not committed"
            self._findings.note("log-abandoned", text)
        self._open = 0

    def _report_holes(self) -> None:
        for hole in self._holes:
            self._error("log-record", f"{hole.place} of the log: no valid record")
        self._holes = []

    def _pass_record(self, record: Record) -> None:
        # A program that was cut has broken octets at its end, and nothing behind them.
        self._report_holes()
        if record.marks & BEGIN:
            self._give_up_open()
            self._begin(record)
        elif record.sector == self._log.oldest and record.offset == HEADER.size:
            # Its first records were in a sector that nobody needs any more.
            self._begin(record)
        elif record.sequence != self._open:
            self._give_up_open()
            self._refuse(record)
        if self._open:
            self._records.append(record)
            if record.marks & COMMIT:
                self._committed.add(record.sequence)
                self._last = max(self._last, record.sequence)
                self._log.sequence = max(self._log.sequence, record.sequence)
                self._open = 0
        self._after_damage = False

    def _begin(self, record: Record) -> None:
        if record.sequence == self._last:
            text = f"{record.place} of the log: transaction {record.sequence} goes on after its commit"
            self._error("log-commit", text)
        elif record.sequence < self._last:
            text = f"{record.place} of the log: transaction {record.sequence} after {self._last}"
            self._error("log-order", text)
        self._open = record.sequence
        self._first = record

    def _refuse(self, record: Record) -> None:
        """A record of a transaction whose beginning is not right before it."""
        if record.sequence in self._committed:
            text = f"{record.place} of the log: transaction {record.sequence} goes on after its commit"
            self._error("log-commit", text)
        elif record.sequence not in self._refused and not self._after_damage:
            text = f"{record.place} of the log: transaction {record.sequence} has no beginning"
            self._error("log-begin", text)
        self._refused.add(record.sequence)
