"""What the tests of the store share: a plain model of it, and littlefs behind its file system calls."""

import copy
from contextlib import contextmanager

from littlefs import LittleFS, UserContext
from littlefs.errors import LittleFSError

from postino.store import INFO_ID, INFO_NAME, Store, files
from postino.store.flags import KEYWORD_SHIFT, SEEN

BLOCK = 4096
DATE = 1764000000


class Listener:
    """A session's view: the UIDs as it has been told."""

    def __init__(self) -> None:
        self.box = None
        self.uids: list[int] = []
        self.flagged: list[int] = []
        self.lost = False

    def attach(self, box) -> None:
        self.box = box
        self.uids = uids_of(box)

    def on_added(self, box) -> None:
        last = self.uids[-1] if self.uids else 0
        self.uids += [uid for uid in uids_of(box) if uid > last]

    def on_expunged(self, uid: int) -> None:
        self.uids.remove(uid)

    def on_flags(self, uid: int) -> None:
        self.flagged.append(uid)

    def on_lost(self) -> None:
        self.lost = True


def uids_of(box) -> list[int]:
    return [box.uid(index) for index in range(len(box))]


@contextmanager
def opened(store: Store, user: str, name: str):
    listener = Listener()
    box = store.open_mailbox(store.find(user, name)[INFO_ID], listener)
    try:
        listener.attach(box)
        yield box
        assert listener.lost or listener.uids == uids_of(box)
    finally:
        box.close(listener)


def deliver(store: Store, users, octets: bytes) -> None:
    letter = store.new_letter()
    try:
        for start in range(0, len(octets), 2048):
            letter.write(memoryview(octets)[start : start + 2048])
        store.deliver(letter, users, DATE)
    finally:
        letter.abort()


def append(store: Store, user: str, name: str, octets: bytes, flags: int):
    letter = store.new_letter()
    try:
        letter.write(octets)
        return store.append(letter, store.find(user, name)[INFO_ID], flags, DATE)
    finally:
        letter.abort()


def content(store: Store, letter: int) -> bytes:
    reader = store.open_letter(letter)
    try:
        buffer = bytearray(reader.size)
        done = 0
        while done < reader.size:
            done += reader.readinto(memoryview(buffer)[done:])
        return bytes(buffer)
    finally:
        reader.close()


def names_of(box, flags: int) -> frozenset:
    """Flags as names, for every mailbox numbers its keywords itself."""
    found = {str(1 << bit) for bit in range(5) if flags & 1 << bit}
    return frozenset(found | {name for k, name in enumerate(box.keywords) if flags & 1 << (KEYWORD_SHIFT + k)})


def state_of(store: Store, users) -> dict:
    """All that a client can see: (user, mailbox) -> UIDVALIDITY, UIDNEXT and the letters."""
    state = {}
    for user in users:
        for info in store.mailboxes(user):
            with opened(store, user, info[INFO_NAME]) as box:
                rows = []
                for i in range(len(box)):
                    octets = content(store, box.letter(i))
                    assert len(octets) == box.size(i)
                    rows.append((box.uid(i), octets, names_of(box, box.flags(i))))
                state[user, info[INFO_NAME]] = (box.uidvalidity, box.uidnext, rows)
    return state


def referenced(store: Store, users) -> set[int]:
    """The letters that some entry names."""
    letters = set()
    for user in users:
        for info in store.mailboxes(user):
            with opened(store, user, info[INFO_NAME]) as box:
                letters |= {box.letter(i) for i in range(len(box))}
    return letters


def stored(store: Store) -> set[int]:
    """The letters that have a file."""
    root = store.root + "/letters"
    return {int(name, 16) for folder in files.names_in(root) for name in files.names_in(f"{root}/{folder}")}


