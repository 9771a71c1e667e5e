"""Sort keys of texts (RFC 5051, i;unicode-casemap; RFC 5256 2): case and accents do not count as letters of their own.

After casefold.fold(), letters with accents are taken apart, so that "Ärger" comes after the words with A, not after
those with Z. Those of Latin-1, Latin Extended-A, modern Greek and Cyrillic are; the rest is sorted by code point.
"""

from postino.mime.casefold import fold

# Octets of a key; texts that differ only later than this are sorted as equal.
KEY_LIMIT = 256

# For U+00C0 to U+017F: the letter without its accent, and the accent as the last octet of its UTF-8 form (it begins
# with 0xCC) less 0x40; a blank where there is none.
_BASES = (
    b"AAAAAA CEEEEIIII NOOOOO  UUUUY  aaaaaa ceeeeiiii nooooo  uuuuy y"
    b"AaAaAaCcCcCcCcDd  EeEeEeEeEeGgGgGgGgHh  IiIiIiIiI   JjKk LlLlLl "
    b"   NnNnNn   OoOoOo  RrRrRrSsSsSsSsTtTt  UuUuUuUuUuUuWwYyYZzZzZz "
)
_ACCENTS = (
    b"@ABCHJ g@ABH@ABH C@ABCH  @ABHA  @ABCHJ g@ABH@ABH C@ABCH  @ABHA H"
    b"DDFFhhAABBGGLLLL  DDFFGGhhLLBBFFGGggBB  CCDDFFhhG   BBgg AAggLL "
    b"   AAggLL   DDFFKK  AAggLLAABBggLLggLL  CCDDFFJJKKhhBBBBHAAGGLL "
)
# Other capitals, each followed by what it is made of and a NUL: Romanian, Pinyin, Greek, Cyrillic.
_OTHERS = (
    "\0\u0218S\u0326\0\u021aT\u0326\0\u01cdA\u030c\0\u01cfI\u030c\0\u01d1O\u030c\0\u01d3U\u030c"
    "\0\u0386\u0391\u0301\0\u0388\u0395\u0301\0\u0389\u0397\u0301\0\u038a\u0399\u0301\0\u038c\u039f\u0301"
    "\0\u038e\u03a5\u0301\0\u038f\u03a9\u0301\0\u03aa\u0399\u0308\0\u03ab\u03a5\u0308\0\u0400\u0415\u0300"
    "\0\u0401\u0415\u0308\0\u0403\u0413\u0301\0\u0407\u0406\u0308\0\u040c\u041a\u0301\0\u040d\u0418\u0300"
    "\0\u040e\u0423\u0306\0\u0419\u0418\u0306\0\u04d0\u0410\u0306\0\u04d2\u0410\u0308\0\u04d6\u0415\u0306\0"
).encode()


def key(text: str, limit=KEY_LIMIT) -> bytes:
    """Texts are sorted as their keys are, octet by octet; a key has at most `limit` octets."""
    folded = fold(text)
    if len(folded) == len(text):
        return folded[:limit]
    out = bytearray()
    at = 0
    while at < len(folded) and len(out) < limit:
        octet = folded[at]
        at += 1
        if octet < 0xC3:
            out.append(octet)
        elif octet <= 0xC5:
            at += _add_latin(out, octet, folded[at])
        else:
            at += _add_other(out, folded[at - 1 : at + 1])
    return bytes(out[:limit])


def _add_latin(out, lead, second):
    """Appends what a character from U+00C0 to U+017F is made of; returns how many octets after its first are used."""
    number = (lead & 0x07) * 64 + (second & 0x3F) - 0xC0
    if _BASES[number] == 0x20:
        out.append(lead)
        out.append(second)
    else:
        out.append(_BASES[number])
        out.append(0xCC)
        out.append(_ACCENTS[number] + 0x40)
    return 1


def _add_other(out, pair):
    """The same for the others, whose first octet alone is passed on where nothing is known of them."""
    at = _OTHERS.find(b"\0" + pair)
    if at < 0:
        out.append(pair[0])
        return 0
    out.extend(_OTHERS[at + 3 : _OTHERS.find(b"\0", at + 1)])
    return 1
