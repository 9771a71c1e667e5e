"""A letter's file: the octets of the message, then the trailer that says what they are."""

import hashlib
import re
import struct
import zlib
from dataclasses import dataclass, field

from postino_tools.mail_image.octets import Damaged

MAGIC = b"PLT2"
# Magic, length of the trailer, of the structure, mailboxes, 0, letter id, size, header length, INTERNALDATE, CRC of
# the message, CRC of the trailer.
TAIL = struct.Struct("<4sHHHHIIIIII")
MAILBOX = struct.Struct("<I")
# Start of the header, start and end of the body, line ends, kind and number of the entity around.
ENTITY = struct.Struct("<IIIII")
ENTITY_KINDS = 5
ENTITIES_MAX = 48
MAILBOXES_MAX = 64
# A file that is not longer would be stored in its directory.
INLINE_MAX = 128
SLOTS_OF_FOLDER = 64
PATH = re.compile("(0|[1-9a-f][0-9a-f]*)/(0|[1-9a-f][0-9a-f]*)")
HALF_MADE = "~"
CRC_SIZE = 4


@dataclass(frozen=True)
class Trailer:
    """What the trailer says."""

    length: int
    structure: bytes
    mailboxes: list[int]
    letter_id: int
    size: int
    header_length: int
    internaldate: int
    crc: int


@dataclass
class LetterFile:
    """A letter's file as it was read. Without a trailer it is not a letter."""

    file_size: int
    trailer: Trailer | None
    sha256: str = ""
    problems: list[str] = field(default_factory=list)


def path_of(slot: int) -> str:
    return f"{slot // SLOTS_OF_FOLDER:x}/{slot % SLOTS_OF_FOLDER:x}"


def slot_of(path: str) -> int | None:
    """The slot of a path; None if it is not that of a letter."""
    match = PATH.fullmatch(path)
    if match is None:
        return None
    folder, name = (int(part, 16) for part in match.groups())
    return folder * SLOTS_OF_FOLDER + name if name < SLOTS_OF_FOLDER else None


def examine(content: bytes) -> LetterFile:
    """The trailer of a file, checked against the message before it."""
    try:
        trailer = parse_trailer(content)
    except Damaged as error:
        return LetterFile(len(content), None, problems=[str(error)])
    message = content[: -trailer.length]
    letter = LetterFile(len(content), trailer, hashlib.sha256(message).hexdigest())
    if len(message) != trailer.size:
        letter.problems.append(f"the message has {len(message)} octets, its trailer says {trailer.size}")
    if zlib.crc32(message) != trailer.crc:
        letter.problems.append("the CRC of the message does not hold")
    if trailer.header_length > trailer.size:
        letter.problems.append(f"the header of {trailer.header_length} octets is longer than the message")
    letter.problems += _check_structure(trailer)
    if len(content) <= INLINE_MAX:
        letter.problems.append(f"the file is not longer than {INLINE_MAX} octets")
    return letter


def parse_trailer(content: bytes) -> Trailer:
    """The trailer at the end of a file; Damaged if there is no valid one."""
    if len(content) < TAIL.size or content[-TAIL.size :][:4] != MAGIC:
        raise Damaged("the file has no trailer")
    _, length, structure_size, count, _, letter_id, size, header_length, date, crc, own_crc = TAIL.unpack(
        content[-TAIL.size :]
    )
    front = structure_size + count * MAILBOX.size
    if front + TAIL.size > length or length > len(content):
        raise Damaged(f"the trailer cannot have {length} octets")
    trailer = content[-length:]
    if zlib.crc32(trailer[:-CRC_SIZE]) != own_crc:
        raise Damaged("the CRC of the trailer does not hold")
    mailboxes = [mailbox for (mailbox,) in MAILBOX.iter_unpack(trailer[structure_size:front])]
    return Trailer(length, trailer[:structure_size], mailboxes, letter_id, size, header_length, date, crc)


def _check_structure(trailer: Trailer) -> list[str]:
    """The table of MIME entities: in the order of the letter, each inside the message and the one around it."""
    if len(trailer.structure) % ENTITY.size or len(trailer.structure) > ENTITIES_MAX * ENTITY.size:
        return [f"a structure of {len(trailer.structure)} octets is not possible"]
    if len(trailer.mailboxes) > MAILBOXES_MAX:
        return [f"{len(trailer.mailboxes)} first mailboxes are too many"]
    entities = list(ENTITY.iter_unpack(trailer.structure))
    for number, (header, body, end, _, kind) in enumerate(entities, 1):
        around = kind >> 8
        if not header <= body <= end <= trailer.size or kind & 0xFF >= ENTITY_KINDS or around >= number:
            return [f"entity {number} of its structure makes no sense"]
        if (around == 0) != (number == 1):
            return [f"entity {number} of its structure is at the wrong place"]
    return []
