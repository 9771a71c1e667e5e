"""What an open mailbox tells of its letters is what lies on flash, whatever has happened and been folded since.

The other way to the same values is fold.visit(), which knows no table.
"""

import random
from array import array
from collections.abc import Callable, Iterator

import pytest

from postino.store import INFO_ID, StoreUnavailable, cold, contents, fold, keeper, pages, snapshot, table
from postino.store.catalogue import FIRST_SECTOR, INFO_COUNTERS
from postino.store.flags import FLAGGED, SEEN
from postino.store.mailbox import Mailbox
from postino.store.rows import Rows
from tests.device.store_driver import View
from tests.unit.store_support import DATE, Board, append, change, deliver, opened, uids_of

NAMES = ("INBOX", "Archive", "Trash")
KEYS = [("anna", name) for name in NAMES]
EIO = 5


@pytest.fixture
def board() -> Iterator[Board]:
    """With room for some hundred letters."""
    board = Board(600)
    yield board
    board.flash.release()
    assert not board.flash.chip.refused


class Sink:
    """All that the entries on flash say."""

    def __init__(self, base: int) -> None:
        self._base = base
        self.rows: list[tuple] = []

    def put(self, buffer, at: int) -> None:
        uid, _, size, date, saved, keywords, modseq, slot, blocks, flags = snapshot.entry_at(buffer, at)
        self.rows.append((uid, slot, size, blocks, date, saved, self._base + modseq, flags | keywords << 8))


def on_flash(board: Board, box: Mailbox) -> list[tuple]:
    sink = Sink(box.contents.base)
    fold.visit(board.store, box.info, sink)
    return sink.rows


def told(box: Mailbox, index: int) -> tuple:
    values = (box.uid(index), box.letter(index), box.size(index), box.blocks(index), box.date(index), box.saved(index))
    return (*values, box.modseq(index), box.flags(index))


def all_told(box: Mailbox) -> list[tuple]:
    return [told(box, index) for index in range(len(box))]


# Any history.


