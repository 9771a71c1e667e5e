"""The state of the store: what is written, as the specification says it, and what is left of it when things fail."""

import os
import struct
import zlib
from array import array
from pathlib import Path

import pytest

from postino.store import files, state
from postino.store.catalogue import COUNTERS
from postino.store.errors import StoreUnavailable
from postino.store.numbers import Numbers as State
from postino.store.slots import PENDING, Slots
from tests.support.littlefs_files import on_chip
from tests.support.nor_chip import BLOCK, Chip, apply


def counters(*values):
    return array("I", values + (0,) * (COUNTERS - len(values)))


INFOS = [
    (9, "", "", 17, 256, 0, 0, counters(5, 3, 4)),
    (1, "anna", "INBOX", 11, 1, 0, 0, counters(1001, 1000, 2000, 900, 0x3FFFFFFF, 0xFFFFFFFF)),
    (2, "anna", "Löwe/Müll", 12, 17, 30, 500, counters(1, 0, 0, 1)),
    (3, "bert", "INBOX", 13, 1, 0, 0, counters(2, 1, 1, 2, 77, 0)),
]


# Subscribed names without a mailbox.
NAMES = ["bert\0Später/Bald".encode(), b"anna\0" + b"n" * 200]


def example(root, sequence: int = 1 << 40, **arguments):
    found = State()
    found.sequence = sequence
    found.next_letter = 4000
    found.next_mailbox = 10
    found.next_uidvalidity = 0x3FFFFFFF
    slots = Slots(2560)
    for slot in range(700):
        slots.raise_(slot)
    slots.set(3, PENDING)
    slots.set(640, PENDING)
    slots.set(4, 254)
    slots.free(3)
    slots.set(600, PENDING)
    slots.blocks = 1234
    os.makedirs(f"{root}/index", exist_ok=True)
    state.write(str(root), found, slots, INFOS, names=NAMES, **arguments)
    return found, slots


def references(slots: Slots) -> list[int]:
    return [slots.get(slot) for slot in range(slots.extent)]


def copies(root) -> list[Path]:
    return [Path(root) / "index" / name for name in ("state", "state.2")]


def test_written_as_specified(tmp_path):
    example(tmp_path)
    octets, second = (path.read_bytes() for path in copies(tmp_path))
    assert octets == second
    assert sorted(os.listdir(tmp_path / "index")) == ["state", "state.2"]
    assert zlib.crc32(octets[:-4]) == struct.unpack("<I", octets[-4:])[0]
    header = struct.unpack("<4sHHQIIIIHHHH", octets[:40])
    assert header == (b"PST2", 2, 2, 1 << 40, 4000, 10, 0x3FFFFFFF, 1234, 704, 4, 2, 0)
    assert octets[40 : 40 + 704] == bytes([1, 1, 1, 0, 254]) + bytes([1] * 595) + b"\xff" + bytes(
        [1] * 39
    ) + b"\xff" + (bytes([1] * 59) + bytes(4))
    at = 744
    for number, user, name, validity, attributes, days, count, words in INFOS:
        fixed = struct.unpack("<IIIIIIQHHHBB", octets[at : at + 40])
        modseq = words[5] << 30 | words[4]
        lengths = (len(user.encode()), len(name.encode()))
        assert fixed == (number, validity, *words[:4], modseq, attributes, days, count, *lengths)
        at += 40
        assert octets[at : at + sum(lengths)].decode() == user + name
        at += sum(lengths)
    assert struct.unpack("<2H", octets[at : at + 4]) == (600, 640)
    assert octets[at + 4 : -4] == b"\x11bert\0Sp\xc3\xa4ter/Bald" + b"\xcdanna\0" + b"n" * 200


def check_example(root, told, stale: bool, sequence: int = 1 << 40):
    slots = Slots(2560)
    found, infos, names = state.read(str(root), slots, told.append)
    assert (found.sequence, found.next_letter, found.next_mailbox) == (sequence, 4000, 10)
    assert found.next_uidvalidity == 0x3FFFFFFF
    assert found.stale_copy == stale
    assert infos == INFOS
    assert infos[1][1] is infos[2][1]
    assert names == NAMES
    assert references(slots) == references(example(root)[1])
    assert slots.blocks == 1234
    assert slots.extent == 704


def test_read_again(tmp_path):
    found, _ = example(tmp_path)
    assert not found.stale_copy
    told: list[str] = []
    check_example(tmp_path, told, False)
    assert told == []


def test_an_empty_one(tmp_path):
    os.mkdir(tmp_path / "index")
    state.write(str(tmp_path), State(), Slots(100), [], True)
    slots = Slots(100)
    found, infos, names = state.read(str(tmp_path), slots)
    assert (found.sequence, found.next_letter, infos, names, slots.extent) == (0, 1, [], [], 0)


@pytest.mark.parametrize("number", [0, 1])
def test_one_copy_is_enough(tmp_path, number):
    example(tmp_path)
    path = copies(tmp_path)[number]
    octets = path.read_bytes()
    for at in range(0, len(octets), 3):
        told: list[str] = []
        with open(path, "wb") as file:
            file.write(octets[:at] + bytes([octets[at] ^ 0x10]) + octets[at + 1 :])
        found, infos, _ = state.read(str(tmp_path), Slots(2560), told.append)
        assert (infos, found.sequence, found.stale_copy) == (INFOS, 1 << 40, True)
        assert told == ["a copy of the state is damaged"]
    for length in (0, 3, 39, 44, len(octets) - 1):
        with open(path, "wb") as file:
            file.write(octets[:length])
        assert state.read(str(tmp_path), Slots(2560))[1] == INFOS
    os.remove(path)
    told = []
    check_example(tmp_path, told, True)
    assert told == []


