"""The port module of a board, on fakes that behave as the esp32 port does."""

import json
import os
import sys

import pytest

from postino.store import log_device
from tests.unit import fakes_esp32
from tests.unit.fakes_esp32 import (
    BLOCK_SIZE,
    BLOCKS,
    MAIL_BLOCKS,
    Fakes,
    FakeSocket,
    Lan,
    Partition,
    Reset,
    Watchdog,
    superblock,
)

SPI_PINS = {"interface": "spi", "phy": "W5500", "phy_addr": 1, "spi": 2, "sck": 13, "mosi": 11, "miso": 12}
SPI_PINS.update({"cs": 14, "int": 10, "reset": 9})
RMII_PINS = {"interface": "rmii", "phy": "LAN8720", "phy_addr": 0, "mdc": 23, "mdio": 18, "power": 12}
RMII_PINS.update({"ref_clk": 17, "ref_clk_mode": "out"})
# 2026-11-24 12:00:00 UTC
NOON = 1795521600


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """A board with its settings partition mounted by MicroPython, as usual."""
    fakes = Fakes(tmp_path)
    for name, module in [*fakes.modules.items(), *fakes.board_modules.items()]:
        # Only what the port imports late is needed from here on; `time` belongs to the test runner again.
        if name != "time":
            monkeypatch.setitem(sys.modules, name, module)
    return fakes


def settings(**changes):
    return {"hostname": "postino", "address": "", "ntp_server": "pool.ntp.org", **changes}


def board_file(port, ethernet, **limits):
    with open(port.BOARD_FILE, "w") as file:
        json.dump({"ethernet": ethernet, "limits": limits}, file)


def start(fakes, ethernet=None, **changes):
    port = fakes.port
    board_file(port, ethernet or RMII_PINS, sockets=32, tcp_connections=40)
    port.start()
    port.mount_settings()
    port.start_network(settings(**changes))
    return port


# Start ------------------------------------------------------------------------------------------------------------


def test_it_has_what_the_interface_lists(fakes):
    init = (fakes_esp32.FIRMWARE / "postino" / "board" / "__init__.py").read_text()
    for name in ("start", "mount_mail", "strap", "accept", "clock", "received", "ready", "publish", "transfer_started"):
        assert name in init
        assert callable(getattr(fakes.port, name))
    assert fakes.port.strap() == {}


def test_start_sets_full_speed(fakes):
    fakes.port.start()
    assert fakes.cpu == 240_000_000


def test_failure_is_said_and_the_board_tries_again(fakes, capsys):
    with pytest.raises(Reset):
        fakes.port.failed("no mail")
    assert json.loads(capsys.readouterr().out) == {"event": "failed", "message": "no mail"}
    assert fakes.clock.ticks >= 60_000


# Network ----------------------------------------------------------------------------------------------------------


def test_rmii_pins_reach_the_driver(fakes):
    port = start(fakes, RMII_PINS)
    options = port._lan.options
    assert (options["phy_type"], options["phy_addr"]) == ("LAN8720", 0)
    assert {name: options[name].number for name in ("mdc", "mdio", "power", "ref_clk")} == {
        "mdc": 23,
        "mdio": 18,
        "power": 12,
        "ref_clk": 17,
    }
    assert options["ref_clk_mode"] == fakes_esp32.Pin.OUT


def test_spi_pins_reach_the_driver(fakes):
    port = start(fakes, SPI_PINS)
    options = port._lan.options
    assert options["spi"].pins == (2, 13, 11, 12)
    assert (options["cs"].number, options["int"].number, options["reset"].number) == (14, 10, 9)
    assert "ref_clk" not in options


def test_the_address_comes_by_dhcp(fakes):
    port = start(fakes)
    assert port.address() == "192.168.1.77"
    assert fakes.modules["network"].hostname_set == "postino"


def test_without_a_cable_the_start_goes_on(fakes):
    Lan.dhcp_delay = None
    before = fakes.clock.ticks
    port = start(fakes)
    assert port.address() == "0.0.0.0"
    assert 30_000 <= fakes.clock.ticks - before < 40_000
    # The watchdog was fed meanwhile.
    assert Watchdog.made == 1


def test_a_fixed_address(fakes):
    port = start(fakes, address="10.0.0.5/24/10.0.0.1")
    assert port.address() == "10.0.0.5"
    assert port._lan.dhcp is False
    assert port._lan.fixed == "10.0.0.5/24"
    assert fakes.modules["network"].dns == "10.0.0.1"


def test_without_pins_it_fails(fakes):
    fakes.port.mount_settings()
    with pytest.raises(Reset):
        fakes.port.start_network(settings())


