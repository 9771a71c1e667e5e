"""Modified UTF-7, in which IMAP writes mailbox names (RFC 3501 5.1.3). Pure; works without codecs.

What looks at characters works on octets: MicroPython keeps every character that is ever taken from a string by itself.
"""

import binascii

from .. import overlay

_AND = 38
# What a name with characters beyond US-ASCII is taken apart by, and put together.
_UTF8 = ("mime.utf8",)


def encode(name):
    """Returns the name (str) as IMAP writes it."""
    octets = name.encode()
    if len(octets) > len(name) or _has_controls(octets):
        with overlay.use(_UTF8) as utf8:
            return _encode(utf8.codes(name))
    return octets.replace(b"&", b"&-")


def _has_controls(octets):
    for octet in octets:
        if octet < 32 or octet == 127:
            return True
    return False


def _encode(codes):
    result = bytearray()
    # UTF-16 big-endian octets of a run of characters that must be encoded.
    run = bytearray()
    for code in codes:
        if 32 <= code < 127:
            run = _end_run(result, run)
            result.append(code)
            if code == _AND:
                result.append(45)
        elif code > 0xFFFF:
            code -= 0x10000
            run += (0xD800 | code >> 10).to_bytes(2, "big") + (0xDC00 | code & 0x3FF).to_bytes(2, "big")
        else:
            run += code.to_bytes(2, "big")
    _end_run(result, run)
    return bytes(result)


def _end_run(result, run):
    """Adds a run, if there is one, to the result. Returns an empty one."""
    if not run:
        return run
    result += b"&" + binascii.b2a_base64(run).strip().rstrip(b"=").replace(b"/", b",") + b"-"
    return bytearray()


def decode(text):
    """Returns the name (str) that `text` stands for. Raises ValueError for what `encode` cannot have written."""
    for octet in text:
        if not 32 <= octet < 127:
            raise ValueError("not printable ASCII")
    plain = text.replace(b"&-", b"")
    if b"&" not in plain:
        return text.replace(b"&-", b"&").decode()
    with overlay.use(_UTF8) as utf8:
        name = _decode(text, utf8.put)
    # One name, one spelling: only the canonical form is taken, or two spellings would reach one mailbox.
    if encode(name) != text:
        raise ValueError("not canonical")
    return name


def _decode(text, put):
    result = bytearray()
    position = 0
    while position < len(text):
        shift = text.find(b"&", position)
        result += text[position:] if shift < 0 else text[position:shift]
        if shift < 0:
            break
        end = text.find(b"-", shift)
        if end < 0:
            raise ValueError("shift without end")
        if end == shift + 1:
            result.append(_AND)
        else:
            _decode_run(result, text[shift + 1 : end], put)
        position = end + 1
    return bytes(result).decode()


def _decode_run(result, run, put):
    octets = binascii.a2b_base64(run.replace(b",", b"/") + b"==="[: -len(run) % 4])
    if len(octets) % 2:
        raise ValueError("half a character")
    high = 0
    for k in range(0, len(octets), 2):
        unit = octets[k] << 8 | octets[k + 1]
        if 0xDC00 <= unit < 0xE000 and high:
            put(result, 0x10000 + ((high & 0x3FF) << 10 | unit & 0x3FF))
            high = 0
            continue
        if high or 0xDC00 <= unit < 0xE000:
            raise ValueError("half a surrogate pair")
        if 0xD800 <= unit < 0xDC00:
            high = unit
        else:
            put(result, unit)
    if high:
        raise ValueError("half a surrogate pair")
