"""The store on a plain folder: what its interface promises, case by case, and a state machine against a plain model."""

import os
import shutil
import tempfile
from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from postino.store import (
    INFO_ATTRIBUTES,
    INFO_ID,
    INFO_NAME,
    INFO_UIDVALIDITY,
    SENT,
    SUBSCRIBED,
    InvalidName,
    LetterGone,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
    Store,
    StoreFull,
    StoreUnavailable,
    files,
)
from postino.store import journal as kinds
from postino.store.errors import HasChildren
from postino.store.flags import DELETED, FLAGGED, PRIVATE, SEEN, SHARED
from postino.store.remover import Remover
from postino.store.table import Table
from tests.unit.store_support import (
    DATE,
    Listener,
    Model,
    append,
    content,
    deliver,
    names_of,
    opened,
    referenced,
    state_of,
    stored,
    uids_of,
)

USERS = ("anna", "bert")


def make(folder, users=USERS, statvfs=None) -> Store:
    store = Store(str(folder), statvfs=statvfs)
    store.format()
    store.open()
    for user in users:
        store.ensure_user(user)
    return store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make(tmp_path)


def reopened(store: Store) -> Store:
    """As after a power cut: nothing is closed."""
    other = Store(store.root)
    other.open()
    return other


# The table.


def test_table_with_gaps() -> None:
    table = Table()
    for uid in range(1, 1001):
        table.reserve(1)
        table.append(uid, uid + 5, uid * 2, DATE, 0)
    for uid in range(1, 1001):
        if uid % 7:
            table.delete(table.index_of(uid))
    left = [uid for uid in range(1, 1001) if uid % 7 == 0]
    assert [table.word(index, 0) for index in range(len(table))] == left
    assert [table.index_of(uid) for uid in left] == list(range(len(left)))
    assert table.index_of(8) == -1
    assert table.lower_bound(8) == 1
    assert table.lower_bound(2000) == len(left)
    table.reserve(250)
    for uid in range(2001, 2251):
        table.append(uid, 0, 0, 0, 0)
    assert table.word(len(table) - 1, 0) == 2250
    assert len(table) == len(left) + 250


def test_table_reserve_is_enough() -> None:
    table = Table()
    table.reserve(237)
    chunks = len(table._chunks)
    for uid in range(1, 238):
        table.append(uid, 0, 0, 0, 0)
    assert len(table._chunks) == chunks
    assert max(len(chunk) * 4 for chunk in table._chunks) <= 2000


def test_emptied_table_fills_again() -> None:
    table = Table()
    for uid in range(1, 250):
        table.reserve(1)
        table.append(uid, 0, 0, 0, 0)
    for uid in range(249, 0, -1):
        table.delete(table.index_of(uid))
    assert len(table) == 0
    table.reserve(3)
    for uid in (300, 301, 302):
        table.append(uid, 0, 0, 0, 0)
    assert [table.word(index, 0) for index in range(3)] == [300, 301, 302]


# Opening.


def test_new_user_has_the_usual_mailboxes(store: Store) -> None:
    infos = store.mailboxes("anna")
    assert [info[INFO_NAME] for info in infos] == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]
    assert store.find("anna", "Sent")[INFO_ATTRIBUTES] == SENT | SUBSCRIBED
    assert len({info[INFO_UIDVALIDITY] for info in infos}) == 6
    before = files.size_of(store.root + "/journal")
    store.ensure_user("anna")
    assert files.size_of(store.root + "/journal") == before


def snapshot_of(folder: Path) -> dict:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", ["journal", "catalogue"])
def test_damage_is_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    store = make(tmp_path)
    store.close()
    path = tmp_path / name
    octets = bytearray(path.read_bytes())
    octets[9] ^= 1
    path.write_bytes(octets)
    before = snapshot_of(tmp_path)
    with pytest.raises(StoreUnavailable):
        Store(str(tmp_path)).open()
    with pytest.raises(StoreUnavailable):
        Store(str(tmp_path)).format()
    assert snapshot_of(tmp_path) == before


