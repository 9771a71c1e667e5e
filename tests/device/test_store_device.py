"""The store on MicroPython's own littlefs and a raw log, in the heap of a drop board: plain functions, run by run.py.

Every test starts with a blank chip. `again()` is the next start, after which nothing is known that is not on flash.
"""

import gc

import vfs

from postino.board import storage
from postino.store import LetterGone, Store, StoreError, StoreFull, snapshot
from postino.store.flags import FLAGGED, SEEN
from postino.store.log_device import RawLog

# Set by run.py.
chip = None

ROOT = "/mail"
LETTER = b"Subject: test\r\n\r\nhello\r\n"
DATE = 1764000000
# Slices after which no idle work is left.
IDLE = 40
# Octets of heap that are left to a store that has little, and the pieces that take the rest.
LITTLE_HEAP = 18 * 1024
BALLAST = 512


class Listener:
    """Keeps what it hears."""

    def __init__(self):
        self.added = self.lost = 0
        self.expunged = []
        self.flagged = []

    def on_added(self, box):
        self.added += 1

    def on_expunged(self, uid):
        self.expunged.append(uid)

    def on_flags(self, uid):
        self.flagged.append(uid)

    def on_lost(self):
        self.lost += 1


class Deaf:
    """Takes no memory for what it hears."""

    def on_added(self, box):
        pass

    on_expunged = on_flags = on_added

    def on_lost(self):
        raise AssertionError("mailbox lost")


def mounted():
    return Store(ROOT, lambda: DATE, storage.mount_mail(chip, ROOT, RawLog))


def new_store(users=("anna",)):
    store = mounted()
    assert store.is_blank_or_cut_format()
    store.format()
    store.open()
    for user in users:
        store.ensure_user(user)
    return store


def again():
    vfs.umount(ROOT)
    gc.collect()
    store = mounted()
    store.open()
    return store


def idle(store):
    for _ in range(IDLE):
        store.maintain()


def deliver(store, users=("anna",), octets=LETTER):
    letter = store.new_letter()
    try:
        letter.write(octets)
        store.deliver(letter, users, DATE)
    finally:
        letter.abort()


def opened(store, name="INBOX", listener=None, user="anna"):
    return store.open_mailbox(store.find(user, name)[0], listener or Listener())


def uids_of(box):
    return [box.uid(index) for index in range(len(box))]


def content(store, slot):
    reader = store.open_letter(slot)
    try:
        buffer = bytearray(reader.size)
        assert reader.readinto(buffer) == reader.size
        return bytes(buffer)
    finally:
        reader.close()


def is_gone(store, slot):
    try:
        store.open_letter(slot).close()
    except LetterGone:
        return True
    return False


def test_a_letter_survives_a_restart():
    deliver(new_store())
    store = again()
    box = opened(store)
    assert uids_of(box) == [1] and box.size(0) == len(LETTER) and box.date(0) == DATE
    assert content(store, box.letter(0)) == LETTER
    assert store.status("anna", "inbox")[:3] == (1, 1, 2)


def test_two_users_share_one_file_until_both_have_expunged():
    store = new_store(("anna", "bert"))
    deliver(store, ("anna", "bert"))
    store = again()
    first = opened(store)
    second = opened(store, user="bert")
    slot = first.letter(0)
    assert slot == second.letter(0)
    first.expunge([1])
    store = again()
    assert content(store, slot) == LETTER
    opened(store, user="bert").expunge([1])
    assert is_gone(store, slot)
    assert is_gone(again(), slot)


def test_a_reader_keeps_an_expunged_letter():
    store = new_store()
    deliver(store)
    box = opened(store)
    slot = box.letter(0)
    reader = store.open_letter(slot)
    box.expunge([1])
    deliver(store, octets=LETTER + LETTER)
    idle(store)
    buffer = bytearray(reader.size)
    assert reader.readinto(buffer) == len(LETTER)
    assert bytes(buffer) == LETTER
    reader.close()
    assert is_gone(store, slot)
    assert content(store, box.letter(0)) == LETTER + LETTER


def test_flags_copies_and_moves_survive_a_restart():
    store = new_store()
    for _ in range(5):
        deliver(store)
    listener = Listener()
    box = opened(store, listener=listener)
    keyword = box.keyword_bit("$Forwarded", True)
    box.change_flags([1, 2, 4], SEEN | keyword, 0)
    assert listener.flagged == [1, 2, 4]
    _, uids = box.copy([1, 2], store.find("anna", "Trash")[0])
    assert list(uids) == [1, 2]
    _, uids = box.move([4, 5], store.find("anna", "Archive")[0])
    assert list(uids) == [1, 2] and listener.expunged == [4, 5]
    before = [box.modseq(index) for index in range(3)]
    highest = box.highest_modseq
    for _ in range(2):
        store = again()
        box = opened(store)
        assert uids_of(box) == [1, 2, 3] and box.uidnext == 6
        assert box.flags(0) == SEEN | box.keyword_bit("$forwarded")
        assert [box.modseq(index) for index in range(3)] == before and box.highest_modseq == highest
        assert list(box.contents.history) == [4, 5, highest]
        archive = opened(store, "Archive")
        assert archive.flags(0) == SEEN | archive.keyword_bit("$Forwarded") and archive.flags(1) == 0
        # The second time it comes from snapshots.
        for name in ("INBOX", "Archive"):
            store.keeper.fold_now(store.find("anna", name))


