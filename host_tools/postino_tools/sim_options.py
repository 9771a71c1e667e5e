"""The options of `postino sim`: what argparse takes, and the checked values that the simulator works with."""

import argparse
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

from postino_tools import board_file, firmware_settings, scram
from postino_tools.board_file import Board
from postino_tools.errors import UsageError
from postino_tools.flash_layout import FLASH_SIZES
from postino_tools.sizes import format_size, parse_size

DEFAULT_STATE = Path(".postino")
DEFAULT_HOST = "127.0.0.1"
DEFAULT_FLASH_SIZE = "16M"
DEFAULT_HEAP = "112k"
DEFAULT_SOCKETS = 32
# Below this MicroPython cannot even start the firmware; above, a 32-bit runtime cannot map it.
HEAP_MIN = 80 * 1024
HEAP_MAX = 512 * 1024 * 1024
# The least heap for a runtime that has to compile the firmware itself, with 64-bit objects.
STOCK_HEAP_MIN = 1024 * 1024
COUNT_MAX = 2**31 - 1

# Service -> port when the option is not given; 0 for off. The order is that of `--help`.
DEFAULT_PORTS = {
    "smtp": 2525,
    "submission": 2587,
    "pop3": 2110,
    "imap": 2143,
    "smtps": 0,
    "pop3s": 0,
    "imaps": 0,
    "http": 0,
}
# What this version serves; the other options are there so that scripts need not change later.
AVAILABLE = ("smtp", "pop3", "imap")

USER_NAME = re.compile(r"[a-z0-9._-]{1,32}", re.ASCII)
# The same as in the firmware (users.py), which counts those that it has already as well.
MAX_USERS = 32

DEMO_DOMAIN = "office.lan"
DEMO_USERS = (("anna", "anna-demo"), ("ben", "ben-demo"), ("clara", "clara-demo"))


