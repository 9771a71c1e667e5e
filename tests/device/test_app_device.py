"""The composition root and the console under MicroPython: a server whose mail partition cannot be used."""

import vfs

from postino import app, console
from postino.board import storage
from postino.board.storage import MailNotMountable
from postino.store.unavailable import UnavailableStore

# What the runner puts here.
chip = None

RECORD = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$%s:%s" % ("A" * 43 + "=", "A" * 43 + "=")


class Board:
    """A board whose mail partition is broken."""

    STOP_WITHOUT_MAIL = False
    transfer_started = transfer_ended = received = None

    def mount_settings(self):
        vfs.umount("/")
        storage.mount(chip, "/")

    def strap(self):
        return {}

    def clock(self):
        return 0

    def mount_mail(self, make_log):
        raise MailNotMountable("broken")

    def start_network(self, settings):
        pass

    def address(self):
        return "192.168.1.20"


def built():
    return app.build(Board())


def test_without_mail_there_is_a_largest_size():
    server = built()
    assert isinstance(server.store, UnavailableStore)
    # SMTP says it in EHLO and compares with it at MAIL.
    assert server.settings.get("max_message_size") == 10 * 1024 * 1024


def test_the_console_outlives_a_store_that_refuses():
    server = built()
    server.users.set = lambda records: None
    reply = console.answer(server, '{"verb": "user", "name": "dora", "credential": "%s"}' % RECORD)
    assert reply == {"ok": False, "error": "broken"}
    for line in ("", "[]", "{", '{"verb": []}', '{"verb": "get", "name": 5}', '{"verb": "set", "name": {}}', "\xff"):
        assert not console.answer(server, line)["ok"]
