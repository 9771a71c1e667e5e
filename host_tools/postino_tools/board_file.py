"""A supported board: what `boards/<id>/board.toml` says, checked field by field."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postino_tools.errors import UsageError
from postino_tools.flash_layout import FLASH_SIZES
from postino_tools.sizes import parse_size

BOARDS_FOLDER = Path(__file__).resolve().parents[2] / "boards"
BOARD_FILE = "board.toml"
BOARD_ID = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
CLASSES = ("office", "drop")
INTERFACES = ("rmii", "spi")

# The pins and numbers that each kind of Ethernet interface must name, and those it may name.
ETHERNET_REQUIRED = {
    "rmii": {"phy": str, "phy_addr": int, "mdc": int, "mdio": int, "ref_clk": int, "ref_clk_mode": str},
    "spi": {"phy": str, "phy_addr": int, "spi": int, "sck": int, "mosi": int, "miso": int, "cs": int, "int": int},
}
ETHERNET_OPTIONAL = {"power": int, "reset": int}


class BadBoard(UsageError):
    """The board is not known or its file is wrong; the message is one line."""


@dataclass(frozen=True)
class Board:
    """A board, in the units that the tools calculate with."""

    id: str
    name: str
    board_class: str
    mcu: str
    flash_size: int
    psram: int
    # GC heap of the firmware, and where it lies.
    heap: int
    heap_in_psram: bool
    # Internal RAM for the GC heap (when it is not in PSRAM), sockets, TLS and TCP buffers together.
    internal_ram: int
    sockets: int
    tcp_connections: int
    ethernet: dict[str, Any]

    def ledger(self, heap: int) -> int:
        """Bytes of internal RAM that are left beside a GC heap of `heap` bytes."""
        return self.internal_ram - (0 if self.heap_in_psram else heap)

    def heap_fits(self, heap: int) -> bool:
        return heap <= self.psram if self.heap_in_psram else heap < self.internal_ram


def board_ids(folder: Path = BOARDS_FOLDER) -> list[str]:
    """The boards that have a folder here."""
    return sorted(path.parent.name for path in folder.glob(f"*/{BOARD_FILE}"))


def read_board(board_id: str, folder: Path = BOARDS_FOLDER) -> Board:
    """The board called `board_id`; BadBoard when there is none or its file is wrong."""
    path = folder / board_id / BOARD_FILE
    if not BOARD_ID.fullmatch(board_id) or not path.is_file():
        raise BadBoard(f"--board: {board_id!r} is not one of {', '.join(board_ids(folder))}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadBoard(f"{path} is not TOML: {error}") from None
    return _Fields(path, content).board(board_id)


class _Fields:
    """Takes values out of the parsed file and complains by their full names."""

    def __init__(self, path: Path, content: dict[str, Any]):
        self.path = path
        self.content = content

    def board(self, board_id: str) -> Board:
        board = Board(
            id=board_id,
            name=self.value("name", str),
            board_class=self.choice("class", CLASSES),
            mcu=self.value("mcu", str),
            flash_size=FLASH_SIZES[self.choice("flash_size", tuple(FLASH_SIZES))],
            psram=self.size("psram"),
            heap=self.size("memory.gc_heap"),
            heap_in_psram=self.value("memory.gc_heap_in_psram", bool),
            internal_ram=self.size("memory.internal_ram"),
            sockets=self.positive("limits.sockets"),
            tcp_connections=self.positive("limits.tcp_connections"),
            ethernet=self.ethernet(),
        )
        if not board.heap_fits(board.heap):
            raise self.bad("memory.gc_heap", "does not fit the memory it lies in")
        return board

    def bad(self, name: str, problem: str) -> BadBoard:
        return BadBoard(f"{self.path}: {name} {problem}")

    def value(self, name: str, kind: type) -> Any:
        value: Any = self.content
        for part in name.split("."):
            if not isinstance(value, dict) or part not in value:
                raise self.bad(name, "is missing")
            value = value[part]
        # Python takes true for a number.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.bad(name, f"is not {kind.__name__}")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.value(name, str)
        if value not in choices:
            raise self.bad(name, f"is not one of {', '.join(choices)}")
        return value

    def positive(self, name: str) -> int:
        value = self.value(name, int)
        if value < 1:
            raise self.bad(name, "is less than 1")
        return value

    def size(self, name: str) -> int:
        try:
            return parse_size(self.value(name, str))
        except ValueError as error:
            raise self.bad(name, str(error)) from None

    def ethernet(self) -> dict[str, Any]:
        interface = self.choice("ethernet.interface", INTERFACES)
        required = ETHERNET_REQUIRED[interface]
        for key in self.value("ethernet", dict):
            if key != "interface" and key not in required and key not in ETHERNET_OPTIONAL:
                raise self.bad(f"ethernet.{key}", "is not a field of this interface")
        pins = {key: self.value(f"ethernet.{key}", kind) for key, kind in required.items()}
        for key, kind in ETHERNET_OPTIONAL.items():
            if key in self.content["ethernet"]:
                pins[key] = self.value(f"ethernet.{key}", kind)
        if interface == "rmii" and pins["ref_clk_mode"] not in ("in", "out"):
            raise self.bad("ethernet.ref_clk_mode", "is not in or out")
        return {"interface": interface, **pins}
