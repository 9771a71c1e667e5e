"""A board: MicroPython's esp32 port with Ethernet, partitions in its flash, and real limits of its own.

`/board.json` in the settings partition holds the `[ethernet]` and `[limits]` tables of the board's `board.toml`.
"""

import gc
import io
import json
import select
import socket
import sys
import time

import esp32
import machine

from . import ethernet, listening, storage
from .limits import Limits

STOP_WITHOUT_CONSOLE = False
# Without its mail partition a board still serves, with temporary errors, so that its admin can reach it.
STOP_WITHOUT_MAIL = False

BOARD_FILE = "/board.json"
CLOCK_FILE = "/clock.json"

# The standard ports of what this version serves, in the order in which they are opened.
PORTS = (("smtp", 25), ("pop3", 110), ("imap", 143))
EAGAIN = 11
CPU_HZ = 240000000

# A stock runtime's limits (lwIP), for a board file that does not say otherwise.
STOCK_SOCKETS = 10
STOCK_TCP_CONNECTIONS = 12

# Longer than the longest stall of the flash file system (facts: littlefs compaction, tens of seconds).
WATCHDOG_MS = 120000
# After a start that failed: time to read the console before the board tries again.
RETRY_SECONDS = 60

# Seconds from 1970 to the epoch of this port.
EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0
# A clock that shows less was never set: 2024-01-01.
SET_SINCE = 1704067200
KEEP_SECONDS = 3600
# Between two attempts to get the time while the clock is unset. An attempt stops the event loop for up to NTP_TIMEOUT.
NTP_RETRY_MS = 300000
NTP_TIMEOUT = 2

POLL_REQUEST = 3

_board = {}
_limits = Limits(STOCK_SOCKETS, STOCK_TCP_CONNECTIONS)
_lan = None
_watchdog = None
_latest = 0
_kept = 0
_ntp_server = ""
_ntp_tried = 0


# Start and end ---------------------------------------------------------------------------------------------------


def start():
    """Full speed; the generic builds start slower."""
    machine.freq(CPU_HZ)


def strap():
    """A board is configured by its tools, not by how it is started."""
    return {}


def ready(ports, users=None):
    """Tells whoever watches the console."""
    console_write(json.dumps({"event": "ready", "ports": ports}))


def failed(message):
    """Says why the firmware cannot start, and tries again after a while."""
    console_write(json.dumps({"event": "failed", "message": message}))
    time.sleep(RETRY_SECONDS)
    machine.reset()


def exit(status):
    reset()


def reset():
    machine.reset()


def feed_watchdog():
    """The first call starts the watchdog, which cannot be stopped again: start-up is not watched."""
    global _watchdog
    if _watchdog is None:
        _watchdog = machine.WDT(timeout=WATCHDOG_MS)
    _watchdog.feed()


# Storage ---------------------------------------------------------------------------------------------------------


def mount_settings():
    """MicroPython mounts `vfs` at "/" itself; where it did not, it is mounted here. Reads the board file."""
    global _board, _limits
    if not _is_mounted():
        try:
            storage.mount(_partition("vfs"), "/")
        except storage.NotMountable as error:
            failed("the settings partition cannot be used: %s" % error)
    _board = _read_json(BOARD_FILE) or {}
    limits = _board.get("limits") or {}
    sockets = limits.get("sockets", STOCK_SOCKETS)
    # lwIP counts TIME_WAIT and the heap refuses by itself: here only the sockets are shared out.
    _limits = Limits(sockets)
    _restore_clock()


def _is_mounted():
    import os

    try:
        os.statvfs("/")
        return True
    except OSError:
        return False


def mount_mail(make_log):
    """Mounts the mail partition and returns its storage.Window. Raises MailNotMountable, having written nothing."""
    try:
        return storage.mount_mail(_partition("mail"), "/mail", make_log)
    except storage.NotMountable as error:
        raise storage.MailNotMountable(str(error))


def _partition(label):
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=label)
    if not found:
        raise storage.NotMountable("the partition table has no %s" % label)
    return found[0]


