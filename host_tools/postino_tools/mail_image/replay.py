"""Applies the changes of the log: to the state, and to the entries of the mailboxes."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from postino_tools.mail_image.findings import Findings
from postino_tools.mail_image.records import (
    Added,
    Change,
    Dropped,
    Entry,
    Expunged,
    Flags,
    Keyword,
    MailboxValues,
    References,
    Slots,
    Unsubscribed,
)
from postino_tools.mail_image.snapshot import Snapshot
from postino_tools.mail_image.state import MANY, MailboxState, State

# UIDs in the runs of all FLAGS together: several times what a log full of them can say of the largest mailboxes that
# a board has the memory for. Each costs time.
FLAGS_MAX = 1 << 24


@dataclass
class Mailbox:
    """The content of a mailbox in force. Its name and counters are those of the state."""

    id: int
    state: MailboxState
    uidnext: int = 1
    highest_modseq: int = 0
    # As the snapshot has them, if there is one.
    snapshot_sequence: int = 0
    snapshot: Snapshot | None = None
    is_damaged: bool = False
    # The log has other values than the snapshot.
    has_new_values: bool = False
    keywords: dict[int, str] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    # UIDs expunged since the snapshot, with the modification sequence.
    expunged: dict[int, int] = field(default_factory=dict)

    def take(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.snapshot_sequence = snapshot.sequence
        self.uidnext = snapshot.uidnext
        self.highest_modseq = snapshot.highest_modseq
        self.keywords = dict(enumerate(snapshot.keywords))
        self.entries = {entry.uid: entry for entry in snapshot.entries}

    def take_salvaged(self, entries: list[Entry]) -> None:
        """What was in a snapshot whose head is damaged; all of it counts as changed."""
        for entry in entries:
            entry.modseq = self.state.highest_modseq
            entry.keywords = 0
        self.entries = {entry.uid: entry for entry in entries}
        self.uidnext = max(self.entries, default=0) + 1

    def next_uid(self) -> int:
        """UIDNEXT in force: the state knows it too, alone if there is no snapshot."""
        return max(self.uidnext, self.state.uidnext)

    def highest(self) -> int:
        """The highest modification sequence in force."""
        return max(self.highest_modseq, self.state.highest_modseq)

    def keyword_names(self, bits: int) -> list[str]:
        return [name for number, name in sorted(self.keywords.items()) if bits >> number & 1]

    def title(self) -> str:
        return self.state.title()


# The state -----------------------------------------------------------------------------------------------------------


def apply_to_state(state: State, changes: Iterable[Change], findings: Findings) -> None:
    """Brings the state up to date; the changes are those of greater sequence numbers, in order."""
    for change in changes:
        state.sequence = max(state.sequence, change.sequence)
        if isinstance(change, Added):
            _added(state, change, findings)
        elif isinstance(change, Expunged):
            _expunged(state, change, findings)
        elif isinstance(change, Flags | Keyword):
            mailbox = _mailbox(state, change.sequence, change.mailbox_id, findings)
            if mailbox:
                mailbox.highest_modseq = change.sequence
        elif isinstance(change, MailboxValues):
            _mailbox_values(state, change, findings)
        elif isinstance(change, Dropped):
            _dropped(state, change, findings)
        elif isinstance(change, Unsubscribed):
            _unsubscribed(state, change, findings)
        elif isinstance(change, Slots):
            _slots(state, change)
        elif isinstance(change, References):
            _references(state, change)


def _mailbox(state: State, sequence: int, mailbox_id: int, findings: Findings) -> MailboxState | None:
    mailbox = state.mailboxes.get(mailbox_id)
    if mailbox is None:
        text = f"transaction {sequence} changes mailbox {mailbox_id}, which does not exist"
        findings.error("log-mailbox", text)
    return mailbox


def _added(state: State, change: Added, findings: Findings) -> None:
    for mailbox_id, entry in change.entries:
        state.next_letter_id = max(state.next_letter_id, entry.letter_id + 1)
        _refer(state, entry.slot, entry.blocks)
        mailbox = _mailbox(state, change.sequence, mailbox_id, findings)
        if mailbox is None:
            continue
        mailbox.uidnext = max(mailbox.uidnext, entry.uid + 1)
        mailbox.entries += 1
        mailbox.blocks += entry.blocks
        mailbox.highest_modseq = change.sequence


def _refer(state: State, slot: int, blocks: int) -> None:
    references = state.references.get(slot, 0)
    if not references:
        state.pending.discard(slot)
        state.blocks += blocks
    state.references[slot] = min(references + 1, MANY)


def _expunged(state: State, change: Expunged, findings: Findings) -> None:
    mailbox = _mailbox(state, change.sequence, change.mailbox_id, findings)
    for _, slot, blocks in change.letters:
        _unrefer(state, change, slot, blocks, findings)
        if mailbox:
            mailbox.entries -= 1
            mailbox.blocks -= blocks
    if mailbox:
        mailbox.highest_modseq = change.sequence


def _unrefer(state: State, change: Change, slot: int, blocks: int, findings: Findings) -> None:
    references = state.references.get(slot, 0)
    if references == 0:
        text = f"transaction {change.sequence} takes a letter from slot {slot}, which has none"
        findings.error("references", text)
    elif references == 1:
        del state.references[slot]
        state.pending.add(slot)
        state.blocks -= blocks
    elif references < MANY:
        state.references[slot] = references - 1


def _mailbox_values(state: State, change: MailboxValues, findings: Findings) -> None:
    state.next_uidvalidity = max(state.next_uidvalidity, change.uidvalidity + 1)
    if change.created:
        if change.mailbox_id < state.next_mailbox_id:
            text = f"transaction {change.sequence} gives mailbox id {change.mailbox_id}, the next is"
            findings.error("mailbox-again", f"{text} {state.next_mailbox_id}")
        state.next_mailbox_id = max(state.next_mailbox_id, change.mailbox_id + 1)
    # Without CREATED too: a mailbox is there from its first values on, and the record that made it may be lost.
    elif _mailbox(state, change.sequence, change.mailbox_id, findings) is None:
        state.next_mailbox_id = max(state.next_mailbox_id, change.mailbox_id + 1)
    if change.created or change.mailbox_id not in state.mailboxes:
        values = (change.mailbox_id, change.uidvalidity, 1, 0, 0, 1, change.sequence, 0, 0, 0, "", "")
        state.mailboxes[change.mailbox_id] = MailboxState(*values)
    mailbox = state.mailboxes[change.mailbox_id]
    if change.left and mailbox.user:
        _unsubscribe(state, mailbox.user, mailbox.name)
        state.nonexistent.append((mailbox.user, mailbox.name))
    _unsubscribe(state, change.user, change.name)
    mailbox.uidvalidity, mailbox.attributes = change.uidvalidity, change.attributes
    mailbox.retention_days, mailbox.retention_letters = change.retention_days, change.retention_letters
    mailbox.user, mailbox.name = change.user, change.name


def _unsubscribe(state: State, user: str, name: str) -> None:
    """Takes a name off those without a mailbox; all of the user, if there is no name."""
    state.nonexistent = [known for known in state.nonexistent if known != (user, name) and (known[0] != user or name)]


def _unsubscribed(state: State, change: Unsubscribed, findings: Findings) -> None:
    before = len(state.nonexistent)
    _unsubscribe(state, change.user, change.name)
    if len(state.nonexistent) == before:
        text = f"transaction {change.sequence} takes {change.name!r} of {change.user} off the subscriptions"
        findings.error("log-name", f"{text}, where it is not")


def _dropped(state: State, change: Dropped, findings: Findings) -> None:
    mailbox = _mailbox(state, change.sequence, change.mailbox_id, findings)
    if mailbox:
        if mailbox.entries:
            text = f"transaction {change.sequence} drops {mailbox.title()} with {mailbox.entries} letters"
            findings.error("drop", text)
        del state.mailboxes[mailbox.id]


def _slots(state: State, change: Slots) -> None:
    state.pending -= set(change.removed)
    if change.written is not None:
        state.pending.add(change.written)


def _references(state: State, change: References) -> None:
    for slot, blocks, references in change.slots:
        had = slot in state.references
        state.blocks += blocks * (bool(references) - had)
        if references:
            state.references[slot] = min(references, MANY)
            state.pending.discard(slot)
        else:
            state.references.pop(slot, None)


# The mailboxes -------------------------------------------------------------------------------------------------------


def by_mailbox(changes: Iterable[Change]) -> dict[int, list[Change]]:
    """What the log has for the entries of each mailbox, in order."""
    found: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        if isinstance(change, Added):
            parts: dict[int, list[tuple[int, Entry]]] = defaultdict(list)
            for mailbox_id, entry in change.entries:
                parts[mailbox_id].append((mailbox_id, entry))
            for mailbox_id, entries in parts.items():
                found[mailbox_id].append(Added(change.sequence, entries))
        elif isinstance(change, Flags | Expunged | Keyword | MailboxValues):
            found[change.mailbox_id].append(change)
    return found


class MailboxReplay:
    """Applies changes of greater sequence numbers than the snapshots' to the mailboxes."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._flags_left = FLAGS_MAX

    def apply(self, mailbox: Mailbox, change: Change) -> None:
        if isinstance(change, Added):
            _add_entries(mailbox, change, self._findings)
        elif isinstance(change, Flags):
            self._change_flags(mailbox, change)
        elif isinstance(change, Expunged):
            _expunge_entries(mailbox, change, self._findings)
        elif isinstance(change, Keyword):
            mailbox.keywords[change.number] = change.name
        elif isinstance(change, MailboxValues):
            mailbox.has_new_values = True
            if not change.created:
                return
        mailbox.highest_modseq = max(mailbox.highest_modseq, change.sequence)

    def _change_flags(self, mailbox: Mailbox, change: Flags) -> None:
        for first, last in _without_overlaps(change.runs):
            # A run may be longer than the mailbox, or the other way round.
            uids = range(first, last + 1) if last - first < len(mailbox.entries) else mailbox.entries
            if len(uids) > self._flags_left:
                if self._flags_left >= 0:
                    text = f"transaction {change.sequence} and later ones change more flags than a log can"
                    self._findings.error("log-flags", f"{text}: they are left out")
                self._flags_left = -1
                return
            self._flags_left -= len(uids)
            for uid in uids:
                entry = mailbox.entries.get(uid)
                if entry is not None and first <= uid <= last:
                    entry.flags = entry.flags & ~change.remove_flags | change.add_flags
                    entry.keywords = entry.keywords & ~change.remove_keywords | change.add_keywords
                    entry.modseq = change.sequence


