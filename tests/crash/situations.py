"""One operation of every kind in a situation: at a place of the log where it does most, or after something was cut.

So that each kind of operation is cut with each branch of the recovery ahead of it, where the two can meet.
"""

from collections.abc import Callable

from postino.store.flags import ANSWERED, FLAGGED, SEEN
from tests.crash.imap_work import append_all, replace
from tests.crash.recording import Recording
from tests.crash.work import Work
from tests.support.nor_chip import BLOCK

# Octets of the smallest record that a filler writes.
SMALLEST = 48
BLOCKS = 116
# Numbers for keywords and mailboxes that have not been there yet.
_TEXTS = "abcdefghijklmnopqrstuvwxyz0123"


def prepared(name: str, seed: int) -> Work:
    """A store with a mailbox of many entries that are few letters, to fill the log with."""
    work = Work(name, BLOCKS, 2, seed)
    work.set_up()
    for size in (100, 3000, 500, 900):
        work.deliver(size, 2)
    for _ in range(4):
        work.transfer("anna", "INBOX", [1, 2, 3, 4], "Sent", False)
    for target in ("Archive", "Drafts"):
        work.transfer("anna", "Sent", work.uids("anna", "Sent"), target, False)
    for _ in range(2):
        work.transfer("anna", "Drafts", work.uids("anna", "Drafts"), "Drafts", False)
    # The log has come round.
    while work.store.log.sector <= work.store.log.device.sectors:
        fill(work)
    return work


# Filling the log ------------------------------------------------------------------------------------------------------


def fill(work: Work) -> None:
    """One to two KB of the log, in several programs."""
    copied = work.uids("anna", "Sent")[40:]
    if copied:
        work.expunge("anna", "Sent", copied)
    else:
        long_copy(work)


def long_copy(work: Work) -> None:
    """A transaction of two programs at least."""
    work.transfer("anna", "Drafts", work.uids("anna", "Drafts")[:60], "Sent", False)


def small_change(work: Work) -> None:
    uid = work.uids("ben", "INBOX")[0]
    answered = "2" in work.model.boxes["ben", "INBOX"].entries[uid].flags
    work.change("ben", "INBOX", [uid], 0 if answered else ANSWERED, ANSWERED if answered else 0)


def until_left(work: Work, octets: int) -> None:
    """Fills the newest sector until so many octets of it are left, or a few more."""
    with work.fillers():
        while BLOCK - work.store.log.position >= octets + SMALLEST:
            small_change(work)


# Situations: each is called before each operation ---------------------------------------------------------------------


def end_of_sector(work: Work, _number: int) -> None:
    """The next record opens a sector."""
    until_left(work, 0)


def full_log(work: Work, _number: int) -> None:
    """The next operation has to make room: to fold mailboxes, or to write the state."""
    log = work.store.log
    with work.fillers():
        while log.sector - log.tail + 1 <= log.device.sectors - 3:
            fill(work)


def everything_logged(work: Work, number: int) -> None:
    """Records of every kind that neither the state nor a snapshot has; letters on their way in and out."""
    name = "Temporary %d" % number
    end_sessions(work)
    with work.fillers():
        work.idle()
        work.write_state()
        work.deliver(60, 2)
        work.transfer("anna", "INBOX", work.some("anna", "INBOX", 2), "Archive", False)
        work.expunge("anna", "Archive", work.uids("anna", "Archive")[-1:])
        work.create("anna", name)
        work.append("anna", name, 60, SEEN, ("work",))
        work.delete("anna", name)
        work.subscribe("anna", name, False)
        work.idle()
        keyword = "key" + _TEXTS[number]
        work.change("anna", "INBOX", work.uids("anna", "INBOX")[-1:], 0, 0, (keyword,))
        work.fold("anna", "Archive")
        # One mailbox that is dying, with letters and one without.
        for suffix in ("x", "y"):
            work.create("anna", name + suffix)
        work.append("anna", name + "y", 60, SEEN)
        for suffix in ("x", "y"):
            work.delete("anna", name + suffix)
        work.abandon(60)
        work.sessions = (work.read_and_expunge("anna"), work.begin_letter(500))
        work.abandon(60)
        work.deliver(60, 2)


def end_sessions(work: Work) -> None:
    if work.sessions:
        reader, writer = work.sessions
        reader.close()
        writer.abort()


def pending_in_state(work: Work, _number: int) -> None:
    """The state knows of letters on their way in and out; one has been removed since."""
    end_sessions(work)
    with work.fillers():
        work.sessions = (work.read_and_expunge("anna"), work.begin_letter(500))
        work.append("ben", "Trash", 60, 0)
        work.write_state()
        work.expunge("ben", "Trash", work.uids("ben", "Trash"))


