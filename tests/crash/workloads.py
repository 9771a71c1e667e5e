"""What is done while the power may go: each workload is a short life of a small store.

A workload sets the store up, which is not recorded, and then does what it is named after. The partitions are small, so
that the log comes round and the disk fills up.
"""

from collections.abc import Callable
from functools import partial

from postino.store import StoreFull
from postino.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from tests.crash.imap_work import imap
from tests.crash.recording import Recording
from tests.crash.situations import SITUATIONS, every_kind
from tests.crash.work import DATE, Work

KEYWORDS = ("$Junk", "$Forwarded", "$Label1", "work", "später")
DAY = 86400
# Changes after which idle work has begun a fold, or ended it.
MANY = 1000


def letters(seed: int) -> Recording:
    """Letters of all sizes come in, to one and to all."""
    work = Work("letters", 96, 5, seed)
    work.set_up()
    work.record()
    for size in (1024, 20, 4096, 2000, 30720, 8192, 4020):
        work.deliver(size)
    for size in (1500, 9000, 100):
        work.deliver(size, 5)
    work.append("anna", "Drafts", 2500, DRAFT | SEEN)
    work.append("anna", "Sent", 5000, SEEN, ("$Forwarded", "$Junk"))
    work.append("anna", "Sent", 300, 0, ("$Junk",))
    work.abandon(700)
    work.abandon(9000)
    work.deliver(1000, 3)
    work.idle()
    work.deliver(3000)
    return work.finish()


def flags(seed: int) -> Recording:
    """Flags, keywords, copies, moves and expunges."""
    work = Work("flags", 56, 2, seed)
    work.set_up()
    for size in (100, 3000, 500, 900, 5000, 40):
        work.deliver(size, 2)
    work.record()
    inbox = ("anna", "INBOX")
    work.change(*inbox, [1], SEEN)
    work.change(*inbox, [1, 2, 3, 5], SEEN | FLAGGED)
    work.change(*inbox, [2], 0, FLAGGED)
    work.change(*inbox, [4, 6], 0, 0, ("$Junk",))
    work.change(*inbox, [1, 4], ANSWERED, SEEN, ("$Label1", "work"))
    work.transfer("anna", "INBOX", [1, 4], "Archive", False)
    work.transfer("anna", "INBOX", [2], "Trash", True)
    work.transfer("anna", "Archive", [1], "Archive", False)
    work.transfer("anna", "INBOX", [3, 5], "Junk", True)
    work.change(*inbox, [6], DELETED)
    work.expunge(*inbox, [6])
    work.deliver(600)
    work.deliver(600, 2)
    work.expunge("anna", "Archive", [1, 2, 3])
    work.expunge("anna", "Trash", [1])
    work.quit("ben", [1, 2, 3])
    work.quit("ben", work.uids("ben", "INBOX"))
    work.deliver(2000, 2)
    work.expunge(*inbox, work.uids(*inbox)[-1:])
    work.deliver(1200, 2)
    work.idle()
    return work.finish()


def folders(seed: int) -> Recording:
    """Mailboxes come, change their names and go, with letters in them and without."""
    work = Work("folders", 72, 2, seed)
    work.set_up()
    for size in (100, 3000, 500):
        work.deliver(size, 2)
    work.record()
    work.create("anna", "Lists")
    work.create("anna", "Work/2026/June")
    work.transfer("anna", "INBOX", [1, 2], "Lists", False)
    work.transfer("anna", "INBOX", [3], "Work/2026/June", True)
    work.rename("anna", "Work", "Old/Büro")
    work.subscribe("anna", "Lists", False)
    work.subscribe("anna", "Lists", True)
    work.rename("anna", "Lists", "Listen")
    work.append("anna", "Listen", 2000, SEEN, ("work",))
    work.delete("anna", "Listen")
    work.deliver(400)
    work.idle()
    work.create("anna", "Listen")
    work.append("anna", "Listen", 2000, SEEN, ("work",))
    work.delete("anna", "Listen")
    work.delete("anna", "Old/Büro/2026/June")
    work.create("anna", "Listen")
    work.idle()
    work.rename_inbox("ben", "Kept")
    work.deliver(900, 2)
    work.delete("ben", "Kept")
    work.restart()
    work.delete("ben", "Junk")
    work.idle()
    return work.finish()


