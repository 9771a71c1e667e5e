"""STATUS: what a mailbox holds, in numbers, counted on flash in bounded memory, and only when it has changed."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.store import NoSuchMailbox, StoreUnavailable, counting, counts, files
from postino.store.catalogue import INFO_COUNTERS, INFO_ID, INFO_UIDVALIDITY, UIDNEXT
from postino.store.contents import Contents
from postino.store.flags import DELETED, FLAGGED, SEEN
from postino.store.log import Log
from postino.store.log_device import RawLog
from tests.unit.store_support import USERS, Board, append, deliver, opened, uids_of

SENT = ("anna", "Sent")
# UIDs of the tests of Ranges.
UIDS = 40
RUNS = st.tuples(
    st.integers(1, UIDS),
    st.integers(0, 12),
    st.sampled_from((0, SEEN, DELETED, SEEN | DELETED, counting._GONE)),
    st.sampled_from((0, SEEN, DELETED, SEEN | DELETED)),
)
# Changes of a mailbox: kind, first letter, how many, every how-many-th.
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(("seen", "unseen", "deleted", "undeleted", "flagged", "expunge", "add", "copy", "fold")),
        st.integers(0, 60),
        st.sampled_from((1, 2, 7, 60)),
        st.sampled_from((1, 1, 2, 3)),
    ),
    max_size=12,
)
FLAGS = {"seen": (SEEN, 0), "unseen": (0, SEEN), "deleted": (DELETED, 0), "undeleted": (0, DELETED)}


def expected(board: Board, user: str, name: str) -> tuple:
    """What the open mailbox says, letter for letter."""
    info = board.info(user, name)
    with opened(board.store, user, name) as box:
        indices = range(len(box))
        flags = [box.flags(index) for index in indices]
        return (
            len(box),
            sum(uid >= box.recent_from for uid in uids_of(box)),
            info[INFO_COUNTERS][UIDNEXT],
            info[INFO_UIDVALIDITY],
            sum(not each & SEEN for each in flags),
            sum(1 for each in flags if each & DELETED),
            sum(box.size(index) for index in indices),
            box.highest_modseq,
        )


def fill(board: Board, copies: int, letters: int = 3) -> None:
    """So many times the same letters, which have different sizes."""
    for number in range(letters):
        append(board.store, *SENT, bytes(100 * number + 1), SEEN if number % 2 else 0)
    with opened(board.store, *SENT) as box:
        uids = uids_of(box)
        for _ in range(copies):
            box.copy(uids, box.id)


@pytest.fixture
def few_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_RANGES", 8)


# Ranges.


@given(runs=st.lists(RUNS, max_size=30), asked=st.sets(st.integers(1, UIDS)), most=st.sampled_from((8, 9, 15, 200)))
def test_ranges_say_what_happens_to_each_letter(runs: list, asked: set[int], most: int) -> None:
    """However few of them fit into memory: the runs are then gone through again, from where the ranges end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_RANGES", most)
        ranges = counting.Ranges()
        found = {}
        for uid in [0, *sorted(asked)]:
            if not uid or uid >= ranges.high:
                ranges.start(uid)
                for first, length, got, lost in runs:
                    ranges.change(first, first + length, got, lost)
                    assert ranges._count <= most
                assert ranges.high > uid
            found[uid] = ranges.effect(uid)
        for uid, effect in found.items():
            for before in (0, SEEN, DELETED, SEEN | DELETED):
                after = before
                for first, length, got, lost in runs:
                    if first <= uid <= first + length:
                        after = after & ~lost | got
                assert (before & ~(effect >> 1) | effect) & (SEEN | DELETED | counting._GONE) == after


def test_the_last_uid_there_can_be() -> None:
    ranges = counting.Ranges()
    ranges.change(0xFFFFFFF0, 0xFFFFFFFF, SEEN, 0)
    assert (ranges.effect(1), ranges.effect(0xFFFFFFFE)) == (0, SEEN)


# Counting.


def change(board: Board, kind: str, first: int, count: int, step: int) -> None:
    if kind == "fold":
        board.fold(*SENT)
    elif kind == "add":
        for number in range(min(count, 3)):
            append(board.store, *SENT, bytes(10 + number), (0, SEEN, DELETED)[number])
    else:
        with opened(board.store, *SENT) as box:
            uids = uids_of(box)[first : first + count * step : step]
            if kind == "expunge":
                box.expunge(uids)
            elif kind == "copy":
                box.copy(uids[:20], box.id)
            elif kind == "flagged":
                box.change_flags(uids, FLAGGED | box.keyword_bit("work", True), 0)
            else:
                box.change_flags(uids, *FLAGS[kind])


