"""Which branches of the recovery a start took: seen from outside, in the image and in what the store did with it.

Nothing in the firmware is there for this: `watch()` wraps a few functions while the store is opened.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from postino.store import INFO_ATTRIBUTES, INFO_ID, files, fold, letters, log, records, recovery
from postino.store import catalogue as infos
from postino.store.catalogue import INFO_COUNTERS
from tests.crash.images import Rolling
from tests.crash.invariants import Boot
from tests.crash.recording import Step
from tests.support.nor_chip import BLOCK, ERASED

# Of the log.
CLEAN_TAIL = "clean tail"
TORN_TAIL = "torn tail"
UNCOMMITTED_TAIL = "uncommitted tail"
ACROSS_SECTORS = "transaction across sectors"
HALF_ACROSS_SECTORS = "half a transaction across sectors"
TORN_HEADER = "torn sector header"
CUT_ERASE = "interrupted erase of a sector"
NO_HEADER = "erased sector without header"
EMPTY_SECTOR = "empty newest sector"
SKIPPED = "octets skipped in an older sector"
# Of the state.
COPIES_DIFFER = "copies of the state differ"
HALF_STATE = "half-made copy of the state"
IN_STATE = "records that the state has already"
FORMAT_AGAIN = "format begun again"
# Of the letters.
INTENT_REDONE = "letter of an intent removed"
INTENT_EMPTY = "intent without a file"
REMOVAL_REDONE = "removal redone"
REMOVAL_EMPTY = "removal without a file"
STATE_PENDING = "pending slot of the state"
REMOVAL_DONE = "removal known to be done"
# Of the mailboxes.
HALF_SNAPSHOT = "half-made snapshot"
IN_SNAPSHOT = "records that a snapshot has already"
FOLD_UNKNOWN = "fold that the log does not know"
LOG_ALONE = "mailbox from the log alone"
WITH_SNAPSHOT = "mailbox from snapshot and log"
SNAPSHOT_ALONE = "mailbox from its snapshot alone"
DYING = "dying mailbox with letters"
DYING_EMPTY = "dying mailbox, empty"
DROPPED = "snapshot of a dropped mailbox"
# Replay of each kind of record.
REPLAYED = {
    records.ADD: "replay of ADD",
    records.ENTRIES: "replay of ENTRIES",
    records.FLAGS: "replay of FLAGS",
    records.EXPUNGE: "replay of EXPUNGE",
    records.KEYWORD: "replay of KEYWORD",
    records.MAILBOX: "replay of MAILBOX",
    records.DROP: "replay of DROP",
    records.SLOTS: "replay of SLOTS",
    records.FOLDED: "replay of FOLDED",
    records.UNSUBSCRIBED: "replay of UNSUBSCRIBED",
}

BRANCHES = (
    CLEAN_TAIL,
    TORN_TAIL,
    UNCOMMITTED_TAIL,
    ACROSS_SECTORS,
    HALF_ACROSS_SECTORS,
    TORN_HEADER,
    CUT_ERASE,
    NO_HEADER,
    EMPTY_SECTOR,
    SKIPPED,
    COPIES_DIFFER,
    HALF_STATE,
    IN_STATE,
    FORMAT_AGAIN,
    INTENT_REDONE,
    INTENT_EMPTY,
    REMOVAL_REDONE,
    REMOVAL_EMPTY,
    STATE_PENDING,
    REMOVAL_DONE,
    HALF_SNAPSHOT,
    IN_SNAPSHOT,
    FOLD_UNKNOWN,
    LOG_ALONE,
    WITH_SNAPSHOT,
    SNAPSHOT_ALONE,
    DYING,
    DYING_EMPTY,
    DROPPED,
    *REPLAYED.values(),
)

HEADER_SIZE = 32
_RECORD = struct.Struct("<HBBIQ")


class Watch:
    """What the start did that cannot be seen afterwards."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        # As load() left the log: newest sector, end of its good part, tail.
        self.loaded: tuple[int, int, int] | None = None
        # Slots of SLOTS and EXPUNGE records that the state lacks.
        self.intents: set[int] = set()
        self.removals: set[int] = set()
        # Mailbox -> sequence numbers of the first and the last record that names it.
        self.named: dict[int, tuple[int, int]] = {}

    def name(self, mailbox: int, sequence: int) -> None:
        self.named[mailbox] = (self.named.get(mailbox, (sequence, 0))[0], sequence)