def subscriptions(seed: int) -> Recording:
    """Names stay when their mailboxes are deleted and renamed, until they are unsubscribed or have a mailbox again."""
    work = Work("subscriptions", 72, 2, seed)
    work.set_up()
    for size in (100, 3000):
        work.deliver(size, 2)
    work.record()
    work.create("anna", "Lists/2025")
    work.append("anna", "Lists/2025", 900, SEEN)
    work.rename("anna", "Lists", "Listen")
    work.subscribe("anna", "Lists/2025", False)
    work.delete("anna", "Listen/2025")
    work.create("anna", "Listen/2025/März")
    work.rename("anna", "Listen", "Lists")
    work.subscribe("anna", "Lists/2025/März", False)
    work.delete("anna", "Lists/2025/März")
    work.write_state()
    work.subscribe("anna", "Listen", False)
    work.delete("anna", "Lists/2025")
    work.delete("anna", "Lists")
    work.idle()
    work.restart()
    work.rename_inbox("anna", "Lists/2025")
    work.delete("ben", "Junk")
    work.rename("ben", "Archive", "Junk")
    work.delete("ben", "Trash")
    work.restart()
    work.subscribe("anna", "Listen/2025", True)
    work.subscribe("anna", "Listen/2025", False)
    many_names(work, 6)
    work.restart()
    many_names(work, 14)
    work.rename("ben", "Sent", "Gesendet")
    work.remove_user("ben")
    work.add_user("ben")
    work.idle()
    return work.finish()


def many_names(work: Work, last: int) -> None:
    """Names up to this number; there is room for nine."""

    def leave(number: int) -> None:
        name = "%02d" % number + "n" * 190
        work.create("ben", name)
        work.delete("ben", name)

    with work.fillers():
        for number in range(last - 6, last):
            leave(number)
        work.idle()
    leave(last)


def retention(seed: int) -> Recording:
    """Letters expire, by age and by number."""
    work = Work("retention", 56, 2, seed)
    work.set_up()
    for size in (100, 3000, 500, 40, 700):
        work.deliver(size, 2)
    work.transfer("anna", "INBOX", [1, 2], "Trash", False)
    work.record()
    work.set_retention("anna", "INBOX", 0, 4)
    work.expire()
    work.set_retention("anna", "Archive", 7, 2)
    work.transfer("anna", "INBOX", [2, 3, 4], "Archive", False)
    work.expire()
    work.model.now = DATE + 8 * DAY
    work.transfer("anna", "INBOX", [5], "Archive", True)
    work.deliver(4100, 2)
    work.expire()
    work.model.now = DATE + 31 * DAY
    work.transfer("anna", "INBOX", [4], "Trash", True)
    work.idle(kind="expire")
    work.set_retention("ben", "INBOX", 20, 0)
    work.expire()
    work.deliver(700, 2)
    return work.finish()


def folds(seed: int) -> Recording:
    """Many changes: the log comes round, mailboxes and the state are folded."""
    work = Work("folds", 56, 1, seed)
    work.set_up()
    for _ in range(12):
        work.deliver(60)
    work.transfer("anna", "INBOX", range(1, 13), "Archive", False)
    work.transfer("anna", "INBOX", range(1, 9), "Archive", False)
    many_changes(work, 60)
    work.record()
    for _ in range(3):
        many_changes(work, 6)
        work.fold("anna", "INBOX")
        work.deliver(200)
        work.write_state()
        many_changes(work, 4)
    work.fold("anna", "Archive")
    work.expunge("anna", "Archive", work.uids("anna", "Archive")[1:5])
    work.fold("anna", "Archive")
    work.restart()
    many_changes(work, 4)
    work.idle()
    return work.finish()


