"""SASL responses: what a PLAIN response may look like, and what is refused."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino import sasl


@given(st.binary(max_size=80))
def test_base64_comes_back(octets):
    assert sasl.decode_base64(b64encode(octets) or b"=") == octets


@pytest.mark.parametrize("text", [b"a", b"abc", b"!!!!", b"YWJj\n", b"YW Jj", b"Y===", b"====", b"YWJj YWJj"])
def test_what_is_not_base64_is_refused(text):
    with pytest.raises(sasl.BadResponse):
        sasl.decode_base64(text)


@pytest.mark.parametrize("identity", [b"", b"anna"])
def test_plain(identity):
    assert sasl.decode_plain(b64encode(identity + b"\0anna\0se cret")) == (b"anna", b"se cret")


@pytest.mark.parametrize("octets", [b"", b"anna", b"\0anna", b"\0anna\0", b"\0\0x", b"ben\0anna\0x", b"\0a\0b\0c"])
def test_plain_that_is_refused(octets):
    with pytest.raises(sasl.BadResponse):
        sasl.decode_plain(b64encode(octets) or b"=")
