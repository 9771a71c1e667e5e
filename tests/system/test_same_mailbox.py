"""POP3 and IMAP on the same mailbox at the same time, and several IMAP sessions on one."""

from tests.support import letters, mail, wire
from tests.support.simulator import PASSWORDS
from tests.support.trace import assert_same

ANNA = (b"anna", PASSWORDS["anna"].encode())
BIG = 3 * letters.MB
# Small, so that most of a letter waits in flash while its reader pauses.
RECEIVE_BUFFER = 4096


class View:
    """What an IMAP client believes the mailbox holds, kept up from untagged answers (RFC 3501 7.3, 7.4)."""

    def __init__(self, uids: list[int]) -> None:
        self.uids: list[int | None] = list(uids)

    def follow(self, lines: list[bytes]) -> None:
        for line in lines:
            words = line.split()
            if len(words) < 3 or words[0] != b"*":
                continue
            if words[2] == b"EXPUNGE":
                assert 1 <= int(words[1]) <= len(self.uids), line
                del self.uids[int(words[1]) - 1]
            elif words[2] == b"EXISTS":
                assert int(words[1]) >= len(self.uids), line
                self.uids += [None] * (int(words[1]) - len(self.uids))


def numbers(imap: wire.Wire) -> dict[int, int]:
    """Sequence number -> UID, as the server has them for this session now."""
    found = {}
    for line in imap.ask(b"n1 FETCH 1:* (UID)", b"n1 "):
        words = line.split()
        if len(words) > 4 and words[2] == b"FETCH":
            found[int(words[1])] = int(words[4].rstrip(b")"))
    return found


def idle(imap: wire.Wire) -> None:
    imap.ask(b"i1 IDLE", b"+")


def done(imap: wire.Wire) -> list[bytes]:
    imap.send(b"DONE\r\n")
    return imap.until(b"i1 OK")


def test_a_letter_arriving_during_idle_is_announced(start_simulator):
    simulator = start_simulator()
    mail.send(simulator, letters.plain())
    with wire.imap(simulator, ANNA, b"INBOX") as imap:
        idle(imap)
        for count in (2, 3):
            letter = letters.text_letter(count, 4000)
            mail.send(simulator, letter)
            imap.until(b"* %d EXISTS" % count)
        done(imap)
        assert sorted(numbers(imap)) == [1, 2, 3]
    assert_same(mail.all_letters(simulator)[2], letters.text_letter(3, 4000))


def test_a_letter_deleted_by_pop3_is_expunged_for_imap(start_simulator):
    simulator = start_simulator()
    for number in range(6):
        mail.send(simulator, letters.text_letter(number, 2000))
    with wire.imap(simulator, ANNA, b"INBOX") as waiting, wire.imap(simulator, ANNA, b"INBOX") as asking:
        before = numbers(waiting)
        view, second_view = View(list(before.values())), View(list(before.values()))
        idle(waiting)
        with mail.pop3_session(simulator) as pop3:
            pop3.dele(2)
            pop3.dele(5)
            # New mail while they are only marked; POP3 sees it in its next session.
            mail.send(simulator, letters.text_letter(7, 2000))
            view.follow(waiting.until(b"* 7 EXISTS"))
            assert pop3.stat()[0] == 4
        view.follow(waiting.until(b"* "))
        view.follow(waiting.until(b"* "))
        view.follow(done(waiting))
        second_view.follow(asking.ask(b"q1 NOOP", b"q1 OK"))
        left = [before[number] for number in (1, 3, 4, 6)]
        for each, imap in ((view, waiting), (second_view, asking)):
            assert each.uids[:4] == left
            assert len(each.uids) == 5
            assert list(numbers(imap).values())[:4] == left
    with mail.pop3_session(simulator) as pop3:
        assert pop3.stat()[0] == 5


