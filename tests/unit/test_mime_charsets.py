"""Character sets as text: every octet of every set against the codecs of Python, in any split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino.mime import charset_tables, charsets, utf8

# Names that mail has, and the codec of Python that means the same.
NAMES = [
    ("iso-8859-1", "windows-1252"),
    ("ISO_8859-1:1987", "windows-1252"),
    ("Latin1", "windows-1252"),
    ("CP1252", "windows-1252"),
    ("iso-8859-15", "iso-8859-15"),
    ("latin-9", "iso-8859-15"),
    ("ISO-8859-2", "iso-8859-2"),
    ("iso8859_2", "iso-8859-2"),
    ("latin2", "iso-8859-2"),
    ("iso-8859-5", "iso-8859-5"),
    ("iso-8859-7", "iso-8859-7"),
    ("greek", "iso-8859-7"),
    ("iso-8859-9", "iso-8859-9"),
    ("windows-1250", "cp1250"),
    ("x-cp1250", "cp1250"),
    ("cp-1250", "cp1250"),
    ("Windows-1251", "cp1251"),
    ("win-1251", "cp1251"),
    ("windows-1253", "cp1253"),
    ("windows-1254", "cp1254"),
    ("KOI8-R", "koi8-r"),
    ("cskoi8r", "koi8-r"),
    ("koi8-u", "koi8-u"),
    ("ibm850", "cp850"),
    ("CP850", "cp850"),
]


def convert(name, data, size=0):
    converter = charsets.converter_for(name.encode())
    out = []
    for start in range(0, len(data), size or len(data) or 1):
        out.append(converter.feed(data[start : start + (size or len(data))]))
    return "".join([*out, converter.finish()])


def meaning(octet, codec):
    """The character of one octet; windows-1252 keeps the controls that it does not use."""
    try:
        return bytes((octet,)).decode(codec)
    except UnicodeDecodeError:
        return chr(octet) if codec == "windows-1252" else "\ufffd"


@pytest.mark.parametrize(("name", "codec"), NAMES)
def test_every_octet_of_every_set(name, codec):
    every = bytes(range(256))
    expected = "".join([meaning(octet, codec) for octet in every])
    for size in (0, 1, 7, 16, 100):
        assert convert(name, every, size) == expected
    assert charsets.to_text(every, name.encode()) == expected


def test_tables_have_128_characters():
    for key in (b"iso88592", b"iso88595", b"iso88597", b"iso88599", b"koi8r", b"koi8u", b"cp850", b"windows1250"):
        table = charset_tables.table(key)
        assert table is not None and len(table) == 128
    assert charset_tables.table(b"big5") is None


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "us-ascii", "ASCII", '"utf-8"', "unknown-8bit", ""])
def test_utf8_is_read_and_what_is_none_is_windows_1252(name):
    data = "aöЯ€😀".encode() + b"\xf6\x80\xe2\x82x\xc3"
    for size in range(len(data)):
        assert convert(name, data, size) == "aöЯ€😀ö€â‚xÃ"


def test_no_charset_is_utf8():
    assert charsets.converter_for(None).feed("ö".encode()) == "ö"


@pytest.mark.parametrize("name", ["gb2312", "shift_jis", "x-user-defined", "iso-8859-99", "utf-16xe"])
def test_unknown_set(name):
    data = b"abc \xd6\xd0 " + "ö".encode() + b"\x8f"
    for size in range(len(data)):
        assert convert(name, data, size) == "abc \ufffd\ufffd ö\ufffd"


@pytest.mark.parametrize(
    "data",
    [b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf8\x88"],
)
def test_what_is_no_utf8(data):
    # MicroPython decodes some of these.
    assert utf8._is_strict(data) is (data[0] == 0xF8)
    assert utf8.text(data) is None
    assert len(convert("utf-8", data)) == len(data)


@given(st.text(max_size=60), st.integers(1, 9))
def test_any_text_in_utf8_in_any_split(text, size):
    assert convert("utf-8", text.encode(errors="ignore"), size) == text.encode(errors="ignore").decode()


@given(st.binary(max_size=40), st.integers(1, 9))
def test_any_octets_in_utf8_in_any_split(data, size):
    text = convert("utf-8", data)
    assert convert("utf-8", data, size) == text
    # What Python replaces is replaced here, octet by octet.
    if "\ufffd" not in data.decode(errors="replace"):
        assert text == data.decode()


@given(st.binary(max_size=40).map(lambda data: "".join(map(chr, data)).encode() + data))
def test_well_formed_characters_stay_whatever_is_around_them(data):
    for at in range(len(data)):
        size = utf8.sequence(data, at)
        expected = 0
        for length in range(1, 5):
            try:
                if len(data[at : at + length].decode()) == 1 and at + length <= len(data):
                    expected = expected or length
            except UnicodeDecodeError:
                continue
        assert size == expected


@pytest.mark.parametrize(
    ("name", "codec"),
    [("utf-16", "utf-16"), ("UTF-16BE", "utf-16-be"), ("utf-16le", "utf-16-le"), ("utf-7", "utf-7")],
)
@given(text=st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=40), size=st.integers(1, 9))
def test_wide_sets_of_python(name, codec, text, size):
    assert convert(name, text.encode(codec), size) == text


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("utf-16", b"\x00a\x00b", "ab"),
        ("utf-16", b"\xfe\xff\x00a", "a"),
        ("utf-16be", b"\xd8\x00\x00a\xdc\x00\x00", "\ufffda\ufffd\ufffd"),
        ("utf-16le", b"a\x00\x00\xd8", "a\ufffd"),
        ("utf-16", b"", ""),
        ("utf-7", b"Hi Mom -+Jjo--!", "Hi Mom -☺-!"),
        ("utf-7", b"A+ImIDkQ.", "A≢Α."),
        ("utf-7", b"1 +- 1 +", "1 + 1 "),
        ("utf-7", b"+AOQ x \xe4", "ä x \ufffd"),
        ("unicode-1-1-utf-7", b"+2D3cAA-", "\U0001f400"),
        ("utf-7", b"+2D0-x", "\ufffdx"),
    ],
)
def test_wide_sets_that_are_broken_or_without_a_mark(name, data, expected):
    for size in range(len(data) + 1):
        assert convert(name, data, size) == expected


@given(st.binary(max_size=40), st.integers(1, 9))
def test_any_octets_in_any_set_are_text(data, size):
    for name in ("utf-16", "utf-16le", "utf-7", "iso-8859-7", "cp850"):
        text = convert(name, data, size)
        assert text == convert(name, data)
        text.encode()