def test_full_flash_refuses_letters_but_not_expunge():
    store = new_store()
    big = bytes(2048)
    count = 0
    try:
        while count < 100:
            deliver(store, octets=big)
            count += 1
    except StoreFull:
        pass
    assert 10 < count < 100
    box = opened(store)
    box.change_flags([1], FLAGGED, 0)
    box.expunge([3])
    deliver(store, octets=big)
    try:
        deliver(store, octets=big)
        raise AssertionError("more than fits")
    except StoreFull:
        pass
    idle(store)
    box = opened(again())
    assert len(box) == count and box.flags(0) == FLAGGED and box.index_of(3) < 0


def test_a_deleted_mailbox_gives_its_room_back():
    store = new_store()
    store.create("anna", "Lists/Löwe")
    target = store.find("anna", "Lists/Löwe")[0]
    free = store.free_bytes()
    for _ in range(10):
        letter = store.new_letter()
        letter.write(bytes(3000))
        store.append(letter, target, 0, DATE)
        letter.abort()
    store.delete("anna", "Lists/Löwe")
    store.maintain()
    store = again()
    assert store.find("anna", "Lists/Löwe") is None
    idle(store)
    # The directory of the letters stays.
    assert store.free_bytes() >= free - 2 * storage.BLOCK_SIZE


def test_a_thousand_letters_fit_the_heap():
    """The table of a large mailbox, transactions over all of it, folds, and a start."""
    store = new_store()
    for _ in range(8):
        deliver(store)
    box = opened(store, listener=Deaf())
    while len(box) < 1024:
        box.copy(range(1, min(len(box), 128) + 1), box.id)
    box.change_flags(range(1, 1100), SEEN, 0)
    box.expunge(range(2, 1024, 2))
    assert len(box) == 513 and box.flags(512) == SEEN
    store.keeper.fold_now(box.info)
    validity = box.uidvalidity
    for _ in range(2):
        # There is no heap for two of them.
        store = box = None
        store = again()
        assert store.status("anna", "INBOX")[:5] == (513, 513, 1025, validity, 0)
        box = opened(store, listener=Deaf())
        assert len(box) == 513 and box.uid(512) == 1024
        assert content(store, box.letter(512)) == LETTER
        idle(store)


def test_little_heap_is_enough_for_the_log():
    """No idle fold begins, and those that must be made find what they need."""
    store = new_store()
    gc.collect()
    ballast = []
    while gc.mem_free() > LITTLE_HEAP:
        ballast.append(bytearray(BALLAST))
    log = store.log
    box = opened(store, listener=Deaf())
    for _ in range(600):
        deliver(store)
        box.expunge([box.uid(0)])
        store.maintain()
        assert store.keeper._fold is None
    assert log.sector > 2 * log.device.sectors
    assert len(box) == 0


class Compared:
    """A sink for fold.visit(): what the entries on flash say is what an open mailbox says."""

    def __init__(self, box):
        self.box = box
        self.index = 0

    def put(self, buffer, at):
        uid, _, size, date, saved, _, modseq, slot, blocks, _ = snapshot.entry_at(buffer, at)
        box, index = self.box, self.index
        assert (box.uid(index), box.letter(index)) == (uid, slot)
        assert (box.size(index), box.blocks(index)) == (size, blocks), uid
        assert (box.date(index), box.saved(index), box.modseq(index)) == (date, saved, modseq), uid
        self.index += 1


def check_cold(store, box):
    """The table and the snapshot behind it say what the flash says."""
    from postino.store import fold

    # Before: it may make a fold.
    for index in range(len(box)):
        box.size(index)
    compared = Compared(box)
    fold.visit(store, box.info, compared)
    assert compared.index == len(box)


def test_what_is_read_from_the_snapshot_is_what_the_flash_holds():
    """Over letters that come and go, changes, folds at once and in slices, and starts."""
    number = 1
    store = new_store()
    boxes = [opened(store, name) for name in ("INBOX", "Archive")]
    for _ in range(4):
        deliver(store)
    pages = 0
    for step in range(200):
        # Numbers without a pattern that matters here (a linear congruential generator).
        number = (number * 1103515245 + 12345) & 0x3FFFFFFF
        chance = number >> 8
        box = boxes[chance & 1]
        uids = uids_of(box)
        some = uids[chance % 5 :: 1 + chance % 7]
        kind = step % 8
        if kind == 0:
            deliver(store, octets=LETTER * (1 + chance % 100))
        elif kind < 3 and len(box) < 80:
            box.copy(some, boxes[chance >> 1 & 1].id)
        elif kind < 6:
            box.change_flags(some, SEEN if chance & 4 else 0, FLAGGED)
        elif kind == 6 and chance & 8:
            store.keeper.fold_now(box.info)
        elif kind == 7:
            box.expunge(some[:4])
        store.maintain()
        if step % 10 == 9:
            for box in boxes:
                check_cold(store, box)
                index = box.contents.cold.index
                pages = max(pages, len(index.first) if index else 0)
        if step % 50 == 49:
            store = box = boxes = None
            store = again()
            boxes = [opened(store, name) for name in ("INBOX", "Archive")]
    assert pages > 1


def test_what_is_not_a_store_is_left_alone():
    store = mounted()
    with open(ROOT + "/other", "wb") as file:
        file.write(b"something")
    assert not store.is_blank_or_cut_format()
    for call in (store.open, store.format):
        try:
            call()
            raise AssertionError("accepted")
        except StoreError:
            pass
    vfs.umount(ROOT)
    mounted()
    with open(ROOT + "/other", "rb") as file:
        assert file.read() == b"something"
