"""A store driven by commands that are plain data, on CPython and inside MicroPython alike, for the state machine.

Every command is a method of Driver; arguments and results are what JSON has. `observe` tells all that a client can see,
read through the interface that the protocols use.
"""

import hashlib
from array import array
from binascii import hexlify

from postino.store import INFO_ATTRIBUTES, INFO_ID, INFO_NAME, StoreError, files
from postino.store.catalogue import INFO_COUNT, INFO_DAYS
from postino.store.flags import DRAFT, KEYWORD_SHIFT, MAX_KEYWORDS

PIECE = 512


def octets_of(number, size):
    """The letter with this number: so many octets, unlike those of any other."""
    line = b"letter %d, " % number
    return (line * (size // len(line) + 1))[:size]


def expire_all(store):
    """All that is due, at once."""
    # Imported when it is needed, as the store does: it takes heap.
    from postino.store import retention

    while retention.step(store):
        pass


class Driver:
    def __init__(self, store, seconds, reports):
        self.store = store
        # What the store reports of damage.
        self.reports = reports
        # What the store's clock reads.
        self.seconds = seconds
        self.sessions = {}
        self.readers = {}
        self.writers = {}

    def call(self, name, *arguments):
        """A command's result, or the name of the store's exception."""
        try:
            return {"result": getattr(self, name)(*arguments)}
        except StoreError as error:
            return {"error": type(error).__name__, "text": str(error)}

    def clock(self, now):
        self.seconds[0] = now

    # Letters in.

    def deliver(self, users, number, size, date):
        return self._written(number, size, lambda letter: self.store.deliver(letter, users, date))

    def append(self, *arguments):
        return list(self.append_only(*arguments))

    def append_only(self, user, name, number, size, flags, keywords, date):
        """Makes nothing after the append, which may be what there is no memory for."""

        def add(letter):
            with _Opened(self.store, user, name) as box:
                return self.store.append(letter, box.id, mask_of(box, flags, keywords), date)

        return self._written(number, size, add)

    def append_all(self, *arguments):
        validity, uids = self.append_all_only(*arguments)
        return [validity, list(uids)]

    def append_all_only(self, user, name, letters, flags, keywords, date):
        """`letters`: number and size each. Some of the files are closed at once, as a session does."""
        writers = []
        try:
            for number, size in letters:
                writers.append(self.store.new_letter())
                self._write(writers[-1], octets_of(number, size))
                if number % 2:
                    self.store.finish_letter(writers[-1], self._id(user, name), date)
            with _Opened(self.store, user, name) as box:
                mask = mask_of(box, flags, keywords)
                return self.store.append_all(box.id, [(writer, mask, date) for writer in writers])
        finally:
            for writer in writers:
                writer.abort()

    def replace(self, *arguments):
        return list(self.replace_only(*arguments))

    def replace_only(self, user, name, uid, target, number, size, flags, keywords, date):
        def put(letter):
            with _Opened(self.store, user, name) as box, _Opened(self.store, user, target) as there:
                return self.store.replace(letter, box, uid, there.id, mask_of(there, flags, keywords), date)

        return self._written(number, size, put)

    def _written(self, number, size, commit):
        letter = self.store.new_letter()
        try:
            self._write(letter, octets_of(number, size))
            return commit(letter)
        finally:
            letter.abort()

    def _write(self, letter, octets):
        for start in range(0, len(octets), PIECE):
            letter.write(memoryview(octets)[start : start + PIECE])

    def begin(self, writer, number, size):
        """A letter that comes in while others do something."""
        letter = self.store.new_letter()
        self.writers[writer] = letter
        self._write(letter, octets_of(number, size))

    def finish(self, writer, users, date):
        letter = self.writers.pop(writer)
        try:
            self.store.deliver(letter, users, date)
        finally:
            letter.abort()

    def abandon(self, writer):
        self.writers.pop(writer).abort()

    # Letters out.

    def read_begin(self, reader, user, name, uid):
        with _Opened(self.store, user, name) as box:
            self.readers[reader] = self.store.open_letter(box.letter(box.index_of(uid)))

    def read_end(self, reader):
        """The digest of the letter, which may be in no mailbox any more."""
        return digest_of(self.readers.pop(reader))

    # Sessions.

    def open(self, session, user, name):
        view = View()
        box = self.store.open_mailbox(self._id(user, name), view)
        view.attach(box)
        self.sessions[session] = view

    def close(self, session):
        view = self.sessions.pop(session)
        view.box.close(view)

    def claim(self, session):
        return self.sessions[session].box.claim_recent()

    # Letters in a mailbox. `session` is the one that asks, or null.

    def change(self, user, name, uids, how, flags, keywords, session):
        with _Opened(self.store, user, name) as box:
            mask = mask_of(box, flags, keywords)
            asks = self.sessions.get(session)
            if how == "set":
                box.set_flags(array("I", uids), mask, asks)
            elif how == "add":
                # Both in one change, as a swap of flags would have it.
                box.change_flags(array("I", uids), mask, DRAFT, asks)
            else:
                box.change_flags(array("I", uids), 0, mask, asks)

    def expunge(self, user, name, uids):
        with _Opened(self.store, user, name) as box:
            box.expunge(array("I", uids))

    def transfer(self, user, name, uids, target, move):
        with _Opened(self.store, user, name) as box:
            return (box.move if move else box.copy)(array("I", uids), self._id(user, target))

    def copy(self, user, name, uids, target):
        validity, new = self.transfer(user, name, uids, target, False)
        return [validity, list(new)]

    def move(self, user, name, uids, target):
        validity, new = self.transfer(user, name, uids, target, True)
        return [validity, list(new)]

    def claim_and_shut(self, user):
        """The end of the firmware, when something is known that is not on flash yet."""
        with _Opened(self.store, user, "INBOX") as box:
            box.claim_recent()
        self.store.close()

    # Mailboxes.

    def _id(self, user, name):
        info = self.store.find(user, name)
        return 0 if info is None else info[INFO_ID]

    def ensure_user(self, user):
        self.store.ensure_user(user)

    def remove_user(self, user):
        self.store.remove_user(user)

    def create(self, user, name, special_use=0):
        self.store.create(user, name, special_use)

    def delete(self, user, name):
        self.store.delete(user, name)

    def rename(self, user, old, new):
        self.store.rename(user, old, new)

    def subscribe(self, user, name, wanted):
        self.store.subscribe(user, name, wanted)

    def set_retention(self, user, name, days, count):
        self.store.set_retention(user, name, days, count)

    # The whole store.

    def maintain(self, slices):
        for _ in range(slices):
            self.store.maintain()

    def expire(self):
        expire_all(self.store)

    def shut(self):
        """A clean end: no letter is on its way in or out then."""
        for letter in self.writers.values():
            letter.abort()
        for reader in self.readers.values():
            reader.close()
        self.store.close()
        return all(view.lost for view in self.sessions.values())

    def observe(self, users, contents):
        """All that can be seen; with `contents`, every letter is read."""
        boxes = []
        for user in users:
            for info in self.store.mailboxes(user):
                boxes.append(self._mailbox(user, info, contents))
        slots = stored(self.store.root)
        return {
            "boxes": boxes,
            "nonexistent": [[user, name.decode()] for user in users for name in self.store.nonexistent(user)],
            "sessions": [[number, view.told()] for number, view in self.sessions.items()],
            "reports": [line for line in self.reports if not line.startswith("retention")],
            "files": slots,
            # Mailboxes that are being deleted still hold letters, and count among their references.
            "dying": self.store.catalogue.dying() is not None,
            "references": max([self.store.slots.get(slot) for slot in slots if self.store.slots.is_used(slot)] or [0]),
            "free": self.store.free_bytes(),
            "used": {user: self.store.used_bytes(user) for user in users},
        }

    def _mailbox(self, user, info, contents):
        status = list(self.store.status(user, info[INFO_NAME]))
        with _Opened(self.store, user, info[INFO_NAME]) as box:
            return {
                "user": user,
                "name": info[INFO_NAME],
                "id": info[INFO_ID],
                "attributes": info[INFO_ATTRIBUTES],
                "days": info[INFO_DAYS],
                "count": info[INFO_COUNT],
                "status": status[:-1],
                "status_modseq": status[-1],
                "uidvalidity": box.uidvalidity,
                "uidnext": box.uidnext,
                "recent": box.recent_from,
                "modseq": box.highest_modseq,
                "keywords": list(box.keywords),
                "history": history_of(box.contents),
                "floor": box.contents.floor,
                "entries": [self._entry(box, index, contents) for index in range(len(box))],
            }

    def _entry(self, box, index, contents):
        slot = box.letter(index)
        digest = digest_of(self.store.open_letter(slot)) if contents else ""
        flags = " ".join(names_of(box, index))
        return [box.uid(index), slot, box.size(index), flags, box.date(index), box.modseq(index), digest]


class View:
    """A session, and what it has been told of its mailbox: never more than that."""

    def __init__(self):
        self.box = None
        self.lost = False
        self.uids = []
        self.flags = {}
        self.heard = []

    def attach(self, box):
        self.box = box
        self.on_added(box)

    def on_added(self, box):
        last = self.uids[-1] if self.uids else 0
        for index in range(box.lower_bound(last + 1), len(box)):
            self.uids.append(box.uid(index))
            self.flags[box.uid(index)] = names_of(box, index)

    def on_expunged(self, uid):
        self.uids.remove(uid)
        self.flags.pop(uid)

    def on_flags(self, uid):
        self.heard.append(uid)
        self.flags[uid] = names_of(self.box, self.box.index_of(uid))

    def on_lost(self):
        self.lost = True

    def told(self):
        """Whether the mailbox was lost, the letters as told, and the UIDs whose flags were told since the last time."""
        heard = self.heard
        self.heard = []
        return [self.lost, [[uid, " ".join(self.flags[uid])] for uid in self.uids], heard]


class _Deaf:
    """A session that does not listen."""

    def on_added(self, box):
        pass

    on_expunged = on_flags = on_added

    def on_lost(self):
        pass


class _Opened:
    """`with` a mailbox that is open for as long as one command takes."""

    def __init__(self, store, user, name):
        self._listener = _Deaf()
        info = store.find(user, name)
        self._box = store.open_mailbox(0 if info is None else info[INFO_ID], self._listener)

    def __enter__(self):
        return self._box

    def __exit__(self, kind, error, trace):
        self._box.close(self._listener)


class NoKeyword(StoreError):
    """The mailbox takes no more keywords."""


def mask_of(box, flags, keywords):
    missing = [name for name in keywords if not box.keyword_bit(name, False)]
    if missing and len(box.keywords) + len(missing) > MAX_KEYWORDS:
        raise NoKeyword(missing[0])
    for name in keywords:
        flags |= box.keyword_bit(name, True)
    return flags


def names_of(box, index):
    """Flags as names, sorted: every mailbox numbers its keywords itself."""
    flags = box.flags(index)
    names = [str(1 << bit) for bit in range(KEYWORD_SHIFT) if flags & 1 << bit]
    keywords = box.keywords
    for number in range(len(keywords)):
        if flags & 1 << (KEYWORD_SHIFT + number):
            names.append(keywords[number].lower())
    return sorted(names)


def history_of(contents):
    """Expunged UIDs as [first, last, modification sequence]."""
    history = contents.history
    return [[history[at], history[at + 1], contents.base + history[at + 2]] for at in range(0, len(history), 3)]


def digest_of(reader):
    """Reads a letter whole and closes it."""
    try:
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(PIECE))
        count = reader.readinto(buffer)
        while count:
            digest.update(buffer[:count])
            count = reader.readinto(buffer)
        return hexlify(digest.digest()[:8]).decode()
    finally:
        reader.close()


def stored(root):
    """The slots that have a file."""
    slots = []
    for name in files.names_in(root):
        if is_hexadecimal(name):
            folder = int(name, 16) * 64
            slots.extend([folder + int(each, 16) for each in files.names_in("%s/%s" % (root, name)) if each != "~"])
    return sorted(slots)


def is_hexadecimal(name):
    return all(digit in "0123456789abcdef" for digit in name)
