"""Finds the mail partition in an image: a whole chip with a partition table, or the partition alone."""

from pathlib import Path

from postino_tools import flash_layout, partition_table
from postino_tools.errors import CommandError
from postino_tools.partition_table import TABLE_LENGTH, TABLE_OFFSET, BadTable

BLOCK = 4096
# littlefs: the superblock is a pair of blocks, each with a revision, a tag and this name.
SUPERBLOCKS = (0, BLOCK)
NAME_OFFSET = 8
NAME = b"littlefs"
ERASED = 0xFF
# No flash chip of a board comes near.
IMAGE_MAX = 256 << 20


class NotAStore(CommandError):
    """There is no mail store of a known format in the image; the message is the one line that says why."""


def read_image(path: Path) -> bytes:
    """The whole file, opened for reading only."""
    try:
        with path.open("rb") as file:
            image = file.read(IMAGE_MAX + 1)
    except OSError as error:
        raise NotAStore(f"cannot read {path}: {error.strerror}") from None
    if len(image) > IMAGE_MAX:
        raise NotAStore(f"{path} is longer than any flash chip")
    return image


def find_mail(image: bytes) -> bytes:
    """The octets of the mail partition; NotAStore when there is none."""
    if is_littlefs(image):
        partition = image
    else:
        partition = _of_chip(image)
    if len(partition) % BLOCK:
        raise NotAStore(f"the mail partition of {len(partition)} octets is not a number of whole blocks")
    if not is_littlefs(partition):
        blank = partition.count(ERASED) == len(partition)
        raise NotAStore(f"the mail partition {'is blank' if blank else 'has no littlefs superblock'}")
    return partition


def is_littlefs(content: bytes) -> bool:
    """One of the two superblocks is enough: a power cut may have taken the other."""
    return any(content[at + NAME_OFFSET : at + NAME_OFFSET + len(NAME)] == NAME for at in SUPERBLOCKS)


def _of_chip(image: bytes) -> bytes:
    try:
        partitions = partition_table.parse_table(image[TABLE_OFFSET : TABLE_OFFSET + TABLE_LENGTH])
        mail = flash_layout.find_partition(partitions, flash_layout.MAIL)
        partition_table.verify(partitions, len(image))
    except BadTable as error:
        raise NotAStore(f"neither a mail partition nor a flash chip: {error}") from None
    return image[mail.offset : mail.end]