def test_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"jpeg")
    store = Store(str(tmp_path))
    assert not store.is_blank_or_cut_format()
    for call in (store.open, store.format):
        with pytest.raises(StoreUnavailable):
            call()
    assert os.listdir(tmp_path) == ["holiday.jpg"]


def test_damaged_journal_record_is_refused(tmp_path: Path) -> None:
    store = make(tmp_path)
    deliver(store, USERS, b"letter")
    store.journal.close()
    path = tmp_path / "journal"
    octets = bytearray(path.read_bytes())
    octets[60] ^= 1
    path.write_bytes(octets)
    before = snapshot_of(tmp_path)
    with pytest.raises(StoreUnavailable):
        Store(str(tmp_path)).open()
    assert snapshot_of(tmp_path) == before


def test_every_cut_of_the_journal_is_all_or_none(tmp_path: Path) -> None:
    """A journal that ends anywhere, as a file system without atomic flush could leave it."""
    store = make(tmp_path / "a" if (tmp_path / "a").mkdir() is None else tmp_path)
    start = store.journal.length
    deliver(store, USERS, b"letter")
    store.journal.close()
    length = store.journal.length
    for cut in range(start, length + 1):
        folder = tmp_path / "b"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "a", folder)
        os.truncate(folder / "journal", cut)
        other = Store(str(folder))
        other.open()
        counts = [other.status(user, "INBOX")[0] for user in USERS]
        assert counts == ([1, 1] if cut == length else [0, 0])
        assert len(stored(other)) == counts[0]
        deliver(other, USERS, b"another")
        assert reopened(other).status("anna", "INBOX")[0] == counts[0] + 1


def test_damaged_mailbox_is_unavailable_and_the_others_are_not(tmp_path: Path) -> None:
    store = make(tmp_path)
    deliver(store, ["anna"], b"letter")
    deliver(store, ["bert"], b"letter")
    store.close()
    path = tmp_path / "mailboxes" / ("%x" % store.catalogue.find("anna", "INBOX")[INFO_ID])
    octets = bytearray(path.read_bytes())
    octets[-6] ^= 1
    path.write_bytes(octets)
    # Not cleanly closed: a sweep is due, and must not take the letters of the mailbox that cannot be read.
    store = reopened(reopened(store))
    with pytest.raises(StoreUnavailable):
        store.status("anna", "INBOX")
    with pytest.raises(StoreUnavailable):
        deliver(store, USERS, b"both or none")
    assert store.status("bert", "INBOX")[0] == 1
    deliver(store, ["bert"], b"works")
    store.maintain()
    assert len(stored(store)) == 3


# Letters.


def test_letter_of_several_users_is_stored_once(store: Store) -> None:
    deliver(store, ["anna", "bert", "anna"], b"once")
    assert len(stored(store)) == 1
    with opened(store, "anna", "INBOX") as box:
        assert box.flags(0) & PRIVATE == 0
        box.expunge([1])
    assert len(stored(store)) == 1
    with opened(store, "bert", "INBOX") as box:
        box.expunge([1])
    assert not stored(store)
    assert os.listdir(store.root + "/letters") in ([], ["0"])


def test_unknown_user_gets_nothing_and_nobody_else_does(store: Store) -> None:
    with pytest.raises(NoSuchMailbox):
        deliver(store, ["anna", "nobody"], b"letter")
    assert store.status("anna", "INBOX")[0] == 0
    assert not stored(store)


def test_reader_reads_on_after_expunge(store: Store) -> None:
    deliver(store, ["anna"], b"x" * 10000)
    with opened(store, "anna", "INBOX") as box:
        readers = [store.open_letter(box.letter(0)) for _ in range(3)]
        letter = box.letter(0)
        box.expunge([1])
    store.maintain()
    deliver(store, ["anna"], b"y" * 10000)
    buffer = bytearray(4096)
    for reader in readers:
        reader.seek(9000)
        assert reader.readinto(buffer) == 1000
        assert stored(store) == {letter, letter + 1}
        reader.close()
        reader.close()
    assert stored(store) == {letter + 1}
    with pytest.raises(LetterGone):
        store.open_letter(letter)


