"""Turns a store of format 1 into one of format 2, in place; it goes on where it was when power is lost on the way.

First everything is read and checked, and the room is counted. Then `journal` is marked, so that firmware of format 1
lets the store be; the letters get their trailers and move to their slots, in the order of their ids; the snapshots are
written, each before the old one goes; then the log. `index/state` comes last: it makes the store format 2, and what is
left of format 1 goes. Until then what was done is found and not done again: a letter is at its old path or in its slot,
a mailbox is `index/<id>` if that is there.
"""

import struct
from binascii import crc32

from postino.store import files, format1, snapshot, state
from postino.store.catalogue import (
    BLOCKS,
    ENTRIES,
    INFO_COUNTERS,
    INFO_ID,
    INFO_NAME,
    INFO_UIDVALIDITY,
    INFO_USER,
    RECENT,
    UIDNEXT,
    Catalogue,
    new_info,
    set_modseq,
)
from postino.store.contents import Contents
from postino.store.errors import StoreError, StoreFull, StoreUnavailable
from postino.store.format1_mailbox import Mailboxes
from postino.store.numbers import Numbers
from postino.store.remains import remove_remains
from postino.store.slots import DIRECTORY_BITS, Slots
from postino.store.space import BLOCK, blocks_of
from postino.store.transient import unload
from postino.store.upgrade_letters import Mover
from postino.store.upgrade_sinks import (
    MODSEQ,
    Entries,
    Letters,
    Places,
    Sum,
    file_blocks,
    file_octets,
    growth_of,
    visit_snapshot,
)

# The modules that only the upgrade uses.
_MODULES = ("upgrade", "upgrade_letters", "upgrade_sinks", "format1_mailbox", "format1")

_PIECE = 1024
# Where the header of the journal has its format.
_FORMAT_AT = 4
_LAST_LETTER = 0xFFFFFFFF

_DIRECTORY_BLOCKS = 2
# Beside what is counted: the directories of the index, the log and one of letters, the log's first sector twice (a file
# is replaced), two blocks for what littlefs replaces, one to be sure.
_SPARE = 11
# More than all keywords of a mailbox take.
_KEYWORD_OCTETS = 1600
# The state without its slots and mailboxes, and a mailbox in it without its names.
_STATE_OCTETS = 128
_STATE_MAILBOX = 40


def upgrade(root: str, log, report=None, saved: int = 0):
    """The whole upgrade. `saved` is the save date that the letters get; 0 if the clock is not set.

    StoreUnavailable for a store that is damaged, and StoreFull for lack of room, come before anything was written; only
    letters that nothing names may have been removed, to make room.
    """
    try:
        with files.guard:
            _run(root, log, report, saved)
            remove_remains(root)
    except StoreFull as error:
        raise StoreFull("no room to upgrade the mail store: %s" % error)
    except MemoryError:
        raise StoreUnavailable("no memory to upgrade the mail store")
    finally:
        # Their memory is needed for what comes next.
        unload(*_MODULES)


def _run(root: str, log, report, saved: int):
    job = _Upgrade(root, log, report, saved)
    try:
        job.run()
    finally:
        job.close()


def _remove(path: str):
    """A file that may not be there."""
    if not files.try_remove(path):
        raise StoreUnavailable("%s cannot be removed" % path)


