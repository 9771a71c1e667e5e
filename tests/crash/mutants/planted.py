"""Mistakes that somebody could make in the store, each with what it breaks and the recording that shows it soonest."""

import json
from typing import NamedTuple

from tests.crash.mutants.child import REFUSALS
from tests.crash.mutants.hunt import job
from tests.crash.mutants.mutant import Mutant, edited
from tests.crash.plan import Job

STORE = "postino/store/"


class Planted(NamedTuple):
    name: str
    file: str
    # Old text and new text; the old one is there exactly once.
    edits: tuple[tuple[str, str], ...]
    breaks: str
    # What shows it soonest: cuts of a recording (0: all of them, up to the first that finds it).
    job: Job | str

    def mutant(self) -> Mutant:
        return edited(self.name, self.file, self.edits)

    @property
    def check(self) -> str:
        """The job, for the process that does it."""
        return self.job if isinstance(self.job, str) else json.dumps(self.job)


PLANTED = (
    Planted(
        "acknowledge before close",
        STORE + "letters.py",
        (
            ("            self._file = None\n            file.close()\n", "            self._late = file\n"),
            (
                "        self.done = True\n        self._letters.space",
                "        self._late.close()\n        self.done = True\n        self._letters.space",
            ),
        ),
        "the record is committed while littlefs has not closed the letter's file",
        job("letters", 0),
    ),
    Planted(
        "UID given again after a cut",
        STORE + "recovery.py",
        (("            counters[UIDNEXT] = max(counters[UIDNEXT], uid + 1)\n", ""),),
        "UIDNEXT is not raised by the records that a start reads",
        job("flags", 0),
    ),
    Planted(
        "no CRC of records",
        STORE + "log_reader.py",
        (("if crc32(self._view[at:crc_at]) & 0xFFFFFFFF != ", "if False and crc_at != "),),
        "half a record counts if its end is on flash",
        job("flags", 0),
    ),
    Planted(
        "sweeps the last letter",
        STORE + "recovery.py",
        (
            ("        self._slots.intend(slot)\n", "        self._intent = slot\n"),
            (
                "            self._note(reader)\n",
                "            self._note(reader)\n"
                "        if hasattr(self, '_intent'):\n"
                "            self._slots.set(self._intent, 255)\n",
            ),
        ),
        "a start removes the file of the last intent, though a record names the letter",
        job("letters", 0),
    ),
    Planted(
        "mkfs when mount fails",
        "postino/board/first_format.py",
        (("        if not is_cut_format(partition, device):\n", "        if False:\n"),),
        "what does not mount is formatted, whatever is on it",
        REFUSALS,
    ),
    Planted(
        "no CRC of the state",
        STORE + "state.py",
        (('file.read(_CRC_SIZE) != struct.pack("<I", crc & 0xFFFFFFFF)', "len(file.read(_CRC_SIZE)) != _CRC_SIZE"),),
        "a damaged state is believed",
        REFUSALS,
    ),
    Planted(
        "tail released too early",
        STORE + "keeper.py",
        (
            (
                "        self._store.log.release(self._oldest()[0])\n",
                "        self._store.log.release(self.state_sector)\n",
            ),
        ),
        "a sector is erased that has records which a snapshot lacks",
        job("folds", 0),
    ),
    Planted(
        "programs behind a torn tail",
        STORE + "log_scan.py",
        (("        log.dirty = bool(unfinished) or not self._window.is_blank(log.sector, log.position)\n", ""),),
        "a record is programmed where a program was begun",
        job("flags", 0),
    ),
    Planted(
        "snapshot written in place",
        STORE + "snapshot.py",
        (
            ('files.open_file(path + files.NEW, "wb")', 'files.open_file(path, "wb")'),
            ("        files.rename(new, self._path)\n", ""),
            ("        self._page += 1\n", "        self._page += 1\n        self._file.flush()\n"),
        ),
        "there is no whole snapshot until the last page is on flash",
        job("slices", 0),
    ),
    Planted(
        "old snapshot goes first",
        STORE + "snapshot.py",
        (
            (
                "        files.rename(new, self._path)\n",
                "        files.try_remove(self._path)\n        files.rename(new, self._path)\n",
            ),
        ),
        "for a moment there is neither the old snapshot nor the new one",
        job("folds", 0),
    ),
    Planted(
        "state says too much",
        STORE + "keeper.py",
        (("store.state.sequence = store.log.sequence\n", "store.state.sequence = store.log.sequence + 1\n"),),
        "the next transaction counts as one that the state has",
        job("every kind, cut state"),
    ),
    Planted(
        "copies raise no references",
        STORE + "recovery.py",
        (
            (
                "        if self._slots.raise_(slot) == 1:\n",
                "        if reader.kind == records.ADD and self._slots.raise_(slot) == 1:\n",
            ),
        ),
        "a copied letter goes with its first entry",
        job("flags", 0),
    ),
    Planted(
        "one transaction for each user",
        STORE + "delivery.py",
        (
            (
                "        write(log, items[0], infos, saved)\n",
                "    for info in infos:\n"
                "        with store.log as log:\n"
                "            write(log, items[0], [info], saved)\n",
            ),
        ),
        "a letter to several users is delivered to some of them",
        job("every kind, torn tail", 0),
    ),
    Planted(
        "file goes before the record",
        STORE + "mailbox.py",
        (
            (
                "        with store.log as log:\n            log_expunge(self, uids, blocks, log)\n",
                "        for uid in uids:\n"
                "            slot = self.letter(self.table.index_of(uid))\n"
                "            if store.slots.get(slot) == 1:\n"
                "                files.try_remove(store.letters.path(slot))\n"
                "        with store.log as log:\n"
                "            log_expunge(self, uids, blocks, log)\n",
            ),
        ),
        "an expunge that was cut has removed the letter, and its entry is still there",
        job("flags", 0),
    ),
    Planted(
        "UIDVALIDITY given again",
        STORE + "recovery.py",
        (("            self._state.next_uidvalidity = max(self._state.next_uidvalidity, reader.word(0) + 1)\n", ""),),
        "a mailbox that is made after a cut has the UIDVALIDITY of another",
        job("folders", 0),
    ),
    Planted(
        "mailbox id given again",
        STORE + "recovery.py",
        (("            self._state.next_mailbox = max(self._state.next_mailbox, reader.mailbox + 1)\n", ""),),
        "a mailbox that is made after a cut has the id of another",
        job("folders", 0),
    ),
    Planted(
        "letter id given again",
        STORE + "recovery.py",
        (("        self._state.next_letter = max(self._state.next_letter, reader.word(4) + 1)\n", ""),),
        "a letter that comes after a cut has the id of another",
        job("letters", 0),
    ),
    Planted(
        "fold that drops later records",
        STORE + "recovery.py",
        (
            (
                "            if info is not None and self._folded_last(info, reader.word(0)):\n",
                "            if info is not None:\n",
            ),
        ),
        "what came while the mailbox was folded is not read any more after a start",
        job("slices", 0),
    ),
    Planted(
        "snapshot without the last record",
        STORE + "fold.py",
        (
            (
                "        return self._since < reader.sequence <= self.until\n",
                "        return self._since < reader.sequence < self.until\n",
            ),
        ),
        "a snapshot says that it has a transaction which it lacks",
        job("folds", 0),
    ),
    Planted(
        "file before its intent",
        STORE + "letters.py",
        (
            (
                "            self._log_slots(slot)\n            file = self._create(slot)\n",
                "            file = self._create(slot)\n            self._log_slots(slot)\n",
            ),
        ),
        "a cut leaves a file that nothing names",
        job("letters", 0),
    ),
    Planted(
        "no intent at all",
        STORE + "letters.py",
        (
            (
                "            self._log_slots(slot)\n            file = self._create(slot)\n",
                "            file = self._create(slot)\n",
            ),
        ),
        "the file of a letter that was cut stays for ever",
        job("letters", 0),
    ),
    Planted(
        "move in two transactions",
        STORE + "transfer.py",
        (
            ("        if self.move:\n            log_expunge(self.source, self.uids, self.blocks, log)\n", ""),
            (
                "        job.write(log)\n",
                "        job.write(log)\n"
                "    if move:\n"
                "        with store.log as log:\n"
                "            log_expunge(source, job.uids, job.blocks, log)\n",
            ),
        ),
        "after a cut the letters are in both mailboxes",
        job("flags", 0),
    ),
    Planted(
        "one transaction for each letter",
        STORE + "appending.py",
        (
            (
                "    with store.log as log:\n        _write(log, box, info, items, saved)\n    _follow(",
                "    for number in range(len(items)):\n"
                "        with store.log as log:\n"
                "            if box is not None and not number:\n"
                "                box.contents.log_keywords(log)\n"
                "            delivery.write(log, items[number], (info,), saved, number)\n"
                "    _follow(",
            ),
        ),
        "of letters that came in together some are there after a cut",
        job("imap", 0),
    ),
    Planted(
        "replacement in two transactions",
        STORE + "appending.py",
        (
            (
                "        log_expunge(source, uids, blocks, log)\n",
                "    with store.log as log:\n        log_expunge(source, uids, blocks, log)\n",
            ),
        ),
        "after a cut both the old letter and the new one are there",
        job("imap", 0),
    ),
    Planted(
        "counts without COMMIT",
        STORE + "log_scan.py",
        (
            (
                "        if not marks & COMMIT:\n            return False\n",
                "        if not marks & COMMIT:\n            self._log.sequence = sequence\n            return True\n",
            ),
            ("        self._abort_open(log.sector)\n", ""),
        ),
        "the beginning of a transaction counts",
        job("flags", 0),
    ),
    Planted(
        "failed transactions are read",
        STORE + "log_reader.py",
        (("        if self.sequence in self._log.aborted:\n            return False\n", ""),),
        "records without a COMMIT are applied when another sector follows",
        job("folds", 0),
    ),
    Planted(
        "no CRC of sector headers",
        STORE + "records.py",
        (
            (
                "    if magic != MAGIC or crc != crc32(memoryview(buffer)[:_HEADER_CRC_AT]) & 0xFFFFFFFF:\n",
                "    if magic != MAGIC:\n",
            ),
        ),
        "half a header counts",
        job("folds", 0),
    ),
    Planted(
        "number of a failed transaction again",
        STORE + "log.py",
        (
            (
                "        sequence = self.sequence + (self._used_up if self.dirty else 0)\n",
                "        sequence = self.sequence\n",
            ),
        ),
        "records of the one that failed and of the one after it cannot be told apart",
        job("every kind, half across sectors"),
    ),
    Planted(
        "removals are forgotten",
        STORE + "slots.py",
        (("        self.set(slot, references - 1 or PENDING)\n", "        self.set(slot, references - 1)\n"),),
        "a start does not remove the files of letters whose last entry has gone",
        job("flags", 0),
    ),
    Planted(
        "subscription goes with the mailbox",
        STORE + "nonexistent.py",
        (("    if marks & LEFT and before is not None:\n", "    if False:\n"),),
        "a start does not know that the name of a mailbox stayed",
        job("subscriptions", 0),
    ),
    Planted(
        "subscription apart from the deletion",
        STORE + "folders.py",
        (
            (
                "            catalogue.put_record(log, info, names.marks(infos[number]))\n        names.put(log)\n",
                "            catalogue.put_record(log, info, 0)\n"
                "    with store.log as log:\n"
                "        for number, info in enumerate(dying):\n"
                "            catalogue.put_record(log, infos[number], names.marks(infos[number]))\n"
                "            catalogue.put_record(log, info, names.marks(infos[number]))\n"
                "        names.put(log)\n",
            ),
        ),
        "between two transactions the mailbox is gone and the name is, too",
        job("subscriptions", 0),
    ),
    Planted(
        "UNSUBSCRIBED is passed over",
        STORE + "recovery.py",
        (("        elif kind == records.UNSUBSCRIBED:\n", "        elif kind == -1:\n"),),
        "names come back with a start",
        job("subscriptions", 0),
    ),
    Planted(
        "names are not in the state",
        STORE + "keeper.py",
        (("store.catalogue.infos, False, store.catalogue.names)", "store.catalogue.infos)"),),
        "names go when the log comes round",
        job("subscriptions", 0),
    ),
    Planted(
        "forgotten names are not logged",
        STORE + "nonexistent.py",
        (("            if name in self._before:\n", "            if name is None:\n"),),
        "names that there was no room for come back with a start",
        job("subscriptions", 0),
    ),
)