def across_sectors(work: Work, _number: int) -> None:
    """A transaction that counts begins in one sector and ends in the next."""
    until_left(work, 1100)
    with work.fillers():
        long_copy(work)
        work.expunge("anna", "Sent", work.uids("anna", "Sent")[40:])


def cut(work: Work, arm: Callable[[], None], act: Callable[[], None]) -> None:
    """The power goes in the midst of `act`."""
    arm()
    act()
    assert work.flash.chip.before is None, "the power did not go"


def torn_tail(work: Work, _number: int) -> None:
    cut(work, lambda: work.cut_at_program(1), lambda: small_change(work))


def uncommitted_tail(work: Work, _number: int) -> None:
    """The last transaction is there but for its end."""
    with work.fillers():
        if BLOCK - work.store.log.position < 2400:
            until_left(work, 0)
            small_change(work)
    cut(work, lambda: work.cut_at_program(2), lambda: long_copy(work))


def half_across_sectors(work: Work, _number: int) -> None:
    """The same, and its beginning is in the sector before. The programs are its first, the header, and its second."""
    until_left(work, 1100)
    cut(work, lambda: work.cut_at_program(4), lambda: long_copy(work))


def cut_erase(work: Work, _number: int) -> None:
    """A sector was about to be opened."""
    until_left(work, 0)
    cut(work, lambda: work.cut_next(1), lambda: small_change(work))


def cut_header(work: Work, _number: int) -> None:
    until_left(work, 0)
    cut(work, lambda: work.cut_at_program(1), lambda: small_change(work))


def cut_state(work: Work, number: int) -> None:
    """One copy of the state is new, or half-made."""
    cut(work, lambda: work.cut_next(2 + number % 7), work.write_state)


def cut_fold(work: Work, number: int) -> None:
    """A snapshot is half-made, or the log does not say that it was made."""
    small_change(work)
    if number % 2:
        cut(work, lambda: work.cut_at_program(1), lambda: work.fold("ben", "INBOX"))
    else:
        cut(work, lambda: work.cut_next(2), lambda: work.fold("ben", "INBOX"))


SITUATIONS: dict[str, Callable[[Work, int], None]] = {
    "sector ends": end_of_sector,
    "full log": full_log,
    "everything logged": everything_logged,
    "pending in state": pending_in_state,
    "across sectors": across_sectors,
    "torn tail": torn_tail,
    "uncommitted tail": uncommitted_tail,
    "half across sectors": half_across_sectors,
    "cut erase": cut_erase,
    "cut header": cut_header,
    "cut state": cut_state,
    "cut fold": cut_fold,
}


def every_kind(situation: str, seed: int) -> Recording:
    """One operation of every kind in a situation."""
    work = prepared(f"every kind, {situation}", seed)
    work.record()
    for number, step in enumerate(operations(work)):
        with work.fillers():
            while len(work.uids("anna", "INBOX")) < 4:
                work.deliver(50, 2)
        SITUATIONS[situation](work, number)
        step()
    return work.finish()


def operations(work: Work) -> list[Callable[[], None]]:
    anna, ben = ("anna", "INBOX"), ("ben", "INBOX")
    return [
        lambda: work.deliver(700),
        lambda: work.deliver(60, 2),
        lambda: work.append("anna", "Trash", 200, SEEN),
        lambda: append_all(work, "anna", "Trash", (50, 60, 70), 0, ("$Junk",)),
        lambda: replace(work, *ben, work.uids(*ben)[-1], "INBOX", 500),
        lambda: work.abandon(400),
        work.refuse,
        lambda: work.change(*anna, work.uids(*anna)[1:3], FLAGGED),
        lambda: work.change(*ben, work.some(*ben), 0, 0, ("$Junk",)),
        lambda: work.transfer(*anna, work.some(*anna), "Trash", False),
        lambda: work.transfer(*anna, work.some(*anna, 1), "Trash", True),
        lambda: work.expunge("anna", "Trash", work.uids("anna", "Trash")[:2]),
        lambda: work.quit("anna", work.uids(*anna)[:2]),
        lambda: work.create("ben", "Lists"),
        lambda: work.rename("ben", "Lists", "Listen/2026"),
        lambda: work.subscribe("ben", "Listen", False),
        lambda: work.append("ben", "Listen/2026", 300, 0),
        lambda: work.delete("ben", "Listen/2026"),
        lambda: work.subscribe("ben", "Lists", False),
        lambda: work.create("ben", "Listen/2026"),
        lambda: work.add_user("clara"),
        lambda: work.delete("clara", "Sent"),
        lambda: work.remove_user("clara"),
        lambda: work.set_retention(*anna, 0, 3),
        work.expire,
        lambda: work.fold("anna", "Trash"),
        work.idle,
        work.write_state,
        work.restart,
    ]
