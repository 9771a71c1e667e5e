"""All that a client can see of a store, as plain values that can be compared."""

import hashlib
from typing import Any, NamedTuple

from postino.store import INFO_ATTRIBUTES, INFO_ID, INFO_NAME, INFO_UIDVALIDITY, Store
from postino.store.catalogue import ENTRIES, INFO_COUNT, INFO_COUNTERS, INFO_DAYS, UIDNEXT, modseq_of
from postino.store.flags import KEYWORD_SHIFT

PIECE = 4096


class Entry(NamedTuple):
    uid: int
    slot: int
    letter: int
    size: int
    flags: tuple[str, ...]
    date: int
    modseq: int
    digest: str


class Box(NamedTuple):
    # Id, UIDVALIDITY, attributes, days, letters.
    fixed: tuple[int, ...]
    uidnext: int
    modseq: int
    keywords: tuple[str, ...]
    floor: int
    history: tuple[int, ...]
    entries: tuple[Entry, ...]


# What is seen of a name that is subscribed to and does not exist: neither id nor UIDVALIDITY, and the attribute 1.
NONEXISTENT = Box((0, 0, 1, 0, 0), 0, 0, (), 0, (), ())


class Nobody:
    """A session that does not listen."""

    def on_added(self, box: Any) -> None:
        pass

    on_expunged = on_flags = on_added

    def on_lost(self) -> None:
        raise AssertionError("a mailbox was lost")


NOBODY = Nobody()


def observe(store: Store, users, thorough: bool = True) -> dict[tuple[str, str], Box]:
    """(user, mailbox) -> what is in it; every letter is read whole. NONEXISTENT: subscribed, but no mailbox.

    A mailbox that had no letter yet, as the catalogue says, is opened only if `thorough`: it takes time.
    """
    read: dict[int, tuple[int, str]] = {}
    found = {}
    for user in users:
        for octets in store.nonexistent(user):
            assert store.find(user, octets.decode()) is None, f"{octets.decode()} of {user} exists"
            found[user, octets.decode()] = NONEXISTENT
        for info in store.mailboxes(user):
            counters = info[INFO_COUNTERS]
            if thorough or counters[UIDNEXT] > 1 or counters[ENTRIES]:
                found[user, info[INFO_NAME]] = observe_box(store, info, read)
            else:
                modseq = max(modseq_of(counters), 1)
                found[user, info[INFO_NAME]] = Box(fixed_of(info), 1, modseq, (), 0, (), ())
    return found


def fixed_of(info) -> tuple[int, ...]:
    return tuple(info[field] for field in (INFO_ID, INFO_UIDVALIDITY, INFO_ATTRIBUTES, INFO_DAYS, INFO_COUNT))


def observe_box(store: Store, info, read) -> Box:
    box = store.open_mailbox(info[INFO_ID], NOBODY)
    try:
        rows = []
        for index in range(len(box)):
            slot = box.letter(index)
            if slot not in read:
                read[slot] = read_letter(store, slot, box.size(index))
            letter, digest = read[slot]
            flags = names_of(box, box.flags(index))
            rows.append(
                Entry(
                    box.uid(index),
                    slot,
                    letter,
                    box.size(index),
                    flags,
                    box.date(index),
                    box.modseq(index),
                    digest,
                )
            )
        contents = box.contents
        assert box.uidvalidity == info[INFO_UIDVALIDITY]
        history = tuple(number + contents.base if at % 3 == 2 else number for at, number in enumerate(contents.history))
        keywords = tuple(box.keywords)
        return Box(fixed_of(info), box.uidnext, box.highest_modseq, keywords, contents.floor, history, tuple(rows))
    finally:
        box.close(NOBODY)


def names_of(box, flags: int) -> tuple[str, ...]:
    """Flags as names, for every mailbox numbers its keywords itself."""
    names = [str(1 << bit) for bit in range(KEYWORD_SHIFT) if flags & 1 << bit]
    if flags >> KEYWORD_SHIFT:
        names += [name for number, name in enumerate(box.keywords) if flags & 1 << (KEYWORD_SHIFT + number)]
    return tuple(sorted(names))


def read_letter(store: Store, slot: int, size: int) -> tuple[int, str]:
    """Letter id and digest. What is longer or shorter than its mailbox says is damaged."""
    reader = store.open_letter(slot)
    try:
        assert reader.size == size, f"slot {slot} holds {reader.size} octets, not {size}"
        digest = hashlib.sha256()
        buffer = bytearray(PIECE)
        left = size
        while left:
            count = reader.readinto(buffer)
            assert count, f"slot {slot} ends {left} octets early"
            digest.update(memoryview(buffer)[:count])
            left -= count
        return reader.letter_id, digest.hexdigest()[:16]
    finally:
        reader.close()
