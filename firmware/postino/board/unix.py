"""The simulator's board: MicroPython's unix port, started and observed by the host tool `postino sim`.

The first line of standard input is the strap: one JSON object that stands for the wiring of the board (flash file,
partitions, ports, limits). After it, standard input and output are the serial console. What is measured goes into the
books, which the host reads (module `simchip`, or its twin in Python for a runtime without it).
"""

import asyncio.core as core  # type: ignore
import gc
import json
import select
import socket
import sys
import time

from . import listening, storage
from .limits import Limits

try:
    import simchip as chip  # type: ignore
except ImportError:
    from . import unix_flash as chip

# A VM without its host has nobody to write for. With simchip the kernel ends it, at once and without a last write.
STOP_WITHOUT_CONSOLE = not hasattr(chip, "heap_live")
# In the simulator a mail partition that cannot be used is an error of the run.
STOP_WITHOUT_MAIL = True

# Slots of the gauges in the books (host_tools/postino_tools/stats_file.py).
GAUGE_HEAP_FREE = 0
GAUGE_LEDGER_FREE_MIN = 1
GAUGE_SESSIONS_OPEN = 2
GAUGE_SESSIONS_TOTAL = 3
GAUGE_DELIVERED = 4
GAUGE_ALLOCATION_FAULTS = 5

# The live heap is measured at least once for so many octets received.
COLLECT_EVERY = 65536
# On Linux, where MicroPython has no names for them.
IPPROTO_TCP = 6
TCP_NODELAY = 1
EAGAIN = 11
# No strap is longer, so a host that sends nonsense does not fill the heap.
STRAP_MAX = 32768

_strap = {}
_limits = Limits()
_latest = 0
_since_collection = 0
_sessions_open = 0
_sessions_total = 0


class _AllocationFaults:
    """For tests: in the k-th session of one service, the k-th allocation fails, for k up to a count."""

    def __init__(self):
        self.service = None
        self.count = 0
        self.session = 0
        self.fired = 0
        # Allocations made when the present fault has struck, and the task of the session that it is meant for.
        self.strikes_at = 0
        self.task = None

    def session_started(self, service):
        if service == self.service and self.session < self.count:
            self.session += 1
            self.task = core.cur_task
            self.strikes_at = chip.allocations() + self.session
            chip.fail_allocation(self.session)

    def session_ended(self):
        # The next session may have begun, with its own fault, while this one still waited for its client to close.
        if self.task is None or core.cur_task is not self.task:
            return
        chip.fail_allocation(0)
        if chip.allocations() >= self.strikes_at:
            self.fired += 1
        self.task = None
        chip.note(GAUGE_ALLOCATION_FAULTS, self.fired)


_faults = _AllocationFaults()


# Start and end ---------------------------------------------------------------------------------------------------


def start():
    """Reads the strap and opens the flash chip."""
    global _strap, _limits
    # Frozen modules come without a look into the flash file.
    while "" in sys.path:
        sys.path.remove("")
    _strap = json.loads(_first_line())
    chip.open(_strap["flash"], _strap["books"])
    chip.power_cut(_strap.get("power_cut", 0))
    chip.timing(_strap.get("timing", 0))
    limits = _strap.get("limits") or {}
    _limits = Limits(limits.get("sockets", 0), limits.get("tcp", 0), limits.get("ledger", 0))
    fault = _strap.get("fail_allocation")
    if fault:
        _faults.service = fault["service"]
        _faults.count = fault["count"]
    publish(0, 0, 0)


def _first_line():
    # Standard input is non-blocking: the host makes it so, for a blocking read would wait for a full buffer.
    stream = sys.stdin.buffer
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    line = bytearray()
    octet = bytearray(1)
    while len(line) < STRAP_MAX:
        poll.poll()
        count = stream.readinto(octet)
        if count == 0:
            raise SystemExit(1)
        if count and octet[0] == 10:
            break
        if count:
            line += octet
    return line


def strap():
    """What the command line asks to be stored. Told once: it is not kept in memory."""
    return {"settings": _strap.pop("settings", None), "users": _strap.pop("users", None)}


def ready(ports, users=None):
    """Tells the host that all listeners accept."""
    message = {"event": "ready", "ports": ports}
    if users is not None:
        message["users"] = users
    console_write(json.dumps(message))


def failed(message):
    """Tells the host why the firmware cannot start, and ends."""
    console_write(json.dumps({"event": "failed", "message": message}))
    exit(1)


def exit(status):
    if hasattr(chip, "close"):
        chip.close()
    sys.exit(status)


def reset():
    exit(0)


def feed_watchdog():
    pass