@given(changes=CHANGES, copies=st.sampled_from((0, 1, 12, 30)), most=st.sampled_from((8, 20, 200)))
def test_a_closed_mailbox_is_counted_as_an_open_one(changes: list, copies: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_RANGES", most)
        board = Board()
        try:
            fill(board, copies)
            for each in changes:
                change(board, *each)
            seen = board.store.status(*SENT)
            assert seen == expected(board, *SENT)
            with opened(board.store, *SENT):
                assert board.store.status(*SENT) == seen
            board.start()
            assert board.store.status(*SENT) == seen
            assert board.store.status(*SENT, False) == (seen[0], None, *seen[2:4], None, None, None, seen[7])
        finally:
            board.flash.release()


def test_single_letters_at_wide_intervals(board: Board, few_ranges: None) -> None:
    """Many more ranges than there is memory for, in the snapshot and behind it."""
    fill(board, 20)
    board.fold(*SENT)
    with opened(board.store, *SENT) as box:
        for _ in range(2):
            box.copy(uids_of(box)[:40], box.id)
        uids = uids_of(box)
        for uid in uids[::3]:
            box.change_flags([uid], SEEN | DELETED, 0)
        box.expunge(uids[1::6])
        box.change_flags(uids[::9], 0, SEEN)
    assert board.store.status(*SENT) == expected(board, *SENT)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Mailboxes whose records are read."""
    found: list[int] = []
    reader = Log.reader

    def read(log: Log, mailbox: int = 0, first: int = 0):
        found.append(mailbox)
        return reader(log, mailbox, first)

    monkeypatch.setattr(Log, "reader", read)
    yield found


def test_the_log_is_read_no_oftener_for_a_large_mailbox(board: Board, readers: list[int]) -> None:
    """Once for what happened to letters, once for letters that it adds; however many pages the snapshot has."""
    fill(board, 100)
    board.fold(*SENT)
    with opened(board.store, *SENT) as box:
        box.change_flags(uids_of(box)[:40], SEEN, 0)
    readers.clear()
    assert board.store.status(*SENT)[0] == 303
    assert len(readers) == 1
    append(board.store, *SENT, b"one more")
    readers.clear()
    assert board.store.status(*SENT)[0] == 304
    assert len(readers) == 2


def test_a_folded_mailbox_needs_no_log(board: Board, readers: list[int]) -> None:
    fill(board, 2)
    board.fold(*SENT)
    readers.clear()
    assert board.store.status(*SENT)[4] == 6
    assert not readers


def test_no_table_is_made(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(board, 2)

    def refused(_contents: Contents) -> None:
        raise MemoryError

    monkeypatch.setattr(Contents, "make_table", refused)
    assert board.store.status(*SENT)[:2] == (9, 9)


# What is asked for often.


class NothingRead:
    """Whatever is read from flash fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def __enter__(self) -> None:
        def refused(*_arguments):
            raise AssertionError("something is read")

        self._patch.setattr(files, "open_file", refused)
        self._patch.setattr(Log, "reader", refused)

    def __exit__(self, *_error) -> None:
        self._patch.undo()


def test_what_is_not_counted_costs_nothing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(board, 2)
    info = board.info(*SENT)
    with NothingRead(monkeypatch):
        seen = board.store.status(*SENT, False)
    assert seen == (9, None, 10, info[INFO_UIDVALIDITY], None, None, None, seen[7])
    assert seen == (*board.store.status(*SENT)[:1], None, *board.store.status(*SENT)[2:4], None, None, None, seen[7])


def test_an_empty_mailbox_costs_nothing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    with NothingRead(monkeypatch):
        seen = board.store.status(*SENT)
    assert seen[:3] == (0, 0, 1) and seen[4:7] == (0, 0, 0) and seen[7] >= 1


def new_letter(board: Board) -> None:
    append(board.store, *SENT, b"new")


def flags(board: Board) -> None:
    with opened(board.store, *SENT) as box:
        box.change_flags([1], SEEN | DELETED, 0)


def expunge(board: Board) -> None:
    with opened(board.store, *SENT) as box:
        box.expunge([2])


def copies(board: Board) -> None:
    with opened(board.store, *SENT) as box:
        box.copy([1], board.info("anna", "Trash")[INFO_ID])
        box.move([1], box.id)


def claim(board: Board) -> None:
    with opened(board.store, *SENT) as box:
        box.claim_recent()


def replaced(board: Board) -> None:
    letter = board.store.new_letter()
    letter.write(b"another")
    with opened(board.store, *SENT) as box:
        board.store.replace(letter, box, 1, box.id, SEEN, 0)


@pytest.mark.parametrize("act", [new_letter, flags, expunge, copies, claim, replaced])
def test_what_was_counted_holds_until_the_mailbox_changes(
    board: Board, monkeypatch: pytest.MonkeyPatch, act: Callable[[Board], None]
) -> None:
    fill(board, 2)
    before = board.store.status(*SENT)
    deliver(board.store, USERS)
    append(board.store, "anna", "Drafts", b"elsewhere")
    with NothingRead(monkeypatch):
        assert board.store.status(*SENT) == before
    act(board)
    after = board.store.status(*SENT)
    assert after != before
    assert after == expected(board, *SENT)
    with NothingRead(monkeypatch):
        assert board.store.status(*SENT) == after


def test_another_mailbox_of_the_same_name_is_counted_anew(board: Board) -> None:
    board.store.create("anna", "Lists")
    append(board.store, "anna", "Lists", b"old")
    assert board.store.status("anna", "Lists")[0] == 1
    board.store.delete("anna", "Lists")
    with pytest.raises(NoSuchMailbox):
        board.store.status("anna", "Lists")
    board.store.create("anna", "Lists")
    assert board.store.status("anna", "Lists")[:2] == (0, 0)


def test_what_is_read_again_is_counted_again(board: Board) -> None:
    fill(board, 2)
    before = board.store.status(*SENT)
    board.store.counts._known[board.info(*SENT)[INFO_ID]] = (before[7], 1, 99, 99, 99, 99, 99)
    assert board.store.status(*SENT)[0] == 99
    board.store.reload()
    assert board.store.status(*SENT) == before


def test_the_numbers_of_some_mailboxes_are_kept(board: Board) -> None:
    for number in range(counts._KEPT + 5):
        board.store.create("bert", f"Box {number}")
        append(board.store, "bert", f"Box {number}", bytes(number + 1))
    for _ in range(2):
        for number in range(counts._KEPT + 5):
            assert board.store.status("bert", f"Box {number}")[6] == number + 1
            assert len(board.store.counts._known) <= counts._KEPT
    assert len(board.store.counts._known) == counts._KEPT


def test_what_changes_nothing_leaves_the_modification_sequence(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also behind a transaction that failed, whose number is used up by then."""
    fill(board, 2)
    before = board.store.status(*SENT)

    def refused(*_arguments) -> None:
        raise OSError(5, "")

    with opened(board.store, *SENT) as box:
        monkeypatch.setattr(RawLog, "program", refused)
        with pytest.raises(StoreUnavailable):
            box.change_flags([1], FLAGGED, 0)
        monkeypatch.undo()
        box.expunge([99])
        assert board.store.log.sequence > before[7]
        assert box.highest_modseq == before[7]
        assert board.store.status(*SENT) == before
    board.start()
    assert board.store.status(*SENT) == before


# Damage.


def test_what_cannot_be_read_is_left_out_and_comes_back(board: Board) -> None:
    fill(board, 40)
    board.fold(*SENT)
    whole = board.store.status(*SENT)
    board.flash.chip.image[place_of_page(board, 2) + 20] ^= 0x10
    board.start()
    seen = board.store.status(*SENT)
    assert seen[0] == whole[0] - 28
    assert seen[6] < whole[6]
    assert not board.store.counts._known
    board.idle()
    # Each of the three letters, once.
    assert board.store.status(*SENT)[0] == seen[0] + 3
    assert board.store.status(*SENT) == expected(board, *SENT)


def place_of_page(board: Board, number: int) -> int:
    head = b"PG" + (28).to_bytes(2, "little") + number.to_bytes(4, "little")
    found = bytes(board.flash.chip.image).find(head + board.info(*SENT)[INFO_ID].to_bytes(4, "little"))
    assert found > 0
    return found
