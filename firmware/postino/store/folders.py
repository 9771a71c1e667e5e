"""Mailboxes as a tree of names: making, deleting, renaming, subscribing (RFC 3501 sections 6.3.3 to 6.3.7).

Names are str with "/" between levels; INBOX is written in upper case whatever the client wrote.
"""

from array import array

from postino.store import catalogue
from postino.store import journal as kinds
from postino.store.catalogue import INFO_ATTRIBUTES, INFO_ID, INFO_NAME, INFO_UIDVALIDITY, SUBSCRIBED
from postino.store.errors import HasChildren, InvalidName, LimitReached, MailboxExists, NoSuchMailbox, StoreError
from postino.store.remover import Remover, remove_snapshot
from postino.store.table import FLAGS, LETTER, SIZE

INBOX = "INBOX"
SEPARATOR = "/"

MAX_MAILBOXES = 100
MAX_NAME_BYTES = 200
MAX_USER_BYTES = 32

# Letters that leave INBOX in one transaction: their UIDs must be had in one piece of memory.
_MOVE_BATCH = 125

# What a new user gets (RFC 6154 for the special uses).
NEW_USER = (
    (INBOX, 0),
    ("Drafts", catalogue.DRAFTS),
    ("Sent", catalogue.SENT),
    ("Junk", catalogue.JUNK),
    ("Trash", catalogue.TRASH),
    ("Archive", catalogue.ARCHIVE),
)


def canonical(name: str) -> str:
    """RFC 3501 section 5.1: INBOX in any case is the same mailbox."""
    head = name[: len(INBOX)]
    rest = name[len(INBOX) :]
    if head.upper() == INBOX and (not rest or rest[0] == SEPARATOR):
        return INBOX + rest
    return name


def _checked(name: str) -> str:
    name = canonical(name)
    for level in name.split(SEPARATOR):
        if not level:
            raise InvalidName("empty level")
    for character in name:
        if ord(character) < 32 or ord(character) == 127:
            raise InvalidName("control character")
    if _octets(name) > MAX_NAME_BYTES:
        raise InvalidName("name too long")
    return name


def _octets(name: str) -> int:
    try:
        return len(name.encode())
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
            number = store.journal.next_mailbox + len(infos)
            validity = store.journal.next_uidvalidity + len(infos)
            infos.append((number, user, level, validity, attributes if depth == len(levels) else SUBSCRIBED))
    if infos and len(store.catalogue.of_user(user)) + len(infos) > MAX_MAILBOXES:
        raise LimitReached("too many mailboxes")
    return infos


def _commit(store, created: list, changed=()):
    """One transaction for all of them."""
    future = store.catalogue.changed(created + list(changed))
    for info in created:
        store.touch(info[INFO_ID])
    with store.journal as journal:
        for info in created:
            catalogue.put_record(journal, info, catalogue.CREATED)
        for info in changed:
            catalogue.put_record(journal, info, 0)
    store.catalogue.install(future)
    # Numbers are never given twice, UIDVALIDITY above all.
    store.journal.next_mailbox += len(created)
    store.journal.next_uidvalidity += len(created)


def ensure_user(store, user: str):
    if store.find(user, INBOX) is not None:
        return
    if not user or _octets(user) > MAX_USER_BYTES:
        raise InvalidName("user name")
    created = []
    for name, use in NEW_USER:
        if store.catalogue.find(user, name) is None:
            number = store.journal.next_mailbox + len(created)
            validity = store.journal.next_uidvalidity + len(created)
            created.append((number, user, name, validity, SUBSCRIBED | use))
    _commit(store, created)
    store.after()


def remove_user(store, user: str):
    """All the user's mailboxes, in one transaction; the letters go with the sweep."""
    infos = store.mailboxes(user)
    if infos:
        _commit_delete(store, infos)
        store.letters.sweep_wanted = True
        for info in infos:
            _forget(store, info[INFO_ID])
        store.after()


def create(store, user: str, name: str, attributes: int):
    name = _checked(name)
    if store.find(user, name) is not None:
        raise MailboxExists("mailbox exists")
    _commit(store, _missing(store, user, name, attributes))
    store.after()


def subscribe(store, user: str, name: str, wanted: bool):
    info = _found(store, user, name)
    attributes = info[INFO_ATTRIBUTES] & ~SUBSCRIBED | (SUBSCRIBED if wanted else 0)
    if attributes != info[INFO_ATTRIBUTES]:
        _commit(store, [], [(info[INFO_ID], user, info[INFO_NAME], info[INFO_UIDVALIDITY], attributes)])
        store.after()


def _commit_delete(store, infos: list):
    numbers = [info[INFO_ID] for info in infos]
    future = store.catalogue.changed([], numbers)
    with store.journal as journal:
        for number in numbers:
            journal.record(kinds.DELETE, number)
    store.catalogue.install(future)


def _forget(store, mailbox: int):
    """After the commit: nothing of a deleted mailbox stays."""
    store.lose_id(mailbox)
    store.touched.pop(mailbox, 0)
    store.recents.pop(mailbox, 0)
    remove_snapshot(store, mailbox)


def delete(store, user: str, name: str):
    info = _found(store, user, name)
    name = info[INFO_NAME]
    if name == INBOX:
        raise InvalidName("INBOX stays")
    if _below(store, user, name):
        raise HasChildren("mailbox has children")
    mailbox = info[INFO_ID]
    try:
        box = store.open_boxes.get(mailbox)
        table = box.table if box is not None else store.load(mailbox).table
    except (MemoryError, StoreError):
        # Damaged, or no room to read it: its letters are the sweep's.
        table = None
    remover = Remover(store)
    _commit_delete(store, [info])
    _forget(store, mailbox)
    try:
        _remove_letters(table, remover)
    except MemoryError:
        table = None
    if table is None:
        store.letters.sweep_wanted = True
    store.after()


def _remove_letters(table, remover):
    if table is None:
        return
    for index in range(len(table)):
        remover.put(table.word(index, LETTER), table.word(index, SIZE), table.word(index, FLAGS))
    remover.finish()


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
        if _octets(name) > MAX_NAME_BYTES:
            raise InvalidName("name too long")
        changed.append((each[INFO_ID], user, name, each[INFO_UIDVALIDITY], each[INFO_ATTRIBUTES]))
    parents = []
    if SEPARATOR in new:
        parents = _missing(store, user, new[: new.rindex(SEPARATOR)], SUBSCRIBED)
    _commit(store, parents, changed)
    store.after()


class _Nobody:
    """A listener that does not listen."""

    def on_added(self, box):
        pass

    on_expunged = on_flags = on_added

    def on_lost(self):
        pass


def _rename_inbox(store, user: str, info, new: str):
    """RFC 3501 section 6.3.5: the letters move to a new mailbox, INBOX stays and is empty."""
    listener = _Nobody()
    box = store.open_mailbox(info[INFO_ID], listener)
    try:
        create(store, user, new, SUBSCRIBED)
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
