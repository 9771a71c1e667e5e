"""The mail parsers under MicroPython: the same answers as on CPython, within a small heap and a few seconds."""

import asyncio
import gc
import time

from postino import date_parser, dates
from postino.mime import address, bodystructure, encoded_words, envelope
from postino.mime.fields import FieldCollector, HeaderFilter
from postino.mime.part_table import LEAF, MESSAGE, MULTIPART, RAW
from postino.mime.structure import PART_LIMIT, StructureScanner

MIXED = (
    b"From: Anna <anna@x>\r\nTo: b@x\r\nSubject: =?utf-8?q?=C3=B6?=\r\n"
    b'Content-Type: multipart/mixed;\r\n boundary="a"\r\n\r\n'
    b"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\none\r\ntwo\r\n"
    b"--a\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="l.png"\r\n\r\niVBO\r\n'
    b"--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: c@x\r\n\r\ntext\r\n--a--\r\n"
)
ENVELOPE = (
    b'(NIL "=?utf-8?q?=C3=B6?=" (("Anna" NIL "anna" "x")) (("Anna" NIL "anna" "x")) (("Anna" NIL "anna" "x"))'
    b' ((NIL NIL "b" "x")) NIL NIL NIL NIL)'
)
STRUCTURE = (
    b'(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 8 1 NIL NIL NIL NIL)'
    b'("image" "png" NIL NIL NIL "base64" 4 NIL ("attachment" ("filename" "l.png")) NIL NIL)'
    b'("message" "rfc822" NIL NIL NIL "7bit" 33'
    b' (NIL "inner" ((NIL NIL "c" "x")) ((NIL NIL "c" "x")) ((NIL NIL "c" "x")) NIL NIL NIL NIL NIL)'
    b' ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 0 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)'
    b' "mixed" ("boundary" "a") NIL NIL NIL)'
)


def scan(data, size):
    scanner = StructureScanner()
    view = memoryview(data)
    for start in range(0, len(data), size):
        scanner.feed(view[start : start + size])
    return scanner.finish()


def collector_of(header):
    collector = FieldCollector(bodystructure.NAMES)
    collector.feed(header)
    collector.finish()
    return collector


def described(data, table):
    out = bytearray()

    async def header_of(index):
        return collector_of(data[table.start(index) : table.body(index)])

    async def write(piece):
        out.extend(piece)

    asyncio.run(bodystructure.emit(table, header_of, write, True, True))
    return bytes(out)


def test_structure_in_every_piece_size():
    numbers = scan(MIXED, 4096).numbers
    for size in range(1, 60):
        assert scan(MIXED, size).numbers == numbers, size
    table = scan(MIXED, 7)
    assert [table.kind(i) for i in range(table.count)] == [MULTIPART, LEAF, LEAF, MESSAGE, LEAF]
    start, end = table.body_range(table.find((3, 1), True))
    assert MIXED[start:end] == b"text"


def test_envelope_and_bodystructure():
    assert envelope.envelope(collector_of(MIXED)) == ENVELOPE
    text = described(MIXED, scan(MIXED, 100))
    assert text == STRUCTURE, text


def test_header_filter():
    header = HeaderFilter((b"to", b"subject"))
    out = []
    for start in range(len(MIXED)):
        out += header.feed(MIXED[start : start + 1])
        if header.done:
            break
    assert b"".join(out) == b"To: b@x\r\nSubject: =?utf-8?q?=C3=B6?=\r\n\r\n"


def test_values():
    assert encoded_words.decode(b"=?UTF-8?B?w7Y=?= =?iso-8859-1?q?=E4?= \xff") == "öä ÿ"
    assert encoded_words.decode(b"=?utf-8?q?=ZZ=4=?= =?utf-8?B?!?=") == "=ZZ=4="
    assert address.parse(b'"A, \\"B\\"" <a@x>, root') == [(b'A, "B"', None, b"a", b"x"), (None, None, b"root", b"")]


def test_dates():
    assert dates.rfc5322(1795522019, 60) == b"Tue, 24 Nov 2026 13:06:59 +0100"
    assert dates.imap(1795522019 - 20 * 86400, -90) == b" 4-Nov-2026 10:36:59 -0130"
    assert date_parser.parse_imap(b" 4-Nov-2026 10:36:59 -0130") == 1795522019 - 20 * 86400
    assert date_parser.parse_rfc5322(b"Fri, 21 Nov 97 09:55:06 CST (x)") == 880127706
    assert date_parser.parse_rfc5322(b"\xff nonsense") is None
    for second in (0, 951782400, 0xFFFFFFFF):
        assert date_parser.parse_rfc5322(dates.rfc5322(second, 0)) == second


def test_bombs_stay_within_the_heap():
    gc.collect()
    before = gc.mem_free()
    scanner = StructureScanner()
    scanner.feed(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n")
    for _ in range(10000):
        scanner.feed(b"--b\r\n\r\n")
    table = scanner.finish()
    assert table.count == PART_LIMIT and table.kind(PART_LIMIT - 1) == RAW
    scanner = StructureScanner()
    for level in range(1000):
        scanner.feed(b"Content-Type: multipart/mixed; boundary=b%d.\r\n\r\n--b%d.\r\n" % (level, level))
    assert scanner.finish().count == 9
    collector = FieldCollector(envelope.NAMES)
    for name in envelope.NAMES:
        collector.feed(name + b": ")
        for _ in range(2000):
            collector.feed(b"a@b, ")
        collector.feed(b"\r\n")
    size = 0
    for piece in envelope.pieces(collector):
        size += len(piece)
    assert 0 < size < 40000
    del scanner, table, collector
    gc.collect()
    assert before - gc.mem_free() < 1024, before - gc.mem_free()


def test_long_fields_are_read_again_within_the_heap():
    people = b", \r\n ".join([b"Person %d <p%d@office.lan>" % (i, i) for i in range(200)])
    header = b"Subject: " + b"long " * 1000 + b"\r\nTo: " + people + b"\r\n\r\n"
    collector = FieldCollector(
        envelope.NAMES, octets=lambda start, end: (header[at : min(at + 512, end)] for at in range(start, end, 512))
    )
    collector.feed(header)
    sizes = [len(piece) for piece in envelope.pieces(collector)]
    assert max(sizes) <= 1024 and sum(sizes) > 5000 + len(people)
    people = [piece for piece in envelope.pieces(collector) if piece.endswith(b'"office.lan")')]
    assert len(people) == 200 and people[199] == b'"Person 199" NIL "p199" "office.lan")'


def test_words_without_number_stay_within_the_heap():
    for piece in (b"a ", b"(", b'"', b"a:;", b"<", b'\\"', b"[", b"@"):
        value = piece * (8000 // len(piece))
        for _ in address.addresses(value):
            pass


def test_large_attachment_is_quick():
    line = b"QUJD" * 19 + b"\r\n"
    block = line * 26
    scanner = StructureScanner()
    scanner.feed(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: a/b\r\n\r\n")
    begin = time.ticks_ms()
    for _ in range(1500):
        scanner.feed(block)
    spent = time.ticks_diff(time.ticks_ms(), begin)
    scanner.feed(b"--b--\r\n")
    table = scanner.finish()
    assert table.octets(2) == 1500 * len(block) - 2
    assert table.lines(2) == 1500 * 26 - 1
    print("3 MB scanned in %d ms" % spent)
    assert spent < 5000
