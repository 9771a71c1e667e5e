"""The store on MicroPython's own littlefs, in the heap of a drop board: plain functions, run by the device runner.

The block device is a folder of bytes in RAM, so a "power cut" is a second mount of what had been written by then.
"""

import gc

import vfs

from postino.store import LetterGone, Store, StoreError, StoreFull
from postino.store.flags import FLAGGED, SEEN

try:
    import simchip
except ImportError:
    simchip = None

# Blocks of the one in RAM, which share the heap with the store.
RAM_BLOCKS = 13

BLOCK = 4096
ROOT = "/store"
LETTER = b"Subject: test\r\n\r\nhello\r\n"
DATE = 1764000000

READ_BLOCK_COUNT = 4
READ_BLOCK_SIZE = 5
ERASE = 6


class Flash:
    """NOR flash in RAM, blocks made when they are first written."""

    def __init__(self, blocks):
        self.blocks = [None] * blocks

    def readblocks(self, number, buffer, offset=0):
        block = self.blocks[number]
        if block is None:
            for at in range(len(buffer)):
                buffer[at] = 0xFF
        else:
            buffer[:] = memoryview(block)[offset : offset + len(buffer)]
        return 0

    def writeblocks(self, number, buffer, offset=0):
        if self.blocks[number] is None:
            self.blocks[number] = bytearray(b"\xff" * BLOCK)
        self.blocks[number][offset : offset + len(buffer)] = buffer
        return 0

    def ioctl(self, operation, argument):
        if operation == READ_BLOCK_COUNT:
            return len(self.blocks)
        if operation == READ_BLOCK_SIZE:
            return BLOCK
        if operation == ERASE:
            self.blocks[argument] = None
        return 0


class Listener:
    """Counts what it hears."""

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


# A block device in place of the one in RAM: the simulator's chip, whose methods, being C, no exception passes through.
chip = None


def device(blocks):
    if chip is None:
        return Flash(RAM_BLOCKS)
    for number in range(blocks):
        chip.ioctl(ERASE, number)
    return chip


def options():
    return {"readsize": 32, "progsize": 32, "lookahead": 512}


def mounted(flash):
    vfs.mount(vfs.VfsLfs2(flash, mtime=False, **options()), ROOT)


def roomy(root):
    """Says that there is room on the small device, whose blocks the store would keep as its reserve."""
    return BLOCK, BLOCK, 100, 100, 100


def with_store(test, blocks=48, users=("anna",)):
    """Runs test(store, again), where again() gives the store as a second start finds it."""
    statvfs = roomy if chip is None else None
    flash = device(blocks)
    vfs.VfsLfs2.mkfs(flash, **options())
    mounted(flash)
    try:
        store = Store(ROOT, statvfs=statvfs)
        assert store.is_blank_or_cut_format()
        store.format()
        store.open()
        for user in users:
            store.ensure_user(user)

        def again():
            store.journal.close()
            other = Store(ROOT, statvfs=statvfs)
            other.open()
            return other

        test(store, again)
    finally:
        vfs.umount(ROOT)
        gc.collect()


def deliver(store, users=("anna",), octets=LETTER):
    letter = store.new_letter()
    try:
        letter.write(octets)
        store.deliver(letter, users, DATE)
    finally:
        letter.abort()


def opened(store, name="INBOX", listener=None, user="anna"):
    return store.open_mailbox(store.find(user, name)[0], listener or Listener())


def content(store, letter):
    reader = store.open_letter(letter)
    try:
        buffer = bytearray(reader.size)
        assert reader.readinto(buffer) == reader.size
        return bytes(buffer)
    finally:
        reader.close()


def test_a_letter_survives_a_restart():
    def run(store, again):
        deliver(store)
        store = again()
        box = opened(store)
        assert len(box) == 1 and box.uid(0) == 1 and box.size(0) == len(LETTER) and box.date(0) == DATE
        assert content(store, box.letter(0)) == LETTER
        assert store.status("anna", "inbox")[:3] == (1, 1, 2)

    with_store(run)


def test_two_users_share_one_file_until_both_have_expunged():
    def run(store, again):
        deliver(store, ("anna", "bert"))
        first = opened(store)
        second = opened(store, user="bert")
        letter = first.letter(0)
        assert letter == second.letter(0)
        first.expunge([1])
        assert content(store, letter) == LETTER
        second.expunge([1])
        try:
            store.open_letter(letter)
            raise AssertionError("letter still there")
        except LetterGone:
            pass

    with_store(run, 64, ("anna", "bert"))


def test_a_reader_keeps_an_expunged_letter():
    def run(store, again):
        deliver(store)
        box = opened(store)
        letter = box.letter(0)
        reader = store.open_letter(letter)
        box.expunge([1])
        deliver(store)
        buffer = bytearray(reader.size)
        reader.readinto(buffer)
        assert bytes(buffer) == LETTER
        reader.close()
        try:
            store.open_letter(letter)
            raise AssertionError("letter still there")
        except LetterGone:
            pass

    with_store(run)


