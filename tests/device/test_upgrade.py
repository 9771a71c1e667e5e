"""The upgrade of a mail store of format 1 on MicroPython, in the heap of a drop board and in less."""

import ast

import pytest
from test_device import FOLDER, run_micropython
from tests.support import device_scripts, littlefs_files
from tests.support.format1_chip import OldChip, full_of_mail, tiny

from postino_tools.books import Books

DRIVER = str(device_scripts.folder(FOLDER) / "upgrade_driver.py")
# What has to be enough: free octets of the heap, and how many KB of it there are in one piece. It is half of what is
# free in a heap of 112 KB with six users when the store is opened (70 KB).
LITTLE_MEMORY = [(35000, 40), (35000, 1)]


@pytest.fixture
def chip(tmp_path):
    """Puts a chip with this store into the folder that the driver runs in; returns what is in it."""

    def made(build, blocks):
        old = OldChip(build, blocks)
        littlefs_files.restore()
        for name in ("flash", "flash.orig"):
            (tmp_path / name).write_bytes(old.image)
        Books.create(tmp_path / "books", len(old.image)).close()
        return old

    return made


@pytest.mark.parametrize(("free", "together"), LITTLE_MEMORY)
def test_little_memory(free, together, chip, tmp_path):
    old = chip(full_of_mail, 2688)
    result = run_micropython(DRIVER, "free", str(free), str(together), folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    check_summary(result.stdout.splitlines()[1:], old)


def check_summary(lines, old):
    seen = {}
    for user, name, messages, uidnext, validity, unseen in map(eval_line, lines):
        seen[user, name] = (messages, uidnext, validity, unseen)
    expected = {}
    for key, (validity, uidnext, _, _, rows) in old.expected.items():
        unseen = sum("1" not in flags for *_, flags in rows)
        expected[key] = (len(rows), uidnext, validity, unseen)
    assert seen == expected


def eval_line(line):
    """A tuple, as it was printed."""
    return ast.literal_eval(line)


def test_allocations_may_fail(chip, tmp_path):
    """Every so many-th allocation of the upgrade fails; the next start goes on."""
    chip(tiny, 160)
    result = run_micropython(DRIVER, "fail", "1", "101", folder=tmp_path)
    assert result.returncode == 0 and "failures" in result.stdout, result.stdout + result.stderr