# Sockets ----------------------------------------------------------------------------------------------------------


def test_listener_and_accept(fakes):
    port = start(fakes)
    assert port.ports() == {"smtp": 25, "pop3": 110, "imap": 143}
    listener, number = port.open_listener(25)
    assert number == 25
    assert ("bind", ("0.0.0.0", 25)) in listener.calls
    assert ("setblocking", False) in listener.calls
    assert port.accept(listener) is None
    client = FakeSocket()
    listener.waiting.append((client, ("192.0.2.7", 4711)))
    assert port.accept(listener) == (client, "192.0.2.7", 4711)
    assert ("setblocking", False) in client.calls


def test_accept_passes_trouble_on(fakes):
    class Full:
        def accept(self):
            raise OSError(23)

    with pytest.raises(OSError, match="23"):
        fakes.port.accept(Full())


def test_a_port_in_use_costs_no_socket(fakes):
    port = start(fakes)
    FakeSocket.busy = {25}
    for _ in range(40):
        with pytest.raises(OSError):
            port.open_listener(25)
    assert all(each.closed for each in FakeSocket.made)
    assert port.open_listener(110)[1] == 110


def test_sockets_are_shared_out(fakes):
    port = fakes.port
    board_file(port, RMII_PINS, sockets=5)
    port.mount_settings()
    assert port.limits().sockets == 5
    for number in (25, 110, 143):
        port.open_listener(number)
    assert [port.connection_opened() for _ in range(3)] == [True, True, False]
    port.connection_closed(False)
    assert port.connection_opened()


def test_stock_limits_without_a_board_file(fakes):
    fakes.port.mount_settings()
    assert fakes.port.limits().sockets == 10


# Storage ----------------------------------------------------------------------------------------------------------


class Log:
    """What the firmware makes of the last blocks."""

    def __init__(self, partition, first, blocks):
        self.partition = partition
        self.first = first
        self.blocks = blocks


def unmounted(path):
    raise OSError(19)


def test_what_micropython_mounted_is_left_alone(fakes):
    fakes.port.mount_settings()
    assert fakes.mounted == {}


def test_blank_partitions_are_formatted(fakes, monkeypatch):
    monkeypatch.setattr(os, "statvfs", unmounted)
    fakes.port.mount_settings()
    fakes.port.mount_mail(Log)
    assert sorted(fakes.mounted) == ["/", "/mail"]
    # The lookahead has a bit for each block of this small chip.
    assert fakes.mounted["/mail"].options == (32, 32, 8, False)
    begin = superblock(1, MAIL_BLOCKS)
    assert Partition.table["mail"][: len(begin)] == begin


def test_the_log_has_the_last_blocks(fakes):
    window = fakes.port.mount_mail(Log)
    assert (window.blocks, window.ioctl(4, 0), window.ioctl(5, 0)) == (MAIL_BLOCKS, MAIL_BLOCKS, BLOCK_SIZE)
    assert (window.log.first, window.log.blocks) == (MAIL_BLOCKS, BLOCKS - MAIL_BLOCKS)
    assert window.log.partition.content is Partition.table["mail"]
    assert fakes.mounted["/mail"].device is window


def test_erases_are_counted(fakes):
    window = fakes.port.mount_mail(Log)
    before = window.erases
    Partition.table["mail"][3 * BLOCK_SIZE] = 0
    assert window.ioctl(6, 3) == 0
    assert Partition.table["mail"][3 * BLOCK_SIZE] == 0xFF
    assert window.erases == before + 1


@pytest.mark.parametrize(("blocks", "log"), [(40, 8), (1120, 8), (1400, 10), (2560, 18), (3400, 24), (9999, 24)])
def test_the_size_of_the_log(fakes, blocks, log):
    assert fakes.port.storage.log_blocks(blocks) == log == log_device.sectors_for(blocks)


def test_an_older_file_system_keeps_all_its_blocks(fakes):
    older = fakes.modules["vfs"].VfsLfs2
    older.mkfs(Partition("mail"))
    before = bytes(Partition.table["mail"])
    window = fakes.port.mount_mail(Log)
    assert (window.blocks, window.log) == (BLOCKS, None)
    assert Partition.table["mail"] == before


def test_a_mounted_partition_is_not_written(fakes):
    fakes.port.mount_mail(Log)
    before = bytes(Partition.table["mail"])
    fakes.port.mount_mail(Log)
    assert Partition.table["mail"] == before


def damaged(change, blocks=MAIL_BLOCKS):
    """The content of a mail partition: formatted, then `change` applied to it."""
    content = Partition.table["mail"]
    for block in (0, 1):
        mark = superblock(block + 1, blocks)
        content[block * BLOCK_SIZE : block * BLOCK_SIZE + len(mark)] = mark
    change(content)
    return bytes(content)


