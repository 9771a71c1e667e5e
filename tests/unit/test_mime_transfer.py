"""Content-Transfer-Encodings: any input in any split, against the codecs of Python."""

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import transfer


def decode(name, data, size=0):
    """(what comes out, damaged) of the data in pieces of a size, or at once."""
    decoder = transfer.decoder_for(name)
    out = b""
    for start in range(0, len(data), size or len(data) or 1):
        out += decoder.feed(memoryview(data)[start : start + (size or len(data))])
    return out + decoder.finish(), decoder.damaged


def in_every_size(name, data):
    """The same, and that it does not depend on the split."""
    whole = decode(name, data)
    for size in range(1, len(data)):
        assert decode(name, data, size) == whole, size
    return whole


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (None, transfer.Identity),
        (b"", transfer.Identity),
        (b"7bit", transfer.Identity),
        (b"8BIT (really)", transfer.Identity),
        (b" Binary ", transfer.Identity),
        (b"Quoted-Printable", transfer.QuotedPrintable),
        (b"quoted-printable; x=y", transfer.QuotedPrintable),
        (b"BASE64", transfer.Base64),
    ],
)
def test_known_encodings(field, kind):
    assert isinstance(transfer.decoder_for(field), kind)


@pytest.mark.parametrize("field", [b"x-uuencode", b"7-bit", b"utf-8", b"base64, 8bit", b"quoted printable"])
def test_unknown_encodings(field):
    assert transfer.decoder_for(field) is None


def test_identity_changes_nothing():
    assert in_every_size(b"8bit", b"a\r\n=41\x00\xff \n") == (b"a\r\n=41\x00\xff \n", False)


@pytest.mark.parametrize(
    ("data", "expected", "damaged"),
    [
        (b"", b"", False),
        (b"plain\r\ntext\r\n", b"plain\r\ntext\r\n", False),
        (b"J=C3=B6rg =e4=E4\r\n", b"J\xc3\xb6rg \xe4\xe4\r\n", False),
        (b"one=\r\ntwo=\nthree", b"onetwothree", False),
        (b"one= \t\r\ntwo=  \nthree", b"onetwothree", False),
        (b"blanks \t \r\nat ends  \nof lines \t ", b"blanks\r\nat ends\nof lines", False),
        (b"=20\r\n=09 \r\n", b" \r\n\t\r\n", False),
        (b"=3D=\r\n=3D", b"==", False),
        (b"the end=", b"the end", False),
        (b"the end=  ", b"the end", False),
        (b"1+1=2, a=ZZ =4", b"1+1=2, a=ZZ =4", True),
        (b"==41", b"=A", True),
        (b"= 41", b"= 41", True),
        (b"=\rA", b"=\rA", True),
        (b"a\rb\n\r", b"a\rb\n\r", False),
        (b"=4", b"=4", True),
        (b"=4 \r\n", b"=4\r\n", True),
    ],
)
def test_quoted_printable(data, expected, damaged):
    assert in_every_size(b"quoted-printable", data) == (expected, damaged)


def test_very_many_blanks_do_not_pile_up():
    decoder = transfer.QuotedPrintable()
    out = b"".join([decoder.feed(b" " * 100) for _ in range(1000)])
    assert len(out) >= 100000 - 2 * transfer.BLANKS_LIMIT
    assert (out + decoder.feed(b"x")).rstrip(b" ") == b" " * 100000 + b"x"
    assert not decoder.damaged


@given(st.binary(max_size=400), st.integers(1, 90))
def test_quoted_printable_of_python(data, size):
    encoded = quopri.encodestring(data, quotetabs=True).replace(b"\n", b"\r\n")
    # A line end of the data is one of the text.
    assert decode(b"quoted-printable", encoded, size) == (data.replace(b"\n", b"\r\n"), False)


@given(st.text(alphabet="=0A4f \t\r\nx", max_size=60), st.integers(1, 9))
def test_any_quoted_printable_is_the_same_in_any_split(text, size):
    data = text.encode()
    assert decode(b"quoted-printable", data, size) == decode(b"quoted-printable", data)


@pytest.mark.parametrize(
    ("data", "expected", "damaged"),
    [
        (b"", b"", False),
        (b"YWJj\r\nZGVm\r\n", b"abcdef", False),
        (b"YW Jj\tZG\r\n Vm\n", b"abcdef", False),
        (b"YWJjZA==", b"abcd", False),
        (b"YWJjZGU=\r\n", b"abcde", False),
        (b"YWJjZA==\r\n \r\n", b"abcd", False),
        (b"YWJjZA =\r\n=", b"abcd", False),
        (b"YWJj*ZG\x00V\xffm", b"abcdef", True),
        (b"YWJjZA", b"abcd", True),
        (b"YWJjZA=", b"abcd", True),
        (b"YWJjZ", b"abc", True),
        (b"YWJjZ=", b"abc", True),
        (b"YWJj=", b"abc", True),
        (b"YWJjZA===", b"abcd", True),
        (b"YWJjZA==YWJj", b"abcd", True),
        (b"YWJjZA==\r\n-- \r\nfooter\r\n", b"abcd", True),
        (b"=YWJj", b"", True),
        (b"!", b"", True),
        (b"Y W  J", b"ab", True),
    ],
)
def test_base64(data, expected, damaged):
    assert in_every_size(b"base64", data) == (expected, damaged)


@given(st.binary(max_size=600), st.integers(1, 120), st.integers(1, 90))
def test_base64_of_python(data, line, size):
    encoded = base64.b64encode(data)
    wrapped = b"".join([encoded[i : i + line] + b"\r\n" for i in range(0, len(encoded), line)])
    assert decode(b"base64", wrapped, size) == (data, False)


@given(st.text(alphabet="YWJj/+09=*- \r\n", max_size=40), st.integers(1, 9))
def test_any_base64_is_the_same_in_any_split(text, size):
    data = text.encode()
    whole = decode(b"base64", data)
    assert decode(b"base64", data, size) == whole
    # What is not damaged is what Python makes of it.
    if not whole[1]:
        assert whole[0] == binascii.a2b_base64(b"".join(data.split()), strict_mode=True)


def test_what_is_held_back_is_small():
    decoder = transfer.Base64()
    for _ in range(100):
        decoder.feed(b"*" * 1000 + b"Y")
    assert len(decoder._carry) <= 3 and decoder.damaged
