"""What the tests of the log share: a chip of NOR flash that is strict, and can be cut; and a plain model of the log."""

import random
from dataclasses import dataclass, field

from postino.store.errors import StoreError
from postino.store.log import Log
from postino.store.log_device import SECTOR
from postino.store.records import ADD, ADD_HEAD, ADD_TARGET, CRC_SIZE, FLAGS, RECORD_HEAD, padded

BLANK = b"\xff"


def whole(image: bytearray, place: int, offset: int, data: bytes | None) -> None:
    start = place * SECTOR + offset
    if data is None:
        image[start : start + SECTOR] = BLANK * SECTOR
        return
    for index, octet in enumerate(data):
        image[start + index] &= octet


def nothing(image, place, offset, data) -> None:
    pass


def prefix(chance: random.Random):
    def apply(image, place, offset, data):
        length = chance.choice((1, 4, 16, 20, 28, 32, 48, 256, chance.randrange(1, 1024)))
        whole(image, place, offset, data[: min(length, len(data) - 1)])

    return apply


def suffix(chance: random.Random):
    def apply(image, place, offset, data):
        first = chance.randrange(1, len(data))
        whole(image, place, offset + first, data[first:])

    return apply


def bits(chance: random.Random):
    """Each bit that is to be cleared has been, or has not."""

    def apply(image, place, offset, data):
        share = chance.choice((0.02, 0.5, 0.98))
        kept = bytes(
            octet | sum(1 << bit for bit in range(8) if chance.random() > share) & 0xFF & ~octet for octet in data
        )
        whole(image, place, offset, kept)

    return apply


def hole(chance: random.Random):
    """All but a few octets."""

    def apply(image, place, offset, data):
        first = chance.randrange(len(data))
        size = chance.randrange(1, 17)
        whole(image, place, offset, data[:first])
        whole(image, place, offset + first + size, data[first + size :])

    return apply


def zero_tail(chance: random.Random):
    def apply(image, place, offset, data):
        head = chance.choice((32, 64, 512, chance.randrange(32, SECTOR)))
        start = place * SECTOR
        image[start + head : start + SECTOR] = bytes(SECTOR - head)

    return apply


def noise(chance: random.Random):
    def apply(image, place, offset, data):
        image[place * SECTOR : (place + 1) * SECTOR] = chance.randbytes(SECTOR)

    return apply


def noise_tail(chance: random.Random):
    def apply(image, place, offset, data):
        start = place * SECTOR
        image[start + 32 : start + SECTOR] = chance.randbytes(SECTOR - 32)

    return apply


def half_blank(chance: random.Random):
    """One end of the sector is erased, the other is as it was."""

    def apply(image, place, offset, data):
        middle = chance.choice((16, 32, 48, 64, chance.randrange(1, SECTOR)))
        start = place * SECTOR
        if chance.random() < 0.5:
            image[start : start + middle] = BLANK * middle
        else:
            image[start + middle : start + SECTOR] = BLANK * (SECTOR - middle)

    return apply


def outcomes(data: bytes | None, chance: random.Random) -> list:
    """What an operation can have done when the power goes, or when it fails."""
    if data is None:
        return [nothing, zero_tail(chance), noise(chance), noise_tail(chance), half_blank(chance)]
    return [nothing, prefix(chance), suffix(chance), bits(chance), hole(chance)]


class Flash:
    """The device: erasing sets ones, programming clears bits, and a program on what is not surely blank is an error."""

    def __init__(self, sectors: int = 8, image: bytes | None = None, unsure: int = -1) -> None:
        self.sectors = sectors
        self.image = bytearray(image or BLANK * sectors * SECTOR)
        # Of each place: octets where a program may have been begun since it was erased.
        self.begun = [len(self.of(place).rstrip(BLANK)) for place in range(sectors)]
        if unsure >= 0:
            self.begun[unsure] = SECTOR
        self.operations = 0
        # Number of an operation -> what it does before it fails.
        self.faults: dict = {}
        self.watch = lambda *operation: None

    def of(self, place: int) -> bytes:
        return bytes(self.image[place * SECTOR : (place + 1) * SECTOR])

    def read(self, place, offset, view) -> None:
        assert offset + len(view) <= SECTOR
        start = place * SECTOR + offset
        view[:] = self.image[start : start + len(view)]

    def program(self, place, offset, view) -> None:
        data = bytes(view)
        end = offset + len(data)
        assert 0 < len(data) <= 1024 and end <= SECTOR and offset % 16 == len(data) % 16 == 0
        assert offset >= self.begun[place], "programmed where a program may have been begun"
        assert not self.of(place)[offset:end].strip(BLANK)
        self.begun[place] = end
        self._do(place, offset, data)

    def erase(self, place) -> None:
        self.begun[place] = SECTOR
        self._do(place, 0, None)
        self.begun[place] = 0

    def _do(self, *operation) -> None:
        self.watch(*operation)
        fault = self.faults.pop(self.operations, None)
        self.operations += 1
        (fault or whole)(self.image, *operation)
        if fault:
            raise OSError(5)


