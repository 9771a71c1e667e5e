"""UTF-8 as octets: where characters end, which octets are none, and how a code point is written (RFC 3629).

All that looks at single characters works on octets: MicroPython keeps every character that is ever taken from a string
by itself for good, in a table that only grows.
"""

# Lead octets whose second octet may not be just any: lead, lowest, highest (RFC 3629 4).
_NARROW = ((0xE0, 0xA0, 0xBF), (0xED, 0x80, 0x9F), (0xF0, 0x90, 0xBF), (0xF4, 0x80, 0x8F))
# Octets that are never in UTF-8.
_NEVER = (b"\xc0", b"\xc1", b"\xf5", b"\xf6", b"\xf7")


def put(out: bytearray, code: int):
    """Appends a code point."""
    if code < 0x80:
        out.append(code)
        return
    if code < 0x800:
        out.append(0xC0 | code >> 6)
    else:
        if code < 0x10000:
            out.append(0xE0 | code >> 12)
        else:
            out.append(0xF0 | code >> 18)
            out.append(0x80 | code >> 12 & 0x3F)
        out.append(0x80 | code >> 6 & 0x3F)
    out.append(0x80 | code & 0x3F)


def whole(data: bytes) -> int:
    """How many octets there are up to a last character that is not complete."""
    for back in range(1, min(3, len(data)) + 1):
        octet = data[-back]
        if octet < 0x80:
            break
        if octet >= 0xC0:
            return len(data) - back if back < _length(octet) else len(data)
    return len(data)


def text(data: bytes):
    """The string, or None if an octet is no UTF-8."""
    try:
        string = data.decode()
    except UnicodeError:
        return None
    # MicroPython lets overlong forms and surrogates pass.
    return string if len(string) == len(data) or _is_strict(data) else None


def sequence(data: bytes, at: int) -> int:
    """The length of the character at `at`, or 0 if none begins there."""
    octet = data[at]
    if octet < 0x80:
        return 1
    piece = data[at : at + _length(octet)]
    return len(piece) if len(piece) == _length(octet) and text(piece) is not None else 0


def codes(characters: str):
    """Yields the code points of a string."""
    octets = characters.encode()
    at = 0
    while at < len(octets):
        octet = octets[at]
        size = _length(octet)
        code = octet & (0x7F, 0x1F, 0x0F, 0x07)[size - 1]
        for more in octets[at + 1 : at + size]:
            code = code << 6 | more & 0x3F
        yield code
        at += size


def _length(lead):
    """Octets of a character that begins like this; 1 for what begins none."""
    if lead < 0xC2 or lead > 0xF4:
        return 1
    return 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _is_strict(data):
    for octet in _NEVER:
        if octet in data:
            return False
    for lead, low, high in _NARROW:
        if not _second_fits(data, lead, low, high):
            return False
    return True


def _second_fits(data, lead, low, high):
    lead = bytes((lead,))
    at = data.find(lead)
    while at >= 0:
        if not low <= data[at + 1] <= high:
            return False
        at = data.find(lead, at + 3)
    return True
