"""The log of the store: round trips, the ring, what it refuses, and the log in files."""

import random
from binascii import crc32
from types import SimpleNamespace

import pytest

from postino.store.errors import StoreFull, StoreUnavailable
from postino.store.log import Log
from postino.store.log_device import SECTOR, FileLog, RawLog, sectors_for
from postino.store.records import (
    ADD,
    DROP,
    ENTRIES,
    EXPUNGE,
    FLAGS,
    HEADER_SIZE,
    SLOTS,
    Items,
    Runs,
    pack_header,
)
from tests.unit.log_support import (
    ONE,
    Flash,
    World,
    add_payload,
    filled,
    random_records,
    reloaded,
    rows_of,
    whole,
)

# Round trips.


@pytest.mark.parametrize(("blocks", "sectors"), [(448, 8), (1119, 8), (1260, 9), (2688, 19), (3360, 24), (65536, 24)])
def test_sectors_of_a_partition(blocks, sectors):
    assert sectors_for(blocks) == sectors


def test_an_empty_log():
    world = World.new(Flash(), sequence=41)
    log = world.log
    assert (log.sequence, log.sector, log.position, log.tail, log.dirty, log.ready) == (41, 1, 32, 1, False, True)
    world.check()
    assert world.transaction([]) and world.device.operations == 2
    assert world.transaction(ONE) and world.rows[0][0] == 42
    world.check()


def test_the_octets_are_those_of_the_specification():
    world = World.new(Flash(), sequence=5)
    world.transaction([(SLOTS, 0, b"\x34\x12"), (DROP, 0x01020304, b"")])
    sector = world.device.of(1)
    assert sector[:28].hex() == "504c4732020000000100000001000000050000000000000000000000"
    assert sector[32:50].hex() == "160008020000000006000000000000003412"
    assert sector[54:64] == b"\xff" * 10
    assert sector[64:80].hex() == "14000701040302010600000000000000"
    assert sector[84:] == b"\xff" * (SECTOR - 84)


def test_a_transaction_of_one_record_is_one_program():
    world = World.new(Flash())
    before = world.device.operations
    world.transaction([(ENTRIES, 1, bytes(1004))])
    assert world.device.operations == before + 1
    world.transaction([(FLAGS, 1, bytes(20)), (EXPUNGE, 2, bytes(8))])
    assert world.device.operations == before + 2


def test_a_record_has_no_more_room_than_its_sector():
    world = World.new(Flash())
    for _ in range(3):
        world.transaction([(ENTRIES, 1, bytes(1004))])
    world.transaction([(ENTRIES, 1, bytes(700))])
    left = SECTOR - world.log.position
    with world.log as log:
        log.record(FLAGS, 2, 8)
        assert log.room() == left - 20
        with pytest.raises(ValueError, match="full"):
            log.put(bytes(left - 19))
        with pytest.raises(ValueError, match="full"):
            log.put_struct("<%ds" % (left - 19), b"")
        log.put(bytes(left - 20))
        assert log.room() == 0
    assert log.position == SECTOR and world.transaction(ONE) and log.sector == 2


def test_every_kind_of_read():
    world = World.new(Flash())
    with world.log as log:
        log.record(SLOTS, 0)
        log.put_struct("<HBI", 0x1234, 0x56, 0x89ABCDEF)
        log.put_struct("<II", 1, 0xFFFFFFFF)
    reader = log.reader()
    assert reader.next() and (reader.kind, reader.mailbox, reader.sequence, reader.length) == (SLOTS, 0, 1, 15)
    assert (reader.half(0), reader.octet(2), reader.word(3), reader.word(11)) == (0x1234, 0x56, 0x89ABCDEF, 0xFFFFFFFF)
    assert reader.payload(7) == b"\1\0\0\0\xff\xff\xff\xff"
    assert not reader.next() and not reader.next()
    world.transaction(ONE)
    assert reader.next() and reader.payload() == b"one", "a reader goes on where it was"


def test_a_letter_for_several_mailboxes_is_found_by_each():
    world = World.new(Flash())
    world.transaction([(ADD, 0, add_payload([3, 35, 0x10000004]))])
    world.transaction([(ADD, 0, add_payload([67]))])
    for log in (world.log, reloaded(world)):
        for mailbox, position in ((3, 20), (35, 36), (0x10000004, 52)):
            reader = log.reader(mailbox)
            assert reader.next() and reader.target(mailbox) == position and reader.target(99) == -1
            assert not reader.next()
        assert rows_of(log, 4) == rows_of(log, 99) == []


def test_two_readers_at_the_same_time():
    world = filled(Flash(), 3, 60)
    one, other = world.log.reader(), world.log.reader()
    rows = iter(rows_of(world.log))
    while one.next():
        row = next(rows)
        assert (one.sequence, one.kind, one.payload()) == (row[0], row[2], row[4])
        other.next()
    assert next(rows, None) is None


