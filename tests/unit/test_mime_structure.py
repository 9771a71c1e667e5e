"""The structure scanner: offsets, section numbers, broken mail, any split; compared with Python's email package."""

import email
import email.policy
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postino.mime import structure
from postino.mime.part_table import GLOBAL, LEAF, LETTER, MESSAGE, MULTIPART, NOTHING, RAW
from postino.mime.structure import StructureScanner


def scan(data, size=None):
    scanner = StructureScanner()
    for i in range(0, len(data), size or max(len(data), 1)):
        scanner.feed(data[i : i + size] if size else data)
    return scanner.finish()


def scan_everywhere(data):
    """The table, the same for every split in two, octet by octet, and for a memoryview."""
    table = scan(data)
    assert scan(data, 1).numbers == table.numbers
    assert scan(memoryview(bytearray(data))).numbers == table.numbers
    for i in range(1, len(data)):
        scanner = StructureScanner()
        scanner.feed(data[:i])
        scanner.feed(data[i:])
        assert scanner.finish().numbers == table.numbers, i
        assert scan_runs(data, [i]).numbers == table.numbers, i
    assert scan_runs(data, range(1, len(data))).numbers == table.numbers
    return table


def scan_runs(data, cuts, known=False):
    """The table by way of feed_run(), from one buffer cut at these places."""
    scanner = StructureScanner()
    buffer = bytearray(data)
    start = 0
    for end in [*cuts, len(data)]:
        scanner.feed_run(buffer, start, end, data.count(b"\n", start, end) if known else -1)
        start = end
    return scanner.finish()


def kinds(table):
    return [table.kind(i) for i in range(table.count)]


def body(data, table, *section):
    start, end = table.body_range(table.find(section, True))
    return data[start:end]


def mime(data, table, *section):
    start, end = table.mime_range(table.find(section, True))
    return data[start:end]


def crlf(text):
    return text.replace(b"\n", b"\r\n")


FORWARD = b"""From: anna@x
Content-Type: multipart/mixed; boundary="a"

preamble
--a
Content-Type: text/plain

one
two
--a
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/alternative; boundary=aa

--aa

plain
--aa
Content-Type: text/html

<p>
--aa--
inner epilogue
--a
Content-Type: message/rfc822

Subject: single

text
--a--
epilogue
"""


@pytest.mark.parametrize("data", [FORWARD, crlf(FORWARD)])
def test_forwarded_letters(data):
    table = scan_everywhere(data)
    eol = b"\r\n" if b"\r" in data else b"\n"
    assert kinds(table) == [MULTIPART, LEAF, MESSAGE, MULTIPART, LEAF, LEAF, MESSAGE, LEAF]
    assert body(data, table) == data
    assert body(data, table, 1) == b"one" + eol + b"two"
    assert mime(data, table, 1) == b"Content-Type: text/plain" + eol * 2
    assert table.lines(table.find((1,), True)) == 1
    assert body(data, table, 2).startswith(b"Subject: inner") and body(data, table, 2).endswith(b"inner epilogue")
    assert table.lines(table.find((2,), True)) == body(data, table, 2).count(b"\n")
    assert body(data, table, 2, 1) == b"plain"
    assert mime(data, table, 2, 1) == eol
    assert body(data, table, 2, 2) == b"<p>"
    assert body(data, table, 3, 1) == b"text"
    start, end = table.header_range(table.find((3,), True), True)
    assert data[start:end] == b"Subject: single" + eol * 2
    start, end = table.text_range(table.find((2,), True), True)
    assert data[start:end].startswith(b"--aa") and data[start:end].endswith(b"inner epilogue")
    start, end = table.header_range(LETTER, True)
    assert data[start:end].startswith(b"From:") and data[start:end].endswith(eol * 2)
    assert table.text_range(LETTER, True) == (end, len(data))
    assert table.header_range(table.find((1,), True), True) is None
    assert table.text_range(table.find((1,), True), True) is None
    for section in ((4,), (0,), (1, 1), (2, 3), (3, 2), (3, 1, 1)):
        assert table.find(section, True) is None