def test_sweep_leaves_letters_that_come_in(store: Store) -> None:
    letter = store.new_letter()
    letter.write(b"half")
    (Path(store.root) / "letters" / "0" / "3f").write_bytes(b"orphan")
    store.letters.sweep_wanted = True
    store.maintain()
    assert stored(store) == {letter.letter}
    store.deliver(letter, ["anna"], DATE)
    letter.abort()
    assert store.status("anna", "INBOX")[0] == 1


def test_orphans_are_swept_at_open(store: Store) -> None:
    letter = store.new_letter()
    letter.write(b"half")
    letter._file.flush()
    (Path(store.root) / "mailboxes" / "ff.new").write_bytes(b"half")
    (Path(store.root) / "mailboxes" / "ee").write_bytes(b"of a mailbox that is no more")
    other = reopened(store)
    assert not stored(other)
    assert not os.listdir(store.root + "/letters")
    assert "ff.new" not in os.listdir(store.root + "/mailboxes")
    assert "ee" not in os.listdir(store.root + "/mailboxes")


def test_full_flash(tmp_path: Path) -> None:
    """24 free blocks: 16 are the reserve."""
    store = make(tmp_path, statvfs=lambda root: (4096, 4096, 100, 24, 24))
    assert store.capacity_bytes() == 100 * 4096
    with pytest.raises(StoreFull):
        deliver(store, ["anna"], bytes(40000))
    assert not stored(store)
    deliver(store, ["anna"], bytes(20000))
    with pytest.raises(StoreFull):
        deliver(store, ["anna"], bytes(20000))
    with opened(store, "anna", "INBOX") as box:
        box.change_flags([1], SEEN, 0)
        box.expunge([1])
    deliver(store, ["anna"], bytes(20000))


