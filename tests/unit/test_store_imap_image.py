"""The host's reader on images that hold what MULTIAPPEND, REPLACE and CREATE with a use have written: fsck, export."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from postino.store import INFO_ID, SENT, TRASH
from postino.store.flags import DELETED, DRAFT, SEEN
from postino_tools import cli, mail_image
from tests.unit.store_imap_support import DRAFTS, append_all, replace, rows, written
from tests.unit.store_support import DATE, USERS, Board, deliver, opened

HEAD = b"Subject: %d\r\n\r\n"


def work(board: Board) -> None:
    board.store.create("anna", "Post/Gesendet", SENT)
    board.store.create("anna", "Post/Müll", TRASH)
    append_all(board, *DRAFTS, *(HEAD % number for number in range(5)), flags=DRAFT)
    with opened(board.store, *DRAFTS) as box, opened(board.store, "anna", "Post/Gesendet") as sent:
        replace(board, box, 2, "Drafts", HEAD % 10, DRAFT)
        replace(board, box, 3, "Post/Gesendet", HEAD % 11, SEEN | sent.keyword_bit("$Forwarded", True))
    deliver(board.store, USERS, HEAD % 12)
    with opened(board.store, "anna", "INBOX") as box:
        replace(board, box, 1, "Post/Müll", HEAD % 13, DELETED)


def waiting(board: Board) -> None:
    """And letters that are on their way in."""
    work(board)
    for letter in written(board, b"one", b"two"):
        board.store.finish_letter(letter, board.info(*DRAFTS)[INFO_ID], DATE)


def folded(board: Board) -> None:
    work(board)
    board.fold(*DRAFTS)
    board.store.keeper.write_state()
    append_all(board, *DRAFTS, HEAD % 20, HEAD % 21)


@pytest.fixture(params=[work, waiting, folded], ids=lambda act: act.__name__)
def done(request: pytest.FixtureRequest, board: Board) -> Board:
    act: Callable[[Board], None] = request.param
    act(board)
    return board


def test_fsck_finds_the_same_and_no_damage(done: Board) -> None:
    store = mail_image.open_image(bytes(done.flash.chip.image))
    findings = mail_image.check(store)
    assert not [finding for finding in findings if finding.severity != mail_image.NOTE], findings


def test_export_writes_what_there_is(done: Board, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "image").write_bytes(bytes(done.flash.chip.image))
    assert cli.main(["export", str(tmp_path / "image"), str(tmp_path / "mail")]) == 0
    assert capsys.readouterr().err == ""
    index = json.loads((tmp_path / "mail" / "postino.json").read_text())
    boxes = {box["name"]: box for box in index["users"]["anna"]["mailboxes"]}
    assert boxes["Post/Gesendet"]["special_use"] and not boxes["Post"]["special_use"]
    for name in ("Drafts", "INBOX", "Post/Gesendet", "Post/Müll"):
        exported = {}
        for letter in boxes[name]["letters"]:
            exported[letter["uid"]] = (tmp_path / "mail" / letter["file"]).read_bytes()
        assert exported == {uid: octets for uid, octets, _, _ in rows(done, "anna", name)}
