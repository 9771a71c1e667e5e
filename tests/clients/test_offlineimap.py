"""OfflineIMAP: letters, flags, deletions and new mailboxes in both directions; a second run transfers nothing."""

import mailbox
import re

import pytest

from tests.clients.relay import Relay
from tests.support import letters, mail
from tests.support.programs import run
from tests.support.simulator import PASSWORDS
from tests.support.trace import digest, strip_trace, with_crlf

SETTINGS = """
[general]
accounts = office
metadata = {home}/metadata
ui = basic

[Account office]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {home}/Mail

[Repository far]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = anna
remotepass = {password}
ssl = no
starttls = no
"""
# What OfflineIMAP adds to a letter that it sends up, to find its UID again.
MARK = re.compile(rb"^X-OfflineIMAP: [^\r\n]*\r\n", re.MULTILINE)
TRANSFERS = re.compile(rb"\r\n\w+ (?:UID )?(?:APPEND|STORE|EXPUNGE|CREATE|DELETE|FETCH \S+ [^\r\n]*BODY)")


def as_sent(copy):
    return strip_trace(MARK.sub(b"", with_crlf(copy), count=1))


class OfflineImap:
    """A mail folder kept in step with anna's mailboxes by way of a relay."""

    def __init__(self, relay, home):
        home.mkdir()
        self.relay, self.home = relay, home
        (home / "offlineimaprc").write_text(
            SETTINGS.format(home=home, host=relay.host, port=relay.port, password=PASSWORDS["anna"])
        )

    def sync(self):
        """One run; returns the commands that transferred something."""
        self.relay.forget()
        run(["offlineimap", "-o", "-c", str(self.home / "offlineimaprc")], self.home)
        sent = self.relay.sent()
        assert b" SELECT INBOX\r\n" in sent
        return TRANSFERS.findall(sent)

    def folder(self, name):
        return mailbox.Maildir(self.home / "Mail" / name, factory=None, create=True)

    def letters(self, name):
        """The letters of a folder, by digest of what was sent, with their flags."""
        folder = self.folder(name)
        return sorted((digest(as_sent(folder.get_bytes(key))), folder[key].get_flags()) for key in folder.iterkeys())


@pytest.fixture
def kept(simulator, tmp_path):
    """An INBOX with three letters, in step with a new mail folder."""
    for name in ("INBOX", "Archive"):
        mail.empty(simulator, mailbox=name)
    with mail.imap_session(simulator, mailbox=None) as imap:
        # NO when it is not there.
        imap.delete("Garden")
    for number in (1, 2, 3):
        mail.send(simulator, letters.text_letter(number, 2000))
    with Relay(simulator) as relay:
        offlineimap = OfflineImap(relay, tmp_path / "home")
        assert len(offlineimap.sync()) == 3
        yield offlineimap


def test_new_mail_comes_down_whole(simulator, configuration, kept):
    sent = list(letters.kinds(configuration.attachment_size).values())
    for letter in sent:
        mail.send(simulator, letter)
    assert len(kept.sync()) == len(sent)
    all_sent = [letters.text_letter(number, 2000) for number in (1, 2, 3)] + [with_crlf(letter) for letter in sent]
    assert kept.letters("INBOX") == sorted((digest(letter), "") for letter in all_sent)
    assert kept.sync() == []


def test_flags_and_deletions_both_ways(simulator, kept):
    names = [digest(letters.text_letter(number, 2000)) for number in (1, 2, 3)]
    folder = kept.folder("INBOX")
    keys = {digest(as_sent(folder.get_bytes(key))): key for key in folder.iterkeys()}
    message = folder[keys[names[0]]]
    message.set_subdir("cur")
    message.set_flags("RS")
    folder[keys[names[0]]] = message
    with mail.imap_session(simulator) as imap:
        mail.ok(imap.uid("STORE", mail.uids(imap)[1].decode(), "+FLAGS", r"(\Flagged)"))
        mail.ok(imap.uid("STORE", mail.uids(imap)[2].decode(), "+FLAGS", r"(\Deleted)"))
        mail.ok(imap.expunge())
    kept.sync()
    assert kept.letters("INBOX") == sorted([(names[0], "RS"), (names[1], "F")])
    with mail.imap_session(simulator) as imap:
        [answered] = mail.uids(imap, "ANSWERED", "SEEN")
        assert strip_trace(mail.fetch(imap, answered)) == letters.text_letter(1, 2000)
    folder.remove(next(key for key in folder.iterkeys() if folder[key].get_flags() == "F"))
    kept.sync()
    [left] = mail.all_letters(simulator)
    assert strip_trace(left) == letters.text_letter(1, 2000)
    assert kept.sync() == []


def test_a_new_mailbox_and_a_moved_letter_go_up(simulator, kept):
    inbox = kept.folder("INBOX")
    key = sorted(inbox.iterkeys())[0]
    moved = as_sent(inbox.get_bytes(key))
    kept.folder("Garden").add(inbox[key])
    inbox.remove(key)
    kept.folder("Archive").add(letters.text_letter(4, 2000).replace(b"\r\n", b"\n"))
    kept.sync()
    assert len(mail.all_letters(simulator)) == 2
    assert [as_sent(out) for out in mail.all_letters(simulator, mailbox="Garden")] == [moved]
    assert [as_sent(out) for out in mail.all_letters(simulator, mailbox="Archive")] == [letters.text_letter(4, 2000)]
    assert kept.sync() == []
