"""ENVELOPE and BODYSTRUCTURE: whole answers written by hand, and the grammar for anything else."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postino.mime import bodystructure, envelope
from postino.mime.fields import FieldCollector
from postino.mime.structure import StructureScanner


def collector_of(header, names=envelope.NAMES):
    collector = FieldCollector(names)
    collector.feed(header)
    collector.finish()
    return collector


def described(data, extended=True, rev2=False):
    scanner = StructureScanner()
    scanner.feed(data)
    table = scanner.finish()
    out = []

    async def header_of(index):
        return collector_of(data[table.start(index) : table.body(index)], bodystructure.NAMES)

    async def write(piece):
        out.append(bytes(piece))

    asyncio.run(bodystructure.emit(table, header_of, write, extended, rev2))
    return b"".join(out)


def crlf(text):
    return text.replace(b"\n", b"\r\n")


def reread(data, start=0):
    """A collector of the header that begins there, which reads long fields again from `data`."""

    def octets(first, last):
        for at in range(first, last, 7):
            yield data[start + at : start + min(at + 7, last)]

    collector = FieldCollector(envelope.NAMES, octets=octets)
    collector.feed(data[start:])
    collector.finish()
    return collector


def test_envelope_whole():
    header = crlf(
        b'Date: Tue, 24 Nov 2026 12:06:59 +0000\nSubject: Hello\n there\nFrom: Anna <anna@x>\nTo: b@x, "C" <c@x>\n'
        b"Cc: undisclosed-recipients:;\nIn-Reply-To: <1@x>\nMessage-ID: <2@x>\n\n"
    )
    author = b'(("Anna" NIL "anna" "x"))'
    assert envelope.envelope(collector_of(header)) == (
        b'("Tue, 24 Nov 2026 12:06:59 +0000" "Hello there" '
        + author
        + b" "
        + author
        + b" "
        + author
        + b' ((NIL NIL "b" "x")("C" NIL "c" "x")) ((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'
        + b' NIL "<1@x>" "<2@x>")'
    )


def test_envelope_of_nothing():
    assert envelope.envelope(collector_of(b"")) == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert (
        envelope.envelope(collector_of(b"To: \r\nFrom:\r\nSubject:\r\n\r\n"))
        == b'(NIL "" NIL NIL NIL NIL NIL NIL NIL NIL)'
    )


def test_envelope_sender_and_reply_to_of_their_own():
    header = b"From: a@x\r\nSender: s@x\r\nReply-To: ,\r\n\r\n"
    assert envelope.envelope(collector_of(header)) == (
        b'(NIL NIL ((NIL NIL "a" "x")) ((NIL NIL "s" "x")) ((NIL NIL "a" "x")) NIL NIL NIL NIL NIL)'
    )


def test_envelope_of_several_fields_of_a_name():
    """Address fields are one list, of the others the last counts."""
    header = b"To: a@x\r\nSubject: 1\r\nFrom: f@x\r\nTo: b@x\r\nSubject: 2\r\nto: \r\nTo: c@x\r\nFROM: g@x\r\n\r\n"
    author = b'((NIL NIL "f" "x")(NIL NIL "g" "x"))'
    expected = b'(NIL "2" %s %s %s ((NIL NIL "a" "x")(NIL NIL "b" "x")(NIL NIL "c" "x")) NIL NIL NIL NIL)'
    assert envelope.envelope(collector_of(header)) == expected % (author, author, author)


def test_envelope_has_blanks_of_the_subject_and_of_names_once():
    header = b'Subject: a\r\n \t b\tc  d\r\n \r\n e\rf \r\nFrom: "A  B\tC" <a@x>\r\nIn-Reply-To: <a>\r\n\t<b>\r\n\r\n'
    author = b'(("A B C" NIL "a" "x"))'
    expected = b'(NIL "a b c d e f" %s %s %s NIL NIL NIL {7}\r\n<a>\t<b> NIL)'
    assert envelope.envelope(collector_of(header)) == expected % (author, author, author)


def test_long_fields_are_read_again():
    people = [b"Person Number %d <person%d@office.lan>" % (i, i) for i in range(400)]
    subject = b"\r\n ".join([b"part %d " % i * 5 for i in range(400)])
    header = b"Subject: " + subject + b"\r\nTo: " + b",\r\n ".join(people) + b"  \r\n\t\r\nCc: " + b" " * 2000
    header += b"x" * 900 + b"@x" + b" " * 2000 + b"y\r\nMessage-ID: <" + b"m" * 5000 + b">\r\nTo: last@x"
    value, _ = parse(envelope.envelope(reread(b"Skipped: 1\r\n\r\n" + header, 14)))
    assert value[1] == b" ".join(subject.split())
    assert value[5] == [[b"Person Number %d" % i, None, b"person%d" % i, b"office.lan"] for i in range(400)] + [
        [None, None, b"last", b"x"]
    ]
    assert value[6] == [[None, None, b"x" * 900, b"x"]]
    assert value[9] == b"<" + b"m" * 5000 + b">"


def test_envelope_of_a_collector_that_cannot_read_again_is_bounded():
    header = b"".join([name + b": " + b"a@b," * 100000 + b"\r\n" for name in envelope.NAMES]) + b"\r\n"
    text = envelope.envelope(collector_of(header))
    assert len(text) < 40000


MIXED = crlf(
    b"""From: anna@x
