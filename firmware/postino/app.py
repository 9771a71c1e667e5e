"""The composition root: board, settings, users, store and services are put together here and nowhere else."""

import asyncio
import gc

from . import console, log, overlay
from .board import port
from .board.storage import MailNotMountable
from .net import listener as net
from .net.buffers import BUFFER_SIZE, POOL_START
from .routing import Router
from .server import Server
from .settings import MESSAGE_SIZE_LIMIT, MOST_CONNECTIONS, SettingError, Settings
from .store import Store
from .store.errors import StoreError
from .store.log_device import RawLog
from .users import Users

SETTINGS_FILE = "/settings.json"
USERS_FILE = "/users.json"
MAIL_ROOT = "/mail"

# Seconds that sessions get to end when the server stops.
STOP_TIMEOUT = 3
# Pause between two slices of the store's idle work (ms), and while there is more to do: each may erase flash, which
# stops everything for 45 ms.
MAINTENANCE_PAUSE = 1000
MAINTENANCE_PAUSE_BUSY = 200


# Heap for one connection and its session, and the heap that is left for the work itself: opening a mailbox, a
# transaction, a search, and the code that it needs. An IMAP session that waits in a mailbox holds about 1.2 KB, one
# that fetches two or three buffers more.
HEAP_PER_CONNECTION = 3072
HEAP_FOR_WORK = 14336
LEAST_CONNECTIONS = 4
# The heap is collected whenever this part of it has been allocated: a heap collected often stays in large pieces.
COLLECT_PARTS = 14


class StartFailed(Exception):
    """The server cannot start; the text is one line for the admin."""


