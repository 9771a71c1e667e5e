"""Plays a seeded slice of mutated dialogs against one simulator; the README says how to play more, or one."""

import os
import random
import re
import select
import socket
import time

import pytest

from tests.dialogs.player import read_letter
from tests.fuzz.mutations import client_lines, mutated
from tests.support import wire
from tests.support.imap_grammar import Watch
from tests.support.simulator import Simulator

SESSIONS = int(os.environ.get("POSTINO_FUZZ_SESSIONS", "250"))
SEED = int(os.environ.get("POSTINO_FUZZ_SEED", "20261124"))
ONLY = os.environ.get("POSTINO_FUZZ_ONLY", "")
PASSWORD = "horse battery 7"
USERS = {"anna": PASSWORD, "bob": PASSWORD, "carol": PASSWORD}
SERVICES = ("smtp", "pop3", "imap")
PATIENCE_S = 60
# How long a session waits for an answer before it says the next thing: a mutated line may get none.
ANSWER_S = 0.02
# The server looks after its connections between all this.
SERVE_EVERY = 25
WARM_AFTER = 50
HEAP_ALLOWANCE = 2048
# What the server logs when an exception ends a session. Want of memory may do that, to one session; nothing else.
FAULT = re.compile(r"^Traceback.*\n(?: .*\n)*(?!MemoryError)\S", re.MULTILINE)
LETTERS = [read_letter(name) for name in ("plain", "headers", "html", "forwarded", "dots")]
KEPT_MAILBOXES = ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = {"max_message_size": 20000, "max_recipients": 5}
    with Simulator(tmp_path_factory.mktemp("fuzz"), users=USERS, settings=settings) as simulator:
        yield simulator


class LogWatch:
    """What the simulator has printed since it was asked last."""

    def __init__(self, simulator):
        self.path = simulator.folder / "simulator.log"
        self.position = 0

    def news(self):
        with open(self.path, "rb") as file:
            file.seek(self.position)
            text = file.read()
        self.position += len(text)
        return text.decode(errors="replace")


def play(simulator, service, lines, choice):
    """Says all lines and reads what comes; hangs up at the end, sometimes roughly. What IMAP answers is IMAP."""
    watch = Watch() if service == "imap" else None
    with socket.create_connection((simulator.host, simulator.ports[service]), PATIENCE_S) as sock:
        try:
            for line in lines:
                if watch:
                    watch.said(line)
                sock.sendall(line)
                if choice.randrange(4) and not hear(sock, watch):
                    return
            if choice.randrange(2):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        except ConnectionError:
            pass


def hear(sock, watch):
    """Reads what is there; False when the server has closed."""
    if select.select([sock], [], [], ANSWER_S)[0]:
        octets = sock.recv(65536)
        if watch:
            watch.heard(octets)
        return bool(octets)
    return True


def assert_serves(simulator, during):
    assert simulator.alive(), f"{during}: the server is gone:\n{simulator.output()}"
    password = PASSWORD.encode()
    with wire.smtp(simulator) as peer:
        peer.ask(b"NOOP", b"250 ")
    with wire.pop3(simulator) as peer:
        peer.ask(b"CAPA", b".")
    with wire.imap(simulator, (b"anna", b'"' + password + b'"')) as peer:
        peer.ask(b"b SELECT INBOX", b"b OK")


def clean(simulator):
    """Removes what the sessions have made, which is not what the heap is compared for; leaves some letters to read."""
    for user in USERS:
        with wire.imap(simulator, (user.encode(), b'"' + PASSWORD.encode() + b'"')) as peer:
            listed = peer.ask(b'a LIST "" "*"', b"a OK")
            names = [line.partition(b'"/" ')[2] for line in listed if line.startswith(b"* LIST")]
            for name in sorted((name for name in names if name.startswith(b'"')), reverse=True):
                if name.strip(b'"').decode() not in KEPT_MAILBOXES:
                    peer.ask(b"b DELETE " + name, b"b ")
                    continue
                peer.ask(b"c SELECT " + name, b"c OK")
                peer.ask(b"d UID STORE 1:* +FLAGS.SILENT (\\Deleted)", b"d ")
                peer.ask(b"e CLOSE", b"e OK")
            for letter in LETTERS:
                peer.ask(b"f APPEND INBOX {%d}" % len(letter), b"+")
                peer.ask(letter, b"f OK")


def settled_heap(simulator, wanted=None):
    deadline = time.monotonic() + PATIENCE_S
    while (stats := simulator.stats())["sessions_open"]:
        assert time.monotonic() < deadline, f"sessions are left open: {stats['sessions_open']}"
        time.sleep(0.2)
    return simulator.heap_free(wanted)


def chosen_sessions(service):
    if ONLY:
        only, _, number = ONLY.partition(":")
        return [int(number)] if only == service else []
    return range(SESSIONS)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("service", SERVICES)
def test_mutated_dialogs(server, service):
    conversations = client_lines(service, {"password": PASSWORD})
    log = LogWatch(server)
    log.news()
    clean(server)
    before = None
    for number in chosen_sessions(service):
        choice = random.Random(f"{SEED} {service} {number}")
        play(server, service, mutated(choice.choice(conversations), choice), choice)
        if number % SERVE_EVERY == SERVE_EVERY - 1:
            assert_serves(server, f"{service}:{number}")
            clean(server)
        news = log.news()
        assert not FAULT.search(news), f"{service}:{number} (or one shortly before)\n{news}"
        if number == WARM_AFTER:
            # Modules are imported, pools have grown.
            clean(server)
            before = settled_heap(server)
    assert_serves(server, f"{service}, at the end")
    clean(server)
    if before is not None:
        after = settled_heap(server, before - HEAP_ALLOWANCE)
        assert after >= before - HEAP_ALLOWANCE, (before, after)
    assert not FAULT.search(log.news())
