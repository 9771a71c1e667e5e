"""What a run of the laboratory has seen, in words."""

from tests.crash import branches, workloads
from tests.crash.laboratory import Tally
from tests.crash.outcomes import OUTCOMES
from tests.crash.recording import FILLER

ALL = "*"

# Pairs that cannot be, with the reason: (kind, branch), where * stands for all others.
IMPOSSIBLE = {
    (ALL, branches.FORMAT_AGAIN): "there is a store already",
    ("format", ALL): "a store that is being made has nothing in it",
    (ALL, branches.DROPPED): "a mailbox is dropped in idle work, and the next start removes its snapshot",
}
# What is possible although a line above says that it is not for the others. A start is cut when recoveries are.
POSSIBLE = {
    ("format", branches.FORMAT_AGAIN),
    ("format", branches.COPIES_DIFFER),
    ("format", branches.HALF_STATE),
    ("format", branches.CLEAN_TAIL),
    ("format", branches.EMPTY_SECTOR),
    ("idle", branches.DROPPED),
    ("start", branches.DROPPED),
    ("start", branches.FORMAT_AGAIN),
}


def reason(kind: str, branch: str) -> str:
    """Why the two cannot meet; empty if they can."""
    if (kind, branch) in POSSIBLE:
        return ""
    for key in ((kind, branch), (kind, ALL), (ALL, branch)):
        if key in IMPOSSIBLE:
            return IMPOSSIBLE[key]
    return ""


def possible_pairs(tally: Tally) -> list[tuple[str, str]]:
    kinds = sorted(tally.kinds - {FILLER})
    return [(kind, branch) for kind in kinds for branch in branches.BRANCHES if not reason(kind, branch)]


def share(tally: Tally) -> float:
    """Of the pairs that are possible, so many were met."""
    possible = possible_pairs(tally)
    return sum(1 for pair in possible if tally.pairs[pair]) / len(possible)


def text(tally: Tally, seconds: float) -> str:
    possible = possible_pairs(tally)
    missing = [pair for pair in possible if not tally.pairs[pair]]
    wrong = [pair for pair in tally.pairs if tally.pairs[pair] and reason(*pair)]
    lines = [
        f"images, distinct by content   {len(tally.keys):>8,}",
        f"starts checked                {tally.images:>8,}",
        f"operations cut                {tally.operations:>8,}",
        *(f"  {outcome:<28}{tally.outcomes[outcome]:>8,}" for outcome in OUTCOMES),
        f"read by fsck too              {tally.agreed:>8,}",
        f"kinds of operations           {len(tally.kinds - {FILLER}):>8,}",
        f"branches of the recovery      {len(branches.BRANCHES):>8,}",
        f"pairs of both, possible       {len(possible):>8,}",
        f"pairs met                     {len(possible) - len(missing):>8,}  {share(tally):.1%}",
        f"most in one recovery: {tally.most_programs} programs, {tally.most_erases} erases, "
        f"{tally.most_octets_read:,} octets read",
        f"violations                    {len(tally.violations):>8,}",
        f"seconds                       {seconds:>8,.0f}",
    ]
    if missing:
        lines.append("not met:")
        lines += [f"  {kind} - {branch}" for kind, branch in missing]
    if wrong:
        lines.append("met, though it is said to be impossible:")
        lines += [f"  {kind} - {branch}" for kind, branch in wrong]
    lines += tally.violations
    return "\n".join(lines)


def workload_table() -> str:
    return "\n".join(f"{name:<36}{function.__doc__ or ''}" for name, function in workloads.WORKLOADS.items())
