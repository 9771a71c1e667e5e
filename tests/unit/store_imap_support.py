"""What the tests of MULTIAPPEND and REPLACE share."""

from array import array

from postino.store import INFO_ID
from postino.store.letters import LetterWriter
from postino.store.mailbox import Mailbox
from tests.unit.store_support import DATE, Board, append, content, opened

DRAFTS = ("anna", "Drafts")


def written(board: Board, *octets: bytes) -> list[LetterWriter]:
    letters = []
    for each in octets:
        letters.append(board.store.new_letter())
        letters[-1].write(each)
    return letters


def append_all(board: Board, user: str, name: str, *octets: bytes, flags: int = 0) -> tuple[int, array]:
    letters = written(board, *octets)
    try:
        mailbox = board.info(user, name)[INFO_ID]
        return board.store.append_all(mailbox, [(letter, flags, DATE + at) for at, letter in enumerate(letters)])
    finally:
        for letter in letters:
            letter.abort()


def replace(board: Board, box: Mailbox, uid: int, name: str, octets: bytes, flags: int = 0) -> tuple[int, int]:
    letter = written(board, octets)[0]
    try:
        return board.store.replace(letter, box, uid, board.info("anna", name)[INFO_ID], flags, DATE)
    finally:
        letter.abort()


def rows(board: Board, user: str, name: str) -> list[tuple[int, bytes, int, int]]:
    """UID, octets, flags and date of each letter."""
    with opened(board.store, user, name) as box:
        found = []
        for index in range(len(box)):
            octets = content(board.store, box.letter(index))
            found.append((box.uid(index), octets, box.flags(index), box.date(index)))
        return found


def settled(board: Board) -> None:
    """Nothing is left of what was given up, and all that can be known without reading is right."""
    board.idle()
    assert not board.store.letters.busy
    assert board.store.space.transit == 0
    named = {row[1] for box in board.seen().values() for row in box["entries"]}
    assert board.slots() == named
    free = board.store.space.free()
    seen = board.seen()
    board.start()
    assert board.seen() == seen
    assert board.store.space.free() == free
    assert not board.reports


def fill(board: Board) -> Board:
    """Three letters each in Sent and Drafts."""
    for name in ("Sent", "Drafts"):
        for number in range(3):
            append(board.store, "anna", name, b"%s %d" % (name.encode(), number))
    return board