Content-Type: multipart/mixed; boundary="a"

--a
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

one
two
--b
Content-Type: text/html; charset=utf-8
Content-Language: de, en

<p>
--b--

--a
Content-Type: image/png; name="logo.png"
Content-Transfer-Encoding: base64
Content-ID: <1@x>
Content-Description: Logo
Content-Disposition: attachment; filename="logo.png"; size=3
Content-Location: http://x/
Content-MD5: Q2hlY2s=

iVBO
--a
Content-Type: message/rfc822

Subject: inner
From: b@x

text
more
--a--
"""
)


def test_bodystructure_whole():
    assert described(MIXED) == (
        b'((("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 8 1 NIL NIL NIL NIL)'
        b'("text" "html" ("charset" "utf-8") NIL NIL "7bit" 3 0 NIL NIL ("de" "en") NIL)'
        b' "alternative" ("boundary" "b") NIL NIL NIL)'
        b'("image" "png" ("name" "logo.png") "<1@x>" "Logo" "base64" 4 "Q2hlY2s=" '
        b'("attachment" ("filename" "logo.png" "size" "3")) NIL "http://x/")'
        b'("message" "rfc822" NIL NIL NIL "7bit" 39 '
        b'(NIL "inner" ((NIL NIL "b" "x")) ((NIL NIL "b" "x")) ((NIL NIL "b" "x")) NIL NIL NIL NIL NIL) '
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 1 NIL NIL NIL NIL)'
        b" 4 NIL NIL NIL NIL)"
        b' "mixed" ("boundary" "a") NIL NIL NIL)'
    )


GLOBAL = crlf(
    b"""Content-Type: multipart/mixed; boundary=a

--a
Content-Type: message/Global; x=y
Content-Transfer-Encoding: 8bit

Subject: Gr\xc3\xbc\xc3\x9fe
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

Subject: inner

text
--b--
--a
Content-Type: message/global
Content-Transfer-Encoding: BASE64 (x)

U3ViamVjdDogeA0KDQp5
--a
Content-Type: text/html

