"""`postino fsck` and `postino export` on the flash of a real simulator: what they read is what IMAP shows.

The simulator is stopped, or loses power in the middle of its work; then both read its flash file.
"""

import hashlib
import imaplib
import json
import os
import re
import smtplib
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support import letters, mail
from tests.support.simulator import PASSWORDS, ROOT, Simulator, SimulatorFailed, command

USERS = ("anna", "ben")
# As IMAP writes it, and as it is.
FOLDER = '"Archive/Gr&APYA3w-e &- v1.0"'
FOLDER_NAME = "Archive/Größe & v1.0"
FOLDER_PATH = "anna/Maildir/.Archive.Gr&APYA3w-e &- v1&AC4-0"
WHEN = '"24-Nov-2026 12:34:56 +0100"'
WHEN_ISO = "2026-11-24T11:34:56Z"
POWER_CUT = 99
FLAG_LETTERS = {"D": r"\Draft", "F": r"\Flagged", "R": r"\Answered", "S": r"\Seen", "T": r"\Deleted", "P": "$Forwarded"}
GONE = (OSError, EOFError, imaplib.IMAP4.error, smtplib.SMTPException)


@dataclass
class Shown:
    """A mailbox as IMAP shows it."""

    uidvalidity: int
    uidnext: int
    # UID -> flags and keywords, INTERNALDATE, SHA-256.
    letters: dict[int, tuple[frozenset[str], str, str]] = field(default_factory=dict)


def shown(simulator: Simulator) -> dict[tuple[str, str], Shown]:
    """All mailboxes of the users, by IMAP."""
    found = {}
    for user in PASSWORDS:
        with mail.imap_session(simulator, user, None) as imap:
            for line in mail.ok(imap.list()):
                name = line.partition(b' "/" ')[2].decode()
                found[user, name.strip('"')] = show_mailbox(imap, name)
    return found


def show_mailbox(imap: imaplib.IMAP4, name: str) -> Shown:
    status = mail.ok(imap.status(name, "(UIDVALIDITY UIDNEXT)"))[0]
    box = Shown(*(int(re.search(rb"%s (\d+)" % word, status)[1]) for word in (b"UIDVALIDITY", b"UIDNEXT")))
    mail.ok(imap.select(name, readonly=True))
    for uid in mail.uids(imap):
        data = mail.ok(imap.uid("FETCH", uid.decode(), "(FLAGS INTERNALDATE BODY.PEEK[])"))
        head, message = next(item for item in data if isinstance(item, tuple))
        rest = b"".join(item for item in data if isinstance(item, bytes))
        line = head + rest
        date = datetime.strptime(
            re.search(rb'INTERNALDATE "([^"]*)"', line)[1].decode().strip(), "%d-%b-%Y %H:%M:%S %z"
        )
        flags = frozenset(re.search(rb"FLAGS \(([^)]*)\)", line)[1].decode().split()) - {r"\Recent"}
        iso = date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        box.letters[int(uid)] = flags, iso, hashlib.sha256(message).hexdigest()
    return box


# The commands --------------------------------------------------------------------------------------------------------


