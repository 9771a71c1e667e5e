"""Folding of case and sort keys, against the Unicode data of Python."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import collation
from postino.mime.casefold import fold

# Letters that are left as they are: see the docstring of casefold.
PHONETIC = set(range(0x180, 0x1CD)) - {0x1A1, 0x1B0}
PHONETIC |= set(range(0x1F1, 0x1F6)) | {0x23F, 0x240, 0x242} | set(range(0x250, 0x2B0)) - {0x259}
ARCHAIC = (
    {0x345, 0x371, 0x373, 0x377, 0x37B, 0x37C, 0x37D, 0x1E9B} | set(range(0x3D0, 0x3D8)) | set(range(0x3F0, 0x400))
)
LETTERS = [*range(0x250), *range(0x250, 0x2B0), *range(0x370, 0x590), *range(0x1E00, 0x1F00), 0x20AC, 0x4E2D, 0x1F600]
# A part of a sentence for each alphabet.
PANGRAMS = [
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich",
    "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "Pchnąć w tę łódź jeża lub ośm skrzyń fig",
    "Árvíztűrő tükörfúrógép",
    "Pijamalı hasta yağız şoföre çabucak güvendi",
    "Съешь же ещё этих мягких французских булок, да выпей чаю",
    "Щастям б'єш жук їх глицю в фон й ґедзь пріч",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
    "Đường lên đỉnh Ơ-lim-pi-a, ước mơ",
    "Muzicologă în bej vând whisky și tequila, preț fix",
]


def titlecase(character):
    """The simple titlecase, where the full one is more than a character."""
    full = character.title()
    return full if len(full) == 1 else character


def test_every_letter_is_its_simple_titlecase():
    for code in LETTERS:
        if code not in PHONETIC and code not in ARCHAIC:
            assert fold(chr(code)).decode() == titlecase(chr(code)), hex(code)


def test_letters_that_are_left_out_stay():
    for code in sorted(PHONETIC | ARCHAIC):
        assert fold(chr(code)).decode() in (chr(code), titlecase(chr(code))), hex(code)


def test_sharp_s_and_dotless_i():
    assert fold("Straße").decode() == "STRAßE"
    assert fold("ıſÿµ").decode() == "ISŸΜ"
    assert fold("ΣΑΣ σας").decode() == "ΣΑΣ ΣΑΣ"


@pytest.mark.parametrize("text", PANGRAMS)
def test_texts_in_both_cases_fold_to_the_same(text):
    assert fold(text.lower()) == fold(text)
    if "ß" not in text and "ı" not in text:
        assert fold(text.upper()) == fold(text)
    # A text holds its words.
    for word in text.split():
        assert fold(word.lower()) in fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=0x58F, exclude_categories=("Cs",)), max_size=30))
def test_as_casefold_has_it(text):
    # Where the full folding of Python keeps the number of characters, equal ones here are equal ones there.
    for character in text:
        other = character.swapcase()
        if (
            len(other) == 1
            and ord(other) < 0x590
            and other.swapcase() == character
            and not {ord(character), ord(other)} & (PHONETIC | ARCHAIC)
        ):
            assert fold(character) == fold(other)
    assert fold(text) == b"".join([fold(character) for character in text])
    assert fold(fold(text).decode()) == fold(text)


def decomposed(character):
    """RFC 5051: titlecase, then canonical decomposition."""
    return unicodedata.normalize("NFD", titlecase(character)).encode()


def test_latin_letters_are_taken_apart():
    for code in range(0xC0, 0x180):
        assert collation.key(chr(code)) == decomposed(chr(code)), hex(code)
    for character in "ȘșȚțǍΆάΐΈέΉήΊίΌόΎύΏώΪϊΫϋЀЁёЃЇїЌЍЎўЙйӐӑӖ":
        if character != "ΐ":
            assert collation.key(character) == decomposed(character)


@pytest.mark.parametrize("text", PANGRAMS[:7])
def test_key_of_a_text(text):
    assert collation.key(text) == b"".join([decomposed(character) for character in text])


def test_order():
    words = ["", "a", "arger", "Arsenal", "Ärger", "Boot", "É", "f", "Olm", "Öl", "Z", "z", "[list]", "Ω", "ё", "ж"]
    words.reverse()
    # Those with equal keys stay in their order.
    assert sorted(words, key=collation.key) == [*words[:5:-1], "z", "Z", *words[3::-1]]


def test_keys_are_short():
    for text in ("x" * 5000, "ä" * 5000, "я" * 5000, "ά" * 5000, "中" * 5000):
        assert collation.KEY_LIMIT - 3 <= len(collation.key(text)) <= collation.KEY_LIMIT
        assert len(collation.key(text, 20)) <= 20


@given(st.text(max_size=300))
def test_any_text_has_a_key(text):
    assert len(collation.key(text.encode(errors="ignore").decode())) <= collation.KEY_LIMIT
