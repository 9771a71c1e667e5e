"""mutt and NeoMutt: they send by SMTP, and read, search, save, flag and move by IMAP."""

import email
import email.policy
import mailbox
import re

import pytest

from tests.clients.relay import Relay
from tests.support import letters, mail
from tests.support.programs import run, run_on_terminal
from tests.support.simulator import PASSWORDS
from tests.support.trace import digest, strip_trace, with_crlf

# What they add at the end of the header of a letter that they save.
ADDED = re.compile(rb"(?:(?:Status|Content-Length|Lines): [^\r\n]*\r\n)+(?=\r\n)")
NEW_FOLDER, RENAMED_FOLDER = "Größe", "Garten/Pläne"
SETTINGS = """
set from=clara@office.lan
set realname="Clara Example"
set smtp_url=smtp://{host}:{smtp}
set folder=imap://{imap_host}:{imap}
set imap_user=anna
set imap_pass="{password}"
set imap_authenticators=login
set ssl_starttls=no
set ssl_force_tls=no
set copy=no
set spoolfile=+INBOX
set mbox_type=Maildir
set confirmcreate=no
set confirmappend=no
set quit=yes
set wait_key=no
set use_domain=no
set hostname=client.office.lan
set delete=yes
set mark_old=no
set sleep_time=0
set move=no
set charset=utf-8
{more}
"""
NO_CACHE = "set header_cache=''"


@pytest.fixture(params=["mutt", "neomutt"])
def program(request):
    return request.param


class Mutt:
    """A home with settings for one of the two programs; IMAP goes by way of `relay` if there is one."""

    def __init__(self, program, simulator, home, more=NO_CACHE, relay=None):
        home.mkdir()
        self.home = home
        self.command = [program, "-F", str(home / "muttrc")]
        imap = relay or simulator
        (home / "muttrc").write_text(
            SETTINGS.format(
                host=simulator.host,
                smtp=simulator.ports["smtp"],
                imap_host=imap.host,
                imap=relay.port if relay else simulator.ports["imap"],
                password=PASSWORDS["anna"],
                more=more,
            )
        )

    def send(self, *arguments, **options):
        return run([*self.command, *arguments], self.home, **options)

    def read_folder(self, keys, folder="INBOX"):
        """Opens a mailbox and pushes keys, which end with leaving it."""
        return run_on_terminal([*self.command, "-f", f"+{folder}", "-e", f"push '{keys}'"], self.home)

    def saved(self, name):
        """The letters saved in a folder of the home, by digest of what was sent, sorted."""
        folder = mailbox.Maildir(self.home / name, factory=None, create=False)
        return sorted(digest(as_sent(folder.get_bytes(key))) for key in folder.iterkeys())


def as_sent(saved):
    """A letter that was saved, without the program's additions and the trace fields."""
    return strip_trace(ADDED.sub(b"", with_crlf(saved), count=1))


def test_send_a_letter_with_an_attachment(simulator, program, tmp_path):
    mail.empty(simulator)
    mutt = Mutt(program, simulator, tmp_path / "home")
    picture = mutt.home / "plan.png"
    picture.write_bytes(letters.png(64))
    mutt.send("-s", "Grüße mit Bild", "-a", str(picture), "--", "anna@office.lan", feed=b"The plan.\n.\nClara\n")
    [out] = mail.all_letters(simulator)
    letter = email.message_from_bytes(strip_trace(out), policy=email.policy.default)
    assert letter["Subject"] == "Grüße mit Bild"
    text, attachment = letter.iter_parts()
    assert text.get_content() == "The plan.\r\n.\r\nClara\r\n"
    assert attachment.get_content() == picture.read_bytes()


def test_a_copy_of_what_is_sent_goes_to_sent(simulator, program, tmp_path):
    for name in ("INBOX", "Sent"):
        mail.empty(simulator, mailbox=name)
    mutt = Mutt(
        program, simulator, tmp_path / "home", f"{NO_CACHE}\nset copy=yes\nset record=+Sent\nset editor=./editor"
    )
    editor = mutt.home / "editor"
    editor.write_text('#!/bin/sh\necho "Some text." > "$1"\n')
    editor.chmod(0o755)
    mutt.read_folder("<mail>anna@office.lan<enter>Two copies<enter><send-message><quit>")
    [arrived] = mail.all_letters(simulator)
    [copy] = mail.all_letters(simulator, mailbox="Sent")
    for letter in (arrived, copy):
        got = email.message_from_bytes(letter, policy=email.policy.default)
        assert (got["Subject"], got.get_content()) == ("Two copies", "Some text.\r\n")
    with mail.imap_session(simulator, mailbox="Sent") as imap:
        assert len(mail.uids(imap, "SEEN")) == 1


