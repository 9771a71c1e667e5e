"""Python's smtplib, poplib and imaplib, as a program in an office would use them."""

import email.message
import email.policy
import imaplib
import poplib
import re
import smtplib
import time

import pytest

from tests.support import letters, mail
from tests.support.simulator import PASSWORDS
from tests.support.trace import assert_same, strip_trace, with_crlf

KINDS = ("plain", "html", "pdf", "utf8", "dots", "long", "bare")


@pytest.mark.parametrize("kind", KINDS)
def test_pop3_and_imap_give_what_smtp_took(simulator, configuration, kind):
    mail.empty(simulator)
    letter = letters.kinds(configuration.attachment_size)[kind]
    mail.send(simulator, letter)
    with mail.pop3_session(simulator) as pop3:
        assert pop3.stat()[0] == 1
        assert_same(mail.retrieve(pop3, 1), with_crlf(letter))
    [out] = mail.all_letters(simulator)
    assert_same(out, with_crlf(letter))


def test_smtplib_sends_a_message_object(simulator):
    for user in ("anna", "ben"):
        mail.empty(simulator, user)
    message = email.message.EmailMessage()
    message["From"], message["To"] = mail.SENDER, "anna@office.lan, ben@office.lan"
    message["Subject"] = "Grüße"
    message.set_content("Zwei Zeilen\n.mit Punkt\n")
    with mail.smtp_session(simulator) as smtp:
        smtp.login("anna", PASSWORDS["anna"])
        assert smtp.send_message(message) == {}
    for user in ("anna", "ben"):
        [out] = mail.all_letters(simulator, user)
        got = email.message_from_bytes(strip_trace(out), policy=email.policy.default)
        assert got["Subject"] == "Grüße"
        assert got.get_content() == "Zwei Zeilen\r\n.mit Punkt\r\n"


def test_smtplib_is_refused_what_is_too_large(simulator, configuration):
    with mail.smtp_session(simulator) as smtp:
        smtp.ehlo()
        assert int(smtp.esmtp_features["size"]) == configuration.max_message_size
        assert smtp.mail(mail.SENDER, [f"size={configuration.max_message_size + 1}"])[0] == 552
        assert smtp.mail(mail.SENDER, [f"size={configuration.max_message_size}"])[0] == 250


def test_smtplib_is_refused_a_stranger(simulator):
    with mail.smtp_session(simulator) as smtp:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            smtp.sendmail(mail.SENDER, ["someone@example.com"], letters.plain())
        # One good recipient is enough; the other is reported.
        refused = smtp.sendmail(mail.SENDER, ["anna@office.lan", "nobody@office.lan"], letters.plain())
        assert refused["nobody@office.lan"][0] == 550


def test_poplib_top_uidl_and_reset(simulator):
    mail.empty(simulator)
    letter = letters.text_letter(1, 5000)
    mail.send(simulator, letter)
    with mail.pop3_session(simulator) as pop3:
        assert "UIDL" in pop3.capa()
        before = pop3.uidl()[1]
        head = b"\r\n".join(pop3.top(1, 2)[1]) + b"\r\n"
        header, _, body = letter.partition(b"\r\n\r\n")
        assert strip_trace(head) == header + b"\r\n\r\n" + b"".join(body.splitlines(keepends=True)[:2])
        pop3.dele(1)
        assert pop3.stat()[0] == 0
        pop3.rset()
        assert pop3.stat()[0] == 1
    with mail.pop3_session(simulator) as pop3:
        assert pop3.uidl()[1] == before


def test_poplib_deletes_only_at_quit(simulator):
    mail.empty(simulator)
    mail.send(simulator, letters.plain())
    pop3 = poplib.POP3(simulator.host, simulator.ports["pop3"], timeout=mail.PATIENCE)
    pop3.user("anna")
    pop3.pass_(PASSWORDS["anna"])
    pop3.dele(1)
    pop3.close()
    assert len(mail.all_letters(simulator)) == 1


def test_poplib_finds_a_locked_maildrop(simulator):
    with mail.pop3_session(simulator), pytest.raises(poplib.error_proto), mail.pop3_session(simulator):
        pass
    with mail.pop3_session(simulator) as pop3:
        pop3.stat()


@pytest.mark.parametrize("user", sorted(PASSWORDS))
def test_every_password_by_every_way(simulator, user):
    with mail.pop3_session(simulator, user) as pop3:
        pop3.stat()
    with mail.imap_session(simulator, user) as imap:
        assert imap.state == "SELECTED"
    imap = imaplib.IMAP4(simulator.host, simulator.ports["imap"], timeout=mail.PATIENCE)
    plain = f"\0{user}@office.lan\0{PASSWORDS[user]}".encode()
    mail.ok(imap.authenticate("PLAIN", lambda _: plain))
    imap.logout()
    with mail.smtp_session(simulator) as smtp:
        assert smtp.login(user.upper(), PASSWORDS[user])[0] == 235