def test_no_space_error_of_the_file_system(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(store, ["anna"], b"first")
    real = files.open_file

    class Full:
        """Every write fails, after the first octets have reached the file."""

        def __init__(self, file):
            self._file = file

        def write(self, data):
            self._file.write(bytes(data[:20]))
            raise OSError(files.ENOSPC, "full")

        def __getattr__(self, name):
            return getattr(self._file, name)

    store.journal.close()
    monkeypatch.setattr(
        files, "open_file", lambda path, mode: Full(real(path, mode)) if mode == "ab" else real(path, mode)
    )
    with opened(store, "anna", "INBOX") as box:
        with pytest.raises(StoreFull):
            box.change_flags([1], SEEN, 0)
        assert box.flags(0) == 0
        monkeypatch.setattr(files, "open_file", real)
        box.change_flags([1], FLAGGED, 0)
    with opened(reopened(store), "anna", "INBOX") as box:
        assert box.flags(0) == FLAGGED


@pytest.mark.parametrize("failing", range(1, 40))
def test_one_call_of_the_file_system_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """EIO at call number n while a copy of many letters is journaled: it happened or it did not, and life goes on."""
    store = make(tmp_path)
    for number in range(3):
        deliver(store, ["anna"], b"%d" % number)
    with opened(store, "anna", "INBOX") as box:
        while len(box) < 150:
            box.copy(uids_of(box), box.id)
        before = state_of(store, USERS)
        count = [0]

        def countdown():
            count[0] += 1
            if count[0] == failing:
                raise OSError(5, "EIO")

        class Failing:
            def __init__(self, file):
                self._file = file

            def write(self, data):
                countdown()
                return self._file.write(data)

            def flush(self):
                countdown()
                return self._file.flush()

            def __getattr__(self, name):
                return getattr(self._file, name)

        real_open, real_rename = files.open_file, files.rename

        def open_file(path, mode):
            countdown()
            return Failing(real_open(path, mode))

        def rename(old, new):
            countdown()
            real_rename(old, new)

        store.journal.close()
        monkeypatch.setattr(files, "open_file", open_file)
        monkeypatch.setattr(files, "rename", rename)
        failed = False
        try:
            box.move(array("I", range(1, 140)), store.find("anna", "Archive")[INFO_ID])
        except StoreUnavailable:
            failed = True
        monkeypatch.undo()
        # The journal may still be open through the file that counts.
        failing = 0
        now = state_of(store, USERS)
        assert (now == before) == failed
        box.change_flags([150], DELETED, 0)
        now = state_of(store, USERS)
    assert state_of(reopened(store), USERS) == now


# Mailboxes.


def test_flags_and_listeners(store: Store) -> None:
    deliver(store, ["anna"], b"1")
    deliver(store, ["anna"], b"2")
    with opened(store, "anna", "INBOX") as box:
        one, two = Listener(), Listener()
        for listener in (one, two):
            store.open_mailbox(box.id, listener).listeners.index(listener)
            listener.attach(box)
        box.change_flags([1], SEEN, 0, one)
        box.change_flags([1, 2], SEEN, 0, one)
        assert one.flagged == [1, 1, 2]
        assert two.flagged == [1, 2]
        before = store.journal.length
        box.change_flags([1, 2], SEEN, 0, two)
        assert store.journal.length == before
        box.set_flags([1], FLAGGED | PRIVATE)
        assert box.flags(0) == FLAGGED
        deliver(store, ["anna"], b"3")
        box.expunge([2])
        assert one.uids == two.uids == [1, 3]
        for listener in (one, two):
            box.close(listener)


def test_keywords(store: Store) -> None:
    deliver(store, ["anna"], b"1")
    with opened(store, "anna", "INBOX") as box:
        assert box.keyword_bit("$MDNSent", False) == 0
        bits = [box.keyword_bit("kw%d" % number, True) for number in range(24)]
        assert len(set(bits)) == 24
        assert box.keyword_bit("one-more", True) == 0
        assert box.keyword_bit("KW3", True) == bits[3]
        box.change_flags([1], bits[23], 0)
    store = reopened(store)
    with opened(store, "anna", "INBOX") as box:
        assert names_of(box, box.flags(0)) == {"kw23"}


def test_recent_is_claimed_once_and_kept_at_close(store: Store) -> None:
    deliver(store, ["anna"], b"1")
    deliver(store, ["anna"], b"2")
    assert store.status("anna", "INBOX")[1] == 2
    with opened(store, "anna", "INBOX") as box:
        assert box.claim_recent() == 1
        assert box.claim_recent() == 3
    assert store.status("anna", "INBOX")[1] == 0
    store.close()
    store.open()
    assert store.status("anna", "INBOX") == (2, 0, 3, store.find("anna", "INBOX")[INFO_UIDVALIDITY], 2)


def test_uidnext_survives_the_expunge_of_the_last(store: Store) -> None:
    deliver(store, ["anna"], b"1")
    with opened(store, "anna", "INBOX") as box:
        box.expunge([1])
    for again in (reopened, reopened):
        store = again(store)
        assert store.status("anna", "INBOX")[2] == 2


def test_made_again_has_a_higher_uidvalidity(store: Store) -> None:
    store.create("anna", "Lists")
    old = store.find("anna", "Lists")[INFO_UIDVALIDITY]
    listener = Listener()
    box = store.open_mailbox(store.find("anna", "Lists")[INFO_ID], listener)
    store.delete("anna", "Lists")
    assert listener.lost
    assert len(box) == 0
    with pytest.raises(StoreUnavailable):
        box.expunge([1])
    box.close(listener)
    store = reopened(store)
    store.create("anna", "Lists")
    assert store.find("anna", "Lists")[INFO_UIDVALIDITY] > old


@pytest.mark.parametrize("move", [False, True])
def test_copy_into_itself_leaves_the_new_letters_alone(store: Store, move: bool) -> None:
    deliver(store, ["anna"], b"1")
    with opened(store, "anna", "INBOX") as box:
        validity, uids = (box.move if move else box.copy)([1, 2, 3], box.id)
        assert (validity, list(uids)) == (box.uidvalidity, [2])
        assert uids_of(box) == ([2] if move else [1, 2])
    with opened(reopened(store), "anna", "INBOX") as box:
        assert uids_of(box) == ([2] if move else [1, 2])


def test_names(store: Store) -> None:
    store.create("anna", "a/b/c")
    assert store.find("anna", "a/b") is not None
    assert store.find("bert", "a") is None
    with pytest.raises(MailboxExists):
        store.create("anna", "a/b")
    with pytest.raises(MailboxExists):
        store.create("anna", "inbox")
    for name in ("", "/", "a//b", "a/", "/a", "a\r\nb", "x" * 300, "a\x00"):
        with pytest.raises(InvalidName):
            store.create("anna", name)
    with pytest.raises(HasChildren):
        store.delete("anna", "a")
    with pytest.raises(InvalidName):
        store.delete("anna", "INBOX")
    with pytest.raises(NoSuchMailbox):
        store.delete("anna", "nothing")
    with pytest.raises(InvalidName):
        store.rename("anna", "a", "a/b/d")
    store.create("anna", "Grüße/日本")
    assert reopened(store).find("anna", "Grüße/日本") is not None


def test_too_many_mailboxes(store: Store) -> None:
    with pytest.raises(LimitReached):
        for number in range(200):
            store.create("anna", "m%d" % number)
    assert len(store.mailboxes("anna")) == 100
    assert len(reopened(store).mailboxes("anna")) == 100


def test_rename_takes_children_and_keeps_identity(store: Store) -> None:
    store.create("anna", "a/b")
    ids = [store.find("anna", name)[:1] + store.find("anna", name)[3:] for name in ("a", "a/b")]
    store.rename("anna", "a", "x/y")
    store = reopened(store)
    assert [store.find("anna", name)[:1] + store.find("anna", name)[3:] for name in ("x/y", "x/y/b")] == ids
    assert store.find("anna", "a") is None
    assert store.find("anna", "x") is not None


def test_rename_of_inbox_moves_its_letters(store: Store) -> None:
    deliver(store, USERS, b"letter")
    store.rename("anna", "INBOX", "Old")
    assert store.status("anna", "INBOX")[:3] == (0, 0, 2)
    assert store.status("anna", "Old")[0] == 1


def test_rename_of_a_large_inbox_moves_all_of_it(store: Store) -> None:
    deliver(store, ["anna"], b"letter")
    with opened(store, "anna", "INBOX") as box:
        for _ in range(8):
            box.copy(array("I", uids_of(box)), box.id)
    store.rename("anna", "INBOX", "Old")
    store = reopened(store)
    assert [store.status("anna", name)[0] for name in ("INBOX", "Old")] == [0, 256]


# More letters than memory holds.


@pytest.fixture
def too_large(store: Store, monkeypatch) -> Store:
    """A mailbox Archive that the journal names, and for whose table there is no memory."""
    deliver(store, ["anna"], b"1")
    append(store, "anna", "Archive", b"2", SEEN)
    archive = store.find("anna", "Archive")[INFO_ID]
    real = Store.load

    def load(self, mailbox, with_table=True):
        if mailbox == archive and with_table:
            raise MemoryError
        return real(self, mailbox, with_table)

    monkeypatch.setattr(Store, "load", load)
    return store


def test_a_mailbox_too_large_for_memory_does_not_keep_the_store_from_opening(too_large: Store, monkeypatch) -> None:
    after = reopened(too_large)
    deliver(after, ["anna"], b"3")
    assert after.status("anna", "INBOX")[0] == 2
    with pytest.raises(MemoryError):
        after.status("anna", "Archive")
    after = reopened(after)
    monkeypatch.undo()
    after = reopened(after)
    # Nothing of it was taken for leftovers.
    assert [row[1] for row in state_of(after, USERS)["anna", "Archive"][2]] == [b"2"]
    assert len(state_of(after, USERS)["anna", "INBOX"][2]) == 2


def test_a_mailbox_too_large_for_memory_does_not_keep_the_store_from_closing(too_large: Store, monkeypatch) -> None:
    too_large.close()
    monkeypatch.undo()
    after = reopened(too_large)
    assert [after.status("anna", name)[0] for name in ("INBOX", "Archive")] == [1, 1]


def test_shared_letters_that_cannot_be_noted_are_left_to_the_sweep(store: Store) -> None:
    class Full(dict):
        def __setitem__(self, key, value):
            raise MemoryError

    remover = Remover(store)
    remover._wanted = Full()
    remover.put(7, 10, SHARED)
    remover.finish()
    assert store.letters.sweep_wanted


def test_subscription(store: Store) -> None:
    store.subscribe("anna", "inbox", False)
    store = reopened(store)
    assert not store.find("anna", "INBOX")[INFO_ATTRIBUTES] & SUBSCRIBED


def test_remove_user(store: Store) -> None:
    deliver(store, USERS, b"both")
    deliver(store, ["anna"], b"one")
    store.remove_user("anna")
    assert store.mailboxes("anna") == []
    store.maintain()
    assert len(stored(store)) == 1
    assert store.status("bert", "INBOX")[0] == 1


def test_journal_is_folded(store: Store) -> None:
    deliver(store, ["anna"], b"letter")
    longest = 0
    with opened(store, "anna", "INBOX") as box:
        for number in range(1000):
            box.change_flags([1], FLAGGED if number % 2 else 0, 0 if number % 2 else FLAGGED)
            longest = max(longest, store.journal.length)
    assert longest < kinds.LIMIT + 1024
    while store.journal.length >= kinds.LIMIT // 2:
        store.maintain()


# The state machine.


class StoreMachine(RuleBasedStateMachine):
    """Any order of operations, restarts and cuts; the model says what should be there."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.cuts = 0
        self.store = make(self.fresh())
        self.model = Model()
        self.model.sync_mailboxes(self.store, USERS)
        self.sessions: list[Listener] = []
        self.number = 0

    def fresh(self) -> str:
        self.cuts += 1
        path = f"{self.folder}/{self.cuts}"
        os.mkdir(path)
        return path

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def key(self, data):
        return data.draw(st.sampled_from(sorted(self.model.boxes)))

    def uids(self, data, key):
        return data.draw(st.lists(st.integers(1, max(1, self.model.boxes[key][1])), max_size=6))

    @initialize()
    def start(self) -> None:
        deliver(self.store, USERS, b"first")
        for user in USERS:
            self.model.add((user, "INBOX"), b"first", ())

    @rule(users=st.lists(st.sampled_from(USERS), min_size=1, max_size=2, unique=True), size=st.integers(0, 5000))
    def deliver(self, users, size) -> None:
        self.number += 1
        octets = b"%d " % self.number + bytes(size)
        deliver(self.store, users, octets)
        for user in users:
            self.model.add((user, "INBOX"), octets, ())

    @rule(data=st.data())
    def append(self, data) -> None:
        key = self.key(data)
        self.number += 1
        validity, uid = append(self.store, *key, b"%d" % self.number, SEEN)
        assert (validity, uid) == (self.model.boxes[key][0], self.model.add(key, b"%d" % self.number, (str(SEEN),)))

    @rule(data=st.data(), keyword=st.sampled_from(["", "$Junk", "work"]), replace=st.booleans())
    def flag(self, data, keyword, replace) -> None:
        key = self.key(data)
        uids = self.uids(data, key)
        names = [str(FLAGGED)] + ([keyword] if keyword else [])
        with opened(self.store, *key) as box:
            mask = FLAGGED | (box.keyword_bit(keyword, True) if keyword else 0)
            if replace:
                box.set_flags(uids, mask)
                known = box.keywords + [str(1 << bit) for bit in range(5)]
            else:
                box.change_flags(uids, mask, SEEN)
                known = [str(SEEN)]
        self.model.change(key, uids, names, known)

    @rule(data=st.data())
    def expunge(self, data) -> None:
        key = self.key(data)
        uids = self.uids(data, key)
        with opened(self.store, *key) as box:
            box.expunge(uids)
        self.model.expunge(key, uids)

    @rule(data=st.data(), move=st.booleans())
    def transfer(self, data, move) -> None:
        source = self.key(data)
        target = data.draw(st.sampled_from(sorted(key for key in self.model.boxes if key[0] == source[0])))
        uids = self.uids(data, source)
        with opened(self.store, *source) as box:
            number = self.store.find(*target)[INFO_ID]
            validity, new = (box.move if move else box.copy)(uids, number)
        assert validity == self.model.boxes[target][0]
        assert list(new) == self.model.transfer(source, target, sorted(set(uids)), move)

    @rule(user=st.sampled_from(USERS), name=st.sampled_from(["a", "a/b", "b", "Trash"]))
    def create(self, user, name) -> None:
        if (user, name) in self.model.boxes:
            with pytest.raises(MailboxExists):
                self.store.create(user, name)
        else:
            self.store.create(user, name)
            self.model.sync_mailboxes(self.store, USERS)

    @rule(user=st.sampled_from(USERS), name=st.sampled_from(["a", "a/b", "b", "Trash"]))
    def delete(self, user, name) -> None:
        if (user, name) not in self.model.boxes or (name == "a" and (user, "a/b") in self.model.boxes):
            with pytest.raises((NoSuchMailbox, HasChildren)):
                self.store.delete(user, name)
        else:
            self.store.delete(user, name)
            del self.model.boxes[user, name]

    @rule(user=st.sampled_from(USERS), old=st.sampled_from(["a", "b", "Trash"]), new=st.sampled_from(["b", "c", "Bin"]))
    def rename(self, user, old, new) -> None:
        if (user, old) not in self.model.boxes or (user, new) in self.model.boxes:
            with pytest.raises((NoSuchMailbox, MailboxExists)):
                self.store.rename(user, old, new)
            return
        self.store.rename(user, old, new)
        for key in list(self.model.boxes):
            if key[0] == user and (key[1] == old or key[1].startswith(old + "/")):
                self.model.boxes[user, new + key[1][len(old) :]] = self.model.boxes.pop(key)

    @rule(data=st.data())
    def session(self, data) -> None:
        """A session that stays open over other operations."""
        key = self.key(data)
        listener = Listener()
        listener.attach(self.store.open_mailbox(self.store.find(*key)[INFO_ID], listener))
        self.sessions.append(listener)

    @precondition(lambda self: self.sessions)
    @rule()
    def end_session(self) -> None:
        listener = self.sessions.pop(0)
        listener.box.close(listener)

    @rule()
    def maintain(self) -> None:
        self.store.letters.sweep_wanted = True
        self.store.maintain()

    @rule()
    def checkpoint(self) -> None:
        self.store._try_checkpoint()
        assert self.store.journal.length == kinds.HEADER_SIZE

    @rule()
    def restart(self) -> None:
        self.store.close()
        assert all(listener.lost for listener in self.sessions)
        self.sessions.clear()
        self.store = Store(self.store.root)
        self.store.open()

    @rule()
    def cut(self) -> None:
        """The flash as it is now, opened by a firmware that knows nothing of the one before; an orphan lies about."""
        letter = self.store.new_letter()
        letter.write(b"never delivered")
        path = self.fresh()
        shutil.copytree(self.store.root, path, dirs_exist_ok=True)
        letter.abort()
        self.sessions.clear()
        self.store.journal.close()
        self.store = Store(path)
        self.store.open()

    @invariant()
    def same(self) -> None:
        assert state_of(self.store, USERS) == self.model.state()
        assert stored(self.store) == referenced(self.store, USERS)
        for listener in self.sessions:
            assert listener.lost or listener.uids == uids_of(listener.box)
        for key in self.model.boxes:
            status = self.store.status(*key)
            assert (status[0], status[4]) == (len(self.model.boxes[key][2]), self.model.unseen(key))

    @invariant()
    def nothing_left_open(self) -> None:
        assert len(self.store.open_boxes) == len({s.box.id for s in self.sessions if not s.lost})


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


def test_content_helper_reads_whole_letters(store: Store) -> None:
    deliver(store, ["anna"], bytes(range(256)) * 40)
    with opened(store, "anna", "INBOX") as box:
        assert content(store, box.letter(0)) == bytes(range(256)) * 40
