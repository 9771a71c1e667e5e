"""Makes the chip with a mail store of format 1, and says what is on it; see README.md here.

It runs in a checkout of version 0.1, as `python -m tests.make_format1 FOLDER`.
"""

import gzip
import hashlib
import imaplib
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.support import letters, mail
from tests.support.simulator import Simulator

USERS = ("anna", "ben", "clara")
JAPANESE = "Listen/&ZeVnLIqe-"
FLASH_SIZE = "4M"


def quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def observe(simulator: Simulator) -> dict:
    """All that clients see, by IMAP and POP3."""
    return {user: {"imap": observe_imap(simulator, user), "pop3": observe_pop3(simulator, user)} for user in USERS}


def observe_imap(simulator: Simulator, user: str) -> dict:
    found = {}
    with mail.imap_session(simulator, user, None) as imap:
        subscribed = [name_of(line) for line in mail.ok(imap.lsub()) if line]
        for line in mail.ok(imap.list()):
            name = name_of(line)
            flags = sorted(line[1 : line.index(b")")].decode().split())
            status = mail.ok(imap.status(quoted(name), "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0]
            found[name] = {
                "flags": [flag for flag in flags if flag not in ("\\HasChildren", "\\HasNoChildren")],
                "subscribed": name in subscribed,
                "status": status[status.rindex(b"(") :].decode(),
                "letters": observe_letters(imap, name),
            }
    return found


def name_of(line: bytes) -> str:
    """The mailbox of an answer to LIST."""
    name = line.partition(b' "/" ')[2].decode()
    return name[1:-1].replace('\\"', '"').replace("\\\\", "\\") if name.startswith('"') else name


def observe_letters(imap: imaplib.IMAP4, name: str) -> list:
    """UID, flags, date, size and a digest of each letter."""
    found = []
    mail.ok(imap.select(quoted(name), readonly=True))
    for uid in mail.uids(imap):
        answer = mail.ok(imap.uid("FETCH", uid.decode(), "(FLAGS INTERNALDATE BODY.PEEK[])"))
        text, octets = next(item for item in answer if isinstance(item, tuple))
        flags = sorted(flag.decode() for flag in imaplib.ParseFlags(text) if flag != b"\\Recent")
        date = int(time.mktime(imaplib.Internaldate2tuple(text)))
        found.append([int(uid), flags, date, len(octets), hashlib.sha256(octets).hexdigest()])
    return found


def observe_pop3(simulator: Simulator, user: str) -> list:
    """Size, unique id and a digest of each letter."""
    found = []
    with mail.pop3_session(simulator, user) as pop3:
        sizes = [line.split()[1] for line in pop3.list()[1]]
        for number, line in enumerate(pop3.uidl()[1]):
            octets = mail.retrieve(pop3, number + 1)
            found.append([int(sizes[number]), line.split()[1].decode(), hashlib.sha256(octets).hexdigest()])
    return found


def letter(number: int, size: int) -> bytes:
    """Of exactly so many octets, or a few more."""
    head = letters.header(b"letter %d" % number, number)
    line = b"%04d and so on, and so on, and so on, and so on, and so on, and so on.\r\n" % number
    body = line * max(1, (size - len(head)) // len(line))
    return (head + body)[: max(size, len(head) + 2) - 2] + b"\r\n"


def first_day(simulator: Simulator) -> None:
    """Letters for one and for several, folders, flags, keywords."""
    for number, size in enumerate((600, 1200, 3700, 3750, 3800, 3850, 3900, 4096, 4500, 8100, 20000)):
        mail.send(simulator, letter(number, size), *(["anna@office.lan", "ben@office.lan"][: 1 + number % 2]))
    with mail.imap_session(simulator) as imap:
        for name in ("Lists/Python", JAPANESE, "Old"):
            mail.ok(imap.create(quoted(name)))
        mail.ok(imap.subscribe(quoted(JAPANESE)))
        mail.ok(imap.unsubscribe("Old"))
        mail.ok(imap.store("1:4", "+FLAGS", r"(\Seen)"))
        mail.ok(imap.store("2,5", "+FLAGS", r"(\Flagged work $Forwarded)"))
        mail.ok(imap.copy("3:6", quoted("Lists/Python")))
        for number, date in ((20, '" 1-Feb-1999 03:04:05 +0100"'), (21, '"31-Dec-2030 23:59:59 -0800"')):
            mail.ok(imap.append("Archive", r"(\Seen \Draft)", date, letter(number, 900)))


def second_day(simulator: Simulator) -> None:
    """What the last start leaves in the journal."""
    for number, size in enumerate((700, 4040, 4050, 6000)):
        mail.send(simulator, letter(30 + number, size), "anna@office.lan", "clara@office.lan")
    with mail.imap_session(simulator) as imap:
        mail.ok(imap.uid("MOVE", "2,4", "Trash"))
        mail.ok(imap.rename("Old", "Older/Still"))
        mail.ok(imap.uid("STORE", "12:*", "+FLAGS", r"(\Answered later)"))
        mail.ok(imap.uid("STORE", "7", "+FLAGS", r"(\Deleted)"))
        mail.ok(imap.expunge())
        mail.ok(imap.create("Gone"))
        mail.ok(imap.copy("1:2", "Gone"))
        mail.ok(imap.delete("Gone"))
    with mail.pop3_session(simulator, "ben") as pop3:
        pop3.dele(1)


def make(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as state:
        simulator = Simulator(Path(state), "--flash-size", FLASH_SIZE)
        with simulator:
            first_day(simulator)
        simulator.start()
        second_day(simulator)
        contents = observe(simulator)
        with mail.smtp_session(simulator) as smtp:
            for line in ("HELO half", "MAIL FROM:<clara@office.lan>", "RCPT TO:<anna@office.lan>", "DATA"):
                smtp.docmd(line)
            smtp.send(letter(99, 3000))
            time.sleep(1)
            # A letter on its way, and nothing folded.
            simulator.kill()
            smtp.docmd = lambda *_: None
        time.sleep(2)
        (folder / "format1.bin.gz").write_bytes(gzip.compress(simulator.flash_file.read_bytes(), 9, mtime=0))
        (folder / "format1.json").write_text(json.dumps(contents, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
