"""The fields put before a letter, and the count of hops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.smtp import trace


def make(helo=b"scanner", recipient=b"anna@office.lan", peer="192.0.2.7"):
    return trace.fields(b"a@b", helo, peer, b"postino", b"ESMTP", recipient, b"Tue, 24 Nov 2026 12:06:59 +0000")


def test_fields():
    assert make() == (
        b"Return-Path: <a@b>\r\n"
        b"Received: from scanner ([192.0.2.7])\r\n"
        b"\tby postino (Postino) with ESMTP\r\n"
        b"\tfor <anna@office.lan>;\r\n"
        b"\tTue, 24 Nov 2026 12:06:59 +0000\r\n"
    )


def test_several_recipients_are_not_told_of_each_other():
    assert b"for" not in make(recipient=None)


def test_ipv6():
    assert b"([IPv6:fe80::1])" in make(peer="fe80::1")


@given(st.binary(max_size=300))
def test_a_name_cannot_add_lines(helo):
    lines = make(helo=helo).split(b"\r\n")
    assert len(lines) == 6
    assert all(len(line) < 998 and all(0x20 <= octet < 0x7F or octet == 9 for octet in line) for line in lines)


def count(pieces):
    counter = trace.ReceivedCounter()
    for piece in pieces:
        counter.feed(bytearray(b"\n" + piece), 1, 1 + len(piece))
    return counter.count, counter.done


HEADER = b"Received: a\r\n\tb\r\nX-Received: no\r\nRECEIVED:c\r\nreceived: d\r\nReceive: x\r\n\r\nReceived: body\r\n"


@pytest.mark.parametrize("cut", range(len(HEADER)))
def test_received_fields_are_counted_in_the_header(cut):
    assert count([HEADER[:cut], HEADER[cut:]]) == (3, True)


def test_octet_by_octet():
    assert count([HEADER[i : i + 1] for i in range(len(HEADER))]) == (3, True)


def test_a_letter_without_header():
    assert count([b"\r\nReceived: x\r\n"]) == (0, True)


def test_a_header_without_end_is_not_followed_for_ever():
    counter = trace.ReceivedCounter()
    line = bytearray(b"X: " + b"y" * 1000 + b"\r\n")
    for _ in range(200):
        counter.feed(line, 0, len(line))
    assert counter.done
