"""mbsync with 500 letters in several folders: both sides change, the server starts anew, and both agree again."""

import imaplib
import re

from tests.clients.mbsync import NOTHING, Mbsync, as_sent
from tests.clients.relay import Relay
from tests.support import letters, mail
from tests.support.trace import digest

# Letters at the beginning, by where they lie: on the server (by SMTP and by APPEND) and in the mail folder.
DELIVERED, APPENDED, LOCAL_INBOX, LOCAL_WORK = 250, 50, 150, 50
WORK = "Work/Plans 2026"
SIZE = 1500
# The flags of Maildir in the order that its file names have them.
FLAGS = {rb"\Draft": "D", rb"\Flagged": "F", rb"\Answered": "R", rb"\Seen": "S"}
TRANSFERS = re.compile(
    rb"\r\n\d+ (?:UID )?(?:APPEND|STORE|EXPUNGE|COPY|MOVE|CREATE|DELETE|FETCH \S+ [^\r\n]*BODY)[^\r\n]*"
)


def letter(number):
    return letters.text_letter(number, SIZE)


def name_of(number):
    return digest(letter(number))


def server_side(simulator, names):
    """For each mailbox the letters by digest, with their flags in Maildir's form, and UIDVALIDITY."""
    contents, validity = {}, {}
    with mail.imap_session(simulator, mailbox=None) as imap:
        for name in names:
            mail.ok(imap.select(f'"{name}"', readonly=True))
            validity[name] = imap.untagged_responses["UIDVALIDITY"][0]
            contents[name] = sorted(letters_of(imap))
    return contents, validity


def letters_of(imap):
    """The letters of the selected mailbox, 50 at a time, as (digest, flags)."""
    uids = mail.uids(imap)
    for start in range(0, len(uids), 50):
        some = b",".join(uids[start : start + 50]).decode()
        for item in mail.ok(imap.uid("FETCH", some, "(FLAGS BODY.PEEK[])")):
            if isinstance(item, tuple):
                flags = imaplib.ParseFlags(item[0])
                yield digest(as_sent(item[1])), "".join(FLAGS.get(flag, "") for flag in FLAGS if flag in flags)


def local_side(mbsync, names):
    """The same of the mail folder."""
    contents = {}
    for name in names:
        folder = mbsync.folder(name)
        contents[name] = sorted(
            (digest(as_sent(folder.get_bytes(key))), "".join(sorted(folder[key].get_flags())))
            for key in folder.iterkeys()
        )
    return contents


def add_local(mbsync, name, numbers):
    """New letters in a folder; every third is read, every fifth flagged too."""
    folder = mbsync.folder(name)
    for number in numbers:
        key = folder.add(letter(number).replace(b"\r\n", b"\n"))
        set_flags(folder, key, "S" * (number % 3 == 0) + "F" * (number % 5 == 0))


def set_flags(folder, key, flags):
    message = folder[key]
    message.set_subdir("cur")
    message.set_flags("".join(sorted(flags)))
    folder[key] = message


def keys_by_digest(folder):
    return {digest(as_sent(folder.get_bytes(key))): key for key in folder.iterkeys()}