def _read_json(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


# Network ---------------------------------------------------------------------------------------------------------


def start_network(settings):
    """Ethernet up, address by DHCP or setting, then the time. Without a cable the services start all the same."""
    global _lan, _ntp_server
    pins = _board.get("ethernet")
    if not pins:
        failed("%s has no Ethernet pins" % BOARD_FILE)
        return
    _lan = ethernet.make_interface(pins)
    own = ethernet.bring_up(_lan, settings.get("hostname"), settings.get("address"), feed_watchdog)
    _ntp_server = settings.get("ntp_server")
    if own != ethernet.NO_ADDRESS:
        set_clock()


def address():
    return ethernet.own_address(_lan) if _lan else ethernet.NO_ADDRESS


def ports():
    return dict(PORTS)


def open_listener(number):
    """Returns (listening socket, port)."""
    return listening.open_listener(("0.0.0.0", number), _limits), number


def accept(listener):
    """Returns (non-blocking socket, peer address, peer port), or None when nobody waits. OSError for trouble."""
    try:
        sock, peer = listener.accept()
    except OSError as error:
        if error.args[0] == EAGAIN:
            return None
        raise
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock, peer[0], peer[1]


# Limits and figures ----------------------------------------------------------------------------------------------


def limits():
    return _limits


def connection_opened():
    return _limits.open_connection()


def connection_closed(by_client):
    _limits.close_connection(by_client)


def transfer_started():
    """lwIP takes its buffers from the system heap itself."""


def transfer_ended():
    pass


def session_started(service):
    pass


def session_ended():
    # Between sessions a collection disturbs least.
    gc.collect()


def received(count):
    pass


def delivered(total):
    pass


def publish(sessions_open, sessions_total, letters):
    pass


# Clock -----------------------------------------------------------------------------------------------------------


def clock():
    """Unix time; 0 while it is not set; never goes back, also when a time server says so."""
    global _latest
    now = int(time.time()) + EPOCH
    if now >= SET_SINCE and now > _latest:
        _latest = now
    return _latest


def set_clock():
    """Asks the time server once. False if there is none or it does not answer."""
    global _ntp_tried
    _ntp_tried = time.ticks_ms()
    if not _ntp_server:
        return False
    import ntptime

    ntptime.host = _ntp_server
    ntptime.timeout = NTP_TIMEOUT
    try:
        ntptime.settime()
    except (OSError, OverflowError):
        return False
    return True


def keep_clock():
    """Notes the time once an hour, the lower bound for a start without network; tries to set an unset clock."""
    now = clock()
    if not now:
        if _ntp_server and time.ticks_diff(time.ticks_ms(), _ntp_tried) > NTP_RETRY_MS:
            set_clock()
    elif now - _kept >= KEEP_SECONDS:
        _keep(now)


def _keep(now):
    global _kept
    import os

    # Noted first: a file system that cannot take it is not tried again every second.
    _kept = now
    try:
        with open(CLOCK_FILE + ".new", "w") as file:
            json.dump(now, file)
        os.rename(CLOCK_FILE + ".new", CLOCK_FILE)
    except OSError:
        pass


def _restore_clock():
    """A board that lost power goes on from the time it kept, if its own clock shows less."""
    global _kept
    kept = _read_json(CLOCK_FILE)
    if not isinstance(kept, int) or kept < SET_SINCE:
        return
    _kept = kept
    if int(time.time()) + EPOCH < kept:
        when = time.gmtime(kept - EPOCH)
        # Year, month, day and weekday, then hour, minute and second.
        machine.RTC().datetime((when[0], when[1], when[2], when[6], when[3], when[4], when[5], 0))


# Console ---------------------------------------------------------------------------------------------------------


class _Console(io.IOBase):
    """Standard input whose `readinto` returns what is there: the port's own waits until the buffer is full."""

    def __init__(self):
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._octet = bytearray(1)

    def readinto(self, buffer):
        """The number of octets read, or None when none has come."""
        count = 0
        while count < len(buffer) and self._poll.poll(0):
            if not sys.stdin.buffer.readinto(self._octet):
                break
            # The port turns the terminal's CR into LF.
            buffer[count] = self._octet[0]
            count += 1
        return count or None

    def ioctl(self, request, argument):
        if request == POLL_REQUEST:
            return select.POLLIN & argument if self._poll.poll(0) else 0
        return 0


def console_stream():
    return _Console()


def console_write(line):
    print(line)
