"""Exports a store: every user's mailboxes as Maildir++ and mbox, and `postino.json` with what those cannot hold."""

import json
from pathlib import Path
from typing import Any, BinaryIO

from postino_tools.mail_export import lost, maildir, mbox, names
from postino_tools.mail_export.dates import iso_date
from postino_tools.mail_export.lost import LostLetters
from postino_tools.mail_image.content import flag_names, mailboxes_of_users, names_without_mailbox
from postino_tools.mail_image.records import Entry
from postino_tools.mail_image.replay import Mailbox
from postino_tools.mail_image.store import Store

INDEX_NAME = "postino.json"
INDEX_FORMAT = 1
INBOX = "INBOX"


class Exporter:
    """Writes into an empty folder. `problems` are lines about letters that no mailbox holds any more."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.problems: list[str] = []
        self._users = mailboxes_of_users(store)
        self._homes = self._name_homes()

    def export(self) -> None:
        """Writes everything, and the index last. OSError when that fails."""
        users = {
            user: {"mailboxes": self._user(user, mailboxes), "nonexistent": names_without_mailbox(self.store, user)}
            for user, mailboxes in self._users.items()
        }
        lost_letters = LostLetters(self.store, self.folder)
        lines = lost_letters.export()
        self.problems += lost_letters.problems
        index = {"format": INDEX_FORMAT, "sequence": self.store.sequence, "users": users, "lost": lines}
        with (self.folder / INDEX_NAME).open("x", encoding="ascii") as file:
            file.write(json.dumps(index, indent=1) + "\n")

    def _name_homes(self) -> dict[str, Path]:
        """The folder of each user. Who was there first has the plain name, so that it is the same in every export."""
        taken = names.Taken(INDEX_NAME, lost.FOLDER)
        first = {user: min(mailbox.id for mailbox in mailboxes.values()) for user, mailboxes in self._users.items()}
        order = sorted(first, key=lambda user: first[user])
        return {user: self.folder / taken.take(names.user_name(user), first[user]) for user in order}

    def _user(self, user: str, mailboxes: dict[str, Mailbox]) -> list[dict[str, Any]]:
        taken = names.Taken()
        # As above; but INBOX is never called anything else.
        order = sorted(mailboxes, key=lambda name: (name != INBOX, mailboxes[name].id))
        folders = {name: taken.take(names.folder_name(name), mailboxes[name].id) for name in order}
        return [self._mailbox(self._homes[user], name, folders[name], box) for name, box in mailboxes.items()]

    def _mailbox(self, home: Path, name: str, folder_name: str, mailbox: Mailbox) -> dict[str, Any]:
        state = mailbox.state
        folder = maildir.make_folder(home / "Maildir", "" if name == INBOX else folder_name)
        file = home / "mbox" / f"{folder_name}.mbox"
        file.parent.mkdir(exist_ok=True)
        with file.open("xb") as out:
            entries = [self._letter(mailbox, entry, folder, out) for entry in mailbox.entries.values()]
        return {
            "name": name,
            "maildir": self._path(folder),
            "mbox": self._path(file),
            "uidvalidity": state.uidvalidity,
            "uidnext": mailbox.next_uid(),
            "highestmodseq": mailbox.highest(),
            "subscribed": state.is_subscribed,
            "special_use": state.special_use(),
            "retention_days": state.retention_days,
            "retention_letters": state.retention_letters,
            "keywords": [name for _, name in sorted(mailbox.keywords.items())],
            "letters": entries,
        }

    def _letter(self, mailbox: Mailbox, entry: Entry, folder: Path, out: BinaryIO) -> dict[str, Any]:
        """Writes a letter in both forms, as far as it can be read; returns its line of the index."""
        flags, keywords = flag_names(entry), mailbox.keyword_names(entry.keywords)
        file = None
        if self._is_named_by(entry):
            message = self.store.message(entry.slot, entry.size)
            name = maildir.letter_name(mailbox.state.uidvalidity, entry.uid, entry.internaldate, flags + keywords)
            file = self._path(maildir.write_letter(folder, name, message, entry.internaldate))
            mbox.write_letter(out, message, entry.internaldate)
        return {
            "uid": entry.uid,
            "file": file,
            "size": entry.size,
            "internaldate": iso_date(entry.internaldate),
            "save_date": iso_date(entry.save_date),
            "flags": flags,
            "keywords": keywords,
            "modseq": entry.modseq,
        }

    def _is_named_by(self, entry: Entry) -> bool:
        """False if, after damage, the letter in the slot is another one: it may be somebody else's."""
        trailer = self.store.letter(entry.slot).trailer
        if trailer is None:
            return True
        if entry.letter_id:
            return entry.letter_id == trailer.letter_id
        return (entry.size, entry.internaldate) == (trailer.size, trailer.internaldate)

    def _path(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()
