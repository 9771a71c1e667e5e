"""How much room there is: counted by the store itself, in blocks of littlefs.

Asking littlefs walks the whole file system (about a second for 1,200 files on a board), so it is never asked. What
letters may take is what is left beside everything else that the store keeps or may have to write.
"""

from postino.store.errors import StoreFull

BLOCK = 4096

# littlefs' own, and what is being replaced while it is still there.
_OWN = 8
# Left beside the largest snapshot, which must always find room to be written anew.
_RESERVE = 4
_DIRECTORY_BLOCKS = 2

# A data block but the first loses two pointers on average (the skip list), and gains one for each bit of its number.
_POINTER = 4
_PAYLOAD = BLOCK - 2 * _POINTER


def capacity_of(blocks: int) -> int:
    """Octets that a littlefs file of so many blocks holds."""
    bits = 0
    number = blocks - 1
    while number:
        number &= number - 1
        bits += 1
    return blocks * _PAYLOAD + _POINTER * (2 + bits)


def blocks_of(size: int) -> int:
    """Blocks that a file of so many octets takes; an empty or small one counts as one."""
    blocks = max(1, (size - 2 * _POINTER + _PAYLOAD - 1) // _PAYLOAD)
    if blocks > 1 and capacity_of(blocks - 1) >= size:
        blocks -= 1
    return blocks


def _no_index() -> tuple:
    return 2, 0


class Space:
    def __init__(self, capacity: int, slots):
        # Blocks of the littlefs.
        self.capacity = capacity
        self._slots = slots
        # Blocks of letters that come in, or that no entry names and a reader still holds.
        self.transit = 0
        # Gives the blocks of all snapshots and of both states, and those of the largest snapshot.
        self.index = _no_index
        # Blocks of a log that lies in files.
        self.log = 0

    def free(self) -> int:
        """Blocks that letters may still take; less than 0 when the reserve is in use."""
        index, largest = self.index()
        directories = _DIRECTORY_BLOCKS * self._slots.directories
        used = self._slots.blocks + self.transit + directories + index + self.log
        return self.capacity - used - largest - _OWN - _RESERVE

    def need(self, blocks: int):
        """Raises StoreFull unless so many blocks are free."""
        if self.free() < blocks:
            raise StoreFull("no room")

    def take(self, blocks: int):
        """Charges blocks to letters in transit; raises StoreFull."""
        self.need(blocks)
        self.transit += blocks

    def give(self, blocks: int):
        """They are free again, or charged elsewhere (a negative number charges them whatever is left)."""
        self.transit -= blocks
