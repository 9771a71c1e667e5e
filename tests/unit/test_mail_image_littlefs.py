"""The reader of mail images: whatever the littlefs is like, reading it comes to an end, and only a child may die."""

import struct
import sys
import time
import zlib

import pytest
from littlefs import lfs

from postino_tools import cli, mail_image
from postino_tools.mail_image import NotAStore, littlefs_child, littlefs_reader, partition
from postino_tools.mail_image.filesystem import FileSystem
from postino_tools.mail_image.littlefs_child import read_in_child
from postino_tools.mail_image.littlefs_reader import read_littlefs
from tests.support.mail_image_builder import BLOCK, ImageBuilder
from tests.unit.test_mail_image import letter_text

# littlefs's tags: their types and, where it is the whole directory's, the id.
CREATE, FILE_NAME, FOLDER_NAME, FOLDER, INLINE, HARD_TAIL, CRC = 0x401, 0x001, 0x002, 0x200, 0x201, 0x601, 0x500
WHOLE = 0x3FF
FREE = (50, 51)


@pytest.fixture
def builder() -> ImageBuilder:
    """A letter, and the folder `zz` with the file `f`, whose metadata is going to be replaced."""
    builder = ImageBuilder()
    builder.deliver(letter_text(1), builder.box())
    builder.files["zz/f"] = b"hello"
    return builder


def metadata(revision: int, *tags: tuple[int, int, bytes]) -> bytes:
    """A metadata block of littlefs: type, id and content of each tag."""
    content = struct.pack("<I", revision)
    before = 0xFFFFFFFF
    for kind, number, octets in tags:
        tag = kind << 20 | number << 10 | len(octets)
        content += struct.pack(">I", tag ^ before) + octets
        before = tag
    content += struct.pack(">I", (CRC << 20 | WHOLE << 10 | 4) ^ before)
    return (content + struct.pack("<I", zlib.crc32(content) ^ 0xFFFFFFFF)).ljust(BLOCK, b"\xff")


def pair(blocks: tuple[int, int]) -> bytes:
    return struct.pack("<II", *blocks)


def folder_of(image: bytes, name: bytes) -> tuple[int, int]:
    """The blocks of a folder in the root."""
    at = image.rindex(name, 0, 2 * BLOCK) + len(name) + 4
    return struct.unpack_from("<II", image, at)


def put(image: bytes, blocks: tuple[int, int], content: bytes) -> bytes:
    for block in blocks:
        image = image[: block * BLOCK] + content + image[(block + 1) * BLOCK :]
    return image


def with_folder(image: bytes, blocks: tuple[int, int]) -> bytes:
    """`zz` has nothing but the folder `q`, which lies in these blocks."""
    tags = ((CREATE, 0, b""), (FOLDER_NAME, 0, b"q"), (FOLDER, 0, pair(blocks)))
    return put(image, folder_of(image, b"zz"), metadata(50, *tags))


def in_circle(image: bytes) -> bytes:
    """A folder whose list of names goes on at its own beginning: littlefs reads it for ever."""
    return put(with_folder(image, FREE), FREE, metadata(5, (HARD_TAIL, WHOLE, pair(FREE))))


def findings_of(image: bytes) -> list[tuple[str, str]]:
    findings = mail_image.check(mail_image.open_image(image))
    return [(finding.severity, finding.kind) for finding in findings]


# In this process -----------------------------------------------------------------------------------------------------


def test_another_metadata_block_in_place_of_a_superblock(builder):
    """littlefs takes the newer of the two, which says no number of blocks."""
    image = put(
        builder.image(), (0, 0), metadata(1000, (CREATE, 0, b""), (FOLDER_NAME, 0, b"q"), (FOLDER, 0, pair(FREE)))
    )
    try:
        store = mail_image.open_image(image)
    except NotAStore as error:
        assert "cannot be mounted" in str(error)
    else:
        assert mail_image.check(store)
    with pytest.raises(NotAStore):
        mail_image.open_image(put(image, (1, 1), b"\0" * BLOCK))


@pytest.mark.parametrize("upgraded", [False, True])
@pytest.mark.parametrize(
    "rest", [b"", b"\0" * BLOCK, b"\x01\0\0\0\xf0\x0f\xff\xf7littlefs"], ids=["blank", "zeros", "cut"]
)
def test_one_superblock_is_enough(upgraded, rest):
    builder = ImageBuilder(upgraded=upgraded)
    builder.deliver(letter_text(1), builder.box())
    image = builder.image()
    older = min((0, 1), key=lambda block: struct.unpack_from("<I", image, block * BLOCK))
    assert findings_of(put(image, (older, older), rest.ljust(BLOCK, b"\xff"))) == []


def test_every_folder_is_closed(builder, monkeypatch):
    """Also one whose names cannot be read to their end: littlefs keeps a list of what is open."""
    tags = ((CREATE, 0, b""), (FILE_NAME, 0, b"q"), (INLINE, 0, b"zzz"), (HARD_TAIL, WHOLE, pair((52, 53))))
    image = put(with_folder(builder.image(), FREE), FREE, metadata(50, *tags))
    opened, closed = [], []
    dir_open, dir_close = lfs.dir_open, lfs.dir_close

    def note_open(*arguments):
        handle = dir_open(*arguments)
        opened.append(handle)
        return handle

    def note_close(fs, handle):
        closed.append(handle)
        return dir_close(fs, handle)

    monkeypatch.setattr(littlefs_reader.lfs, "dir_open", note_open)
    monkeypatch.setattr(littlefs_reader.lfs, "dir_close", note_close)
    found = read_littlefs(image)
    assert found.nested == ["zz/q"]
    assert len(opened) > 2
    assert closed == opened