class History:
    """A user's three mailboxes, open all the time but for restarts, and what a client has been told of them."""

    def __init__(self, board: Board, seed: int) -> None:
        self.chance = random.Random(seed)
        self.board = board
        self.views: dict[tuple, View] = {}
        # (mailbox, UID) -> flags and modification sequence; mailbox -> highest modification sequence, UIDs.
        self.letters: dict[tuple, tuple] = {}
        self.highest: dict[tuple, int] = {}
        self.there: dict[tuple, set[int]] = {}
        # (mailbox, highest modification sequence) -> UIDs then.
        self.then: dict[tuple, set[int]] = {}
        self.open_all()

    def open_all(self) -> None:
        for user, name in KEYS:
            view = View()
            view.attach(self.board.store.open_mailbox(self.board.info(user, name)[INFO_ID], view))
            self.views[user, name] = view

    def some(self, box: Mailbox) -> array:
        uids = uids_of(box)
        count = min(len(uids), self.chance.choice((1, 1, 1, 2, 5, 40)))
        return array("I", sorted(self.chance.sample(uids, count)))

    # What may happen.

    def deliver(self, box: Mailbox) -> None:
        self.board.seconds += self.chance.randrange(100)
        for _ in range(self.chance.choice((1, 1, 3))):
            deliver(self.board.store, ["anna", "bert"], b"x" * self.chance.choice((10, 4050, 4090, 5000)))

    def append(self, box: Mailbox) -> None:
        append(self.board.store, "anna", self.chance.choice(NAMES), b"y" * self.chance.randrange(1, 300), SEEN)

    def change(self, box: Mailbox) -> None:
        mask = self.chance.choice((SEEN, FLAGGED, box.keyword_bit("work", True)))
        box.change_flags(self.some(box), *self.chance.choice(((mask, 0), (0, mask), (mask, SEEN))))

    def expunge(self, box: Mailbox) -> None:
        box.expunge(self.some(box))

    def transfer(self, box: Mailbox) -> None:
        target = self.board.info("anna", self.chance.choice(NAMES))[INFO_ID]
        uids = self.some(box)
        if len(box) > 250:
            box.expunge(uids)
        else:
            (box.copy if target == box.id or self.chance.random() < 0.5 else box.move)(uids, target)

    def fold(self, box: Mailbox) -> None:
        self.board.store.keeper.fold_now(box.info)

    def begin_fold(self, box: Mailbox) -> None:
        if self.board.store.keeper._fold is None:
            self.board.store.keeper._fold = fold.Fold(self.board.store, box.info, 1)

    def idle(self, box: Mailbox) -> None:
        self.board.store.maintain()

    def restart(self, box: Mailbox) -> None:
        if self.chance.random() < 0.1:
            self.board.start()
            self.open_all()

    def reopen(self, box: Mailbox) -> None:
        key = next(key for key, view in self.views.items() if view.box is box)
        box.close(self.views[key])
        view = View()
        view.attach(self.board.store.open_mailbox(box.id, view))
        self.views[key] = view

    def step(self) -> None:
        events: list[Callable] = [self.deliver, self.append, self.change, self.change, self.change, self.expunge]
        events += [
            self.transfer,
            self.fold,
            self.begin_fold,
            self.idle,
            self.idle,
            self.idle,
            self.restart,
            self.reopen,
        ]
        self.chance.choice(events)(self.chance.choice([view.box for view in self.views.values()]))

    # What must hold.

    def check(self) -> None:
        for key, view in self.views.items():
            rows = on_flash(self.board, view.box)
            order = list(range(len(rows)))
            if self.chance.random() < 0.3:
                self.chance.shuffle(order)
            assert [told(view.box, index) for index in order] == [rows[index] for index in order]
            self.check_modseqs(key, view.box, rows)
            self.check_vanished(key, view.box)
            self.check_changed_since(view.box, rows)
        assert not self.board.reports

    def check_modseqs(self, key, box: Mailbox, rows) -> None:
        """No letter's goes down, and what has changed has a higher one than any that was told before."""
        before = self.highest.get(key, 0)
        assert box.highest_modseq >= before
        for row in rows:
            flags, modseq = row[7], row[6]
            known = self.letters.get((key, row[0]))
            if known is None or known[0] != flags:
                assert before < modseq <= box.highest_modseq
            else:
                assert modseq == known[1]
            self.letters[key, row[0]] = (flags, modseq)
        uids = {row[0] for row in rows}
        if self.there.get(key, set()) - uids:
            assert box.highest_modseq > before
        self.highest[key] = box.highest_modseq
        self.there[key] = uids

    def check_changed_since(self, box: Mailbox, rows) -> None:
        for since in (0, self.chance.randrange(box.highest_modseq + 1), box.highest_modseq):
            assert [box.changed_since(index, since) for index in range(len(rows))] == [row[6] > since for row in rows]

    def check_vanished(self, key, box: Mailbox) -> None:
        """Whoever knows the mailbox as it was at some time learns what has gone since."""
        self.then.setdefault((key, box.highest_modseq), set(uids_of(box)))
        since = self.chance.choice([modseq for at, modseq in self.then if at == key])
        gone = self.then[key, since] - set(uids_of(box))
        runs, complete = box.vanished_since(since)
        assert list(runs) == sorted(runs)
        listed = {uid for at in range(0, len(runs), 2) for uid in range(runs[at], runs[at + 1] + 1)}
        assert not listed & set(uids_of(box))
        assert listed >= gone or not complete