def test_a_wrong_password(simulator):
    with pytest.raises(poplib.error_proto):
        pop3 = poplib.POP3(simulator.host, simulator.ports["pop3"], timeout=mail.PATIENCE)
        pop3.user("anna")
        pop3.pass_("wrong")
    imap = imaplib.IMAP4(simulator.host, simulator.ports["imap"], timeout=mail.PATIENCE)
    with pytest.raises(imaplib.IMAP4.error):
        imap.login("anna", "wrong")
    imap.logout()
    with mail.smtp_session(simulator) as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login("anna", "wrong")


def test_imaplib_folders(simulator):
    with mail.imap_session(simulator, "clara", mailbox=None) as imap:
        listed = b"\n".join(mail.ok(imap.list()))
        for name in (b"INBOX", b"Drafts", b"Sent", b"Junk", b"Trash", b"Archive"):
            assert name in listed
        for use in (rb"\Drafts", rb"\Sent", rb"\Junk", rb"\Trash", rb"\Archive"):
            assert use in listed
        mail.ok(imap.create("Work/2026"))
        mail.ok(imap.subscribe("Work/2026"))
        assert any(line.endswith((b"2026", b'2026"')) for line in mail.ok(imap.lsub()))
        mail.ok(imap.rename("Work/2026", "Work/2027"))
        mail.ok(imap.select("Work/2027"))
        mail.ok(imap.unselect())
        mail.ok(imap.delete("Work/2027"))
        mail.ok(imap.delete("Work"))
        assert imap.select("Work/2027")[0] == "NO"


def test_imaplib_append_copy_move_and_expunge(simulator):
    letter = letters.html_with_png()
    with mail.imap_session(simulator, "clara") as imap:
        answer = mail.ok(imap.append("Drafts", r"(\Draft $Forwarded)", imaplib.Time2Internaldate(time.time()), letter))
        assert b"APPENDUID" in answer[0]
        mail.ok(imap.select("Drafts"))
        [uid] = mail.uids(imap, "DRAFT", "KEYWORD", "$Forwarded")
        assert_same(mail.fetch(imap, uid), letter, traced=False)
        mail.ok(imap.uid("COPY", uid.decode(), "Sent"))
        mail.ok(imap.uid("MOVE", uid.decode(), "Archive"))
        assert mail.uids(imap) == []
        for name in ("Sent", "Archive"):
            mail.ok(imap.select(name))
            [uid] = mail.uids(imap)
            assert_same(mail.fetch(imap, uid), letter, traced=False)
            mail.ok(imap.uid("STORE", uid.decode(), "+FLAGS", r"(\Deleted)"))
            mail.ok(imap.expunge())
            assert mail.uids(imap) == []


def test_imaplib_fetch_and_search(simulator):
    mail.empty(simulator)
    sent = [letters.plain(), letters.html_with_png(), letters.utf8_headers()]
    for letter in sent:
        mail.send(simulator, letter)
    with mail.imap_session(simulator) as imap:
        data = mail.ok(imap.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))
        flat = b"".join(item if isinstance(item, bytes) else b"".join(item) for item in data)
        assert flat.count(b"ENVELOPE") == 3
        assert b'"clara" "office.lan"' in flat
        assert b'"image" "png"' in flat.lower()
        sizes = [int(size) for size in re.findall(rb"RFC822.SIZE (\d+)", flat)]
        assert sizes == [len(mail.fetch(imap, uid)) for uid in mail.uids(imap)]
        second = mail.uids(imap)[1].decode()
        page = mail.ok(imap.uid("FETCH", second, "(BODY.PEEK[1])"))[0][1]
        assert page.startswith(b"<html>")
        part = mail.ok(imap.uid("FETCH", second, "(BODY.PEEK[]<10.20>)"))[0][1]
        assert part == mail.fetch(imap, second.encode())[10:30]
        assert len(mail.uids(imap, "SUBJECT", '"plain"')) == 1
        assert len(mail.uids(imap, "TEXT", '"boiler is repaired"')) == 1
        assert len(mail.uids(imap, "NOT", "SUBJECT", '"plain"')) == 2
        assert mail.uids(imap, "SEEN") == []
        mail.ok(imap.fetch("1", "(BODY[TEXT])"))
        assert len(mail.uids(imap, "SEEN")) == 1
