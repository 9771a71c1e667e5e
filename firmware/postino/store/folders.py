"""Mailboxes as a tree of names: making, deleting, renaming, subscribing (RFC 3501 sections 6.3.3 to 6.3.7).

Names are str with "/" between levels; INBOX is written in upper case whatever the client wrote. What becomes of a
subscription when its mailbox goes is in nonexistent.py.
"""

import gc
from array import array

from postino.store import catalogue, fold, nonexistent, records
from postino.store.catalogue import (
    DYING,
    ENTRIES,
    INBOX,
    INFO_ATTRIBUTES,
    INFO_COUNTERS,
    INFO_ID,
    INFO_NAME,
    NEW_USER,
    SEPARATOR,
    SPECIAL_USES,
    SUBSCRIBED,
    canonical,
)
from postino.store.errors import (
    HasChildren,
    InvalidName,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
    StoreUnavailable,
)
from postino.store.mailbox import Nobody

MAX_MAILBOXES = 100
# The mailboxes of all users take one part of so many of the heap, but for those that every user has from the start.
HEAP_PARTS = 7
# Octets of heap that a mailbox takes beside those of its name, about.
_MAILBOX_OCTETS = 136
MAX_NAME_BYTES = 200
MAX_USER_BYTES = 32
# Days, and letters.
MAX_RETENTION = 0xFFFF
# Letters that leave a dying mailbox in one slice.
_DRAIN_BATCH = 16

# Letters that leave INBOX in one transaction: their UIDs must be had in one piece of memory.
_MOVE_BATCH = 125


def _checked(name: str) -> str:
    name = canonical(name)
    for level in name.split(SEPARATOR):
        if not level:
            raise InvalidName("empty level")
    octets = _encoded(name)
    # The characters of a str would be interned, each for good.
    for octet in octets:
        if octet < 32 or octet == 127:
            raise InvalidName("control character")
    if len(octets) > MAX_NAME_BYTES:
        raise InvalidName("name too long")
    return name