def test_a_folder_inside_a_folder(builder):
    builder.files["0/a/b"] = b"x"
    builder.files["0/a/c/d"] = b"x"
    found = read_littlefs(builder.image())
    assert (found.nested, found.endless) == (["0/a"], [])
    assert not [path for path in found.files if path.startswith("0/a")]


def test_a_circle_of_folders(builder):
    image = with_folder(builder.image(), folder_of(builder.image(), b"zz"))
    assert findings_of(image) == [("warning", "stray"), ("error", "littlefs")]
    root = with_folder(builder.image(), (0, 1))
    assert findings_of(root) == [("warning", "stray"), ("error", "littlefs")]


def test_many_folders_one_inside_the_other(builder):
    builder.files["a" + "/a" * 20 + "/f"] = b"x"
    assert ("error", "littlefs") in findings_of(ImageBuilder.image(builder))


def test_files_that_share_their_blocks(builder):
    """However many there are: no more is read than the file system can hold twice."""
    inside = struct.pack("<II", 2, BLOCK * 30)
    tags = [(CREATE, number, b"") for number in range(60)]
    for number in range(60):
        tags += [(FILE_NAME, number, b"%02d" % number), (0x202, number, inside)]
    image = builder.image()
    found = read_littlefs(put(image, folder_of(image, b"zz"), metadata(50, *tags)))
    assert len([path for path in found.files if path.startswith("zz/")]) == 60
    assert sum(len(content) for content, _ in found.files.values()) <= 2 * found.blocks * BLOCK


# In a child ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upgraded", [False, True])
def test_a_child_finds_the_same(builder, upgraded):
    builder.upgraded = upgraded
    builder.log_blocks = 8
    builder.files |= {"0/a/b": b"x", "zz/\xe9": b"\n\0\xff"}
    image = builder.image()
    assert read_in_child(image) == read_littlefs(image)
    store = mail_image.open_image(image, in_child=True)
    assert mail_image.describe(store) == mail_image.describe(mail_image.open_image(image))


def test_parts_and_back():
    found = FileSystem(9, {"a": (b"1\n2", ""), "b": (b"", "broken"), "c": (b"3", "")}, {"d": "x"}, ["e"], ["e"])
    described, contents = found.to_parts()
    assert FileSystem.from_parts(described, b"".join(contents)) == found


def test_what_the_child_refuses(builder):
    with pytest.raises(NotAStore, match="16 blocks"):
        read_in_child(
            ImageBuilder(16).image()[: 8 * BLOCK].replace(struct.pack("<II", BLOCK, 8), struct.pack("<II", BLOCK, 16))
        )


def test_reading_without_end(builder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(littlefs_child, "TIME_LIMIT", 1.0)
    (tmp_path / "image").write_bytes(in_circle(builder.image()))
    for arguments in (["fsck"], ["export"]):
        arguments += [str(tmp_path / "image"), *([str(tmp_path / "out")] if arguments == ["export"] else [])]
        assert cli.main(arguments) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err == "postino: the littlefs of the mail partition is damaged: reading it comes to no end\n"


@pytest.mark.parametrize(
    ("script", "reason"), [("kill -FPE $$", "ends with SIGFPE"), ("exit 7", "fails with status 7")]
)
def test_a_child_that_dies(builder, tmp_path, monkeypatch, capsys, script, reason):
    child = tmp_path / "python"
    child.write_text(f"#!/bin/sh\n{script}\n")
    child.chmod(0o700)
    (tmp_path / "image").write_bytes(builder.image())
    monkeypatch.setattr(sys, "executable", str(child))
    assert cli.main(["fsck", str(tmp_path / "image")]) == 1
    expected = f"postino: the littlefs of the mail partition is damaged: reading it {reason}\n"
    assert capsys.readouterr() == ("", expected)


# Much work -----------------------------------------------------------------------------------------------------------


def test_an_image_longer_than_any_chip(tmp_path, monkeypatch):
    monkeypatch.setattr(partition, "IMAGE_MAX", 1000)
    (tmp_path / "image").write_bytes(bytes(1001))
    with pytest.raises(NotAStore, match="longer than any flash chip"):
        mail_image.open_image(tmp_path / "image")


def test_a_mailbox_id_out_of_all_reason(builder):
    builder.next_box_id = 0xFFFFFFFF
    builder.fold_state()
    builder.files |= {"index/abc": b"x", "index/ffffffff": b"x", "index/0": b"x", "index/0abc": b"x", "index/ABC": b"x"}
    del builder.files["zz/f"]
    start = time.monotonic()
    assert findings_of(builder.image()) == [
        ("warning", "stray"),
        ("warning", "stray"),
        ("warning", "stray"),
        ("note", "dropped"),
        ("warning", "stray"),
    ]
    assert time.monotonic() - start < 5


def test_a_history_that_is_too_long(builder):
    box = builder.boxes[1]
    box.history = [(1000 + number, 1000 + number, 1) for number in range(65)]
    box.uidnext = 2000
    builder.fold_all()
    assert ("error", "snapshot") in findings_of(builder.image())
