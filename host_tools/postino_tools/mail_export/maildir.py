"""Maildir++: a folder for each mailbox, a file for each letter, octet for octet."""

import os
from pathlib import Path

SUBFOLDERS = ("cur", "new", "tmp")
# Its presence tells that a folder belongs to the Maildir above it.
FOLDER_MARK = "maildirfolder"
HOST = "postino"
# Letters of the info part, by the IMAP flag or keyword; they are written in the order of the alphabet.
FLAG_LETTERS = {r"\Draft": "D", r"\Flagged": "F", r"\Answered": "R", r"\Seen": "S", r"\Deleted": "T", "$Forwarded": "P"}


def make_folder(maildir: Path, name: str = "") -> Path:
    """The empty folder of this name; the Maildir itself, which INBOX is, if there is none."""
    folder = maildir / f".{name}" if name else maildir
    for subfolder in SUBFOLDERS:
        (folder / subfolder).mkdir(parents=True, exist_ok=True)
    if name:
        (folder / FOLDER_MARK).touch()
    return folder


def letter_name(uidvalidity: int, uid: int, internaldate: int, flags: list[str]) -> str:
    """Unique in the whole store, and the same in every export; flags are the IMAP names, keywords included."""
    wanted = {flag.lower() for flag in flags}
    info = "".join(sorted(letter for flag, letter in FLAG_LETTERS.items() if flag.lower() in wanted))
    return f"{internaldate}.{uidvalidity}_{uid}.{HOST}:2,{info}"


def write_letter(folder: Path, name: str, message: bytes, internaldate: int) -> Path:
    """Writes a letter into `cur`; its time is the INTERNALDATE."""
    path = folder / "cur" / name
    with path.open("xb") as file:
        file.write(message)
    os.utime(path, (internaldate, internaldate))
    return path