def test_flags_copies_and_moves_survive_a_restart():
    def run(store, again):
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
        store = again()
        box = opened(store)
        assert [box.uid(index) for index in range(len(box))] == [1, 2, 3] and box.uidnext == 6
        assert box.flags(0) == SEEN | box.keyword_bit("$forwarded", False)
        archive = opened(store, "Archive")
        assert archive.flags(0) == SEEN | archive.keyword_bit("$Forwarded", False) and archive.flags(1) == 0

    with_store(run)


def test_full_flash_refuses_letters_but_not_expunge():
    if chip is None:
        return

    def run(store, again):
        big = bytes(2048)
        refused = False
        for _ in range(40):
            try:
                deliver(store, octets=big)
            except StoreFull:
                refused = True
                break
        assert refused
        box = opened(store)
        box.change_flags([1], FLAGGED, 0)
        count = len(box)
        # More than one: the count of free blocks is corrected now and then, by what directories and the journal take.
        box.expunge(range(1, 9))
        deliver(store, octets=big)
        assert len(box) == count - 7

    with_store(run)


def test_thousand_letters_fit_the_heap():
    """The table of a large mailbox, and one transaction over all of it."""
    if chip is None:
        return

    def run(store, again):
        deliver(store)
        box = opened(store)
        for _ in range(9):
            box.copy([box.uid(index) for index in range(len(box))], box.id)
        assert len(box) == 512
        box.change_flags(range(1, 600), SEEN, 0)
        box.expunge(range(2, 512, 2))
        assert len(box) == 257 and box.flags(256) == SEEN
        store = again()
        assert store.status("anna", "INBOX") == (257, 257, 513, box.uidvalidity, 0)

    with_store(run)


def summary(store):
    """What a restart has to bring back."""
    facts = []
    for info in store.mailboxes("anna"):
        box = opened(store, info[2])
        rows = [(box.uid(i), box.letter(i), box.flags(i)) for i in range(len(box))]
        facts.append((info[2], box.uidvalidity, box.uidnext, tuple(rows)))
        box.close(box.listeners[0])
    return facts


def operation(name, store, box):
    if name == "deliver":
        deliver(store)
    elif name == "append":
        letter = store.new_letter()
        try:
            letter.write(LETTER)
            store.append(letter, box.id, FLAGGED, DATE)
        finally:
            letter.abort()
    elif name == "several":
        deliver(store, ("anna", "bert"))
    elif name == "flags":
        box.change_flags([1, 3], FLAGGED, SEEN)
    elif name == "keyword":
        box.change_flags([2], box.keyword_bit("$Junk", True), 0)
    elif name == "expunge":
        box.expunge([2])
    elif name == "copy":
        box.copy([1, 2, 3], store.find("anna", "Trash")[0])
    elif name == "move":
        box.move([1, 3], store.find("anna", "Archive")[0])
    elif name == "create":
        store.create("anna", "Lists/Python")
    elif name == "delete":
        store.delete("anna", "Sent")
    elif name == "rename":
        store.rename("anna", "Junk", "Old/Spam")
    elif name == "close":
        store.close()
    elif name == "maintain":
        store.letters.sweep_wanted = True
        store.maintain()


def fail_once(name, count):
    """One operation with its allocation number `count` failing; True if it got that far."""
    reached = []

    def run(store, again):
        for _ in range(3):
            deliver(store)
        box = opened(store)
        opened(store, "Trash")
        before = summary(store)
        gc.collect()
        start = simchip.allocations()
        simchip.fail_allocation(count)
        failed = False
        try:
            operation(name, store, box)
        except MemoryError:
            failed = True
        finally:
            simchip.fail_allocation(0)
            reached.append(simchip.allocations() - start >= count)
        if name == "close":
            store.open()
        check_after_failure(name, store, again, before, failed)

    with_store(run, users=("anna", "bert"))
    return reached[0]


def check_after_failure(name, store, again, before, failed):
    now = summary(store)
    if failed and name not in ("close",):
        assert now == before, (name, before, now)
    deliver(store)
    deliver(store, octets=LETTER + LETTER)
    now = summary(store)
    store = again()
    later = summary(store)
    assert later == now, (name, now, later)
    box = opened(store)
    for index in range(len(box)):
        assert len(content(store, box.letter(index))) == box.size(index)


# Every so manieth allocation fails.
STEP = 1

OPERATIONS = (
    "deliver",
    "append",
    "several",
    "flags",
    "keyword",
    "expunge",
    "copy",
    "move",
    "create",
    "delete",
    "rename",
    "maintain",
    "close",
)


def test_every_allocation_may_fail():
    if chip is None:
        # An exception in a block device written in Python would pass through littlefs and leave it broken.
        return
    for name in OPERATIONS:
        count = 1
        while fail_once(name, count):
            count += STEP
            assert count < 4000, name
        print(name, count - 1)


def test_what_is_not_a_store_is_left_alone():
    flash = Flash(16)
    vfs.VfsLfs2.mkfs(flash, **options())
    mounted(flash)
    try:
        with open(ROOT + "/other", "wb") as file:
            file.write(b"something")
        store = Store(ROOT)
        assert not store.is_blank_or_cut_format()
        for call in (store.open, store.format):
            try:
                call()
                raise AssertionError("accepted")
            except StoreError:
                pass
    finally:
        vfs.umount(ROOT)
