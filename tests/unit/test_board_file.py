"""Board files: the ones in the tree, and what is refused in others."""

import pytest

from postino_tools import board_file
from postino_tools.board_file import BadBoard, read_board

CORRECT = """
name = "Test board"
class = "drop"
mcu = "esp32"
flash_size = "4M"
psram = "0"
[ethernet]
interface = "rmii"
phy = "LAN8720"
phy_addr = 0
mdc = 23
mdio = 18
ref_clk = 17
ref_clk_mode = "out"
[memory]
gc_heap = "112k"
gc_heap_in_psram = false
internal_ram = "208k"
[limits]
sockets = 32
tcp_connections = 40
"""


@pytest.fixture
def read(tmp_path):
    """Reads a board file with this text."""

    def read_text(text):
        folder = tmp_path / "test_board"
        folder.mkdir(exist_ok=True)
        (folder / "board.toml").write_text(text)
        return read_board("test_board", tmp_path)

    return read_text


@pytest.mark.parametrize("board_id", board_file.board_ids())
def test_boards_of_the_tree_are_valid(board_id):
    board = read_board(board_id)
    assert board.ledger(board.heap) > 0


def test_the_reference_boards():
    office = read_board("waveshare_esp32_s3_eth")
    assert (office.board_class, office.flash_size, office.heap_in_psram) == ("office", 16 << 20, True)
    assert office.ethernet["cs"] == 14
    drop = read_board("olimex_esp32_poe")
    assert (drop.board_class, drop.flash_size, drop.heap, drop.sockets) == ("drop", 4 << 20, 112 << 10, 32)
    assert drop.ledger(drop.heap) == 96 << 10
    assert drop.ethernet["power"] == 12


def test_a_correct_file_is_read(read):
    board = read(CORRECT)
    assert board.id == "test_board"
    assert board.tcp_connections == 40
    assert not board.heap_fits(208 << 10)


@pytest.mark.parametrize("board_id", ["", "nothing", "../boards", "README.md", "a/b", "Olimex", "\x00"])
def test_an_unknown_board_names_the_known(board_id):
    with pytest.raises(BadBoard, match="olimex_esp32_poe"):
        read_board(board_id)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "Test board"', "", "name is missing"),
        ('"drop"', '"huge"', "class is not one of"),
        ('"4M"', '"5M"', "flash_size is not one of"),
        ('"112k"', "112", "gc_heap is not str"),
        ('"112k"', '"lots"', "gc_heap 'lots' is not a size"),
        ('"112k"', '"300k"', "gc_heap does not fit"),
        ("false", '"no"', "gc_heap_in_psram is not bool"),
        ("= 32", "= true", "sockets is not int"),
        ("= 32", "= 0", "sockets is less than 1"),
        ("[limits]", "[other]", "limits.sockets is missing"),
        ("mdc = 23", "", "ethernet.mdc is missing"),
        ("mdc = 23", "mdc = 23\ncs = 5", "ethernet.cs is not a field"),
        ('"out"', '"both"', "ref_clk_mode is not in or out"),
        ('"rmii"', '"usb"', "interface is not one of"),
        ("[memory]", "[memory", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(read, old, new, message):
    assert old in CORRECT
    with pytest.raises(BadBoard) as caught:
        read(CORRECT.replace(old, new, 1))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
