"""`postino export`: Maildir++ that holds every octet, mbox, the index, and what is done about damage."""

import json
import mailbox
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino_tools import cli
from postino_tools.mail_export import maildir, names
from tests.support.mail_image_builder import ImageBuilder
from tests.unit.test_mail_image import letter_text
from tests.unit.test_mail_image_damage import change_file

DATE = 1_700_000_000
ISO_DATE = "2023-11-14T22:13:20Z"
BARE = b"Subject: bare\r\n\r\nCR \r LF \n NUL \0 8-bit \xff\r\nFrom here\r\n>From there\r\nno line end"


@pytest.fixture
def builder() -> ImageBuilder:
    return ImageBuilder()


@pytest.fixture
def export(builder, tmp_path, capsys):
    """Exports what is in the builder; returns the exit status, the lines about problems and the folder."""

    def run(image: bytes | None = None):
        (tmp_path / "image").write_bytes(builder.image() if image is None else image)
        status = cli.main(["export", str(tmp_path / "image"), str(tmp_path / "out" / "mail")])
        return status, capsys.readouterr().err.splitlines(), tmp_path / "out" / "mail"

    return run


def index_of(folder, user="anna") -> dict[str, dict]:
    content = json.loads((folder / "postino.json").read_text())
    return {box["name"]: box for box in content["users"][user]["mailboxes"]}


def test_a_letter_in_its_mailbox(builder, export):
    inbox = builder.box()
    forwarded = builder.keyword(inbox, "$Forwarded")
    word = builder.keyword(inbox, "word")
    builder.deliver(BARE, inbox, flags=1 | 2 | 16, keywords=forwarded | word)
    status, problems, folder = export()
    assert (status, problems) == (0, [])
    name = f"{DATE}.777000_1.postino:2,DPRS"
    path = folder / "anna" / "Maildir" / "cur" / name
    assert path.read_bytes() == BARE
    assert path.stat().st_mtime == DATE
    assert index_of(folder) == {
        "INBOX": {
            "name": "INBOX",
            "maildir": "anna/Maildir",
            "mbox": "anna/mbox/INBOX.mbox",
            "uidvalidity": 777_000,
            "uidnext": 2,
            "highestmodseq": builder.sequence,
            "subscribed": False,
            "special_use": None,
            "retention_days": 0,
            "retention_letters": 0,
            "keywords": ["$Forwarded", "word"],
            "letters": [
                {
                    "uid": 1,
                    "file": f"anna/Maildir/cur/{name}",
                    "size": len(BARE),
                    "internaldate": ISO_DATE,
                    "save_date": "2023-11-14T22:15:00Z",
                    "flags": ["\\Seen", "\\Answered", "\\Draft"],
                    "keywords": ["$Forwarded", "word"],
                    "modseq": builder.sequence,
                }
            ],
        }
    }


def test_folders(builder, export):
    wanted = {
        "INBOX": "",
        "Archive/2024": ".Archive.2024",
        "INBOX/x": ".INBOX.x",
        "a.b/c": ".a&AC4-b.c",
        "R&D": ".R&-D",
        "Größe": ".Gr&APYA3w-e",
        "..": ".&AC4ALg-",
    }
    for name in wanted:
        builder.deliver(letter_text(len(name)), builder.box("anna", name))
    builder.deliver(letter_text(99), builder.box("zoë", "Sent", attributes=5))
    status, problems, folder = export()
    assert (status, problems) == (0, [])
    home = folder / "anna" / "Maildir"
    assert sorted(path.name for path in home.iterdir()) == sorted(
        ["cur", "new", "tmp", *(name for name in wanted.values() if name)]
    )
    for name, path in wanted.items():
        # Names of folders come back as they are, when the library's own idea of a Maildir is asked.
        inside = mailbox.Maildir(home, create=False).get_folder(path[1:]) if path else mailbox.Maildir(home)
        assert [message.get_payload() is not None for message in inside] == [True]
        assert (home / path / "maildirfolder").exists() == bool(path)
        assert index_of(folder)[name]["maildir"] == f"anna/Maildir/{path}".rstrip("/")
    assert sorted(path.name for path in (folder / "anna" / "mbox").iterdir()) == sorted(
        f"{path[1:] or 'INBOX'}.mbox" for path in wanted.values()
    )
    sent = index_of(folder, "zoë")["Sent"]
    assert (sent["subscribed"], sent["special_use"]) == (True, r"\Sent")
    assert sent["maildir"] == "zo&AOs-/Maildir/.Sent"


