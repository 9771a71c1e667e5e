"""`postino export` of a damaged store: no letter is passed over in silence, and none is written over another."""

import json
from pathlib import Path

import pytest

from postino_tools import cli
from postino_tools.mail_export import maildir, names
from tests.support.mail_image_builder import ImageBuilder
from tests.unit.test_mail_image import letter_text
from tests.unit.test_mail_image_damage import change, change_file


@pytest.fixture
def builder() -> ImageBuilder:
    return ImageBuilder()


@pytest.fixture
def export(builder, tmp_path, capsys):
    """Exports what is in the builder; returns the exit status, the lines about problems, the folder and its index."""

    def run():
        (tmp_path / "image").write_bytes(builder.image())
        folder = tmp_path / "out"
        status = cli.main(["export", str(tmp_path / "image"), str(folder)])
        index = json.loads((folder / "postino.json").read_text())
        return status, capsys.readouterr().err.splitlines(), folder, index

    return run


def fsck(builder: ImageBuilder, folder: Path, capsys) -> tuple[int, list[str]]:
    (folder / "image").write_bytes(builder.image())
    status = cli.main(["fsck", str(folder / "image")])
    return status, capsys.readouterr().out.splitlines()


# Letters of somebody else --------------------------------------------------------------------------------------------


def test_a_letter_is_exported_only_to_those_who_got_it(builder, export):
    """An EXPUNGE was lost, and its slot was given again: the entry is one of another letter."""
    anna, ben = builder.box("anna"), builder.box("ben")
    builder.deliver(letter_text(1), anna)
    builder.files["0/0"] = builder.letter(letter_text(2), boxes=(ben,), slot=0).file
    status, problems, folder, index = export()
    assert status == 1 and any("its letter id is 2, the entry says 1" in problem for problem in problems)
    assert [letter["file"] for letter in index["users"]["anna"]["mailboxes"][0]["letters"]] == [None]
    assert letter_text(2) not in [path.read_bytes() for path in (folder / "anna").rglob("*") if path.is_file()]


# Letters that no mailbox holds ---------------------------------------------------------------------------------------


def test_a_snapshot_that_is_missing(builder, export):
    """Nothing fails while the store is read: only the counters of the state tell."""
    inbox = builder.box()
    for number in range(3):
        builder.deliver(letter_text(number), inbox)
    builder.fold_all()
    builder.deliver(letter_text(3), inbox)
    del builder.files["index/1"]
    status, problems, folder, index = export()
    assert status == 1
    assert "postino: mailbox 1 (anna, 'INBOX'): 1 entries, the state counts 4" in problems
    assert [line["file"] for line in index["lost"]] == ["lost/1.eml", "lost/2.eml", "lost/3.eml"]
    assert [(folder / "lost" / f"{number}.eml").read_bytes() for number in (1, 2, 3)] == [
        letter_text(number) for number in range(3)
    ]
    assert [len(box["letters"]) for box in index["users"]["anna"]["mailboxes"]] == [1]


def test_a_letter_that_nothing_names_in_a_store_without_errors(builder, export, tmp_path, capsys):
    box = builder.box()
    builder.deliver(letter_text(1), box)
    builder.files["0/20"] = builder.files["0/0"]
    assert fsck(builder, tmp_path, capsys)[0] == 0
    status, problems, folder, _ = export()
    assert (status, problems) == (1, ["postino: lost/1.eml: no mailbox holds this letter any more"])
    assert (folder / "lost" / "1.eml").read_bytes() == letter_text(1)


def lose_a_delivery(builder: ImageBuilder) -> int:
    """The record that names a letter is damaged, another one follows; returns the letter's slot."""
    inbox = builder.box()
    builder.deliver(letter_text(1), inbox)
    builder.expunge(inbox, 1)
    builder.remove_files(0)
    lost = builder.letter(letter_text(2), boxes=(inbox,), slot=5)
    at = len(builder.sectors[1])
    builder.add(lost, inbox)
    # Its UID and its record's number are not the lost one's.
    builder.deliver(letter_text(3), inbox)
    builder.sectors[1] = change(builder.sectors[1], at + 20, b"\x55")
    return lost.slot


def test_a_letter_whose_record_is_damaged(builder, export, tmp_path, capsys):
    """Its slot is pending: the firmware brings it back."""
    slot = lose_a_delivery(builder)
    status, lines = fsck(builder, tmp_path, capsys)
    assert status == 1
    assert f"warning: 0/{slot}: a whole letter that is to be removed, but" in "\n".join(lines)
    status, problems, folder, index = export()
    assert (status, index["lost"][0]["mailboxes"]) == (1, ["anna/INBOX"])
    assert "postino: lost/2.eml: no mailbox holds this letter any more" in problems
    assert (folder / "lost" / "2.eml").read_bytes() == letter_text(2)


def test_half_a_letter_in_a_pending_slot_is_none(builder, export):
    slot = lose_a_delivery(builder)
    builder.files[f"0/{slot}"] = builder.files[f"0/{slot}"][:150]
    assert export()[3]["lost"] == []


def test_pending_letters_of_a_log_that_is_whole_are_not_exported(builder, export):
    inbox = builder.box()
    builder.letter(letter_text(1))
    builder.deliver(letter_text(2), inbox)
    builder.expunge(inbox, 1)
    status, problems, folder, index = export()
    assert (status, problems, index["lost"], (folder / "lost").exists()) == (0, [], [], False)


