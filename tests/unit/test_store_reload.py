"""Everything is read from flash again while letters are in transit and folds half done; and that fails half-way."""

import pytest

from postino.store import INFO_ID, StoreUnavailable, files, fold, log_scan, recovery
from postino.store.mailbox import Mailbox
from postino.store.space import blocks_of
from tests.unit.faults_support import EIO
from tests.unit.store_support import DATE, Board, content, deliver, opened, uids_of

LETTERS = 3
ALL = [b"letter %d" % number for number in range(LETTERS)]


def letters_of(board: Board, user: str) -> list[bytes]:
    with opened(board.store, user, "INBOX") as box:
        return [content(board.store, box.letter(index)) for index in range(len(box))]


def deliver_again(board: Board) -> None:
    """The slots had letters of anna, which she has expunged; those of bert in them now are acknowledged."""
    for _ in range(LETTERS):
        deliver(board.store, ["anna"], b"of anna")
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge(uids_of(box))
    board.store.slots._next = 0
    assert [deliver(board.store, ["bert"], octets) for octets in ALL] == list(range(LETTERS))


def fail_after_the_old_expunge(board: Board, monkeypatch: pytest.MonkeyPatch, error: Exception, direct: bool) -> None:
    """The replay gives up where the slots look as if nothing named their letters."""
    replay = recovery._Replay._expunge

    def fail(job, reader) -> None:
        replay(job, reader)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(recovery._Replay, "_expunge", fail)
        if direct:
            with pytest.raises((MemoryError, StoreUnavailable)):
                board.store.reload()
        else:
            board.store.need_replay()
            board.store.maintain()
    assert not board.store.ready
    assert list(board.store.slots.pending())


half_read = pytest.mark.parametrize(
    ("error", "direct"),
    [(MemoryError(), False), (MemoryError(), True), (OSError(EIO, ""), False), (OSError(EIO, ""), True)],
    ids=["memory", "memory, at once", "EIO", "EIO, at once"],
)


@half_read
def test_a_reader_that_closes_meanwhile_takes_no_letter_with_it(
    board: Board, monkeypatch: pytest.MonkeyPatch, error: Exception, direct: bool
) -> None:
    deliver_again(board)
    readers = [board.store.open_letter(slot) for slot in range(LETTERS)]
    fail_after_the_old_expunge(board, monkeypatch, error, direct)
    for reader in readers:
        reader.close()
    assert board.slots() == set(range(LETTERS))
    board.store.maintain()
    for _ in range(2):
        assert letters_of(board, "bert") == ALL
        assert letters_of(board, "anna") == []
        board.start()


@half_read
def test_a_letter_that_comes_in_is_given_up_meanwhile(
    board: Board, monkeypatch: pytest.MonkeyPatch, error: Exception, direct: bool
) -> None:
    deliver_again(board)
    coming = board.store.new_letter()
    coming.write(bytes(5000))
    fail_after_the_old_expunge(board, monkeypatch, error, direct)
    coming.abort()
    # Nothing is removed before it is known again what the slots hold.
    assert board.slots() == {*range(LETTERS), coming.slot}
    board.store.maintain()
    assert board.slots() == set(range(LETTERS))
    assert board.store.space.transit == 0
    assert letters_of(board, "bert") == ALL
    free = board.store.free_bytes()
    board.start()
    assert board.store.free_bytes() == free


@half_read
def test_a_letter_that_comes_in_can_be_delivered_afterwards(
    board: Board, monkeypatch: pytest.MonkeyPatch, error: Exception, direct: bool
) -> None:
    deliver_again(board)
    coming = board.store.new_letter()
    coming.write(bytes(5000))
    fail_after_the_old_expunge(board, monkeypatch, error, direct)
    coming.write(bytes(5000))
    with pytest.raises(StoreUnavailable):
        board.store.deliver(coming, ["anna"], DATE)
    board.store.maintain()
    assert board.store.space.transit == coming.blocks == blocks_of(10000)
    board.store.deliver(coming, ["anna"], DATE)
    coming.abort()
    assert board.store.space.transit == 0
    for _ in range(2):
        assert letters_of(board, "anna") == [bytes(10000)]
        assert letters_of(board, "bert") == ALL
        board.start()


