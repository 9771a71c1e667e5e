"""The modules of MicroPython's esp32 port as far as `postino.board.esp32` uses them, for CPython.

They behave as the port's sources and documentation say: an epoch of 2000, a LAN interface that exists once and needs
its pins, sockets without getsockname, flash that an erase sets and a program only clears.
"""

import socket
import struct
import sys
import types
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
BLOCK_SIZE = 4096
EPOCH_2000 = 946684800
EAGAIN = 11


class Reset(BaseException):
    """The board was reset: nothing after it runs."""


class FakeClock(types.ModuleType):
    """The module `time`: ticks that go on only by sleeping, and a clock that starts in 2000."""

    def __init__(self):
        super().__init__("time")
        self.ticks = 1000
        self.seconds = 0

    def time(self):
        return self.seconds + self.ticks // 1000

    def set(self, unix_seconds):
        self.seconds = unix_seconds - EPOCH_2000 - self.ticks // 1000

    def gmtime(self, seconds):
        import datetime

        when = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=seconds)
        return (when.year, when.month, when.day, when.hour, when.minute, when.second, when.weekday(), when.day)

    def ticks_ms(self):
        return self.ticks

    def ticks_add(self, ticks, delta):
        return ticks + delta

    def ticks_diff(self, one, other):
        return one - other

    def sleep_ms(self, count):
        self.ticks += count

    def sleep(self, count):
        self.ticks += count * 1000


class Pin:
    IN = 1
    OUT = 3

    def __init__(self, number):
        assert 0 <= number <= 48
        self.number = number


class Spi:
    def __init__(self, number, *, sck, mosi, miso):
        self.pins = (number, sck.number, mosi.number, miso.number)


class Watchdog:
    made = 0

    def __init__(self, id=0, timeout=5000):
        assert timeout > 0
        Watchdog.made += 1
        self.fed = 0

    def feed(self):
        self.fed += 1


class Lan:
    """network.LAN: the address comes `dhcp_delay` ms after activation, or never (None)."""

    clock: FakeClock
    network: types.ModuleType
    dhcp_delay: int | None = 500

    def __init__(self, **options):
        assert {"phy_type", "phy_addr"} <= options.keys(), "phy_type and phy_addr must be specified"
        if options["phy_type"] == "W5500":
            assert {"spi", "cs", "int"} <= options.keys(), "esp_eth_driver_install failed with invalid argument"
        else:
            assert {"mdc", "mdio"} <= options.keys()
        self.options = options
        self.activated_at = None
        self.fixed = None
        self.dhcp = True

    def active(self, on):
        assert self.network.hostname_set is not None, "the name must be set before the interface is active"
        self.activated_at = self.clock.ticks_ms()

    def ipconfig(self, query=None, **settings):
        if query is None:
            self.dhcp = settings.get("dhcp4", self.dhcp)
            self.fixed = settings.get("addr4", self.fixed)
            return None
        assert query == "addr4"
        if self.fixed:
            return (self.fixed.split("/")[0], "255.255.255.0")
        late = self.dhcp_delay is None or self.activated_at is None
        if late or not self.dhcp or self.clock.ticks_ms() - self.activated_at < self.dhcp_delay:
            return ("0.0.0.0", "0.0.0.0")
        return ("192.168.1.77", "255.255.255.0")


# Of each partition; the log has 8 of those of `mail`.
BLOCKS = 24
MAIL_BLOCKS = 16


class Partition:
    """esp32.Partition on a chip in memory; `table` maps labels to contents."""

    TYPE_APP = 0
    TYPE_DATA = 1
    table: dict[str, bytearray] = {}

    def __init__(self, label):
        self.content = self.table[label]
        self.writes = 0

    @classmethod
    def find(cls, type=1, subtype=255, label=None, block_size=4096):
        assert (type, block_size) == (1, 4096)
        return [cls(each) for each in cls.table if each == label]

    def readblocks(self, block, buffer, offset=0):
        start = block * BLOCK_SIZE + offset
        buffer[:] = self.content[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=None):
        self.writes += 1
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        for index, octet in enumerate(bytes(buffer), block * BLOCK_SIZE + offset):
            self.content[index] &= octet

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self.content) // BLOCK_SIZE
        if operation == 5:
            return BLOCK_SIZE
        if operation == 6:
            self.writes += 1
            self.content[argument * BLOCK_SIZE : (argument + 1) * BLOCK_SIZE] = b"\xff" * BLOCK_SIZE
        return 0


def superblock(revision, blocks):
    """What a format writes at the start of block 0 (revision 1) and block 1 (revision 2)."""
    return struct.pack("<I", revision) + b"\xf0\x0f\xff\xf7littlefs/\xe0\x00\x10" + bytes([*range(39), blocks])


