"""A NOR flash chip in memory: an erase sets a block to ones, a program clears bits; each of them is written down.

It has the calls of littlefs-python and those of `esp32.Partition`. A program that would set a bit leaves the bit at 0,
as the silicon does, and is noted in `refused`: that is a mistake of whoever asked for it. The power may go, or an
operation fail, at any of them (`cut_in`, `fail_at`).
"""

from collections.abc import Callable

BLOCK = 4096
ERASED = b"\xff" * BLOCK
EIO = 5
EINVAL = 22

# What esp32.Partition calls them.
BLOCK_COUNT = 4
BLOCK_SIZE = 5
BLOCK_ERASE = 6

# (address, octets), or (address, None) for the erase of a block.
Operation = tuple[int, bytes | None]


class Torn(bytes):
    """In place of the octets of a program or an erase: what the cut of it left."""


class PowerLost(BaseException):
    """Nothing below the store may catch it."""


class Chip:
    def __init__(self, blocks: int, image: bytes | bytearray | None = None) -> None:
        self.image = bytearray(b"\xff" * (blocks * BLOCK) if image is None else image)
        self.blocks = blocks
        self.operations: list[Operation] = []
        self.reads = 0
        self.octets_read = 0
        # Erases of each block.
        self.wear = [0] * blocks
        # Programs that would have set bits.
        self.refused: list[Operation] = []
        self.lost = False
        # Asked before each program and erase: 0, or the number of an error in place of it.
        self.before: Callable[[Chip, Operation], int] | None = None

    # What littlefs-python calls. No exception passes through it: the answer is 0 or a negative errno.

    def read(self, _cfg, block: int, offset: int, size: int) -> bytearray:
        self.reads += 1
        self.octets_read += size
        start = block * BLOCK + offset
        return self.image[start : start + size]

    def prog(self, _cfg, block: int, offset: int, data) -> int:
        return -self.program(block * BLOCK + offset, bytes(data))

    def erase(self, _cfg, block: int) -> int:
        return -self.erase_block(block)

    def sync(self, _cfg) -> int:
        return 0

    # What the store's log calls.

    def readblocks(self, block: int, buffer, offset: int = 0) -> int:
        self._check_power()
        self.reads += 1
        size = len(buffer)
        self.octets_read += size
        start = block * BLOCK + offset
        buffer[:] = self.image[start : start + size]
        return 0

    def writeblocks(self, block: int, buffer, offset: int = 0) -> int:
        error = self.program(block * BLOCK + offset, bytes(buffer))
        self._check_power()
        return -error

    def ioctl(self, operation: int, argument: int):
        if operation == BLOCK_COUNT:
            return self.blocks
        if operation == BLOCK_SIZE:
            return BLOCK
        if operation == BLOCK_ERASE:
            error = self.erase_block(argument)
            self._check_power()
            return -error
        return 0

    def _check_power(self) -> None:
        if self.lost:
            raise PowerLost

    # The operations: 0, or a positive errno.

    def program(self, address: int, data: bytes) -> int:
        operation = (address, data)
        error = self._asked(operation)
        if error:
            return error
        self.operations.append(operation)
        if not apply(self.image, operation):
            self.refused.append(operation)
        return 0

    def erase_block(self, block: int) -> int:
        operation = (block * BLOCK, None)
        error = self._asked(operation)
        if error:
            return error
        self.wear[block] += 1
        self.operations.append(operation)
        apply(self.image, operation)
        return 0

    def _asked(self, operation: Operation) -> int:
        if self.lost:
            return EIO
        return self.before(self, operation) if self.before is not None else 0

    @property
    def erases(self) -> int:
        return sum(self.wear)

    # Failures.

    def cut_in(self, operations: int, part: Callable[["Chip", Operation], Operation | None] | None = None) -> None:
        """The power goes at this operation from now on (1: the next); `part` says what is done of it (Torn)."""
        left = [operations]

        def before(chip: Chip, operation: Operation) -> int:
            left[0] -= 1
            if left[0]:
                return 0
            done = None if part is None else part(chip, operation)
            if done is not None:
                chip.operations.append(done)
                apply(chip.image, done)
            chip.lost = True
            return EIO

        self.before = before

    def fail_at(self, number: int, error: int = EIO) -> list[int]:
        """This operation from now on (1: the next) fails; returns a list with the operations that are left to it."""
        left = [number]

        def before(_chip: Chip, _operation: Operation) -> int:
            left[0] -= 1
            return error if left[0] == 0 else 0

        self.before = before
        return left

    def power_on(self) -> None:
        """The power is back; nothing fails any more."""
        self.lost = False
        self.before = None


def apply(image: bytearray, operation: Operation) -> bool:
    """Does one operation on an image; False if it would have set bits, which stay 0."""
    start, data = operation
    if data is None:
        image[start : start + BLOCK] = ERASED
        return True
    end = start + len(data)
    if isinstance(data, Torn):
        image[start:end] = data
        return True
    old = image[start:end]
    if old == ERASED[: len(data)]:
        image[start:end] = data
        return True
    bits = int.from_bytes(old, "little")
    wanted = int.from_bytes(data, "little")
    image[start:end] = (bits & wanted).to_bytes(len(data), "little")
    return not wanted & ~bits
