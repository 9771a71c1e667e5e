"""One run on a chip: its operations, and what the store may hold after a power cut at each of them."""

from collections import Counter
from dataclasses import dataclass, field

from tests.crash.observation import Box
from tests.support.nor_chip import Operation

# What the store holds, as observation.observe() tells it.
State = dict[tuple[str, str], Box]

# Steps that are done in several transactions: letters leave, or move to another mailbox, some at a time.
REMOVING = "removing"
MOVING = "moving"

# The kind of a step that is not to be cut: what the store held then is not known.
FILLER = "filler"


@dataclass
class Step:
    """One call of the store: the operations from `first` up to `last` are its, and it was acknowledged after them."""

    kind: str
    first: int
    last: int
    before: State
    after: State
    in_between: str = ""
    # What the clock says.
    now: int = 0

    def accepts(self, state: State) -> bool:
        """Whether the store may hold this after a cut in the step."""
        if state in (self.before, self.after):
            return True
        return bool(self.in_between) and is_between(self, state)


@dataclass
class Recording:
    name: str
    start: bytes
    blocks: int
    users: tuple[str, ...] = ()
    operations: list[Operation] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    # The image need not hold a store before the first step was acknowledged.
    from_blank: bool = False

    def indices(self) -> list[int]:
        """Where the power may go."""
        cut = [index for step in self.steps if step.kind != FILLER for index in range(step.first, step.last)]
        return cut if self.steps[-1].kind == FILLER else [*cut, len(self.operations)]

    def step_at(self, index: int) -> Step:
        """The step that the operation belongs to; the last one for what comes after all of them."""
        low, high = 0, len(self.steps) - 1
        while low < high:
            middle = (low + high) // 2
            if self.steps[middle].last > index:
                high = middle
            else:
                low = middle + 1
        return self.steps[low]


def is_between(step: Step, state: State) -> bool:
    """Every letter is where it was or where it goes, and in between nowhere else; the rest is as before and after."""
    before, after = step.before, step.after
    if not before.keys() <= state.keys() <= before.keys() | after.keys():
        return False
    for key, box in state.items():
        old, new = before.get(key, box), after.get(key, box)
        if box.fixed != new.fixed or not old.uidnext <= box.uidnext <= max(new.uidnext, old.uidnext):
            return False
        rows = {_unmoved(entry) for entry in box.entries}
        both = {_unmoved(entry) for entry in old.entries} | {_unmoved(entry) for entry in new.entries}
        kept = {_unmoved(entry) for entry in old.entries} & {_unmoved(entry) for entry in new.entries}
        if not kept <= rows <= both:
            return False
    return step.in_between == REMOVING or _letters(state) == _letters(before)


def _unmoved(entry):
    """What an entry keeps, but for its modification sequence."""
    return entry._replace(modseq=0)


def _letters(state: State) -> Counter:
    return Counter(entry.letter for box in state.values() for entry in box.entries)
