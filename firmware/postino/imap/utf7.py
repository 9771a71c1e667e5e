"""Modified UTF-7, in which IMAP writes mailbox names (RFC 3501 5.1.3). Pure; works without codecs."""

import binascii


def encode(name):
    """Returns the name (str) as IMAP writes it."""
    result = []
    # UTF-16 big-endian octets of a run of characters that must be encoded.
    run = bytearray()
    # The run of characters that stand for themselves begins here.
    start = 0
    for k, character in enumerate(name):
        code = ord(character)
        if 32 <= code < 127 and code != 38:
            if run:
                _end_run(result, run)
                run = bytearray()
                start = k
            continue
        if start < k and not run:
            result.append(name[start:k].encode())
        start = k + 1
        if code == 38:
            _end_run(result, run)
            run = bytearray()
            result.append(b"&-")
        elif code > 0xFFFF:
            code -= 0x10000
            run += (0xD800 | code >> 10).to_bytes(2, "big") + (0xDC00 | code & 0x3FF).to_bytes(2, "big")
        else:
            run += code.to_bytes(2, "big")
    _end_run(result, run)
    if start < len(name) and not run:
        result.append(name[start:].encode())
    return b"".join(result)


def _end_run(result, run):
    if run:
        text = binascii.b2a_base64(run).strip().rstrip(b"=")
        result.append(b"&" + text.replace(b"/", b",") + b"-")


def decode(text):
    """Returns the name (str) that `text` stands for. Raises ValueError for what `encode` cannot have written."""
    result = []
    position = 0
    while position < len(text):
        shift = text.find(b"&", position)
        plain = text[position:] if shift < 0 else text[position:shift]
        for octet in plain:
            if not 32 <= octet < 127:
                raise ValueError("not printable ASCII")
        result.append(plain.decode())
        if shift < 0:
            break
        end = text.find(b"-", shift)
        if end < 0:
            raise ValueError("shift without end")
        result.append(_decode_run(text[shift + 1 : end]) if end > shift + 1 else "&")
        position = end + 1
    name = "".join(result)
    # One name, one spelling: only the canonical form is taken, or two spellings would reach one mailbox.
    if encode(name) != text:
        raise ValueError("not canonical")
    return name


def _decode_run(run):
    octets = binascii.a2b_base64(run.replace(b",", b"/") + b"==="[: -len(run) % 4])
    if len(octets) % 2:
        raise ValueError("half a character")
    result = []
    high = 0
    for k in range(0, len(octets), 2):
        unit = octets[k] << 8 | octets[k + 1]
        if 0xDC00 <= unit < 0xE000 and high:
            result.append(chr(0x10000 + ((high & 0x3FF) << 10 | unit & 0x3FF)))
            high = 0
            continue
        if high or 0xDC00 <= unit < 0xE000:
            raise ValueError("half a surrogate pair")
        if 0xD800 <= unit < 0xDC00:
            high = unit
        else:
            result.append(chr(unit))
    if high:
        raise ValueError("half a surrogate pair")
    return "".join(result)