def _connections_for(free):
    """How many connections a heap with so many octets free bears, beside the buffers that wait for them."""
    free += POOL_START * BUFFER_SIZE - HEAP_FOR_WORK
    return min(MOST_CONNECTIONS, max(LEAST_CONNECTIONS, free // HEAP_PER_CONNECTION))


def _protocol(service):
    if service == "smtp":
        from .smtp import service as protocol
    elif service == "pop3":
        from .pop3 import service as protocol
    else:
        from .imap import service as protocol
    return protocol


def _load(protocols):
    """Imports what every session needs, for good and while the heap is in one piece; returns what is free then."""
    for protocol in protocols:
        overlay.keep(protocol.RESIDENT)
    gc.collect()
    return gc.mem_free()


class App(Server):
    """A running server: what sessions share, and its start and stop."""

    def __init__(self, board, settings, users, router, store):
        super().__init__(board, settings, users, router, store)
        self.stop_requested = asyncio.Event()
        self._listeners = []
        # Tasks that run as long as the server, kept so that they can be ended.
        self._tasks = []

    def listen(self):
        """Opens all listeners and returns {service: port}. Raises StartFailed."""
        wanted = self.board.ports()
        protocols = {service: _protocol(service) for service in wanted}
        self.settings.set_default("max_connections", _connections_for(_load(protocols.values())))
        self.make_table(len(wanted))
        opened = {}
        for service, number in wanted.items():
            try:
                sock, opened[service] = self.board.open_listener(number)
            except OSError as error:
                raise StartFailed("cannot listen on port %d for %s (%s)" % (number, service, error))
            self._listeners.append(net.Listener(service, protocols[service], sock, opened[service]))
        return opened

    def publish(self):
        """Hands the present figures to the board's books."""
        gc.collect()
        self.board.publish(len(self.connections.open), self.connections.served, self.letters)

    async def _keep(self, work, *arguments):
        # A helper task must outlive a moment without memory.
        while True:
            try:
                return await work(*arguments)
            except MemoryError:
                gc.collect()
                await asyncio.sleep_ms(net.ACCEPT_PAUSE)

    async def _maintain(self):
        more = False
        while True:
            await asyncio.sleep_ms(MAINTENANCE_PAUSE_BUSY if more else MAINTENANCE_PAUSE)
            self.store.quota = self.settings.get("user_quota")
            overlay.tidy()
            more = self.store.maintain()
            self.board.keep_clock()

    async def run(self):
        """Serves until the console says stop."""
        start = asyncio.create_task
        self._tasks = [start(self._keep(net.accept_connections, each, self)) for each in self._listeners]
        self._tasks.append(start(self._keep(net.keep_time, self)))
        self._tasks.append(start(self._keep(self._maintain)))
        stream = self.board.console_stream()
        if stream is not None:
            start(self._serve_console(stream))
        ports = {each.service: each.port for each in self._listeners}
        self.publish()
        self.board.ready(ports, self.users.names())
        await self.stop_requested.wait()
        await self.stop()

    async def _serve_console(self, stream):
        await self._keep(console.serve, self, stream, self.board.console_write)
        # The console's end: in the simulator the host has gone, and the server with it.
        if self.board.STOP_WITHOUT_CONSOLE:
            self.stop_requested.set()

    async def stop(self):
        """No new connections, sessions told, the store closed."""
        self.stopping = True
        for each in self._listeners:
            each.sock.close()
        # The clock of the connections still runs: farewells have deadlines.
        for conn in list(self.connections.open):
            conn.ask_to_go()
        for _ in range(STOP_TIMEOUT * 10):
            if not self.connections.open:
                break
            await asyncio.sleep_ms(100)
        try:
            self.store.close()
        except (MemoryError, OSError, StoreError) as error:
            # Nothing is lost: the next start reads the log.
            log.error("the mail store was not closed in order: %r", error)
        self.publish()


def _apply_strap(settings, users, strap):
    try:
        settings.set(strap.get("settings") or {})
        records = strap.get("users") or []
        if records:
            users.set(records)
    except (SettingError, ValueError) as error:
        raise StartFailed(str(error))


def _report(text):
    log.error("store: %s", text)


def _open_store(board, users, settings):
    try:
        device = board.mount_mail(RawLog)
    finally:
        overlay.forget("board.first_format")
    store = Store(MAIL_ROOT, board.clock, device, _report)
    store.start()
    store.quota = settings.get("user_quota")
    for name in users.names():
        try:
            store.ensure_user(name)
        except StoreError as error:
            log.error("the mailboxes of %s: %s", name, error)
    return store


def build(board):
    """Puts a server together on a board that has started. Raises StartFailed."""
    board.mount_settings()
    settings = Settings(SETTINGS_FILE)
    users = Users(USERS_FILE)
    _apply_strap(settings, users, board.strap())
    log.configure(board.clock, settings.get("log_level"))
    for path, stored in ((SETTINGS_FILE, settings), (USERS_FILE, users)):
        if stored.damaged:
            log.error("%s was damaged: what was stored before it is in force, else nothing", path)
    router = Router(settings, users)
    users.is_local_domain = router.is_local_domain
    try:
        store = _open_store(board, users, settings)
    except (MailNotMountable, StoreError, OSError) as error:
        if board.STOP_WITHOUT_MAIL:
            raise StartFailed("the mail partition cannot be used: %s" % error)
        # On a board the services run and answer with a temporary error: nothing is written.
        log.error("the mail partition cannot be used: %s", str(error))
        # Imported for this alone.
        from .store.unavailable import UnavailableStore

        store = UnavailableStore(str(error))
        settings.set_default("max_message_size", MESSAGE_SIZE_LIMIT)
    else:
        settings.set_default("max_message_size", min(store.capacity_bytes() // 3, MESSAGE_SIZE_LIMIT))
    board.start_network(settings)
    router.address = board.address()
    return App(board, settings, users, router, store)


def main():
    """Runs the firmware; returns when the server has stopped."""
    gc.threshold((gc.mem_free() + gc.mem_alloc()) // COLLECT_PARTS)
    port.start()
    try:
        app = build(port)
        app.listen()
    except StartFailed as error:
        port.failed(str(error))
        return
    gc.collect()
    asyncio.run(app.run())
    port.exit(0)
