"""Claws Mail under Xvfb, by its command line: it reads mailboxes, applies filtering rules, sends, and stores in Sent.

Its IMAP library, libetpan, is strict about what a server says. What has no command is done by rules: moving, flagging.
"""

import re

import pytest

from tests.clients.background import Background
from tests.clients.display import Display
from tests.clients.relay import Relay
from tests.support import letters, mail
from tests.support.programs import run
from tests.support.simulator import PASSWORDS, wait_until
from tests.support.trace import assert_same, strip_trace

# Seconds for something to arrive on the server: a bound, not a measurement.
PATIENCE = 30
ACCOUNT = """[Account: 1]
account_name=office
is_default=1
name=Anna Example
address=anna@office.lan
protocol=1
receive_server={imap.host}
set_imapport=1
imap_port={imap.port}
ssl_imap=0
smtp_server={simulator.host}
set_smtpport=1
smtp_port={port}
ssl_smtp=0
use_smtp_auth=1
user_id=anna
receive_at_get_all=1
filter_on_receive=1
"""
FOLDERS = """<?xml version="1.0" encoding="UTF-8"?>
<folderlist>
    <folder type="mh" name="Mailbox" path="Mail"/>
    <folder type="imap" name="office" account_id="1">
        <folderitem type="inbox" name="INBOX" path="INBOX"/>
        <folderitem type="outbox" name="Sent" path="Sent"/>
        <folderitem type="draft" name="Drafts" path="Drafts"/>
        <folderitem type="trash" name="Trash" path="Trash"/>
        <folderitem type="normal" name="Archive" path="Archive"/>
    </folder>
</folderlist>
"""
RULES = """[filtering]
enabled rulename "move" subject matchcase "To be moved" move "#imap/office/Archive"
enabled rulename "delete" subject matchcase "To be deleted" move "#imap/office/Trash"
enabled rulename "copy" subject matchcase "To be copied" copy "#imap/office/Archive" mark
enabled rulename "read" subject matchcase "To be read" mark_as_read
"""
SETTINGS = """[Common]
config_version=4
ask_apply_per_account_filtering_rules=0
autochk_newmail=0
receive_dialog_mode=2
send_dialog_invisible=1
enable_aspell=0
"""
# A letter in the queue: which account sends it, to whom, and where it is stored.
QUEUED = b"""S:anna@office.lan
SSV:%s
R:<ben@office.lan>
MAID:1
SCF:#imap/office/Sent
X-Claws-End-Special-Headers: 1
"""
# A line of --status: new, unread and all letters of a mailbox.
STATUS = re.compile(r"^ *\d+ +(\d+) +(\d+) +#imap/office/(\S+)$", re.MULTILINE)


class Claws:
    """A home with settings and the running program, which takes commands by starting it again."""

    def __init__(self, simulator, relay, display, home):
        self.home = home
        settings = home / ".claws-mail"
        settings.mkdir(parents=True)
        for name in ("inbox", "queue", "sent", "draft", "trash"):
            (home / "Mail" / name).mkdir(parents=True)
        account = ACCOUNT.format(imap=relay, simulator=simulator, port=simulator.ports["smtp"])
        passwords = f"[account:1]\nrecv {PASSWORDS['anna']}\nsend {PASSWORDS['anna']}\n"
        files = {
            "accountrc": account,
            "passwordstorerc": passwords,
            "folderlist.xml": FOLDERS,
            "matcherrc": RULES,
            "clawsrc": SETTINGS,
        }
        for name, text in files.items():
            (settings / name).write_text(text)
        # Nothing of it outside its home, and no session bus.
        self.environment = {
            "DISPLAY": display.name,
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "NO_AT_BRIDGE": "1",
            "TMPDIR": str(home),
            "XDG_RUNTIME_DIR": str(home),
        }
        self.program = Background(["claws-mail"], home, self.environment)

    def tell(self, *command):
        """Gives the running program a command; returns what it says."""
        environment = [f"{name}={value}" for name, value in self.environment.items()]
        return run(["env", *environment, "claws-mail", *command], self.home).stdout.decode()

    def listens(self):
        """True once it takes commands: it has made a socket for them."""
        return any(path.is_socket() for path in self.home.rglob("*"))

    def counts(self):
        """The unread and all letters of each mailbox, as it knows them."""
        return {name: (int(unread), int(total)) for unread, total, name in STATUS.findall(self.tell("--status-full"))}

    def receive(self):
        self.tell("--receive-all")


