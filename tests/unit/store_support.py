"""What the tests of the store share: a board with its flash chip in memory, letters in and out, sessions."""

from collections.abc import Iterator
from contextlib import contextmanager

from postino.store import INFO_ID, Store, files
from postino.store.mailbox import Mailbox
from tests.device.store_driver import Driver, View, names_of, stored
from tests.support.store_flash import ROOT, Flash

DATE = 1764000000
DAY = 86400
USERS = ("anna", "bert")
# Slices after which no idle work is left.
IDLE = 60


class Board:
    """The store on the mail partition of a board, which keeps its flash over all starts."""

    def __init__(self, blocks: int = 120, users=USERS) -> None:
        self.flash = Flash(blocks)
        self.seconds = DATE
        self.reports: list[str] = []
        self.store = self.start()
        for user in users:
            self.store.ensure_user(user)

    def start(self) -> Store:
        """As after a power cut: nothing was closed."""
        self.store = self.flash.mount(lambda: self.seconds, self.reports.append)
        return self.store

    def idle(self) -> None:
        for _ in range(IDLE):
            self.store.maintain()

    def info(self, user: str, name: str):
        """The mailbox tuple."""
        return self.store.find(user, name)

    def fold(self, user: str, name: str) -> None:
        self.store.keeper.fold_now(self.info(user, name))

    def slots(self) -> set[int]:
        """The letters that have a file."""
        return set(stored(ROOT))

    def seen(self, users=USERS) -> dict:
        """All that can be seen of the mailboxes: (user, name) -> what it holds, with the octets of the letters."""
        boxes = Driver(self.store, [self.seconds], []).observe(users, True)["boxes"]
        return {(box["user"], box["name"]): box for box in boxes}

    def operations(self) -> int:
        """Programs and erases of the chip by now."""
        return len(self.flash.chip.operations)


def uids_of(box: Mailbox) -> list[int]:
    return [box.uid(index) for index in range(len(box))]


@contextmanager
def opened(store: Store, user: str, name: str, view: View | None = None) -> Iterator[Mailbox]:
    """A session; at its end it has been told exactly what happened."""
    view = View() if view is None else view
    box = store.open_mailbox(store.find(user, name)[INFO_ID], view)
    try:
        view.attach(box)
        yield box
        if not view.lost:
            assert view.uids == uids_of(box)
            assert view.flags == {box.uid(index): names_of(box, index) for index in range(len(box))}
    finally:
        box.close(view)


def deliver(store: Store, users, octets: bytes = b"letter") -> int:
    """Returns the letter's slot."""
    letter = store.new_letter()
    try:
        for start in range(0, len(octets), 2048):
            letter.write(memoryview(octets)[start : start + 2048])
        store.deliver(letter, users, DATE)
        return letter.slot
    finally:
        letter.abort()


def append(store: Store, user: str, name: str, octets: bytes = b"letter", flags: int = 0) -> tuple[int, int]:
    letter = store.new_letter()
    try:
        letter.write(octets)
        return store.append(letter, store.find(user, name)[INFO_ID], flags, DATE)
    finally:
        letter.abort()


def content(store: Store, slot: int) -> bytes:
    reader = store.open_letter(slot)
    try:
        buffer = bytearray(reader.size)
        done = 0
        while done < reader.size:
            done += reader.readinto(memoryview(buffer)[done:])
        return bytes(buffer)
    finally:
        reader.close()


def octets_of(path: str) -> bytes:
    """A file of whatever file system is behind the store."""
    file = files.open_file(path, "rb")
    try:
        return file.read()
    finally:
        file.close()


def change(path: str, at: int) -> None:
    """One bit of this octet of a file is another one (from the end, if it is less than 0)."""
    octets = bytearray(octets_of(path))
    octets[at] ^= 0x10
    file = files.open_file(path, "wb")
    try:
        file.write(octets)
    finally:
        file.close()