@dataclass
class Cut:
    """The moment before an operation: what is on flash, what is to happen, and what must be found afterwards."""

    image: bytes
    operation: tuple
    rows: list
    flight: list
    sequence: int
    tail: int

    def after(self, outcome) -> "World":
        """The world after the power went in this operation."""
        image = bytearray(self.image)
        place, _, data = self.operation
        outcome(image, *self.operation)
        unsure = place if data is None and outcome is not whole else -1
        return World.found(Flash(len(image) // SECTOR, bytes(image), unsure), self)


class Stop(Exception):
    """Ends a transaction from within."""


@dataclass
class World:
    """A log and what should be in it: rows of (sequence, sector, kind, mailbox, payload)."""

    device: object
    log: Log
    rows: list = field(default_factory=list)
    # The transaction that may count or not if the power goes now.
    flight: list = field(default_factory=list)
    cuts: list | None = None

    @classmethod
    def new(cls, device, sequence: int = 0) -> "World":
        log = Log(device)
        log.format(sequence)
        return cls(device, log)

    @classmethod
    def found(cls, device, cut: Cut) -> "World":
        """Loads a log after a cut and checks that it holds all that it must and nothing else."""
        reports: list[str] = []
        log = Log(device, reports.append)
        log.load()
        assert not log.damaged and not reports
        assert log.sequence >= cut.sequence and log.tail <= cut.tail
        if not log.dirty:
            # The erase may have been to open this very sector again, after a header that had got through all the same.
            # Where nothing is to be seen of it the sector is as good as it was.
            device.begun[log.sector % device.sectors] = log.position
        rows = rows_of(log)
        expected = [row for row in cut.rows if row[1] >= log.tail]
        assert rows in (expected, expected + [row for row in cut.flight if row[1] >= log.tail])
        for mailbox in sorted({row[3] for row in rows})[::9]:
            assert rows_of(log, mailbox) == [row for row in rows if row[3] == mailbox]
        return cls(device, log, rows)

    def record(self) -> list[Cut]:
        """From now on every operation is written down."""
        self.cuts = []

        def watch(*operation):
            cut = (list(self.rows), list(self.flight), self.log.sequence, self.log.tail)
            self.cuts.append(Cut(bytes(self.device.image), operation, *cut))

        self.device.watch = watch
        return self.cuts

    def transaction(self, records, stop: int = -1) -> bool:
        """Writes (kind, mailbox, payload)s in one transaction, which is ended before the record `stop`."""
        log = self.log
        before = log.sequence
        try:
            with log:
                sequence = log.sequence + 1
                rows = self.flight = []
                for number, (kind, mailbox, payload) in enumerate(records):
                    if number == stop:
                        self.flight = []
                        raise Stop
                    log.record(kind, mailbox, len(payload))
                    assert log.room() >= len(payload)
                    self.flight = rows = [*rows, (sequence, log.sector, kind, mailbox, payload)]
                    log.put(payload)
        except (StoreError, Stop):
            if not log.dirty:
                self.flight = []
            return False
        if records:
            assert log.sequence == sequence > before
        self.rows += rows
        self.flight = []
        return True

    def check(self) -> None:
        """The log as it is, and as it is loaded anew, holds what it should."""
        rows = [row for row in self.rows if row[1] >= self.log.tail]
        assert rows_of(self.log) == rows
        # Unless flash may be ahead: the header of the next sector can have got through.
        if not self.log.dirty and not self.log._closed:
            log = Log(self.device)
            log.load()
            assert (log.sequence, log.sector, log.dirty) == (self.log.sequence, self.log.sector, False)
            assert log.position == self.log.position
            assert [row for row in rows_of(log) if row[1] >= self.log.tail] == rows

    def must_go_on(self) -> None:
        """Whatever has happened, a transaction is possible again once the old is released."""
        self.log.release(self.log.sector)
        assert self.transaction([(3, 9, b"onward")])
        self.check()


def rows_of(log: Log, mailbox: int = 0, first: int = 0) -> list:
    rows = []
    reader = log.reader(mailbox, first)
    while reader.next():
        assert len(reader.payload()) == reader.length
        rows.append((reader.sequence, reader.sector, reader.kind, reader.mailbox, reader.payload()))
    return rows


def octets_of(records) -> int:
    """Octets that these records take in the log."""
    return sum(padded(RECORD_HEAD + len(payload) + CRC_SIZE) for _, _, payload in records)


def add_payload(mailboxes) -> bytes:
    """The payload of an ADD for these mailboxes."""
    targets = (mailbox.to_bytes(4, "little") + bytes(ADD_TARGET - 4) for mailbox in mailboxes)
    return bytes(range(ADD_HEAD)) + b"".join(targets)


def random_records(chance: random.Random, most: int = 6) -> list:
    records = []
    for _ in range(chance.choice((1, 1, 1, 2, 3, chance.randrange(1, most + 1)))):
        size = chance.choice((0, 4, 12, 20, 36, 100, 300, chance.randrange(1005)))
        kind = chance.choice([kind for kind in range(1, 12) if kind != ADD])
        records.append((kind, chance.randrange(1, 70), chance.randbytes(size)))
    return records


ONE = [(FLAGS, 7, b"one")]


def filled(device, seed: int, transactions: int, keep: int = 4) -> World:
    """A log with some transactions, of which the newest sectors are kept."""
    chance = random.Random(seed)
    world = World.new(device)
    for _ in range(transactions):
        assert world.transaction(random_records(chance))
        world.log.release(world.log.sector - keep + 1)
    return world


def reloaded(world: World) -> Log:
    log = Log(world.device)
    log.load()
    return log