def test_the_log_takes_nothing_until_it_has_been_read(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(board.store, ["anna"], b"letter")

    def fail(_scan, _number: int) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(log_scan.Scan, "_sector", fail)
        board.store.need_replay()
        board.store.maintain()
    assert not board.store.log.ready
    with pytest.raises(StoreUnavailable), board.store.log:
        pass
    board.store.maintain()
    assert board.store.log.ready
    deliver(board.store, ["anna"], b"later")
    assert letters_of(board, "anna") == [b"letter", b"later"]


# What is in transit is counted once.


def test_room_of_a_letter_that_only_a_reader_holds(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory ran out in its expunge: what it takes had not been charged to anything yet."""
    before = board.store.free_bytes()
    slot = deliver(board.store, ["anna"], bytes(20000))
    reader = board.store.open_letter(slot)

    def fail(_box, *_arguments) -> None:
        raise MemoryError

    with opened(board.store, "anna", "INBOX") as box, monkeypatch.context() as patch:
        patch.setattr(Mailbox, "_drop", fail)
        box.expunge([1])
    for _ in range(2):
        board.store.need_replay()
        board.store.maintain()
        assert board.store.space.transit == blocks_of(20000)
    reader.close()
    assert board.store.space.transit == 0
    assert board.slots() == set()
    # The directory of the letters stays.
    assert board.store.free_bytes() == before - 2 * 4096


@pytest.mark.parametrize("times", [1, 2])
def test_room_of_everything_in_transit(board: Board, times: int) -> None:
    """A letter that comes in, one that is there, and one that was expunged while somebody reads it."""
    slots = [deliver(board.store, ["anna"], bytes(9000)) for _ in range(2)]
    readers = [board.store.open_letter(slot) for slot in slots]
    coming = board.store.new_letter()
    coming.write(bytes(5000))
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge([2])
    transit = blocks_of(9000) + blocks_of(5000)
    free = board.store.free_bytes()
    for _ in range(times):
        board.store.need_replay()
        board.store.maintain()
        assert board.store.space.transit == transit
        assert board.store.free_bytes() == free
    for reader in readers:
        reader.close()
    assert board.store.space.transit == coming.blocks
    coming.abort()
    assert board.store.space.transit == 0
    assert board.slots() == {slots[0]}


# A fold that is done in slices.


@pytest.fixture
def folding(board: Board) -> Board:
    """A mailbox of several pages, of which one has been written anew."""
    for number in range(60):
        deliver(board.store, ["anna"], b"letter %d" % number)
    board.fold("anna", "INBOX")
    for number in range(60, 70):
        deliver(board.store, ["anna"], b"letter %d" % number)
    board.store.keeper._fold = fold.Fold(board.store, board.info("anna", "INBOX"), 1)
    assert board.store.maintain()
    assert len(board.flash.system.open_files) == 2
    return board


def assert_nothing_is_left_of_it(board: Board) -> None:
    assert board.flash.system.open_files == set()
    assert not [name for name in files.names_in("/index") if name.endswith(files.NEW)]
    assert board.store.keeper._fold is None


def has_all(board: Board) -> bool:
    return letters_of(board, "anna") == [b"letter %d" % number for number in range(70)]


@pytest.mark.parametrize("direct", [False, True], ids=["slice", "at once"])
def test_a_fold_is_given_up_when_all_is_read_again(folding: Board, direct: bool) -> None:
    """Left to a finaliser, its half of a snapshot would be committed at any time, over the next one."""
    path = f"/index/{folding.info('anna', 'INBOX')[INFO_ID]:x}"
    before = files.size_of(path)
    if direct:
        folding.store.reload()
    else:
        folding.store.need_replay()
        folding.store.maintain()
    assert_nothing_is_left_of_it(folding)
    assert files.size_of(path) == before
    assert has_all(folding)
    folding.fold("anna", "INBOX")
    folding.start()
    assert has_all(folding)


def test_a_fold_is_given_up_also_if_reading_fails(folding: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_job) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(recovery._Replay, "run", fail)
        folding.store.need_replay()
        folding.store.maintain()
    assert_nothing_is_left_of_it(folding)
    folding.store.maintain()
    assert has_all(folding)


@pytest.mark.parametrize("stale", [False, True], ids=["whole", "to be read again"])
def test_a_fold_is_given_up_at_the_end(folding: Board, stale: bool) -> None:
    if stale:
        folding.store.need_replay()
    folding.store.close()
    assert_nothing_is_left_of_it(folding)
    folding.start()
    assert has_all(folding)