def uids_by_subject(imap, numbers):
    """The UIDs of these letters in the selected mailbox, as a set for commands."""
    found = {}
    for line in mail.ok(imap.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")):
        if isinstance(line, tuple):
            uid = re.search(rb"UID (\d+)", line[0])
            number = re.search(rb"Letter (\d+)", line[1])
            assert uid is not None and number is not None
            found[int(number[1])] = uid[1].decode()
    return ",".join(found[number] for number in numbers)


def fill_both_sides(simulator, mbsync):
    """Letters 0 to 249 come by SMTP, 250 to 299 lie in the archive, 300 to 449 and 450 to 499 in the mail folder."""
    first = 0
    with mail.smtp_session(simulator) as smtp:
        for number in range(first, first + DELIVERED):
            mail.send_in(smtp, letter(number))
    first += DELIVERED
    with mail.imap_session(simulator, mailbox=None) as imap:
        for number in range(first, first + APPENDED):
            mail.ok(imap.append("Archive", r"(\Seen \Answered)" if number % 2 else None, None, letter(number)))
    first += APPENDED
    add_local(mbsync, "INBOX", range(first, first + LOCAL_INBOX))
    first += LOCAL_INBOX
    add_local(mbsync, WORK, range(first, first + LOCAL_WORK))
    assert first + LOCAL_WORK == 500


def change_the_server_side(simulator):
    with mail.imap_session(simulator) as imap:
        mail.ok(imap.uid("STORE", uids_by_subject(imap, range(20)), "+FLAGS", r"(\Flagged)"))
        mail.ok(imap.uid("MOVE", uids_by_subject(imap, range(20, 50)), f'"{WORK}"'))
        mail.ok(imap.uid("STORE", uids_by_subject(imap, range(50, 60)), "+FLAGS", r"(\Deleted)"))
        mail.ok(imap.expunge())
        mail.ok(imap.create("Invoices"))
        mail.ok(imap.uid("COPY", uids_by_subject(imap, range(60, 65)), "Invoices"))
    with mail.smtp_session(simulator) as smtp:
        for number in range(500, 510):
            mail.send_in(smtp, letter(number))


def change_the_local_side(mbsync):
    inbox = mbsync.folder("INBOX")
    keys = keys_by_digest(inbox)
    # 10 to 19 are flagged on the server at the same time: both marks must remain.
    for number in range(10, 20):
        set_flags(inbox, keys[name_of(number)], "RS")
    archive = mbsync.folder("Archive")
    for number in range(300, 330):
        key = keys[name_of(number)]
        archive.add(inbox[key])
        inbox.remove(key)
    for number in range(330, 340):
        inbox.remove(keys[name_of(number)])
    # 450 is read, as every third: what was set is taken away.
    work = mbsync.folder(WORK)
    set_flags(work, keys_by_digest(work)[name_of(450)], "")
    add_local(mbsync, "Drafts", range(510, 515))
    add_local(mbsync, "Garden", range(515, 520))


def test_five_hundred_letters_two_ways(start_simulator, tmp_path):
    simulator = start_simulator()
    with Relay(simulator) as relay:
        mbsync = Mbsync(relay.host, relay.port, tmp_path / "home")
        fill_both_sides(simulator, mbsync)
        added = mbsync.sync()
        assert (added[0], added[3]) == (LOCAL_INBOX + LOCAL_WORK, DELIVERED + APPENDED)
        assert len(TRANSFERS.findall(relay.sent())) >= 500
        relay.forget()
        assert mbsync.sync() == NOTHING
        assert TRANSFERS.findall(relay.sent()) == []
    names = ["INBOX", "Archive", "Drafts", WORK]
    there, validity = server_side(simulator, names)
    assert there == local_side(mbsync, names)
    assert [len(there[name]) for name in names] == [400, 50, 0, 50]

    change_the_server_side(simulator)
    change_the_local_side(mbsync)
    simulator.stop()
    simulator.start()
    with Relay(simulator) as relay:
        mbsync.connect_to(relay.host, relay.port)
        # Up: 30 moved and 10 new letters; changed flags: 10, one taken away, \Deleted of 30 moved and 10 deleted.
        # Down: 30 moved, 5 copied and 10 new letters; changed flags: 20, \Deleted of 30 moved and 10 deleted.
        assert mbsync.sync() == (40, 51, 0, 45, 60, 0)
        relay.forget()
        assert mbsync.sync() == NOTHING
        assert TRANSFERS.findall(relay.sent()) == []
    names += ["Invoices", "Garden"]
    there, new_validity = server_side(simulator, names)
    assert {name: new_validity[name] for name in validity} == validity
    assert there == local_side(mbsync, names)
    assert [len(there[name]) for name in names] == [330, 80, 5, 80, 5, 5]
    flags = dict(there["INBOX"])
    assert [flags[name_of(number)] for number in (0, 9, 10, 19, 65)] == ["F", "F", "FRS", "FRS", ""]
    assert dict(there[WORK])[name_of(450)] == ""
