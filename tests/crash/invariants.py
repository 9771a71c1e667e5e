"""Boots an image as the firmware does and checks what must hold after any power cut.

The numbers are those of the list in README.md. A violation says which of them does not hold.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from postino.store import INFO_ID, INFO_UIDVALIDITY, StoreError, StoreFull
from postino.store.errors import NotAStore
from tests.crash.observation import NONEXISTENT, observe
from tests.crash.recording import State, Step
from tests.crash.work import DATE, octets_of
from tests.support.nor_chip import BLOCK
from tests.support.store_flash import Flash, NotMountable

# What recovery may do, whatever was cut: a bound for a partition as small as these.
MOST_PROGRAMS = 120
MOST_ERASES = 24
MOST_OCTETS_READ = 700_000
# Slices of idle work after which there must be nothing left to do.
PATIENCE = 400
QUIET = 12
# Blocks by which the store's own count may be above what littlefs uses, and below.
SPARE_COUNTED = 24
MISSING_COUNTED = 8
# From so many seconds on letters may be too old for their mailbox.
AGED = 6 * 86400
# The letter that comes after the power is back.
LAST_LETTER = 1_000_000
LAST_SIZE = 600


class Violation(AssertionError):
    """An invariant does not hold; `number` is its number."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"invariant {number}: {text}")
        self.number = number


@dataclass
class Boot:
    """A start on an image."""

    flash: Flash
    store: object = None
    state: State | None = None
    reports: list[str] = field(default_factory=list)
    formatted: bool = False
    programs: int = 0
    erases: int = 0
    octets_read: int = 0


def boot(image, users, now: int, may_format: bool = False, thorough: bool = False) -> Boot:
    """Mounts, opens, and looks at everything. Raises Violation."""
    chip_blocks = len(image) // BLOCK
    started = Boot(Flash(chip_blocks, image))
    chip = started.flash.chip
    try:
        started.store = started.flash.start(lambda: now, started.reports.append)
        _open(started, may_format)
    except NotMountable as error:
        raise Violation(1, f"does not mount: {error}") from error
    except StoreError as error:
        raise Violation(1, f"does not open: {error!r}") from error
    started.programs = sum(data is not None for _, data in chip.operations)
    started.erases = len(chip.operations) - started.programs
    started.octets_read = chip.octets_read
    started.state = look(started, users, thorough)
    return started


def _open(started: Boot, may_format: bool) -> None:
    """As Store.start() does, which says nothing of having made a new store."""
    try:
        started.store.open()
    except NotAStore:
        started.formatted = started.store.is_blank_or_cut_format()
        if not started.formatted:
            raise
        if not may_format:
            raise Violation(1, "it looks like a format that was cut") from None
        started.store.format()
        started.store.open()


def look(started: Boot, users, thorough: bool = False) -> State:
    store = started.store
    present = [user for user in users if store.find(user, "INBOX")]
    try:
        return observe(store, present, thorough)
    except (StoreError, AssertionError) as error:
        raise Violation(4, f"not all can be read: {error!r}") from error


def check_bounds(started: Boot) -> None:
    if started.formatted:
        return
    figures = (started.programs, started.erases, started.octets_read)
    if any(map(lambda figure, most: figure > most, figures, (MOST_PROGRAMS, MOST_ERASES, MOST_OCTETS_READ))):
        raise Violation(11, "recovery took %d programs, %d erases and %d octets read" % figures)


def check_state(started: Boot, step: Step) -> None:
    """2 to 9: what was acknowledged is there, and what was under way whole or not at all."""
    if not step.accepts(started.state):
        raise Violation(2, f"during {step.kind}: {difference(step, started.state)}")
    if started.reports:
        raise Violation(9, f"during {step.kind}: reported {started.reports}")
    for (user, name), box in started.state.items():
        uids = [entry.uid for entry in box.entries]
        if any(first >= second for first, second in pairwise(uids)):
            raise Violation(5, f"{name} of {user} has UIDs {uids}")
        old = step.before.get((user, name))
        if old is not None and box != NONEXISTENT and box.uidnext < old.uidnext:
            raise Violation(5, f"UIDNEXT of {name} of {user} was {old.uidnext} and is {box.uidnext}")


def difference(step: Step, state: State) -> str:
    """Where the state differs from the one before, and from the one after the step."""
    texts = []
    for label, allowed in (("before", step.before), ("after", step.after)):
        for key in sorted(state.keys() | allowed.keys()):
            found, wanted = state.get(key), allowed.get(key)
            if found == wanted:
                continue
            if found is None or wanted is None:
                texts.append(f"{label}: {key} is {'missing' if found is None else 'too much'}")
                continue
            for name in found._fields:
                if getattr(found, name) != getattr(wanted, name):
                    texts.append(f"{label}: {key} {name}: found {getattr(found, name)}, not {getattr(wanted, name)}")
    return "; ".join(texts)


