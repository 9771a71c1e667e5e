"""The trailer behind the octets of a letter: its structure, who got it, and checksums (docs/store.md, A letter)."""

import struct
from array import array
from binascii import crc32

MAGIC = b"PLT2"

# Magic, length of the trailer, octets of the structure, mailboxes, 0, letter, size, length of the header, date, CRC of
# the message; then the CRC of all that.
_FIXED = "<4sHHHHIIIII"
_FIXED_SIZE = 32
_CRC_SIZE = 4
_END_SIZE = _FIXED_SIZE + _CRC_SIZE
_PIECE = 128

# With a file up to the size of littlefs' cache, the letter would lie in its directory.
_SMALLEST_FILE = 129

MOST_MAILBOXES = 64

# Fields of what read() returns.
LENGTH = 0
STRUCTURE = 1
MAILBOXES = 2
LETTER = 3
SIZE = 4
HEADER = 5
DATE = 6
CRC = 7


def length_of(size: int, structure: bytes, mailboxes: int) -> int:
    """Octets of the trailer of a letter of so many octets."""
    length = len(structure) + 4 * mailboxes + _END_SIZE
    return max(length, _SMALLEST_FILE - size)


def write(file, structure: bytes, mailboxes, letter: int, size: int, header: int, date: int, crc: int):
    """Writes the trailer at the end of the file; `mailboxes` is an array of words."""
    length = length_of(size, structure, len(mailboxes))
    zeros = bytes(length - len(structure) - 4 * len(mailboxes) - _END_SIZE)
    end = bytearray(_END_SIZE)
    values = (MAGIC, length, len(structure), len(mailboxes), 0, letter, size, header, date, crc)
    struct.pack_into(_FIXED, end, 0, *values)
    own = 0
    for piece in (structure, mailboxes, zeros):
        if len(piece):
            own = crc32(piece, own)
            file.write(piece)
    own = crc32(memoryview(end)[:_FIXED_SIZE], own)
    struct.pack_into("<I", end, _FIXED_SIZE, own & 0xFFFFFFFF)
    file.write(end)


def read(file):
    """The fields, or None if the file does not end in a valid trailer. Moves the position."""
    octets = file.seek(0, 2)
    if octets < _SMALLEST_FILE:
        return None
    end = bytearray(_END_SIZE)
    file.seek(octets - _END_SIZE)
    if file.readinto(end) < _END_SIZE:
        return None
    magic, length, structure, mailboxes, _, letter, size, header, date, crc = struct.unpack_from(_FIXED, end, 0)
    if magic != MAGIC or size + length != octets or structure + 4 * mailboxes + _END_SIZE > length:
        return None
    file.seek(size)
    own = _crc_of(file, length - _END_SIZE)
    own = crc32(memoryview(end)[:_FIXED_SIZE], own) & 0xFFFFFFFF
    if struct.unpack_from("<I", end, _FIXED_SIZE)[0] != own:
        return None
    return length, structure, mailboxes, letter, size, header, date, crc


def _crc_of(file, octets: int) -> int:
    """The CRC of the next octets; what is missing makes it wrong."""
    piece = bytearray(_PIECE)
    crc = 0
    while octets > 0:
        view = memoryview(piece)[: min(octets, _PIECE)]
        count = file.readinto(view)
        if not count:
            break
        crc = crc32(view[:count], crc)
        octets -= count
    return crc


def structure_of(file, fields) -> bytes:
    file.seek(fields[SIZE])
    return file.read(fields[STRUCTURE])


def mailboxes_of(file, fields):
    """The ids of the mailboxes that got the letter first."""
    file.seek(fields[SIZE] + fields[STRUCTURE])
    return array("I", file.read(4 * fields[MAILBOXES]))
