"""Letter files: `letters/<id >> 6 in hex>/<id in hex>`, just the octets of the message, one writer, many readers.

littlefs does not protect an open file that is removed, so readers are counted and a letter's file goes after the last.
"""

from postino.store import files
from postino.store.errors import LetterGone, StoreError
from postino.store.space import blocks_of

# Letters of one directory: littlefs becomes slow with many files in one.
DIRECTORY_BITS = 6

# A directory is a pair of blocks.
_DIRECTORY_BLOCKS = 2


class LetterWriter:
    """A letter that comes in. Ending it by Store.deliver(), Store.append() or abort() is a must."""

    def __init__(self, letters, letter: int, file):
        self._letters = letters
        self._file = file
        self.letter = letter
        self.size = 0
        self.done = False

    def write(self, data):
        """Appends octets; raises StoreFull."""
        grown = self.size + len(data)
        need = blocks_of(grown) - blocks_of(self.size)
        self._letters.space.take(need)
        self.size = grown
        try:
            self._file.write(data)
        except OSError as error:
            raise files.translated(error)

    def finish(self):
        """Closes the file: its octets are durable then, but no mailbox names it yet."""
        file = self._file
        self._file = None
        if file is None:
            return
        try:
            file.close()
        except OSError as error:
            raise files.translated(error)

    def committed(self):
        """A committed journal record names the letter."""
        self.done = True
        self._letters.release(self.letter)

    def abort(self):
        """Removes what has been written; does nothing after a commit. Never raises."""
        if self.done:
            return
        self.done = True
        try:
            self.finish()
        except (MemoryError, StoreError):
            self._letters.sweep_wanted = True
        self._letters.abandon(self.letter, self.size)


class LetterReader:
    """One reader of a letter; close() is a must."""

    def __init__(self, letters, letter: int, file):
        self._letters = letters
        self._letter = letter
        self._file = file
        self.size = file.seek(0, 2)
        file.seek(0)

    def readinto(self, buffer) -> int:
        with files.guard:
            return self._file.readinto(buffer)

    def seek(self, position: int):
        with files.guard:
            self._file.seek(position)

    def close(self):
        file = self._file
        self._file = None
        if file is None:
            return
        try:
            file.close()
        except OSError:
            pass
        self._letters.release(self._letter)


class Letters:
    def __init__(self, root: str, space, journal):
        self._root = root
        self.space = space
        self._journal = journal
        # Letter -> number of readers and writers.
        self.busy = {}
        # Letters without entry that still have readers -> size.
        self._doomed = {}
        # A removal failed or was not tried: files may lie about.
        self.sweep_wanted = False

    def directory(self, letter: int) -> str:
        return "%s/%x" % (self._root, letter >> DIRECTORY_BITS)

    def path(self, letter: int) -> str:
        return "%s/%x/%x" % (self._root, letter >> DIRECTORY_BITS, letter)

    def new(self) -> LetterWriter:
        """Opens the file of a new letter."""
        self.space.take(1)
        letter = self._journal.next_letter
        self._journal.next_letter = letter + 1
        try:
            self.busy[letter] = 1
            file = self._create(letter)
            try:
                return LetterWriter(self, letter, file)
            except MemoryError:
                file.close()
                raise
        except (OSError, MemoryError) as error:
            self.abandon(letter, 0)
            raise files.translated(error)

    def _create(self, letter: int):
        path = self.path(letter)
        try:
            return files.open_file(path, "wb")
        except OSError as error:
            if error.args[0] != files.ENOENT:
                raise
        files.make_directory(self.directory(letter))
        self.space.give(-_DIRECTORY_BLOCKS)
        if letter >> DIRECTORY_BITS:
            # The directory before may have become empty while it was the current one.
            self._drop_directory(letter - (1 << DIRECTORY_BITS))
        return files.open_file(path, "wb")

    def open(self, letter: int) -> LetterReader:
        """Raises LetterGone if there is no such letter."""
        self.busy[letter] = self.busy.get(letter, 0) + 1
        file = None
        try:
            file = files.open_file(self.path(letter), "rb")
            return LetterReader(self, letter, file)
        except (OSError, MemoryError) as error:
            if file is not None:
                file.close()
            self.release(letter)
            if isinstance(error, OSError) and error.args[0] == files.ENOENT:
                raise LetterGone("letter gone")
            raise files.translated(error)

    def release(self, letter: int):
        """One reader or writer less; the last one takes a doomed letter with it."""
        users = self.busy.get(letter, 1) - 1
        if users:
            self.busy[letter] = users
            return
        self.busy.pop(letter, 0)
        if letter in self._doomed:
            self._remove(letter, self._doomed.pop(letter))

    def abandon(self, letter: int, size: int):
        """The writer gives up: the file goes."""
        self.busy.pop(letter, 0)
        if self._journal.dirty:
            # The journal may hold a transaction that names the letter: the sweep decides when that is settled.
            self.sweep_wanted = True
        else:
            self._remove(letter, size)

    def discard(self, letter: int, size: int):
        """No entry names the letter any more: its file goes, now or after the last reader. Never raises."""
        try:
            if letter in self.busy:
                self._doomed[letter] = size
            else:
                self._remove(letter, size)
        except MemoryError:
            self.sweep_wanted = True

    def _remove(self, letter: int, size: int):
        try:
            if not files.try_remove(self.path(letter)):
                self.sweep_wanted = True
                return
            self.space.give(blocks_of(size))
            if letter >> DIRECTORY_BITS != self._journal.next_letter >> DIRECTORY_BITS:
                self._drop_directory(letter)
        except MemoryError:
            self.sweep_wanted = True

    def _drop_directory(self, letter: int):
        """Removes the letter's directory if it is empty."""
        try:
            files.remove_directory(self.directory(letter))
            self.space.give(_DIRECTORY_BLOCKS)
        except OSError:
            pass
