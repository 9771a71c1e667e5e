"""What `make bench-store` measures through the server: `postino sim` with real SMTP and IMAP sessions."""

import random
import tempfile
from pathlib import Path

from tests.bench.report import Row
from tests.support import mail
from tests.support.letters import text_letter
from tests.support.simulator import PASSWORDS, Simulator

KB = 1024
# The reference of the office class.
BOARD = "waveshare_esp32_s3_eth"
# Six users, of whom the first one reads.
USERS = {**PASSWORDS, "dora": "quiet-field-9", "emil": "green-tile-4", "fritz": "open-jar-2"}
# With what the server puts before it and the trailer behind it, about one block.
SIZE = 3600
SEED = 4
FLAGS = (r"(\Seen)", "($Label1)", r"(\Answered)", "(NonJunk $Forwarded)", r"(\Flagged)")


def counters(simulator: Simulator) -> dict[str, int]:
    """Of the mail partition."""
    return simulator.stats()["flash"]["mail"]


def difference(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after}


def server(letters: int) -> list[Row]:
    """1,000 letters by SMTP, then SELECT, flags and header fields by IMAP, then a restart and a first letter."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(Path(folder), board=BOARD, users=USERS)
        with simulator.start():
            rows = _deliver(simulator, letters)
            simulator.stop()
            simulator.start()
            rows += _read(simulator, letters)
            rows += _change(simulator, letters)
            simulator.kill()
            rows += _boot(simulator)
        return rows


def _deliver(simulator: Simulator, letters: int) -> list[Row]:
    before = counters(simulator)
    with mail.smtp_session(simulator) as smtp:
        for number in range(letters):
            mail.send_in(smtp, text_letter(number, SIZE), "anna@office.lan")
    used = difference(counters(simulator), before)
    what = f"a letter of about {SIZE:,} B by SMTP"
    return [
        Row(what, used["prog_bytes"] / letters, "B programmed"),
        Row(what, used["erases"] / letters, "erases"),
        Row(what, used["read_bytes"] / letters / KB, "KB read"),
    ]


def _read(simulator: Simulator, letters: int) -> list[Row]:
    rows = []
    with mail.imap_session(simulator, mailbox=None) as imap:
        steps = (
            (f"SELECT of {letters:,} by IMAP", 1, 64, lambda: imap.select("INBOX")),
            ("FETCH 1:* (FLAGS) after it", 1, 0, lambda: imap.fetch("1:*", "(FLAGS)")),
            (
                "FETCH 1:* (BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])",
                letters,
                9,
                lambda: imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])"),
            ),
        )
        for what, count, limit, action in steps:
            before = counters(simulator)
            mail.ok(action())
            used = difference(counters(simulator), before)
            each = " a letter" if count > 1 else ""
            rows.append(Row(what, used["read_bytes"] / count / KB, f"KB read{each}", limit))
            rows.append(Row(what, used["reads"] / count, f"reads{each}", 60 if count > 1 else None))
            rows.append(Row(what, used["progs"] + used["erases"], "programs and erases"))
    return rows


def _change(simulator: Simulator, letters: int) -> list[Row]:
    source = random.Random(SEED)
    with mail.imap_session(simulator) as imap:
        before = counters(simulator)
        for number in range(letters):
            sign = "+" if source.random() < 0.7 else "-"
            mail.ok(imap.store(str(source.randint(1, letters)), f"{sign}FLAGS", FLAGS[number % len(FLAGS)]))
        single = difference(counters(simulator), before)
        before = counters(simulator)
        mail.ok(imap.store("1:*", "+FLAGS", r"(\Flagged)"))
        everything = difference(counters(simulator), before)
    return [
        Row("STORE of one letter by IMAP", single["prog_bytes"] / letters, "B programmed", 300),
        Row("STORE of one letter by IMAP", single["erases"] / letters, "erases", 0.1),
        Row("STORE 1:* by IMAP", everything["prog_bytes"] / KB, "KB programmed", 64),
        Row("STORE 1:* by IMAP", everything["erases"], "erases", 20),
    ]


def _boot(simulator: Simulator) -> list[Row]:
    """After a loss of power: what the whole chip reads until the listeners accept, then a first letter."""
    simulator.start()
    start = simulator.stats()["flash"]
    mail.send(simulator, text_letter(1, SIZE))
    first = difference(counters(simulator), start["mail"])
    return [
        Row("boot with 6 users, whole chip", start["read_bytes"] / KB, "KB read", 250),
        Row("boot with 6 users, whole chip", start["reads"], "reads"),
        Row("first delivery by SMTP after it", first["read_bytes"] / KB, "KB read", 1024),
    ]
