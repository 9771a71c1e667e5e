"""Thunderbird under Xvfb: it sets up the account, shows, moves, deletes and flags letters, and writes some.

Screenshots and the conversations with the server are kept in `.cache/thunderbird`.
"""

import email
import email.policy
import re
import shutil
import time

import pytest

from tests.clients.display import Display
from tests.clients.relay import Relay
from tests.clients.thunderbird import OUTPUT, Thunderbird
from tests.support import letters, mail
from tests.support.simulator import PASSWORDS, Simulator, wait_until
from tests.support.trace import assert_same, strip_trace

# Seconds for something to arrive on the server: a bound, not a measurement.
PATIENCE = 30
# A piece of a letter that Thunderbird asks for.
PIECE = re.compile(rb"BODY\[\]<(\d+)\.(\d+)>")


class Office:
    """The server with Thunderbird before it, connected by way of relays, which record what both say."""

    def __init__(self, simulator, thunderbird, imap, smtp):
        self.simulator, self.thunderbird, self.imap, self.smtp = simulator, thunderbird, imap, smtp

    def holds(self, mailbox, *criteria):
        """The letters of a mailbox on the server that match, whole."""
        with mail.imap_session(self.simulator, mailbox=mailbox) as imap:
            return [mail.fetch(imap, uid) for uid in mail.uids(imap, *criteria)]

    def count(self, mailbox, *criteria):
        with mail.imap_session(self.simulator, mailbox=mailbox) as imap:
            return len(mail.uids(imap, *criteria))

    def wait_for(self, count, mailbox, *criteria):
        """Waits until the server has as many letters that match; returns them."""
        wait_until(f"{count} in {mailbox}", lambda: self.count(mailbox, *criteria) == count, PATIENCE)
        return self.holds(mailbox, *criteria)

    def wait_for_idle(self):
        """Waits until a connection with INBOX selected is in IDLE, and nothing has been said for a second."""
        quiet = Quiet(self.imap)
        wait_until("IDLE in INBOX", quiet.holds, PATIENCE)

    def deliver(self, number, subject):
        """A letter of a few KB to anna, for which Thunderbird is told to look; returns it when it is in the list."""
        letter = self.send(number, subject)
        self.thunderbird.run('await openFolder("Inbox"); getMessages(); await appears(args[0]);', f"{subject} {number}")
        return letter

    def send(self, number, subject):
        letter = letters.text_letter(number, 3000, subject.encode())
        mail.send(self.simulator, letter)
        return letter


class Quiet:
    """Looks whether the connection that has INBOX selected is in IDLE, and all are silent for a while.

    Thunderbird overlooks EXISTS in answers to other commands, until it looks again by itself.
    """

    # Seconds.
    SILENCE = 1

    def __init__(self, relay):
        self.relay = relay
        self.last, self.since = None, 0.0

    def holds(self):
        sent = self.relay.sent_by_each()
        if sent != self.last:
            self.last, self.since = sent, time.monotonic()
        return any(map(idles, sent)) and time.monotonic() - self.since >= self.SILENCE


def idles(sent):
    """True if the last that was selected is INBOX, and the last command IDLE."""
    selected = sent.rpartition(b' select "')[2]
    return selected.startswith(b'INBOX"') and selected.endswith(b" IDLE\r\n")


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """An account that has been set up, with three letters in INBOX."""
    folder = tmp_path_factory.mktemp("thunderbird")
    (folder / "simulator").mkdir()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    with (
        Simulator(folder / "simulator") as simulator,
        Relay(simulator) as imap,
        Relay(simulator, "smtp") as smtp,
        Display(folder) as display,
    ):
        for letter in (letters.plain(), letters.html_with_png(), letters.utf8_headers()):
            mail.send(simulator, letter)
        thunderbird = Thunderbird(folder, display)
        try:
            thunderbird.start()
            thunderbird.set_up_account("Anna Example", "anna@office.lan", PASSWORDS["anna"], imap.port, smtp.port)
            yield Office(simulator, thunderbird, imap, smtp)
            thunderbird.stop()
        finally:
            thunderbird.kill()
            imap.save(OUTPUT / "imap.txt")
            smtp.save(OUTPUT / "smtp.txt")


def test_the_account_and_its_folders(office):
    account = office.thunderbird.run(
        """
        const server = account().incomingServer;
        const flags = Ci.nsMsgFolderFlags;
        await openFolder("Inbox");
        return {
            login: [server.username, server.hostname, server.socketType, server.authMethod],
            folders: root().subFolders.map(folder => folder.localizedName).sort(),
            special: ["Inbox", "Drafts", "SentMail", "Archive", "Junk", "Trash"].map(
                name => root().getFolderWithFlags(flags[name])?.URI.split("/").pop()
            ),
        };
        """
    )
    office.thunderbird.screenshot("folders")
    # No encryption, password in clear: what the server says it has, found by probing.
    assert account["login"] == ["anna@office.lan", "postino.office.lan", 0, 3]
    assert account["folders"] == ["Archives", "Drafts", "Inbox", "Sent", "Spam", "Trash"]
    assert account["special"] == ["INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash"]


