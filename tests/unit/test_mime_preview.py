"""Previews: which part they are made of, what is shown of it, and how much is read for it; in any split."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import html_text, preview
from postino.mime.fields import FieldCollector
from postino.mime.html_text import HtmlText
from postino.mime.preview import Preview, find_part
from postino.mime.structure import StructureScanner

PLAIN = b"\r\n\r\nplain text"
HTML = b"Content-Type: text/html\r\n\r\n<p>html text"
IMAGE = b"Content-Type: image/png\r\n\r\nAAAA"
NOTES = b"Content-Type: text/plain\r\nContent-Disposition: Attachment; filename=n.txt\r\n\r\nnotes"
CALENDAR = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR"
ATTACHED = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text"


def multipart(subtype, *parts):
    boundary = b"%s%d" % (subtype, len(parts))
    body = b"".join([b"--%s\r\n%s\r\n" % (boundary, part) for part in parts])
    return b"Content-Type: multipart/%s; boundary=%s\r\n\r\n%s--%s--\r\n" % (subtype, boundary, body, boundary)


def show(content_type, body, size=0, encoding=None):
    shown = Preview(content_type, encoding)
    for start in range(0, len(body), size or len(body) or 1):
        if not shown.feed(memoryview(body)[start : start + (size or len(body))]):
            break
    return shown.finish()


def in_every_size(content_type, body, encoding=None):
    whole = show(content_type, body, 0, encoding)
    for size in range(1, min(len(body), 60)):
        assert show(content_type, body, size, encoding) == whole, size
    return whole


def plain(text):
    return in_every_size(b"text/plain; charset=utf-8", text.encode())


def html(text):
    return in_every_size(b"text/html; charset=utf-8", text.encode())


def letter_preview(letter):
    """The preview of a letter, or None if there is no part to make it of."""
    scanner = StructureScanner()
    scanner.feed(letter)
    table = scanner.finish()

    async def header_of(index):
        header = FieldCollector(preview.NAMES)
        header.feed(letter[table.start(index) : table.body(index)])
        header.finish()
        return header

    found = asyncio.run(find_part(table, header_of))
    if found is None:
        return None
    index, header = found
    body = letter[table.body(index) : table.end(index)]
    return show(header.get(b"content-type"), body, 0, header.get(b"content-transfer-encoding"))


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        (b"Subject: x" + PLAIN, "plain text"),
        (b"Subject: x\r\n" + HTML, "html text"),
        (b"Subject: x\r\n" + IMAGE, None),
        (b"Subject: x\r\n" + NOTES, "notes"),
        (b"Subject: x\r\n" + ATTACHED, None),
        (b"Subject: x\r\nContent-Type: text/richtext\r\n\r\nrich", "rich"),
        (multipart(b"mixed", HTML, PLAIN), "html text"),
        (multipart(b"mixed", IMAGE, PLAIN), "plain text"),
        (multipart(b"mixed", NOTES, PLAIN), "plain text"),
        (multipart(b"mixed", CALENDAR, HTML), "html text"),
        (multipart(b"mixed", IMAGE, CALENDAR, NOTES), "BEGIN:VCALENDAR"),
        (multipart(b"mixed", ATTACHED, PLAIN), "plain text"),
        (multipart(b"mixed", ATTACHED.replace(b"rfc822", b"global"), PLAIN), "plain text"),
        (multipart(b"mixed", ATTACHED), None),
        (multipart(b"mixed", IMAGE), None),
        (multipart(b"alternative", PLAIN, HTML), "plain text"),
        (multipart(b"alternative", HTML, PLAIN), "plain text"),
        (multipart(b"alternative", multipart(b"related", HTML, IMAGE), PLAIN), "plain text"),
        (multipart(b"alternative", multipart(b"related", HTML, IMAGE)), "html text"),
        (multipart(b"alternative", CALENDAR), "BEGIN:VCALENDAR"),
        (multipart(b"mixed", multipart(b"alternative", HTML), PLAIN), "html text"),
        (multipart(b"mixed", multipart(b"alternative", CALENDAR), PLAIN), "plain text"),
        (multipart(b"mixed", multipart(b"alternative", HTML, CALENDAR), PLAIN), "html text"),
        (multipart(b"mixed", multipart(b"mixed", IMAGE), multipart(b"alternative", HTML, PLAIN)), "plain text"),
        (b"Content-Type: multipart/mixed\r\n\r\nno boundary", None),
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-odd\r\n\r\nodd", ""),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aMO2PC9iPg==", "hö"),
    ],
)
def test_which_part(letter, expected):
    assert letter_preview(letter) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \r\n\t ", ""),
        ("one  two\r\n\r\n\tthree \r\n", "one two three"),
        ("\ufeffa\u00a0\u00a0b\x00c\x01 \x1f d\x7f", "a b c d"),
        ("a\u2003b\u200dc", "a\u2003b\u200dc"),
        ("> quoted\r\n>> deeper\r\nanswer\r\n> more\r\nend", "answer end"),
        ("On Monday Anna wrote:\r\n> quoted\r\n", "On Monday Anna wrote:"),
        ("> only\r\n>\r\n>> quoted > text\r\n", "only quoted > text"),
        (" > not quoted\r\n", "> not quoted"),
        ("<b>no tags</b> &amp; no entities", "<b>no tags</b> &amp; no entities"),
    ],
)
def test_plain_text(text, expected):
    assert plain(text) == expected
    assert plain(text.replace("\r\n", "\n")) == expected


def test_charset_and_encoding():
    assert in_every_size(b"text/plain; charset=iso-8859-5", b"\xbf\xe0\xd8\xd2\xd5\xe2") == "Привет"
    body = b"J=C3=B6rg=\r\nsen\r\n"
    assert in_every_size(b"text/plain; charset=utf-8", body, b"quoted-printable") == "Jörgsen"
    assert in_every_size(None, b"raw \xf6") == "raw ö"


@pytest.mark.parametrize("text", ["x" * 500, "ab " * 300, "ä" * 300, "😀" * 250, "😀 " * 250])
def test_never_longer_than_200_characters(text):
    shown = show(b"text/plain; charset=utf-8", text.encode(), 7)
    assert shown == " ".join(text.split())[:200].rstrip()
    assert show(b"text/html", text.encode(), 7) == shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a<b>b</b>c<br>d<p>e</p>f<BR/>g<td >h", "abc d e f g h"),
        ("<html><head><title>T</title><style type='x'>s{}<b></style></HEAD><body>text", "text"),
        ("a<script>x<y; '</b>'</script >b<SCRIPT src=x></SCRIPT>c", "a b c"),
        ("a<!-- <b> - -- > -->b<!-->c-->d<!DOCTYPE html>e<?xml x?>f", "abdef"),
        ("x<img alt='a>b' src=\"c>d\">y<a href=e'f>g", "x yg"),
        ("<a title=\"it's\">b</a> <p class='>'>c", "b c"),
        ('<a href="never closed>text</a> <b>more</b>', "text more"),
        ("a < b, c <3 d, <> e </ f", "a < b, c <3 d, <> e </ f"),
        ("a<", "a<"),
        ("a<b", "a"),
        ("a<p", "a"),
        ("&lt;b&gt; &quot;q&quot; &apos;&amp;amp; &nbsp; &ouml;&Ouml;&yuml;&euro;&hellip;", '<b> "q" \'&amp; öÖÿ€…'),
        ("&#228;&#xE4;&#x1F600;&#8364;&#150;&#0;&#xD800;&#x110000;", "ää😀€– \ufffd\ufffd"),
        (
            "&bogus; &amp &; & &#; &#x; &#xg; &a=b; &verylongname; AT&T&",
            "&bogus; &amp &; & &#; &#x; &#xg; &a=b; &verylongname; AT&T&",
        ),
        ("<p>Anna wrote:</p><blockquote>q1<blockquote>q2</blockquote>q3</blockquote>after", "Anna wrote: after"),
        ("<blockquote>only</blockquote>", "only"),
        ("</blockquote>a<blockquote>b", "a"),
        ("> not quoted", "> not quoted"),
        ("<style>never closed", ""),
        ("<!-- never closed", ""),
        ("un<wbr>break<span>able</span>", "unbreakable"),
        ("<div\nclass=x\n>in a tag of lines</div>", "in a tag of lines"),
        ("<" + "x" * 600 + '=">" y>text', '" y>text'),
    ],
)
def test_html(text, expected):
    assert html(text) == expected


def test_every_latin_entity():
    names = html_text._LATIN.decode().split()
    assert len(names) == 96
    for number, name in enumerate(names[1:], 161):
        assert html_text._character(name.encode()).decode() == chr(number)


@given(st.text(alphabet="<>/&;#x1!-= \"'bp\nstyle", max_size=60), st.integers(1, 9))
def test_any_html_is_the_same_in_any_split(text, size):
    body = text.encode()
    assert show(b"text/html", body, size) == show(b"text/html", body)


@given(st.binary(max_size=300), st.integers(1, 9))
def test_any_octets_have_a_preview(body, size):
    for content_type in (b"text/plain", b"text/html", b"text/plain; charset=koi8-r", b"text/html; charset=utf-16"):
        shown = show(content_type, body, size)
        assert len(shown) <= 200
        assert not re.search("[\x00-\x1f\x7f]|  |^ | $", shown)


def test_no_more_is_read_than_needed():
    shown = Preview(b"text/plain", None)
    count = 0
    while shown.feed(b"word " * 20):
        count += 1
    assert count <= 3
    shown = Preview(b"text/html", None)
    shown.feed(b"<style>")
    total = 0
    while shown.feed(b"x" * 1000):
        total += 1000
    assert total <= preview.READ_LIMIT
    assert shown.finish() == ""


def test_what_is_held_back_is_small():
    out = []
    text = HtmlText(lambda octets, quoted: out.append(len(octets)))
    for piece in (
        b"<!--" + b"x" * 5000,
        b"--><p " + b"y=z " * 3000,
        b"><style>" + b"<" * 5000,
        b"</style>&" + b"a" * 5000,
    ):
        for start in range(0, len(piece), 100):
            text.feed(piece[start : start + 100])
            assert len(text._carry) <= html_text.TAG_LIMIT
    assert sum(out) >= 5000