class VfsLfs2:
    """Mounts when one of the superblocks is whole, and has as many blocks as the device."""

    def __init__(self, device, *, readsize=32, progsize=32, lookahead=32, mtime=True):
        self.options = (readsize, progsize, lookahead, mtime)
        self.device = device
        blocks = device.ioctl(4, 0)
        found = bytearray(64)
        for block in (0, 1):
            device.readblocks(block, found, 0)
            begin = superblock(block + 1, found[59])
            if found[: len(begin)] == begin:
                if found[59] != blocks:
                    raise OSError(22)
                return
        raise OSError(84)

    @staticmethod
    def mkfs(device, *, readsize=32, progsize=32, lookahead=32):
        for block in (0, 1):
            device.ioctl(6, block)
            device.writeblocks(block, superblock(block + 1, device.ioctl(4, 0)).ljust(64, b"\xff"), 0)


class FakeSocket:
    """A socket as the port has it: addresses are tuples, and few options exist."""

    made: list["FakeSocket"] = []
    busy: set[int] = set()

    def __init__(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        self.calls = []
        self.waiting = []
        self.closed = False
        FakeSocket.made.append(self)

    def setsockopt(self, level, option, value):
        assert (level, option) in ((socket.SOL_SOCKET, socket.SO_REUSEADDR), (socket.IPPROTO_TCP, socket.TCP_NODELAY))
        self.calls.append((level, option, value))

    def bind(self, address):
        if address[1] in self.busy:
            raise OSError(112)
        self.calls.append(("bind", address))

    def listen(self, backlog):
        self.calls.append(("listen", backlog))

    def setblocking(self, on):
        self.calls.append(("setblocking", on))

    def accept(self):
        if not self.waiting:
            raise OSError(EAGAIN)
        return self.waiting.pop(0)

    def close(self):
        self.closed = True


class Fakes:
    """All fakes of one board, and the port module loaded on them."""

    def __init__(self, folder: Path):
        self.clock = FakeClock()
        self.mounted = {}
        self.cpu = None
        self.ntp_time = None
        Watchdog.made = 0
        FakeSocket.made = []
        FakeSocket.busy = set()
        Partition.table = {label: bytearray(b"\xff" * BLOCK_SIZE * BLOCKS) for label in ("vfs", "mail")}
        self.modules = {
            "time": self.clock,
            "machine": self._machine(),
            "network": self._network(),
            "esp32": _module("esp32", Partition=Partition),
            "vfs": _module("vfs", VfsLfs2=VfsLfs2, mount=self._mount),
            "ntptime": _module("ntptime", settime=self._settime, host=None, timeout=1),
        }
        self.board_modules = {}
        self.port = self._load()
        self.port.BOARD_FILE = str(folder / "board.json")
        self.port.CLOCK_FILE = str(folder / "clock.json")

    def _load(self):
        """Imports `postino.board.esp32` on the fakes, past the package's own choice of a port."""
        package = _module("postino.board", __path__=[str(FIRMWARE / "postino" / "board")])
        ours = [name for name in sys.modules if name.startswith("postino.board")]
        saved = {name: sys.modules.get(name) for name in [*self.modules, "postino.board", *ours]}
        for name in ours:
            del sys.modules[name]
        sys.modules.update(self.modules)
        sys.modules["postino.board"] = package
        try:
            import importlib

            port = importlib.import_module("postino.board.esp32")
            # On these fakes, too, though it is imported later.
            importlib.import_module("postino.board.first_format")
        finally:
            for name in [name for name in sys.modules if name.startswith("postino.board")]:
                self.board_modules[name] = sys.modules.pop(name)
            for name, module in saved.items():
                sys.modules.pop(name, None)
                if module is not None:
                    sys.modules[name] = module
        port.socket = _module("socket", **{name: getattr(socket, name) for name in dir(socket)})
        port.socket.socket = FakeSocket
        port.listening.socket = port.socket
        return port

    def _machine(self):
        def freq(hertz):
            self.cpu = hertz

        def reset():
            raise Reset

        clock = self.clock

        class Rtc:
            def datetime(self, fields):
                import datetime

                year, month, day, _, hour, minute, second, _ = fields
                when = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
                clock.set(int(when.timestamp()))

        return _module("machine", Pin=Pin, SPI=Spi, WDT=Watchdog, RTC=Rtc, freq=freq, reset=reset)

    def _network(self):
        network = _module("network", PHY_LAN8720="LAN8720", PHY_W5500="W5500", hostname_set=None, dns=None)

        def hostname(name):
            network.hostname_set = name

        def ipconfig(**settings):
            network.dns = settings.get("dns")

        Lan.clock = self.clock
        Lan.network = network
        Lan.dhcp_delay = 500
        network.LAN = Lan
        network.hostname = hostname
        network.ipconfig = ipconfig
        return network

    def _mount(self, system, path):
        self.mounted[path] = system

    def _settime(self):
        if self.ntp_time is None:
            raise OSError(116)
        self.clock.set(self.ntp_time)


def _module(name, **content):
    module = types.ModuleType(name)
    module.__dict__.update(content)
    return module