def test_mbox_can_be_read_again(builder, export):
    inbox = builder.box()
    builder.deliver(b"Return-Path: <clara@office.lan>\r\nSubject: 1\r\n\r\nFrom me\r\n\r\n>From you\r\n", inbox)
    builder.deliver(BARE, inbox)
    builder.deliver(b"", inbox)
    folder = export()[2]
    content = (folder / "anna" / "mbox" / "INBOX.mbox").read_bytes()
    assert content.startswith(b"From clara@office.lan Tue Nov 14 22:13:20 2023\nReturn-Path: <clara@office.lan>\n")
    assert b"\n>From me\n\n>>From you\n\nFrom MAILER-DAEMON Tue" in content
    box = mailbox.mbox(folder / "anna" / "mbox" / "INBOX.mbox")
    assert [message["Subject"] for message in box] == ["1", "bare", None]
    assert (
        content.replace(b"\n>", b"\n").count(b"CR \r LF \n NUL \0 8-bit \xff\nFrom here\n>From there\nno line end") == 1
    )


def test_dates_that_are_not_known(builder, export):
    inbox = builder.box()
    builder.add(builder.letter(b"x", date=0), inbox, save_date=0)
    status, _, folder = export()
    (letter,) = index_of(folder)["INBOX"]["letters"]
    assert status == 0
    assert (letter["internaldate"], letter["save_date"]) == (None, None)
    assert os.stat(folder / letter["file"]).st_mtime == 0


def test_a_mailbox_that_is_being_deleted_stays_out(builder, export):
    box = builder.box("anna", "Old")
    builder.deliver(letter_text(1), box, builder.box())
    builder.change_box(box, "", 256)
    folder = export()[2]
    assert list(index_of(folder)) == ["INBOX"]


def test_subscriptions_without_a_mailbox(builder, export):
    builder.box()
    builder.leave_name(builder.box("anna", "Später"))
    builder.leave_name(builder.box("anna", "Old"), "New")
    builder.box("ben")
    folder = export()[2]
    users = json.loads((folder / "postino.json").read_text())["users"]
    assert {user: each["nonexistent"] for user, each in users.items()} == {"anna": ["Später", "Old"], "ben": []}
    assert list(index_of(folder)) == ["INBOX", "New"]


def test_an_export_is_the_same_every_time(builder, tmp_path):
    for user in ("anna", "ben"):
        builder.deliver(letter_text(1), builder.box(user))
    (tmp_path / "image").write_bytes(builder.image())
    trees = []
    for name in ("one", "two"):
        assert cli.main(["export", str(tmp_path / "image"), str(tmp_path / name)]) == 0
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        trees.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert trees[0] == trees[1]


def test_a_damaged_letter_is_exported_as_far_as_it_goes(builder, export):
    inbox = builder.box()
    for number in range(4):
        builder.deliver(letter_text(number), inbox)
    change_file(builder, "0/0", 60, b"XXXX")
    change_file(builder, "0/1", -3, b"X")
    del builder.files["0/2"]
    status, problems, folder = export()
    assert status == 1
    assert problems == [
        "postino: 0/0, UID 1 of mailbox 1 (anna, 'INBOX'): the CRC of the message does not hold",
        "postino: 0/1, UID 2 of mailbox 1 (anna, 'INBOX'): the CRC of the trailer does not hold",
        "postino: 0/2, UID 3 of mailbox 1 (anna, 'INBOX'): the file is missing",
    ]
    letters = [(folder / letter["file"]).read_bytes() for letter in index_of(folder)["INBOX"]["letters"]]
    whole = [letter_text(number) for number in range(4)]
    assert letters == [whole[0][:60] + b"XXXX" + whole[0][64:], whole[1], b"", whole[3]]
    assert not (folder / "lost").exists()


