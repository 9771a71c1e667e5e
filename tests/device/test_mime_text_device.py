"""Decoded text under MicroPython: the same answers as on CPython, in any split, with little heap."""

import asyncio
import gc

from postino.mime import charsets, collation, encoded_words, letter_search, preview, transfer, wide_charsets
from postino.mime.base_subject import base_subject, mailbox_key, subject_key
from postino.mime.casefold import fold
from postino.mime.fields import FieldCollector
from postino.mime.header_search import FieldSearch, HeaderTexts
from postino.mime.part_text import PartText
from postino.mime.preview import Preview, find_part
from postino.mime.structure import StructureScanner
from postino.mime.text_search import TextSearch

# Octets that may stay on the heap where nothing ought to: less than 50 characters that are kept for good take.
KEPT = 512
# Octets of the heap with which a search, blocks of 1 KB, and a preview get along.
HEAP_NEEDED = 16 * 1024


def pieces(data, size):
    view = memoryview(data)
    for start in range(0, len(data), size):
        yield view[start : start + size]


def decoded(name, data, size):
    decoder = transfer.decoder_for(name)
    out = b""
    for piece in pieces(data, size):
        out += decoder.feed(piece)
    return out + decoder.finish(), decoder.damaged


def test_transfer_encodings():
    for name, data, expected, damaged in (
        (
            b"quoted-printable",
            b"J=C3=B6rg =e4=E4 \t\r\none=\r\ntwo= \nthree=",
            b"J\xc3\xb6rg \xe4\xe4\r\nonetwothree",
            False,
        ),
        (b"quoted-printable", b"1+1=2, a=ZZ =4 = 41 =\t", b"1+1=2, a=ZZ =4 = 41 ", True),
        (b"quoted-printable", b"==41=\rA =4", b"=A=\rA =4", True),
        (b"base64", b"YWJj\r\nZG Vm\n", b"abcdef", False),
        (b"base64", b"YWJjZGU=\r\n\r\n", b"abcde", False),
        (b"base64", b"YWJj*ZG\x00V\xffm", b"abcdef", True),
        (b"base64", b"YWJjZA", b"abcd", True),
        (b"base64", b"YWJjZ", b"abc", True),
        (b"base64", b"YWJjZA==\r\nfooter", b"abcd", True),
        (b"base64", b"=YWJj", b"", True),
        (b"8bit", b"a\x00\xff=41", b"a\x00\xff=41", False),
    ):
        for size in range(1, len(data) + 1):
            assert decoded(name, data, size) == (expected, damaged), (data, size, decoded(name, data, size))
    assert transfer.decoder_for(b"x-uuencode") is None
    assert type(transfer.decoder_for(None)) is transfer.Identity