@pytest.fixture
def office(request, start_simulator, tmp_path):
    """The simulator, with the settings of the parameter if there is one, the relay and the running program."""
    simulator = start_simulator(settings=getattr(request, "param", {}))
    with Relay(simulator) as relay, Display(tmp_path) as display:
        claws = Claws(simulator, relay, display, tmp_path / "home")
        with claws.program:
            claws.program.wait_for("its control socket", claws.listens)
            yield simulator, relay, claws
            claws.tell("--exit")
            assert claws.program.wait() == 0


def holds(simulator, mailbox, *criteria):
    with mail.imap_session(simulator, mailbox=mailbox) as imap:
        return [mail.fetch(imap, uid) for uid in mail.uids(imap, *criteria)]


def test_letters_come_in_and_rules_are_applied(office):
    simulator, relay, claws = office
    subjects = ("To be moved", "To be deleted", "To be copied", "To be read", "Left alone")
    sent = [letters.text_letter(number, 2000, subject.encode()) for number, subject in enumerate(subjects)]
    for letter in [*sent, letters.html_with_png(), letters.utf8_headers(), letters.pdf_attachment(200_000)]:
        mail.send(simulator, letter)
    claws.receive()
    wait_until("the rules", lambda: len(holds(simulator, "Archive")) == 2, PATIENCE)
    wait_until("its own count", lambda: claws.counts()["Archive"] == (2, 2), PATIENCE)
    assert claws.counts() == {"INBOX": (5, 6), "Archive": (2, 2), "Trash": (0, 1), "Sent": (0, 0), "Drafts": (0, 0)}
    assert sorted(strip_trace(letter) for letter in holds(simulator, "Archive")) == sorted([sent[0], sent[2]])
    [deleted] = holds(simulator, "Trash")
    assert_same(deleted, sent[1])
    assert [strip_trace(letter) for letter in holds(simulator, "INBOX", "FLAGGED")] == [sent[2]]
    assert [strip_trace(letter) for letter in holds(simulator, "INBOX", "SEEN")] == [sent[3]]
    # The second time there is nothing to fetch.
    relay.forget()
    claws.receive()
    wait_until("STATUS", lambda: b"STATUS Archive" in relay.sent(), PATIENCE)
    assert b"BODY" not in relay.sent()


def test_a_queued_letter_is_sent_and_stored_in_sent(office):
    send_from_the_queue(office, letters.html_with_png())


# It does not know UTF8=ACCEPT (RFC 6855 4): docs/clients.md tells what to set for such a user.
@pytest.mark.parametrize("office", [{"imap_capabilities_off": "anna:utf8=accept"}], indirect=True)
def test_a_letter_with_an_eight_bit_header_is_stored_where_utf8_accept_is_switched_off(office):
    send_from_the_queue(office, letters.utf8_headers())


def send_from_the_queue(office, letter):
    simulator, relay, claws = office
    (claws.home / "Mail" / "queue" / "1").write_bytes(QUEUED % simulator.host.encode() + letter.replace(b"\r\n", b"\n"))
    claws.tell("--send")
    wait_until("the stored letter", lambda: len(holds(simulator, "Sent")) == 1, PATIENCE)
    [stored] = holds(simulator, "Sent", "SEEN")
    [arrived] = mail.all_letters(simulator, "ben")
    assert_same(arrived, letter)
    # This version leaves the fields of its queue in what it stores; the server keeps it as it came.
    assert b"{%d}\r\n%s\r\n" % (len(stored), stored) in relay.sent()
    assert stored.endswith(letter)
