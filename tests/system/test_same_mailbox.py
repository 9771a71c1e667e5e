"""POP3 and IMAP on the same mailbox at the same time, and two IMAP sessions on one."""

from tests.support import letters, mail, wire
from tests.support.simulator import PASSWORDS
from tests.support.trace import assert_same

ANNA = (b"anna", PASSWORDS["anna"].encode())


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