def test_numbers_stay_while_a_command_uses_them(start_simulator):
    """RFC 3501 7.4.1: no EXPUNGE during FETCH, STORE or SEARCH by number; the numbers move at the next NOOP."""
    simulator = start_simulator()
    for number in range(5):
        mail.send(simulator, letters.text_letter(number, 2000))
    with wire.imap(simulator, ANNA, b"INBOX") as imap:
        before = numbers(imap)
        with mail.pop3_session(simulator) as pop3:
            pop3.dele(1)
        for command in (b"FETCH 5 (UID)", b"SEARCH ALL", b"STORE 5 +FLAGS.SILENT (\\Seen)"):
            assert not any(b"EXPUNGE" in line for line in imap.ask(b"x1 " + command, b"x1 "))
        # The session has not been told: 5 is still the last letter.
        [line] = [line for line in imap.ask(b"x2 FETCH 5 (UID)", b"x2 OK") if line.startswith(b"*")]
        assert b"UID %d)" % before[5] in line
        assert b"* 1 EXPUNGE" in imap.ask(b"x3 NOOP", b"x3 OK")
        assert numbers(imap) == {number - 1: uid for number, uid in before.items() if number > 1}


def test_flags_set_in_one_session_reach_the_other(start_simulator):
    simulator = start_simulator()
    mail.send(simulator, letters.plain())
    with wire.imap(simulator, ANNA, b"INBOX") as waiting, wire.imap(simulator, ANNA, b"INBOX") as working:
        idle(waiting)
        working.ask(b"w1 STORE 1 +FLAGS (\\Flagged)", b"w1 OK")
        [line] = waiting.until(b"* 1 FETCH")[-1:]
        assert b"\\Flagged" in line
        done(waiting)


def test_idle_while_a_letter_is_moved_away_and_another_comes(start_simulator):
    simulator = start_simulator()
    for number in range(3):
        mail.send(simulator, letters.text_letter(number, 2000))
    with wire.imap(simulator, ANNA, b"INBOX") as waiting, wire.imap(simulator, ANNA, b"INBOX") as working:
        view = View(list(numbers(waiting).values()))
        idle(waiting)
        working.ask(b"w1 MOVE 2 Archive", b"w1 OK")
        mail.send(simulator, letters.text_letter(9, 2000))
        view.follow(waiting.until(b"* 3 EXISTS"))
        view.follow(done(waiting))
        assert len(view.uids) == 3
        known = [uid for uid in view.uids if uid is not None]
        assert list(numbers(waiting).values())[:2] == known


def literal_size(line: bytes) -> int:
    """Of a line that ends in {n}."""
    return int(line[line.rindex(b"{") + 1 : -1])


def test_a_session_that_does_not_read_holds_nobody_up(start_simulator):
    """It asks for a large letter and does not read; others store and expunge; then it reads, and nothing is missing."""
    simulator = start_simulator(settings={"max_message_size": 5 * letters.MB})
    big = letters.large_letter(1, BIG)
    mail.send(simulator, big)
    for number in range(40):
        mail.send(simulator, letters.text_letter(number, 1000))
    with (
        wire.imap(simulator, ANNA, receive_buffer=RECEIVE_BUFFER) as stuck,
        wire.imap(simulator, ANNA, b"INBOX") as working,
    ):
        stuck.ask(b"e1 ENABLE QRESYNC", b"e1 OK")
        stuck.ask(b"s1 SELECT INBOX", b"s1 OK")
        known = numbers(stuck)
        stuck.send(b"f1 FETCH 1 (UID BODY.PEEK[])\r\nf2 FETCH 41 (UID)\r\nf3 NOOP\r\n")
        size = literal_size(stuck.until(b"* 1 FETCH")[-1])
        for round_ in range(5):
            working.ask(b"w1 STORE 2:20 +FLAGS.SILENT (\\Flagged)", b"w1 OK")
            working.ask(b"w2 STORE 2:20 -FLAGS.SILENT (\\Flagged)", b"w2 OK")
            working.ask(b"w3 UID STORE %d +FLAGS.SILENT (\\Deleted)" % known[30 + round_], b"w3 OK")
            working.ask(b"w4 EXPUNGE", b"w4 OK")
        # The letter that is being read, too.
        working.ask(b"w5 UID STORE %d +FLAGS.SILENT (\\Deleted)" % known[1], b"w5 OK")
        assert b"* 1 EXPUNGE" in working.ask(b"w6 EXPUNGE", b"w6 OK")
        assert_same(stuck.read(size), big)
        lines = stuck.until(b"f1 OK") + stuck.until(b"f2 OK")
        # By number nothing has moved, and nothing is told before it may be.
        assert b"* 41 FETCH (UID %d)" % known[41] in lines
        assert not any(line.startswith(b"* VANISHED") for line in lines)
        told = stuck.until(b"f3 OK")
        gone = [known[1]] + [known[number] for number in range(30, 35)]
        assert [line for line in told if b"VANISHED" in line] == [b"* VANISHED %d,%d:%d" % (gone[0], gone[1], gone[-1])]
        left = {number + 1: uid for number, uid in enumerate(uid for uid in known.values() if uid not in gone)}
        assert numbers(stuck) == left == numbers(working)