class Model:
    """What the store should hold, the plain way."""

    def __init__(self) -> None:
        # (user, name) -> [uidvalidity, uidnext, {uid: [octets, flag names]}]
        self.boxes: dict = {}
        self.validities: set = set()

    def copy(self) -> "Model":
        return copy.deepcopy(self)

    def sync_mailboxes(self, store: Store, users) -> None:
        """Takes over the UIDVALIDITY of new mailboxes, which has to be one that never was."""
        for user in users:
            for info in store.mailboxes(user):
                key = (user, info[INFO_NAME])
                if key not in self.boxes:
                    assert not self.validities or info[3] > max(self.validities)
                    self.boxes[key] = [info[3], 1, {}]
        self.validities |= {box[0] for box in self.boxes.values()}

    def add(self, key, octets: bytes, flags) -> int:
        box = self.boxes[key]
        uid = box[1]
        box[1] += 1
        box[2][uid] = (octets, frozenset(flags))
        return uid

    def transfer(self, source, target, uids, move: bool) -> list[int]:
        new = []
        for uid in [uid for uid in uids if uid in self.boxes[source][2]]:
            new.append(self.add(target, *self.boxes[source][2][uid]))
            if move:
                del self.boxes[source][2][uid]
        return new

    def change(self, key, uids, add, remove) -> None:
        for uid in uids:
            if uid in self.boxes[key][2]:
                octets, flags = self.boxes[key][2][uid]
                self.boxes[key][2][uid] = (octets, (flags - frozenset(remove)) | frozenset(add))

    def expunge(self, key, uids) -> None:
        for uid in uids:
            self.boxes[key][2].pop(uid, None)

    def unseen(self, key) -> int:
        return sum(str(SEEN) not in flags for _, flags in self.boxes[key][2].values())

    def state(self) -> dict:
        return {
            key: (box[0], box[1], [(uid, *box[2][uid]) for uid in sorted(box[2])]) for key, box in self.boxes.items()
        }


class Flash(UserContext):
    """The chip: blocks in memory, with every program and erase written down."""

    def __init__(self, blocks: int, image: bytes | None = None) -> None:
        super().__init__(buffer=bytearray(image or b"\xff" * (blocks * BLOCK)))
        self.blocks = blocks
        self.operations: list[tuple[int, bytes | None]] = []

    def read(self, cfg, block, off, size):
        start = block * BLOCK + off
        return self.buffer[start : start + size]

    def prog(self, cfg, block, off, data):
        self.operations.append((block * BLOCK + off, bytes(data)))
        apply(self.buffer, self.operations[-1])
        return 0

    def erase(self, cfg, block):
        self.operations.append((block * BLOCK, None))
        apply(self.buffer, self.operations[-1])
        return 0

    def sync(self, cfg):
        return 0


def apply(buffer: bytearray, operation, part: int | None = None) -> None:
    """Does one operation on an image, or its first octets only."""
    start, data = operation
    if data is None:
        buffer[start : start + BLOCK] = b"\xff" * BLOCK
    else:
        data = data if part is None else data[:part]
        buffer[start : start + len(data)] = data


def mounted(flash: Flash, fresh: bool = False) -> LittleFS:
    system = LittleFS(
        context=flash,
        block_size=BLOCK,
        block_count=flash.blocks,
        read_size=32,
        prog_size=32,
        cache_size=128,
        lookahead_size=512,
        mount=False,
    )
    if fresh:
        system.format()
    system.mount()
    return system


def _call(function, *arguments):
    try:
        return function(*arguments)
    except FileNotFoundError as error:
        raise OSError(2, "") from error
    except FileExistsError as error:
        raise OSError(17, "") from error
    except LittleFSError as error:
        raise OSError(-error.code, "") from error


class File:
    """A file as MicroPython has it: no buffer above littlefs, flush() is the sync."""

    def __init__(self, raw) -> None:
        self._raw = raw

    def __getattr__(self, name):
        method = getattr(self._raw, name)
        return lambda *arguments: _call(method, *arguments)

    def write(self, data):
        return _call(self._raw.write, bytes(data))

    def readinto(self, buffer):
        view = memoryview(buffer).cast("B")
        octets = _call(self._raw.read, len(view))
        view[: len(octets)] = octets
        return len(octets)

    def close(self):
        raw = self._raw
        self._raw = None
        if raw is not None:
            _call(raw.close)


@contextmanager
def littlefs(system: LittleFS):
    """Puts this file system behind the store."""
    saved = {name: getattr(files, name) for name in dir(files)}

    def size_of(path):
        try:
            return _call(system.stat, path).size
        except OSError as error:
            if error.args[0] == files.ENOENT:
                return 0
            raise

    files.open_file = lambda path, mode: File(_call(lambda: system.open(path, mode, buffering=0)))
    files.remove = lambda path: _call(system.remove, path)
    files.rename = lambda old, new: _call(system.rename, old, new)
    files.make_directory = lambda path: _call(system.mkdir, path)
    files.remove_directory = lambda path: _call(system.remove, path)
    files.names_in = lambda path: _call(system.listdir, path)
    files.size_of = size_of
    files.statvfs = lambda root: (
        BLOCK,
        BLOCK,
        system.block_count,
        system.block_count - system.used_block_count,
    )
    try:
        yield
    finally:
        for name, value in saved.items():
            setattr(files, name, value)
