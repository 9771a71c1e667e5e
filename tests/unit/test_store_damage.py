"""Damage of snapshots, states and letters: it costs what docs/store.md says, and all letters come back."""

import zlib

import pytest

from postino.store import INFO_ID, LetterGone, StoreUnavailable, files, snapshot
from postino.store.flags import FLAGGED, SEEN
from tests.device.store_driver import View
from tests.support.nor_chip import PowerLost
from tests.unit.store_support import Board, append, change, content, deliver, octets_of, opened, uids_of

LETTERS = 70
ALL = {b"letter %d" % number for number in range(1, LETTERS + 1)}


def path_of(board: Board, name: str = "Sent") -> str:
    return f"/index/{board.info('anna', name)[INFO_ID]:x}"


def rest(board: Board) -> dict:
    """Everything but the mailbox that gets damaged."""
    return {key: box for key, box in board.seen().items() if key != ("anna", "Sent")}


def letters_of(board: Board, name: str = "Sent") -> list[bytes]:
    with opened(board.store, "anna", name) as box:
        return [content(board.store, box.letter(index)) for index in range(len(box))]


def rows(board: Board) -> list[list]:
    """UID, flags and digest of the letters in the mailbox."""
    return [[row[0], row[3], row[6]] for row in board.seen()["anna", "Sent"]["entries"]]


@pytest.fixture
def damaged(board: Board) -> Board:
    """Sent is about to be damaged: three pages, flags, a keyword, an expunged letter; nothing of it is in the log."""
    for number in range(1, LETTERS + 2):
        append(board.store, "anna", "Sent", b"letter %d" % number)
    deliver(board.store, ["anna", "bert"], b"untouched")
    with opened(board.store, "anna", "Sent") as box:
        box.change_flags(uids_of(box)[::2], SEEN | box.keyword_bit("$Junk", True), 0)
        box.expunge([LETTERS + 1])
    board.fold("anna", "Sent")
    come_round(board)
    return board


def come_round(board: Board) -> None:
    """So much happens elsewhere that the log has nothing of Sent any more."""
    log = board.store.log
    until = log.sector + log.device.sectors
    with opened(board.store, "bert", "INBOX") as box:
        number = 0
        while log.tail < until:
            box.change_flags([1], FLAGGED * (number & 1), FLAGGED * (~number & 1))
            if number % 50 == 0:
                board.idle()
            number += 1
    board.idle()


# A page of a snapshot.


def page_at(board: Board, page: int) -> int:
    return octets_of(path_of(board)).index(b"PG") + page * snapshot.PAGE_SIZE


@pytest.mark.parametrize("page", range(3))
@pytest.mark.parametrize("at", [0, 3, 5, 9, 13, 20, 16 + 36 * 13 + 35], ids=str)
def test_letters_of_a_page_come_back(damaged: Board, page: int, at: int) -> None:
    before = rows(damaged)
    others = rest(damaged)
    change(path_of(damaged), page_at(damaged, page) + at)
    damaged.start()
    lost = range(28 * page, min(28 * page + 28, LETTERS))
    kept = [row for index, row in enumerate(before) if index not in lost]
    assert rows(damaged) == kept
    damaged.idle()
    # With new UIDs and without flags.
    back = [[LETTERS + 2 + number, "", before[index][2]] for number, index in enumerate(lost)]
    assert sorted(row[2] for row in rows(damaged)[len(kept) :]) == sorted(row[2] for row in back)
    assert [row[:2] for row in rows(damaged)] == [row[:2] for row in kept + back]
    assert rest(damaged) == others
    assert damaged.reports[-1] == f"repair: {len(lost)} letters are back"


def test_the_repair_of_a_page_is_done_once(damaged: Board) -> None:
    change(path_of(damaged), page_at(damaged, 1) + 100)
    assert len(rows(damaged)) == LETTERS - 28
    damaged.idle()
    found = damaged.seen()
    damaged.reports.clear()
    for _ in range(2):
        damaged.start()
        assert damaged.seen() == found
        damaged.idle()
    assert damaged.reports == []
    with opened(damaged.store, "anna", "Sent") as box:
        box.expunge(uids_of(box))
    assert len(damaged.slots()) == 1


def test_sessions_have_to_open_it_again(damaged: Board) -> None:
    change(path_of(damaged), page_at(damaged, 0) + 100)
    view = View()
    box = damaged.store.open_mailbox(damaged.info("anna", "Sent")[INFO_ID], view)
    assert len(box) == LETTERS - 28
    damaged.idle()
    assert view.lost and len(box) == 0