def test_a_file_without_a_trailer(builder, export):
    builder.deliver(letter_text(1), builder.box())
    builder.files["1/3"] = letter_text(9)
    status, problems, folder, index = export()
    assert status == 1
    assert problems == [
        "postino: lost/slot-67.eml: no mailbox holds this letter any more",
        "postino: lost/slot-67.eml: the file has no trailer",
    ]
    assert (folder / "lost" / "slot-67.eml").read_bytes() == letter_text(9)
    assert index["lost"] == [{"file": "lost/slot-67.eml", "size": 200, "internaldate": None, "mailboxes": []}]


def test_lost_letters_of_the_same_number(builder, export):
    builder.deliver(letter_text(1), builder.box())
    builder.files["0/8"] = builder.files["0/9"] = builder.files["0/0"]
    status, _, folder, index = export()
    assert (status, [line["file"] for line in index["lost"]]) == (1, ["lost/1.eml", "lost/1-9.eml"])
    assert {path.read_bytes() for path in (folder / "lost").iterdir()} == {letter_text(1)}


def test_a_lost_letter_that_is_damaged_itself(builder, export):
    builder.deliver(letter_text(1), builder.box())
    builder.files["0/8"] = builder.files["0/0"]
    change_file(builder, "0/8", 60, b"X")
    assert "postino: lost/1.eml: the CRC of the message does not hold" in export()[1]


# Names ---------------------------------------------------------------------------------------------------------------


def export_names(builder: ImageBuilder, export) -> dict[str, tuple[str, str]]:
    """Mailbox -> its Maildir and mbox, which hold the letters of this mailbox and no other."""
    for number, box in enumerate(list(builder.boxes.values())):
        builder.deliver(letter_text(number), box)
    _, _, folder, index = export()
    found = {}
    for number, box in enumerate(builder.boxes.values()):
        boxes = index["users"][box.user]["mailboxes"]
        (line,) = [each for each in boxes if each["uidvalidity"] == box.uidvalidity]
        (path,) = (folder / line["maildir"] / "cur").iterdir()
        assert path.read_bytes() == letter_text(number)
        assert b"Subject: letter %d\n" % number in (folder / line["mbox"]).read_bytes()
        found[f"{box.user}/{box.name}"] = line["maildir"], line["mbox"]
    lower = [path.lower() for pair in found.values() for path in pair]
    assert len(set(lower)) == 2 * len(found)
    return found


def test_a_name_that_another_one_is_cut_to(builder, export):
    long = "\xe9" * 100
    digest = names.folder_name(long)[-names.DIGEST_LENGTH :]
    for name in (long, "\xe9" * 83 + digest):
        builder.box("anna", name)
    paths = [maildir for maildir, _ in export_names(builder, export).values()]
    assert paths[1][-2:] == "-2"
    assert max(len(path) for path in paths) <= len("anna/Maildir/.") + names.LENGTH_MAX


def test_names_that_differ_in_case_alone(builder, export):
    for user, name in (("anna", "plans"), ("anna", "Plans"), ("anna", "PLANS-2"), ("anna", "INBOX"), ("anna", "inbox")):
        builder.box(user, name)
    assert export_names(builder, export) == {
        "anna/plans": ("anna/Maildir/.plans", "anna/mbox/plans.mbox"),
        "anna/Plans": ("anna/Maildir/.Plans-2", "anna/mbox/Plans-2.mbox"),
        "anna/PLANS-2": ("anna/Maildir/.PLANS-2-3", "anna/mbox/PLANS-2-3.mbox"),
        "anna/INBOX": ("anna/Maildir", "anna/mbox/INBOX.mbox"),
        "anna/inbox": ("anna/Maildir/.inbox-5", "anna/mbox/inbox-5.mbox"),
    }


def test_users_that_differ_in_case_alone(builder, export):
    for user in ("Ben", "anna", "ben", "LOST", "Postino.json", "", "\0"):
        builder.box(user)
    folders = [maildir.partition("/")[0] for maildir, _ in export_names(builder, export).values()]
    assert folders == ["Ben", "anna", "ben-3", "LOST-4", "Postino.json-5", "&AAA-", "&AAA--7"]


def test_two_mailboxes_of_one_name(builder, export):
    for _ in range(3):
        builder.box("anna", "INBOX")
    paths = [maildir for maildir, _ in export_names(builder, export).values()]
    assert paths[-1] == "anna/Maildir/.INBOX (3)"


def test_a_mailbox_keeps_its_name_when_a_new_one_comes(builder):
    taken = names.Taken()
    assert [taken.take(name, number) for name, number in (("b", 1), ("B", 2), ("a", 3), ("b", 4), ("B-2", 5))] == [
        "b",
        "B-2",
        "a",
        "b-4",
        "B-2-5",
    ]


# The end -------------------------------------------------------------------------------------------------------------


def test_an_export_that_is_interrupted(builder, tmp_path, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    builder.deliver(letter_text(1), builder.box())
    (tmp_path / "image").write_bytes(builder.image())
    monkeypatch.setattr(maildir, "write_letter", interrupt)
    assert cli.main(["export", str(tmp_path / "image"), str(tmp_path / "out")]) == 130
    assert capsys.readouterr() == ("", "")
    assert not (tmp_path / "out" / "postino.json").exists()


def test_a_disk_that_is_full(builder, tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise OSError(28, "No space left on device")

    builder.deliver(letter_text(1), builder.box())
    (tmp_path / "image").write_bytes(builder.image())
    monkeypatch.setattr(maildir, "write_letter", fail)
    assert cli.main(["export", str(tmp_path / "image"), str(tmp_path / "out")]) == 1
    expected = f"postino: cannot write into {tmp_path / 'out'}: No space left on device\n"
    assert capsys.readouterr() == ("", expected)
