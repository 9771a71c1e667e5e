"""mbsync (isync), which trusts UIDs and flags to the letter: both directions, and a second run transfers nothing."""

import pytest

from tests.clients.mbsync import NOTHING, Mbsync, as_sent
from tests.support import letters, mail
from tests.support.trace import digest, with_crlf

NEW_FOLDER = "Garden plans"


@pytest.fixture
def kept(simulator, tmp_path):
    """An INBOX with three letters, in step with a new mail folder."""
    for name in ("INBOX", "Archive"):
        mail.empty(simulator, mailbox=name)
    with mail.imap_session(simulator, mailbox=None) as imap:
        # NO when it is not there.
        imap.delete(f'"{NEW_FOLDER}"')
    for number in (1, 2, 3):
        mail.send(simulator, letters.text_letter(number, 3000 * number))
    mbsync = Mbsync(simulator.host, simulator.ports["imap"], tmp_path / "home")
    assert mbsync.sync()[3] == 3
    return mbsync


def test_new_mail_comes_down_whole(simulator, configuration, tmp_path):
    mail.empty(simulator)
    sent = list(letters.kinds(configuration.attachment_size).values())
    for letter in sent:
        mail.send(simulator, letter)
    mbsync = Mbsync(simulator.host, simulator.ports["imap"], tmp_path / "home")
    mbsync.sync()
    assert mbsync.digests("INBOX") == sorted(digest(with_crlf(letter)) for letter in sent)
    assert mbsync.sync() == NOTHING


def test_a_flag_goes_up(simulator, kept):
    folder = kept.folder("INBOX")
    key = sorted(folder.iterkeys())[0]
    message_id = folder[key]["Message-ID"]
    letter = folder[key]
    letter.set_subdir("cur")
    letter.set_flags("FRS")
    folder[key] = letter
    kept.sync()
    with mail.imap_session(simulator) as imap:
        [uid] = mail.uids(imap, "HEADER", "Message-ID", f'"{message_id}"')
        [flags] = mail.ok(imap.uid("FETCH", uid.decode(), "(FLAGS)"))
        for flag in (rb"\Flagged", rb"\Answered", rb"\Seen"):
            assert flag in flags
    assert kept.sync() == NOTHING


def test_a_flag_and_a_deletion_come_down(simulator, kept):
    with mail.imap_session(simulator) as imap:
        uids = mail.uids(imap)
        mail.ok(imap.uid("STORE", uids[0].decode(), "+FLAGS", r"(\Flagged)"))
        mail.ok(imap.uid("STORE", uids[1].decode(), "+FLAGS", r"(\Deleted)"))
        mail.ok(imap.expunge())
    kept.sync()
    folder = kept.folder("INBOX")
    assert len(folder) == 2
    assert sum("F" in letter.get_flags() for letter in folder) == 1
    assert kept.sync() == NOTHING


def test_a_new_folder_and_a_moved_letter_go_up(simulator, kept):
    inbox, target = kept.folder("INBOX"), kept.folder(NEW_FOLDER)
    key = sorted(inbox.iterkeys())[0]
    moved = inbox.get_bytes(key)
    target.add(inbox[key])
    inbox.remove(key)
    kept.sync()
    with mail.imap_session(simulator, mailbox=None) as imap:
        assert any(NEW_FOLDER.encode() in line for line in mail.ok(imap.list()))
        mail.ok(imap.select(f'"{NEW_FOLDER}"'))
        [uid] = mail.uids(imap)
        assert as_sent(mail.fetch(imap, uid)) == as_sent(moved)
        mail.ok(imap.select("INBOX"))
        assert len(mail.uids(imap)) == 2
    assert kept.sync() == NOTHING


def test_a_letter_moved_to_a_folder_of_the_server(simulator, kept):
    inbox, archive = kept.folder("INBOX"), kept.folder("Archive")
    key = sorted(inbox.iterkeys())[-1]
    archive.add(inbox[key])
    inbox.remove(key)
    kept.sync()
    assert len(mail.all_letters(simulator)) == 2
    assert len(mail.all_letters(simulator, mailbox="Archive")) == 1
    assert kept.sync() == NOTHING


def test_new_mail_between_two_runs(simulator, kept):
    new = letters.text_letter(9, 5000)
    mail.send(simulator, new)
    counters = kept.sync()
    assert counters[3] == 1
    assert digest(new) in kept.digests("INBOX")
    assert kept.sync() == NOTHING