def test_a_mailbox_is_deleted_with_sessions_in_it(start_simulator):
    """RFC 2180 3.3: whoever is in it is told BYE; one who reads a letter gets it to its end before."""
    simulator = start_simulator(settings={"max_message_size": 5 * letters.MB})
    letter = letters.large_letter(1, BIG)
    with mail.imap_session(simulator) as imap:
        mail.ok(imap.create("Gone"))
        mail.ok(imap.append("Gone", "", "", letter))
        mail.ok(imap.append("Gone", "", "", letters.plain()))
    with (
        wire.imap(simulator, ANNA, b"Gone") as idling,
        wire.imap(simulator, ANNA, b"Gone") as asking,
        wire.imap(simulator, ANNA, receive_buffer=RECEIVE_BUFFER) as reading,
        wire.imap(simulator, ANNA, b"Gone") as deleting,
    ):
        idle(idling)
        reading.ask(b"e1 ENABLE QRESYNC", b"e1 OK")
        reading.ask(b"s1 SELECT Gone", b"s1 OK")
        reading.send(b"f1 FETCH 1:2 (BODY.PEEK[])\r\n")
        size = literal_size(reading.until(b"* 1 FETCH")[-1])
        deleting.ask(b"d1 DELETE Gone", b"d1 OK")
        assert idling.rest()[-1].startswith(b"* BYE ")
        assert asking.ask(b"n1 NOOP", b"* BYE")
        assert_same(reading.read(size), letter, traced=False)
        assert reading.until(b"* BYE")[:-1] == [b")"]
        # Who deleted it goes on, in no mailbox.
        assert deleting.ask(b"d2 CHECK", b"d2 ")[-1].startswith(b"d2 BAD")
        deleting.ask(b"d3 SELECT INBOX", b"d3 OK")


def test_a_session_that_comes_back_hears_what_others_did(start_simulator):
    """QRESYNC over a restart: what the mailbox remembers is on flash."""
    simulator = start_simulator()
    for number in range(30):
        mail.send(simulator, letters.text_letter(number, 500))
    with wire.imap(simulator, ANNA) as imap:
        imap.ask(b"e1 ENABLE QRESYNC", b"e1 OK")
        answer = b" ".join(imap.ask(b"s1 SELECT INBOX", b"s1 OK"))
        words = answer.replace(b"]", b" ").split()
        validity, modseq = (words[words.index(name) + 1] for name in (b"[UIDVALIDITY", b"[HIGHESTMODSEQ"))
        uids = list(numbers(imap).values())
    with wire.imap(simulator, ANNA, b"INBOX") as other:
        for k in (3, 4, 9, 29):
            other.ask(b"w1 UID STORE %d +FLAGS.SILENT (\\Deleted)" % uids[k], b"w1 OK")
        other.ask(b"w2 EXPUNGE", b"w2 OK")
        other.ask(b"w3 UID STORE %d +FLAGS.SILENT (\\Seen)" % uids[5], b"w3 OK")
    simulator.stop()
    simulator.start()
    with wire.imap(simulator, ANNA) as imap:
        imap.ask(b"e1 ENABLE QRESYNC", b"e1 OK")
        lines = imap.ask(b"s1 SELECT INBOX (QRESYNC (%s %s))" % (validity, modseq), b"s1 OK")
        gone = b"%d:%d,%d,%d" % (uids[3], uids[4], uids[9], uids[29])
        assert [line for line in lines if b"VANISHED" in line] == [b"* VANISHED (EARLIER) " + gone]
        [changed] = [line for line in lines if b"FETCH" in line]
        assert changed.startswith(b"* 4 FETCH (UID %d FLAGS (\\Seen" % uids[5])
