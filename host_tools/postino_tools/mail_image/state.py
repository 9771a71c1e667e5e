"""The state of the mail store: mailboxes, letter slots and counters, as of a sequence number."""

import struct
from dataclasses import dataclass, field, replace

from postino_tools.mail_image.octets import Damaged, Octets, without_crc

FORMAT = 2
MAGIC = b"PST2"
PATHS = ("index/state", "index/state.2")

# Magic, format, count of names without a mailbox, sequence, next letter id, next mailbox id, next UIDVALIDITY, blocks,
# counts of slots, mailboxes, pending slots and spool records.
HEAD = struct.Struct("<4sHHQIIIIHHHH")
# Id, UIDVALIDITY, UIDNEXT, entries, blocks, first recent UID, highest modification sequence, attributes,
# retention in days and in letters, lengths of user and name.
MAILBOX = struct.Struct("<IIIIIIQHHHBB")
SLOT = struct.Struct("<H")

# References of a slot: beyond this they are no longer counted, and a pending slot is marked.
MANY = 254
PENDING = 255

# So many numbers of a list are shown.
SHOWN_MAX = 10

SUBSCRIBED = 1
SPECIAL_USES = {2: r"\Drafts", 4: r"\Sent", 8: r"\Junk", 16: r"\Trash", 32: r"\Archive"}
DYING = 256
KNOWN_ATTRIBUTES = SUBSCRIBED | sum(SPECIAL_USES) | DYING


class UnknownFormat(Damaged):
    """Valid, but of another format."""


@dataclass
class MailboxState:
    """A mailbox, as the state has it."""

    id: int
    uidvalidity: int
    uidnext: int
    entries: int
    blocks: int
    first_recent: int
    highest_modseq: int
    attributes: int
    retention_days: int
    retention_letters: int
    user: str
    name: str

    @property
    def is_dying(self) -> bool:
        return bool(self.attributes & DYING)

    @property
    def is_subscribed(self) -> bool:
        return bool(self.attributes & SUBSCRIBED)

    def title(self) -> str:
        """How a finding names it."""
        return f"mailbox {self.id} ({self.user}, {'deleted' if self.is_dying else repr(self.name)})"

    def special_use(self) -> str | None:
        uses = [use for bit, use in SPECIAL_USES.items() if self.attributes & bit]
        return " ".join(uses) or None


@dataclass
class State:
    """The state: read from a copy, then brought up to date with the log."""

    sequence: int
    next_letter_id: int
    next_mailbox_id: int
    next_uidvalidity: int
    blocks: int
    # Slot -> references, 1 to 254. Free and pending slots are not in it.
    references: dict[int, int] = field(default_factory=dict)
    pending: set[int] = field(default_factory=set)
    mailboxes: dict[int, MailboxState] = field(default_factory=dict)
    # User and name of subscriptions that no mailbox has, the oldest first.
    nonexistent: list[tuple[str, str]] = field(default_factory=list)

    def without_recent(self) -> "State":
        mailboxes = {id_: replace(mailbox, first_recent=0) for id_, mailbox in self.mailboxes.items()}
        return replace(self, mailboxes=mailboxes)


@dataclass
class StateCopy:
    """One copy as it was read, with what does not fit together in it."""

    state: State
    # As it was read: the state itself goes on with the log.
    sequence: int
    problems: list[str]


def parse_state(content: bytes) -> StateCopy:
    """One copy of the state; Damaged if it is."""
    octets = Octets(without_crc(content, "the state"))
    magic, version, name_count, sequence, letter_id, mailbox_id, uidvalidity, blocks, *counts = octets.unpack(HEAD)
    if magic != MAGIC:
        raise Damaged("it does not begin with PST2")
    if version != FORMAT:
        raise UnknownFormat(f"format {version} is not known, only {FORMAT}")
    slot_count, mailbox_count, pending_count, spool_count = counts
    state = State(sequence, letter_id, mailbox_id, uidvalidity, blocks)
    marked = _take_references(state, octets.take(slot_count))
    mailboxes = [_take_mailbox(octets) for _ in range(mailbox_count)]
    pending = [slot for (slot,) in SLOT.iter_unpack(octets.take(SLOT.size * pending_count))]
    state.nonexistent = [user_and_name(octets, octets.take(1)[0]) for _ in range(name_count)]
    for _ in range(spool_count):
        octets.take(octets.take(1)[0])
    state.mailboxes = {mailbox.id: mailbox for mailbox in mailboxes}
    state.pending = marked | set(pending)
    problems = _check_order(mailboxes)
    if len(set(pending)) != len(pending) or marked != set(pending):
        different = sorted(marked ^ set(pending))[:SHOWN_MAX]
        text = f"{len(marked)} slots are marked as pending, {len(pending)} are listed"
        problems.append(f"{text}: slots {different} are not in both" if different else text)
    if octets.left():
        problems.append(f"{octets.left()} octets too many")
    return StateCopy(state, sequence, problems)


def _take_references(state: State, references: bytes) -> set[int]:
    """Notes the references; returns the slots that are marked as pending."""
    state.references = {slot: count for slot, count in enumerate(references) if 0 < count < PENDING}
    return {slot for slot, count in enumerate(references) if count == PENDING}


def user_and_name(octets: Octets, length: int) -> tuple[str, str]:
    """A subscription without a mailbox: so many octets, the user, 0 and the name."""
    user, zero, name = octets.text(length).partition("\0")
    if not zero:
        raise Damaged(f"no user before the name {user!r}")
    return user, name


def _take_mailbox(octets: Octets) -> MailboxState:
    id_, uidvalidity, uidnext, entries, blocks, recent, modseq, attributes, days, letters, *lengths = octets.unpack(
        MAILBOX
    )
    user, name = (octets.text(length) for length in lengths)
    return MailboxState(
        id_, uidvalidity, uidnext, entries, blocks, recent, modseq, attributes, days, letters, user, name
    )


def _check_order(mailboxes: list[MailboxState]) -> list[str]:
    keys = [
        (mailbox.user.encode("utf-8", "surrogateescape"), mailbox.name.encode("utf-8", "surrogateescape"))
        for mailbox in mailboxes
    ]
    problems = [] if keys == sorted(keys) else ["the mailboxes are not sorted by user and name"]
    if len({mailbox.id for mailbox in mailboxes}) != len(mailboxes):
        problems.append("two mailboxes have the same id")
    return problems