def slices(seed: int) -> Recording:
    """Mailboxes are folded in idle slices; changes come in between."""
    work = Work("slices", 56, 1, seed)
    work.set_up()
    for _ in range(12):
        work.deliver(60)
    for _ in range(4):
        work.transfer("anna", "INBOX", range(1, 13), "Archive", False)
    work.record()
    for turn in range(5):
        begin_fold(work)
        for _ in range(MANY):
            change_once(work, turn)
            work.idle(1)
            if not folding(work):
                break
        change_once(work, turn + 1)
    work.restart()
    change_once(work, 0)
    work.idle()
    return work.finish()


def folding(work: Work) -> bool:
    """Idle work is in the midst of a fold."""
    return work.store.keeper._fold is not None


def begin_fold(work: Work) -> None:
    """Changes, until idle work begins to fold a mailbox."""
    with work.fillers():
        for _ in range(MANY):
            many_changes(work, 1)
            work.idle(1)
            if folding(work):
                return
    raise AssertionError("idle work never folds")


def change_once(work: Work, turn: int) -> None:
    """One change of each mailbox that may be folded now."""
    for name in ("INBOX", "Archive"):
        if turn % 3 == 2 and len(work.uids("anna", name)) > 4:
            work.expunge("anna", name, work.uids("anna", name)[:1])
        else:
            change_many(work, name)
    if turn % 2:
        work.deliver(60)


def many_changes(work: Work, count: int) -> None:
    """Changes of which each takes as much of the log as a change can: every other letter, keywords, copies back."""
    for _ in range(count):
        change_many(work, work.random.choice(("INBOX", "Archive")))


def change_many(work: Work, name: str) -> None:
    uids = work.uids("anna", name)[work.random.randint(0, 1) :: 2]
    flag = work.random.choice((SEEN, FLAGGED, ANSWERED))
    if work.random.random() < 0.5:
        work.change("anna", name, uids, flag, 0, (work.random.choice(KEYWORDS),))
    else:
        work.change("anna", name, uids, 0, flag)


def ring(seed: int) -> Recording:
    """The log comes round several times by itself; nothing is folded by hand."""
    work = Work("ring", 56, 1, seed)
    work.set_up()
    for _ in range(6):
        work.deliver(60)
    for target in ("Archive", "Sent", "Drafts"):
        for _ in range(4):
            work.transfer("anna", "INBOX", range(1, 7), target, False)
    churn(work, 130)
    work.record()
    churn(work, 150)
    work.idle()
    churn(work, 20)
    return work.finish()


def churn(work: Work, count: int) -> None:
    for turn in range(count):
        name = work.random.choice(("INBOX", "Archive", "Sent", "Drafts"))
        uids = work.uids("anna", name)
        if turn % 9 == 8 and len(uids) > 8:
            work.expunge("anna", name, uids[:3])
        elif turn % 7 == 6:
            source = work.some("anna", "INBOX", 6)
            work.transfer("anna", "INBOX", source, work.random.choice(("Archive", "Sent", "Drafts")), False)
        elif turn % 15 == 14:
            work.deliver(80)
        else:
            work.change("anna", name, uids[turn % 2 :: 2], SEEN if turn % 4 < 2 else 0, 0 if turn % 4 < 2 else SEEN)


def full(seed: int) -> Recording:
    """The disk fills up, letters are refused; after a deletion there is room again."""
    work = Work("full", 56, 1, seed)
    work.set_up()
    try:
        for _ in range(40):
            work.deliver(work.random.choice((300, 4000, 9000)))
    except StoreFull:
        pass
    work.expunge("anna", "INBOX", work.uids("anna", "INBOX")[-2:])
    work.record()
    while not work.refused(4000):
        pass
    work.change("anna", "INBOX", work.uids("anna", "INBOX"), SEEN)
    for _ in range(3):
        work.expunge("anna", "INBOX", work.some("anna", "INBOX", 3))
        work.refused(6000)
        while not work.refused(2500):
            pass
        work.transfer("anna", "INBOX", work.some("anna", "INBOX", 2), "Trash", True)
        work.idle()
    work.quit("anna", work.uids("anna", "INBOX"))
    work.expunge("anna", "Trash", work.uids("anna", "Trash"))
    work.deliver(20000)
    work.idle()
    return work.finish()


