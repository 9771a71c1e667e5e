"""Writes the letters that are there, and that no mailbox holds: `lost/<letter id>.eml`."""

from pathlib import Path
from typing import Any

from postino_tools.mail_export.dates import iso_date
from postino_tools.mail_export.names import Taken
from postino_tools.mail_image import letters
from postino_tools.mail_image.letters import LetterFile
from postino_tools.mail_image.store import Store

FOLDER = "lost"


class LostLetters:
    """Writes into `lost` in a folder. `problems` has a line or more for each letter."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.problems: list[str] = []
        self._store = store
        self._folder = folder / FOLDER
        self._taken = Taken()

    def export(self) -> list[dict[str, Any]]:
        """Writes all; returns their lines of the index."""
        return [self._write(slot) for slot in self._slots()]

    def _slots(self) -> list[int]:
        """Files in slots that no entry names; those that are to be removed do not count while the log is whole."""
        store = self._store
        named = {entry.slot for mailbox in store.mailboxes.values() for entry in mailbox.entries.values()}
        found = {slot for path in store.filesystem.files if (slot := letters.slot_of(path)) is not None}
        pending = {slot for slot in store.state.pending if not store.is_spared(slot)}
        return sorted(found - named - pending)

    def _write(self, slot: int) -> dict[str, Any]:
        letter = self._store.letter(slot)
        trailer = letter.trailer
        # Without its trailer nobody knows where the message ends, nor which letter it is.
        name = f"slot-{slot}" if trailer is None else self._taken.take(str(trailer.letter_id), slot)
        self._folder.mkdir(exist_ok=True)
        message = self._store.message(slot, letter.file_size)
        path = self._folder / f"{name}.eml"
        with path.open("xb") as file:
            file.write(message)
        shown = f"{FOLDER}/{path.name}"
        self.problems.append(f"{shown}: no mailbox holds this letter any more")
        self.problems += [f"{shown}: {problem}" for problem in letter.problems]
        return {
            "file": shown,
            "size": len(message),
            "internaldate": iso_date(trailer.internaldate) if trailer else None,
            "mailboxes": self._first_mailboxes(letter),
        }

    def _first_mailboxes(self, letter: LetterFile) -> list[str]:
        """Those of the mailboxes that got it first that are there."""
        known = self._store.mailboxes
        ids = letter.trailer.mailboxes if letter.trailer else []
        return [f"{known[each].state.user}/{known[each].state.name}" for each in ids if each in known]