def test_character_sets():
    for name, data, expected in (
        (b"utf-8", "aöЯ€😀".encode() + b"\xf6\x80\xe2\x82x\xc3", "aöЯ€😀ö€â‚xÃ"),
        (b"utf-8", b"\xc0\x80\xe0\x80\x80\xed\xa0\x80\xf4\x90\x80\x80", "À€à€€í\xa0€ô\x90€€"),
        (b"gb2312", b"abc \xd6\xd0 \xc3\xb6", "abc \ufffd\ufffd ö"),
        (b"iso-8859-1", b"J\xf6rg \x80\x9f", "Jörg €Ÿ"),
        (b"latin9", b"\xa4\xb8\xbe\xe4", "€žŸä"),
        (b"iso-8859-2", b"P\xf8\xedli\xb9", "Příliš"),
        (b"iso-8859-5", b"\xbf\xe0\xd8\xd2\xd5\xe2", "Привет"),
        (b"iso-8859-7", b"\xc5\xeb\xeb\xdc\xe4\xe1", "Ελλάδα"),
        (b"iso-8859-9", b"\xdeaban\xfd", "Şabanı"),
        (b"cp1250", b"\x8elu\x9d", "Žluť"),
        (b"windows-1251", b"\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"),
        (b"windows-1253", b"\xc5\xeb\xeb\xdc\xe4\xe1 \xaa", "Ελλάδα \ufffd"),
        (b"windows-1254", b"\xdeaban\xfd", "Şabanı"),
        (b"koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        (b"koi8-u", b"\xa7\xa4", "їє"),
        (b"ibm850", b"J\x94rg", "Jörg"),
        (b"utf-16", b"\xff\xfe\xf6\x00\xac\x20\x3d\xd8\x00\xde", "ö€😀"),
        (b"utf-7", b"Hi Mom -+Jjo--! +2D3eAA-", "Hi Mom -☺-! 😀"),
    ):
        for size in range(1, len(data) + 1):
            converter = charsets.converter_for(name)
            text = "".join([converter.feed(bytes(piece)) for piece in pieces(data, size)]) + converter.finish()
            assert text == expected, (name, size, text)
    assert wide_charsets.converter_for(b"utf16le").feed(b"a\x00") == "a"


def test_case_and_order():
    for text, folded in (
        ("Straße Ärger Ÿÿ ıſµ", "STRAßE ÄRGER ŸŸ ISΜ"),
        ("příliš ŁÓDŹ őű ŞŠ șț", "PŘÍLIŠ ŁÓDŹ ŐŰ ŞŠ ȘȚ"),
        ("Съешь ёж ґѓ", "СЪЕШЬ ЁЖ ҐЃ"),
        ("ψυχοφθόρα ςΣ ΐ", "ΨΥΧΟΦΘΌΡΑ ΣΣ ΐ"),
        ("đường ước", "ĐƯỜNG ƯỚC"),
        ("中文 😀 ×÷ @[`{", "中文 😀 ×÷ @[`{"),
    ):
        assert fold(text) == folded.encode(), (text, fold(text))
        assert fold(folded) == folded.encode()
    words = ["", "a", "Arsenal", "Ärger", "Boot", "É", "f", "Öl", "ș", "z", "[list]", "Ω", "ё", "ж"]
    mixed = list(reversed(words))
    assert sorted(mixed, key=collation.key) == words
    assert base_subject(b"[fwd: Re[2]: [x] =?utf-8?q?Gr=C3=BC=C3=9Fe?= (fwd)] (FWD)") == "Grüße"
    assert subject_key(b"Re: [a] [b]") == b"[B]" and subject_key(None) == b""
    assert mailbox_key(b'"Zed, A" <Bob@x>, c@x') == b"BOB" and mailbox_key(b"T: a@x;") == b"T"


def test_encoded_words():
    value = b"=?utf-8?q?=C3?= =?utf-8?q?=A4?=  =?koi8-r?B?8NLJ18XU?= x =?utf-8?q?a=  =3D?= =?x \xf6 ="
    expected = "äПривет x a=  = =?x ö ="
    assert encoded_words.decode(value) == expected, encoded_words.decode(value)
    for size in range(1, len(value)):
        decoder = encoded_words.WordDecoder()
        text = "".join([decoder.feed(bytes(piece)) for piece in pieces(value, size)]) + decoder.finish()
        assert text == expected, (size, text)


LETTER = (
    b"From: =?utf-8?q?J=C3=B6?=\r\n =?utf-8?q?rg?= <j@x>\r\nSubject: one\r\nSubject: two\r\n\t lines\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
    b"--b\r\nContent-Type: application/pdf; name=pdfname\r\n\r\npdfbody\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: innersubject\r\n\r\ninnerbody\r\n"
    b"--b\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n8NLJ\r\n18XU\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>bo<b>ld</b> =\r\n=C3=A4rger&nbsp;&euro;</p>\r\n--b--\r\n"
)
# Text, whether BODY finds it, whether TEXT finds it.
EXPECTED = (
    ("jörg <", 0, 1),
    ("subject: two", 0, 1),
    ("pdfname", 0, 1),
    ("pdfbody", 0, 0),
    ("innersubject", 0, 1),
    ("innerbody", 1, 1),
    ("ПРИВЕТ", 1, 1),
    ("<b>LD</b> Ärger", 1, 1),
    ("preamble", 0, 0),
)


def structure(letter):
    scanner = StructureScanner()
    scanner.feed(letter)
    return scanner.finish()


def search(letter, table, needles, size):
    texts, bodies = TextSearch(needles), TextSearch(needles)

    async def feed(start, end, sink):
        for piece in pieces(memoryview(letter)[start:end], size):
            if sink(piece) is False:
                return

    asyncio.run(letter_search.search(table, feed, texts, bodies))
    return [(bodies.found[number], texts.found[number]) for number in range(len(needles))]


def test_search_in_a_letter():
    table = structure(LETTER)
    needles = [fold(text) for text, _, _ in EXPECTED]
    for size in (1, 2, 7, 64, 1024):
        assert search(LETTER, table, needles, size) == [(body, text) for _, body, text in EXPECTED], size
    for size in range(1, 40):
        keys = [(b"subject", b"TWO LINES"), (b"subject", b"ONE"), (b"from", fold("JÖRG")), (b"to", b"")]
        fields = FieldSearch(keys)
        header = HeaderTexts(fields)
        for piece in pieces(LETTER, size):
            if not header.feed(piece):
                break
        assert list(fields.found) == [1, 1, 1, 0], size


def show(content_type, body, size):
    shown = Preview(content_type, None)
    for piece in pieces(body, size):
        if not shown.feed(piece):
            break
    return shown.finish()


def test_previews():
    table = structure(LETTER)

    async def header_of(index):
        header = FieldCollector(preview.NAMES)
        header.feed(LETTER[table.start(index) : table.body(index)])
        header.finish()
        return header

    assert asyncio.run(find_part(table, header_of))[0] == 4
    for body, expected in (
        (b"> quoted\r\n one  two\x01\r\n> more\r\n\xc3\xa4", "one two ä"),
        (b"> only\r\n>> quoted", "only quoted"),
        ("😀ä ".encode() * 100, "😀ä " * 66 + "😀ä"),
    ):
        for size in range(1, 30):
            assert show(b"text/plain; charset=utf-8", body, size) == expected, (size, show(b"text/plain", body, size))
    body = (
        b"<html><style>s</style><title>t</title><!-- c --><p>bo<b>ld</b> "
        b"<a href='x>y'>&auml;&nbsp;&#8364;&bogus; &lt;</a><blockquote>q</blockquote><script>x<y</script> a < b"
    )
    for size in range(1, 40):
        assert show(b"text/html", body, size) == "bold ä €&bogus; < a < b", (size, show(b"text/html", body, size))


def characters(first, count):
    """So many characters of three octets."""
    out = bytearray()
    for code in range(first, first + count):
        out.extend(bytes((0xE0 | code >> 12, 0x80 | code >> 6 & 0x3F, 0x80 | code & 0x3F)))
    return bytes(out)


def use(every, octets):
    """Brings text of these characters and of these octets through everything."""
    for name in (b"utf-8", b"koi8-r", b"utf-16", b"iso-8859-7", b"unknown", b"utf-7"):
        part = PartText(b"text/plain; charset=" + name, None)
        found = TextSearch([b"NEVER THERE"])
        for data in (every, octets):
            for piece in pieces(data, 512):
                found.feed(fold(part.feed(piece)))
        found.feed(fold(part.finish()))
    show(b"text/plain", every, 256)
    show(b"text/html", b"<p>&#%d;" % ord(every[:3].decode()) + every, 256)
    subject_key(every[:1500])
    encoded_words.decode(every[:900] + octets)


def test_no_character_is_kept_for_good():
    # Modules are imported at first use.
    use(characters(0x4E00, 20), b"\x80")
    first, second = characters(0x5000, 600), characters(0x6000, 600)
    octets = bytes(range(256)) * 4
    use(first, octets)
    gc.collect()
    before = gc.mem_alloc()
    use(second, octets)
    gc.collect()
    kept = gc.mem_alloc() - before
    print("%d octets are kept" % kept)
    assert kept <= KEPT, kept


def test_search_and_preview_need_little_heap():
    letter = b"Subject: " + b"=?utf-8?q?=C3=A4=C3=B6?= \r\n " * 100 + b"\r\nContent-Type: text/plain; charset=utf-8\r\n"
    letter += b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    letter += b"J=C3=B6rg sucht =E2=82=AC und =\r\n" * 100 + b"found at last\r\n"
    table = structure(letter)
    needles = [fold("found at last"), fold("Größer als alles" * 10)]
    style = b"x=y;" * 256
    words = b"<p>word</p> " * 80
    search(letter, table, needles, 1024)
    gc.collect()
    ballast = []
    while gc.mem_free() > HEAP_NEEDED:
        ballast.append(bytearray(500))
    assert search(letter, table, needles, 1024) == [(1, 1), (0, 0)]
    shown = Preview(b"text/html", None)
    shown.feed(b"<style>")
    for _ in range(20):
        shown.feed(style)
    shown.feed(b"</style>")
    assert not shown.feed(words)
    assert shown.finish().startswith("word word")
    assert len(ballast) > 10