@pytest.mark.parametrize("seed", range(6))
def test_any_history(board: Board, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With limits so low that every one of them is reached."""
    if seed % 2:
        monkeypatch.setattr(cold, "MOST_TAIL", 8)
        monkeypatch.setattr(cold, "_IDLE_TAIL", 4)
        monkeypatch.setattr(contents, "_IDLE_CHANGES", 9)
        monkeypatch.setattr(table, "MAX_CHANGES", 12)
    monkeypatch.setattr(keeper, "_IDLE_PAGES", 1)
    monkeypatch.setattr(keeper, "_RELIEF_PAGES", 1)
    history = History(board, seed)
    for _ in range(30):
        history.deliver(history.views["anna", "INBOX"].box)
    pages = 0
    for _ in range(300):
        history.step()
        history.check()
        index = history.views["anna", "INBOX"].box.contents.cold.index
        pages = max(pages, len(index.first) if index else 0)
    assert pages > 1


# What is read.


LETTERS = 70


@pytest.fixture
def filled(board: Board) -> Board:
    """An INBOX of three pages, folded."""
    for number in range(LETTERS):
        board.seconds = DATE + number
        deliver(board.store, ["anna"], b"x" * (100 + number))
    board.fold("anna", "INBOX")
    return board


def path_of(board: Board, name: str = "INBOX") -> str:
    return f"/index/{board.info('anna', name)[INFO_ID]:x}"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the pages that are read."""
    found: list[int] = []
    real = snapshot.read_page

    def read_page(path, start, number, mailbox, buffer):
        found.append(number)
        return real(path, start, number, mailbox, buffer)

    monkeypatch.setattr(snapshot, "read_page", read_page)
    return found


def test_a_walk_reads_each_page_once(filled: Board, reads: list[int]) -> None:
    with opened(filled.store, "anna", "INBOX") as box:
        assert [box.uid(index) for index in range(LETTERS)] == list(range(1, LETTERS + 1))
        assert {box.flags(index) for index in range(LETTERS)} == {0}
        assert reads == []
        assert [box.size(index) for index in range(LETTERS)] == [100 + number for number in range(LETTERS)]
        assert [box.saved(index) for index in range(28)] == [DATE + number for number in range(28)]
        assert reads == [0, 1, 2, 0]


def test_two_walks_do_not_disturb_each_other(filled: Board, reads: list[int]) -> None:
    with opened(filled.store, "anna", "INBOX") as box:
        box.copy(uids_of(box), filled.info("anna", "Trash")[INFO_ID])
        filled.fold("anna", "Trash")
        reads.clear()
        with opened(filled.store, "anna", "Trash") as other:
            for index in range(LETTERS):
                assert (box.size(index), other.size(index), box.date(index)) == (100 + index, 100 + index, DATE)
        assert reads == [0, 0, 1, 1, 2, 2]


def full() -> None:
    raise MemoryError


def test_with_memory_for_one_page_it_goes_on(filled: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(filled.store, "anna", "INBOX") as box:
        assert box.size(0) == 100
        monkeypatch.setattr(pages, "_Page", full)
        assert [box.size(index) for index in range(LETTERS)] == [100 + number for number in range(LETTERS)]


def test_without_memory_for_any_it_is_tried_again(filled: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(filled.store, "anna", "INBOX") as box:
        filled.store.pages.clear()
        with monkeypatch.context() as patch:
            patch.setattr(pages, "_Page", full)
            with pytest.raises(MemoryError):
                box.size(0)
        assert box.size(0) == 100


def test_the_memory_is_given_back(filled: Board) -> None:
    with opened(filled.store, "anna", "INBOX") as box:
        assert box.size(0) == 100
        with opened(filled.store, "anna", "Trash"):
            pass
        assert filled.store.pages._recent is not None
    assert filled.store.pages._recent is None


def test_new_letters_and_changed_flags_are_told_without_reading(filled: Board, reads: list[int]) -> None:
    with opened(filled.store, "anna", "INBOX") as box:
        deliver(filled.store, ["anna"], b"new")
        box.change_flags([5], SEEN, 0)
        assert (box.size(LETTERS), box.date(LETTERS)) == (3, DATE)
        assert box.modseq(4) == box.highest_modseq == box.modseq(LETTERS) + 1
        assert reads == []


def test_who_asks_for_changes_reads_only_where_they_are(filled: Board, reads: list[int]) -> None:
    with opened(filled.store, "anna", "INBOX") as box:
        middle = box.modseq(40)
        reads.clear()
        assert not any(box.changed_since(index, box.highest_modseq) for index in range(LETTERS))
        assert reads == []
        assert [box.changed_since(index, middle) for index in range(LETTERS)] == [False] * 41 + [True] * 29
        assert reads == [2]


# Failures.


def fail(*_arguments) -> None:
    raise OSError(EIO)


OPERATIONS = {
    "size": lambda board, box: box.size(0),
    "blocks": lambda board, box: box.blocks(0),
    "date": lambda board, box: box.date(0),
    "saved": lambda board, box: box.saved(0),
    "modseq": lambda board, box: box.modseq(0),
    "expunge": lambda board, box: box.expunge([1, 40]),
    "copy": lambda board, box: box.copy([1, 40], board.info("anna", "Trash")[INFO_ID]),
    "move": lambda board, box: box.move([1, 40], board.info("anna", "Trash")[INFO_ID]),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_cannot_be_read_is_told_and_nothing_has_happened(
    filled: Board, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(filled.store, "anna", "INBOX") as box, opened(filled.store, "anna", "Trash"):
        before = filled.operations()
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, "_valid", fail)
            with pytest.raises(StoreUnavailable):
                OPERATIONS[operation](filled, box)
        assert filled.operations() == before
        assert all_told(box) == on_flash(filled, box)
        assert len(box) == LETTERS
        OPERATIONS[operation](filled, box)
        assert all_told(box) == on_flash(filled, box)
    assert not filled.reports


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_page_that_gets_damaged_costs_no_letter(filled: Board, operation: str) -> None:
    view = View()
    with opened(filled.store, "anna", "INBOX", view) as box:
        change(path_of(filled), box.contents.cold.index.start + 100)
        with pytest.raises(StoreUnavailable):
            OPERATIONS[operation](filled, box)
        assert len(box) == LETTERS
        assert box.size(30) == 130
        filled.idle()
        assert view.lost
    with opened(filled.store, "anna", "INBOX") as box:
        assert sorted(box.size(index) for index in range(len(box))) == [100 + number for number in range(LETTERS)]
        assert all_told(box) == on_flash(filled, box)


def test_a_snapshot_that_is_gone_is_damage(filled: Board) -> None:
    with opened(filled.store, "anna", "INBOX", View()) as box:
        filled.flash.system.remove(path_of(filled))
        with pytest.raises(StoreUnavailable):
            box.size(3)
        filled.idle()
    with opened(filled.store, "anna", "INBOX") as box:
        assert sorted(box.size(index) for index in range(len(box))) == [100 + number for number in range(LETTERS)]


@pytest.mark.parametrize("done", [False, True], ids=["old", "new"])
def test_a_rename_that_fails_may_have_been_done(filled: Board, done: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either snapshot may be there then, and the table goes with both."""
    with opened(filled.store, "anna", "INBOX") as box:
        deliver(filled.store, ["anna"], b"new")
        box.expunge(list(range(1, 31)))
        box.change_flags([35, 71], SEEN, 0)
        assert box.size(0) == 130
        wanted = all_told(box)
        rename = fold.snapshot.files.rename

        def renamed(old: str, new: str) -> None:
            if done:
                rename(old, new)
            raise OSError(EIO)

        with monkeypatch.context() as patch:
            patch.setattr(fold.snapshot.files, "rename", renamed)
            with pytest.raises(OSError):
                filled.fold("anna", "INBOX")
        assert all_told(box) == wanted == on_flash(filled, box)
        deliver(filled.store, ["anna"], b"newer")
        filled.fold("anna", "INBOX")
        assert all_told(box)[:-1] == wanted
        assert all_told(box) == on_flash(filled, box)
        assert len(box.contents.cold.tail) == 0
    assert not filled.reports


# Letters without a row in the tail.


def test_more_letters_than_the_tail_takes(board: Board) -> None:
    with opened(board.store, "anna", "INBOX") as box:
        for number in range(cold.MOST_TAIL + 3):
            deliver(board.store, ["anna"], b"x" * (100 + number))
        assert len(box.contents.cold.tail) == cold.MOST_TAIL
        assert box.size(cold.MOST_TAIL - 1) == 99 + cold.MOST_TAIL
        assert len(box.contents.cold.index.first) == 0
        # That one has no row: the log is read, and nothing is written.
        assert box.size(cold.MOST_TAIL + 2) == 102 + cold.MOST_TAIL
        assert len(box.contents.cold.tail) == cold.MOST_TAIL
        assert all_told(box) == on_flash(board, box)


def test_without_memory_for_the_tail_letters_come_all_the_same(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(board.store, "anna", "INBOX") as box:
        real = Rows.reserve

        def reserve(rows: Rows, count: int) -> None:
            if rows is box.contents.cold.tail:
                raise MemoryError
            real(rows, count)

        monkeypatch.setattr(Rows, "reserve", reserve)
        deliver(board.store, ["anna"], b"first")
        box.copy([1], board.info("anna", "INBOX")[INFO_ID])
        assert len(box.contents.cold.tail) == 0
        assert all_told(box) == on_flash(board, box)
        assert [box.size(index) for index in range(2)] == [5, 5]


def test_what_a_fold_lacks_is_read_from_the_log(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was begun before the last letter came."""
    monkeypatch.setattr(cold, "MOST_TAIL", 2)
    with opened(board.store, "anna", "INBOX") as box:
        for number in range(4):
            deliver(board.store, ["anna"], b"x" * number)
        board.store.keeper._fold = fold.Fold(board.store, box.info, 1)
        deliver(board.store, ["anna"], b"last letter")
        while board.store.keeper._fold is not None:
            board.store.maintain()
        assert box.contents.cold.untailed
        assert len(box.contents.cold.tail) == 0
        assert all_told(box) == on_flash(board, box)
        assert box.size(4) == 11
        assert box.contents.cold.untailed


@pytest.mark.parametrize("operation", ["expunge", "copy"])
def test_letters_without_a_row_can_be_worked_with(
    board: Board, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setattr(cold, "MOST_TAIL", 0)
    with opened(board.store, "anna", "INBOX") as box:
        deliver(board.store, ["anna"], b"letter")
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, "Writer", fail)
            assert (len(box), box.size(0)) == (1, 6)
            OPERATIONS[operation](board, box)


# Changes of flags.


def test_so_many_changes_that_a_fold_is_due(board: Board) -> None:
    for _ in range(300):
        deliver(board.store, ["anna"])
    board.fold("anna", "INBOX")
    with opened(board.store, "anna", "INBOX") as box:
        board.store.keeper.after = lambda: None
        for uid in range(1, table.MAX_CHANGES + 1):
            box.change_flags([uid], SEEN, 0)
        assert box.contents.table.changes == table.MAX_CHANGES
        assert all_told(box) == on_flash(board, box)
        before = board.operations()
        box.change_flags([300], SEEN, 0)
        assert board.operations() - before > 4
        assert box.contents.table.changes == 1
        assert all_told(box) == on_flash(board, box)


def test_a_change_of_flags_is_never_refused_for_a_fold_that_fails(
    filled: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAX_CHANGES", 6)
    with opened(filled.store, "anna", "INBOX") as box:
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, "Writer", fail)
            for uid in range(1, 12):
                box.change_flags([uid], SEEN, 0)
        rows = on_flash(filled, box)
        found = all_told(box)
        # Some letters seem to have changed later than they have, never earlier.
        assert [row[:6] + row[7:] for row in found] == [row[:6] + row[7:] for row in rows]
        assert all(row[6] >= other[6] for row, other in zip(found, rows, strict=True))
        filled.fold("anna", "INBOX")
        assert all_told(box) == on_flash(filled, box)


# When idle work folds.


def folds(board: Board, box: Mailbox) -> bool:
    """Idle work makes a new snapshot of the mailbox."""
    before = box.contents.cold.index
    board.idle()
    return box.contents.cold.index is not before


def test_idle_work_folds_an_open_mailbox_with_many_new_letters(filled: Board) -> None:
    for number in range(49):
        deliver(filled.store, ["anna"])
        if number == 47:
            filled.store.keeper.write_state()
            with opened(filled.store, "anna", "INBOX") as box:
                assert not folds(filled, box)
    filled.idle()
    # Nobody has it open: it takes no memory.
    assert filled.info("anna", "INBOX")[INFO_COUNTERS][FIRST_SECTOR]
    with opened(filled.store, "anna", "INBOX") as box:
        assert folds(filled, box)
        assert len(box.contents.cold.tail) == 0


def test_idle_work_folds_an_open_mailbox_with_many_changes(filled: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_IDLE_CHANGES", 5)
    with opened(filled.store, "anna", "INBOX") as box:
        for uid in range(1, 6):
            box.change_flags([uid], SEEN, 0)
        assert not folds(filled, box)
        box.change_flags([6], SEEN, 0)
        assert folds(filled, box)
        assert box.contents.table.changes == 0


# Expunged letters.


def test_expunged_uids_are_told_in_ascending_order_as_far_as_they_are_known(board: Board) -> None:
    for _ in range(300):
        append(board.store, "anna", "Archive")
    with opened(board.store, "anna", "Archive") as box:
        start = box.highest_modseq
        box.expunge([9, 10, 11])
        first = box.highest_modseq
        box.expunge([3, 4])
        box.expunge([5, 20])
        last = box.highest_modseq
        assert box.vanished_since(start) == (array("I", [3, 5, 9, 11, 20, 20]), True)
        assert box.vanished_since(first) == (array("I", [3, 5, 20, 20]), True)
        assert box.vanished_since(last) == (array("I"), True)
        for uid in range(30, 30 + 2 * contents.MAX_HISTORY, 2):
            box.expunge([uid])
        assert box.vanished_since(last) == (array("I", [uid for uid in range(30, 158, 2) for _ in (0, 1)]), True)
        runs, complete = box.vanished_since(first)
        assert not complete
        assert runs == box.vanished_since(last)[0]
    board.fold("anna", "Archive")
    board.start()
    with opened(board.store, "anna", "Archive") as box:
        assert not box.vanished_since(first)[1]
        assert box.vanished_since(last)[1]


def test_letters_that_come_back_are_no_secret(filled: Board) -> None:
    """They have other UIDs, and no expunge has said so: what has gone since is not known any more."""
    with opened(filled.store, "anna", "INBOX") as box:
        known = box.highest_modseq
        start = box.contents.cold.index.start
    change(path_of(filled), start + 100)
    view = View()
    with opened(filled.store, "anna", "INBOX", view) as box:
        assert not box.vanished_since(known - 1)[1]
        filled.idle()
        assert view.lost
    for _ in range(2):
        with opened(filled.store, "anna", "INBOX") as box:
            assert 1 not in uids_of(box)
            assert not box.vanished_since(known)[1]
            assert box.vanished_since(box.highest_modseq) == (array("I"), True)
        filled.start()


# Damaged heads.


def test_a_damaged_head_makes_no_modification_sequence_lower(filled: Board) -> None:
    with opened(filled.store, "anna", "INBOX") as box:
        box.change_flags([3], SEEN, 0)
        before = [box.modseq(index) for index in range(len(box))]
        highest = box.highest_modseq
    filled.fold("anna", "INBOX")
    change(path_of(filled), 20)
    with opened(filled.store, "anna", "INBOX", View()) as box:
        assert box.highest_modseq >= highest
        assert all(box.modseq(index) >= highest for index in range(len(box)))
        after = [box.modseq(index) for index in range(len(box))]
        filled.idle()
    with opened(filled.store, "anna", "INBOX") as box:
        assert all(box.modseq(index) >= each for index, each in enumerate(after))
        assert min(after) >= max(before)
        assert all_told(box) == on_flash(filled, box)
