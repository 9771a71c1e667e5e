"""An office at work: six people with two devices each and two IMAP connections a device, while the scanner delivers."""

import threading

from tests.support import letters, mail, wire
from tests.support.simulator import DOMAIN, Simulator

PEOPLE = {name: f"{name}-has-a-long-password" for name in ("anna", "ben", "clara", "dora", "emil", "frida")}
DEVICES = 2
OFFICE_BOARD = "waveshare_esp32_s3_eth"
DROP_BOARD = "olimex_esp32_poe"
SCANS = 10


def connect(simulator: Simulator, name: str, device: int) -> wire.Wire:
    """One IMAP connection of a device, each device with an address of its own."""
    source = f"127.0.{10 + sorted(PEOPLE).index(name)}.{device + 1}"
    return wire.imap(simulator, (name.encode(), PEOPLE[name].encode()), b"INBOX", source=source)


def scan(simulator: Simulator, count: int) -> None:
    """The scanner sends letters to everybody."""
    everybody = [f"{name}@{DOMAIN}" for name in PEOPLE]
    with mail.smtp_session(simulator) as smtp:
        for number in range(count):
            mail.send_in(smtp, letters.text_letter(number, 20000), *everybody)


def test_twenty_four_connections_see_every_scan(start_simulator):
    simulator = start_simulator(board=OFFICE_BOARD, users=PEOPLE)
    idle, busy = [], []
    for name in PEOPLE:
        for device in range(DEVICES):
            idle.append(connect(simulator, name, device))
            idle[-1].ask(b"i1 IDLE", b"+")
            busy.append(connect(simulator, name, device))
    scanner = threading.Thread(target=scan, args=(simulator, SCANS))
    scanner.start()
    rounds = 0
    while scanner.is_alive() and rounds < 10000:
        session = busy[rounds % len(busy)]
        session.ask(b"n1 NOOP", b"n1 OK")
        session.ask(b"f1 UID FETCH 1:* (FLAGS RFC822.SIZE)", b"f1 OK")
        rounds += 1
    scanner.join(wire.PATIENCE)
    for session in busy:
        session.ask(b"n2 NOOP", b"n2 OK")
        answer = session.ask(b"f2 UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])", b"f2 OK")
        assert sum(line.startswith(b"* ") for line in answer) == SCANS
    for session in idle:
        session.until(b"* %d EXISTS" % SCANS)
        session.send(b"DONE\r\n")
        session.until(b"i1 OK")
    assert simulator.stats()["sessions_open"] == len(PEOPLE) * DEVICES * 2
    for session in idle + busy:
        session.ask(b"l1 LOGOUT", b"l1 OK")
        session.close()


def test_a_small_board_refuses_the_surplus_in_good_order_and_takes_the_mail(start_simulator):
    simulator = start_simulator(board=DROP_BOARD, users=PEOPLE)
    served, refused = [], 0
    for name, password in PEOPLE.items():
        for device in range(DEVICES * 2):
            session = wire.Wire(simulator, "imap", source=f"127.0.{10 + sorted(PEOPLE).index(name)}.{device + 1}")
            line = session.line()
            if line.startswith(b"* BYE"):
                assert session.rest() == []
                session.close()
                refused += 1
                continue
            session.ask(b"a1 LOGIN %s %s" % (name.encode(), password.encode()), b"a1 OK")
            session.ask(b"a2 SELECT INBOX", b"a2 OK")
            served.append(session)
    assert len(served) >= 6
    assert refused == len(PEOPLE) * DEVICES * 2 - len(served)
    scan(simulator, 3)
    for session in served:
        session.ask(b"n1 NOOP", b"n1 OK")
        answer = session.ask(b"f1 UID FETCH 1:* (FLAGS)", b"f1 OK")
        assert sum(line.startswith(b"* ") for line in answer) == 3
        session.ask(b"l1 LOGOUT", b"l1 OK")
        session.close()
