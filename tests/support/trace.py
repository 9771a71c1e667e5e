"""Compares letters that came out with letters that went in: by SHA-256, without the server's trace fields."""

import hashlib
import re

# What SMTP delivery puts before a letter: Return-Path and one Received, folded or not (RFC 5321 4.4).
TRACE = re.compile(rb"\A(?:(?:Return-Path|Received):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+", re.IGNORECASE)


def trace_fields(letter: bytes) -> bytes:
    """The trace fields at the top of a letter, or nothing."""
    match = TRACE.match(letter)
    return match.group() if match else b""


def strip_trace(letter: bytes) -> bytes:
    """The letter as it was sent."""
    return letter[len(trace_fields(letter)) :]


def with_crlf(letter: bytes) -> bytes:
    """The letter with every line end CRLF: what SMTP stores for a sloppy sender, what went in from a Unix mailbox."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", letter)


def digest(letter: bytes) -> str:
    return hashlib.sha256(letter).hexdigest()


def sent_digest(letter: bytes) -> str:
    """SHA-256 of a letter that came out, as it was sent."""
    return digest(strip_trace(letter))


def assert_same(out: bytes, sent: bytes, traced: bool = True) -> None:
    """Fails, in few words, unless the letter that came out is the one that was sent (CRLF line ends).

    `traced`: it came by SMTP, so the server has put its trace fields before it.
    """
    if traced:
        fields = trace_fields(out)
        assert fields[:12].lower() == b"return-path:" and b"\nreceived:" in fields.lower(), out[:200]
        out = strip_trace(out)
    if digest(out) != digest(sent):
        at = next(
            (i for i, pair in enumerate(zip(out, sent, strict=False)) if pair[0] != pair[1]), min(len(out), len(sent))
        )
        raise AssertionError(
            f"{len(out)} octets came out, {len(sent)} were sent; first difference at {at}: "
            f"{out[max(0, at - 40) : at + 40]!r} instead of {sent[max(0, at - 40) : at + 40]!r}"
        )
