"""One call of the file system fails, or memory runs out: the operation happened or it did not, and life goes on.

What the chip itself may do is in tests/crash; here everything lies in a plain folder, the log as well.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postino.store import INFO_ID, SENT, Store, StoreError, StoreFull, files
from postino.store.flags import FLAGGED, SEEN
from tests.device.store_driver import Driver
from tests.unit.store_support import DATE, USERS, append, deliver, opened, uids_of

# An operation that makes more calls than this never passes.
MOST = 400
CALLS = ("open_file", "remove", "rename", "make_directory", "remove_directory", "names_in", "size_of")
METHODS = ("read", "readinto", "seek", "write", "close")
# Enough for a fold, the removals and the walk of the retention.
SLICES = 12
# Between the modules of the store these raise what the file system raises.
INTERNAL = ("fold", "state")


class Faults:
    """Puts itself before the file system; call number `left` from now on fails (0: none does)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.left = 0
        self._error = error
        for name in CALLS:
            monkeypatch.setattr(files, name, self._before(getattr(files, name)))

    def strike(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self._error

    def disarm(self) -> bool:
        """True if it has struck."""
        struck = self.left <= 0
        self.left = 0
        return struck

    def _before(self, function: Callable) -> Callable:
        def call(*arguments):
            self.strike()
            result = function(*arguments)
            return FailingFile(result, self) if hasattr(result, "readinto") else result

        return call


class FailingFile:
    """A write that fails has been half done, a close that fails has been done."""

    def __init__(self, file, faults: Faults) -> None:
        self._file = file
        self._faults = faults

    def __getattr__(self, name: str):
        method = getattr(self._file, name)
        return (lambda *arguments: self._call(name, method, arguments)) if name in METHODS else method

    def _call(self, name: str, method: Callable, arguments):
        if name == "close":
            method()
        elif name == "write" and self._faults.left == 1:
            method(bytes(arguments[0])[: len(arguments[0]) // 2])
        self._faults.strike()
        return None if name == "close" else method(*arguments)


def seen(store: Store) -> dict:
    boxes = Driver(store, [DATE], []).observe(USERS, True)["boxes"]
    return {(box["user"], box["name"]): box for box in boxes}


def outline(found: dict) -> dict:
    """What does not depend on how often it was tried: no slots and no modification sequences."""
    entries = {key: [(row[0], row[2], row[3], row[6]) for row in box["entries"]] for key, box in found.items()}
    return {key: (box["attributes"], box["uidnext"], box["keywords"], entries[key]) for key, box in found.items()}


def started(root: Path) -> Store:
    store = Store(str(root), lambda: DATE)
    store.open()
    return store


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has something of everything; nobody has closed it."""
    root = tmp_path_factory.mktemp("template")
    store = Store(str(root), lambda: DATE)
    store.format()
    store.open()
    for user in USERS:
        store.ensure_user(user)
    for number in range(3):
        deliver(store, USERS, b"letter %d" % number)
    append(store, "anna", "Sent", b"sent", SEEN)
    with opened(store, "anna", "Sent") as box:
        for _ in range(5):
            box.copy(uids_of(box), box.id)
    store.keeper.fold_now(store.find("anna", "INBOX"))
    store.create("anna", "Lists/Python")
    append(store, "anna", "Lists/Python", b"list", FLAGGED)
    append(store, "bert", "Junk", bytes(5000))
    store.delete("bert", "Junk")
    return root


def change_flags(store: Store) -> None:
    with opened(store, "anna", "INBOX") as box:
        box.change_flags([1, 3], FLAGGED | box.keyword_bit("work", True), SEEN)


def expunge(store: Store) -> None:
    with opened(store, "anna", "Lists/Python") as box:
        box.expunge([1])


def copy(store: Store) -> None:
    with opened(store, "anna", "INBOX") as box, opened(store, "anna", "Archive"):
        box.copy([1, 2], store.find("anna", "Archive")[INFO_ID])


def move(store: Store) -> None:
    """A transaction of several programs."""
    with opened(store, "anna", "Sent") as box:
        box.move(uids_of(box), store.find("anna", "Archive")[INFO_ID])


def append_all(store: Store) -> None:
    """Two letters, of which one waits with its file closed."""
    writers = []
    try:
        with opened(store, "anna", "Trash") as box:
            for octets in (b"one", bytes(5000)):
                writers.append(store.new_letter())
                writers[-1].write(octets)
            store.finish_letter(writers[0], box.id, DATE)
            store.append_all(box.id, [(writer, SEEN | box.keyword_bit("work", True), DATE) for writer in writers])
    finally:
        for writer in writers:
            writer.abort()


def replace(store: Store) -> None:
    letter = store.new_letter()
    try:
        letter.write(b"better")
        with opened(store, "anna", "INBOX") as box:
            store.replace(letter, box, 2, store.find("anna", "Archive")[INFO_ID], FLAGGED, DATE)
    finally:
        letter.abort()


def read(store: Store) -> None:
    with opened(store, "anna", "INBOX") as box:
        reader = store.open_letter(box.letter(1))
        try:
            assert reader.readinto(bytearray(100)) == 8
            assert reader.letter_id == 2
        finally:
            reader.close()


def idle(store: Store) -> None:
    for _ in range(8):
        store.maintain()


def close(store: Store) -> None:
    """With something that is in memory only."""
    with opened(store, "anna", "INBOX") as box:
        box.claim_recent()
    store.close()


OPERATIONS: dict[str, Callable[[Store], object]] = {
    "deliver": lambda store: deliver(store, USERS, bytes(5000)),
    "append": lambda store: append(store, "anna", "Trash", b"appended", FLAGGED),
    "append_all": append_all,
    "replace": replace,
    "flags": change_flags,
    "expunge": expunge,
    "copy": copy,
    "move": move,
    "read": read,
    "status": lambda store: store.status("anna", "Sent"),
    "create": lambda store: store.create("bert", "a/b", SENT),
    "rename": lambda store: store.rename("anna", "Lists", "Old/Lists"),
    "rename INBOX": lambda store: store.rename("anna", "INBOX", "Old"),
    "delete": lambda store: store.delete("anna", "Sent"),
    "fold": lambda store: store.keeper.fold_now(store.find("anna", "Sent")),
    "state": lambda store: store.keeper.write_state(),
    "idle": idle,
    "close": close,
    "start": lambda store: store.open(),
    "reload": lambda store: store.reload(),
}


def attempt(store: Store, faults: Faults, name: str, number: int) -> tuple[bool, Exception | None]:
    """One operation with this call failing: whether it got so far, and what it says."""
    said = None
    faults.left = number
    try:
        OPERATIONS[name](store)
    except (StoreError, MemoryError) as error:
        said = error
    except OSError as error:
        assert name in INTERNAL
        said = error
    return faults.disarm(), said


def to_go_on_with(store: Store, name: str) -> Store:
    if name in ("close", "start") or not store.ready:
        return started(Path(store.root))
    if store.keeper.stale:
        store.maintain()
    return store


def goes_on(store: Store) -> None:
    """Whatever it was, the next operations are as good as ever."""
    for user in USERS:
        deliver(store, [user], b"later")
    with opened(store, "anna", "INBOX") as box:
        box.change_flags(uids_of(box), SEEN, 0)
    for _ in range(SLICES):
        store.maintain()


def digests(box: dict) -> list[tuple[int, str]]:
    return [(row[0], row[6]) for row in box["entries"]]


def in_part(name: str, before: dict, after: dict) -> list[dict]:
    """What may be found after an error all the same."""
    if name == "rename INBOX":
        # Its letters move, to a mailbox that is made first.
        new = after["anna", "Old"]
        return [outline(before) | {("anna", "Old"): (new[0], 1, [], [])}]
    # Who has seen what is written, or not.
    return [outline(before)] if name == "close" else []


@pytest.fixture
def copies(template: Path, tmp_path: Path) -> Iterator[Path]:
    def copied() -> Iterator[Path]:
        for number in range(MOST):
            root = tmp_path / str(number)
            shutil.copytree(template, root)
            yield root

    return copied()


@pytest.mark.parametrize("error", [OSError(5, ""), MemoryError()], ids=["EIO", "memory"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_one_call_fails(copies: Iterator[Path], monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    faults = Faults(monkeypatch, error)
    store = started(next(copies))
    before = seen(store)
    assert attempt(store, faults, name, MOST) == (False, None)
    after = outline(seen(to_go_on_with(store, name)))
    number = 0
    struck = True
    while struck:
        number += 1
        store = started(next(copies))
        struck, said = attempt(store, faults, name, number)
        store = to_go_on_with(store, name)
        now = seen(store)
        if said is None:
            assert outline(now) == after
        else:
            assert now == before or outline(now) in in_part(name, before, after)
        goes_on(store)
        later = seen(store)
        assert seen(started(Path(store.root))) == later
        for key, box in now.items():
            assert digests(later[key])[: len(box["entries"])] == digests(box)
    assert number > 4


@pytest.mark.parametrize("name", ["deliver", "append", "flags", "move", "create"])
def test_a_full_file_system_is_called_full(copies: Iterator[Path], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    faults = Faults(monkeypatch, OSError(files.ENOSPC, ""))
    store = started(next(copies))
    before = seen(store)
    struck, said = attempt(store, faults, name, 1)
    assert struck and isinstance(said, StoreFull)
    assert seen(store) == before