def test_a_reader_starts_where_it_is_told():
    world = filled(Flash(), 4, 80)
    log = world.log
    for first in range(log.sector + 3):
        assert rows_of(log, 0, first) == [row for row in rows_of(log) if row[1] >= min(first, log.sector)]


def test_nothing_is_read_in_a_transaction():
    """It has the buffer: a read would spoil what is about to be written."""
    world = filled(Flash(), 5, 10)
    rows = rows_of(world.log)
    reader = world.log.reader()
    assert reader.next()
    with pytest.raises(StoreUnavailable), world.log as log:
        log.record(ENTRIES, 1, 1000)
        reader.next()
    assert [reader.sequence, *[0 for _ in iter(reader.next, False)]] == [1, *[0] * (len(rows) - 1)]
    world.check()


@pytest.mark.parametrize("sectors", [8, 11, 24])
def test_many_laps(sectors):
    chance = random.Random(sectors)
    world = World.new(Flash(sectors))
    for number in range(900):
        assert world.transaction(random_records(chance))
        world.log.release(world.log.sector - chance.randrange(sectors // 2))
        if number % 50 == 0:
            world.check()
    assert world.log.sector > 5 * 8 + sectors
    world.check()
    again = reloaded(world)
    for sector in range(world.log.tail, world.log.sector + 1):
        bits_of_rows = {row[3] % 32 for row in world.rows if row[1] == sector}
        assert world.log.mask(sector) == again.mask(sector) == sum(1 << bit for bit in bits_of_rows)


def test_sequence_numbers_have_64_bits():
    world = World.new(Flash(), sequence=(1 << 40) - 1)
    world.transaction(ONE)
    assert rows_of(reloaded(world)) == [((1 << 40), 1, *ONE[0])]


def test_items_and_runs_over_many_records():
    world = World.new(Flash())
    with world.log as log:
        items = Items(log, ENTRIES, 5, b"head", 28)
        for number in range(300):
            items.put("<7I", *[number] * 7)
        runs = Runs(log, 6, 1, 2, 3, 4)
        for index in range(400):
            runs.put(10 + index * 3, index + index // 2)
        runs.finish()
        none = Runs(log, 7, 1, 0, 0, 0)
        none.finish()
    assert (items.count, runs.count, none.count) == (300, 400, 0)
    assert log.sector > 2
    reader = reloaded(world).reader(5)
    found = []
    while reader.next():
        assert reader.kind == ENTRIES and reader.payload()[:4] == b"head"
        found += [reader.word(at) for at in range(4, reader.length, 28)]
    assert found == list(range(300))
    reader = log.reader(6)
    found = []
    while reader.next():
        assert reader.kind == FLAGS and reader.payload()[:12] == b"\3\0\0\0\4\0\0\0\1\2\0\0"
        found += [(reader.word(at), reader.word(at + 4)) for at in range(12, reader.length, 8)]
    assert found == [(10 + index * 3, 13 + index * 3) for index in range(0, 400, 2)]
    assert not log.reader(7).next()


# What cannot be written, and what cannot be read.


def test_a_full_ring_says_no_and_goes_on_after_a_release():
    world = World.new(Flash())
    while world.transaction([(ENTRIES, 1, bytes(900))]):
        pass
    log = world.log
    assert (log.sector, log.sectors_free(), log.dirty) == (7, 1, False)
    world.check()
    with pytest.raises(StoreFull), log:
        log.record(ENTRIES, 1, 900)
    assert not world.transaction([(ENTRIES, 1, bytes(900))])
    log.publish()
    assert log.sector == 7
    log.release(2)
    assert world.transaction([(ENTRIES, 1, bytes(900))])
    assert (log.sector, log.sectors_free(), reloaded(world).tail) == (8, 1, 2)
    log.release(8)
    log.publish()
    assert (log.sector, log.sectors_free(), reloaded(world).tail) == (9, 6, 8)
    log.publish()
    assert log.sector == 9
    world.check()


def test_a_transaction_that_is_too_long_does_not_happen():
    world = World.new(Flash())
    world.transaction(ONE)
    assert not world.transaction([(ENTRIES, 1, bytes(1000))] * 40)
    log = world.log
    # The last sector is kept: the failed transaction is settled when there is room.
    assert log.dirty and log.sectors_free() == 1
    world.check()
    assert rows_of(reloaded(world)) == world.rows
    with pytest.raises(StoreFull):
        log.settle()
    assert not world.transaction(ONE)
    log.release(2)
    log.settle()
    assert not log.dirty and log.aborted == [2] and log.sequence == 2
    world.rows.clear()
    world.must_go_on()
    assert log.sequence == 3 and log.aborted == []


def test_exceptions_of_the_body_go_through():
    world = World.new(Flash())
    operations = world.device.operations
    with pytest.raises(KeyError), world.log as log:
        log.record(FLAGS, 1)
        raise KeyError
    with pytest.raises(StoreFull), world.log as log:
        raise OSError(28)
    with pytest.raises(StoreUnavailable), world.log as log:
        log.record(FLAGS, 1)
        raise OSError(5)
    assert world.device.operations == operations and log.sequence == 0 and not log.dirty
    with pytest.raises(KeyError), log:
        for _ in range(9):
            log.record(ENTRIES, 1, 1000)
            log.put(bytes(1000))
        raise KeyError
    assert log.sequence == 1 and log.aborted == [1] and not log.dirty
    world.check()
    assert world.transaction(ONE) and world.rows[0][0] == 2
    world.check()


def test_a_writer_that_swallows_the_failure_gets_no_half_transaction():
    world = World.new(Flash())
    with pytest.raises(StoreFull), world.log as log:
        try:
            while True:
                log.record(ENTRIES, 1, 1000)
                log.put(bytes(1000))
        except StoreFull:
            pass
    log.release(log.sector)
    world.must_go_on()


def test_what_was_read_is_read_again_after_a_transaction_that_was_given_up():
    world = filled(Flash(), 5, 10)
    rows = rows_of(world.log)
    with pytest.raises(KeyError), world.log as log:
        log.record(ENTRIES, 1, 1000)
        log.put(bytes(1000))
        raise KeyError
    assert rows_of(log) == rows
    with pytest.raises(StoreUnavailable), log, log:
        pass
    world.must_go_on()


def test_what_is_no_log():
    log = Log(Flash())
    with pytest.raises(StoreUnavailable):
        log.load()
    with pytest.raises(StoreUnavailable), log:
        pass
    device = Flash()
    header = bytearray(HEADER_SIZE)
    pack_header(header, 0, 3, 1, 7)
    whole(device.image, 4, 0, header)
    with pytest.raises(StoreUnavailable):
        Log(device).load()


def test_another_format_is_not_touched():
    world = World.new(Flash())
    start = SECTOR
    header = bytearray(world.device.image[start : start + HEADER_SIZE])
    header[4] = 3
    header[28:] = crc32(header[:28]).to_bytes(4, "little")
    world.device.image[start : start + HEADER_SIZE] = header
    with pytest.raises(StoreUnavailable, match="unknown store format 3"):
        Log(world.device).load()


def test_a_format_over_an_old_log_leaves_nothing_of_it():
    world = filled(Flash(), 9, 100)
    world.log.format(500)
    world.rows = []
    world.check()
    world.must_go_on()
    assert world.rows[0][0] == 501


def test_raw_blocks_of_a_device():
    blocks = Flash(20)
    device = SimpleNamespace(
        readblocks=lambda block, view, offset: blocks.read(block, offset, view),
        writeblocks=lambda block, view, offset: blocks.program(block, offset, view),
        ioctl=lambda operation, block: blocks.erase(block) or 0 if operation == 6 else 1 / 0,
    )
    world = World.new(RawLog(device, 12, 8))
    assert world.transaction(ONE)
    world.check()
    assert not bytes(blocks.image[: 13 * SECTOR]).strip(b"\xff") and blocks.of(13)[:4] == b"PLG2"
    device.writeblocks = lambda block, view, offset: 5
    device.ioctl = lambda operation, block: 5
    assert not world.transaction(ONE) and world.log.dirty
    device.readblocks = lambda block, view, offset: -5
    with pytest.raises(StoreUnavailable):
        Log(RawLog(device, 12, 8)).load()


# In files.


def test_files_round_trip_over_many_laps(tmp_path):
    chance = random.Random(0)
    device = FileLog(str(tmp_path), 8)
    with pytest.raises(StoreUnavailable):
        Log(device).load()
    world = World.new(device)
    for number in range(250):
        assert world.transaction(random_records(chance))
        world.log.release(world.log.sector - chance.randrange(4))
        if number % 25 == 0:
            world.check()
    world.check()
    assert world.log.sector > 16
    assert {path.name for path in (tmp_path / "log").iterdir()} <= set("01234567")
    world.log.format()
    world.rows = []
    world.check()
    world.must_go_on()


def test_a_file_that_is_longer_than_it_should_be_is_not_added_to(tmp_path):
    world = World.new(FileLog(str(tmp_path), 8))
    world.transaction(ONE)
    path = tmp_path / "log" / "1"
    for torn in (b"\xff" * 16, b"PLG2", bytes(16)):
        path.write_bytes(path.read_bytes() + torn)
        log = reloaded(world)
        assert rows_of(log) == world.rows
        again = World(world.device, log, rows_of(log))
        assert again.transaction(ONE) or again.transaction(ONE)
        assert log.sector > 1
        again.check()
        world, path = again, tmp_path / "log" / ("%x" % log.sector)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "log").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        Log(FileLog(str(tmp_path), 8)).format()