def check_slots(started: Boot, idle: bool) -> None:
    """10: every letter that an entry names has a file and its references; after idle work there is nothing else.

    And 7: no two letters have the same id.
    """
    store, system = started.store, started.flash.system
    named: dict[int, int] = {}
    slots: dict[int, int] = {}
    for box in started.state.values():
        for entry in box.entries:
            named[entry.slot] = named.get(entry.slot, 0) + 1
            if slots.setdefault(entry.letter, entry.slot) != entry.slot:
                raise Violation(7, f"letter {entry.letter} is in the slots {slots[entry.letter]} and {entry.slot}")
    for slot, entries in named.items():
        if store.slots.get(slot) < entries:
            raise Violation(10, f"slot {slot} has {store.slots.get(slot)} references for {entries} entries")
    files = stored(system)
    if not idle:
        check_known(store, files)
        return
    for slot in range(store.slots.extent):
        if store.slots.get(slot) != named.get(slot, 0):
            raise Violation(10, f"slot {slot} has {store.slots.get(slot)} references for {named.get(slot, 0)} entries")
    letters = {store.letters.path(slot).replace("//", "/") for slot in named}
    index = {f"/index/{info[INFO_ID]:x}" for info in store.catalogue.infos} | {"/index/state", "/index/state.2"}
    # Made and removed again to have littlefs tidy up; an empty one takes no room and is made anew the next time.
    empty = {path for path, size in files.items() if path.endswith("/~") and not size}
    unnamed = files.keys() - letters - index - empty
    if unnamed:
        raise Violation(10, f"nothing names {sorted(unnamed)}")
    counted = store.space.capacity - store.space.free()
    used = system.used_blocks()
    if not used - MISSING_COUNTED <= counted <= used + SPARE_COUNTED + len(store.catalogue.infos):
        raise Violation(10, f"the store counts {counted} blocks, littlefs uses {used}")
    if store.space.transit:
        raise Violation(10, f"{store.space.transit} blocks are in transit with nobody on the way")


def check_known(store, files: dict[str, int]) -> None:
    """10, at any time: a letter's file is named, or on the list of those that are to be removed."""
    paths = {store.letters.path(slot).replace("//", "/") for slot in range(store.slots.extent) if store.slots.get(slot)}
    unknown = [path for path in files if not path.startswith(("/index", "/log")) and path not in paths]
    unknown = [path for path in unknown if not path.endswith("/~")]
    if unknown:
        raise Violation(10, f"nobody knows {sorted(unknown)}")


def stored(system) -> dict[str, int]:
    """Path and size of every file."""
    return system.tree()


def rest(started: Boot) -> int:
    """Idle work until nothing is written any more; the number of slices."""
    chip = started.flash.chip
    quiet = slices = 0
    while quiet < QUIET:
        before = len(chip.operations)
        started.store.maintain()
        quiet = quiet + 1 if len(chip.operations) == before else 0
        slices += 1
        if slices > PATIENCE:
            raise Violation(10, "idle work has no end")
    return slices


def live_on(started: Boot, users, now: int) -> None:
    """A letter to everybody, idle work, another start: all is as it was, and the letter is there besides."""
    store = started.store
    present = [user for user in users if store.find(user, "INBOX")]
    delivered = bool(present) and deliver_last(store, present)
    rest(started)
    if started.flash.chip.refused:
        raise Violation(9, f"a program set bits at {started.flash.chip.refused[0][0]:#x}")
    again = boot(started.flash.chip.image, users, now)
    check_last(again.state, started.state, delivered, now > DATE + AGED)
    check_slots(again, True)
    new_validity(again, users)


def check_last(state: State, before: State, delivered: bool, aged: bool) -> None:
    """The letter has a UID in each INBOX that was never given out, and nothing else has changed."""
    if state.keys() != before.keys():
        raise Violation(9, f"a new letter changed the mailboxes: {sorted(state.keys() ^ before.keys())}")
    for key, box in state.items():
        old = before[key]
        _, _, _, days, count = box.fixed
        if (days and aged) or (count and len(old.entries) + delivered > count):
            # Idle work takes out what is due.
            if not set(box.entries[: -1 if delivered else None]) <= set(old.entries):
                raise Violation(9, f"idle work changed letters of {key}")
        elif delivered and key[1] == "INBOX":
            if not box.entries or box.entries[-1].uid < old.uidnext or box.entries[-1].size != LAST_SIZE:
                raise Violation(5, f"a new letter in {key}: {box.entries[-1:]}, UIDNEXT was {old.uidnext}")
            if box.entries[:-1] != old.entries or box.fixed != old.fixed:
                raise Violation(9, f"a new letter changed others in {key}")
        elif box != old:
            step = Step("", 0, 0, {key: old}, {key: old})
            raise Violation(9, f"a new letter changed something else: {difference(step, {key: box})}")


def deliver_last(store, users) -> bool:
    """False if the disk is full."""
    try:
        letter = store.new_letter()
    except StoreFull:
        return False
    try:
        letter.write(octets_of(LAST_LETTER, LAST_SIZE))
        store.deliver(letter, users, DATE)
    except StoreFull:
        return False
    finally:
        letter.abort()
    return True


def new_validity(started: Boot, users) -> None:
    """6: a new mailbox has an id and a UIDVALIDITY above all that were."""
    store = started.store
    present = [user for user in users if store.find(user, "INBOX")]
    if not present:
        return
    ids = max(info[INFO_ID] for info in store.catalogue.infos)
    validities = max(info[INFO_UIDVALIDITY] for info in store.catalogue.infos)
    store.create(present[0], "After the cut")
    info = store.find(present[0], "After the cut")
    if info[INFO_ID] <= ids or info[INFO_UIDVALIDITY] <= validities:
        given = f"id {info[INFO_ID]} and UIDVALIDITY {info[INFO_UIDVALIDITY]}"
        raise Violation(6, f"a new mailbox has {given}, there were {ids} and {validities}")