def test_letter_with_one_part():
    data = b"Subject: x\r\n\r\nbody\r\n"
    table = scan_everywhere(data)
    assert table.find((), True) == LETTER
    assert body(data, table, 1) == b"body\r\n"
    assert table.lines(0) == 1
    assert table.find((2,), True) is None
    assert table.find((1, 1), True) is None


def test_letter_that_is_a_letter():
    data = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody"
    table = scan_everywhere(data)
    assert kinds(table) == [MESSAGE, LEAF]
    assert body(data, table, 1) == b"Subject: inner\r\n\r\nbody"
    assert body(data, table, 1, 1) == b"body"
    assert table.header_range(LETTER, True) == (0, data.find(b"Subject"))
    assert table.header_range(table.find((1,), True), True) == (data.find(b"Subject"), data.find(b"body"))


@pytest.mark.parametrize("encoding", [b"8bit", b"", b"7bit", b"BINARY"])
def test_message_global(encoding):
    """Its parts have numbers in IMAP4rev2 only (RFC 9051 6.4.5.1)."""
    data = crlf(
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Transfer-Encoding: " + encoding + b"\n"
        b"Content-Type: Message/Global\n\nSubject: \xc3\xa4\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\n\none\n--b--\n--a\n\ntwo\n--a--\n"
    )
    table = scan_everywhere(data)
    assert kinds(table) == [MULTIPART, GLOBAL, MULTIPART, LEAF, LEAF]
    assert body(data, table, 1, 1) == b"one"
    assert table.find((1, 1), False) is None
    assert table.find((1,), False) == 1 and table.find((2,), False) == 4
    start, end = table.header_range(1, True)
    assert data[start:end].startswith(b"Subject: \xc3\xa4")
    assert table.header_range(1, False) is None and table.text_range(1, False) is None


@pytest.mark.parametrize("encoding", [b"base64", b"Quoted-Printable (x)", b"x-unknown"])
def test_message_global_that_is_encoded(encoding):
    data = b"Content-Transfer-Encoding: " + encoding + b"\r\nContent-Type: message/global\r\n\r\nSubject: x\r\n\r\ny"
    table = scan_everywhere(data)
    assert kinds(table) == [LEAF]
    assert table.header_range(table.find((1,), True), True) is None


def test_digest_parts_are_letters():
    data = crlf(
        b"Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: 1\n\nfirst\n"
        b"--d\nContent-Type: text/plain\n\nx\n--d--\n"
    )
    table = scan_everywhere(data)
    assert kinds(table) == [MULTIPART, MESSAGE, LEAF, LEAF]
    assert body(data, table, 1, 1) == b"first"


def test_boundary_that_begins_another():
    data = crlf(
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=aa\n\n"
        b"--aa\n\n1.1\n--aa \t\n\n-- a\n--b\n--aa--\n--a\n\n2\n--a--\n"
    )
    table = scan_everywhere(data)
    assert kinds(table) == [MULTIPART, MULTIPART, LEAF, LEAF, LEAF]
    assert body(data, table, 1, 1) == b"1.1"
    assert body(data, table, 1, 2) == b"-- a\r\n--b"
    assert body(data, table, 2) == b"2"


def test_line_that_begins_with_the_boundary_is_a_delimiter():
    """RFC 2046 5.1.1: an exact match of the entire line is not required."""
    data = crlf(
        b"Content-Type: multipart/mixed; boundary=abc\n\n--abc\n\none\n--abcdef\n\ntwo\n--ab\n--abc " + b"x" * 3000
    ) + crlf(b"\n\nthree\n--abc--" + b"y" * 3000 + b"\nepilogue\n--abc\n")
    table = scan(data)
    for size in (1, 7, 100, 1024):
        assert scan(data, size).numbers == table.numbers
    assert scan_runs(data, range(50, len(data), 50)).numbers == table.numbers
    assert kinds(table) == [MULTIPART, LEAF, LEAF, LEAF]
    assert [body(data, table, n) for n in (1, 2, 3)] == [b"one", b"two\r\n--ab", b"three"]


