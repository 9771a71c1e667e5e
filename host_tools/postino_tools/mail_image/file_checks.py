"""What must be true of the files of a mail store: every one of them has its place, and somebody names it."""

import re

from postino_tools.mail_image import letters
from postino_tools.mail_image.findings import Findings
from postino_tools.mail_image.letter_checks import Named
from postino_tools.mail_image.octets import Damaged
from postino_tools.mail_image.snapshot import parse_snapshot
from postino_tools.mail_image.state import PATHS
from postino_tools.mail_image.store import HALF_MADE, INDEX, LOG_FILE, Store

# What an upgrade has not removed yet.
OF_FORMAT_1 = ("journal", "catalogue", "mailboxes", "letters")
MAILBOX_ID = re.compile("[1-9a-f][0-9a-f]*")


def check_files(store: Store, named: Named, findings: Findings) -> None:
    """Files and folders that nothing names."""
    for path in sorted(store.filesystem.files):
        slot = letters.slot_of(path)
        folder, _, name = path.rpartition("/")
        if slot is not None:
            _check_slot_file(store, path, slot, named, findings)
        elif folder == INDEX:
            _check_index_file(store, path, name, findings)
        elif name == letters.HALF_MADE and "/" not in folder:
            findings.note("half-made", f"{path}: a letter that was not finished")
        elif _is_of_format_1(store, path):
            findings.note("format-1", f"{path}: a file of format 1, to be removed")
        elif not (store.is_upgraded and LOG_FILE.fullmatch(path)):
            findings.warning("stray", f"{path}: a file that is not the store's")
    _check_nested_folders(store, findings)


def _check_nested_folders(store: Store, findings: Findings) -> None:
    """The store has no folder inside a folder; what is in one has not been looked at."""
    for path in sorted(store.filesystem.nested):
        if _is_of_format_1(store, path):
            findings.note("format-1", f"{path}: a folder of format 1, to be removed")
        else:
            findings.warning("stray", f"{path}: a folder that is not the store's")
    for path in sorted(store.filesystem.endless):
        findings.error("littlefs", f"the folders in /{path} have no end: they run in a circle, or are too many")


def _is_of_format_1(store: Store, path: str) -> bool:
    return store.is_upgraded and path.partition("/")[0] in OF_FORMAT_1


def _check_slot_file(store: Store, path: str, slot: int, named: Named, findings: Findings) -> None:
    if store.is_spared(slot) and slot not in named:
        text = "a whole letter that is to be removed, but the record that names it may be what the log has lost"
        findings.warning("spared", f"{path}: {text}")
    elif slot in store.state.pending:
        findings.note("pending", f"{path}: a letter that is to be removed")
    elif slot not in named and slot not in store.state.references:
        findings.warning("leak", f"{path}: a letter that nothing names")


def _check_index_file(store: Store, path: str, name: str, findings: Findings) -> None:
    if path in PATHS:
        return
    if name.endswith(HALF_MADE):
        findings.note("half-made", f"{path}: a file that was not finished")
    elif not MAILBOX_ID.fullmatch(name):
        findings.warning("stray", f"{path}: a file that is not the store's")
    elif int(name, 16) not in store.mailboxes:
        _check_snapshot_without_mailbox(store, path, int(name, 16), findings)


def _check_snapshot_without_mailbox(store: Store, path: str, mailbox_id: int, findings: Findings) -> None:
    """The power was cut, or removing it failed, after the mailbox was dropped: the firmware removes it while idle."""
    if _sequence_of(store, path) > store.sequence and store.log.newest:
        text = f"the log ends at {store.log.sequence}: the end of the log is lost"
        findings.error("snapshot", f"{path}: it has transaction {_sequence_of(store, path)}, {text}")
    elif mailbox_id < store.state.next_mailbox_id:
        findings.note("dropped", f"{path}: the snapshot of a mailbox that has been deleted, to be removed")
    else:
        findings.warning("stray", f"{path}: the snapshot of a mailbox that never was")


def _sequence_of(store: Store, path: str) -> int:
    """The transaction up to which a snapshot goes; 0 if that cannot be read."""
    try:
        return parse_snapshot(store.filesystem.read_as_far_as_possible(path)[0]).sequence
    except Damaged:
        return 0
