"""What both candidates share: the letters' files, entries of 36 octets, files that are replaced as a whole.

Runs inside MicroPython, on its littlefs. Prototypes: they count flash operations, they recover nothing.
"""

import os
import struct

# UID, letter id, size, INTERNALDATE, save date, keywords, modification sequence, slot, blocks, flags.
ENTRY = "<IIIIIIIHHB3x"
ENTRY_SIZE = 36
PAGE = 1024
PER_PAGE = 28
HEAD_SIZE = 64


def write_letter(root, slot, size):
    """A letter's file: 64 a directory."""
    path = "%s/%x" % (root, slot >> 6)
    if not slot & 63:
        os.mkdir(path)
    piece = bytearray(b"x" * PAGE)
    with open("%s/%x" % (path, slot & 63), "wb") as file:
        while size > 0:
            file.write(memoryview(piece)[: min(PAGE, size)])
            size -= PAGE


def remove_letter(root, slot):
    os.remove("%s/%x/%x" % (root, slot >> 6, slot & 63))


def new_entry(uid, slot, sequence):
    return struct.pack(ENTRY, uid, slot + 1, 4036, 1764000000, 1764000000, 0, sequence, slot, 1, 0)


def changed(entry, change):
    """The entry with the flags, keywords and modification sequence of a change."""
    flags, keywords, sequence = change
    result = bytearray(entry)
    struct.pack_into("<II", result, 20, keywords, sequence)
    result[32] = flags
    return bytes(result)


def note_flags(changes, uid, flags, keywords, sequence):
    """Adds new flags to {UID: new entry, change of one, or None for one that is gone}."""
    change = (flags, keywords, sequence)
    present = changes.get(uid)
    changes[uid] = changed(present, change) if isinstance(present, bytes) else change


def merged(path, changes):
    """(UID, entry) of the mailbox as it is now, ascending; the old file is read sequentially."""
    largest = 0
    for uid, entry in entries(path):
        largest = uid
        change = changes.get(uid, entry)
        if change is not None:
            yield uid, changed(entry, change) if isinstance(change, tuple) else change
    for uid in sorted(changes):
        if uid > largest and changes[uid] is not None:
            yield uid, changes[uid]


def rewrite(path, changes):
    """Writes a mailbox's file anew. The rename is the commit point."""
    with open(path + ".new", "wb") as new:
        new.write(bytes(HEAD_SIZE))
        page = bytearray()
        for _, entry in merged(path, changes):
            page += entry
            if len(page) == PER_PAGE * ENTRY_SIZE:
                _write_page(new, page)
                page = bytearray()
        if page:
            _write_page(new, page)
    os.rename(path + ".new", path)


def _write_page(file, page):
    file.write(struct.pack("<HHIII", 0, len(page) // ENTRY_SIZE, 0, 0, 0) + page)


def entries(path):
    """(UID, entry) of a mailbox's file, which may not be there; read sequentially."""
    if not exists(path):
        return
    with open(path, "rb") as file:
        file.read(HEAD_SIZE)
        while True:
            head = file.read(16)
            if len(head) < 16:
                break
            page = file.read(ENTRY_SIZE * (head[2] | head[3] << 8))
            for at in range(0, len(page), ENTRY_SIZE):
                yield struct.unpack_from("<I", page, at)[0], page[at : at + ENTRY_SIZE]


def exists(path):
    try:
        return bool(os.stat(path))
    except OSError:
        return False
