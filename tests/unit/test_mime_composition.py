"""Letters and accents in one character: what Unicode's own tables say, for the scripts that are known."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime.composition import compose

# Latin with its extensions, modern Greek, Cyrillic, kana, Hangul.
BLOCKS = ((0x20, 0x250), (0x370, 0x400), (0x400, 0x530), (0x1E00, 0x1F00), (0x3040, 0x3100), (0xAC00, 0xD7A4))
KNOWN = [chr(code) for first, end in BLOCKS for code in range(first, end)]


def composed(text: str) -> str:
    return compose(text.encode()).decode()


def test_every_character_that_is_known():
    for character in KNOWN:
        assert composed(unicodedata.normalize("NFD", character)) == unicodedata.normalize("NFC", character)


@given(st.text(st.sampled_from(KNOWN), max_size=12))
def test_texts_of_them(text):
    assert composed(unicodedata.normalize("NFD", text)) == unicodedata.normalize("NFC", text)


@given(
    st.text(st.one_of(st.characters(), st.sampled_from("aeu\u0300\u0308\u0323\u3099\u1100\u1161\u11a8")), max_size=12)
)
def test_the_text_stays_equivalent(text):
    assert unicodedata.normalize("NFD", composed(text)) == unicodedata.normalize("NFD", text)
    assert composed(composed(text)) == composed(text)


@pytest.mark.parametrize("sign", "\u2126\u212a\u212b")
def test_signs_that_are_letters(sign):
    assert composed(f"a{sign}") == unicodedata.normalize("NFC", f"a{sign}")


def test_accents_out_of_order_are_left_alone():
    assert composed("e\u0302\u0323") == "ê\u0323"
    assert composed("\u0308a") == "\u0308a"