@pytest.mark.parametrize(
    ("line", "expected", "inner"),
    [
        # The whole line is the end of the inner one; what follows is its epilogue.
        (b"--foo--", [MULTIPART, MULTIPART, LEAF], b"--foo\r\n\r\nx\r\n--foo--\r\n\r\ny\r\n"),
        # The whole line is the end of the outer one.
        (b"--foo----", [MULTIPART, MULTIPART, LEAF], b"--foo\r\n\r\nx"),
        # Both begin the line: the longer counts.
        (b"--foo--bar", [MULTIPART, MULTIPART, LEAF, LEAF], b"--foo\r\n\r\nx"),
    ],
)
def test_boundary_that_looks_like_the_end_of_another(line, expected, inner):
    data = crlf(
        b"Content-Type: multipart/mixed; boundary=foo--\n\n--foo--\nContent-Type: multipart/mixed; boundary=foo\n\n"
        b"--foo\n\nx\n" + line + b"\n\ny\n"
    )
    table = scan_everywhere(data)
    assert kinds(table) == expected
    assert body(data, table, 1) == inner


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [LEAF]),
        (b"no header at all", [LEAF]),
        (b"--\r\n--", [LEAF]),
        (b"Content-Type: multipart/mixed\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n", [RAW]),
        (b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n\r\nx\r\n----\r\n", [RAW]),
        (
            b"Content-Type: multipart/mixed; boundary=" + b"b" * 70 + b"\r\n\r\n--" + b"b" * 70 + b"\r\n\r\nx",
            [MULTIPART, LEAF],
        ),
        (
            b"Content-Type: multipart/mixed; boundary=" + b"b" * 200 + b"\r\n\r\n--" + b"b" * 200 + b"\r\n\r\nx",
            [MULTIPART, LEAF],
        ),
        (
            b"Content-Type: multipart/mixed; boundary=" + b"b" * 70 + b"\r\n\r\n--" + b"b" * 69 + b"\r\n\r\nx",
            [MULTIPART],
        ),
        (b"Content-Type: multipart/mixed; boundary=a\r\n\r\nnothing of it", [MULTIPART]),
        (b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a--\r\n", [MULTIPART]),
        (b"Content-Type: multipart/mixed; boundary=a\r\n--a\r\n\r\nx", [MULTIPART]),
        (b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a", [MULTIPART, LEAF]),
        (b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a\r\n--a--", [MULTIPART, LEAF, LEAF]),
        (b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nX: y\r\n--a--", [MULTIPART, LEAF]),
        (
            b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n--a--",
            [MULTIPART, MESSAGE, LEAF],
        ),
        (b"Content-Type: multipart/mixed; boundary=----=_p\r\n\r\n------=_p\r\n\r\nx", [MULTIPART, LEAF]),
        (b"Content-Type: garbage\r\n\r\nx", [LEAF]),
        (b"\xff\xfe\x00: \r\n\x00\r\n\r\n\x80", [LEAF]),
    ],
)
def test_broken_letters_degrade(data, expected):
    assert kinds(scan_everywhere(data)) == expected


def test_part_without_blank_line():
    data = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\njust text\r\n--a\r\nA: b\r\n--a--\r\n"
    table = scan_everywhere(data)
    assert body(data, table, 1) == body(data, table, 2) == b""
    # The line end before the delimiter belongs to it, also behind a header.
    assert mime(data, table, 1) == b"just text"
    assert mime(data, table, 2) == b"A: b"


def test_blank_line_before_the_delimiter_belongs_to_it():
    data = crlf(b"Content-Type: multipart/mixed; boundary=a\n\n--a\nA: b\n\n--a\n\n--a\n--a\n\n\n--a--\n")
    table = scan_everywhere(data)
    assert [mime(data, table, n) for n in (1, 2, 3, 4)] == [b"A: b\r\n", b"", b"", b"\r\n"]
    assert [body(data, table, n) for n in (1, 2, 3, 4)] == [b""] * 4


@pytest.mark.parametrize("subtype", [b"rfc822", b"global"])
def test_letter_without_body_inside(subtype):
    data = crlf(
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/%s\n\nSubject: x\n"
        b"--a\nContent-Type: message/%s\n\n--a\nContent-Type: message/%s\n--a--\n" % ((subtype,) * 3)
    )
    table = scan_everywhere(data)
    check_sane(data, table)
    assert [body(data, table, n) for n in (1, 2, 3)] == [b"Subject: x", b"", b""]
    start, end = table.header_range(table.find((1,), True), True)
    assert data[start:end] == b"Subject: x"
    assert [mime(data, table, n) for n in (2, 3)] == [
        b"Content-Type: message/" + subtype + end for end in (b"\r\n", b"")
    ]


def test_multipart_without_parts_has_an_empty_one():
    table = scan_everywhere(b"Content-Type: multipart/mixed; boundary=a\r\n\r\nnothing")
    assert table.find((1,), True) == NOTHING
    assert table.body_range(NOTHING) == table.mime_range(NOTHING) == (0, 0)
    assert table.header_range(NOTHING, True) is None and table.text_range(NOTHING, True) is None
    assert table.find((2,), True) is None and table.find((1, 1), True) is None
    assert not table.has_parts(0)


def test_header_goes_to_the_first_blank_line():
    data = b"no field at all\r\n: no name\r\n\r\nbody\r\n"
    table = scan_everywhere(data)
    assert body(data, table, 1) == b"body\r\n"
    assert scan_everywhere(b"only text").end(0) == scan(b"only text").body(0) == 9


def test_missing_end_of_inner_multipart():
    data = crlf(
        b"Content-Type: multipart/mixed; boundary=o\n\n"
        b"--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\n1.1\n--o\n\n2\n"
    )
    table = scan_everywhere(data)
    assert kinds(table) == [MULTIPART, MULTIPART, LEAF, LEAF]
    assert body(data, table, 1, 1) == b"1.1"
    assert body(data, table, 2) == b"2\r\n"


def nested(depth, ends=True):
    out = b""
    for level in range(depth):
        out += b"Content-Type: multipart/mixed; boundary=b%d.\r\n\r\n--b%d.\r\n" % (level, level)
    out += b"\r\ninnermost\r\n"
    if ends:
        for level in range(depth - 1, -1, -1):
            out += b"--b%d.--\r\n" % level
    return out


def test_depth_limit():
    assert kinds(scan(nested(8))) == [MULTIPART] * 8 + [LEAF]
    assert kinds(scan(nested(9))) == [MULTIPART] * 8 + [RAW]
    assert kinds(scan(nested(1000))) == [MULTIPART] * 8 + [RAW]
    assert kinds(scan(nested(1000, False))) == [MULTIPART] * 8 + [RAW]
    letters = b"Content-Type: message/rfc822\r\n\r\n" * 1000
    assert kinds(scan(letters)) == [MESSAGE] * 8 + [RAW]
    assert kinds(scan(letters.replace(b"rfc822", b"global"))) == [GLOBAL] * 8 + [RAW]


def test_part_limit():
    data = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 10000 + b"--b--\r\n"
    table = scan(data, 999)
    assert table.count == structure.PART_LIMIT
    assert kinds(table) == [MULTIPART] + [LEAF] * 98 + [RAW]
    assert table.end(99) == len(data)
    digest = b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"--b\r\n\r\nA: b\r\n\r\n" * 10000
    table = scan(digest, 999)
    assert table.count <= structure.PART_LIMIT
    assert scan(digest).numbers == table.numbers


def test_many_hyphen_lines_are_quick():
    data = nested(8, False) + b"--b\r\n--" * 200000
    start = time.process_time()
    scan(data, 2048)
    assert time.process_time() - start < 10


def check_sane(data, table):
    for i in range(table.count):
        assert 0 <= table.start(i) <= table.body(i) <= table.end(i) <= len(data)
        assert table.lines(i) == data[table.body(i) : table.end(i)].count(b"\n")
        parent = table.parent(i)
        assert parent < i
        if parent >= 0:
            assert table.kind(parent) in (MULTIPART, MESSAGE, GLOBAL)
            assert table.body(parent) <= table.start(i) and table.end(i) <= table.end(parent)
        if table.kind(i) in (MESSAGE, GLOBAL):
            assert (table.parent(i + 1), table.start(i + 1), table.end(i + 1)) == (i, table.body(i), table.end(i))
        if table.kind(i) == MULTIPART:
            assert table.has_parts(i) == (table.child(i, 1) is not None)
            assert table.child(i, 1) in (None, i + 1)
    assert table.end(0) == len(data)


LINES = st.sampled_from(
    [
        b"--a",
        b"--aa",
        b"--a--",
        b"--aa--",
        b"--",
        b"-",
        b"",
        b"text",
        b"Content-Type: multipart/mixed; boundary=a",
        b"Content-Type: multipart/digest; boundary=aa",
        b"Content-Type: message/rfc822",
        b"Content-Type: message/global",
        b"Content-Transfer-Encoding: base64",
        b"Content-Type: text/plain",
        b"Subject: x",
        b" folded",
        b"--a \t",
        b"\r",
        b"--a" + b" " * 200,
        b"\xff\x00",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(LINES, st.sampled_from([b"\r\n", b"\n", b"\r\n", b""])), max_size=30), st.integers(1, 9))
def test_any_mixture_of_lines(lines, size):
    data = b"".join([line + end for line, end in lines])
    table = scan(data)
    check_sane(data, table)
    assert scan(data, size).numbers == table.numbers


# A tree is text, ("letter", tree) or ("parts", [trees]).
TREES = st.recursive(
    st.sampled_from([b"x", b"one\r\ntwo", b"", b"line\r\n", b"--not\r\n-"]),
    lambda inner: st.one_of(
        st.tuples(st.just("letter"), inner), st.tuples(st.just("parts"), st.lists(inner, min_size=1, max_size=4))
    ),
    max_leaves=12,
)


def build(tree, level=0):
    if isinstance(tree, bytes):
        return b"Content-Type: text/plain\r\n\r\n" + tree
    if tree[0] == "letter":
        return b"Content-Type: message/rfc822\r\n\r\n" + build(tree[1], level + 1)
    out = b'Content-Type: multipart/mixed;\r\n boundary="b%s"\r\n\r\npreamble' % (b"x" * level)
    for part in tree[1]:
        out += b"\r\n--b%s\r\n" % (b"x" * level) + build(part, level + 1)
    return out + b"\r\n--b%s--\r\nepilogue" % (b"x" * level)


def compare(data, table, index, letter):
    """The entity of the table is the message object of Python's email."""
    kind = table.kind(index)
    if kind == LEAF:
        assert letter.get_content_maintype() == "text"
        text = letter.get_payload(decode=False)
        assert data[table.body(index) : table.end(index)] == text.encode("ascii", "surrogateescape")
    elif kind == MESSAGE:
        assert letter.get_content_type() == "message/rfc822"
        compare(data, table, index + 1, letter.get_payload(0))
    else:
        assert kind == MULTIPART and letter.is_multipart()
        for number, part in enumerate(letter.get_payload(), 1):
            compare(data, table, table.child(index, number), part)
        assert table.child(index, len(letter.get_payload()) + 1) is None


@settings(max_examples=300, deadline=None)
@given(TREES, st.integers(1, 40))
def test_same_structure_as_python_email(tree, size):
    data = build(tree)
    table = scan(data, size)
    check_sane(data, table)
    if RAW not in kinds(table):
        compare(data, table, 0, email.message_from_bytes(data, policy=email.policy.compat32))
