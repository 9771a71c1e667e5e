"""Letter files: `<slot >> 6>/<slot & 63>`, the octets of the message and a trailer; one writer, many readers.

littlefs does not protect an open file that is removed, so readers are counted and a letter's file goes after the last.
A file without a record that names it never counts: its slot is pending, in memory and in the log, before it is made.
"""

from array import array
from binascii import crc32

from postino.store import files, records, trailer
from postino.store.errors import LetterGone, SlotTaken, StoreError, StoreFull, StoreUnavailable
from postino.store.letter_reader import LetterReader
from postino.store.slots import DIRECTORY_BITS, MOST_RESOLVED, NO_SLOT, PENDING
from postino.store.space import blocks_of, capacity_of

_DIRECTORY_BLOCKS = 2

# A directory that got so many new files is sealed when the next one begins.
_SEAL_AFTER = 16
_SEAL_TRIES = 64


class LetterWriter:
    """A letter that comes in. Ending it by Store.deliver(), Store.append() or abort() is a must."""

    def __init__(self, letters, slot: int, file):
        self._letters = letters
        self._file = file
        self.slot = slot
        self.size = 0
        self.done = False
        # Its number, once it is finished.
        self.letter = 0
        # Blocks that are charged for it, and what they hold.
        self.blocks = 1
        self._room = capacity_of(1)
        self._crc = 0
        self._header = 0
        self._structure = b""
        # A write failed: it cannot be finished any more.
        self._broken = False

    def write(self, data):
        """Appends octets; raises StoreFull."""
        grown = self.size + len(data)
        self._charge(grown)
        self._put(data)
        self.size = grown
        self._crc = crc32(data, self._crc)

    def _charge(self, octets: int):
        if octets > self._room:
            blocks = blocks_of(octets)
            self._letters.space.take(blocks - self.blocks)
            self.blocks = blocks
            self._room = capacity_of(blocks)

    def _put(self, data):
        broken = self._broken
        self._broken = True
        if broken or self._file is None:
            raise StoreUnavailable("letter not whole")
        with files.guard:
            self._file.write(data)
        self._broken = False

    def describe(self, header_length: int, structure: bytes):
        """What is known of the message; the structure is empty if it is not."""
        self._header = header_length
        self._structure = structure

    def finish(self, letter: int, mailboxes, date: int):
        """Writes the trailer and closes the file: its octets are durable then, but no mailbox names it yet."""
        if self._broken or self._file is None:
            raise StoreUnavailable("letter not whole")
        first = array("I", mailboxes[: trailer.MOST_MAILBOXES])
        octets = self.size + trailer.length_of(self.size, self._structure, len(first))
        self._charge(octets)
        self._broken = True
        with files.guard:
            message = (letter, self.size, self._header, date, self._crc & 0xFFFFFFFF)
            trailer.write(self._file, self._structure, first, *message)
            file = self._file
            self._file = None
            file.close()
        self._broken = False
        self._structure = b""
        self.letter = letter

    def committed(self):
        """A committed record names the letter: its blocks are charged to the slots."""
        self.done = True
        self._letters.space.give(self.blocks)
        self._letters.written(self.slot)

    def abort(self):
        """Removes what has been written; does nothing after a commit. Never raises."""
        if self.done:
            return
        self.done = True
        file = self._file
        self._file = None
        # Half a letter or nothing: it goes in any case.
        _close(file)
        self._letters.abandon(self.slot, self.blocks)