def test_letters_are_shown(office):
    shown = office.thunderbird.run(
        """
        await openFolder("Inbox");
        await until("three letters", () => headers().length == 3);
        const list = headers().map(header => [header.mime2DecodedSubject, header.mime2DecodedAuthor]);
        await openLetter("A plain letter");
        const text = body();
        await openLetter("HTML with a picture");
        const pictures = Array.from(reader().getMessagePaneBrowser().contentDocument.images);
        await until("the picture", () => pictures.every(picture => picture.complete));
        return { list, text, widths: pictures.map(picture => picture.naturalWidth) };
        """
    )
    office.thunderbird.screenshot("letter")
    author = "Clara Example <clara@office.lan>"
    assert sorted(shown["list"]) == [
        ["A plain letter", author],
        ["HTML with a picture", author],
        ["Prüfung der Lüftung, 確認", author],
    ]
    assert shown["text"].endswith("Dear Anna,\n\nthe boiler is repaired.\n\nClara")
    assert shown["widths"] == [64]
    office.wait_for(2, "INBOX", "SEEN")


def test_new_mail_is_told_in_idle(office):
    office.thunderbird.run('await openFolder("Inbox");')
    office.wait_for_idle()
    letter = letters.pdf_attachment(300_000)
    mail.send(office.simulator, letter)
    attachments = office.thunderbird.run(
        """
        await openLetter("A large attachment");
        await until("the attachment", () => reader().currentAttachments.length);
        return reader().currentAttachments.map(each => [each.name, each.size, each.contentType]);
        """
    )
    office.thunderbird.screenshot("attachment")
    assert attachments == [["report.pdf", 300_000, "application/pdf"]]


def test_new_mail_just_before_idle(office):
    """It has come when the server hears of IDLE: the client must not wait for yet another letter to see it."""
    office.thunderbird.run('await openFolder("Inbox");')
    office.wait_for_idle()
    office.imap.before(b" IDLE\r\n", lambda: office.send(10, "Just before IDLE"))
    office.send(11, "In IDLE")
    office.thunderbird.run('await appears("In IDLE 11"); await appears("Just before IDLE 10");')


def test_a_letter_is_moved_to_a_new_folder(office):
    letter = office.deliver(1, "To be moved")
    office.thunderbird.run(
        """
        await openLetter("To be moved 1");
        root().createSubfolder("Größe", null);
        const target = await until("the new folder", () => folderAt("Größe"));
        command("cmd_moveMessage", target);
        await vanishes("To be moved 1");
        await openFolder("Größe");
        await openLetter("To be moved 1");
        """
    )
    office.thunderbird.screenshot("moved")
    [moved] = office.wait_for(1, '"Gr&APYA3w-e"')
    assert_same(moved, letter)
    office.wait_for(0, "INBOX", "SUBJECT", '"To be moved"')


def test_a_letter_is_deleted_and_the_bin_emptied(office):
    letter = office.deliver(2, "To be deleted")
    office.thunderbird.run(
        """
        await openLetter("To be deleted 2");
        command("cmd_delete");
        await vanishes("To be deleted 2");
        await openFolder("Trash");
        await openLetter("To be deleted 2");
        """
    )
    office.thunderbird.screenshot("deleted")
    [deleted] = office.wait_for(1, "Trash")
    assert_same(deleted, letter)
    office.wait_for(0, "INBOX", "SUBJECT", '"To be deleted"')
    office.thunderbird.run("root().emptyTrash(null);")
    office.wait_for(0, "Trash")


def test_a_letter_is_sent_and_stored_in_sent(office):
    office.thunderbird.write("Ben Example <ben@office.lan>, anna@office.lan", "Grüße, 確認", "Äöü.\n.\nEnde.\n")
    office.thunderbird.screenshot_of_compose("compose")
    office.thunderbird.run(
        """
        await sendAndClose();
        await openFolder("Sent");
        await openLetter("Grüße, 確認");
        """
    )
    office.thunderbird.screenshot("sent")
    [stored] = office.wait_for(1, "Sent", "SEEN")
    arrived = [*mail.all_letters(office.simulator, "ben"), *office.wait_for(1, "INBOX", "SUBJECT", "Gr")]
    assert len(arrived) == 2
    for each in arrived:
        assert strip_trace(each) == stored
    letter = email.message_from_bytes(stored, policy=email.policy.default)
    assert (letter["Subject"], letter["From"]) == ("Grüße, 確認", "Anna Example <anna@office.lan>")
    assert letter.get_content().rstrip() == "Äöü.\r\n.\r\nEnde."


