"""The books of the simulated flash chip: what the runtime counts, read by the host at any time.

The runtime maps the same file and writes it (`simchip`); this side makes it and reads it, also after the runtime has
died. The layout is the one in `sim_chip/books.h`.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import Self

BLOCK_SIZE = 4096
VERSION = 1
GAUGES = 16

_MAGIC = b"POSTBOOK"
_HEADER = struct.Struct("<8sIIQQQQQQ")
_OPERATIONS = 24
_FAULT_ADDRESS = 32
_HEAP_PEAK_USED = 40
_COLLECTIONS = 48
_FIRST_GAUGE = 64
_NO_FAULT = 0xFFFF_FFFF_FFFF_FFFF

# The counters of one block, in the order of its record.
COUNTERS = ("reads", "read_bytes", "progs", "prog_bytes", "erases")
_RECORD = struct.Struct("<5Q")


class Books:
    """An open books file. Numbers count from the start of the runtime's process; sizes are bytes."""

    def __init__(self, path: Path | str) -> None:
        """Open the books at `path`. Raises OSError, and ValueError when they are none or of another version."""
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        magic, version, block_size, self.chip_size, *_rest = _HEADER.unpack_from(self._map)
        if (magic, version, block_size) != (_MAGIC, VERSION, BLOCK_SIZE):
            self._map.close()
            raise ValueError(f"{path}: not the books of a flash chip, or of another version")

    @classmethod
    def create(cls, path: Path | str, chip_size: int, owner: int = 0) -> Self:
        """Make empty books for a chip of `chip_size` bytes and open them; existing ones are replaced.

        With `owner`, a process id, the runtime only starts as that process's child. Whatever `owner` is, the runtime
        dies with the thread that started it. Raises ValueError for a size that is not a whole number of blocks.
        """
        if chip_size <= 0 or chip_size % BLOCK_SIZE:
            raise ValueError(f"a chip of {chip_size} bytes is not a whole number of {BLOCK_SIZE} byte blocks")
        fresh = Path(f"{path}.new")
        with fresh.open("wb") as file:
            file.write(_HEADER.pack(_MAGIC, VERSION, BLOCK_SIZE, chip_size, 0, _NO_FAULT, 0, 0, owner))
            file.truncate(BLOCK_SIZE + chip_size // BLOCK_SIZE * _RECORD.size)
        os.replace(fresh, path)
        return cls(path)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _number(self, offset: int) -> int:
        return int.from_bytes(self._map[offset : offset + 8], "little")

    @property
    def operations(self) -> int:
        """Programs and erases of the whole chip, one for each block-device call."""
        return self._number(_OPERATIONS)

    @property
    def fault_address(self) -> int | None:
        """Chip address of the first byte of a program that would have set a cleared bit; None: there was none."""
        address = self._number(_FAULT_ADDRESS)
        return None if address == _NO_FAULT else address

    @property
    def heap_peak_used(self) -> int:
        """Largest live heap after any collection."""
        return self._number(_HEAP_PEAK_USED)

    @property
    def collections(self) -> int:
        """Garbage collections."""
        return self._number(_COLLECTIONS)

    def gauge(self, slot: int) -> int:
        """Return what the firmware last published in a slot, 0 to 15. Raises IndexError for another."""
        if not 0 <= slot < GAUGES:
            raise IndexError(f"there is no gauge {slot}")
        return self._number(_FIRST_GAUGE + 8 * slot)

    def totals(self, start: int = 0, end: int | None = None) -> dict[str, int]:
        """Sum the counters of the blocks from `start` up to `end`, both chip addresses on block bounds.

        The keys are those of COUNTERS and `max_block_erases`, the most erases of any one block. Without `end`, up to
        the end of the chip. Raises ValueError for a range that is not one of whole blocks on the chip.
        """
        stop = self.chip_size if end is None else end
        if start % BLOCK_SIZE or stop % BLOCK_SIZE or not 0 <= start <= stop <= self.chip_size:
            raise ValueError(f"{start:#x} to {stop:#x} is not a range of blocks on the chip")
        first = BLOCK_SIZE + start // BLOCK_SIZE * _RECORD.size
        last = BLOCK_SIZE + stop // BLOCK_SIZE * _RECORD.size
        records = list(_RECORD.iter_unpack(self._map[first:last]))
        totals = {name: sum(record[index] for record in records) for index, name in enumerate(COUNTERS)}
        erases = COUNTERS.index("erases")
        totals["max_block_erases"] = max((record[erases] for record in records), default=0)
        return totals