class Letters:
    def __init__(self, root: str, space, log, slots, window=None, report=None):
        self._root = root
        self.space = space
        self._log = log
        self._slots = slots
        # Counts the erases of the file system's flash; without it no directory is sealed.
        self._window = window
        self._report = report
        # Slot -> number of readers and writers.
        self.busy = {}
        # Slot -> LetterWriter.
        self._writing = {}
        # What the slots say does not count: no file is removed on their word until redo() has come.
        self.stale = False
        # Files of pending slots could not be removed, or not yet.
        self.leftovers = False
        # The directory of the last new letter, how many it got in a row, and one that is to be sealed (-1: none).
        self._directory = -1
        self._created = 0
        self._unsealed = -1
        # The root got a new directory.
        self._root_grown = False
        # The log may lack its end: a slot that looks free may have a letter.
        self.doubtful = False
        # Slots that, after damage, entries of another letter may name too: nobody reads them before the repair.
        self.withheld = []

    def directory(self, slot: int) -> str:
        return "%s/%x" % (self._root, slot >> DIRECTORY_BITS)

    def path(self, slot: int) -> str:
        return "%s/%x/%x" % (self._root, slot >> DIRECTORY_BITS, slot & ((1 << DIRECTORY_BITS) - 1))

    def tell(self, text: str):
        """Reports damage; memory for that is not worth a failure."""
        try:
            if self._report is not None:
                self._report(text)
        except MemoryError:
            pass

    # Letters in.

    def new(self) -> LetterWriter:
        """Opens the file of a new letter; raises StoreFull."""
        self.space.take(1)
        slot = -1
        file = None
        try:
            slot = self._slots.take(self.space.free() >= _DIRECTORY_BLOCKS)
            if slot < 0:
                raise StoreFull("no room")
            self._check_free(slot)
            self.busy[slot] = 1
            self._log_slots(slot)
            file = self._create(slot)
            writer = self._writing[slot] = LetterWriter(self, slot, file)
        except (OSError, MemoryError, StoreError) as error:
            _close(file)
            self.abandon(slot if slot in self.busy else -1, 1)
            raise files.translated(error)
        self._count(slot)
        return writer

    def _check_free(self, slot: int):
        """After damage: whatever the log says, a letter is never written over."""
        if self.doubtful and files.size_of(self.path(slot)):
            self._slots.set(slot, 0)
            raise SlotTaken("a letter is in slot %x" % slot)

    def _log_slots(self, slot: int):
        """Logs that a file is about to be written, and which are gone."""
        payload = self._slots.payload(slot)
        with self._log as log:
            log.record(records.SLOTS, 0, len(payload))
            log.put(payload)
        self._slots.logged()

    def _create(self, slot: int):
        path = self.path(slot)
        try:
            return files.open_file(path, "wb")
        except OSError as error:
            if error.args[0] != files.ENOENT:
                raise
        files.make_directory(self.directory(slot))
        self._root_grown = True
        return files.open_file(path, "wb")

    def _count(self, slot: int):
        directory = slot >> DIRECTORY_BITS
        if directory != self._directory:
            if self._created >= _SEAL_AFTER:
                self._unsealed = self._directory
            self._directory = directory
            self._created = 0
        self._created += 1

    def written(self, slot: int):
        """The writer is done."""
        self._writing.pop(slot, None)
        self.leave(slot)

    def abandon(self, slot: int, blocks: int):
        """The writer gives up: the file goes. Never raises."""
        self._writing.pop(slot, None)
        self.busy.pop(slot, 0)
        if slot < 0 or self.stale:
            self.space.give(blocks)
        elif self._log.dirty:
            # The log may hold a transaction that names the letter: it stays until that is settled.
            self._keep(slot, blocks)
        else:
            self._remove(slot, blocks)

    # Letters out.

    def withhold(self, slot: int):
        """After damage: entries of different letters may name this slot."""
        if slot not in self.withheld:
            self.withheld.append(slot)

    def open(self, slot: int, size: int = -1) -> LetterReader:
        """Raises LetterGone if there is no such letter. Its size, where it is known, saves reading the trailer."""
        if slot in self.withheld:
            raise StoreUnavailable("letter withheld until the repair")
        self.busy[slot] = self.busy.get(slot, 0) + 1
        file = None
        try:
            file = files.open_file(self.path(slot), "rb")
            return LetterReader(self, slot, file, size)
        except (OSError, MemoryError, StoreError) as error:
            _close(file)
            self.release(slot)
            if isinstance(error, OSError) and error.args[0] == files.ENOENT:
                raise LetterGone("letter gone")
            raise files.translated(error)

    def leave(self, slot: int) -> bool:
        """One reader or writer less; True if it was the last."""
        users = self.busy.get(slot, 1) - 1
        if users:
            self.busy[slot] = users
        else:
            self.busy.pop(slot, 0)
        return not users

    def release(self, slot: int):
        """One reader less; the last one takes a letter with it that nothing names any more."""
        if self.leave(slot) and not self.stale and self._slots.get(slot) == PENDING:
            self._remove(slot, -1)

    def trailer_of(self, slot: int):
        """(the fields of the letter's trailer, ids of the mailboxes that got it first); (None, ()) if it has none."""
        try:
            file = files.open_file(self.path(slot), "rb")
        except OSError as error:
            if error.args[0] != files.ENOENT:
                raise
            return None, ()
        try:
            fields = trailer.read(file)
            return fields, () if fields is None else trailer.mailboxes_of(file, fields)
        finally:
            file.close()

    # Removing.

    def discard(self, slot: int, blocks: int):
        """No entry names the letter any more: its file goes, now or after the last reader. Never raises."""
        self.space.give(-blocks)
        if slot not in self.busy:
            self._remove(slot, blocks)

    def redo(self, spare: bool = False):
        """Removes the files of pending slots at the start, or after everything was read again. Never raises.

        `spare`: the log is damaged, and the record of a letter may be what it lacks. Whole letters stay then, with as
        many references as the trailer names mailboxes; the repair finds that nothing names them.
        """
        self.stale = False
        # What is in transit: letters that come in, and those that only readers hold.
        self.space.transit = sum([writer.blocks for writer in self._writing.values()])
        for slot in self._slots.pending():
            if slot in self.busy:
                if slot not in self._writing:
                    self._keep(slot, 0, False)
            elif not (spare and self._spared(slot)):
                # Nothing is charged for it yet.
                self._remove(slot, 0)

    def _spared(self, slot: int) -> bool:
        try:
            file = files.open_file(self.path(slot), "rb")
        except OSError as error:
            if error.args[0] == files.ENOENT:
                return False
            return self._spare(slot)
        except MemoryError:
            return self._spare(slot)
        try:
            fields = trailer.read(file)
            if fields is None:
                return False
            self._slots.blocks += blocks_of(fields[trailer.SIZE] + fields[trailer.LENGTH])
            return self._spare(slot, fields[trailer.MAILBOXES])
        except (MemoryError, OSError):
            # It may be a letter.
            return self._spare(slot)
        finally:
            _close(file)

    def _spare(self, slot: int, references: int = 1) -> bool:
        self._slots.set(slot, max(1, references))
        return True

    def _remove(self, slot: int, blocks: int):
        """`blocks` are charged for the letter; -1 if it is what its file takes."""
        try:
            path = self.path(slot)
            if blocks < 0:
                blocks = _blocks_there(path)
            if not files.try_remove(path):
                self._keep(slot, blocks)
                return
        except (MemoryError, OSError):
            self.leftovers = True
            return
        self.space.give(blocks)
        self._resolve(slot)

    def _keep(self, slot: int, blocks: int, leftover: bool = True):
        """The file stays for now, and is charged for what it takes. `leftover`: to be removed in idle work."""
        self.leftovers = self.leftovers or leftover
        try:
            self.space.give(blocks - _blocks_there(self.path(slot)))
        except (MemoryError, OSError):
            pass

    def _resolve(self, slot: int):
        if self._slots.resolved == MOST_RESOLVED and self._log.ready:
            try:
                self._log_slots(NO_SLOT)
            except (MemoryError, StoreError):
                # This one is removed once more, in vain, at the next start.
                pass
        self._slots.resolve(slot)

    # Idle work, and after operations.

    def tidy(self):
        """Tries again what could not be removed; seals the directory that the letters have left. Never raises."""
        if self.leftovers and not self._log.dirty:
            self.leftovers = False
            for slot in self._slots.pending():
                if slot not in self.busy:
                    self._remove(slot, -1)
        if self._window is None:
            return
        if self._unsealed >= 0:
            directory = self._unsealed
            self._unsealed = -1
            self._seal("%s/%x" % (self._root, directory))
        # With every second one its log stays short enough.
        if self._root_grown and not self._directory & 1:
            self._root_grown = False
            self._seal(self._root)

    def shrink(self) -> bool:
        """Idle work: removes the last directory if it is not needed; True if it did. Never raises."""
        slots = self._slots
        if self.busy or not slots.has_spare_directory():
            return False
        path = self.directory(slots.extent - 1)
        try:
            files.try_remove(path + "/~")
            files.remove_directory(path)
        except OSError as error:
            if error.args[0] != files.ENOENT:
                return False
        slots.shrink()
        return True

    def _seal(self, directory: str):
        """Has littlefs write the directory anew, as one list without history, which is found through faster."""
        try:
            path = directory + "/~"
            erases = self._window.erases
            for _ in range(_SEAL_TRIES):
                files.open_file(path, "wb").close()
                files.remove(path)
                if self._window.erases != erases:
                    return
        except (MemoryError, OSError):
            pass


def _blocks_there(path: str) -> int:
    """Blocks of a file that may not be there."""
    size = files.size_of(path)
    return blocks_of(size) if size else 0


def _close(file):
    """After a failure: whatever else goes wrong is of no interest."""
    try:
        if file is not None:
            file.close()
    except (MemoryError, OSError):
        pass
