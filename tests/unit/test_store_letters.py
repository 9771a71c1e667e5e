"""Letters in their slots: the trailer, writers and readers, removals."""

import os
import struct
import zlib

import pytest

from postino.store import files, trailer
from postino.store.errors import LetterGone, StoreFull, StoreUnavailable
from postino.store.slots import MOST_RESOLVED, NO_SLOT, PENDING
from postino.store.space import blocks_of
from tests.unit.letters_support import DATE, Bench, whole

# The trailer, read as the specification says -------------------------------------------------------------------------


def parse(octets: bytes) -> dict:
    end = struct.unpack("<4sHHHHIIIIII", octets[-36:])
    magic, length, structure, mailboxes, zero, letter, size, header, date, crc, own = end
    assert (magic, zero, size + length) == (b"PLT2", 0, len(octets))
    start = len(octets) - length
    assert zlib.crc32(octets[start:-4]) == own
    assert zlib.crc32(octets[:size]) == crc
    ids = octets[start + structure : start + structure + 4 * mailboxes]
    assert not any(octets[start + structure + 4 * mailboxes : -36])
    return {
        "structure": octets[start : start + structure],
        "mailboxes": struct.unpack("<%dI" % mailboxes, ids),
        "letter": letter,
        "header": header,
        "date": date,
        "message": octets[:size],
    }