def test_a_reply_by_way_of_a_draft(office):
    office.deliver(3, "To be answered")
    office.thunderbird.run(
        """
        await openLetter("To be answered 3");
        command("cmd_reply");
        const compose = await composeReady();
        compose.goDoCommand("cmd_saveAsDraft");
        await openFolder("Drafts");
        await appears("Re: To be answered 3");
        """
    )
    office.wait_for(1, "Drafts", "DRAFT")
    office.thunderbird.run('await sendAndClose(); await vanishes("Re: To be answered 3");')
    # The draft is gone, the reply is stored, and what it answers is marked.
    office.wait_for(0, "Drafts")
    office.wait_for(1, "Sent", "SUBJECT", '"To be answered"')
    office.wait_for(1, "INBOX", "ANSWERED", "SUBJECT", '"To be answered"')


def test_star_tag_junk_and_archive(office):
    for number, subject in enumerate(("Starred", "Unwanted", "Archived"), 4):
        office.deliver(number, subject)
    office.thunderbird.run(
        """
        await openLetter("Starred 4");
        command("cmd_markAsFlagged");
        command("cmd_tag1");
        await openLetter("Unwanted 5");
        command("cmd_markAsJunk");
        await openLetter("Archived 6");
        command("cmd_archive");
        await vanishes("Archived 6");
        """
    )
    office.thunderbird.screenshot("starred")
    office.wait_for(1, "INBOX", "FLAGGED", "KEYWORD", "$label1", "SUBJECT", "Starred")
    office.wait_for(1, "INBOX", "KEYWORD", "Junk", "UNKEYWORD", "NonJunk", "SUBJECT", "Unwanted")
    # By year, in a mailbox that Thunderbird makes.
    office.wait_for(1, "Archive/2026", "SUBJECT", "Archived")


def test_what_others_change_is_shown(office):
    office.deliver(7, "Changed elsewhere")
    office.deliver(8, "Removed elsewhere")
    with mail.imap_session(office.simulator) as imap:
        office.wait_for_idle()
        [changed] = mail.uids(imap, "SUBJECT", '"Changed elsewhere"')
        mail.ok(imap.uid("STORE", changed.decode(), "+FLAGS", r"(\Flagged \Seen)"))
        office.thunderbird.run(
            """
            const changed = () => headers().find(header => title(header) == "Changed elsewhere 7");
            await until("the star", () => changed().isFlagged && changed().isRead);
            """
        )
        office.wait_for_idle()
        [removed] = mail.uids(imap, "SUBJECT", '"Removed elsewhere"')
        mail.ok(imap.uid("STORE", removed.decode(), "+FLAGS.SILENT", r"(\Deleted)"))
        office.wait_for_idle()
        mail.ok(imap.expunge())
        office.thunderbird.run('await vanishes("Removed elsewhere 8");')


def test_a_large_letter_is_read_in_pieces(office):
    """Where no copy is kept on the computer, a large letter is fetched when it is read, in growing pieces."""
    keep_copies = """
        account().incomingServer.QueryInterface(Ci.nsIImapIncomingServer).offlineDownload = args[0];
        folderAt("Inbox")[args[0] ? "setFlag" : "clearFlag"](Ci.nsMsgFolderFlags.Offline);
    """
    office.thunderbird.run(keep_copies, False)
    office.imap.forget()
    letter = letters.pdf_attachment(1_000_000).replace(b"A large attachment", b"A larger attachment")
    mail.send(office.simulator, letter)
    attachments = office.thunderbird.run(
        """
        await openFolder("Inbox");
        getMessages();
        await openLetter("A larger attachment");
        await until("the attachment", () => reader().currentAttachments.length);
        return reader().currentAttachments.map(each => [each.name, each.size]);
        """
    )
    assert attachments == [["report.pdf", 1_000_000]]
    pieces = [(int(at), int(size)) for at, size in PIECE.findall(office.imap.sent())]
    assert len(pieces) > 10
    # One after the other, none twice, up to the end.
    assert [at for at, _ in pieces[1:]] == [at + size for at, size in pieces[:-1]]
    assert pieces[0][0] == 0 and sum(pieces[-1]) >= len(letter)
    office.thunderbird.run(keep_copies, True)


def test_a_second_start_fetches_no_letter_again(office):
    office.thunderbird.run('await openFolder("Inbox");')
    before = office.thunderbird.subjects()
    office.thunderbird.stop()
    office.imap.forget()
    office.thunderbird.start()
    office.thunderbird.run('await openFolder("Inbox"); await openLetter("A plain letter");')
    new = office.deliver(9, "After the second start")
    office.thunderbird.run('await openLetter("After the second start 9");')
    office.thunderbird.screenshot("second-start")
    after = office.thunderbird.subjects()
    assert sorted(after) == sorted([*before, "After the second start 9"])
    assert office.imap.received().count(b"BODY[]") == 1
    assert new.split(b"\r\n\r\n", 1)[1] in office.imap.received()