def _encoded(name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeError:
        raise InvalidName("not Unicode")


def _found(store, user: str, name: str):
    info = store.find(user, name)
    if info is None:
        raise NoSuchMailbox("no such mailbox")
    return info


def _missing(store, user: str, name: str, attributes: int) -> list:
    """New tuples for the mailbox and those above it that do not exist."""
    infos = []
    levels = name.split(SEPARATOR)
    for depth in range(1, len(levels) + 1):
        level = SEPARATOR.join(levels[:depth])
        if store.catalogue.find(user, level) is None:
            use = attributes if depth == len(levels) else SUBSCRIBED
            infos.append(_new(store, user, level, use, len(infos)))
    if infos and len(store.catalogue.of_user(user)) + len(infos) > MAX_MAILBOXES:
        raise LimitReached("too many mailboxes")
    return infos


def _check_heap(store, changed: list):
    """The heap has room for these mailboxes, which are new or have other names. Raises LimitReached."""
    # CPython has no such limit.
    if not hasattr(gc, "mem_free"):
        return
    octets = _heap_of(store.catalogue.changed(changed)[0])
    if octets > (gc.mem_free() + gc.mem_alloc()) // HEAP_PARTS and octets > _heap_of(store.catalogue.infos):
        raise LimitReached("too many mailboxes of all users")


def _heap_of(infos: list) -> int:
    octets = 0
    for info in infos:
        octets += _MAILBOX_OCTETS + len(info[INFO_NAME].encode())
    return octets


def _new(store, user: str, name: str, attributes: int, number: int):
    """The number-th (from 0) new mailbox of a transaction."""
    return catalogue.new_info(store.next_mailbox + number, user, name, store.next_uidvalidity + number, attributes)


def _commit(store, user: str, created: list, changed=(), before=()):
    """One transaction for all of them. `before` is what `changed` was, where the names of mailboxes change."""
    store.prepare()
    changed = list(changed)
    names = nonexistent.Change(store.catalogue.names, user, before, created + changed)
    future = store.catalogue.changed(created + changed, (), names.names)
    for info in created:
        store.touch(info)
    with store.log as log:
        for info in created:
            catalogue.put_record(log, info, catalogue.CREATED)
        for number, info in enumerate(changed):
            catalogue.put_record(log, info, names.marks(before[number]) if before else 0)
        names.put(log)
    store.catalogue.install(future)
    # Numbers are never given twice, UIDVALIDITY above all.
    store.next_mailbox += len(created)
    store.next_uidvalidity += len(created)
    for info in created:
        store.logged(info[INFO_ID])


def ensure_user(store, user: str):
    if store.find(user, INBOX) is not None:
        return
    if not user or len(_encoded(user)) > MAX_USER_BYTES:
        raise InvalidName("user name")
    created = []
    for name, use in NEW_USER:
        if store.catalogue.find(user, name) is None:
            created.append(_new(store, user, name, SUBSCRIBED | use, len(created)))
    _commit(store, user, created)
    store.after()


def remove_user(store, user: str):
    """All the user's mailboxes and subscriptions, in one transaction; the letters go in idle slices."""
    infos = store.mailboxes(user)
    if infos:
        _commit_dying(store, infos, nonexistent.Removal(store.catalogue.names, user))
        store.after()


def create(store, user: str, name: str, special_use: int):
    """With those above it that are missing, which have no special use."""
    name = _checked(name)
    if special_use & ~SPECIAL_USES:
        raise InvalidName("no such special use")
    if store.find(user, name) is not None:
        raise MailboxExists("mailbox exists")
    created = _missing(store, user, name, SUBSCRIBED | special_use)
    _check_heap(store, created)
    _commit(store, user, created)
    store.after()


def subscribe(store, user: str, name: str, wanted: bool):
    if nonexistent.octets_of(user, canonical(name)) in store.catalogue.names:
        if not wanted:
            _unsubscribe_nonexistent(store, user, canonical(name))
        return
    info = _found(store, user, name)
    attributes = info[INFO_ATTRIBUTES] & ~SUBSCRIBED | (SUBSCRIBED if wanted else 0)
    if attributes != info[INFO_ATTRIBUTES]:
        _commit(store, user, [], [catalogue.with_values(info, user, info[INFO_NAME], attributes)])
        store.after()


def _unsubscribe_nonexistent(store, user: str, name: str):
    store.prepare()
    gone = nonexistent.octets_of(user, name)
    names = nonexistent.without(store.catalogue.names, gone)
    with store.log as log:
        nonexistent.drop(log, gone)
    store.catalogue.names = names
    store.after()


def set_retention(store, user: str, name: str, days: int, count: int):
    """Letters leave the mailbox by themselves: after so many days, and above so many letters; 0 is never."""
    info = _found(store, user, name)
    if not 0 <= days <= MAX_RETENTION or not 0 <= count <= MAX_RETENTION:
        raise InvalidName("retention out of range")
    _commit(store, user, [], [catalogue.with_retention(info, days, count)])
    store.keeper.look_at_retention()
    store.after()


def _commit_dying(store, infos: list, names):
    """The mailboxes are gone for everybody; their letters follow (drain)."""
    store.prepare()
    dying = [catalogue.with_values(info, "", "", DYING) for info in infos]
    future = store.catalogue.changed(dying, (), names.names)
    with store.log as log:
        for number, info in enumerate(dying):
            catalogue.put_record(log, info, names.marks(infos[number]))
        names.put(log)
    store.catalogue.install(future)
    for info in infos:
        store.recents.pop(info[INFO_ID], 0)
        store.lose_id(info[INFO_ID])


def delete(store, user: str, name: str):
    info = _found(store, user, name)
    name = info[INFO_NAME]
    if name == INBOX:
        raise InvalidName("INBOX stays")
    if _below(store, user, name):
        raise HasChildren("mailbox has children")
    _commit_dying(store, [info], nonexistent.Change(store.catalogue.names, user, (info,), ()))
    store.after()


def drain(store, info) -> bool:
    """Takes some letters out of a dying mailbox; drops it when it is empty. True while there is more to do."""
    store.prepare()
    first = _first_letters(store, info)
    if not first:
        _drop(store, info)
        return False
    take_out(store, info, first)
    return True


def _first_letters(store, info) -> array:
    """UID, slot and blocks of the oldest letters, three numbers each, up to _DRAIN_BATCH letters."""
    found = array("I")
    if not info[INFO_COUNTERS][ENTRIES]:
        return found
    entries = fold.Entries(store, info, 2)
    try:
        window = entries.next()
        while window is not None and len(found) < 3 * _DRAIN_BATCH:
            window.visit(fold.Collector(found, 3 * _DRAIN_BATCH).put)
            window = entries.next()
        if entries.contents.damaged and not found:
            # The repair brings the rest back: here, so that it can go.
            store.note_damage(info[INFO_ID])
            raise StoreUnavailable("mailbox %x is damaged" % info[INFO_ID])
    finally:
        entries.close()
    return found


def take_out(store, info, letters):
    """Expunges letters (UID, slot, blocks, …) of a mailbox, whether a session has it open or not."""
    box = store.open_boxes.get(info[INFO_ID])
    if box is not None:
        box.expunge(array("I", [letters[at] for at in range(0, len(letters), 3)]))
        return
    store.touch(info)
    begun = False
    with store.log as log:
        for at in range(0, len(letters), 3):
            if not begun or log.room() < records.EXPUNGE_ITEM:
                log.record(records.EXPUNGE, info[INFO_ID], records.EXPUNGE_ITEM)
                begun = True
            log.put_struct("<IHH", letters[at], letters[at + 1], letters[at + 2])
    store.logged(info[INFO_ID])
    for at in range(0, len(letters), 3):
        store.left(info, letters[at + 1], letters[at + 2])
    store.after()


def _drop(store, info):
    future = store.catalogue.changed([], (info[INFO_ID],))
    with store.log as log:
        log.record(records.DROP, info[INFO_ID], 0)
    store.catalogue.install(future)
    fold.remove(store, info[INFO_ID])
    store.after()


def _below(store, user: str, name: str) -> list:
    prefix = name + SEPARATOR
    return [info for info in store.catalogue.of_user(user) if info[INFO_NAME].startswith(prefix)]


def rename(store, user: str, old: str, new: str):
    info = _found(store, user, old)
    old = info[INFO_NAME]
    new = _checked(new)
    if store.find(user, new) is not None:
        raise MailboxExists("mailbox exists")
    if new.startswith(old + SEPARATOR):
        raise InvalidName("below itself")
    if old == INBOX:
        _rename_inbox(store, user, info, new)
        return
    family = _below(store, user, old)
    family.append(info)
    changed = []
    for each in family:
        name = new + each[INFO_NAME][len(old) :]
        if len(name.encode()) > MAX_NAME_BYTES:
            raise InvalidName("name too long")
        changed.append(catalogue.with_values(each, user, name, each[INFO_ATTRIBUTES]))
    parents = []
    if SEPARATOR in new:
        parents = _missing(store, user, new[: new.rindex(SEPARATOR)], SUBSCRIBED)
    _check_heap(store, parents + changed)
    _commit(store, user, parents, changed, family)
    store.after()


def _rename_inbox(store, user: str, info, new: str):
    """RFC 3501 section 6.3.5: the letters move to a new mailbox, INBOX stays and is empty."""
    listener = Nobody()
    box = store.open_mailbox(info[INFO_ID], listener)
    try:
        create(store, user, new, 0)
        target = store.find(user, new)[INFO_ID]
        while len(box):
            count = min(len(box), _MOVE_BATCH)
            uids = array("I", bytes(4 * count))
            for index in range(count):
                uids[index] = box.uid(index)
            box.move(uids, target)
        # Lost on the way, it looks empty.
        box.check()
    finally:
        box.close(listener)