def test_save_a_folder(simulator, program, configuration, tmp_path):
    mail.empty(simulator)
    sent = list(letters.kinds(configuration.attachment_size).values())
    for letter in sent:
        mail.send(simulator, letter)
    mutt = Mutt(program, simulator, tmp_path / "home")
    mutt.read_folder(f"<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>{mutt.home}/saved<enter><quit>")
    assert mutt.saved("saved") == sorted(digest(with_crlf(letter)) for letter in sent)
    assert len(mail.all_letters(simulator)) == len(sent)


def test_flag_and_move_in_a_folder(simulator, program, tmp_path):
    for name in ("INBOX", "Archive"):
        mail.empty(simulator, mailbox=name)
    for number in (1, 2):
        mail.send(simulator, letters.text_letter(number, 2000))
    mutt = Mutt(program, simulator, tmp_path / "home")
    mutt.read_folder("<first-entry><flag-message><last-entry><save-message><kill-line>=Archive<enter><quit>")
    with mail.imap_session(simulator) as imap:
        [uid] = mail.uids(imap, "FLAGGED")
        assert strip_trace(mail.fetch(imap, uid)) == letters.text_letter(1, 2000)
        assert len(mail.uids(imap)) == 1
    [moved] = mail.all_letters(simulator, mailbox="Archive")
    assert strip_trace(moved) == letters.text_letter(2, 2000)


def test_the_server_searches_bodies(simulator, program, tmp_path):
    mail.empty(simulator)
    for letter in (letters.plain(), letters.html_with_png(), letters.utf8_headers()):
        mail.send(simulator, letter)
    with Relay(simulator) as relay:
        mutt = Mutt(program, simulator, tmp_path / "home", relay=relay)
        keys = f"<tag-prefix><copy-message><kill-line>{mutt.home}/saved<enter><quit>"
        mutt.read_folder(f'<tag-pattern>=b "the boiler"<enter>{keys}')
    assert b"SEARCH" in relay.sent()
    assert mutt.saved("saved") == [digest(letters.plain())]


def test_mailboxes_are_made_renamed_and_deleted(simulator, program, tmp_path):
    mutt = Mutt(program, simulator, tmp_path / "home")

    def browse(keys):
        """Looks at the mailboxes; NeoMutt shows first those that are watched for new mail, of which there are none."""
        mutt.read_folder(f"<change-folder>?{'<toggle-mailboxes>' if program == 'neomutt' else ''}{keys}<exit><quit>")

    def names():
        with mail.imap_session(simulator, mailbox=None) as imap:
            return b"\n".join(mail.ok(imap.list()))

    browse(f"<create-mailbox>{NEW_FOLDER}<enter>")
    assert b'"Gr&APYA3w-e"' in names()
    browse(f"<search>Gr<enter><rename-mailbox><kill-line>{RENAMED_FOLDER}<enter>")
    assert b'"Garten/Pl&AOQ-ne"' in names()
    assert b"Gr&APYA3w-e" not in names()
    browse("<search>Garten<enter><descend-directory><search>Pl<enter><delete-mailbox>y")
    assert b"Garten/" not in names()
    browse("<search>Garten<enter><delete-mailbox>y")
    assert b"Garten" not in names()


# The second makes use of CONDSTORE and QRESYNC where they are offered.
@pytest.mark.parametrize("more", ["", "set imap_condstore=yes\nset imap_qresync=yes"], ids=["plain", "qresync"])
def test_a_header_cache_saves_the_second_fetch(simulator, program, more, tmp_path):
    mail.empty(simulator)
    for number in range(5):
        mail.send(simulator, letters.text_letter(number, 2000))
    with Relay(simulator) as relay:
        mutt = Mutt(program, simulator, tmp_path / "home", f"set header_cache=cache\n{more}", relay)
        (mutt.home / "cache").mkdir()
        mutt.read_folder("<first-entry><flag-message><quit>")
        assert b"BODY.PEEK[HEADER.FIELDS" in relay.sent()
        relay.forget()
        # In the meantime another client flags one and removes one, and one comes.
        with mail.imap_session(simulator) as imap:
            uids = mail.uids(imap)
            mail.ok(imap.uid("STORE", uids[3].decode(), "+FLAGS", r"(\Flagged)"))
            mail.ok(imap.uid("STORE", uids[1].decode(), "+FLAGS", r"(\Deleted)"))
            mail.ok(imap.expunge())
        mail.send(simulator, letters.text_letter(5, 2000))
        save = "<tag-pattern>{}<enter><tag-prefix><copy-message><kill-line>{}/{}<enter><untag-pattern>~A<enter>"
        mutt.read_folder(save.format("~A", mutt.home, "all") + save.format("~F", mutt.home, "flagged") + "<quit>")
    # The header of the letter that is new. NeoMutt with QRESYNC fetches one again where a letter has vanished.
    assert 1 <= len(re.findall(rb"BODY\[HEADER\.FIELDS", relay.received())) <= 2
    digests = [digest(letters.text_letter(number, 2000)) for number in range(6)]
    assert mutt.saved("all") == sorted(digests[:1] + digests[2:])
    assert mutt.saved("flagged") == sorted([digests[0], digests[3]])