class _Upgrade:
    def __init__(self, root: str, log, report, saved: int):
        self._root = root
        self._log = log
        self._report = report
        self._saved = saved
        self._source = format1.Source(root)
        self._boxes = Mailboxes(self._source)
        self._places = Places(root + "/index/letters.new")
        self._slots = Slots(0)
        self._infos = []

    def close(self):
        """After a failure too."""
        self._source.close()
        self._places.close()

    def run(self):
        self._source.load()
        self._infos = self._mailboxes()
        growth = self._add_up()
        if not self._source.journal.begun:
            self._check_room(growth)
            self._tell("upgrading the mail store to format 2")
            self._mark_begun()
        self._make_directory("index")
        self._move_letters()
        self._write_snapshots()
        self._commit()
        self._tell("the mail store has been upgraded to format 2")

    def _tell(self, text: str):
        if self._report is not None:
            self._report(text)

    def _make_directory(self, name: str):
        if name not in files.names_in(self._root):
            files.make_directory("%s/%s" % (self._root, name))

    # Reading.

    def _mailboxes(self) -> list:
        infos = []
        mailboxes = self._source.catalogue.mailboxes
        for number in mailboxes:
            user, name, validity, attributes = mailboxes[number]
            infos.append(new_info(number, user, name, validity, attributes))
        # They are there twice for this moment only.
        mailboxes.clear()
        return Catalogue().changed(infos)[0]

    def _path(self, info) -> str:
        return snapshot.path_of(self._root, info[INFO_ID])

    def _visit(self, info, sink):
        """All entries of a mailbox; returns what it has besides them if they come from its new snapshot, else None."""
        number = info[INFO_ID]
        if not files.size_of(self._path(info)):
            self._boxes.visit(number, sink)
            return None
        contents = visit_snapshot(self._path(info), number, sink)
        if contents.damaged:
            raise StoreUnavailable("mailbox %x damaged" % number)
        return contents

    def _add_up(self) -> int:
        """Reads everything but the letters, and sets the counters of the mailboxes; returns the growth of the letters.

        That is an estimate: a letter counts for each entry.
        """
        growth = 0
        for info in self._infos:
            total = Sum()
            contents = self._visit(info, total)
            if contents is None:
                contents = self._boxes.head(info[INFO_ID])
            counters = info[INFO_COUNTERS]
            counters[UIDNEXT] = contents.uidnext
            counters[RECENT] = contents.recent_from
            counters[ENTRIES] = total.entries
            counters[BLOCKS] = total.blocks
            set_modseq(counters, MODSEQ)
            growth += total.growth
        return growth

    def _gather(self, letters: Letters):
        """The next letters."""
        letters.advance()
        for info in self._infos:
            letters.mailbox = info[INFO_ID]
            self._visit(info, letters)

    # Room.

    def _check_room(self, growth: int):
        """Raises StoreFull, unless there is enough for everything that comes."""
        if self._missing(growth) > 0:
            missing = self._missing(self._sweep())
            if missing > 0:
                raise StoreFull("%d more blocks are needed" % missing)

    def _missing(self, growth: int) -> int:
        facts = files.statvfs(self._root)
        return self._need(growth) - facts[3] * (facts[1] or facts[0]) // BLOCK

    def _need(self, growth: int) -> int:
        """Blocks at the worst moment: the letters have moved, or all snapshots but one are done, or the states are."""
        index, last, entries = self._index_blocks()
        octets = _STATE_OCTETS + entries
        for info in self._infos:
            octets += _STATE_MAILBOX + len(info[INFO_USER].encode()) + len(info[INFO_NAME].encode())
        index = max(index, last + 2 * blocks_of(octets))
        # Packed anew, the letters need fewer directories.
        directories = len(self._names("letters")) - ((entries >> DIRECTORY_BITS) + 1)
        index -= _DIRECTORY_BLOCKS * max(0, directories)
        growth += file_blocks(4 * entries)
        return _SPARE + max(growth + max(0, index), file_blocks(self._source.journal.length))

    def _index_blocks(self):
        """(blocks of the snapshots at the worst moment, those of all at the end less the old ones, entries)"""
        peak = blocks = entries = 0
        for info in self._infos:
            count = info[INFO_COUNTERS][ENTRIES]
            entries += count
            blocks += blocks_of(snapshot.octets_for(count) + _KEYWORD_OCTETS)
            peak = max(peak, blocks)
            blocks -= file_blocks(files.size_of(format1.snapshot_path(self._root, info[INFO_ID])))
        return peak, blocks, entries

    def _names(self, path: str) -> list:
        """The names in a folder that may not be there."""
        try:
            return files.names_in("%s/%s" % (self._root, path))
        except OSError as error:
            if error.args[0] != files.ENOENT:
                raise
            return []

    def _sweep(self) -> int:
        """Removes the letters that nothing names, as format 1 does; returns the growth of the others."""
        growth = 0
        letters = Letters()
        directories = [files.number_of(name) for name in self._names("letters")]
        more = True
        while more:
            self._gather(letters)
            more = letters.full
            last = letters.ids[letters.count - 1] if more else _LAST_LETTER
            for index in range(letters.count):
                growth += growth_of(letters.sizes[index])
            for directory in directories:
                if letters.after >> DIRECTORY_BITS <= directory <= last >> DIRECTORY_BITS:
                    self._sweep_directory(directory, letters, last)
        return growth

    def _sweep_directory(self, directory: int, letters: Letters, last: int):
        for name in self._names("letters/%x" % directory):
            letter = files.number_of(name)
            if letters.after < letter <= last and not letters.has(letter):
                files.remove("%s/letters/%x/%s" % (self._root, directory, name))

    # The mark.

    def _mark_begun(self):
        """From here on firmware that knows only format 1 refuses the store: letters are not where it looks for them."""
        path = self._root + "/journal"
        self._source.close()
        old = files.open_file(path, "rb")
        try:
            new = files.open_file(path + files.NEW, "wb")
            try:
                self._copy_journal(old, new)
            finally:
                new.close()
        finally:
            old.close()
        files.rename(path + files.NEW, path)

    def _copy_journal(self, old, new):
        """The good part of it, with the mark in the header."""
        piece = bytearray(_PIECE)
        left = length = self._source.journal.length
        while left:
            part = memoryview(piece)[: min(left, _PIECE)]
            if old.readinto(part) < len(part):
                raise StoreUnavailable("journal damaged")
            if left == length:
                struct.pack_into("<H", piece, _FORMAT_AT, format1.FORMAT_BEGUN)
                crc = crc32(part[: format1.JOURNAL_CRC_AT]) & 0xFFFFFFFF
                struct.pack_into("<I", piece, format1.JOURNAL_CRC_AT, crc)
            new.write(part)
            left -= len(part)

    # Writing.

    def _move_letters(self):
        letters = Letters()
        mover = Mover(self._root, self._tell)
        slot = 0
        more = True
        self._places.begin()
        while more:
            self._gather(letters)
            more = letters.full
            self._places.put(letters)
            for index in range(letters.count):
                mover.move(letters, index, slot)
                self._slots.set(slot, letters.references[index])
                self._slots.blocks += blocks_of(file_octets(letters.sizes[index]))
                slot += 1
        mover.clear_directory()
        self._places.finish()

    def _write_snapshots(self):
        for info in self._infos:
            if not files.size_of(self._path(info)):
                self._write_snapshot(info)
            _remove(format1.snapshot_path(self._root, info[INFO_ID]))

    def _write_snapshot(self, info):
        counters = info[INFO_COUNTERS]
        contents = Contents(info[INFO_ID], info[INFO_UIDVALIDITY], False)
        contents.keywords = self._boxes.head(info[INFO_ID]).keywords
        contents.uidnext = counters[UIDNEXT]
        contents.recent_from = counters[RECENT]
        contents.entries = counters[ENTRIES]
        contents.sequence = self._sequence()
        contents.modseq = contents.floor = MODSEQ
        writer = snapshot.Writer(self._path(info), contents)
        try:
            self._boxes.visit(info[INFO_ID], Entries(writer, self._places, self._saved))
            writer.finish()
        except (MemoryError, OSError, StoreError):
            writer.abort()
            raise

    def _sequence(self) -> int:
        """Sequence numbers go on where format 1 was, and above all modification sequences."""
        return max(self._source.sequence, MODSEQ)

    def _commit(self):
        self._places.close()
        files.remove(self._root + "/index/letters.new")
        self._make_directory("log")
        self._log.format(self._sequence())
        values = Numbers()
        values.sequence = self._sequence()
        values.next_letter = self._source.next_letter
        values.next_mailbox = self._source.next_mailbox
        values.next_uidvalidity = self._source.next_uidvalidity
        # The store is format 2 when this returns.
        state.write(self._root, values, self._slots, self._infos, True)