def postino(*arguments: object) -> tuple[int, str]:
    """Runs a verb; returns the exit status and all that it printed."""
    result = subprocess.run(
        [*command(), *map(str, arguments)],
        check=False,
        env=dict(os.environ, PYTHONPATH=str(ROOT / "host_tools")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return result.returncode, result.stdout


def fsck(flash: Path) -> dict[tuple[str, str], Shown]:
    """The content by `fsck --json`; it must have nothing to say but notes, and leave the image alone."""
    before = hashlib.sha256(flash.read_bytes()).digest()
    status, output = postino("fsck", flash)
    assert status == 0, output
    assert not [line for line in output.splitlines()[:-1] if not line.startswith("note: ")], output
    status, output = postino("fsck", "--json", flash)
    assert status == 0, output
    assert hashlib.sha256(flash.read_bytes()).digest() == before
    found = {}
    for user, boxes in json.loads(output)["users"].items():
        for name, box in boxes.items():
            found[user, modified_utf7(name)] = Shown(box["uidvalidity"], box["uidnext"])
            for entry in box["entries"]:
                date = datetime.fromtimestamp(entry["internaldate"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                content = frozenset(entry["flags"] + entry["keywords"]), date, entry["sha256"]
                found[user, modified_utf7(name)].letters[entry["uid"]] = content
    return found


def modified_utf7(name: str) -> str:
    """The names that these tests use."""
    return FOLDER.strip('"') if name == FOLDER_NAME else name


def export(flash: Path, folder: Path) -> dict[tuple[str, str], Shown]:
    """What an export holds, by its index and its files, which must agree."""
    status, output = postino("export", flash, folder)
    assert status == 0, output
    found = {}
    for user, content in json.loads((folder / "postino.json").read_text())["users"].items():
        for box in content["mailboxes"]:
            found[user, modified_utf7(box["name"])] = read_exported(folder, box)
    return found


def read_exported(folder: Path, box: dict) -> Shown:
    exported = Shown(box["uidvalidity"], box["uidnext"])
    for letter in box["letters"]:
        path = folder / letter["file"]
        message = path.read_bytes()
        flags = frozenset(letter["flags"] + letter["keywords"])
        assert path.parent == folder / box["maildir"] / "cur"
        assert {FLAG_LETTERS[each] for each in path.name.partition(":2,")[2]} == flags & set(FLAG_LETTERS.values())
        assert len(message) == letter["size"]
        date = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert letter["internaldate"] in (None, date)
        exported.letters[letter["uid"]] = flags, date, hashlib.sha256(message).hexdigest()
    files = list((folder / box["maildir"] / "cur").iterdir())
    assert len(files) == len(box["letters"])
    assert (folder / box["mbox"]).read_bytes().count(b"\nSubject: ") >= len(files)
    return exported


# The work ------------------------------------------------------------------------------------------------------------


def deliver(simulator: Simulator) -> None:
    """Letters of all kinds to anna, some of them to ben too."""
    for number, letter in enumerate(letters.kinds(100 * letters.KB).values()):
        mail.send(simulator, letter, *(f"{user}@office.lan" for user in USERS[: 1 + number % 2]))
    for number in range(8):
        mail.send(simulator, letters.text_letter(number, 3000), "ben@office.lan")


def change(simulator: Simulator) -> None:
    """Flags, keywords, folders, copies, moves and expunges in the mailboxes of anna."""
    with mail.imap_session(simulator) as imap:
        mail.ok(imap.create(FOLDER))
        mail.ok(imap.append(FOLDER, r"(\Flagged \Draft)", WHEN, letters.plain()))
        mail.ok(imap.uid("STORE", "1:3", "+FLAGS.SILENT", r"(\Seen $Forwarded)"))
        mail.ok(imap.uid("STORE", "2", "+FLAGS.SILENT", r"(\Answered Projekt)"))
        mail.ok(imap.uid("STORE", "3", "-FLAGS.SILENT", r"(\Seen)"))
        mail.ok(imap.uid("COPY", "1,2,4", FOLDER))
        mail.ok(imap.uid("MOVE", "4:5", "Trash"))
        mail.ok(imap.uid("STORE", "1", "+FLAGS.SILENT", r"(\Deleted)"))
        mail.ok(imap.expunge())
        mail.ok(imap.create("Old"))
        mail.ok(imap.uid("COPY", "2", "Old"))
        mail.ok(imap.delete("Old"))
    mail.empty(simulator, "ben")
    mail.send(simulator, letters.plain(), "ben@office.lan")


def test_what_was_there_at_a_clean_end(start_simulator, tmp_path):
    simulator = start_simulator()
    deliver(simulator)
    change(simulator)
    expected = shown(simulator)
    simulator.stop()
    assert fsck(simulator.flash_file) == expected
    assert export(simulator.flash_file, tmp_path / "mail") == expected
    index = json.loads((tmp_path / "mail" / "postino.json").read_text())["users"]["anna"]["mailboxes"]
    folder = next(box for box in index if box["name"] == FOLDER_NAME)
    assert folder["maildir"] == FOLDER_PATH
    assert folder["letters"][0]["internaldate"] == WHEN_ISO
    assert {box["special_use"] for box in index if box["name"] == "Trash"} == {r"\Trash"}


def cut_operations() -> list[int]:
    """Operations after which the power goes: in the format, in deliveries, in changes."""
    return [30, 120, 210, 300, 390]


@pytest.mark.parametrize("number", cut_operations())
def test_what_was_there_after_a_power_cut(start_simulator, tmp_path, number):
    simulator = start_simulator()
    simulator.stop()
    simulator.options += ["--power-cut", str(number)]
    sent = cut_during_work(simulator)
    del simulator.options[-2:]
    before, exported = fsck(simulator.flash_file), export(simulator.flash_file, tmp_path / "mail")
    simulator.start()
    expected = shown(simulator)
    simulator.stop()
    assert before == expected
    assert exported == expected
    assert len(expected["ben", "INBOX"].letters) >= sent


def cut_during_work(simulator: Simulator) -> int:
    """Delivers until the power goes; returns how many letters to ben were acknowledged."""
    sent = 0
    try:
        simulator.start()
        for number in range(200):
            mail.send(simulator, letters.text_letter(number, 3000), "anna@office.lan", "ben@office.lan")
            sent += 1
            with mail.imap_session(simulator) as imap:
                mail.ok(imap.uid("STORE", "1:*", "+FLAGS.SILENT", rf"(\Seen word{number % 9})"))
                mail.ok(imap.uid("MOVE", "1:*", "Trash"))
    except SimulatorFailed as error:
        assert f"status {POWER_CUT}" in str(error), error
        return sent
    except GONE:
        pass
    assert simulator.wait() == POWER_CUT
    return sent