def test_letters_without_a_mailbox_are_found_after_damage(builder, export):
    inbox = builder.box()
    for number in range(3):
        builder.deliver(letter_text(number), inbox)
    builder.expunge(inbox, 2)
    builder.fold_all()
    for path in ("index/state", "index/state.2", "index/1"):
        change_file(builder, path, 8, b"\x55")
    status, problems, folder = export()
    assert status == 1
    assert len(problems) > 2
    lost = json.loads((folder / "postino.json").read_text())["lost"]
    assert [letter["file"] for letter in lost] == ["lost/1.eml", "lost/2.eml", "lost/3.eml"]
    assert (folder / "lost" / "3.eml").read_bytes() == letter_text(2)


def test_letters_of_a_damaged_page_are_found(builder, export):
    inbox = builder.box()
    for number in range(3):
        builder.deliver(letter_text(number), inbox)
    builder.expunge(inbox, 2)
    builder.fold_all()
    change_file(builder, "index/1", -10, b"\x55")
    status, _, folder = export()
    assert status == 1
    lost = json.loads((folder / "postino.json").read_text())["lost"]
    assert [(letter["file"], letter["mailboxes"]) for letter in lost] == [
        ("lost/1.eml", ["anna/INBOX"]),
        ("lost/3.eml", ["anna/INBOX"]),
    ]


def test_a_folder_that_is_not_empty_is_refused(builder, export, tmp_path):
    (tmp_path / "out" / "mail").mkdir(parents=True)
    (tmp_path / "out" / "mail" / "x").touch()
    status, problems, folder = export()
    assert (status, problems) == (1, [f"postino: {folder} is not empty"])
    assert [path.name for path in folder.iterdir()] == ["x"]


def test_a_file_in_place_of_the_folder_is_refused(export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mail").touch()
    status, problems, folder = export()
    assert (status, problems) == (1, [f"postino: cannot use {folder}: File exists"])


def test_no_store_makes_no_folder(export, tmp_path):
    status, problems, folder = export(b"\xff" * 65536)
    assert (status, len(problems)) == (1, 1)
    assert not folder.exists()


@pytest.mark.parametrize("arguments", [[], ["image"], ["a", "b", "c"], ["--json", "a", "b"]])
def test_wrong_usage(arguments, capsys):
    assert cli.main(["export", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def decode(name: str) -> str:
    """Modified UTF-7 by its definition: UTF-7 with & for the plus and a comma for the slash."""
    parts = name.split("&")
    text = parts[0]
    for part in parts[1:]:
        code, _, rest = part.partition("-")
        text += (f"+{code.replace(',', '/')}-".encode().decode("utf-7") if code else "&") + rest
    return text


# What a mailbox may be called; what is longer ends in a digest.
LEVELS = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(LEVELS, min_size=1, max_size=3))
def test_names_of_folders_come_back(levels):
    name = names.folder_name("/".join(levels))
    assert [decode(level) for level in name.split(".")] == levels or len(name) == names.LENGTH_MAX


@given(st.text(max_size=255), st.text(max_size=255))
def test_any_name_is_a_safe_file_name(first, second):
    for make in (names.folder_name, names.user_name):
        name = make(first)
        assert name.isascii()
        assert name.isprintable()
        assert "/" not in name
        assert not name.startswith(".")
        assert 0 < len(name) <= names.LENGTH_MAX
        assert name not in ("postino.json", "lost") or make is names.folder_name
        assert (make(first) == make(second)) == (first == second)


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("anna", "anna"),
        ("a.b_c-d", "a.b_c-d"),
        ("..", "&AC4-."),
        ("lost", "&AGw-ost"),
        ("postino.json", "&AHA-ostino.json"),
    ],
)
def test_names_of_users(user, name):
    assert names.user_name(user) == name


def test_flags_of_a_maildir():
    flags = [r"\Draft", r"\Flagged", r"\Answered", r"\Seen", r"\Deleted", "$forwarded", "other"]
    assert maildir.letter_name(1, 2, 3, flags) == "3.1_2.postino:2,DFPRST"
    assert maildir.letter_name(1, 2, 3, []) == "3.1_2.postino:2,"
