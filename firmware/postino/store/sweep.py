"""The sweep: removes files that nothing names, as a power cut or a failed removal leaves them.

Letters are swept in windows of 2,048 ids: a bitmap of 256 octets is marked from all mailboxes, then the window's
directories are listed and what is not marked goes. If a mailbox cannot be read, nothing is removed at all.
"""

from postino.store import files
from postino.store.catalogue import INFO_ID
from postino.store.errors import StoreUnavailable
from postino.store.letters import DIRECTORY_BITS
from postino.store.remover import visit_all
from postino.store.space import blocks_of
from postino.store.table import CHUNK_ENTRIES, LETTER, WORDS, new_chunk

_WINDOW_BITS = 11
_WINDOW = 1 << _WINDOW_BITS


def _number(name: str) -> int:
    """The number that a file name of ours says, -1 for other names."""
    try:
        number = int(name, 16)
    except ValueError:
        return -1
    return number if name == "%x" % number else -1


def sweep_leftovers(store):
    """Half-made files of the root and the mailboxes, and snapshots of mailboxes that are no more."""
    root = store.root
    for name in ("journal", "catalogue"):
        files.try_remove("%s/%s%s" % (root, name, files.NEW))
    known = {info[INFO_ID] for info in store.catalogue.infos}
    for name in files.names_in(root + "/mailboxes"):
        if name.endswith(files.NEW) or (_number(name) >= 0 and _number(name) not in known):
            files.try_remove("%s/mailboxes/%s" % (root, name))


class Sweep:
    """One walk over all letter files, a window at each step()."""

    def __init__(self, store):
        self._store = store
        self._root = store.root + "/letters"
        windows = set()
        for name in files.names_in(self._root):
            number = _number(name)
            if number >= 0:
                windows.add(number >> (_WINDOW_BITS - DIRECTORY_BITS))
        self._windows = sorted(windows)
        self._base = 0
        self._marks = None
        self._chunk = None

    def step(self) -> bool:
        """Sweeps one window; True while there are more."""
        if not self._windows:
            return False
        if self._store.journal.dirty:
            raise StoreUnavailable("journal not settled")
        self._base = self._windows[-1] << _WINDOW_BITS
        self._marks = bytearray(_WINDOW >> 3)
        self._chunk = new_chunk(CHUNK_ENTRIES)
        visit_all(self._store, self)
        # Letters that come in or are being read.
        for letter in self._store.letters.busy:
            self._mark(letter)
        self._chunk = None
        first = self._base >> DIRECTORY_BITS
        for directory in range(first, first + (_WINDOW >> DIRECTORY_BITS)):
            self._sweep_directory(directory)
        self._marks = None
        self._windows.pop()
        return bool(self._windows)

    # As the sink of visit_all().

    def chunk(self, entries: int):
        return self._chunk

    def filled(self, chunk, entries: int):
        base = self._base
        marks = self._marks
        for at in range(LETTER, entries * WORDS, WORDS):
            number = chunk[at] - base
            if 0 <= number < _WINDOW:
                marks[number >> 3] |= 1 << (number & 7)

    def _mark(self, letter: int):
        number = letter - self._base
        if 0 <= number < _WINDOW:
            self._marks[number >> 3] |= 1 << (number & 7)

    def _sweep_directory(self, directory: int):
        path = "%s/%x" % (self._root, directory)
        try:
            names = files.names_in(path)
        except OSError as error:
            if error.args[0] == files.ENOENT:
                return
            raise
        left = len(names)
        for name in names:
            letter = _number(name)
            number = letter - self._base
            if letter >> DIRECTORY_BITS == directory and not self._marks[number >> 3] & (1 << (number & 7)):
                left -= self._remove(path + "/" + name)
        if not left:
            files.remove_directory(path)
            self._store.space.give(2)

    def _remove(self, path: str) -> int:
        blocks = blocks_of(files.size_of(path))
        if not files.try_remove(path):
            return 0
        self._store.space.give(blocks)
        return 1