@dataclass
class SimOptions:
    """What the user asked for, checked and complete."""

    state: Path
    host: str
    ports: dict[str, int]
    flash_size: int
    heap: int
    board: Board | None
    sockets: int
    settings: dict[str, str] = field(default_factory=dict)
    # Name -> password, in the order given.
    users: dict[str, str] = field(default_factory=dict)
    ready_file: Path | None = None
    stats_file: Path | None = None
    power_cut: int = 0
    nor_timing: bool = False
    fail_allocations: tuple[str, int] | None = None
    demo: bool = False


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options. Values are checked by `read`, so that every error has the same form."""
    add = parser.add_argument
    add("--state", metavar="DIR", type=Path, default=DEFAULT_STATE,
        help="directory of the flash file, kept between runs (default .postino)")  # fmt: skip
    add("--board", metavar="ID", help="take flash size, heap and limits from boards/ID/board.toml")
    add("--flash-size", metavar="SIZE", help="size of the chip: 4M, 8M or 16M (default 16M)")
    add("--heap", metavar="SIZE", help="heap of the firmware: N, Nk or Nm (default 112k)")
    add("--host", default=DEFAULT_HOST, help="address to listen on (default 127.0.0.1)")
    for service, number in DEFAULT_PORTS.items():
        note = f"default {number or 'off'}" if service in AVAILABLE else "not available in this version"
        add(f"--{service}-port", metavar="PORT", help=f"{service} port, 0 for a free one ({note})")
    add("--domain", metavar="NAME", help="mail domain (stored)")
    add("--user", metavar="NAME:PASSWORD", action="append", default=[], help="make a user or set a password (stored)")
    add("--set", metavar="KEY=VALUE", action="append", default=[], help="change a setting (stored)")
    add("--tls", action="store_true", help="not available in this version")
    add("--demo", action="store_true", help="make the users anna, ben and clara and print how to try the server")
    add("--ready-file", metavar="FILE", type=Path, help="JSON with the open ports, there while all listeners accept")
    add("--stats-file", metavar="FILE", type=Path, help="JSON with counters, replaced on SIGUSR1 and at exit")
    add("--power-cut", metavar="N", help="lose power after N flash programs and erases (exit status 99)")
    add("--flash-timing", metavar="none|nor", default="none", help="nor: take as long as real flash (default none)")
    add("--fail-allocations", metavar="SERVICE:COUNT",
        help="for tests: the k-th session of SERVICE has its k-th allocation fail, for k up to COUNT")  # fmt: skip


def read(arguments: argparse.Namespace) -> SimOptions:
    """The options in their own types; UsageError when one is wrong."""
    board = _board(arguments.board)
    return SimOptions(
        state=arguments.state,
        host=_host(arguments.host),
        ports=_ports(arguments),
        flash_size=_flash_size(arguments.flash_size, board),
        heap=_heap(arguments.heap, board),
        board=board,
        sockets=board.sockets if board else DEFAULT_SOCKETS,
        settings=_settings(arguments),
        users=_users(arguments),
        ready_file=_output_file("--ready-file", arguments.ready_file),
        stats_file=_output_file("--stats-file", arguments.stats_file),
        power_cut=_count("--power-cut", arguments.power_cut) if arguments.power_cut is not None else 0,
        nor_timing=_timing(arguments.flash_timing),
        fail_allocations=_fail_allocations(arguments.fail_allocations),
        demo=arguments.demo,
    )


def _board(board_id: str | None) -> Board | None:
    return board_file.read_board(board_id) if board_id is not None else None


def _host(text: str) -> str:
    """The IPv4 address to listen on: the firmware has no name service of its own."""
    try:
        return str(socket.getaddrinfo(text, 0, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError):
        raise UsageError(f"--host: {text!r} is not an IPv4 address or a host name") from None


def _ports(arguments: argparse.Namespace) -> dict[str, int]:
    if arguments.tls:
        raise UsageError("--tls is not available in this version")
    ports: dict[str, int] = {}
    for service, default in DEFAULT_PORTS.items():
        text = getattr(arguments, f"{service}_port")
        number = _port(service, text) if text is not None else default
        if service in AVAILABLE:
            ports[service] = number
        elif text is not None and number:
            raise UsageError(f"--{service}-port is not available in this version")
    numbers = [number for number in ports.values() if number]
    if len(set(numbers)) < len(numbers):
        raise UsageError("two services cannot have the same port")
    return ports


def _port(service: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or int(text) > 65535:
        raise UsageError(f"--{service}-port: {text!r} is not a port number from 0 to 65535")
    return int(text)


def _flash_size(text: str | None, board: Board | None) -> int:
    if text is None and board is not None:
        return board.flash_size
    try:
        return FLASH_SIZES[(text or DEFAULT_FLASH_SIZE).upper()]
    except KeyError:
        raise UsageError(f"--flash-size: {text!r} is not one of {', '.join(FLASH_SIZES)}") from None


def _heap(text: str | None, board: Board | None) -> int:
    if text is None and board is not None:
        return board.heap
    try:
        heap = parse_size(text if text is not None else DEFAULT_HEAP)
    except ValueError as error:
        raise UsageError(f"--heap: {error}") from None
    if not HEAP_MIN <= heap <= HEAP_MAX:
        raise UsageError(f"--heap: {text} is not between {format_size(HEAP_MIN)} and {format_size(HEAP_MAX)}")
    if board is not None and not board.heap_fits(heap):
        raise UsageError(f"--heap: {text} does not fit the memory of the board {board.id}")
    return heap


def _settings(arguments: argparse.Namespace) -> dict[str, str]:
    pairs = [("domain", DEMO_DOMAIN)] if arguments.demo else []
    if arguments.domain is not None:
        pairs.append(("domain", arguments.domain))
    for text in arguments.set:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"--set: {text!r} is not KEY=VALUE")
        pairs.append((key, value))
    for key, value in pairs:
        firmware_settings.check(key, value)
    return dict(pairs)


def _users(arguments: argparse.Namespace) -> dict[str, str]:
    users = dict(DEMO_USERS) if arguments.demo else {}
    for text in arguments.user:
        name, colon, password = text.partition(":")
        # The text itself is not quoted: it holds a password.
        if not colon:
            raise UsageError("--user: write NAME:PASSWORD")
        if not USER_NAME.fullmatch(name):
            raise UsageError(f"--user: {name!r} is not 1 to 32 characters of a-z 0-9 . _ -")
        try:
            scram.prepare(password)
        except scram.BadPassword as error:
            raise UsageError(f"--user: {name}: {error}") from None
        users[name] = password
    if len(users) > MAX_USERS:
        raise UsageError(f"--user: there can be {MAX_USERS} users")
    return users


def _output_file(option: str, path: Path | None) -> Path | None:
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise UsageError(f"{option}: {path} cannot be a file")
    return path


def _count(option: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) or not 1 <= int(text) <= COUNT_MAX:
        raise UsageError(f"{option}: {text!r} is not a number from 1 on")
    return int(text)


def _timing(text: str) -> bool:
    if text not in ("none", "nor"):
        raise UsageError(f"--flash-timing: {text!r} is not none or nor")
    return text == "nor"


def _fail_allocations(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    service, colon, count = text.partition(":")
    if not colon or service not in AVAILABLE:
        raise UsageError(f"--fail-allocations: {text!r} is not SERVICE:COUNT with a service of {', '.join(AVAILABLE)}")
    return service, _count("--fail-allocations", count)
