"""SORT: the order that Python's sorted() makes of the same keys, in little memory; what fails, and what is told."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.imap import sort as module
from postino.imap import sort_order
from postino.imap.errors import Bad, No
from postino.imap.sort import sort
from postino.mime import base_subject
from postino.store.errors import LetterGone, StoreUnavailable
from tests.unit.imap_search_support import NOW, Box, Row, Session, sleep_ms

NAMES = ("anna", "Bob", "ben", "Zoë", "zoe", "a.long.name.that.goes.on.and.on")
SUBJECTS = ("", "Re: lunch", "lunch", "Lunch at noon", "[list] Fwd: lunch", "Ärger", "arger", "=?utf-8?q?=C3=84rger?=")


@pytest.fixture(scope="module", autouse=True)
def micropython():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep_ms", sleep_ms, raising=False)
        yield


class Letter:
    """The fields of a letter, and what each criterion takes of it."""

    def __init__(self, subject, sender, to, sent, arrived, padding):
        self.subject, self.sender, self.to, self.sent, self.arrived = subject, sender, to, sent, arrived
        fields = [("Subject", subject), ("From", sender and f"Someone <{sender}@x.example>")]
        fields += [("To", to and f"{to}@y.example, other@y.example"), ("Date", sent and format_datetime(sent))]
        fields.append(("X-Padding", "x" * padding))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields if value is not None)
        self.content = (head + "\r\nbody\r\n").encode()

    def key(self, criterion):
        if criterion == b"ARRIVAL":
            return self.arrived
        if criterion == b"SIZE":
            return len(self.content)
        if criterion == b"DATE":
            return int(self.sent.timestamp()) if self.sent else self.arrived
        if criterion == b"SUBJECT":
            return base_subject.subject_key((self.subject or "").encode())
        mailbox = {b"FROM": self.sender, b"TO": self.to, b"CC": None}[criterion]
        return base_subject.mailbox_key(f"{mailbox}@x".encode() if mailbox else None)


dates = st.tuples(st.integers(-3 * 10**9, 3 * 10**9), st.sampled_from([0, 60, -480])).map(
    lambda pair: (
        datetime(1970, 1, 1, tzinfo=UTC).astimezone(timezone(timedelta(minutes=pair[1]))) + timedelta(seconds=pair[0])
    )
)
letters = st.lists(
    st.builds(
        Letter,
        st.one_of(st.none(), st.sampled_from(SUBJECTS)),
        st.one_of(st.none(), st.sampled_from(NAMES)),
        st.one_of(st.none(), st.sampled_from(NAMES)),
        st.one_of(st.none(), dates, st.just(datetime(2026, 11, 24, 12, 6, 59, tzinfo=UTC))),
        st.integers(NOW - 3, NOW),
        st.integers(0, 3),
    ),
    max_size=40,
)
criteria = st.lists(
    st.tuples(st.sampled_from([b"ARRIVAL", b"CC", b"DATE", b"FROM", b"SIZE", b"SUBJECT", b"TO"]), st.booleans()),
    min_size=1,
    max_size=7,
)


def in_order(found, program):
    """Numbers in the order of the criteria: stable sorts from the last one to the first one."""
    numbers = list(range(1, len(found) + 1))
    for criterion, backwards in reversed(program):
        numbers.sort(key=lambda number: found[number - 1].key(criterion), reverse=backwards)
        # Backwards, sorted() keeps the order of equal ones as it was, as SORT wants it.
    return numbers


def text_of(program):
    return b" ".join((b"REVERSE " if backwards else b"") + name for name, backwards in program)


def session_with(found):
    # UIDs with gaps, so that they are no numbers.
    return Session(Box([Row(3 * n, each.content, date=each.arrived) for n, each in enumerate(found, 1)]))


@given(letters, criteria)
def test_as_sorted_does_it(found, program):
    session = session_with(found)
    wanted = in_order(found, program)
    line = b"(%s) UTF-8 ALL" % text_of(program)
    assert session.run(sort, line)[0] == [b"* SORT" + b"".join(b" %d" % n for n in wanted)]
    assert session.run(sort, line, True)[0] == [b"* SORT" + b"".join(b" %d" % (3 * n) for n in wanted)]


@given(letters, criteria)
def test_in_less_memory(found, program):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sort_order, "CHUNK_OCTETS", 64)
        patch.setattr(sort_order, "MOST_OCTETS", 64)
        patch.setattr(module, "Sorter", lambda *all: sort_order.Sorter(*all, 64))
        patch.setattr(sort_order, "LONGEST", 6)
        session = session_with(found)
        wanted = in_order(found, program)
        lines, _ = session.run(sort, b"(%s) UTF-8 ALL" % text_of(program))
    assert lines == [b"* SORT" + b"".join(b" %d" % n for n in wanted)]


def some(count):
    return [Letter(f"subject {count - n:04}", "anna", None, None, NOW, 0) for n in range(count)]


def test_what_the_search_finds_is_sorted_and_nothing_else():
    session = session_with(some(5))
    assert session.run(sort, b"(SUBJECT) us-ascii 2:4")[0] == [b"* SORT 4 3 2"]
    assert session.run(sort, b"(SUBJECT) utf-8 SUBJECT nothing")[0] == [b"* SORT"]
    assert session.run(sort, b"(REVERSE SUBJECT) ISO-8859-1 NOT SUBJECT 0003", True)[0] == [b"* SORT 3 6 12 15"]
    lines, result = session.run(sort, b"(SUBJECT) UTF-8 MODSEQ 1")
    assert lines == [b"* SORT 5 4 3 2 1 (MODSEQ 1)"] and result == b"OK SORT completed"
    assert session.run(sort, b"(SUBJECT) UTF-8 MODSEQ 2")[0] == [b"* SORT"]


def test_an_empty_mailbox():
    assert session_with([]).run(sort, b"(DATE SUBJECT) UTF-8 *:*")[0] == [b"* SORT"]


def test_what_the_table_knows_is_not_read_from_letters():
    session = session_with(some(5))
    session.run(sort, b"(REVERSE ARRIVAL SIZE) UTF-8 ALL")
    assert session.reads == 0
    session.run(sort, b"(SUBJECT) UTF-8 ALL")
    assert session.reads == 5


def test_letters_that_go_meanwhile_are_not_told():
    session = session_with(some(6))
    opened = session.server.store.open_letter

    def open_letter(slot, size):
        if slot == 6:
            session.box.expunge(3)
            session.box.expunge(15)
            session.server.store.open_letter = opened
            raise LetterGone
        return opened(slot, size)

    session.server.store.open_letter = open_letter
    assert session.run(sort, b"(SUBJECT) UTF-8 ALL")[0] == [b"* SORT 6 4 3"]


def test_without_memory_for_a_moment():
    session = session_with(some(3))
    opened = session.server.store.open_letter
    failures = 5

    def open_letter(slot, size):
        nonlocal failures
        if failures:
            failures -= 1
            raise MemoryError
        return opened(slot, size)

    session.server.store.open_letter = open_letter
    assert session.run(sort, b"(SUBJECT) UTF-8 ALL")[0] == [b"* SORT 3 2 1"]


def test_a_failure_of_the_storage_fails_the_command():
    session = session_with(some(6))

    def broken(slot, size):
        raise StoreUnavailable("flash")

    session.server.store.open_letter = broken
    with pytest.raises(StoreUnavailable):
        session.run(sort, b"(SUBJECT) UTF-8 ALL")
    assert session.sent == b"" and not module._busy[0]


def test_one_at_a_time():
    first, second = session_with(some(3)), session_with(some(3))
    module._busy[0] = True
    waited = []

    async def wait(milliseconds):
        waited.append(milliseconds)
        if len(waited) == 3:
            module._busy[0] = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep_ms", wait)
        assert first.run(sort, b"(SIZE) UTF-8 ALL")[0] == [b"* SORT 1 2 3"]
    assert waited[:3] == [module.PATIENCE_MS] * 3
    assert second.run(sort, b"(SIZE) UTF-8 ALL")[0] == [b"* SORT 1 2 3"]


def test_too_many_messages():
    class Endless(Box):
        """A mailbox of more letters than a list of rows should have."""

        def __init__(self, count):
            super().__init__([])
            self.count = count
            self.uidnext = count + 1

        def __len__(self):
            return self.count

        def uid(self, index):
            return index + 1

        def lower_bound(self, uid):
            return min(uid - 1, self.count)

        def index_of(self, uid):
            return uid - 1 if uid <= self.count else -1

        def flags(self, index):
            return 0

        def size(self, index):
            return 1

    session = Session(Endless(module.MAX_MESSAGES))
    lines, _ = session.run(sort, b"(SIZE) UTF-8 %d:*" % (module.MAX_MESSAGES - 2))
    assert lines == [b"* SORT 8190 8191 8192"]
    session = Session(Endless(module.MAX_MESSAGES + 1))
    with pytest.raises(No, match="LIMIT"):
        session.run(sort, b"(SIZE) UTF-8 *")
    assert session.run(sort, b"(SIZE) UTF-8 1:3")[0] == [b"* SORT 1 2 3"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"()",
        b"() UTF-8 ALL",
        b"SUBJECT UTF-8 ALL",
        b"(SUBJECT)",
        b"(SUBJECT) UTF-8",
        b"(SUBJECT) UTF-8 ",
        b"(SUBJECT)UTF-8 ALL",
        b"(SUBJECT UTF-8 ALL",
        b"(REVERSE) UTF-8 ALL",
        b"(REVERSE REVERSE SUBJECT) UTF-8 ALL",
        b"(DISPLAYFROM) UTF-8 ALL",
        b"(SUBJECT,DATE) UTF-8 ALL",
        b"(SUBJECT) UTF-8 FROB",
        b"RETURN (ALL) (SUBJECT) UTF-8 ALL",
        b"(" + b"SIZE " * 7 + b"DATE) UTF-8 ALL",
        b"(SUBJECT) UTF-8 SUBJECT {1+}\r\n\xff",
    ],
)
def test_what_is_no_sort(line):
    with pytest.raises(Bad):
        session_with(some(2)).run(sort, line)


def test_a_charset_that_is_not_known():
    with pytest.raises(No, match="BADCHARSET"):
        session_with(some(2)).run(sort, b"(SUBJECT) X-NONE ALL")
