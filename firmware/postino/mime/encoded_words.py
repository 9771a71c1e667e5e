"""Encoded words in header fields (RFC 2047), decoded to text for searching and for the log."""

import binascii

# What the octets 128 to 159 mean in windows-1252, which is also what most iso-8859-1 mail really is.
_WINDOWS = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ"
_WINDOWS_NAMES = (b"windows-1252", b"cp1252", b"iso-8859-1", b"latin1", b"l1")
# Where iso-8859-15 differs from iso-8859-1.
_LATIN_9 = {0xA4: "€", 0xA6: "Š", 0xA8: "š", 0xB4: "Ž", 0xB8: "ž", 0xBC: "Œ", 0xBD: "œ", 0xBE: "Ÿ"}


def decode(value: bytes) -> str:
    """The value as text; what is no proper encoded word stands as it was sent."""
    out = []
    for charset, octets in _runs(value):
        out.append(to_text(octets, charset))
    return "".join(out)


def to_text(octets: bytes, charset: bytes) -> str:
    """Octets of a character set as text; of one that is not known here, only the ASCII part can be read."""
    if charset in _WINDOWS_NAMES:
        return _from_latin(octets)
    if charset == b"iso-8859-15" or charset == b"latin9":
        return "".join([_LATIN_9.get(octet) or chr(octet) for octet in octets])
    if charset == b"utf-8" or charset == b"us-ascii" or charset == b"ascii" or charset == b"utf8":
        try:
            return octets.decode()
        except UnicodeError:
            return _from_latin(octets)
    return "".join([chr(octet) if octet < 128 else "\ufffd" for octet in octets])


def _from_latin(octets):
    return "".join([_WINDOWS[octet - 128] if 128 <= octet < 160 else chr(octet) for octet in octets])


def _runs(value):
    """Yields (character set, octets); neighbouring encoded words of one set make one run.

    A character may be split between two words, and the blanks between them are no text (RFC 2047 6.2).
    """
    charset = None
    octets = b""
    at = start = 0
    while True:
        start = value.find(b"=?", start)
        word = _word(value, start) if start >= 0 else None
        if start >= 0 and word is None:
            start += 2
            continue
        plain = value[at:] if word is None else value[at:start]
        if charset is not None and (word is None or plain.strip() or word[0] != charset):
            yield charset, octets
            octets = b""
        if plain and (word is None or charset is None or plain.strip()):
            yield b"utf-8", plain
        if word is None:
            return
        charset = word[0]
        octets += word[1]
        at = start = word[2]


def _word(value, start):
    """(character set, octets, where it ends) of the encoded word that begins here, or None."""
    mark = value.find(b"?", start + 2)
    if mark < 0 or value[mark + 2 : mark + 3] != b"?":
        return None
    end = value.find(b"?=", mark + 3)
    if end < 0:
        return None
    # RFC 2231 5 allows a language behind the character set.
    charset = value[start + 2 : mark].lower().split(b"*")[0]
    encoding = value[mark + 1 : mark + 2].upper()
    text = value[mark + 3 : end]
    if not charset or b" " in charset:
        return None
    if encoding == b"Q":
        return charset, _from_q(text), end + 2
    if encoding == b"B":
        octets = _from_base64(text)
        return None if octets is None else (charset, octets, end + 2)
    return None


def _from_base64(text):
    text = text.strip().rstrip(b"=")
    if len(text) % 4 == 1:
        text = text[:-1]
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except ValueError:
        return None


def _from_q(text):
    """The "Q" encoding (RFC 2047 4.2)."""
    out = bytearray()
    parts = text.replace(b"_", b" ").split(b"=")
    out.extend(parts[0])
    for part in parts[1:]:
        try:
            out.extend(binascii.unhexlify(part[:2] or b"="))
            out.extend(part[2:])
        except ValueError:
            out.extend(b"=" + part)
    return bytes(out)
