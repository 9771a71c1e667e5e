"""The mail store in force: the state and the snapshots, brought up to date with the log as at open."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from postino_tools.mail_image import letters, replay
from postino_tools.mail_image.filesystem import FileSystem
from postino_tools.mail_image.findings import Findings
from postino_tools.mail_image.letters import LetterFile
from postino_tools.mail_image.log import FILES_OF_LOG, Log, blocks_of_log, read_log
from postino_tools.mail_image.octets import Damaged
from postino_tools.mail_image.partition import BLOCK, NotAStore, find_mail, read_image
from postino_tools.mail_image.records import Change, Folded, parse
from postino_tools.mail_image.replay import Mailbox
from postino_tools.mail_image.snapshot import parse_snapshot, salvage
from postino_tools.mail_image.state import PATHS, State, StateCopy, UnknownFormat, parse_state

INDEX = "index"
LOG_FOLDER = "log"
HALF_MADE = ".new"
FORMAT_1_JOURNAL = "journal"
LOG_FILE = re.compile(f"{LOG_FOLDER}/([0-{FILES_OF_LOG - 1}])")


@dataclass
class Store:
    """What a reader needs of a mail partition. `findings` is what went wrong while it was read."""

    blocks: int
    filesystem: FileSystem
    log: Log
    # In force; none if both copies are damaged.
    state: State
    copies: dict[str, StateCopy]
    mailboxes: dict[int, Mailbox]
    findings: Findings
    # The last transaction that counts.
    sequence: int
    # Mailbox id -> the transaction up to which its snapshot goes, as the log says.
    folded: dict[int, int] = field(default_factory=dict)
    _letters: dict[int, LetterFile] = field(default_factory=dict)

    @property
    def is_upgraded(self) -> bool:
        return self.filesystem.blocks == self.blocks

    @property
    def is_log_damaged(self) -> bool:
        """Transactions may be missing: in its midst, or at its end, of which states and snapshots know."""
        return self.log.is_damaged or self.log.sequence < max(
            [copy.sequence for copy in self.copies.values()]
            + [mailbox.snapshot_sequence for mailbox in self.mailboxes.values()],
            default=0,
        )

    def is_spared(self, slot: int) -> bool:
        """A pending slot with a whole letter: the record that names it may be what the damaged log lacks."""
        return self.is_log_damaged and slot in self.state.pending and self.letter(slot).trailer is not None

    def letter(self, slot: int) -> LetterFile:
        """The letter in a slot, checked."""
        if slot not in self._letters:
            content, problem = self.filesystem.read_as_far_as_possible(letters.path_of(slot))
            letter = letters.examine(content)
            if problem:
                letter.problems = [problem]
            self._letters[slot] = letter
        return self._letters[slot]

    def message(self, slot: int, size: int) -> bytes:
        """The octets of a message; as many of `size` as can be read if its trailer is damaged."""
        content, _ = self.filesystem.read_as_far_as_possible(letters.path_of(slot))
        trailer = self.letter(slot).trailer
        return content[: -trailer.length] if trailer else content[:size]


def open_image(source: bytes | Path | str, in_child: bool = False) -> Store:
    """The store in an image of a chip or of a mail partition. NotAStore if there is none.

    `in_child`: for images that may be damaged in any way; its littlefs is read in a process of its own.
    """
    image = bytes(source) if isinstance(source, bytes | bytearray | memoryview) else read_image(Path(source))
    partition = find_mail(image)
    # Loads the C code: not before it is known what for.
    if in_child:
        from postino_tools.mail_image.littlefs_child import read_in_child as read
    else:
        from postino_tools.mail_image.littlefs_reader import read_littlefs as read
    return open_partition(partition, read(partition))


def open_partition(partition: bytes, filesystem: FileSystem) -> Store:
    """The store in a mail partition, whose files have been read."""
    findings = Findings()
    for folder, problem in filesystem.unreadable.items():
        findings.error("littlefs", f"the directory /{folder} cannot be read: {problem}")
    copies = _read_states(filesystem, findings)
    log = _read_log(partition, filesystem, findings)
    changes = _changes(log, findings)
    # A copy may be older than the other one: the power was cut between the two.
    state = max((copy.state for copy in copies.values()), key=lambda state: state.sequence, default=None)
    if state is None:
        state = State(0, 0, 0, 0, 0)
        changes = []
    sequence = max(state.sequence, log.sequence)
    replay.apply_to_state(state, [change for change in changes if change.sequence > state.sequence], findings)
    blocks = len(partition) // BLOCK
    store = Store(blocks, filesystem, log, state, copies, {}, findings, sequence)
    for change in changes:
        if isinstance(change, Folded):
            store.folded[change.mailbox_id] = max(change.up_to, store.folded.get(change.mailbox_id, 0))
    _open_mailboxes(store, changes)
    return store


def _read_states(filesystem: FileSystem, findings: Findings) -> dict[str, StateCopy]:
    """The copies of the state that are whole, by their paths."""
    if not any(path in filesystem.files for path in PATHS) and not filesystem.unreadable:
        _refuse_without_state(filesystem)
    copies: dict[str, StateCopy] = {}
    foreign = None
    for path in reversed(PATHS):
        try:
            copies[path] = parse_state(filesystem.read(path))
        except UnknownFormat as error:
            foreign = error
        except Damaged as error:
            if path == PATHS[0] and _is_cut_format(filesystem, copies):
                findings.note("half-made", f"{path}: a first format was cut before it was written")
            else:
                findings.error("state", f"{path}: {error}")
    if foreign is not None and not copies:
        raise NotAStore(f"the mail store is of another format: {foreign}")
    if not copies:
        findings.error("state-lost", "both copies of the state are damaged: the names of the mailboxes are lost")
    if len(copies) == len(PATHS):
        _compare(copies[PATHS[0]].state, copies[PATHS[1]].state, findings)
    return {path: copies[path] for path in PATHS if path in copies}


def _is_cut_format(filesystem: FileSystem, copies: dict[str, StateCopy]) -> bool:
    """A first format writes `state` last; the other copy is whole by then, and says that there is nothing yet."""
    other = copies.get(PATHS[1])
    return PATHS[0] not in filesystem.files and other is not None and other.state.next_mailbox_id == 1


def _compare(first: State, second: State, findings: Findings) -> None:
    """Copies of the same age are equal, but for what has been seen by a client since."""
    if first.sequence == second.sequence and first.without_recent() != second.without_recent():
        findings.error("state-differs", f"the two copies of the state differ, both at transaction {first.sequence}")


def _refuse_without_state(filesystem: FileSystem) -> None:
    """Says what there is in place of a store."""
    if FORMAT_1_JOURNAL in filesystem.files:
        raise NotAStore("the mail store is of format 1: the firmware makes it format 2 when it starts")
    if not filesystem.files:
        raise NotAStore("the mail partition holds no store: it is an empty littlefs")
    if all(path.endswith(HALF_MADE) for path in filesystem.files):
        raise NotAStore("the mail partition holds no store: its first format was cut")
    raise NotAStore("the mail partition holds no store: it is a littlefs with other files")


def _read_log(partition: bytes, filesystem: FileSystem, findings: Findings) -> Log:
    """The log behind the littlefs, or in its files if the littlefs has all blocks."""
    blocks = len(partition) // BLOCK
    count = blocks - filesystem.blocks
    if not count:
        return read_log(_log_files(filesystem, findings), FILES_OF_LOG, findings)
    if count != blocks_of_log(blocks):
        text = f"the log has {count} blocks, a partition of {blocks} blocks has {blocks_of_log(blocks)}"
        findings.error("log-size", text)
    start = filesystem.blocks * BLOCK
    sectors = [partition[at : at + BLOCK] for at in range(start, len(partition), BLOCK)]
    return read_log(dict(enumerate(sectors)), count, findings)


def _log_files(filesystem: FileSystem, findings: Findings) -> dict[int, bytes]:
    """Place in the ring -> what is programmed of the sector there."""
    sectors = {}
    for path in filesystem.files:
        match = LOG_FILE.fullmatch(path)
        if match:
            content, problem = filesystem.read_as_far_as_possible(path)
            if problem:
                findings.error("log-file", f"{path}: {problem}")
            sectors[int(match[1])] = content
    return sectors


def _changes(log: Log, findings: Findings) -> list[Change]:
    changes = []
    for record in log.records:
        try:
            change = parse(record)
            if change is not None:
                changes.append(change)
        except Damaged as error:
            findings.error("log-payload", f"{record.place} of the log: a record of kind {record.kind}: {error}")
    return changes


def _open_mailboxes(store: Store, changes: list[Change]) -> None:
    """Reads the snapshots of all mailboxes that are there, and applies what the log has for each."""
    wanted = replay.by_mailbox(changes)
    player = replay.MailboxReplay(store.findings)
    for mailbox_id, state in store.state.mailboxes.items():
        mailbox = Mailbox(mailbox_id, state)
        _read_snapshot(store, mailbox)
        for change in wanted.get(mailbox_id, []):
            if change.sequence > mailbox.snapshot_sequence:
                player.apply(mailbox, change)
        store.mailboxes[mailbox_id] = mailbox


def _read_snapshot(store: Store, mailbox: Mailbox) -> None:
    """Fills the mailbox from its snapshot; without one it is empty."""
    path = f"{INDEX}/{mailbox.id:x}"
    if path not in store.filesystem.files:
        return
    content, problem = store.filesystem.read_as_far_as_possible(path)
    problems = [problem] if problem else []
    try:
        snapshot = parse_snapshot(content)
    except Damaged as error:
        problems.append(f"{error}; its keywords and history are lost")
        mailbox.take_salvaged(salvage(content, mailbox.id))
    else:
        problems += snapshot.problems
        mailbox.take(snapshot)
    mailbox.is_damaged = bool(problems)
    for each in problems:
        store.findings.error("snapshot", f"{path}, {mailbox.state.title()}: {each}")
