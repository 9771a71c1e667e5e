"""What the power-cut runs do, and what must be in the mailboxes after each step: all of it, or nothing.

A step is tried over the wire (`perform`) and on a model (`apply`). What is acknowledged has happened; the step during
which the power went may have happened or not, but not by half.
"""

import base64
import hashlib
import imaplib
import poplib
import random
import re
import smtplib
from dataclasses import dataclass

USERS = {"anna": "wide-open-barn", "ben": "quiet-old-pond", "clara": "paper-kite"}
DOMAIN = "office.lan"
PATIENCE_S = 30
# The mailbox that is deleted and made again.
REMADE = "Project"

# A model: (user, mailbox) -> {letter: its flags}.
Model = dict[tuple[str, str], dict[str, frozenset[str]]]


def new_model() -> Model:
    boxes = ("INBOX", "Archive", "Trash")
    return {(user, box): {} for user in USERS for box in boxes}


def copied(model: Model) -> Model:
    return {key: dict(letters) for key, letters in model.items()}


def letter_text(letter: str) -> bytes:
    """The letter called `letter`; its size is in its name, as in a1-3000."""
    size = int(letter.partition("-")[2])
    noise = base64.encodebytes(random.Random(letter).randbytes(size * 3 // 4)).replace(b"\n", b"\r\n")
    return b"Subject: " + letter.encode() + b"\r\nFrom: sender@sender.example\r\n\r\n" + noise


def smtp(simulator):
    return smtplib.SMTP(simulator.host, simulator.ports["smtp"], "sender.example", timeout=PATIENCE_S)


def imap(simulator, user):
    client = imaplib.IMAP4(simulator.host, simulator.ports["imap"], timeout=PATIENCE_S)
    client.login(user, USERS[user])
    return client


def done(answer):
    """The data of an imaplib answer that must be OK."""
    assert answer[0] == "OK", answer
    return answer[1]


def mailbox_now(client, box, readonly=True):
    """Selects a mailbox; returns its UIDVALIDITY and {UID: (flags, letter as stored)}."""
    done(client.select(box, readonly=readonly))
    validity = int(client.response("UIDVALIDITY")[1][0])
    content = {}
    for part in done(client.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")):
        if isinstance(part, tuple):
            uid = int(re.search(rb"UID (\d+)", part[0])[1])
            flags = re.search(rb"FLAGS \(([^)]*)\)", part[0])[1].decode().split()
            content[uid] = (frozenset(flags) - {"\\Recent"}, part[1])
    return validity, content


def letter_name(text: bytes) -> str:
    return re.search(rb"^Subject: (\S+)\r\n", text, re.MULTILINE)[1].decode()


class Uids:
    """Which letter each UID has ever meant. A UID that means two letters fails."""

    def __init__(self):
        self.meaning = {}
        self.validity = {}

    def learn(self, user, box, validity, content):
        before = self.validity.setdefault((user, box), validity)
        # Only the mailbox that the run makes again may have another UIDVALIDITY, and a higher one.
        assert before == validity or (box == REMADE and validity > before), (user, box, before, validity)
        self.validity[user, box] = validity
        for uid, (_, text) in content.items():
            digest = hashlib.sha256(text).hexdigest()
            key = user, box, validity, uid
            known = self.meaning.setdefault(key, digest)
            assert known == digest, f"UID used twice: {key}"

    def highest(self, user, box, validity):
        return max((key[3] for key in self.meaning if key[:3] == (user, box, validity)), default=0)


@dataclass(frozen=True)
class Deliver:
    letter: str
    users: tuple[str, ...]

    def perform(self, simulator, uids):
        with smtp(simulator) as client:
            client.sendmail("sender@sender.example", [f"{u}@{DOMAIN}" for u in self.users], letter_text(self.letter))

    def observe(self, simulator, uids):
        """Notes which UIDs the recipients see: they may have fetched the letter before the power goes."""
        for user in self.users:
            client = imap(simulator, user)
            try:
                uids.learn(user, "INBOX", *mailbox_now(client, "INBOX"))
            finally:
                client.shutdown()

    def apply(self, model):
        for user in self.users:
            model[user, "INBOX"][self.letter] = frozenset()


class ImapStep:
    """A step in one mailbox of one user."""

    user: str
    box: str

    def perform(self, simulator, uids):
        client = imap(simulator, self.user)
        try:
            validity, content = mailbox_now(client, self.box, readonly=False)
            uids.learn(self.user, self.box, validity, content)
            self.work(client, {letter_name(text): uid for uid, (_, text) in content.items()})
        finally:
            client.shutdown()

    def work(self, client, uid_of):
        raise NotImplementedError


@dataclass(frozen=True)
class Append(ImapStep):
    user: str
    box: str
    letter: str
    flags: tuple[str, ...] = ()

    def work(self, client, uid_of):
        done(client.append(self.box, f"({' '.join(self.flags)})", None, letter_text(self.letter)))

    def apply(self, model):
        model[self.user, self.box][self.letter] = frozenset(self.flags)


@dataclass(frozen=True)
class Flag(ImapStep):
    user: str
    box: str
    letter: str
    flag: str

    def work(self, client, uid_of):
        done(client.uid("STORE", str(uid_of[self.letter]), "+FLAGS", f"({self.flag})"))

    def apply(self, model):
        model[self.user, self.box][self.letter] |= {self.flag}


@dataclass(frozen=True)
class Expunge(ImapStep):
    user: str
    box: str

    def work(self, client, uid_of):
        done(client.expunge())

    def apply(self, model):
        letters = model[self.user, self.box]
        for letter in [letter for letter, flags in letters.items() if "\\Deleted" in flags]:
            del letters[letter]


@dataclass(frozen=True)
class Transfer(ImapStep):
    """COPY, or MOVE when `leave` is not set, of several letters at once."""

    user: str
    box: str
    letters: tuple[str, ...]
    target: str
    leave: bool = False

    def work(self, client, uid_of):
        numbers = ",".join(str(uid_of[letter]) for letter in self.letters)
        imaplib.Commands.setdefault("MOVE", ("SELECTED",))
        done(client.uid("COPY" if self.leave else "MOVE", numbers, self.target))

    def apply(self, model):
        for letter in self.letters:
            model[self.user, self.target][letter] = model[self.user, self.box][letter]
            if not self.leave:
                del model[self.user, self.box][letter]


@dataclass(frozen=True)
class Create:
    user: str
    box: str

    def perform(self, simulator, uids):
        client = imap(simulator, self.user)
        try:
            done(client.create(self.box))
        finally:
            client.shutdown()

    def apply(self, model):
        model[self.user, self.box] = {}


@dataclass(frozen=True)
class Delete:
    user: str
    box: str

    def perform(self, simulator, uids):
        client = imap(simulator, self.user)
        try:
            done(client.delete(self.box))
        finally:
            client.shutdown()

    def apply(self, model):
        del model[self.user, self.box]


@dataclass(frozen=True)
class PopDelete:
    """DELE of the named letters of an INBOX, in effect at QUIT."""

    user: str
    letters: tuple[str, ...]

    def perform(self, simulator, uids):
        client = poplib.POP3(simulator.host, simulator.ports["pop3"], timeout=PATIENCE_S)
        try:
            client.user(self.user)
            client.pass_(USERS[self.user])
            for number in range(1, client.stat()[0] + 1):
                if letter_name(b"\r\n".join(client.retr(number)[1]) + b"\r\n") in self.letters:
                    client.dele(number)
            client.quit()
        finally:
            client.close()

    def apply(self, model):
        for letter in self.letters:
            del model[self.user, "INBOX"][letter]


ALL = tuple(USERS)
STEPS = (
    Deliver("a1-1000", ("anna",)),
    Deliver("m1-3000", ALL),
    Deliver("a2-6000", ("anna",)),
    Flag("anna", "INBOX", "a1-1000", "\\Seen"),
    Deliver("m2-500", ALL),
    Append("anna", "Archive", "d1-2000", ("\\Flagged", "\\Seen")),
    Transfer("anna", "INBOX", ("m1-3000",), "Trash"),
    Flag("anna", "INBOX", "a2-6000", "$Label1"),
    Transfer("anna", "INBOX", ("a2-6000", "m2-500"), "Archive", leave=True),
    Flag("anna", "INBOX", "a1-1000", "\\Deleted"),
    Expunge("anna", "INBOX"),
    PopDelete("ben", ("m1-3000", "m2-500")),
    Deliver("b1-700", ("ben",)),
    Deliver("m3-12000", ALL),
    Create("anna", REMADE),
    Transfer("anna", "INBOX", ("m2-500", "m3-12000"), REMADE),
    Flag("clara", "INBOX", "m1-3000", "\\Answered"),
    Flag("clara", "INBOX", "m2-500", "\\Deleted"),
    Expunge("clara", "INBOX"),
    Transfer("clara", "INBOX", ("m1-3000", "m3-12000"), "Trash"),
    Delete("anna", REMADE),
    Create("anna", REMADE),
    Append("anna", REMADE, "p1-900"),
    Deliver("a3-400", ("anna",)),
    Deliver("a4-400", ("anna",)),
    Deliver("a5-5000", ("anna", "ben")),
    PopDelete("anna", ("a3-400",)),
    Flag("anna", "Trash", "m1-3000", "\\Deleted"),
    Expunge("anna", "Trash"),
    Deliver("m4-4500", ALL),
)
