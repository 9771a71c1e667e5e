"""The sectors of the log as octets: their headers, and the records and broken stretches that follow one another."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from postino_tools.mail_image.partition import BLOCK

FORMAT = 2
MAGIC = b"PLG2"
# Magic, format, end of the good part before, number, tail, sequence number before, reserved, CRC.
HEADER = struct.Struct("<4sHHIIQII")
# Length, kind, marks, mailbox id, sequence number.
RECORD = struct.Struct("<HBBIQ")
CRC_SIZE = 4
RECORD_MIN = RECORD.size + CRC_SIZE
RECORD_MAX = 1024
ALIGNMENT = 16
COMMIT = 1
BEGIN = 2
ERASED = 0xFF


@dataclass(frozen=True)
class Sector:
    """A sector with a valid header."""

    content: bytes
    number: int
    tail: int
    # Where the good part of the sector before ends.
    end_before: int
    # The last transaction before this sector.
    sequence: int


@dataclass(frozen=True)
class Record:
    """One valid record; the sector and the offset say where it was found."""

    sequence: int
    kind: int
    marks: int
    mailbox_id: int
    payload: bytes
    sector: int
    offset: int

    @property
    def place(self) -> str:
        return f"sector {self.sector}, octet {self.offset}"

    @property
    def end(self) -> int:
        """Where the next record may begin."""
        return self.offset + -(-(RECORD_MIN + len(self.payload)) // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class Hole:
    """A stretch of a sector in which no record is, though there should be one."""

    sector: int
    start: int
    end: int

    @property
    def place(self) -> str:
        return f"sector {self.sector}, octets {self.start} to {self.end}"


def parse_sector(content: bytes) -> Sector | None:
    """A sector, as far as it is programmed; None if its header is not valid."""
    header = content[: HEADER.size]
    if len(header) < HEADER.size or header[:4] != MAGIC:
        return None
    _, version, end_before, number, tail, sequence, _, crc = HEADER.unpack(header)
    if version != FORMAT or crc != zlib.crc32(header[:-CRC_SIZE]):
        return None
    return Sector(padded(content), number, tail, end_before, sequence)


def padded(content: bytes) -> bytes:
    """What was not programmed is blank."""
    return content.ljust(BLOCK, bytes([ERASED]))


def parse_record(content: bytes, number: int, offset: int, end: int) -> Record | None:
    """The record of a sector that begins there and ends before `end`; None if there is none."""
    if offset + RECORD_MIN > end:
        return None
    length, kind, marks, mailbox_id, sequence = RECORD.unpack_from(content, offset)
    if not RECORD_MIN <= length <= RECORD_MAX or offset + length > end:
        return None
    crc_at = offset + length - CRC_SIZE
    if zlib.crc32(content[offset:crc_at]) != int.from_bytes(content[crc_at : crc_at + CRC_SIZE], "little"):
        return None
    return Record(sequence, kind, marks, mailbox_id, content[offset + RECORD.size : crc_at], number, offset)


def scan(content: bytes, number: int, end: int, is_good: bool) -> Iterator[Record | Hole]:
    """The records and holes of one sector up to `end`. A blank rest is no hole, unless all up to `end` is good."""
    offset = HEADER.size
    hole = offset
    blank_from = len(content.rstrip(bytes([ERASED])))
    while offset < min(end, blank_from):
        record = parse_record(content, number, offset, end)
        if record is None:
            offset += ALIGNMENT
            continue
        if hole < offset:
            yield Hole(number, hole, offset)
        yield record
        offset = hole = record.end
    if hole < end and (is_good or hole < blank_from):
        yield Hole(number, hole, end)
