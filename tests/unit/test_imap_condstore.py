"""CONDSTORE and QRESYNC at their limits, and where sessions get in each other's way (RFC 7162)."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap import qresync, session, storing
from postino.net.errors import ConnectionClosed
from postino.store import contents
from postino.store.flags import FLAGGED, SEEN
from tests.unit.test_imap_session import Connection, append, letters_of, micropython, server, talk

__all__ = ["micropython", "server"]

LOGIN = b"L LOGIN anna {11+}\r\ntin whistle\r\n"


def codes(said):
    return [int(code) for code in re.findall(rb"HIGHESTMODSEQ (\d+)", said)]


def modseqs(said):
    return [int(number) for number in re.findall(rb"MODSEQ \((\d+)\)", said)]


def selected(server, name=b"INBOX"):
    """(UIDVALIDITY, HIGHESTMODSEQ) of a mailbox."""
    said = talk(server, b"S EXAMINE " + name)
    return int(re.findall(rb"UIDVALIDITY (\d+)", said)[0]), codes(said)[0]


def play(server, *pieces):
    """A session that is given octets, and functions that are called in between. Returns what it says after SELECT."""
    conn = Connection([LOGIN, *pieces], service="imap")

    async def run():
        with pytest.raises(ConnectionClosed):
            await session.serve(conn, server)

    asyncio.run(run())
    return conn.sent.partition(b"S OK")[2].partition(b"\r\n")[2]


# The condition of STORE ---------------------------------------------------------------------------------------------


def test_too_many_ranges_in_modified_end_the_storing(server, monkeypatch):
    monkeypatch.setattr(storing, "MAX_MODIFIED", 2)
    monkeypatch.setattr(storing, "BATCH", 3)
    talk(server, *[append()] * 9)
    known = selected(server)[1]
    box = letters_of(server, "INBOX")
    box.change_flags([2, 4, 8], FLAGGED, 0)
    said = talk(server, b"S SELECT INBOX", b"a UID STORE 1:9 (UNCHANGEDSINCE %d) +FLAGS.SILENT (\\Seen)" % known)
    # 2 and 4 have changed; from there on nothing is done, and all of it is named.
    assert b"a OK [MODIFIED 2,4:9] " in said
    assert [box.uid(row) for row in range(9) if box.flags(row) & SEEN] == [1, 3]


def test_nothing_comes_between_the_condition_and_the_change(server, monkeypatch):
    monkeypatch.setattr(storing, "BATCH", 2)
    talk(server, *[append()] * 4)
    known = selected(server)[1]
    box = letters_of(server, "INBOX")
    changed = []

    async def others_turn(milliseconds):
        # After the first batch, a letter of the second.
        if box.flags(0) & SEEN and not changed:
            changed.append(box.change_flags([3], FLAGGED, 0))

    monkeypatch.setattr(asyncio, "sleep_ms", others_turn)
    said = talk(server, b"S SELECT INBOX", b"a STORE 1:4 (UNCHANGEDSINCE %d) FLAGS (\\Seen)" % known)
    assert changed and b"a OK [MODIFIED 3] " in said
    assert [box.flags(row) for row in range(4)] == [SEEN, SEEN, FLAGGED, SEEN]


# How far the client's knowledge goes --------------------------------------------------------------------------------


def test_expunges_are_held_back_from_the_highest_number_of_a_command_that_fails(server):
    talk(server, *[append()] * 4)
    box = letters_of(server, "INBOX")
    expunged = []

    def expunge():
        box.expunge([2])
        expunged.append(box.highest_modseq)

    said = play(
        server,
        b"E ENABLE QRESYNC\r\nS SELECT INBOX\r\n",
        expunge,
        b"a STORE 1:3 +FLAGS (\\Flagged)\r\n",
        b"b NOOP\r\n",
    )
    store, _, noop = said.partition(b"a NO [EXPUNGEISSUED]")
    # RFC 7162 6: it has seen higher ones, and would never hear of the expunge.
    assert max(modseqs(store)) > expunged[0]
    assert codes(store) == [expunged[0] - 1]
    assert b"\r\n* VANISHED 2\r\n" in noop and codes(noop) == [box.highest_modseq]


@pytest.mark.parametrize("others", [0, 1, 2, 3, 11, 20])
def test_changes_that_come_while_changes_are_told(server, monkeypatch, others):
    monkeypatch.setattr(session, "YIELD_EVERY", 1)
    talk(server, *[append()] * 3)
    box = letters_of(server, "INBOX")
    left = [others]
    begun = []

    def change():
        begun.append(box.change_flags([1, 2, 3], FLAGGED, 0))

    async def others_turn(milliseconds):
        # While the flags of one letter are told, those of the others change: the later letter is the last to do so.
        if begun and left[0]:
            left[0] -= 1
            for uid in (1, 2, 3):
                box.change_flags([uid], SEEN if left[0] % 2 else 0, 0 if left[0] % 2 else SEEN)

    monkeypatch.setattr(asyncio, "sleep_ms", others_turn)
    said = play(server, b"S SELECT INBOX (CONDSTORE)\r\n", change, b"a NOOP\r\n")
    told = dict(re.findall(rb"FETCH \(UID (\d) FLAGS \(([^)]*)\)", said))
    known = codes(said)[-1] if codes(said) else max(modseqs(said))
    for uid in (1, 2, 3):
        row = box.index_of(uid)
        assert box.modseq(row) > known or bool(box.flags(row) & SEEN) == (b"\\Seen" in told[b"%d" % uid])
    # There is an end of telling, and what is left is not said to be known.
    assert (known < box.highest_modseq) == (others > 10)


def test_the_code_of_expunge_counts_what_others_did(server):
    talk(server, append(flags=b"(\\Deleted) "), append(), append())
    box = letters_of(server, "INBOX")

    def meddle():
        box.change_flags([3], FLAGGED, 0)
        box.expunge([2])

    said = play(server, b"E ENABLE QRESYNC\r\nS SELECT INBOX\r\n", meddle, b"a EXPUNGE\r\nb CLOSE\r\n")
    lines = said.splitlines()
    assert lines[0] == b"* VANISHED 1:2"
    assert lines[1].startswith(b"* 1 FETCH (UID 3 FLAGS (\\Flagged")
    assert lines[2] == b"a OK [HIGHESTMODSEQ %d] EXPUNGE completed" % box.highest_modseq
    assert lines[3] == b"b OK CLOSE completed"


def test_qresync_enabled_with_a_mailbox_open(server):
    talk(server, *[append()] * 5)
    box = letters_of(server, "INBOX")
    box.expunge([3])
    said = play(
        server,
        b"S SELECT INBOX\r\n",
        lambda: box.expunge([2, 4]),
        b"a ENABLE QRESYNC\r\n",
        lambda: box.expunge([1, 5]),
        b"b NOOP\r\n",
    )
    before, _, after = said.partition(b"* ENABLED QRESYNC\r\n")
    # Those from before cannot be told by UID any more: which of 2 to 4 the client had is not known.
    assert b"* 2 EXPUNGE\r\n* 2 EXPUNGE\r\n" in before and b"VANISHED" not in before
    assert b"* VANISHED 1,5\r\n" in after and b"EXPUNGE\r\n" not in after


@pytest.mark.parametrize(("keys", "held"), [(b"2:3", True), (b"(OR SEEN NOT 1)", True), (b"UID 1:9", False)])
def test_no_letter_vanishes_in_a_search_by_numbers(server, keys, held):
    """RFC 7162 3.2.10.2: in a UID SEARCH that contains message numbers, VANISHED must not be sent."""
    talk(server, *[append()] * 4)
    box = letters_of(server, "INBOX")
    search = b"a UID SEARCH %s\r\n" % keys
    said = play(server, b"E ENABLE QRESYNC\r\nS SELECT INBOX\r\n", lambda: box.expunge([1]), search, b"b NOOP\r\n")
    in_search, _, after = said.partition(b"a OK")
    assert (b"* VANISHED 1\r\n" in in_search, b"* VANISHED 1\r\n" in after) == (not held, held)


# What is not remembered ---------------------------------------------------------------------------------------------


@pytest.fixture
def forgetful(server, monkeypatch):
    """INBOX has 3, 6 and 9 of ten letters, and has forgotten what went first. UIDVALIDITY, HIGHESTMODSEQ of before."""
    monkeypatch.setattr(contents, "MAX_HISTORY", 2)
    talk(server, *[append()] * 10)
    known = selected(server)
    box = letters_of(server, "INBOX")
    for uid in (1, 2, 4, 5, 7, 8, 10):
        box.expunge([uid])
    return known


@pytest.mark.parametrize(
    ("more", "gone"),
    [
        (b"", b"1:2,4:5,7:8,10"),
        (b" 2:5", b"2,4:5"),
        (b" 3,6,9", None),
        (b" 8:20", b"8,10"),
        # The third letter was number 3: it was not.
        (b" 1:10 (3 3)", b"1:2,4:5,7:8,10"),
        # The client knows that 1 and 2 have gone: 3 is number 1 for it as well.
        (b" 3:10 (1 3)", b"4:5,7:8,10"),
        (b" (1:2 3,6)", b"7:8,10"),
        (b" (1:3 3,6,9)", b"10"),
        (b" (1:3 3,5,9)", b"4:5,7:8,10"),
    ],
)
def test_what_is_not_there_is_told_where_the_mailbox_has_forgotten(server, forgetful, more, gone):
    said = talk(server, b"E ENABLE QRESYNC", b"S SELECT INBOX (QRESYNC (%d %d%s))" % (*forgetful, more))
    assert re.findall(rb"\* VANISHED \(EARLIER\) (\S+)\r\n", said) == ([gone] if gone else [])


def test_vanished_of_fetch_where_the_mailbox_has_forgotten(server, forgetful):
    said = talk(
        server,
        b"E ENABLE QRESYNC",
        b"S SELECT INBOX",
        b"a UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" % forgetful[1],
        b"b UID FETCH 4:6 (FLAGS) (CHANGEDSINCE %d VANISHED)" % forgetful[1],
        b"c UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" % selected(server)[1],
    )
    assert re.findall(rb"\* VANISHED \(EARLIER\) (\S+)\r\n", said) == [b"1:2,4:5,7:8,10", b"4:5"]


class _Box:
    def __init__(self, uids):
        self.uids = uids

    def __len__(self):
        return len(self.uids)

    def uid(self, row):
        return self.uids[row]


class _View:
    def __init__(self, uids):
        self.box = _Box(uids)


@given(st.sets(st.integers(1, 60), min_size=1), st.sets(st.integers(1, 60)), st.data())
def test_numbers_that_match_prove_that_nothing_below_has_gone(had, gone, data):
    had = sorted(had)
    live = [uid for uid in had if uid not in gone]
    numbers = sorted(data.draw(st.sets(st.integers(1, len(had)), min_size=1)))
    uids = [had[number - 1] for number in numbers]
    sure = qresync._confirmed(_View(live), _pairs(numbers), _pairs(uids))
    assert all(uid in live for uid in had if uid <= sure)
    if live == had:
        assert sure == uids[-1]


def _pairs(numbers):
    """Ranges of an ascending list, as they come from sequence.parse."""
    pairs = []
    for number in numbers:
        if pairs and pairs[-1] == number - 1:
            pairs[-1] = number
        else:
            pairs += [number, number]
    return pairs
