"""Letters of both cases made the same, for comparing (RFC 5051, i;unicode-casemap).

What is compared is UTF-8 octets of the text in its simple titlecase, as RFC 5051 has it: two texts differ in nothing
but case exactly if their octets are equal, and a text contains another one exactly if its octets do. Latin, Greek,
Cyrillic and Armenian letters are mapped, by rules instead of tables, since MicroPython knows the case of ASCII letters
only; other scripts have one case, or are so rare in mail that their letters stay as they are. Left out, too, are the
titlecase digraphs (U+01C4 to U+01CC, U+01F1 to U+01F3), polytonic Greek, and letters of African and phonetic alphabets.
Accents are not taken off: that is for sorting (collation.py).
"""

# The lead octets of the characters that may change; all have two octets, but for those after U+1E00.
_LATIN = (b"\xc2", b"\xc3", b"\xc4", b"\xc5", b"\xc6", b"\xc7", b"\xc8", b"\xc9")
_GREEK = (b"\xce", b"\xcf")
_CYRILLIC = (b"\xd0", b"\xd1", b"\xd2", b"\xd3", b"\xd4", b"\xd5", b"\xd6")
# Vietnamese and other letters whose capitals are elsewhere.
_LATIN_SINGLES = {0x1A1: 0x1A0, 0x1B0: 0x1AF, 0x1DD: 0x18E, 0x23C: 0x23B, 0x259: 0x18F}
# Those whose capital is shorter.
_SHORTER = ((b"\xc4\xb1", b"I"), (b"\xc5\xbf", b"S"))


def fold(text: str) -> bytes:
    """The octets to compare."""
    octets = text.encode()
    if len(octets) == len(text):
        return octets.upper()
    octets = octets.upper()
    for small, capital in _SHORTER:
        octets = octets.replace(small, capital)
    out = bytearray(octets)
    _capitalize(octets, out, _LATIN, _latin)
    _capitalize(octets, out, _GREEK, _greek)
    _capitalize(octets, out, _CYRILLIC, _cyrillic)
    _capitalize_additional(octets, out)
    return bytes(out)


def _capitalize(octets, out, leads, capital):
    """Maps the characters of two octets that begin with one of the leads."""
    for lead in leads:
        base = (lead[0] & 0x1F) << 6
        at = octets.find(lead)
        while at >= 0:
            code = base | octets[at + 1] & 0x3F
            mapped = capital(code)
            if mapped != code:
                out[at] = 0xC0 | mapped >> 6
                out[at + 1] = 0x80 | mapped & 0x3F
            at = octets.find(lead, at + 2)


def _latin(code):
    if code < 0x100:
        if 0xE0 <= code < 0xFF and code != 0xF7:
            return code - 32
        return 0x178 if code == 0xFF else 0x39C if code == 0xB5 else code
    if code == 0x138 or code == 0x149:
        return code
    # Pairs, of which the odd one is the capital here; everywhere else it is the small letter.
    if 0x139 <= code < 0x149 or 0x179 <= code < 0x17F or 0x1CD <= code < 0x1DD:
        return code - 1 | 1
    if code < 0x180 or 0x1DE <= code < 0x220 or 0x222 <= code < 0x234 or 0x246 <= code < 0x250:
        return code if 0x1F0 <= code < 0x1F8 else code & ~1
    return _LATIN_SINGLES.get(code, code)


def _greek(code):
    if 0x3B1 <= code < 0x3CC:
        return 0x3A3 if code == 0x3C2 else code - 32
    if 0x3AC <= code < 0x3B0:
        return 0x386 if code == 0x3AC else code - 37
    if 0x3CC <= code < 0x3CF:
        return 0x38C if code == 0x3CC else code - 63
    return code & ~1 if 0x3D8 <= code < 0x3F0 else code


def _cyrillic(code):
    if code < 0x450:
        return code - 32 if code >= 0x430 else code
    if code < 0x460:
        return code - 80
    if code < 0x482 or 0x48A <= code < 0x4C0 or 0x4D0 <= code < 0x530:
        return code & ~1
    if 0x4C1 <= code < 0x4D0:
        return 0x4C0 if code == 0x4CF else code - 1 | 1
    return code - 48 if 0x561 <= code < 0x587 else code


def _capitalize_additional(octets, out):
    """The letters from U+1E00 to U+1EFF, Vietnamese ones among them: pairs, but for a few that stand alone."""
    at = octets.find(b"\xe1")
    while at >= 0:
        code = (octets[at + 1] & 0x3F) << 6 | octets[at + 2] & 0x3F
        if 0xE00 <= code <= 0xEFF and not 0xE96 <= code <= 0xE9F:
            out[at + 2] &= 0xFE
        at = octets.find(b"\xe1", at + 3)