@pytest.mark.parametrize("size", [0, 1, 80, 92, 93, 200, 4096, 10_000])
def test_a_letter_and_its_trailer(bench, size):
    message = os.urandom(size)
    structure = bytes(range(40))
    writer = bench.letters.new()
    for start in range(0, size, 700):
        writer.write(memoryview(message)[start : start + 700])
    writer.describe(33, structure)
    slot = bench.commit(writer, letter=99, mailboxes=[5, 6, 0xFFFFFFFF])
    with open(bench.file(slot), "rb") as file:
        octets = file.read()
    assert len(octets) > 128
    assert writer.blocks == blocks_of(len(octets))
    found = parse(octets)
    assert found == {
        "structure": structure,
        "mailboxes": (5, 6, 0xFFFFFFFF),
        "letter": 99,
        "header": 33,
        "date": DATE,
        "message": message,
    }
    for known in (-1, size):
        reader = bench.letters.open(slot, known)
        assert reader.size == size
        assert (reader.letter_id, reader.header_length) == (99, 33)
        assert reader.structure() == structure
        fields, mailboxes = bench.letters.trailer_of(writer.slot)
        assert (list(mailboxes), fields[trailer.DATE]) == ([5, 6, 0xFFFFFFFF], DATE)
        assert blocks_of(reader.size + fields[trailer.LENGTH]) == writer.blocks
        assert whole(reader) == message
        reader.seek(size // 2)
        assert whole(reader) == message[size // 2 :]
        reader.close()
    assert bench.told == []
    assert bench.letters.busy == {}


def test_only_so_many_mailboxes_are_kept(bench):
    slot = bench.deliver(mailboxes=list(range(100)))
    with open(bench.file(slot), "rb") as file:
        assert parse(file.read())["mailboxes"] == tuple(range(64))


def test_asking_for_the_structure_does_not_move_the_reader(bench):
    slot = bench.deliver(b"0123456789" * 100)
    reader = bench.letters.open(slot, 1000)
    buffer = bytearray(10)
    reader.readinto(buffer)
    assert reader.structure() == b""
    assert reader.letter_id == 7
    assert whole(reader) == b"0123456789" * 99
    reader.close()


def test_a_known_size_saves_the_trailer(bench, monkeypatch):
    slot = bench.deliver(bytes(1000))
    monkeypatch.setattr(trailer, "read", None)
    reader = bench.letters.open(slot, 1000)
    buffer = bytearray(999)
    assert reader.readinto(buffer) == 999
    reader.close()


def change(path: str, at: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        octet = file.read(1)[0]
        file.seek(at)
        file.write(bytes([octet ^ 4]))


def test_damage_of_the_message_is_told_when_it_is_read_whole(bench):
    slot = bench.deliver(bytes(3000))
    change(bench.file(slot), 2000)
    reader = bench.letters.open(slot)
    reader.seek(1000)
    assert len(whole(reader)) == 2000
    assert bench.told == []
    # From the beginning once more, after a part of it.
    reader.seek(0)
    reader.readinto(bytearray(100))
    reader.seek(0)
    assert len(whole(reader)) == 3000
    reader.seek(0)
    whole(reader)
    reader.close()
    assert bench.told == ["letter 0 damaged"]


def test_every_octet_of_the_trailer_counts(bench):
    slot = bench.deliver(bytes(300))
    length = os.path.getsize(bench.file(slot))
    for at in range(300, length):
        bench.told.clear()
        change(bench.file(slot), at)
        with pytest.raises(StoreUnavailable):
            bench.letters.open(slot)
        reader = bench.letters.open(slot, 300)
        assert (reader.letter_id, reader.structure()) == (0, b"")
        assert whole(reader) == bytes(300)
        reader.close()
        assert bench.told == ["letter 0 damaged"] * 2
        change(bench.file(slot), at)
    assert bench.letters.busy == {}


@pytest.mark.parametrize("octets", [0, 10, 128, 200])
def test_a_file_without_trailer_is_no_letter(bench, octets):
    slot = bench.deliver(bytes(300))
    with open(bench.file(slot), "r+b") as file:
        file.truncate(octets)
    with pytest.raises(StoreUnavailable):
        bench.letters.open(slot)


# Writers, readers, removals ----------------------------------------------------------------------------------------


def test_the_intent_is_logged_before_the_file_is_made(bench, monkeypatch):
    seen = []
    real = files.open_file
    monkeypatch.setattr(
        files, "open_file", lambda path, mode: (seen.append(list(bench.log.transactions)), real(path, mode))[1]
    )
    bench.deliver()
    assert seen[0] == [[0]]
    assert bench.slots.get(0) == 1


def test_an_abort_removes_the_file(bench):
    writer = bench.letters.new()
    writer.write(bytes(9000))
    assert bench.slots.get(0) == PENDING
    assert bench.space.transit == 3
    writer.abort()
    writer.abort()
    assert bench.stored() == set()
    assert bench.slots.get(0) == 0
    assert bench.space.transit == 0
    # The next transaction says that it is gone.
    bench.deliver()
    assert bench.log.transactions == [[0], [1, 0]]
    bench.deliver()
    assert bench.log.transactions[2] == [2]


def test_nothing_is_written_after_an_abort(bench):
    writer = bench.letters.new()
    writer.abort()
    with pytest.raises(StoreUnavailable):
        writer.write(b"x")
    with pytest.raises(StoreUnavailable):
        writer.finish(1, (1,), DATE)


def test_an_abort_after_the_commit_does_nothing(bench):
    writer = bench.letters.new()
    slot = bench.commit(writer)
    writer.abort()
    assert bench.stored() == {slot}
    assert bench.slots.get(slot) == 1


def test_the_last_reader_takes_the_letter_with_it(bench):
    slot = bench.deliver(bytes(5000))
    readers = [bench.letters.open(slot), bench.letters.open(slot)]
    free = bench.space.free()
    bench.expunge(slot, 2)
    assert bench.space.free() == free
    assert bench.slots.get(slot) == PENDING
    readers[0].close()
    assert whole(readers[1]) == bytes(5000)
    readers[1].close()
    readers[1].close()
    assert bench.stored() == set()
    assert bench.slots.get(slot) == 0
    assert bench.space.free() == free + 2
    with pytest.raises(LetterGone):
        bench.letters.open(slot)


def test_a_shared_letter_stays(bench):
    slot = bench.deliver(references=2)
    bench.expunge(slot, 1)
    assert bench.stored() == {slot}
    bench.expunge(slot, 1)
    assert bench.stored() == set()


def test_many_removals_are_logged_in_between(bench):
    slots = [bench.deliver() for _ in range(100)]
    bench.log.transactions.clear()
    for slot in slots:
        bench.expunge(slot, 1)
    assert bench.log.transactions == [[NO_SLOT, *slots[:32]], [NO_SLOT, *slots[32:64]], [NO_SLOT, *slots[64:96]]]
    bench.deliver()
    assert bench.log.transactions[-1] == [100, *slots[96:]]


def test_a_slot_in_use_again_is_not_said_to_be_free(bench):
    slots = [bench.deliver() for _ in range(64)]
    for slot in (5, 9, 12):
        bench.expunge(slots[slot], 1)
    assert bench.deliver() == 5
    assert bench.log.transactions[-1] in ([5, 9, 12], [5, 12, 9])
    bench.expunge(9, 1)


def test_removals_that_cannot_be_logged_do_no_harm(bench):
    slots = [bench.deliver() for _ in range(60)]
    bench.log.failure = StoreFull("log full")
    for slot in slots:
        bench.expunge(slot, 1)
    assert bench.stored() == set()
    assert bench.slots.resolved == MOST_RESOLVED
    bench.log.failure = None
    bench.deliver()
    assert bench.log.transactions[-1] == [60, *slots[:32]]


def test_pending_slots_are_removed_at_the_start(tmp_path):
    before = Bench(tmp_path)
    kept = before.deliver()
    gone = before.deliver()
    cut = before.letters.new().slot
    bench = Bench(tmp_path)
    bench.log.ready = False
    bench.slots.raise_(kept)
    bench.slots.blocks = 1
    for slot in (gone, cut, 50):
        bench.slots.intend(slot)
    bench.letters.redo()
    assert bench.stored() == {kept}
    assert list(bench.slots.pending()) == []
    assert bench.space.transit == 0
    bench.deliver()
    assert bench.log.transactions == [[51, gone, cut, 50]]


def test_with_a_damaged_log_whole_letters_are_spared(tmp_path):
    before = Bench(tmp_path)
    lost = before.deliver(bytes(5000), mailboxes=(3, 4))
    cut = before.letters.new().slot
    bench = Bench(tmp_path)
    for slot in (lost, cut, 50):
        bench.slots.intend(slot)
    bench.letters.redo(True)
    assert bench.stored() == {lost}
    assert [bench.slots.get(slot) for slot in (lost, cut, 50)] == [2, 0, 0]
    assert bench.slots.blocks == 2
    assert bench.space.transit == 0


def test_what_cannot_be_read_is_spared_as_well(bench, monkeypatch):
    slot = bench.letters.new().slot
    bench.letters.busy.clear()
    real = files.open_file

    def failing(path, mode):
        raise OSError(5, "")

    monkeypatch.setattr(files, "open_file", failing)
    bench.letters.redo(True)
    monkeypatch.setattr(files, "open_file", real)
    assert bench.stored() == {slot}
    assert bench.slots.get(slot) == 1


def test_while_the_log_is_unsettled_a_letter_stays(bench):
    writer = bench.letters.new()
    writer.write(bytes(5000))
    writer.finish(1, (1,), DATE)
    bench.log.dirty = True
    writer.abort()
    bench.letters.tidy()
    assert bench.stored() == {0}
    assert bench.slots.get(0) == PENDING
    assert bench.space.transit == 2
    bench.log.dirty = False
    bench.letters.tidy()
    assert bench.stored() == set()
    assert bench.slots.get(0) == 0
    assert bench.space.transit == 0
    assert not bench.letters.leftovers


def test_a_removal_that_fails_is_tried_again(bench, monkeypatch):
    slot = bench.deliver(bytes(5000))
    real = files.remove

    def failing(path):
        raise OSError(5, "")

    monkeypatch.setattr(files, "remove", failing)
    bench.expunge(slot, 2)
    bench.letters.tidy()
    assert bench.space.transit == 2
    assert bench.slots.get(slot) == PENDING
    monkeypatch.setattr(files, "remove", real)
    bench.letters.tidy()
    assert bench.stored() == set()
    assert bench.space.transit == 0