def cut_in_the_first_superblock(content):
    content[20 : 2 * BLOCK_SIZE] = b"\xff" * (2 * BLOCK_SIZE - 20)


def cut_in_the_middle_of_an_octet(content):
    cut_in_the_first_superblock(content)
    content[19] |= 0x0F


def cut_in_the_number_of_blocks(content):
    content[BLOCK_SIZE : 2 * BLOCK_SIZE] = b"\xff" * BLOCK_SIZE
    content[59] = 0xFF


@pytest.mark.parametrize("blocks", [MAIL_BLOCKS, BLOCKS])
@pytest.mark.parametrize(
    "change", [cut_in_the_first_superblock, cut_in_the_middle_of_an_octet, cut_in_the_number_of_blocks]
)
def test_a_cut_format_is_made_again(fakes, change, blocks):
    """Also one that an older version began."""
    damaged(change, blocks)
    assert fakes.port.mount_mail(Log).blocks == MAIL_BLOCKS
    assert "/mail" in fakes.mounted


def zeroed_superblocks(content):
    content[0:32] = bytes(32)
    content[BLOCK_SIZE : BLOCK_SIZE + 32] = bytes(32)


def lost_superblocks_with_data_behind(content):
    content[0 : 2 * BLOCK_SIZE] = b"\xff" * 2 * BLOCK_SIZE
    content[-1] = 0xFE


def cut_format_with_data_in_the_log(content):
    cut_in_the_first_superblock(content)
    content[MAIL_BLOCKS * BLOCK_SIZE + 5] = 0


def lost_superblock_with_inline_file(content):
    content[0:8] = bytes(8)
    content[BLOCK_SIZE : BLOCK_SIZE + 8] = bytes(8)
    content[64:70] = b"letter"


@pytest.mark.parametrize(
    "change",
    [
        zeroed_superblocks,
        lost_superblocks_with_data_behind,
        lost_superblock_with_inline_file,
        cut_format_with_data_in_the_log,
    ],
)
def test_a_damaged_partition_is_never_written(fakes, change):
    before = damaged(change)
    with pytest.raises(Exception, match="does not mount") as caught:
        fakes.port.mount_mail(Log)
    assert type(caught.value).__name__ == "MailNotMountable"
    assert Partition.table["mail"] == before


def test_a_missing_partition_is_said(fakes):
    del Partition.table["mail"]
    with pytest.raises(Exception, match="no mail"):
        fakes.port.mount_mail(Log)


# Clock ------------------------------------------------------------------------------------------------------------


def test_an_unset_clock_is_0(fakes):
    assert fakes.port.clock() == 0
    fakes.clock.sleep(5)
    assert fakes.port.clock() == 0


def test_the_time_server_sets_it(fakes):
    fakes.ntp_time = NOON
    port = start(fakes)
    assert NOON <= port.clock() <= NOON + 1
    assert fakes.modules["ntptime"].host == "pool.ntp.org"


def test_it_never_goes_back(fakes):
    fakes.clock.set(NOON)
    assert fakes.port.clock() == NOON
    fakes.clock.set(NOON - 100)
    assert fakes.port.clock() == NOON


def test_the_time_is_kept_hourly_and_used_after_a_loss_of_power(fakes, tmp_path):
    fakes.clock.set(NOON)
    fakes.port.keep_clock()
    assert json.loads((tmp_path / "clock.json").read_text()) == NOON
    fakes.clock.sleep(3599)
    fakes.port.keep_clock()
    assert json.loads((tmp_path / "clock.json").read_text()) == NOON
    fakes.clock.sleep(1)
    fakes.port.keep_clock()
    assert json.loads((tmp_path / "clock.json").read_text()) == NOON + 3600
    after = Fakes(tmp_path)
    assert after.port.clock() == 0
    after.port.mount_settings()
    assert NOON + 3600 <= after.port.clock() <= NOON + 3601


def test_a_damaged_clock_file_is_nothing(fakes, tmp_path):
    (tmp_path / "clock.json").write_text('{"x')
    fakes.port.mount_settings()
    assert fakes.port.clock() == 0


def test_an_unset_clock_is_tried_again_later(fakes):
    port = start(fakes)
    fakes.ntp_time = NOON
    port.keep_clock()
    assert port.clock() == 0
    fakes.clock.sleep(301)
    port.keep_clock()
    assert port.clock() >= NOON


def test_no_time_server(fakes):
    fakes.ntp_time = NOON
    port = start(fakes, ntp_server="")
    assert port.clock() == 0
    assert port.set_clock() is False
