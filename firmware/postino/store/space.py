"""How much room there is: counted once by the file system, then kept by the store.

Asking littlefs walks the whole file system (about a second for 1,200 files on a board), so it is asked at open and
again only before a letter is refused.
"""

from postino.store import files
from postino.store.errors import StoreFull

BLOCK = 4096

# A data block of a littlefs file loses two pointers on average (the skip list).
_PAYLOAD = BLOCK - 8

# Blocks refused to letters, so that flags, expunge and checkpoints always work.
RESERVE = 16

# Blocks refused to new entries (copies): the journal and the snapshots still fit below it.
ENTRY_RESERVE = 8

# Count again before refusing only if so many changes were guessed at since.
_STALE_AFTER = 32


def blocks_of(size: int) -> int:
    """Blocks that a file of so many octets takes."""
    return (size + _PAYLOAD - 1) // _PAYLOAD if size else 1


class Space:
    def __init__(self, root: str, statvfs):
        self._root = root
        self._statvfs = statvfs or files.statvfs
        self._changes = 0
        self.capacity = 0
        self.free = 0

    def measure(self):
        """Asks the file system."""
        facts = self._statvfs(self._root)
        unit = facts[1] or facts[0]
        self.capacity = facts[2] * unit // BLOCK
        self.free = facts[3] * unit // BLOCK
        self._changes = 0

    def take(self, blocks: int, reserve: int = RESERVE):
        """Charges blocks; raises StoreFull if fewer than the reserve would be left."""
        if self.free - blocks < reserve:
            if self._changes >= _STALE_AFTER:
                self.measure()
            if self.free - blocks < reserve:
                raise StoreFull("no room")
        self.free -= blocks
        self._changes += 1

    def give(self, blocks: int):
        """Credits blocks (a negative number charges them whatever is left)."""
        self.free += blocks
        self._changes += 1