def test_damage_is_not_folded_away(damaged: Board) -> None:
    """What is missing comes back first: after a fold nobody would know that it was there."""
    change(path_of(damaged), page_at(damaged, 1) + 100)
    append(damaged.store, "anna", "Sent", b"new")
    with pytest.raises(StoreUnavailable):
        damaged.fold("anna", "Sent")
    damaged.idle()
    assert sorted(letters_of(damaged)) == sorted([*ALL, b"new"])


def test_letters_that_have_moved_come_back_where_they_were(board: Board) -> None:
    """Their trailers name the mailbox that got them first."""
    for number in range(3):
        deliver(board.store, ["anna", "bert"], b"%d" % number)
    with opened(board.store, "anna", "INBOX") as box:
        box.move([1, 2], board.info("anna", "Archive")[INFO_ID])
        box.copy([3], board.info("anna", "Archive")[INFO_ID])
    board.fold("anna", "Archive")
    change(path_of(board, "Archive"), -1)
    others = {key: box for key, box in board.seen().items() if key != ("anna", "Archive")}
    board.idle()
    found = board.seen()
    assert sorted(letters_of(board, "Archive")) == [b"0", b"1", b"2"]
    assert {key: found[key] for key in others} == others


def test_a_page_of_a_deleted_mailbox(damaged: Board) -> None:
    """Its letters go with it: they do not keep their room for ever, and do not come back to anybody."""
    change(path_of(damaged), page_at(damaged, 1) + 100)
    damaged.store.delete("anna", "Sent")
    others = rest(damaged)
    damaged.idle()
    damaged.start()
    damaged.idle()
    assert rest(damaged) == others
    assert len(damaged.slots()) == 1


@pytest.mark.parametrize("what", ["page", "head"])
def test_a_cut_of_the_repair_is_harmless(damaged: Board, what: str) -> None:
    change(path_of(damaged), page_at(damaged, 1) + 100 if what == "page" else 20)
    image = bytes(damaged.flash.chip.image)
    operations = 0
    cut = True
    while cut:
        operations += 3
        board = damaged
        board.flash.chip.power_on()
        board.flash.chip.image[:] = image
        board.start()
        assert len(rows(board)) >= LETTERS - 28
        board.flash.chip.cut_in(operations)
        try:
            board.idle()
            cut = board.flash.chip.lost
        except PowerLost:
            pass
        board.flash.chip.power_on()
        board.start()
        assert len(rows(board)) >= LETTERS - 28
        board.idle()
        assert sorted(letters_of(board)) == sorted(ALL)
        assert len(board.slots()) == LETTERS + 1


# The head of a snapshot.


@pytest.mark.parametrize("at", [*range(0, 64, 5), 65, 71, 76])
def test_a_head_costs_keywords_and_history(damaged: Board, at: int) -> None:
    before = rows(damaged)
    others = rest(damaged)
    old = damaged.seen()["anna", "Sent"]
    change(path_of(damaged), at)
    damaged.start()
    plain = [[row[0], row[1].replace("$junk ", ""), row[2]] for row in before]
    for _ in range(3):
        assert rows(damaged) == plain
        damaged.idle()
    new = damaged.seen()["anna", "Sent"]
    for name in ("uidvalidity", "uidnext", "attributes", "days", "count", "status"):
        assert new[name] == old[name]
    assert (new["keywords"], new["history"]) == ([], [])
    assert rest(damaged) == others
    assert damaged.reports == ["repair: 0 letters are back"]
    damaged.reports.clear()
    damaged.start()
    damaged.idle()
    assert damaged.reports == []


def damage_head(board: Board) -> None:
    change(path_of(board), 20)
    board.start()
    board.seen()
    board.idle()


def test_after_damage_of_a_head_all_entries_count_as_changed(damaged: Board) -> None:
    """Clients that ask for changes only (RFC 7162) hear that keywords are gone."""
    before = damaged.seen()["anna", "Sent"]["modseq"]
    damage_head(damaged)
    after = damaged.seen()["anna", "Sent"]
    assert after["modseq"] > before
    assert min(row[5] for row in after["entries"]) > before


def test_after_damage_of_a_head_the_history_is_not_called_complete(damaged: Board) -> None:
    before = damaged.seen()["anna", "Sent"]["modseq"]
    damage_head(damaged)
    assert damaged.seen()["anna", "Sent"]["floor"] >= before


