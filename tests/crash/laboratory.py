"""Runs recordings through all their cuts and counts what was seen."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tests.crash import branches, invariants
from tests.crash.images import Cut, Rolling, images, images_of
from tests.crash.invariants import Boot, Violation
from tests.crash.outcomes import NOT_STARTED
from tests.crash.recording import Recording, Step

# Of so many images one is looked at with every mailbox opened, also those that had no letter yet.
THOROUGH = 16

# Called with each image and what was found on it, before anything else is done with the store.
Look = Callable[[Rolling, Boot, Step], None]


@dataclass
class Tally:
    """What was tried, and what came of it."""

    operations: int = 0
    images: int = 0
    # Content of all images, as numbers.
    keys: set[int] = field(default_factory=set)
    outcomes: Counter = field(default_factory=Counter)
    # (kind of step, branch of the recovery).
    pairs: Counter = field(default_factory=Counter)
    # Kinds of steps that were cut.
    kinds: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)
    # Images that the host's reader has looked at.
    agreed: int = 0
    most_programs: int = 0
    most_erases: int = 0
    most_octets_read: int = 0

    def add(self, other: "Tally") -> None:
        self.operations += other.operations
        self.images += other.images
        self.keys |= other.keys
        self.outcomes += other.outcomes
        self.pairs += other.pairs
        self.kinds |= other.kinds
        self.agreed += other.agreed
        self.violations += other.violations
        self.most_programs = max(self.most_programs, other.most_programs)
        self.most_erases = max(self.most_erases, other.most_erases)
        self.most_octets_read = max(self.most_octets_read, other.most_octets_read)


class Laboratory:
    def __init__(self, recording: Recording, seed: str, looks: Iterable[Look] = (), most_violations: int = 20) -> None:
        self.recording = recording
        self.seed = seed
        self.tally = Tally()
        self._looks = tuple(looks)
        self._most_violations = most_violations
        # (content, step) that has been checked.
        self._checked: set[tuple[int, int]] = set()

    def run(self, variants: int = 1, only: Iterable[int] | None = None) -> Tally:
        """All cuts, or those at some operations."""
        recording = self.recording
        only = set(recording.indices()) if only is None else set(only)
        self.tally.operations += len(only)
        for cut, rolling in images(recording, self.seed, variants, only):
            self.one(cut, rolling, self._step(cut))
            if len(self.tally.violations) >= self._most_violations:
                break
        return self.tally

    def _step(self, cut: Cut) -> Step:
        """What is allowed after this cut: at the first operation of a step that was not started it has not happened."""
        step = self.recording.step_at(cut.index)
        if cut.index >= step.last:
            return replace(step, before=step.after, in_between="")
        if cut.outcome == NOT_STARTED and cut.index <= step.first:
            return replace(step, after=step.before, in_between="")
        return step

    def one(self, cut: Cut, rolling: Rolling, step: Step, again: str = "") -> Boot | None:
        """Checks one image; None if it was known or bad."""
        known = (rolling.key, id(step.before), id(step.after))
        if known in self._checked:
            return None
        self._checked.add(known)
        tally = self.tally
        tally.images += 1
        tally.keys.add(rolling.key)
        tally.outcomes[cut.outcome] += 1
        try:
            return self._check(rolling, step, cut.outcome != NOT_STARTED or step.first < cut.index < step.last)
        except Violation as violation:
            text = str(violation)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        where = f"{self.recording.name}, seed {self.seed}, operation {cut.index} of {step.kind}, {cut.outcome}"
        tally.violations.append(f"{where} ({cut.variant}){again}: {text}")
        return None

    def _check(self, rolling: Rolling, step: Step, in_midst: bool) -> Boot:
        recording = self.recording
        may_format = recording.from_blank and not step.before
        thorough = rolling.key % THOROUGH == 0
        branches.begin()
        started = invariants.boot(rolling.image, recording.users, step.now, may_format, thorough)
        self._note(started)
        invariants.check_bounds(started)
        invariants.check_state(started, step)
        invariants.check_slots(started, False)
        if in_midst:
            for branch in branches.branches_of(rolling, started):
                self.tally.pairs[step.kind, branch] += 1
        for look in self._looks:
            look(rolling, started, step)
        recovered = started.flash.chip.operations[:]
        if recovered:
            again = invariants.boot(started.flash.chip.image, recording.users, step.now)
            if again.state != started.state:
                raise Violation(12, "a second start finds something else")
            started.flash.system.use()
        invariants.live_on(started, recording.users, step.now)
        started.flash.chip.operations = recovered
        return started

    def _note(self, started: Boot) -> None:
        tally = self.tally
        if not started.formatted:
            tally.most_programs = max(tally.most_programs, started.programs)
            tally.most_erases = max(tally.most_erases, started.erases)
            tally.most_octets_read = max(tally.most_octets_read, started.octets_read)

    def run_twice(self, variants: int = 1, only: Iterable[int] | None = None) -> Tally:
        """All cuts, and for each of them all cuts of the recovery."""
        recording = self.recording
        only = set(recording.indices()) if only is None else set(only)
        self.tally.operations += len(only)
        for cut, rolling in images(recording, self.seed, variants, only):
            step = self._step(cut)
            image = bytes(rolling.image)
            started = self.one(cut, rolling, step)
            if started is not None:
                self._cut_recovery(cut, image, started, step, variants)
            if len(self.tally.violations) >= self._most_violations:
                break
        return self.tally

    def _cut_recovery(self, cut: Cut, image: bytes, started: Boot, step: Step, variants: int) -> None:
        operations = started.flash.chip.operations
        step = replace(step, kind="start", first=0, last=len(operations))
        for second, rolling in images_of(image, operations, f"{self.seed} {cut}", variants):
            self.one(second, rolling, step, f", after a cut at {cut}")
