"""The binary partition table of ESP-IDF, as it lies in flash at 0x8000: made, parsed and verified.

Format (ESP-IDF Programming Guide, "Partition Tables"): 32-byte entries, then an entry that holds the MD5 of all
entries before it, then 0xFF up to 0xC00 bytes in all.
"""

import hashlib
import struct
from dataclasses import dataclass

TABLE_OFFSET = 0x8000
TABLE_LENGTH = 0xC00
SECTOR = 0x1000
# Where partitions may begin: the table's own sector lies before.
FIRST_PARTITION = TABLE_OFFSET + SECTOR
# The bootloader maps apps by pages of the MMU.
APP_ALIGNMENT = 0x10000

ENTRY = struct.Struct("<2sBBII16sI")
ENTRY_MAGIC = b"\xaa\x50"
MD5_MAGIC = b"\xeb\xeb"
MD5_PADDING = b"\xff" * 14
END_MARK = b"\xff" * ENTRY.size
# The last byte of the label field stays zero, so that C code can use it as a string.
LABEL_MAX = 15

TYPE_APP = 0x00
TYPE_DATA = 0x01
SUBTYPE_APP_FACTORY = 0x00
SUBTYPE_APP_OTA_0 = 0x10
SUBTYPE_APP_OTA_1 = 0x11
SUBTYPE_DATA_OTA = 0x00
SUBTYPE_DATA_PHY = 0x01
SUBTYPE_DATA_NVS = 0x02
SUBTYPE_DATA_FAT = 0x81
SUBTYPE_DATA_LITTLEFS = 0x83


class BadTable(ValueError):
    """The bytes are not a partition table, or the table makes no sense; the message says why."""


@dataclass(frozen=True)
class Partition:
    """One entry of the table."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.size


def make_table(partitions: list[Partition]) -> bytes:
    """The table as it is written to flash, exactly TABLE_LENGTH bytes."""
    entries = b"".join(_pack_entry(partition) for partition in partitions)
    table = entries + MD5_MAGIC + MD5_PADDING + hashlib.md5(entries, usedforsecurity=False).digest()
    # One entry of 0xFF must be left: it marks the end.
    if len(table) + ENTRY.size > TABLE_LENGTH:
        raise BadTable("too many partitions")
    return table.ljust(TABLE_LENGTH, b"\xff")


def _pack_entry(partition: Partition) -> bytes:
    label = partition.label.encode()
    if not label or len(label) > LABEL_MAX or b"\0" in label:
        raise BadTable(f"partition label {partition.label!r} is not 1 to {LABEL_MAX} bytes")
    return ENTRY.pack(
        ENTRY_MAGIC, partition.type, partition.subtype, partition.offset, partition.size, label, partition.flags
    )


def parse_table(table: bytes) -> list[Partition]:
    """The partitions of a table; BadTable when an entry or the MD5 is wrong, or the MD5 or the end is missing."""
    partitions: list[Partition] = []
    md5_seen = False
    for position in range(0, min(len(table), TABLE_LENGTH) - ENTRY.size + 1, ENTRY.size):
        entry = table[position : position + ENTRY.size]
        if entry == END_MARK:
            if not md5_seen:
                raise BadTable("no MD5 entry" if partitions else "the partition table is blank")
            return partitions
        if md5_seen:
            raise BadTable("entries after the MD5 entry")
        if entry[:2] == MD5_MAGIC:
            _check_md5(entry, table[:position])
            md5_seen = True
        else:
            partitions.append(_unpack_entry(entry, position))
    raise BadTable("the partition table has no end mark")


def _check_md5(entry: bytes, entries: bytes) -> None:
    digest = hashlib.md5(entries, usedforsecurity=False).digest()
    if entry != MD5_MAGIC + MD5_PADDING + digest:
        raise BadTable("the MD5 of the partition table is wrong")


def _unpack_entry(entry: bytes, position: int) -> Partition:
    magic, type_, subtype, offset, size, label, flags = ENTRY.unpack(entry)
    if magic != ENTRY_MAGIC:
        raise BadTable(f"no partition entry at byte {position} of the table")
    try:
        name = label.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise BadTable(f"the label of the entry at byte {position} is not ASCII") from None
    return Partition(name, type_, subtype, offset, size, flags)


def verify(partitions: list[Partition], flash_size: int) -> None:
    """Raises BadTable unless labels are unique and every partition is aligned, inside the chip and free of overlap."""
    labels = [partition.label for partition in partitions]
    for label in labels:
        if labels.count(label) > 1:
            raise BadTable(f"two partitions are called {label!r}")
    end = FIRST_PARTITION
    for partition in sorted(partitions, key=lambda p: p.offset):
        alignment = APP_ALIGNMENT if partition.type == TYPE_APP else SECTOR
        if partition.offset % alignment or partition.size % SECTOR or not partition.size:
            raise BadTable(f"partition {partition.label!r} is not aligned")
        if partition.offset < end:
            raise BadTable(f"partition {partition.label!r} overlaps what lies before it")
        end = partition.end
        if end > flash_size:
            raise BadTable(f"partition {partition.label!r} ends beyond the chip")