def test_keywords_that_were_lost_do_not_come_back_as_others(damaged: Board) -> None:
    damage_head(damaged)
    with opened(damaged.store, "anna", "Sent") as box:
        box.change_flags([2], box.keyword_bit("work", True), 0)
    assert [row[0] for row in rows(damaged) if "work" in row[1]] == [2]


def test_records_of_the_log_do_not_count_twice_after_damage_of_a_head(board: Board) -> None:
    """Which of them are in the snapshot, the head would say."""
    for number in range(5):
        append(board.store, "anna", "Sent", b"%d" % number)
    board.fold("anna", "Sent")
    with opened(board.store, "anna", "Sent") as box:
        box.change_flags([2, 3], SEEN, 0)
        box.expunge([4])
    before = rows(board)
    change(path_of(board), 20)
    board.start()
    assert rows(board) == before
    board.idle()
    assert rows(board) == before


@pytest.mark.parametrize("letters", range(1, 8))
def test_the_pages_are_found_whatever_the_head_says(board: Board, letters: int) -> None:
    """As many letters as the number of the mailbox, or not."""
    for number in range(letters):
        append(board.store, "anna", "Sent", b"%d" % number, FLAGGED)
    board.fold("anna", "Sent")
    deliver(board.store, ["bert"])
    come_round(board)
    before = rows(board)
    change(path_of(board), 20)
    board.start()
    assert rows(board) == before


# A copy of the state.


@pytest.mark.parametrize("copy", ["state", "state.2"])
@pytest.mark.parametrize("how", ["damaged", "missing", "empty"])
def test_a_copy_of_the_state_costs_nothing(damaged: Board, copy: str, how: str) -> None:
    before = damaged.seen()
    path = "/index/" + copy
    if how == "damaged":
        change(path, 50)
    elif how == "missing":
        files.remove(path)
    else:
        files.open_file(path, "wb").close()
    damaged.start()
    assert damaged.seen() == before
    assert damaged.reports == ([] if how == "missing" else ["a copy of the state is damaged"])
    damaged.idle()
    assert octets_of("/index/state") == octets_of("/index/state.2")
    damaged.start()
    assert damaged.seen() == before


# A letter.


def letter_path(slot: int) -> str:
    return f"/{slot >> 6:x}/{slot & 63:x}"


def test_a_letter_costs_that_letter(board: Board) -> None:
    slots = [deliver(board.store, ["anna"], bytes(3000)) for _ in range(2)]
    change(letter_path(slots[0]), 1000)
    board.start()
    assert content(board.store, slots[1]) == bytes(3000)
    assert board.reports == []
    assert len(content(board.store, slots[0])) == 3000
    assert board.reports == ["letter 0 damaged"]
    board.idle()
    assert board.store.status("anna", "INBOX")[0] == 2


@pytest.mark.parametrize("missing", [True, False], ids=["missing", "trailer"])
def test_a_letter_that_is_none_any_more(board: Board, missing: bool) -> None:
    slots = [deliver(board.store, ["anna"], bytes(3000)) for _ in range(2)]
    if missing:
        files.remove(letter_path(slots[0]))
    else:
        change(letter_path(slots[0]), -1)
    board.start()
    with pytest.raises((LetterGone, StoreUnavailable)):
        board.store.open_letter(slots[0])
    with opened(board.store, "anna", "INBOX") as box:
        box.expunge([1])
    board.idle()
    assert board.slots() == {slots[1]}
    free = board.store.free_bytes()
    board.start()
    assert board.store.free_bytes() == free


def of_format_3(path: str) -> None:
    """As a later version may write it: nothing of it is damaged."""
    octets = bytearray(octets_of(path))
    pages = octets.index(b"PG")
    octets[4] = 3
    octets[pages - 4 : pages] = zlib.crc32(octets[: pages - 4]).to_bytes(4, "little")
    file = files.open_file(path, "wb")
    try:
        file.write(octets)
    finally:
        file.close()


def test_a_mailbox_of_an_unknown_format_is_left_alone(damaged: Board) -> None:
    of_format_3(path_of(damaged))
    before = octets_of(path_of(damaged))
    damaged.start()
    for call in (damaged.store.load, damaged.store.keeper.fold_now):
        with pytest.raises(StoreUnavailable):
            call(damaged.info("anna", "Sent"))
    with pytest.raises(StoreUnavailable):
        damaged.store.status("anna", "Sent")
    deliver(damaged.store, ["anna", "bert"])
    damaged.idle()
    assert octets_of(path_of(damaged)) == before
    assert letters_of(damaged, "INBOX") == [b"untouched", b"letter"]
