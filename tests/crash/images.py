"""The flash as a power cut leaves it: for every operation of a recording, and every outcome of that operation."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.crash.outcomes import NOT_STARTED, torn
from tests.crash.recording import Recording
from tests.support.nor_chip import BLOCK, Operation, Torn, apply

_MODULUS = 1 << 128


class Cut(NamedTuple):
    """So many operations were complete when the power went; `outcome` is what became of the next one."""

    index: int
    outcome: str
    variant: int


class Rolling:
    """An image that changes block by block, with a number that tells its content: the same for the same content."""

    def __init__(self, image: bytes) -> None:
        self.image = bytearray(image)
        self._hashes = [self._hash(block) for block in range(len(image) // BLOCK)]
        self.key = sum(self._hashes) % _MODULUS

    def _hash(self, block: int) -> int:
        content = self.image[block * BLOCK : (block + 1) * BLOCK]
        return int.from_bytes(hashlib.blake2b(content, digest_size=16, salt=b"%d" % block).digest(), "little")

    def block(self, block: int) -> bytes:
        return bytes(self.image[block * BLOCK : (block + 1) * BLOCK])

    def changed(self, block: int) -> None:
        """The content of a block has been changed."""
        new = self._hash(block)
        self.key = (self.key - self._hashes[block] + new) % _MODULUS
        self._hashes[block] = new

    def set_block(self, block: int, content: bytes) -> None:
        self.image[block * BLOCK : (block + 1) * BLOCK] = content
        self.changed(block)

    def apply(self, operation: Operation) -> None:
        apply(self.image, operation)
        self.changed(operation[0] // BLOCK)


def images(
    recording: Recording, seed: str, variants: int = 1, only: Iterable[int] | None = None
) -> Iterator[tuple[Cut, Rolling]]:
    """Every image of the recording; the one that is yielded changes afterwards. `only`: cuts at these operations."""
    return images_of(recording.start, recording.operations, seed, variants, only)


def images_of(
    start: bytes, operations: list[Operation], seed: str, variants: int = 1, only: Iterable[int] | None = None
) -> Iterator[tuple[Cut, Rolling]]:
    rolling = Rolling(start)
    wanted = None if only is None else set(only)
    for index, operation in enumerate(operations):
        if wanted is None or index in wanted:
            yield Cut(index, NOT_STARTED, 0), rolling
            if isinstance(operation[1], Torn):
                # Cut once already.
                rolling.apply(operation)
                continue
            block = operation[0] // BLOCK
            before = rolling.block(block)
            for number, (outcome, after) in enumerate(torn(before, operation, f"{seed} {index}", variants)):
                rolling.set_block(block, after)
                yield Cut(index, outcome, number // 2), rolling
            rolling.set_block(block, before)
        rolling.apply(operation)
    if wanted is None or len(operations) in wanted:
        yield Cut(len(operations), NOT_STARTED, 0), rolling
