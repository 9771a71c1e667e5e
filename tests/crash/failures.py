"""One operation of every kind, with something failing in its midst: what the store says, and what it holds then."""

import copy
from collections.abc import Callable

from postino.store import StoreError, files
from postino.store.flags import FLAGGED, SEEN
from tests.crash import imap_work, invariants
from tests.crash.invariants import Boot
from tests.crash.recording import FILLER, Recording, Step
from tests.crash.work import Work
from tests.support.store_flash import Flash

BLOCKS = 56
USERS = 2
# A file that takes the room that is to be missing.
BALLAST = "/ballast"

Operation = Callable[[Work], None]

# What the store does by itself, within its own calls: they translate the errors of the file system.
INTERNAL = ("fold", "state")

OPERATIONS: dict[str, Operation] = {
    "deliver to one": lambda work: work.deliver(5000),
    "deliver to several": lambda work: work.deliver(60, 2),
    "append": lambda work: work.append("anna", "Trash", 200, SEEN, ("$Junk",)),
    "append all": lambda work: imap_work.append_all(work, "anna", "Trash", (200, 5000, 60), SEEN, ("$Junk",)),
    "replace": lambda work: imap_work.replace(work, "anna", "INBOX", 2, "Archive", 5000, SEEN, ("work",)),
    "replace within": lambda work: imap_work.replace(work, "anna", "Junk", 1, "Junk", 60),
    "abandon": lambda work: work.abandon(400),
    "flags": lambda work: work.change("anna", "INBOX", [1, 3], FLAGGED),
    "keyword": lambda work: work.change("ben", "INBOX", [2], 0, 0, ("work",)),
    "copy": lambda work: work.transfer("anna", "INBOX", [1, 2], "Trash", False),
    "long copy": lambda work: work.transfer("anna", "Sent", work.uids("anna", "Sent"), "Drafts", False),
    "move": lambda work: work.transfer("anna", "INBOX", [2, 3], "Archive", True),
    "expunge": lambda work: work.expunge("anna", "Junk", [1]),
    "quit": lambda work: work.quit("ben", [1, 2, 3]),
    "create": lambda work: work.create("ben", "Lists/2026"),
    "rename": lambda work: work.rename("ben", "Junk", "Old/Spam"),
    "delete": lambda work: work.delete("anna", "Sent"),
    "subscribe": lambda work: work.subscribe("ben", "Sent", False),
    "unsubscribe name": lambda work: work.subscribe("ben", "Gone/Inside", False),
    "create name": lambda work: work.create("ben", "Gone/Inside/Again"),
    "rename to name": lambda work: work.rename("ben", "Junk", "Gone/Inside"),
    "remove user": lambda work: work.remove_user("ben"),
    "retention set": lambda work: work.set_retention("anna", "INBOX", 3, 2),
    "new user": lambda work: work.add_user("clara"),
    "fold": lambda work: work.fold("anna", "INBOX"),
    "state": lambda work: work.write_state(),
    "drain": lambda work: work.idle(),
    "restart": lambda work: work.restart(),
}


class Bench:
    """A store on which each failure is tried, always from the same beginning."""

    def __init__(self, before: Callable[[Work], None] = lambda work: None) -> None:
        work = Work("failures", BLOCKS, USERS)
        work.set_up()
        # Subscriptions without a mailbox.
        work.create("ben", "Gone/Inside")
        work.delete("ben", "Gone/Inside")
        work.delete("ben", "Gone")
        work.idle()
        for size in (100, 3000, 500):
            work.deliver(size, 2)
        work.append("anna", "Junk", 900, 0)
        for _ in range(12):
            work.transfer("anna", "INBOX", [1, 2, 3], "Sent", False)
        work.transfer("anna", "Sent", work.uids("anna", "Sent"), "Sent", False)
        before(work)
        self.image = bytes(work.flash.chip.image)
        self._work = work
        work.flash.release()

    def fresh(self) -> Work:
        """The store has just started; what is done is recorded."""
        work = copy.copy(self._work)
        work.model = self._work.model.copy()
        work.flash = Flash(BLOCKS, self.image)
        work.start()
        work.recording = Recording("failures", self.image, BLOCKS)
        work.last = work.check()
        return work


class Wrong(AssertionError):
    pass


def attempt(work: Work, name: str, operation: Operation) -> str:
    """The name of the store's error, or nothing; then the store holds what it says. Raises Wrong."""
    before = work.last
    try:
        operation(work)
    except StoreError as error:
        said = type(error).__name__
    except OSError as error:
        if name.partition(",")[0] not in INTERNAL:
            raise Wrong(f"{name}: not an error of the store: {error!r}") from error
        said = type(files.translated(error)).__name__
    except Exception as error:
        raise Wrong(f"{name}: not an error of the store: {error!r}") from error
    else:
        # Checked against the model already.
        return ""
    work.flash.chip.power_on()
    now = work.seen()
    if now != before:
        step = Step(name, 0, 0, before, before)
        raise Wrong(f"{name}: {said}, and yet: {invariants.difference(step, now)}")
    return said


def settle(work: Work, name: str, live: bool = True) -> None:
    """Nothing fails any more: the store finds the same after a start and works; and if it goes on `live`, too.

    After an error in a program or an erase littlefs-python may not go on: in place of what it does on a board it
    ends the process, by an assertion (test_micropython_failures.py has those).
    """
    work.flash.chip.power_on()
    recording = work.recording
    assert recording is not None and not any(step.kind == FILLER for step in recording.steps)
    before = work.seen()
    users = tuple(sorted({user for user, _ in work.model.boxes}))
    # As after a cut at this moment.
    started = invariants.boot(work.flash.chip.image, users, work.model.now)
    if started.state != before:
        step = Step(name, 0, 0, before, before)
        raise Wrong(f"{name}: after a start: {invariants.difference(step, started.state)}")
    invariants.live_on(started, users, work.model.now)
    if not live:
        return
    work.flash.system.use()
    live = Boot(work.flash, work.store, before)
    invariants.live_on(live, users, work.model.now)
