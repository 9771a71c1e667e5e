"""`postino fsck`: one line a finding, a summary, JSON, and the exit status."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from postino_tools import cli, mail_image, sim
from tests.support.mail_image_builder import ImageBuilder
from tests.unit.test_mail_image import expected_users, letter_text
from tests.unit.test_mail_image_littlefs import in_circle

HOST_TOOLS = Path(cli.__file__).resolve().parents[1]


@pytest.fixture
def builder() -> ImageBuilder:
    builder = ImageBuilder()
    inbox = builder.box()
    for number in range(3):
        builder.deliver(letter_text(number, 400), inbox)
    return builder


@pytest.fixture
def image(tmp_path):
    return tmp_path / "flash.bin"


def test_a_consistent_store(builder, image, capsys):
    image.write_bytes(builder.image())
    image.chmod(0o400)
    assert cli.main(["fsck", str(image)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "1 mailbox, 3 letters, 1,200 octets, sequence 7: consistent\n"
    assert captured.err == ""
    assert image.read_bytes() == builder.image()


def test_warnings_are_consistent(builder, image, capsys):
    builder.files["0/20"] = b"x" * 200
    builder.files["index/1.new"] = b""
    image.write_bytes(builder.image())
    assert cli.main(["fsck", str(image)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "warning: 0/20: a letter that nothing names",
        "note: index/1.new: a file that was not finished",
        "1 mailbox, 3 letters, 1,200 octets, sequence 7: consistent, 1 warning",
    ]


def test_an_error(builder, image, capsys):
    builder.files["0/1"] = b"Y" + builder.files["0/1"][1:]
    image.write_bytes(builder.image())
    assert cli.main(["fsck", str(image)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "error: 0/1, UID 2 of mailbox 1 (anna, 'INBOX'): the CRC of the message does not hold",
        "1 mailbox, 3 letters, 1,200 octets, sequence 7: 1 error",
    ]


def test_names_cannot_split_a_line(builder, image, capsys):
    builder.box("anna", "a\nb\x1b[2J")
    image.write_bytes(builder.image())
    assert cli.main(["fsck", str(image)]) == 1
    output = capsys.readouterr().out
    assert output.count("\n") == 2
    assert "\x1b" not in output


@pytest.mark.parametrize("damage", [False, True])
def test_json(builder, image, capsys, damage):
    if damage:
        builder.files["index/state.2"] = b"x"
    image.write_bytes(builder.image())
    assert cli.main(["fsck", "--json", str(image)]) == int(damage)
    content = json.loads(capsys.readouterr().out)
    assert content["users"] == expected_users(builder)
    assert [finding["kind"] for finding in content["findings"]] == (["state"] if damage else [])
    assert (content["mailboxes"], content["letters"], content["octets"], content["sequence"]) == (1, 3, 1200, 7)


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 65536, b"x" * 100], ids=["absent", "empty", "blank", "text"])
def test_no_store_costs_one_line(image, capsys, content):
    if content is not None:
        image.write_bytes(content)
    assert cli.main(["fsck", str(image)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("postino: ")
    assert captured.err.count("\n") == 1


def test_a_folder_is_no_image(tmp_path, capsys):
    assert cli.main(["fsck", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"postino: cannot read {tmp_path}: Is a directory\n"


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--yes", "a"], ["--js", "a"]])
def test_wrong_usage(arguments, capsys):
    assert cli.main(["fsck", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# How it ends ---------------------------------------------------------------------------------------------------------


def interrupt(*_arguments, **_options):
    raise KeyboardInterrupt


def test_interrupted(builder, image, monkeypatch, capsys):
    monkeypatch.setattr(mail_image, "open_image", interrupt)
    assert cli.main(["fsck", str(image)]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_simulator_is_ended_like_that(monkeypatch):
    monkeypatch.setattr(sim, "run", interrupt)
    assert cli.main(["sim"]) == 0


def process(*arguments: str, stdout, encoding: str = "utf-8") -> subprocess.Popen:
    environment = dict(os.environ, PYTHONPATH=str(HOST_TOOLS), PYTHONIOENCODING=encoding)
    command = [sys.executable, "-m", "postino_tools", *arguments]
    return subprocess.Popen(command, env=environment, stdout=stdout, stderr=subprocess.PIPE)


# Says when it is about to read what has no end.
READING = """
import subprocess, sys
from postino_tools import cli
run = subprocess.run
def tell(*arguments, **options):
    print("ready", flush=True)
    return run(*arguments, **options)
subprocess.run = tell
sys.exit(cli.main(["fsck", sys.argv[1]]))
"""


def test_sigint_ends_the_child_too(builder, image):
    """A terminal sends it to both."""
    builder.files["zz/f"] = b"x"
    image.write_bytes(in_circle(builder.image()))
    running = subprocess.Popen(
        [sys.executable, "-c", READING, str(image)],
        env=dict(os.environ, PYTHONPATH=str(HOST_TOOLS)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert running.stdout.readline() == b"ready\n"
    os.killpg(running.pid, signal.SIGINT)
    assert (running.communicate(timeout=60), running.returncode) == ((b"", b""), 130)


def test_names_that_the_terminal_does_not_have(builder, image):
    builder.box("zo\xeb", "\u4e2d\x07")
    image.write_bytes(builder.image())
    output, errors = (running := process("fsck", str(image), stdout=subprocess.PIPE, encoding="ascii")).communicate()
    assert (running.returncode, errors) == (1, b"")
    assert rb"zo\xeb, '\u4e2d" in output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("arguments", [["fsck"], ["fsck", "--json"]], ids=" ".join)
def test_output_that_has_no_room(builder, image, arguments):
    image.write_bytes(builder.image())
    with open("/dev/full", "wb") as full:
        running = process(*arguments, str(image), stdout=full)
        errors = running.communicate()[1]
    assert (running.returncode, errors) == (1, b"postino: cannot write the output: No space left on device\n")


def test_output_that_nobody_reads(builder, image):
    image.write_bytes(builder.image())
    read, write = os.pipe()
    os.close(read)
    running = process("fsck", "--json", str(image), stdout=write)
    os.close(write)
    assert (running.communicate()[1], running.returncode) == (b"", 1)
