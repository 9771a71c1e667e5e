"""What one program or erase leaves behind when the power goes in the middle of it.

Five outcomes: nothing was done; the octets of a program up to some place; some of the bits of a program; an erase that
zeroed the end of the block and got no further (as NOR flash does before it sets all to ones); an erase that left noise.
Of the last four there are many: a variant is one of them, the same for the same seed.
"""

import random
from collections.abc import Iterator

from tests.support.nor_chip import BLOCK, ERASED, Operation

NOT_STARTED = "not started"
PREFIX = "first octets of a program"
BITS = "some bits of a program"
TAIL = "erase, end zeroed"
NOISE = "erase, noise"
OUTCOMES = (NOT_STARTED, PREFIX, BITS, TAIL, NOISE)

# The header of a sector of the log, and the first commit of littlefs's metadata: heads that an erase may leave.
HEADS = (32, 128, 1024, 4064)


def torn(block: bytes, operation: Operation, seed: str, variants: int = 1) -> Iterator[tuple[str, bytes]]:
    """The outcomes but the first, each with the content of the block afterwards."""
    generator = random.Random(seed)
    address, data = operation
    at = address % BLOCK
    for variant in range(variants):
        if data is None:
            yield TAIL, _zeroed(block, generator, variant)
            yield NOISE, _noise(block, generator, variant)
        else:
            old = block[at : at + len(data)]
            for name, new in ((PREFIX, _prefix(old, data, generator, variant)), (BITS, _bits(old, data, generator))):
                yield name, block[:at] + new + block[at + len(data) :]


def _and(first: bytes, second: bytes) -> bytes:
    size = len(first)
    return (int.from_bytes(first, "little") & int.from_bytes(second, "little")).to_bytes(size, "little")


def _prefix(old: bytes, data: bytes, generator: random.Random, variant: int) -> bytes:
    """Some octets are programmed, the next one in part, the rest not."""
    length = (generator.randrange(len(data)), len(data) - 1, 0, 4)[variant % 4]
    length = min(length, len(data) - 1)
    part = data[length] | generator.randrange(256)
    done = data[:length] + bytes([part]) + b"\xff" * (len(data) - length - 1)
    return _and(old, done)


def _bits(old: bytes, data: bytes, generator: random.Random) -> bytes:
    """Each bit that is to be cleared is, with a chance of a quarter, a half or three quarters."""
    size = 8 * len(data)
    missing = generator.getrandbits(size)
    chance = generator.randrange(3)
    if chance == 0:
        missing |= generator.getrandbits(size)
    elif chance == 1:
        missing &= generator.getrandbits(size)
    done = int.from_bytes(data, "little") | missing
    return _and(old, done.to_bytes(len(data), "little"))


def _zeroed(block: bytes, generator: random.Random, variant: int) -> bytes:
    head = generator.choice(HEADS) if variant % 2 else generator.randrange(1, BLOCK)
    return block[:head] + bytes(BLOCK - head)


def _noise(block: bytes, generator: random.Random, variant: int) -> bytes:
    """Any octets; or some bits that are ones already among the old ones; or a few that are not ones yet."""
    kind = (generator.randrange(3) + variant) % 3
    noise = generator.randbytes(BLOCK)
    if kind == 0:
        return noise
    if kind == 1:
        return (int.from_bytes(block, "little") | int.from_bytes(noise, "little")).to_bytes(BLOCK, "little")
    weak = bytearray(ERASED)
    for _ in range(generator.randrange(1, 20)):
        weak[generator.randrange(BLOCK)] &= ~(1 << generator.randrange(8)) & 0xFF
    return bytes(weak)
