"""Mail by Python's own libraries, with bounded waits: the ordinary client that the other tests lean on."""

import imaplib
import poplib
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.simulator import PASSWORDS, Simulator

# Seconds that one answer may take: a bound, not a measurement.
PATIENCE = 60
SENDER = "clara@office.lan"


@contextmanager
def smtp_session(simulator: Simulator) -> Iterator[smtplib.SMTP]:
    """A greeted SMTP session; QUIT at the end, unless something went wrong."""
    smtp = smtplib.SMTP(simulator.host, simulator.ports["smtp"], "client.office.lan", timeout=PATIENCE)
    try:
        yield smtp
        smtp.quit()
    finally:
        smtp.close()


def dot_stuffed(letter: bytes) -> bytes:
    """The letter as DATA carries it, with the end mark, and nothing else changed (RFC 5321 4.5.2)."""
    stuffed = letter.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def send(simulator: Simulator, letter: bytes, *recipients: str) -> None:
    """Delivers a letter, octet for octet; SMTPException unless it is accepted for all recipients."""
    with smtp_session(simulator) as smtp:
        send_in(smtp, letter, *recipients)


def send_in(smtp: smtplib.SMTP, letter: bytes, *recipients: str) -> None:
    """The same in an open session. smtplib's own `data` would repair line ends."""
    if smtp.ehlo_resp is None:
        accept(smtp, 250, smtp.ehlo())
    accept(smtp, 250, smtp.mail(SENDER, [f"size={len(letter)}"]))
    for recipient in recipients or ("anna@office.lan",):
        accept(smtp, 250, smtp.rcpt(recipient))
    accept(smtp, 354, smtp.docmd("DATA"))
    smtp.send(dot_stuffed(letter))
    accept(smtp, 250, smtp.getreply())


def accept(smtp: smtplib.SMTP, code: int, reply: tuple[int, bytes]) -> None:
    """Fails unless the reply has the code."""
    if reply[0] != code:
        raise smtplib.SMTPResponseException(reply[0], reply[1])


@contextmanager
def pop3_session(simulator: Simulator, user: str = "anna") -> Iterator[poplib.POP3]:
    """A logged-in POP3 session; QUIT at the end, so that deletions take effect."""
    pop3 = poplib.POP3(simulator.host, simulator.ports["pop3"], timeout=PATIENCE)
    try:
        pop3.user(user)
        pop3.pass_(PASSWORDS[user])
        yield pop3
        pop3.quit()
    finally:
        pop3.close()


def retrieve(pop3: poplib.POP3, number: int) -> bytes:
    """A whole letter by RETR."""
    _, lines, _ = pop3.retr(number)
    return b"\r\n".join(lines) + b"\r\n"


@contextmanager
def imap_session(simulator: Simulator, user: str = "anna", mailbox: str | None = "INBOX") -> Iterator[imaplib.IMAP4]:
    """A logged-in IMAP session with a mailbox selected; LOGOUT at the end."""
    imap = imaplib.IMAP4(simulator.host, simulator.ports["imap"], timeout=PATIENCE)
    try:
        imap.login(user, PASSWORDS[user])
        if mailbox is not None:
            assert ok(imap.select(mailbox))
        yield imap
        imap.logout()
    finally:
        imap.sock.close()


def ok(result: tuple) -> list:
    """The data of an answer, which must be OK."""
    assert result[0] == "OK", result
    return result[1]


def uids(imap: imaplib.IMAP4, *criteria: str) -> list[bytes]:
    """The UIDs of the letters that match, all by default."""
    return ok(imap.uid("SEARCH", *(criteria or ("ALL",))))[0].split()


def fetch(imap: imaplib.IMAP4, uid: bytes) -> bytes:
    """A whole letter by UID FETCH BODY.PEEK[]."""
    data = ok(imap.uid("FETCH", uid.decode(), "(BODY.PEEK[])"))
    return next(item[1] for item in data if isinstance(item, tuple))


def empty(simulator: Simulator, user: str = "anna", mailbox: str = "INBOX") -> None:
    """Deletes all letters of a mailbox."""
    with imap_session(simulator, user, mailbox) as imap:
        if uids(imap):
            ok(imap.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)"))
            ok(imap.expunge())
        assert uids(imap) == []


def all_letters(simulator: Simulator, user: str = "anna", mailbox: str = "INBOX") -> list[bytes]:
    """All letters of a mailbox, by IMAP, in order."""
    with imap_session(simulator, user, mailbox) as imap:
        return [fetch(imap, uid) for uid in uids(imap)]