def _without_overlaps(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same UIDs in ascending runs, each once."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(run for run in runs if run[0] <= run[1]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def _add_entries(mailbox: Mailbox, change: Added, findings: Findings) -> None:
    for _, entry in change.entries:
        if entry.uid < mailbox.uidnext:
            if not mailbox.is_damaged:
                text = f"{mailbox.title()}: transaction {change.sequence} gives UID {entry.uid}, the next is"
                findings.error("uid-again", f"{text} {mailbox.uidnext}")
            # Where a part of the snapshot is lost, it may be this one.
            if not mailbox.is_damaged or entry.uid in mailbox.entries:
                continue
        mailbox.uidnext = max(mailbox.uidnext, entry.uid + 1)
        mailbox.entries[entry.uid] = entry


def _expunge_entries(mailbox: Mailbox, change: Expunged, findings: Findings) -> None:
    for uid, slot, _ in change.letters:
        entry = mailbox.entries.pop(uid, None)
        mailbox.expunged[uid] = change.sequence
        if (entry is None or entry.slot != slot) and not mailbox.is_damaged:
            text = f"{mailbox.title()}: transaction {change.sequence} takes UID {uid} out of slot {slot}"
            findings.error("expunge", f"{text}, {f'it is in slot {entry.slot}' if entry else 'it is not there'}")
