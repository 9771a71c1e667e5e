"""The host's own reader of the store (`postino fsck`) must find on an image what the firmware finds, and no damage."""

from collections import Counter
from typing import Any

from tests.crash.images import Rolling
from tests.crash.invariants import Boot, Violation
from tests.crash.observation import NONEXISTENT, Box
from tests.crash.recording import State, Step

FLAGS = {"1": r"\Seen", "2": r"\Answered", "4": r"\Flagged", "8": r"\Deleted", "16": r"\Draft"}
USES = {2: "Drafts", 4: "Sent", 8: "Junk", 16: "Trash", 32: "Archive"}
SUBSCRIBED = 1
# The number of an invariant of its own.
AGREEMENT = 13


class Agreement:
    """Looks at images beside the firmware; `findings` counts what the reader had to say of them."""

    def __init__(self, share: int = 1) -> None:
        """One of `share` images is looked at."""
        self._share = share
        # Only where it is wanted: a laboratory without the host tools works too.
        from postino_tools import mail_image

        self._reader = mail_image
        self.images = 0
        self.findings: Counter[tuple[str, str]] = Counter()

    def __call__(self, rolling: Rolling, started: Boot, step: Step) -> None:
        if started.formatted or rolling.key % self._share:
            return
        self.images += 1
        try:
            store = self._reader.open_image(bytes(rolling.image))
            findings = self._reader.check(store)
        except Exception as error:
            raise Violation(AGREEMENT, f"fsck fails: {type(error).__name__}: {error}") from error
        self.findings.update((finding.severity, finding.kind) for finding in findings)
        errors = [str(finding) for finding in findings if finding.severity != self._reader.NOTE]
        if errors:
            raise Violation(AGREEMENT, f"fsck finds {errors}")
        compare(self._reader.describe(store), started.state)


def compare(described: dict[str, Any], state: State) -> None:
    read = {(user, name): box for user, boxes in described["users"].items() for name, box in boxes.items()}
    names = {(user, name) for user, names in described["nonexistent"].items() for name in names}
    known = {key for key, box in state.items() if box == NONEXISTENT}
    if names != known or read.keys() != state.keys() - known:
        differ = [*(names ^ known), *(read.keys() ^ state.keys() - known)]
        raise Violation(AGREEMENT, f"fsck and the firmware differ in {sorted(differ)}")
    for key, box in state.items():
        if box == NONEXISTENT:
            continue
        wanted = as_described(box)
        found = {name: read[key][name] for name in wanted if name != "entries"}
        found["special_use"] = str(found["special_use"] or "").lstrip("\\")
        found["entries"] = [{name: entry[name] for name in ENTRY} for entry in read[key]["entries"]]
        for entry in found["entries"]:
            entry["sha256"] = (entry["sha256"] or "")[:16]
            entry["flags"] = sorted([*entry["flags"], *entry.pop("keywords")])
        if found != wanted:
            different = [name for name in wanted if found[name] != wanted[name]]
            texts = [f"{name}: fsck {found[name]}, firmware {wanted[name]}" for name in different]
            raise Violation(AGREEMENT, f"{key}: {'; '.join(texts)}")


ENTRY = ("uid", "slot", "size", "internaldate", "flags", "keywords", "modseq", "sha256")


def as_described(box: Box) -> dict[str, Any]:
    number, validity, attributes, days, count = box.fixed
    return {
        "id": number,
        "uidvalidity": validity,
        "uidnext": box.uidnext,
        "highestmodseq": box.modseq,
        "subscribed": bool(attributes & SUBSCRIBED),
        "special_use": USES.get(attributes & ~SUBSCRIBED, ""),
        "retention_days": days,
        "retention_letters": count,
        "keywords": list(box.keywords),
        "entries": [
            {
                "uid": entry.uid,
                "slot": entry.slot,
                "size": entry.size,
                "internaldate": entry.date,
                "flags": sorted(FLAGS.get(flag, flag) for flag in entry.flags),
                "modseq": entry.modseq,
                "sha256": entry.digest,
            }
            for entry in box.entries
        ],
    }