_watch = Watch()


def _load(original):
    def load(self, since=0):
        sector = original(self, since)
        _watch.loaded = (self.sector, self.position, self.tail)
        return sector

    return load


def _apply(original):
    def apply(self, reader, later):
        if later:
            _watch.found.add(REPLAYED.get(reader.kind, "replay of something else"))
            if reader.kind == records.SLOTS:
                _watch.intents.add(reader.half(0))
                _watch.removals.discard(reader.half(0))
                if reader.length > 2:
                    _watch.found.add(REMOVAL_DONE)
            if reader.kind == records.EXPUNGE:
                for at in range(0, reader.length, records.EXPUNGE_ITEM):
                    _watch.intents.discard(reader.half(at + 4))
                    _watch.removals.add(reader.half(at + 4))
        else:
            _watch.found.add(IN_STATE)
        original(self, reader, later)

    return apply


def _note(original):
    def note(self, reader):
        if reader.kind == records.ADD:
            for at in range(records.ADD_HEAD, reader.length, records.ADD_TARGET):
                _watch.name(reader.word(at), reader.sequence)
        elif reader.mailbox and reader.kind != records.FOLDED:
            _watch.name(reader.mailbox, reader.sequence)
        original(self, reader)

    return note


def _redo(original):
    def redo(self, *arguments):
        for slot in list(self._slots.pending()):
            there = files.size_of(self.path(slot)) or _is_there(self.path(slot))
            if slot in _watch.intents:
                _watch.found.add(INTENT_REDONE if there else INTENT_EMPTY)
            elif slot in _watch.removals:
                _watch.found.add(REMOVAL_REDONE if there else REMOVAL_EMPTY)
            else:
                _watch.found.add(STATE_PENDING)
        original(self, *arguments)

    return redo


def _is_there(path: str) -> bool:
    try:
        files.open_file(path, "rb").close()
    except OSError:
        return False
    return True


def _remove_snapshot(original):
    def remove(store, mailbox):
        if _is_there(f"{store.root}/index/{mailbox:x}"):
            _watch.found.add(DROPPED)
        original(store, mailbox)

    return remove


@contextmanager
def watching() -> Iterator[None]:
    """While this lasts, starts are watched."""
    places = (
        (log.Log, "load", _load),
        (recovery._Replay, "_apply", _apply),
        (recovery._Replay, "_note", _note),
        (letters.Letters, "redo", _redo),
        (fold, "remove", _remove_snapshot),
    )
    saved = [(place, name, getattr(place, name)) for place, name, _ in places]
    for place, name, wrapper in places:
        setattr(place, name, wrapper(getattr(place, name)))
    try:
        yield
    finally:
        for place, name, original in saved:
            setattr(place, name, original)


def begin() -> None:
    """A start comes now."""
    global _watch
    _watch = Watch()


def branches_of(rolling: Rolling, started: Boot, _step: Step | None = None) -> set[str]:
    """Those of the last start, on this image."""
    found = set(_watch.found)
    if started.formatted:
        return {FORMAT_AGAIN}
    store = started.store
    if store.state.stale_copy:
        found.add(COPIES_DIFFER)
    _mailboxes(started, found)
    if store.log.device.__class__.__name__ == "RawLog" and _watch.loaded is not None:
        _look_at_log(Ring(rolling.image, store.log.device.sectors, *_watch.loaded), found)
    return found