def mixed(seed: int) -> Recording:
    """Any of it in any order."""
    work = Work("mixed", 96, 2, seed)
    work.set_up()
    for size in (100, 3000, 500, 900):
        work.deliver(size, 2)
    work.record()
    for _ in range(60):
        anything(work)
    work.idle()
    return work.finish()


def cuts(seed: int) -> Recording:
    """The power goes in the middle of many operations of the run itself, and of the starts after that."""
    work = Work("cuts", 96, 2, seed)
    work.set_up()
    for size in (100, 3000, 500, 900):
        work.deliver(size, 2)
    work.record()
    for turn in range(60):
        if turn % 3 == 2:
            work.cut_next(work.random.randint(1, 8))
        anything(work)
    work.flash.chip.power_on()
    work.idle()
    return work.finish()


KINDS = (
    *("deliver", "deliver", "deliver", "all", "append", "flags", "flags", "keyword"),
    *("expunge", "copy", "move", "quit", "create", "delete", "idle"),
)


def anything(work: Work) -> None:
    """One operation, if there is anything for it to work on."""
    choose = work.random.choice
    user = choose(work.users)
    name = choose(("INBOX", "INBOX", "Trash", "Archive"))
    key = (user, name)
    kind = choose(KINDS)
    total = sum(len(box.entries) for box in work.model.boxes.values())
    if kind in ("deliver", "all", "append", "copy") and total > 24:
        kind = "expunge"
    if kind in ("flags", "keyword", "expunge", "copy", "move") and not work.uids(*key):
        kind = "deliver"
    if kind == "deliver":
        work.deliver(choose((30, 700, 1500, 4200)))
    elif kind == "all":
        work.deliver(choose((30, 700)), 2)
    elif kind == "append":
        work.append(user, name, choose((60, 900)), choose((0, SEEN, FLAGGED)), choose(((), ("$Junk",))))
    elif kind == "flags":
        work.change(*key, work.some(*key), choose((SEEN, FLAGGED)), choose((0, ANSWERED)))
    elif kind == "keyword":
        work.change(*key, work.some(*key), 0, 0, (choose(KEYWORDS),))
    elif kind == "expunge":
        work.expunge(*key, work.some(*key, 6))
    elif kind in ("copy", "move"):
        target = choose(("Trash", "Archive"))
        work.transfer(user, name, work.some(*key), target, kind == "move" and target != name)
    elif kind == "quit":
        work.quit(user, work.some(user, "INBOX") if work.uids(user, "INBOX") else [])
    elif kind == "create":
        tree(work, user)
    elif kind == "delete":
        names = sorted(name for owner, name in work.model.names if owner == user)
        if (user, "Lists") in work.model.boxes:
            work.delete(user, "Lists")
        elif names:
            work.subscribe(user, choose(names), False)
    else:
        work.idle(8)


def tree(work: Work, user: str) -> None:
    if (user, "Lists") not in work.model.boxes:
        work.create(user, "Lists")
    elif (user, "Old") not in work.model.boxes:
        work.rename(user, "Lists", "Old")
    else:
        work.subscribe(user, "Lists", not work.model.boxes[user, "Lists"].attributes & 1)


def first_start(seed: int) -> Recording:
    """A blank chip: both formats, and the first users."""
    work = Work("first start", 48, 2, seed)
    work.record_from_blank()
    work.deliver(500, 2)
    work.deliver(5000)
    return work.finish()


WORKLOADS: dict[str, Callable[[int], Recording]] = {
    "letters": letters,
    "flags": flags,
    "folders": folders,
    "subscriptions": subscriptions,
    "imap": imap,
    "retention": retention,
    "folds": folds,
    "slices": slices,
    "ring": ring,
    "full": full,
    "mixed": mixed,
    "cuts": cuts,
    "first start": first_start,
    **{f"every kind, {name}": partial(every_kind, name) for name in SITUATIONS},
}
