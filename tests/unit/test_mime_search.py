"""Searching in decoded text: several needles, header fields, whole letters; in any split."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import letter_search
from postino.mime.casefold import fold
from postino.mime.encoded_words import WORD_LIMIT, WordDecoder, decode
from postino.mime.header_search import FieldSearch, HeaderTexts
from postino.mime.structure import StructureScanner
from postino.mime.text_search import TextSearch


def pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(
    st.text(alphabet="aAbä\n", max_size=40),
    st.lists(st.text(alphabet="abÄ", max_size=5), max_size=4),
    st.integers(1, 9),
)
def test_several_needles_against_in(text, needles, size):
    search = TextSearch([fold(needle) for needle in needles])
    for piece in pieces(text, size):
        search.feed(fold(piece))
    assert list(search.found) == [needle.lower() in text.lower() for needle in needles]
    assert search.missing == search.found.count(0)


def test_stops_and_restarts():
    search = TextSearch((b"ONE", b"TWO"))
    assert search.feed(b"ON") and search.missing == 2
    search.restart()
    assert search.feed(b"E TW")
    assert search.feed(b"O") and search.missing == 1
    assert not search.feed(b"ONE") and search.missing == 0
    assert not search.feed(b"more")
    assert TextSearch(()).missing == 0 and TextSearch((b"",)).found == b"\x01"


def test_tail_is_no_longer_than_needed():
    search = TextSearch((b"X" * 10, b"Y" * 300))
    search.feed(b"Y" * 299 + b"X" * 9)
    assert len(search._tail) == 299
    search.feed(b"X")
    search.feed(b"Y" * 300)
    assert search.missing == 0


@given(
    st.lists(
        st.sampled_from(
            [
                "=?utf-8?q?=C3?=",
                "=?utf-8?q?=A4?=",
                "=?utf-8?B?w7Y=?=",
                "=?koi8-r?q?=C1?=",
                "=?x",
                "=?",
                " ",
                "\t",
                "b",
                "ö",
                "=",
            ]
        ),
        max_size=12,
    ),
    st.integers(1, 9),
)
def test_encoded_words_in_any_split(parts, size):
    value = "".join(parts).encode()
    decoder = WordDecoder()
    text = "".join([decoder.feed(piece) for piece in pieces(value, size)]) + decoder.finish()
    assert text == decode(value)


@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_octets_are_decoded_in_any_split(value, size):
    decoder = WordDecoder()
    assert "".join([decoder.feed(piece) for piece in pieces(value, size)]) + decoder.finish() == decode(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"=?utf-8?B?w7Y?=", "ö"),
        (b"=?utf-8?B?w7Zh?=", "öa"),
        (b"=?utf-8?B?w7ZhYQ=?=", "öaa"),
        (b"=?utf-8?B?w7ZhY?=", "öa"),
        (b"=?utf-8?B?w*7Zh?=", "öa"),
        (b"=?utf-8?B?=?=", ""),
        (b"=?utf-8?Q?=  =\t=4=C3=B6= ?=", "=  =\t=4ö= "),
        (b"=?utf-8?Q?a b?=", "a b"),
        (b"=?utf 8?Q?a?=", "=?utf 8?Q?a?="),
        (b"=?utf-8?Q", "=?utf-8?Q"),
        (b"=?utf-8?Q?a", "=?utf-8?Q?a"),
        (b"=?utf-8?QB?a?=", "=?utf-8?QB?a?="),
        (b"=??Q?a?=", "=??Q?a?="),
    ],
)
def test_words_that_are_broken(value, expected):
    assert decode(value) == expected


def test_word_decoder_keeps_little():
    decoder = WordDecoder()
    for piece in (b"=?utf-8?q?" + b"x" * 20000, b"=?a" * 3000, b"=?utf-8?q?x?=" + b" " * 5000, b"=?" * 5000):
        decoder.feed(piece)
        assert len(decoder._carry) <= WORD_LIMIT
    assert decode(b"=?utf-8?q?" + b"x" * 2000 + b"?= =?utf-8?q?=C3=A4?=").endswith("?= ä")


class Recorder:
    """Keeps all that HeaderTexts tells."""

    def __init__(self, unwanted=b"-"):
        self.fields = []
        self._unwanted = unwanted

    def begin(self, name):
        if name != self._unwanted:
            self.fields.append([name, ""])
        return name != self._unwanted

    def text(self, text):
        assert text
        self.fields[-1][1] += text

    def end(self):
        self.fields[-1] = tuple(self.fields[-1])


HEADER = (
    b"Return-Path: <a@b>\r\nFROM : =?utf-8?q?J=C3=B6?=\r\n =?utf-8?q?rg?= <j@x>\r\nsubject:  two\r\n\tlines \r\n"
    b"no field here\r\n goes on\r\nSubject:\r\n  again\r\nX-Empty:\r\nX-Raw: \xf6 \xc3\xb6\r\n\r\n"
    b"Subject: in the body\r\n"
)
FIELDS = [
    (b"Return-Path", "<a@b>"),
    (b"FROM", "Jörg <j@x>"),
    (b"subject", "two lines "),
    (b"", "no field here goes on"),
    (b"Subject", " again"),
    (b"X-Empty", ""),
    (b"X-Raw", "ö ö"),
]


def told(data, size, unwanted=b"-"):
    recorder = Recorder(unwanted)
    header = HeaderTexts(recorder)
    for piece in pieces(data, size):
        if not header.feed(memoryview(piece)):
            break
    header.finish()
    return recorder.fields


@pytest.mark.parametrize("header", [HEADER, HEADER.replace(b"\r\n", b"\n")])
def test_every_field_is_told_in_every_split(header):
    expected = [(name, value.lstrip()) for name, value in FIELDS]
    for size in range(1, len(header) + 1):
        assert told(header, size) == expected, size
        assert told(header, size, b"FROM") == [expected[0], *expected[2:]]


@pytest.mark.parametrize(
    ("header", "fields"),
    [(b"", []), (b"\r\nA: b\r\n\r\n", []), (b"A: b", [(b"A", "b")]), (b"A: =?utf-8?q?b", [(b"A", "=?utf-8?q?b")])],
)
def test_headers_that_are_cut(header, fields):
    assert told(header, 3) == fields


def test_a_long_field_is_not_kept():
    found = FieldSearch([(b"to", fold("needle@x")), (b"to", b"NOTHING")])
    header = HeaderTexts(found)
    header.feed(b"To: ")
    for number in range(20000):
        header.feed(b"a%d@x,\r\n " % number)
    header.feed(b"needle@x\r\n\r\n")
    assert list(found.found) == [1, 0] and found.going()


def found(header, keys, whole=(), size=7):
    """(what the keys found, what was found in the whole header)."""
    search = TextSearch([fold(needle) for needle in whole])
    fields = FieldSearch([(name, fold(needle)) for name, needle in keys], search if whole else None)
    texts = HeaderTexts(fields)
    for piece in pieces(header, size):
        texts.feed(piece)
    texts.finish()
    return list(fields.found), list(search.found)


def test_keys_look_at_every_occurrence_of_their_field_only():
    keys = [
        (b"subject", "TWO LINES"),
        (b"subject", "AGAIN"),
        (b"subject", "jörg"),
        (b"from", "JÖRG <"),
        (b"x-empty", ""),
        (b"x-none", ""),
        (b"from", ""),
        (b"x-raw", "Ö ö"),
        (b"return-path", "path"),
    ]
    for size in (1, 2, 5, 50, 1000):
        assert found(HEADER, keys, size=size)[0] == [1, 1, 0, 1, 1, 0, 1, 1, 0]


def test_whole_header():
    needles = ["from: jörg", "subject: two lines", "in the body", "<a@b>\r\nfrom", "lines again", "return-path"]
    for size in (1, 2, 5, 50, 1000):
        assert found(HEADER, [(b"from", "x")], needles, size)[1] == [1, 1, 0, 1, 0, 1]


def test_blanks_in_a_subject_do_not_count():
    header = b"Subject: a\r\n\t  b  c\td \r\nX: a\r\n\t  b\tc\r\n\r\n"
    keys = [(b"subject", "a b"), (b"subject", "a   b c d"), (b"subject", "ab")]
    for size in (1, 2, 3, 5, 7, 100):
        assert found(header, keys, size=size)[0] == [1, 1, 0]
        assert found(header, [(b"x", "a   b\tc"), (b"x", "a b")], size=size)[0] == [1, 0]


LETTER = (
    b"From: anna@x\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"preamble\r\n--b\r\nX-Part: partfield\r\n\r\nplain\r\nJ\xc3\xb6rg J\xf6rg2\r\n"
    b"--b\r\nContent-Type: application/pdf; name=pdfname\r\n\r\npdfbody\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: innersubject\r\n\r\ninnerbody\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dsn\r\n"
    b"--b\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n8NLJ\r\n18XU\r\n"
    b"--b\r\nContent-Type: TEXT/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<b>bo</b>ld =\r\n=C3=A4rger wra=\r\npped\r\n"
    b"--b\r\nContent-Transfer-Encoding: x-odd\r\n\r\noddbody\r\n"
    b"--b\r\nContent-Type: multipart/alternative\r\n\r\nbroken multipart\r\n--b--\r\nepilogue\r\n"
)
# Text, whether BODY finds it, whether TEXT finds it. Dovecot 2.3.19 answers the same but where line ends, octets that
# are no UTF-8 and the broken multipart come in.
EXPECTED = [
    ("plain", 1, 1),
    ("plain\r\nJÖRG", 1, 1),
    ("jörg2", 1, 1),
    ("partfield", 0, 1),
    ("pdfname", 0, 1),
    ("pdfbody", 0, 0),
    ("innersubject", 0, 1),
    ("innerbody", 1, 1),
    ("DSN", 1, 1),
    ("привет", 1, 1),
    ("<B>BO", 1, 1),
    ("bold", 0, 0),
    ("LD ÄRGER WRAPPED", 1, 1),
    ("oddbody", 0, 0),
    ("preamble", 0, 0),
    ("epilogue", 0, 0),
    ("GRÜßE", 0, 1),
    ("subject: grüße", 0, 1),
    ("anna@x", 0, 1),
    ("plainpdf", 0, 0),
    ("broken multipart", 1, 1),
]


def search_letter(data, texts, bodies, size, header_seen=False):
    """Searches a letter in pieces; returns how many octets were read."""
    scanner = StructureScanner()
    scanner.feed(data)
    count = 0

    async def feed(start, end, sink):
        nonlocal count
        for at in range(start, end, size):
            stop = min(at + size, end)
            count += stop - at
            if sink(memoryview(data)[at:stop]) is False:
                return

    asyncio.run(letter_search.search(scanner.finish(), feed, texts, bodies, header_seen))
    return count


@pytest.mark.parametrize("size", [1, 3, 10, 64, 1024])
def test_whole_letter(size):
    needles = [fold(text) for text, _, _ in EXPECTED]
    texts, bodies = TextSearch(needles), TextSearch(needles)
    search_letter(LETTER, texts, bodies, size)
    assert list(bodies.found) == [body for _, body, _ in EXPECTED]
    assert list(texts.found) == [text for _, _, text in EXPECTED]


def test_header_that_was_searched_before():
    texts = TextSearch([fold("anna@x"), fold("partfield")])
    search_letter(LETTER, texts, TextSearch(()), 64, True)
    assert list(texts.found) == [0, 1]


def test_reading_stops_when_all_is_found():
    letter = b"Subject: x\r\n\r\nfound here\r\n" + b"y" * 100000
    assert search_letter(letter, TextSearch(()), TextSearch([b"FOUND"]), 64) < 200
    assert search_letter(letter, TextSearch([b"SUBJECT"]), TextSearch(()), 64) < 200
    assert search_letter(letter, TextSearch(()), TextSearch(()), 64) == 0
    assert search_letter(letter, TextSearch([b"NOTHING"]), TextSearch([b"FOUND"]), 64) > 100000