<p>
--a--
"""
)


def test_message_global_is_a_letter_in_imap4rev2():
    """RFC 9051 9, media-message; one that is encoded has the form of a letter, and is not looked into."""
    none = b"NIL NIL NIL NIL NIL NIL NIL NIL"
    assert described(GLOBAL, False, True) == (
        b'(("message" "global" ("x" "y") NIL NIL "8bit" 129 (NIL {7}\r\nGr\xc3\xbc\xc3\x9fe ' + none + b") "
        b'(("message" "rfc822" NIL NIL NIL "7bit" 22 (NIL "inner" ' + none + b") "
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 0) 2) "mixed") 9)'
        b'("message" "global" NIL NIL NIL "BASE64" 20 (NIL NIL ' + none + b") "
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) 0)'
        b'("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 3 0) "mixed")'
    )
    assert described(GLOBAL, False) == (
        b'(("message" "Global" ("x" "y") NIL NIL "8bit" 129)("message" "global" NIL NIL NIL "BASE64" 20)'
        b'("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 3 0) "mixed")'
    )
    whole = b"Content-Type: message/global\r\n\r\nSubject: x\r\n\r\ny"
    assert described(whole) == b'("message" "global" NIL NIL NIL "7bit" 15 NIL NIL NIL NIL)'


def test_body_has_no_extension_data():
    assert described(MIXED, False) == (
        b'((("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 8 1)'
        b'("text" "html" ("charset" "utf-8") NIL NIL "7bit" 3 0) "alternative")'
        b'("image" "png" ("name" "logo.png") "<1@x>" "Logo" "base64" 4)'
        b'("message" "rfc822" NIL NIL NIL "7bit" 39 '
        b'(NIL "inner" ((NIL NIL "b" "x")) ((NIL NIL "b" "x")) ((NIL NIL "b" "x")) NIL NIL NIL NIL NIL) '
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 1) 4) "mixed")'
    )


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        (b"", b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)'),
        (b"Subject: x\r\n\r\na\r\n", b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)'),
        (
            b"Content-Type: multipart/mixed\r\n\r\n--a\r\n\r\nx",
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "8bit" 8 2 NIL NIL NIL NIL)',
        ),
        (
            b"Content-Transfer-Encoding:\r\nContent-Type: image/gif\r\n\r\nx",
            b'("image" "gif" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL)',
        ),
        (
            b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a--",
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)'
            b' "mixed" ("boundary" "a") NIL NIL NIL)',
        ),
        (
            b"Content-Type: text/html; name=x\r\nContent-Transfer-Encoding: Base64 (x)\r\n\r\nx",
            b'("text" "html" ("name" "x" "charset" "us-ascii") NIL NIL "Base64" 1 0 NIL NIL NIL NIL)',
        ),
        (
            b"Content-Transfer-Encoding: 8 bit\r\nContent-Disposition: attachment filename=x\r\n"
            b"Content-Language: en (x), de fr\r\n\r\nx",
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL ("attachment" NIL) ("en" "de") NIL)',
        ),
        (
            b"Content-Disposition:\r\nContent-Language: ,en\r\nContent-Type: a/b; x*1=c; x*0*=%61; y=d\r\n\r\nx",
            b'("a" "b" ("y" "d" "x*" "%61c") NIL NIL "7bit" 1 NIL ("" NIL) NIL NIL)',
        ),
        (
            b"Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: s\r\n\r\nx\r\n--a--",
            b'(("message" "rfc822" NIL NIL NIL "7bit" 15 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) '
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)'
            b' "digest" ("boundary" "a") NIL NIL NIL)',
        ),
        (
            b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\n",
            b'("message" "rfc822" NIL NIL NIL "7bit" 46 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) '
            b'("message" "rfc822" NIL NIL NIL "7bit" 14 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) '
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)'
            b" 4 NIL NIL NIL NIL)",
        ),
    ],
)
def test_bodystructure_of_odd_letters(letter, expected):
    assert described(letter) == expected


def parse(text, at=0):
    """One IMAP value: a list, bytes, None or a number; and where it ends."""
    if text[at : at + 1] == b"(":
        out = []
        at += 1
        while text[at : at + 1] != b")":
            if text[at : at + 1] == b" ":
                at += 1
            value, at = parse(text, at)
            out.append(value)
        assert out, "an empty list"
        assert text[at - 1 : at] != b" "
        return out, at + 1
    if text[at : at + 1] == b'"':
        end = text.index(b'"', at + 1)
        return text[at + 1 : end], end + 1
    if text[at : at + 1] == b"{":
        end = text.index(b"}\r\n", at)
        size = int(text[at + 1 : end])
        assert len(text) >= end + 3 + size
        return text[end + 3 : end + 3 + size], end + 3 + size
    if text[at : at + 3] == b"NIL":
        return None, at + 3
    end = at
    while text[end : end + 1].isdigit():
        end += 1
    return int(text[at:end]), end


def check_envelope(value):
    assert len(value) == 10
    for i in (0, 1, 8, 9):
        assert value[i] is None or isinstance(value[i], bytes)
    for i in range(2, 8):
        assert value[i] is None or all(len(entry) == 4 for entry in value[i])


def check_body(value, rev2=False):
    """RFC 3501 9, body, with all extension data; in IMAP4rev2 a message/global is a letter, too (RFC 9051 9)."""
    if isinstance(value[0], list):
        parts = [part for part in value if isinstance(part, list) and part and isinstance(part[0], (list, bytes))]
        count = next(i for i, part in enumerate(value) if isinstance(part, bytes))
        assert len(value) == count + 5 and parts
        for part in value[:count]:
            check_body(part, rev2)
        return
    kind, subtype, params, _, _, encoding, octets = value[:7]
    assert isinstance(kind, bytes) and isinstance(subtype, bytes) and isinstance(encoding, bytes) and encoding
    assert isinstance(octets, int)
    assert params is None or (len(params) % 2 == 0 and all(isinstance(text, bytes) for text in params))
    rest = value[7:]
    if kind.lower() == b"text":
        assert isinstance(rest.pop(0), int)
    elif kind.lower() == b"message" and subtype.lower() in ((b"rfc822", b"global") if rev2 else (b"rfc822",)):
        check_envelope(rest.pop(0))
        check_body(rest.pop(0), rev2)
        assert isinstance(rest.pop(0), int)
    assert kind.lower() != b"multipart"
    assert len(rest) == 4


LINES = st.sampled_from(
    [
        b"--a",
        b"--aa",
        b"--a--",
        b"",
        b"text \xff\x00",
        b"Content-Type: multipart/mixed; boundary=a",
        b"Content-Type: multipart/digest; boundary=aa",
        b"Content-Type: message/rfc822",
        b"Content-Type: message/global",
        b'Content-Type: image/png; name="a\\"b"',
        b"Subject: \xc3\xb6",
        b'From: "A" <a@x>, g:;',
        b"Content-Transfer-Encoding: base64 (x)",
        b"Content-Disposition: inline",
        b"Content-Disposition: ;;",
        b"Content-Language: ,",
        b"Content-Language: en",
        b"Content-Type: text/x; =",
        b"Content-ID: <x>",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=30), st.booleans())
def test_grammar_of_anything(lines, rev2):
    text = described(b"\r\n".join(lines), rev2=rev2)
    value, end = parse(text)
    assert end == len(text)
    check_body(value, rev2)


def test_limits_are_described():
    deep = b"Content-Type: message/rfc822\r\n\r\n" * 1000
    value, _ = parse(described(deep))
    check_body(value)
    many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 10000
    value, _ = parse(described(many))
    check_body(value)
