"""The snapshot of a mailbox: its entries, keywords and history, as of a sequence number."""

import struct
import zlib
from dataclasses import dataclass, field

from postino_tools.mail_image.octets import Damaged, Octets, without_crc
from postino_tools.mail_image.records import Entry

FORMAT = 2
MAGIC = b"PMB2"
PAGE_MAGIC = b"PG"
# Magic, format, keywords, mailbox id, UIDVALIDITY, UIDNEXT, first recent UID, sequence, base, highest modification
# sequence, floor, entries, runs of the history, octets of keywords.
HEAD = struct.Struct("<4sHHIIIIQQQQIHH")
RUN = struct.Struct("<III")
# Magic, entries, number, mailbox id, CRC.
PAGE_HEAD = struct.Struct("<2sHIII")
PAGE_CRC_AT = 12
PAGE = 1024
ENTRY = struct.Struct("<IIIIIIIHHB3x")
ENTRIES_OF_PAGE = 28
KEYWORDS_MAX = 32
HISTORY_MAX = 64


@dataclass
class Snapshot:
    """A snapshot as it was read; `problems` says what of it could not be."""

    mailbox_id: int
    uidvalidity: int
    uidnext: int
    first_recent: int
    sequence: int
    highest_modseq: int
    floor: int
    entry_count: int
    keywords: list[str]
    # First UID, last UID, modification sequence.
    history: list[tuple[int, int, int]]
    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def parse_snapshot(content: bytes) -> Snapshot:
    """A snapshot with the entries of all pages that are whole. Damaged if its head is."""
    octets = Octets(content)
    magic, version, keyword_count, *numbers = octets.unpack(HEAD)
    mailbox_id, uidvalidity, uidnext, first_recent, sequence, base, highest, floor, *counts = numbers
    entry_count, run_count, keyword_octets = counts
    if magic != MAGIC or version != FORMAT:
        raise Damaged("it does not begin with PMB2 and format 2")
    if run_count > HISTORY_MAX or keyword_count > KEYWORDS_MAX:
        raise Damaged(f"{keyword_count} keywords and {run_count} runs of history are too many")
    head_size = HEAD.size + keyword_octets + RUN.size * run_count + 4
    head = without_crc(Octets(content).take(head_size), "its head")
    octets = Octets(head, HEAD.size)
    keywords = _take_keywords(Octets(octets.take(keyword_octets)), keyword_count)
    history = [(first, last, base + modseq) for first, last, modseq in octets.unpack_rest(RUN)]
    snapshot = Snapshot(
        mailbox_id, uidvalidity, uidnext, first_recent, sequence, highest, floor, entry_count, keywords, history
    )
    _take_pages(snapshot, content, head_size, base)
    return snapshot


def salvage(content: bytes, mailbox_id: int) -> list[Entry]:
    """The entries of a snapshot whose head is damaged, as far as pages are found. Their changes are not known."""
    found: dict[int, Entry] = {}
    at = content.find(PAGE_MAGIC)
    while at >= 0:
        try:
            _, entries = _parse_page(content[at : at + PAGE], mailbox_id, 0)
            found.update((entry.uid, entry) for entry in entries)
        except Damaged:
            pass
        at = content.find(PAGE_MAGIC, at + 1)
    return [found[uid] for uid in sorted(found)]


def _take_keywords(octets: Octets, count: int) -> list[str]:
    keywords = [octets.text(octets.take(1)[0]) for _ in range(count)]
    if octets.left():
        raise Damaged("the keywords are longer than it says")
    return keywords


def _take_pages(snapshot: Snapshot, content: bytes, offset: int, base: int) -> None:
    missing = snapshot.entry_count
    number = 0
    while missing > 0 and offset < len(content):
        expected = min(missing, ENTRIES_OF_PAGE)
        try:
            own_number, entries = _parse_page(content[offset : offset + PAGE], snapshot.mailbox_id, base)
            if own_number != number:
                raise Damaged(f"it is page {own_number}")
            if len(entries) != expected:
                snapshot.problems.append(f"page {number} has {len(entries)} entries in place of {expected}")
            snapshot.entries += entries
        except Damaged as error:
            snapshot.problems.append(f"page {number}: {error}")
        missing -= expected
        number += 1
        offset += PAGE
    if missing > 0:
        snapshot.problems.append(f"the last {missing} entries are missing")
    elif content[offset:]:
        snapshot.problems.append(f"{len(content) - offset} octets too many")


def _parse_page(page: bytes, mailbox_id: int, base: int) -> tuple[int, list[Entry]]:
    """The number of a page of this mailbox, and its entries."""
    magic, count, number, own_mailbox_id, crc = Octets(page).unpack(PAGE_HEAD)
    if magic != PAGE_MAGIC or count > ENTRIES_OF_PAGE:
        raise Damaged("it is not a page")
    content = page[PAGE_HEAD.size : PAGE_HEAD.size + count * ENTRY.size]
    if len(content) != count * ENTRY.size:
        raise Damaged("it is too short")
    if own_mailbox_id != mailbox_id:
        raise Damaged(f"it belongs to mailbox {own_mailbox_id}")
    if zlib.crc32(content, zlib.crc32(page[:PAGE_CRC_AT])) != crc:
        raise Damaged("its CRC does not hold")
    return number, [_entry(fields, base) for fields in ENTRY.iter_unpack(content)]


def _entry(fields: tuple, base: int) -> Entry:
    uid, letter_id, size, internaldate, save_date, keywords, modseq, slot, blocks, flags = fields
    return Entry(uid, letter_id, size, internaldate, save_date, keywords, base + modseq, slot, blocks, flags)
