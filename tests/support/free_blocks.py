"""Counts the used blocks of the mail partition in a flash file, with a littlefs that is not ours."""

from pathlib import Path

from littlefs import LittleFS, UserContext

from postino_tools.flash_layout import MAIL, find_partition
from postino_tools.partition_table import TABLE_LENGTH, TABLE_OFFSET, parse_table

BLOCK_SIZE = 4096


class ReadOnlyBlocks(UserContext):
    """A partition's bytes as a block device that cannot be written."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, cfg, block: int, off: int, size: int) -> bytearray:
        start = block * cfg.block_size + off
        return bytearray(self.content[start : start + size])

    def prog(self, cfg, block: int, off: int, data: bytes) -> int:
        raise AssertionError("a look at the flash must not write")

    def erase(self, cfg, block: int) -> int:
        raise AssertionError("a look at the flash must not write")

    def sync(self, cfg) -> int:
        return 0


def mail_filesystem(flash_file: Path) -> LittleFS:
    """The mail partition, mounted for reading. The flash file may be in use; it is read once."""
    flash = flash_file.read_bytes()
    mail = find_partition(parse_table(flash[TABLE_OFFSET : TABLE_OFFSET + TABLE_LENGTH]), MAIL)
    content = flash[mail.offset : mail.offset + mail.size]
    # A block count of 0: as the superblock says.
    return LittleFS(
        context=ReadOnlyBlocks(content),
        block_size=BLOCK_SIZE,
        block_count=0,
        read_size=32,
        prog_size=32,
        lookahead_size=512,
        mount=True,
    )


def used_blocks(flash_file: Path) -> int:
    """Blocks of the mail partition that hold something."""
    return mail_filesystem(flash_file).used_block_count
