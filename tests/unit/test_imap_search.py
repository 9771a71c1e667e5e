"""SEARCH: random searches on random mailboxes beside the same questions asked in Python; limits, and what fails."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap import capabilities, search_keys, search_walk
from postino.imap.errors import Bad, No
from postino.imap.search import search
from postino.net.errors import ServerStopping
from postino.store.errors import StoreUnavailable
from postino.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from tests.unit.imap_search_support import NOW, Box, Reader, Row, Session, sleep_ms

DAY = 86400
KEYWORD = 1 << 8
WORDS = ("apple", "Birne", "Ärger", "ärger", "плод", "x")
SYSTEM = {b"SEEN": SEEN, b"ANSWERED": ANSWERED, b"FLAGGED": FLAGGED, b"DELETED": DELETED, b"DRAFT": DRAFT}


@pytest.fixture(scope="module", autouse=True)
def micropython():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep_ms", sleep_ms, raising=False)
        yield


def imap_day(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%d-%b-%Y").encode()


def letter(subject, body):
    head = "From: %s <a@x>\r\nSubject: %s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" % (subject[::-1], subject)
    return (head + body + "\r\n").encode()


@st.composite
def rows(draw):
    uids = sorted(draw(st.sets(st.integers(1, 40), max_size=12)))
    phrases = st.lists(st.sampled_from(WORDS), max_size=2).map(" ".join)
    return [
        Row(
            uid,
            letter(draw(phrases), draw(phrases)),
            sum(draw(st.sets(st.sampled_from([*SYSTEM.values(), KEYWORD])))),
            NOW - draw(st.integers(0, 5 * DAY)),
            draw(st.sampled_from([0, NOW - DAY, NOW - 3 * DAY])),
            draw(st.integers(1, 9)),
        )
        for uid in uids
    ]


def literal(text):
    octets = text.encode()
    return b"{%d+}\r\n%s" % (len(octets), octets)


def flag_keys():
    for name, bit in SYSTEM.items():
        yield name, lambda row, bit=bit: bool(row.flags & bit)
        yield b"UN" + name, lambda row, bit=bit: not row.flags & bit
    yield b"KEYWORD word", lambda row: bool(row.flags & KEYWORD)
    yield b"UNKEYWORD word", lambda row: not row.flags & KEYWORD
    yield b"KEYWORD unknown", lambda row: False
    yield b"UNKEYWORD unknown", lambda row: True
    yield b"ALL", lambda row: True
    yield b"SAVEDATESUPPORTED", lambda row: True
    yield b"THREADID T1", lambda row: False


def day_keys(name, value):
    def key(back):
        day = imap_day(NOW - back * DAY)
        number = (NOW - back * DAY) // DAY
        return [
            (b"%sBEFORE %s" % (name, day), lambda row: value(row) // DAY < number),
            (b"%sON %s" % (name, day), lambda row: value(row) // DAY == number),
            (b"%sSINCE %s" % (name, day), lambda row: value(row) // DAY >= number),
        ]

    return st.integers(-1, 6).flatmap(lambda back: st.sampled_from(key(back)))


def number_keys():
    return st.one_of(
        st.integers(0, 200).map(lambda n: (b"LARGER %d" % n, lambda row: len(row.content) > n)),
        st.integers(0, 200).map(lambda n: (b"SMALLER %d" % n, lambda row: len(row.content) < n)),
        st.integers(0, 10).map(lambda n: (b"MODSEQ %d" % n, lambda row: row.modseq >= n)),
        st.integers(1, 5 * DAY).map(lambda n: (b"OLDER %d" % n, lambda row: row.date <= NOW - n)),
        st.integers(1, 5 * DAY).map(lambda n: (b"YOUNGER %d" % n, lambda row: row.date >= NOW - n)),
        st.just((b"SMALLER 9223372036854775807", lambda row: True)),
        st.tuples(st.integers(1, 45), st.integers(1, 45)).map(
            lambda p: (b"UID %d:%d" % p, lambda row: min(p) <= row.uid <= max(p))
        ),
    )


def text_keys():
    def key(word):
        folded = word.lower()
        return [
            (b"SUBJECT " + literal(word), lambda row: folded in row.content.decode().split("\r\n")[1][9:].lower()),
            (b"BODY " + literal(word), lambda row: folded in row.content.decode().partition("\r\n\r\n")[2].lower()),
            (b"TEXT " + literal(word), lambda row: folded in row.content.decode().lower()),
            (b"HEADER from " + literal(word), lambda row: folded in row.content.decode().split("\r\n")[0][6:].lower()),
        ]

    return st.sampled_from(WORDS + tuple(word[::-1] for word in WORDS)).flatmap(lambda word: st.sampled_from(key(word)))


def combined(inner):
    return st.one_of(
        inner.map(lambda k: (b"NOT " + k[0], lambda row: not k[1](row))),
        st.tuples(inner, inner).map(
            lambda k: (b"OR %s %s" % (k[0][0], k[1][0]), lambda row: k[0][1](row) or k[1][1](row))
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda ks: (b"(%s)" % b" ".join(k[0] for k in ks), lambda row: all(k[1](row) for k in ks))
        ),
    )


leaves = st.one_of(
    st.sampled_from(list(flag_keys())),
    day_keys(b"", lambda row: row.date),
    day_keys(b"SAVED", lambda row: row.saved or row.date),
    # Without a Date field, a letter counts as sent on the first of all days.
    day_keys(b"SENT", lambda row: 0),
    number_keys(),
    text_keys(),
)
queries = st.recursive(leaves, combined, max_leaves=6)


def expanded(text):
    """The numbers of a sequence set."""
    result = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        result += range(int(low), int(high or low) + 1)
    return result


@given(rows(), queries)
def test_as_python_finds_it(letters, query):
    session = Session(Box(letters, ["word"]))
    wanted = [number for number, row in enumerate(letters, 1) if query[1](row)]
    uids = [letters[number - 1].uid for number in wanted]
    modseq = b""
    if b"MODSEQ" in query[0] and wanted:
        modseq = b" (MODSEQ %d)" % max(letters[number - 1].modseq for number in wanted)
    plain, result = session.run(search, query[0])
    assert plain == [b"* SEARCH" + b"".join(b" %d" % number for number in wanted) + modseq]
    assert result == b"OK SEARCH completed"
    by_uid, _ = session.run(search, query[0], True)
    assert by_uid == [b"* SEARCH" + b"".join(b" %d" % uid for uid in uids) + modseq]


@given(rows(), queries, st.booleans())
def test_extended_results_say_the_same(letters, query, by_uid):
    session = Session(Box(letters, ["word"]))
    plain = [int(word) for word in session.run(search, query[0], by_uid)[0][0].partition(b" (")[0].split()[2:]]
    lines, _ = session.run(search, b"RETURN (ALL COUNT MIN MAX) " + query[0], by_uid)
    words = lines[0].split()
    assert words[:4] == [b"*", b"ESEARCH", b"(TAG", b'"t")']
    assert (words[4:5] == [b"UID"]) == by_uid
    words = words[4 + by_uid :]
    told = dict(zip(words[::2], words[1::2], strict=True))
    assert told.pop(b"COUNT") == b"%d" % len(plain)
    if not plain:
        assert not told
        return
    assert (told[b"MIN"], told[b"MAX"]) == (b"%d" % min(plain), b"%d" % max(plain))
    assert expanded(told[b"ALL"]) == plain
    assert (b"MODSEQ" in told) == (b"MODSEQ" in query[0])
    # No two ranges touch.
    parts = [part.split(b":") for part in told[b"ALL"].split(b",")]
    assert all(int(a[-1]) + 1 < int(b[0]) for a, b in pairwise(parts))


@given(rows(), queries, st.sampled_from([b"", b"ALL ", b"COUNT ", b"MIN ", b"MAX ", b"MIN MAX ", b"MIN ALL "]))
def test_what_is_saved(letters, query, options):
    session = Session(Box(letters, ["word"]))
    found = [int(word) for word in session.run(search, query[0], True)[0][0].partition(b" (")[0].split()[2:]]
    lines, _ = session.run(search, b"RETURN (%sSAVE) %s" % (options, query[0]))
    assert bool(lines) == bool(options)
    if options == b"MIN " or options == b"MAX ":
        found = found[:1] if options == b"MIN " else found[-1:]
    elif options == b"MIN MAX ":
        found = sorted({*found[:1], *found[-1:]})
    for again in (b"$", b"UID $", b"NOT NOT $", b"OR $ $"):
        assert session.run(search, again, True)[0] == [b"* SEARCH" + b"".join(b" %d" % uid for uid in found)]


def mailbox(count, **more):
    return Session(Box([Row(uid, letter("s", "b")) for uid in range(1, count + 1)]), **more)


def saved(session):
    return list(session.saved_result or ())


def test_a_failing_search_saves_nothing_but_a_wrong_one_changes_nothing():
    session = mailbox(3)
    session.run(search, b"RETURN (SAVE) 2:3")
    assert saved(session) == [2, 3]
    for wrong in (b"RETURN (SAVE) FROB", b"RETURN (SAVE NONSENSE) ALL", b"RETURN (SAVE) 0", b"CHARSET FROB ALL"):
        with pytest.raises((Bad, No)):
            session.run(search, wrong)
        assert saved(session) == [2, 3]
    with pytest.raises(No, match="BADCHARSET"):
        session.run(search, b"RETURN (SAVE) CHARSET FROB ALL")
    assert saved(session) == []
    session.run(search, b"RETURN (SAVE) 2:3")

    def broken(slot, size):
        raise StoreUnavailable("flash")

    session.server.store.open_letter = broken
    with pytest.raises(StoreUnavailable):
        session.run(search, b"RETURN (SAVE) SUBJECT s")
    assert saved(session) == []


def test_a_result_of_too_many_ranges_is_not_saved():
    session = Session(Box([Row(uid, flags=SEEN * (uid % 2)) for uid in range(1, 515)]))
    lines, _ = session.run(search, b"RETURN (SAVE COUNT) SEEN 1:512")
    assert lines == [b'* ESEARCH (TAG "t") COUNT 256'] and len(saved(session)) == 512
    with pytest.raises(No, match="NOTSAVED"):
        session.run(search, b"RETURN (SAVE COUNT) SEEN")
    assert session.sent == b'* ESEARCH (TAG "t") COUNT 257\r\n' and saved(session) == []


def test_a_saved_range_goes_on_over_letters_that_are_gone():
    session = Session(Box([Row(uid) for uid in range(1, 1000, 3)]))
    session.run(search, b"RETURN (SAVE) ALL")
    assert saved(session) == [1, 997]
    session.box.expunge(4)
    assert session.run(search, b"$ UID 1:10", True)[0] == [b"* SEARCH 1 7 10"]


def test_min_alone_stops_at_the_first():
    session = mailbox(50)
    assert session.run(search, b"RETURN (MIN) SUBJECT s")[0] == [b'* ESEARCH (TAG "t") MIN 1']
    assert session.reads == 1
    session.run(search, b"RETURN (MIN COUNT) SUBJECT s")
    assert session.reads == 51


@pytest.mark.parametrize(
    ("options", "modseq"), [(b"MIN", 7), (b"MAX", 3), (b"MIN MAX", 7), (b"COUNT", 9), (b"MIN ALL", 9), (b"", 9)]
)
def test_the_modification_sequence_is_that_of_what_is_told(options, modseq):
    session = Session(Box([Row(1, modseq=1), Row(2, modseq=7), Row(3, modseq=9), Row(4, modseq=3)]))
    lines, _ = session.run(search, b"RETURN (%s) MODSEQ 2" % options)
    assert lines[0].endswith(b" MODSEQ %d" % modseq)
    assert session.enabled & capabilities.CONDSTORE
    assert session.run(search, b'MODSEQ "/flags/\\\\draft" priv 8')[0] == [b"* SEARCH 3 (MODSEQ 9)"]
    assert session.run(search, b"RETURN (ALL) MODSEQ 10")[0] == [b'* ESEARCH (TAG "t")']


def test_imap4rev2_has_no_search_response():
    session = mailbox(3, enabled=capabilities.IMAP4REV2)
    assert session.run(search, b"ALL")[0] == [b'* ESEARCH (TAG "t") ALL 1:3']
    assert session.run(search, b"SEEN", True)[0] == [b'* ESEARCH (TAG "t") UID']


def test_only_letters_that_can_match_are_looked_at():
    session = mailbox(50)
    session.run(search, b"UID 10:12 SUBJECT s")
    assert session.reads == 3
    session.run(search, b"UNSEEN DELETED SUBJECT s")
    assert session.reads == 3


@pytest.mark.parametrize(
    ("keys", "reads"),
    [
        (b"SEEN SINCE 1-Jan-2020", 0),
        (b"SINCE 1-Jan-2020 SEEN", 0),
        (b"LARGER 3 SMALLER 900 NOT (OR SEEN UNSEEN)", 0),
        (b"LARGER 3 OR SAVEDON 1-Jan-2020 UNSEEN NOT (NOT SEEN)", 0),
        (b"MODSEQ 1 UID 3", 2),
        (b"OR SINCE 1-Jan-2020 UNSEEN", 0),
        (b"NOT NOT (BEFORE 1-Jan-2020 FLAGGED)", 0),
        (b"UNSEEN SMALLER 900", 50),
    ],
)
def test_what_is_in_memory_is_asked_first(keys, reads):
    session = mailbox(50)
    session.run(search, keys)
    assert session.box.cold_reads == reads


def test_a_header_is_read_up_to_what_is_looked_for():
    header = b"Subject: x\r\nTo: y\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"z" * 60) for number in range(99))
    session = Session(Box([Row(1, header + b"Date: Tue, 24 Nov 2026 09:00:00 +0000\r\n\r\n")]))

    def blocks(keys):
        before = Reader.blocks
        assert session.run(search, keys)[0] == [b"* SEARCH 1"]
        return Reader.blocks - before

    assert blocks(b"SUBJECT x TO y") == 1
    assert blocks(b"NOT SUBJECT z") > 6
    assert blocks(b"SUBJECT x SENTON 24-Nov-2026") > 6


def test_letters_that_go_during_a_search_are_not_told():
    session = mailbox(6)
    opened = session.server.store.open_letter

    def open_letter(slot, size):
        reader = opened(slot, size)
        if slot == 2:
            session.box.expunge(2)
            session.box.expunge(4)
        return reader

    session.server.store.open_letter = open_letter
    # The numbers of the others stay: the client has not been told yet.
    assert session.run(search, b"SUBJECT s")[0] == [b"* SEARCH 1 3 5 6"]
    assert session.run(search, b"RETURN (ALL MAX) SUBJECT s")[0] == [b'* ESEARCH (TAG "t") ALL 1,3,5:6 MAX 6']


def test_rows_that_move_during_a_search():
    letters = [Row(uid, letter("s", "b"), flags=SEEN * (uid == 4)) for uid in range(1, 7)]
    session = Session(Box(letters))
    opened = session.server.store.open_letter

    def open_letter(slot, size):
        reader = opened(slot, size)
        if slot == 4:
            session.box.expunge(1)
        return reader

    session.server.store.open_letter = open_letter
    assert session.run(search, b"SUBJECT s SEEN", True)[0] == [b"* SEARCH 4"]


def test_without_memory_for_a_moment():
    session = mailbox(2)
    opened = session.server.store.open_letter
    failures = search_walk.TRIES - 1

    def open_letter(slot, size):
        nonlocal failures
        if failures:
            failures -= 1
            raise MemoryError
        return opened(slot, size)

    session.server.store.open_letter = open_letter
    assert session.run(search, b"SUBJECT s TEXT b")[0] == [b"* SEARCH 1 2"]
    failures = search_walk.TRIES
    with pytest.raises(MemoryError):
        session.run(search, b"SUBJECT s TEXT b")


def test_a_search_ends_when_the_server_stops():
    session = mailbox(9)
    opened = session.server.store.open_letter

    def open_letter(slot, size):
        session.conn.closing = slot == 4
        return opened(slot, size)

    session.server.store.open_letter = open_letter
    with pytest.raises(ServerStopping):
        session.run(search, b"SUBJECT s")
    # The line that was begun has its end.
    assert session.sent == b"* SEARCH 1 2 3 4\r\n"


def test_an_empty_mailbox():
    session = mailbox(0)
    for query in (b"ALL", b"*", b"*:*", b"1:*", b"UID *", b"UID 1:*", b"SUBJECT s", b"NOT 1"):
        assert session.run(search, query)[0] == [b"* SEARCH"]
    assert session.run(search, b"RETURN (MIN COUNT SAVE) *:*")[0] == [b'* ESEARCH (TAG "t") COUNT 0']


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"RETURN",
        b"RETURN (",
        b"RETURN (ALL)",
        b"RETURN (ALL ) ALL",
        b"RETURN (ALL(MIN)) ALL",
        b"RETURN (PARTIAL 1:2) ALL",
        b"RETURN ALL",
        b"CHARSET UTF-8",
        b"CHARSET",
        b"CHARSET UTF-8 RETURN (ALL) ALL",
        b"FUZZY SUBJECT x",
        b"NOT",
        b"OR ALL",
        b"()",
        b"(ALL",
        b"ALL)",
        b"ALL ALL(",
        b"$1",
        b"1,$",
        b"0",
        b"1:",
        b"UID",
        b"UID 0",
        b"UID abc",
        b"OLDER 0",
        b"OLDER 4294967296",
        b"YOUNGER -1",
        b"LARGER 9223372036854775808",
        b"LARGER x",
        b"SAVEDON 31-Feb-2026",
        b"ON",
        b"ON 1-1-2026",
        b"SENTON yesterday",
        b"SAVED 1-Jan-2026",
        b"HEADER Subject",
        b"KEYWORD",
        b"KEYWORD (x)",
        b'MODSEQ "/flags/\\\\draft" 1',
        b'MODSEQ "/other" all 1',
        b'MODSEQ "/flags/x" some 1',
        b"MODSEQ",
        b"EMAILID",
        b"THREADID",
        b"SUBJECT {2+}\r\n\xff\xfe",
        b"CHARSET US-ASCII SUBJECT {1+}\r\n\xe4",
        b"NOT " * 9 + b"ALL",
        b"OR ALL " * 9 + b"ALL",
        b"(" * 9 + b"ALL" + b")" * 9,
        b"ALL " * 64 + b"ALL",
        b" ".join([b",".join(b"%d" % n for n in range(1, 800, 2))] * 2),
    ],
)
def test_what_is_no_search(line):
    with pytest.raises(Bad):
        mailbox(1000 if len(line) > 1000 else 3).run(search, line)


def test_at_the_limits():
    session = mailbox(3)
    for line in (
        b"NOT " * 8 + b"SEEN",
        b"OR SEEN " * 8 + b"SEEN",
        b"(" * 8 + b"SEEN" + b")" * 8,
        b"SEEN " * 63 + b"SEEN",
    ):
        assert session.run(search, line)[0] == [b"* SEARCH"]
    longest = b"x" * search_keys.MAX_TEXT
    assert session.run(search, b'BODY "%s"' % longest)[0] == [b"* SEARCH"]
    with pytest.raises(No, match="LIMIT"):
        session.run(search, b"BODY " + literal("x" * (search_keys.MAX_TEXT + 1)))


@pytest.mark.parametrize(
    ("off", "line"),
    [
        (b"ESEARCH", b"RETURN (ALL) ALL"),
        (b"SEARCHRES", b"RETURN (SAVE) ALL"),
        (b"SEARCHRES", b"$"),
        (b"WITHIN", b"OLDER 1"),
        (b"SAVEDATE", b"SAVEDON 1-Jan-2026"),
        (b"SAVEDATE", b"SAVEDATESUPPORTED"),
        (b"CONDSTORE", b"MODSEQ 1"),
        (b"OBJECTID", b"EMAILID M1"),
        (b"OBJECTID", b"THREADID T1"),
    ],
)
def test_what_is_switched_off_is_unknown(off, line):
    with pytest.raises(Bad):
        mailbox(3, off=(off,)).run(search, line)


def test_no_charset_after_utf8_accept():
    session = mailbox(3, enabled=capabilities.UTF8_ACCEPT)
    with pytest.raises(Bad):
        session.run(search, b"CHARSET UTF-8 ALL")
    assert session.run(search, 'SUBJECT "ä"'.encode())[0] == [b"* SEARCH"]


def test_while_the_clock_is_not_set_every_letter_is_young():
    session = mailbox(3)
    session.server.clock = lambda: 0
    assert session.run(search, b"YOUNGER 1")[0] == [b"* SEARCH 1 2 3"]
    assert session.run(search, b"OLDER 1")[0] == [b"* SEARCH"]