# Storage ---------------------------------------------------------------------------------------------------------


def mount_settings():
    """Puts the settings partition at "/", in place of the host's files."""
    import vfs

    # A runtime without frozen firmware goes on importing from the host's folders.
    folders = [folder for folder in sys.path if _is_folder(folder)]
    systems = [vfs.VfsPosix(folder) for folder in folders]  # type: ignore
    vfs.umount("/")
    try:
        storage.mount(_partition("vfs"), "/")
    except storage.NotMountable as error:
        failed("the settings partition cannot be used: %s" % error)
    for number, folder in enumerate(folders):
        vfs.mount(systems[number], "/host%d" % number)
        _move_imports(folder, "/host%d" % number)


def _is_folder(path):
    import os

    try:
        return path[:1] == "/" and os.stat(path)[0] & 0x4000 != 0
    except OSError:
        return False


def _move_imports(old, new):
    sys.path[sys.path.index(old)] = new
    # Packages that are imported already remember where they came from.
    for module in sys.modules.values():
        path = getattr(module, "__path__", "")
        if path.startswith(old + "/"):
            module.__path__ = new + path[len(old) :]


def mount_mail(make_log):
    """Mounts the mail partition and returns its storage.Window. Raises MailNotMountable, having written nothing."""
    try:
        return storage.mount_mail(_partition("mail"), "/mail", make_log)
    except storage.NotMountable as error:
        raise storage.MailNotMountable(str(error))


def _partition(label):
    offset, size = _strap["partitions"][label]
    return chip.Partition(offset, size)


# Network ---------------------------------------------------------------------------------------------------------


def start_network(settings):
    """The host's network is up."""


def address():
    return _strap["host"]


def ports():
    """The services in the order in which they are opened."""
    wanted = _strap["ports"]
    return {service: wanted[service] for service in ("smtp", "pop3", "imap") if service in wanted}


def open_listener(number):
    """Returns (listening socket, port). The host never asks for port 0: it chooses a free one itself."""
    return listening.open_listener(socket.getaddrinfo(_strap["host"], number)[0][-1], _limits), number


def accept(listener):
    """Returns (non-blocking socket, peer address, peer port), or None when nobody waits. OSError for trouble."""
    try:
        sock, peer = listener.accept()
    except OSError as error:
        if error.args[0] == EAGAIN:
            return None
        raise
    sock.setblocking(False)
    sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    # The C structure sockaddr_in: family, port and address in network order.
    return sock, "%d.%d.%d.%d" % (peer[4], peer[5], peer[6], peer[7]), peer[2] << 8 | peer[3]


# Limits and figures ----------------------------------------------------------------------------------------------


def limits():
    return _limits


def connection_opened():
    return _limits.open_connection()


def connection_closed(by_client):
    _limits.close_connection(by_client)


def transfer_started():
    _limits.start_transfer()


def transfer_ended():
    _limits.end_transfer()


def session_started(service):
    """Measures the heap; arms the allocation fault that a test asked for."""
    global _sessions_open, _sessions_total
    _sessions_open += 1
    _sessions_total += 1
    _measure()
    _faults.session_started(service)


def session_ended():
    global _sessions_open
    _faults.session_ended()
    _sessions_open -= 1
    _measure()


def received(count):
    """Measures the heap once in a while as a letter comes in."""
    global _since_collection
    _since_collection += count
    if _since_collection >= COLLECT_EVERY:
        _since_collection = 0
        gc.collect()


def delivered(total):
    """So many letters have been acknowledged since the start."""
    chip.note(GAUGE_DELIVERED, total)


def publish(sessions_open, sessions_total, letters):
    """Hands the present figures to the books."""
    global _sessions_open, _sessions_total
    _sessions_open = sessions_open
    _sessions_total = sessions_total
    _measure()
    delivered(letters)
    if hasattr(chip, "flush"):
        chip.flush()


def _measure():
    gc.collect()
    chip.note(GAUGE_HEAP_FREE, gc.mem_free())
    chip.note(GAUGE_LEDGER_FREE_MIN, _limits.ledger_free_min)
    chip.note(GAUGE_SESSIONS_OPEN, _sessions_open)
    chip.note(GAUGE_SESSIONS_TOTAL, _sessions_total)


# Clock and console -----------------------------------------------------------------------------------------------


def clock():
    """The host's time; never goes back."""
    global _latest
    now = int(time.time())
    _latest = max(_latest, now)
    return _latest


def keep_clock():
    """The host keeps the time."""


def console_stream():
    return sys.stdin.buffer


def console_write(line):
    sys.stdout.write(line + "\n")