def _mailboxes(started: Boot, found: set[str]) -> None:
    system = started.flash.system
    present = {path.rpartition("/")[2] for path in system.tree("/index")}
    for name in present:
        if name.endswith(files.NEW):
            found.add(HALF_STATE if name.startswith("state") else HALF_SNAPSHOT)
    for info in started.store.catalogue.infos:
        counters = info[INFO_COUNTERS]
        if info[INFO_ATTRIBUTES] & infos.DYING:
            found.add(DYING if counters[infos.ENTRIES] else DYING_EMPTY)
            continue
        first, last = _watch.named.get(info[INFO_ID], (0, 0))
        if f"{info[INFO_ID]:x}" not in present:
            if last:
                found.add(LOG_ALONE)
            continue
        with system.open_file(f"/index/{info[INFO_ID]:x}", "rb") as file:
            # Only a store with a mistake in it leaves less than that.
            sequence = int.from_bytes(file.read(32)[24:], "little")
        found.add(WITH_SNAPSHOT if last > sequence else SNAPSHOT_ALONE)
        if first and first <= sequence:
            found.add(IN_SNAPSHOT)
            if last <= sequence and counters[infos.FIRST_SECTOR]:
                found.add(FOLD_UNKNOWN)


class Ring:
    """The octets of the log, as load() found it."""

    def __init__(self, image, sectors: int, newest: int, end: int, tail: int) -> None:
        self.sectors = sectors
        self.newest = newest
        self.end = end
        self.tail = tail
        self._first = len(image) // BLOCK - sectors
        self._image = image

    def content(self, number: int) -> bytes:
        start = (self._first + number % self.sectors) * BLOCK
        return bytes(self._image[start : start + BLOCK])

    def header(self, number: int):
        """(end of the sector before, tail) if this place holds the sector."""
        content = self.content(number)
        fields = struct.unpack_from("<4sHHIIQII", content, 0)
        if fields[0] != b"PLG2" or fields[3] != number or crc32(content[:28]) != fields[7]:
            return None
        return fields[2], fields[4]


def valid_records(content: bytes, start: int, end: int):
    """(offset, kind, marks, sequence) of the records one behind the other, up to the first that is not whole."""
    offset = start
    while offset + _RECORD.size <= end:
        length, kind, marks, _, sequence = _RECORD.unpack_from(content, offset)
        if not 20 <= length <= 1024 or offset + length > len(content):
            return
        body = content[offset : offset + length]
        if crc32(body[:-4]) != struct.unpack("<I", body[-4:])[0]:
            return
        yield offset, kind, marks, sequence
        offset += (length + 15) & ~15


def _look_at_log(ring: Ring, found: set[str]) -> None:
    newest = ring.content(ring.newest)
    behind = newest[ring.end :]
    if behind == ERASED[ring.end :]:
        found.add(CLEAN_TAIL)
    elif any(True for _ in valid_records(newest, ring.end, BLOCK)):
        found.add(UNCOMMITTED_TAIL)
        if ring.end == HEADER_SIZE:
            found.add(HALF_ACROSS_SECTORS)
    else:
        found.add(TORN_TAIL)
    if ring.end == HEADER_SIZE and behind == ERASED[ring.end :]:
        found.add(EMPTY_SECTOR)
    _next_sector(ring, found)
    _older_sectors(ring, found)


def _next_sector(ring: Ring, found: set[str]) -> None:
    """The place where the next sector will be."""
    number = ring.newest + 1
    content = ring.content(number)
    if content == ERASED:
        if number >= ring.sectors:
            found.add(NO_HEADER)
        return
    if content[HEADER_SIZE:] == ERASED[HEADER_SIZE:]:
        found.add(TORN_HEADER)
    elif ring.header(number - ring.sectors) is None or content.endswith(bytes(64)):
        found.add(CUT_ERASE)


def _older_sectors(ring: Ring, found: set[str]) -> None:
    for number in range(ring.tail, ring.newest):
        following = ring.header(number + 1)
        if following is None:
            continue
        content = ring.content(number)
        end = following[0]
        if content[end:] != ERASED[end:]:
            found.add(SKIPPED)
        all_records = list(valid_records(content, HEADER_SIZE, end))
        last = all_records[-1] if all_records else None
        if last is not None and not last[2] & 1:
            following_records = list(valid_records(ring.content(number + 1), HEADER_SIZE, BLOCK))
            same = following_records and following_records[0][3] == last[3]
            found.add(ACROSS_SECTORS if same else HALF_ACROSS_SECTORS)
