"""Partitions that are no store of ours, or a damaged one: they are refused, and not a bit of them changes.

Only what is blank, or the first format that was cut, may be written to without a store (docs/store.md, Formats).
"""

import random
import struct
from collections.abc import Iterator
from zlib import crc32

from postino.store import StoreError, state
from tests.crash.invariants import Violation
from tests.crash.work import DATE, Work
from tests.support.nor_chip import BLOCK
from tests.support.store_flash import Flash, NotMountable

REFUSAL = 14
BLOCKS = 56
# Superblocks of littlefs.
SUPERBLOCKS = 2 * BLOCK
UNKNOWN_FORMAT = 3


def store_with_letters() -> bytes:
    work = Work("refusal", BLOCKS, 1)
    work.set_up()
    work.deliver(700)
    work.flash.release()
    return bytes(work.flash.chip.image)


def damaged(image: bytes) -> Iterator[tuple[str, bytes]]:
    """Images that do not mount or do not open, each with what is the matter with it."""
    noise = random.Random(BLOCKS).randbytes(SUPERBLOCKS)
    yield "noise in the superblocks", noise + image[SUPERBLOCKS:]
    yield "superblocks erased", b"\xff" * SUPERBLOCKS + image[SUPERBLOCKS:]
    yield "superblocks zeroed", bytes(SUPERBLOCKS) + image[SUPERBLOCKS:]
    yield "noise all over", random.Random(1).randbytes(len(image))
    yield "one bit cleared", b"\xff" * (len(image) - 1) + b"\x7f"
    flash = Flash(BLOCKS, image)
    log = len(image) - flash.start().log.device.sectors * BLOCK
    flash.release()
    yield "log erased", image[:log] + b"\xff" * (len(image) - log)
    for change in (_other_format, _damage):
        copies = change(image)
        yield f"{change.__doc__}".rstrip("."), copies


def _other_format(image: bytes) -> bytes:
    """The state has a format of later."""

    def later(octets: bytearray) -> None:
        octets[4:6] = struct.pack("<H", UNKNOWN_FORMAT)
        octets[-4:] = struct.pack("<I", crc32(octets[:-4]))

    return _with_states(image, later)


def _damage(image: bytes) -> bytes:
    """Both copies of the state are damaged."""

    def damage(octets: bytearray) -> None:
        octets[20] ^= 1

    return _with_states(image, damage)


def _with_states(image: bytes, change) -> bytes:
    flash = Flash(BLOCKS, image)
    flash.start()
    for copy in state.COPIES:
        with flash.system.open_file(copy, "rb") as file:
            octets = bytearray(file.read())
        change(octets)
        with flash.system.open_file(copy, "wb") as file:
            file.write(octets)
    return bytes(flash.chip.image)


def check() -> int:
    """The number of images, each of which was refused and not touched. Raises Violation."""
    count = 0
    for what, image in damaged(store_with_letters()):
        check_refused(what, image)
        count += 1
    return count


def check_refused(what: str, image: bytes) -> None:
    flash = Flash(BLOCKS, image)
    try:
        store = flash.start(lambda: DATE)
        if store.is_blank_or_cut_format():
            raise Violation(REFUSAL, f"{what}: it looks like a format that was cut")
        store.open()
    except (NotMountable, StoreError):
        pass
    else:
        raise Violation(REFUSAL, f"{what}: it is taken for a store")
    finally:
        flash.release()
    if flash.chip.operations:
        raise Violation(REFUSAL, f"{what}: refused, but {len(flash.chip.operations)} programs and erases were done")
