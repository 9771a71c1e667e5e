"""Letters with a fixed seed: the kinds that break mail servers, and the set of two hundred.

All have CRLF line ends unless they say otherwise, and none carries trace fields.
"""

import base64
import random
import zlib
from collections.abc import Iterator

CRLF = b"\r\n"
KB = 1024
MB = 1024 * KB
# Longest line that RFC 5322 2.1.1 allows, without CRLF.
LONGEST_LINE = 998

WORDS = (
    "boiler",
    "calendar",
    "delivery",
    "evening",
    "folder",
    "garden",
    "harbour",
    "invoice",
    "journey",
    "kitchen",
    "ladder",
    "meeting",
    "notice",
    "orchard",
    "printer",
    "quarter",
    "river",
    "scanner",
    "tuesday",
    "window",
)


def header(
    subject: bytes, number: int, content_type: bytes = b"text/plain; charset=utf-8", encoding: bytes = b"8bit"
) -> bytes:
    """The header of letter `number`, with its blank line."""
    fields = (
        b"From: Clara Example <clara@office.lan>",
        b"To: Anna Example <anna@office.lan>",
        b"Subject: " + subject,
        b"Date: Tue, 24 Nov 2026 12:%02d:%02d +0000" % (number // 60 % 60, number % 60),
        b"Message-ID: <%d.%08x@tests.office.lan>" % (number, zlib.crc32(subject)),
        b"MIME-Version: 1.0",
        b"Content-Type: " + content_type,
        b"Content-Transfer-Encoding: " + encoding,
    )
    return CRLF.join(fields) + CRLF + CRLF


def text_lines(source: random.Random, size: int) -> bytes:
    """About `size` octets of lines of words."""
    lines, length = [], 0
    while length < size:
        line = b" ".join(source.choice(WORDS).encode() for _ in range(source.randint(1, 10))) + CRLF
        lines.append(line)
        length += len(line)
    return b"".join(lines)


def base64_lines(content: bytes) -> bytes:
    """Base64 in lines of 76 with CRLF."""
    return base64.encodebytes(content).replace(b"\n", CRLF)


def multipart(subject: bytes, number: int, kind: bytes, parts: list[tuple[bytes, bytes, bytes]]) -> bytes:
    """A multipart letter of parts (content type, transfer encoding, encoded body)."""
    boundary = b"=_part_%d" % number
    body = b""
    for content_type, encoding, content in parts:
        body += b"--" + boundary + CRLF + b"Content-Type: " + content_type + CRLF
        body += b"Content-Transfer-Encoding: " + encoding + CRLF + CRLF + content
    body += b"--" + boundary + b"--" + CRLF
    return header(subject, number, kind + b'; boundary="' + boundary + b'"', b"7bit") + body


def plain() -> bytes:
    return header(b"A plain letter", 1) + b"Dear Anna,\r\n\r\nthe boiler is repaired.\r\n\r\nClara\r\n"


def html_with_png() -> bytes:
    """HTML that shows an embedded image."""
    page = b'<html><body><p>The plan:</p><img src="cid:plan"></body></html>\r\n'
    return multipart(
        b"HTML with a picture",
        2,
        b"multipart/related",
        [
            (b"text/html; charset=utf-8", b"7bit", page),
            (
                b"image/png; name=plan.png\r\nContent-ID: <plan>\r\nContent-Disposition: inline",
                b"base64",
                base64_lines(png(64)),
            ),
        ],
    )


def png(side: int) -> bytes:
    """A valid grey image of noise."""
    source = random.Random(2)
    rows = b"".join(b"\0" + source.randbytes(side) for _ in range(side))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    size = side.to_bytes(4, "big")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + size + b"\x08\0\0\0\0")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def pdf_attachment(size: int) -> bytes:
    """A letter with a PDF of `size` octets."""
    content = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    content += random.Random(3).randbytes(size - len(content) - 6) + b"%%EOF\n"
    return multipart(
        b"A large attachment",
        3,
        b"multipart/mixed",
        [
            (b"text/plain; charset=us-ascii", b"7bit", b"See the attachment.\r\n"),
            (
                b"application/pdf; name=report.pdf\r\nContent-Disposition: attachment; filename=report.pdf",
                b"base64",
                base64_lines(content),
            ),
        ],
    )


def utf8_headers() -> bytes:
    """Raw UTF-8 in a header (RFC 6532), as some programs send it without asking."""
    return header("Prüfung der Lüftung, 確認".encode(), 4) + "Grüße aus dem Büro.\r\n".encode()


def dot_stuffed() -> bytes:
    """Lines that begin with dots, alone and more, also at both ends of the body."""
    return header(b"Dots", 5) + b".\r\n..\r\n...\r\n.begin\r\nmiddle.\r\n. \r\n.\r\n"


def long_lines() -> bytes:
    """Lines of exactly 998 octets, which straddle every block size."""
    lines = [bytes([65 + i % 26]) * LONGEST_LINE for i in range(40)]
    # A dot where the line begins, so that the stuffed line is one octet over.
    lines[7] = b"." + lines[7][1:]
    return header(b"Long lines", 6) + CRLF.join(lines) + CRLF


def bare_line_feeds() -> bytes:
    """A body with bare LF line ends; what is stored has CRLF. A lone LF.LF must not end it."""
    return header(b"Bare line feeds", 7) + b"first\nsecond\n.\nthird\n\nlast\r\n"


def kinds(attachment_size: int) -> dict[str, bytes]:
    """Every kind by name; the attachment has `attachment_size` octets before base64."""
    return {
        "plain": plain(),
        "html": html_with_png(),
        "pdf": pdf_attachment(attachment_size),
        "utf8": utf8_headers(),
        "dots": dot_stuffed(),
        "long": long_lines(),
        "bare": bare_line_feeds(),
    }


def text_letter(number: int, size: int, subject: bytes = b"Letter") -> bytes:
    """A text letter of a little more than `size` octets; the same number and size give the same letter."""
    head = header(subject + b" %d" % number, number)
    return head + text_lines(random.Random(1000 + number), max(1, size - len(head)))


def large_letter(number: int, size: int) -> bytes:
    """A letter of about `size` octets of random base64; the same number and size give the same letter."""
    head = header(b"Large letter %d" % number, number, b"application/octet-stream", b"base64")
    # Each line carries 57 octets in 78.
    return head + base64_lines(random.Random(2000 + number).randbytes((size - len(head)) // 78 * 57))


def two_hundred(seed: int) -> Iterator[bytes]:
    """180 letters of 1 to 10 KB, 17 of 100 KB, 3 of 1.5 MB, all different, in an order given by the seed."""
    source = random.Random(seed)
    sizes = [source.randint(KB, 10 * KB) for _ in range(180)] + [100 * KB] * 17 + [3 * MB // 2] * 3
    source.shuffle(sizes)
    for number, size in enumerate(sizes):
        yield (text_letter if size < 50 * KB else large_letter)(seed * 1000 + number, size)
