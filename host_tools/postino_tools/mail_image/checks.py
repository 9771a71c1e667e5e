"""What must be true of a mail store in force: the invariants of docs/store.md that a single image can show.

Here are those of the state and of the mailboxes; letter_checks.py and file_checks.py have the rest.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import pairwise

from postino_tools.mail_image.file_checks import check_files
from postino_tools.mail_image.findings import Finding, Findings
from postino_tools.mail_image.letter_checks import Named, check_letters, check_slots
from postino_tools.mail_image.replay import Mailbox
from postino_tools.mail_image.snapshot import KEYWORDS_MAX
from postino_tools.mail_image.state import KNOWN_ATTRIBUTES, PATHS
from postino_tools.mail_image.store import INDEX, Store

KNOWN_FLAGS = 0x1F
INBOX = "INBOX"


def check(store: Store) -> list[Finding]:
    """Everything that is to be said about the store, what was noticed while it was opened included."""
    findings = Findings(store.findings)
    named: Named = defaultdict(list)
    for mailbox in store.mailboxes.values():
        for entry in mailbox.entries.values():
            named[entry.slot].append((mailbox, entry))
    _check_states(store, findings)
    if store.copies:
        _check_names(store, findings)
        _check_counters(store, findings)
        for mailbox in store.mailboxes.values():
            _check_mailbox(store, mailbox, findings)
        check_slots(store, named, findings)
    check_letters(store, named, findings)
    check_files(store, named, findings)
    return findings


# The state -----------------------------------------------------------------------------------------------------------


def _check_states(store: Store, findings: Findings) -> None:
    for path, copy in store.copies.items():
        for problem in copy.problems:
            findings.error("state", f"{path}: {problem}")
        _check_age(store, path, findings)


def _check_age(store: Store, path: str, findings: Findings) -> None:
    """Neither newer than the log, nor so old that the log has lost something that it lacks."""
    sequence = store.copies[path].sequence
    is_newest = sequence == max(copy.sequence for copy in store.copies.values())
    if store.log.newest and sequence > store.log.sequence:
        text = f"{path} has transaction {sequence}, the log ends at {store.log.sequence}"
        findings.error("state-ahead", f"{text}: the end of the log is lost")
    elif store.log.newest and sequence < store.log.sequence_before:
        text = f"{path} ends at transaction {sequence}, the log begins after {store.log.sequence_before}"
        if is_newest:
            findings.error("state-behind", text)
        else:
            findings.warning("state-behind", f"{text}: this copy is of no use")
    elif not is_newest:
        findings.note("state-older", f"{path} is older than {PATHS[path == PATHS[0]]}")


def _check_names(store: Store, findings: Findings) -> None:
    seen: set[tuple[str, str]] = set()
    for mailbox in store.mailboxes.values():
        state = mailbox.state
        problem = _problem_of_name(state.user, state.name, state.is_dying)
        if not problem and not state.is_dying and (state.user, state.name) in seen:
            problem = "another mailbox has the same name"
        seen.add((state.user, state.name))
        if problem:
            findings.error("name", f"{mailbox.title()}: {problem}")
        if state.attributes & ~KNOWN_ATTRIBUTES:
            findings.error("attributes", f"{mailbox.title()}: unknown attributes {state.attributes:#x}")
    for user, name in store.state.nonexistent:
        problem = _problem_of_name(user, name, False)
        if not problem and (user, name) in seen:
            problem = "there is a mailbox of that name, or it is there twice"
        seen.add((user, name))
        if problem:
            findings.error("name", f"subscription of {user} to {name!r}, which has no mailbox: {problem}")


def _problem_of_name(user: str, name: str, is_dying: bool) -> str:
    if not user and not is_dying:
        return "it belongs to nobody"
    if any("\udc80" <= character <= "\udcff" for character in user + name):
        return "its name is not UTF-8"
    if is_dying:
        return "it is deleted and has a name" if name else ""
    if not all(name.split("/")):
        return "a level of its name is empty"
    if any(ord(character) < 32 or ord(character) == 127 for character in user + name):
        return "a control character in its name"
    if name.upper() == INBOX and name != INBOX:
        return "INBOX is not in upper case"
    return ""


def _check_counters(store: Store, findings: Findings) -> None:
    """What is never given twice: each number once, and below the next one."""
    state = store.state
    for what, numbers, following in (
        ("mailbox id", [mailbox.id for mailbox in state.mailboxes.values()], state.next_mailbox_id),
        ("UIDVALIDITY", [mailbox.uidvalidity for mailbox in state.mailboxes.values()], state.next_uidvalidity),
    ):
        for number, count in Counter(numbers).items():
            if count > 1:
                findings.error("twice", f"{count} mailboxes have the {what} {number}")
            if not 0 < number < following:
                findings.error("counter", f"{what} {number} is given, the next is {following}")


# Mailboxes -----------------------------------------------------------------------------------------------------------


def _check_mailbox(store: Store, mailbox: Mailbox, findings: Findings) -> None:
    _check_snapshot(store, mailbox, findings)
    _check_folded(store, mailbox, findings)
    for what, own, of_state in (
        ("entries", len(mailbox.entries), mailbox.state.entries),
        ("blocks", sum(entry.blocks for entry in mailbox.entries.values()), mailbox.state.blocks),
    ):
        if own != of_state and not mailbox.is_damaged:
            findings.error("mailbox-counts", f"{mailbox.title()}: {own} {what}, the state counts {of_state}")
    if mailbox.snapshot and mailbox.uidnext > mailbox.state.uidnext:
        text = f"the next UID is {mailbox.uidnext}, the state says {mailbox.state.uidnext}"
        findings.error("uidnext", f"{mailbox.title()}: {text}")
    if mailbox.state.first_recent > mailbox.next_uid():
        findings.error("recent", f"{mailbox.title()}: first recent UID {mailbox.state.first_recent} is not given yet")
    if max(mailbox.highest(), mailbox.highest_modseq) > store.sequence:
        text = f"highest modification sequence {mailbox.highest()} is above transaction {store.sequence}"
        findings.error("modseq", f"{mailbox.title()}: {text}")
    _check_keywords(mailbox, findings)
    _check_entries(mailbox, findings)


def _check_snapshot(store: Store, mailbox: Mailbox, findings: Findings) -> None:
    snapshot = mailbox.snapshot
    if snapshot is None:
        return
    problems = []
    if snapshot.mailbox_id != mailbox.id:
        problems.append(f"it is the one of mailbox {snapshot.mailbox_id}")
    if snapshot.uidvalidity != mailbox.state.uidvalidity and not mailbox.has_new_values:
        problems.append(f"UIDVALIDITY {snapshot.uidvalidity}, the state says {mailbox.state.uidvalidity}")
    if store.log.newest and snapshot.sequence > store.log.sequence:
        text = f"it has transaction {snapshot.sequence}, the log ends at {store.log.sequence}"
        problems.append(f"{text}: the end of the log is lost")
    if snapshot.first_recent > snapshot.uidnext:
        problems.append(f"first recent UID {snapshot.first_recent} of {snapshot.uidnext}")
    if snapshot.highest_modseq > snapshot.sequence:
        problems.append(f"highest modification sequence {snapshot.highest_modseq} of {snapshot.sequence}")
    uids = [entry.uid for entry in snapshot.entries]
    if any(first >= second for first, second in pairwise(uids)):
        problems.append("its UIDs do not ascend")
    if uids and not 0 < min(uids) <= max(uids) < snapshot.uidnext:
        problems.append(f"a UID that is not between 0 and the next one, {snapshot.uidnext}")
    problems += _problems_of_history(mailbox)
    for problem in problems:
        findings.error("snapshot", f"{INDEX}/{mailbox.id:x}, {mailbox.title()}: {problem}")


def _check_folded(store: Store, mailbox: Mailbox, findings: Findings) -> None:
    """The firmware passes over the records that the log says are in the snapshot."""
    up_to = store.folded.get(mailbox.id, 0)
    # Where the head of the snapshot is damaged nobody knows what is in it; that has been reported.
    if up_to > mailbox.snapshot_sequence and (mailbox.snapshot or not mailbox.is_damaged):
        has = f"ends at {mailbox.snapshot_sequence}" if mailbox.snapshot else "is missing"
        text = f"the log says that its snapshot has transaction {up_to}, but that {has}"
        findings.error("folded", f"{mailbox.title()}: {text}")


def _problems_of_history(mailbox: Mailbox) -> list[str]:
    """Oldest first, above the floor, and nothing that is there."""
    snapshot = mailbox.snapshot
    assert snapshot is not None
    modseqs = [modseq for _, _, modseq in snapshot.history]
    if modseqs != sorted(modseqs):
        return ["its history is not in order"]
    if modseqs and not snapshot.floor <= modseqs[0] <= modseqs[-1] <= snapshot.highest_modseq:
        return ["its history is not between its floor and the highest modification sequence"]
    uids = sorted(entry.uid for entry in snapshot.entries)
    for first, last, _ in snapshot.history:
        if not 0 < first <= last < snapshot.uidnext:
            return [f"its history has the UIDs {first} to {last}"]
        at = bisect_left(uids, first)
        if at < len(uids) and uids[at] <= last:
            return [f"its history has the UIDs {first} to {last}, and one of them is there"]
    return []


def _check_keywords(mailbox: Mailbox, findings: Findings) -> None:
    names = [name.lower() for name in mailbox.keywords.values()]
    if len(set(names)) != len(names) or not all(names):
        findings.error("keywords", f"{mailbox.title()}: a keyword has no name, or the name of another")
    if any(number >= KEYWORDS_MAX for number in mailbox.keywords):
        findings.error("keywords", f"{mailbox.title()}: more than {KEYWORDS_MAX} keywords")


def _check_entries(mailbox: Mailbox, findings: Findings) -> None:
    known = sum(1 << number for number in mailbox.keywords)
    highest, uidnext = mailbox.highest(), mailbox.next_uid()
    for uid, entry in mailbox.entries.items():
        problem = ""
        if not 0 < uid < uidnext:
            problem = f"the next UID is {uidnext}"
        elif entry.keywords & ~known and not mailbox.is_damaged:
            problem = f"keywords {entry.keywords & ~known:#x} have no names"
        elif entry.flags & ~KNOWN_FLAGS:
            problem = f"unknown flags {entry.flags:#x}"
        elif not 0 < entry.modseq <= highest:
            problem = f"modification sequence {entry.modseq}, the highest is {highest}"
        if problem:
            findings.error("entry", f"{mailbox.title()}, UID {uid}: {problem}")
