"""mutt in batch mode: it sends by SMTP, and reads and saves an IMAP folder."""

import email
import email.policy
import mailbox
import re

from tests.support import letters, mail
from tests.support.programs import run, run_on_terminal
from tests.support.simulator import PASSWORDS
from tests.support.trace import digest, strip_trace, with_crlf

# What mutt adds at the end of the header of a letter that it saves.
ADDED = re.compile(rb"(?:(?:Status|Content-Length|Lines): [^\r\n]*\r\n)+(?=\r\n)")


def write_settings(simulator, home):
    home.mkdir()
    (home / "muttrc").write_text(
        "\n".join(
            (
                "set from=clara@office.lan",
                'set realname="Clara Example"',
                f"set smtp_url=smtp://{simulator.host}:{simulator.ports['smtp']}",
                f"set folder=imap://{simulator.host}:{simulator.ports['imap']}",
                "set imap_user=anna",
                f'set imap_pass="{PASSWORDS["anna"]}"',
                "set imap_authenticators=login",
                "set ssl_starttls=no",
                "set ssl_force_tls=no",
                "set copy=no",
                "set spoolfile=+INBOX",
                "set mbox_type=Maildir",
                "set confirmcreate=no",
                "set confirmappend=no",
                "set quit=yes",
                "set wait_key=no",
                "set use_domain=no",
                "set hostname=client.office.lan",
                "set delete=yes",
                "set mark_old=no",
                "set sleep_time=0",
                "set move=no",
                "set header_cache=''",
                "",
            )
        )
    )


def mutt(home, *arguments, **options):
    return run(["mutt", "-F", str(home / "muttrc"), *arguments], home, **options)


def read_folder(home, keys):
    """Opens INBOX and pushes keys, which end with leaving it."""
    return run_on_terminal(["mutt", "-F", str(home / "muttrc"), "-f", "+INBOX", "-e", f"push '{keys}'"], home)


def as_sent(saved):
    """A letter that mutt has saved, without its additions and the trace fields."""
    return strip_trace(ADDED.sub(b"", with_crlf(saved), count=1))


def test_send_a_letter_with_an_attachment(simulator, tmp_path):
    mail.empty(simulator)
    home = tmp_path / "home"
    write_settings(simulator, home)
    picture = home / "plan.png"
    picture.write_bytes(letters.png(64))
    mutt(home, "-s", "Grüße mit Bild", "-a", str(picture), "--", "anna@office.lan", feed=b"The plan.\n.\nClara\n")
    [out] = mail.all_letters(simulator)
    letter = email.message_from_bytes(strip_trace(out), policy=email.policy.default)
    assert letter["Subject"] == "Grüße mit Bild"
    text, attachment = letter.iter_parts()
    assert text.get_content() == "The plan.\r\n.\r\nClara\r\n"
    assert attachment.get_content() == picture.read_bytes()


def test_save_a_folder(simulator, configuration, tmp_path):
    mail.empty(simulator)
    sent = list(letters.kinds(configuration.attachment_size).values())
    for letter in sent:
        mail.send(simulator, letter)
    home = tmp_path / "home"
    write_settings(simulator, home)
    read_folder(home, f"<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>{home}/saved<enter><quit>")
    saved = mailbox.Maildir(home / "saved", factory=None, create=False)
    out = sorted(digest(as_sent(saved.get_bytes(key))) for key in saved.iterkeys())
    assert out == sorted(digest(with_crlf(letter)) for letter in sent)
    assert len(mail.all_letters(simulator)) == len(sent)


def test_flag_and_move_in_a_folder(simulator, tmp_path):
    for name in ("INBOX", "Archive"):
        mail.empty(simulator, mailbox=name)
    for number in (1, 2):
        mail.send(simulator, letters.text_letter(number, 2000))
    home = tmp_path / "home"
    write_settings(simulator, home)
    read_folder(home, "<first-entry><flag-message><last-entry><save-message><kill-line>=Archive<enter><quit>")
    with mail.imap_session(simulator) as imap:
        [uid] = mail.uids(imap, "FLAGGED")
        assert strip_trace(mail.fetch(imap, uid)) == letters.text_letter(1, 2000)
        assert len(mail.uids(imap)) == 1
    [moved] = mail.all_letters(simulator, mailbox="Archive")
    assert strip_trace(moved) == letters.text_letter(2, 2000)