@pytest.mark.parametrize("number", [0, 1])
def test_the_newer_copy_counts(tmp_path, number):
    example(tmp_path, 100)
    older = copies(tmp_path)[number].read_bytes()
    example(tmp_path, 200)
    with open(copies(tmp_path)[number], "wb") as file:
        file.write(older)
    check_example(tmp_path, [], True, 200)


def test_both_damaged(tmp_path):
    example(tmp_path)
    for path in copies(tmp_path):
        with open(path, "r+b") as file:
            file.seek(50)
            file.write(b"\xaa")
    with pytest.raises(StoreUnavailable, match="the state of the store is damaged"):
        state.read(str(tmp_path), Slots(2560))
    for path in copies(tmp_path):
        os.remove(path)
    with pytest.raises(StoreUnavailable):
        state.read(str(tmp_path), Slots(2560))


def test_another_format(tmp_path):
    example(tmp_path)
    for path in copies(tmp_path):
        octets = bytearray(path.read_bytes())
        octets[4] = 3
        octets[-4:] = struct.pack("<I", zlib.crc32(octets[:-4]))
        with open(path, "wb") as file:
            file.write(octets)
        with pytest.raises(StoreUnavailable, match="unknown store format 3"):
            state.read(str(tmp_path), Slots(2560))


def test_spool_records_are_passed_over(tmp_path):
    example(tmp_path)
    for path in copies(tmp_path):
        octets = bytearray(path.read_bytes()[:-4])
        octets[38:40] = struct.pack("<H", 1)
        octets += b"\x0a0123456789"
        with open(path, "wb") as file:
            file.write(octets + struct.pack("<I", zlib.crc32(octets)))
    check_example(tmp_path, [], False)


# Failures ----------------------------------------------------------------------------------------------------------


class FailingFile:
    def __init__(self, file, failure) -> None:
        self._file = file
        self._failure = failure

    def write(self, data):
        self._failure()
        return self._file.write(data)

    def close(self):
        self._file.close()
        self._failure()

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.mark.parametrize("error", [OSError(5, ""), OSError(28, ""), MemoryError()], ids=["EIO", "ENOSPC", "memory"])
def test_whatever_fails_a_good_copy_stays(tmp_path, monkeypatch, error):
    left = 0

    def failure():
        nonlocal left
        left -= 1
        if left == 0:
            raise error

    real_open, real_rename = files.open_file, files.rename
    monkeypatch.setattr(files, "open_file", lambda path, mode: FailingFile(real_open(path, mode), failure))
    monkeypatch.setattr(files, "rename", lambda old, new: (failure(), real_rename(old, new)))
    seen = set()
    number = 0
    failed = True
    while failed:
        number += 1
        left = 0
        example(tmp_path, 100)
        left = number
        failed = False
        try:
            example(tmp_path, 200)
        except (OSError, MemoryError) as caught:
            assert caught is error
            failed = True
        left = 0
        assert sorted(os.listdir(tmp_path / "index")) == ["state", "state.2"]
        told: list[str] = []
        found, infos, _ = state.read(str(tmp_path), Slots(2560), told.append)
        assert (infos, told) == (INFOS, [])
        seen.add((found.sequence, found.stale_copy))
    assert seen == {(100, False), (200, True), (200, False)}
    assert number > 20


def images(chip: Chip, first: int):
    """The flash after every operation from number `first` on, and after the half of each program."""
    image = bytearray(b"\xff" * (chip.blocks * BLOCK))
    for number, operation in enumerate(chip.operations):
        if number >= first:
            yield bytes(image)
            start, data = operation
            if data is not None:
                half = bytearray(image)
                apply(half, (start, data[: len(data) // 2]))
                yield bytes(half)
        apply(image, operation)
    yield bytes(image)


def test_every_cut_leaves_a_good_copy():
    chip = Chip(32)
    with on_chip(chip, True) as system:
        system.make_directory("index")
        example_in("", 100)
        first = len(chip.operations)
        example_in("", 200)
    sequences = []
    for image in images(chip, first):
        with on_chip(Chip(32, image)):
            found, infos, _ = state.read("", Slots(2560))
            assert infos == INFOS
            sequences.append(found.sequence)
    assert sequences == sorted(sequences)
    assert set(sequences) == {100, 200}
    assert not chip.refused


def test_a_first_format_that_is_cut_has_no_first_copy():
    chip = Chip(32)
    with on_chip(chip, True) as system:
        system.make_directory("index")
        first = len(chip.operations)
        example_in("", 100, fresh=True)
    seen = set()
    for image in images(chip, first):
        with on_chip(Chip(32, image)) as system:
            present = system.names_in("index")
            seen.add(tuple(sorted(present)))
            if "state" in present:
                assert not state.read("", Slots(2560))[0].stale_copy
    assert () in seen
    assert ("state.2",) in seen
    assert ("state", "state.2") in seen


def example_in(root: str, sequence: int, **arguments):
    found = State()
    found.sequence = sequence
    slots = Slots(2560)
    for slot in range(700):
        slots.raise_(slot)
    state.write(root, found, slots, INFOS, **arguments)
