"""UTF-16 (RFC 2781) and UTF-7 (RFC 2152) as text, which mail has now and then; imported when it does."""

import binascii

from postino.mime import utf8

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_REPLACEMENT = 0xFFFD


def converter_for(key: bytes):
    """A converter for utf7, utf16, utf16be or utf16le."""
    return Utf7() if key == b"utf7" else Utf16(key[5:])


class _Units:
    """Makes code points of 16-bit units."""

    def __init__(self):
        # The first half of a surrogate pair.
        self._high = 0

    def put(self, out, data, first):
        """Appends what the units in `data` mean; octet `first` of each is its high one."""
        for at in range(0, len(data) - 1, 2):
            unit = data[at + first] << 8 | data[at + 1 - first]
            if self._high:
                if 0xDC00 <= unit < 0xE000:
                    utf8.put(out, 0x10000 + ((self._high & 0x3FF) << 10 | unit & 0x3FF))
                    self._high = 0
                    continue
                self.end(out)
            if 0xD800 <= unit < 0xDC00:
                self._high = unit
            else:
                utf8.put(out, _REPLACEMENT if 0xDC00 <= unit < 0xE000 else unit)

    def end(self, out):
        """A first half without its second one is no character."""
        if self._high:
            self._high = 0
            utf8.put(out, _REPLACEMENT)


class Utf16:
    def __init__(self, order: bytes):
        self._units = _Units()
        self._carry = b""
        # Which octet of a unit is the high one; None until it is known. Without a mark it is the first (RFC 2781 4.3).
        self._first = None if not order else order == b"le"

    def feed(self, octets: bytes) -> str:
        data = self._carry + octets
        at = 0
        if self._first is None and len(data) >= 2:
            self._first = data[:2] == b"\xff\xfe"
            if self._first or data[:2] == b"\xfe\xff":
                at = 2
        end = len(data) & ~1 if self._first is not None else 0
        self._carry = data[end:]
        out = bytearray()
        self._units.put(out, data[at:end], int(self._first or 0))
        return out.decode()

    def finish(self) -> str:
        out = bytearray()
        self._units.end(out)
        if self._carry:
            self._carry = b""
            utf8.put(out, _REPLACEMENT)
        return out.decode()


class Utf7:
    """Runs of base64 between "+" and the first octet that is no digit of it; a "-" there is not shown."""

    def __init__(self):
        self._units = _Units()
        # The digits of an open run, or None outside one.
        self._digits = None
        self._empty = True

    def feed(self, octets: bytes) -> str:
        out = bytearray()
        at = 0
        while at < len(octets):
            if self._digits is None:
                plus = octets.find(b"+", at)
                end = plus if plus >= 0 else len(octets)
                out.extend(_ascii(octets[at:end]))
                at = end + 1
                if plus >= 0:
                    self._digits = b""
                    self._empty = True
            else:
                at = self._run(octets, at, out)
        return out.decode()

    def finish(self) -> str:
        out = bytearray()
        if self._digits is not None:
            self._close(out)
        return out.decode()

    def _run(self, octets, at, out):
        """Digits of an open run; returns where they end."""
        start = at
        while at < len(octets) and octets[at] in _BASE64:
            at += 1
        if at > start:
            self._empty = False
            self._digits += octets[start:at]
            # Eight digits are three units.
            size = len(self._digits) & ~7
            self._units.put(out, binascii.a2b_base64(self._digits[:size]), 0)
            self._digits = self._digits[size:]
        if at < len(octets):
            hyphen = octets[at] == 0x2D
            if self._empty and hyphen:
                out.extend(b"+")
            self._close(out)
            at += hyphen
        return at

    def _close(self, out):
        digits = self._digits
        self._digits = None
        # Three digits are a unit, six are two; what is left over is filling.
        digits = digits[: len(digits) // 3 * 3]
        if digits:
            octets = binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
            self._units.put(out, octets[: len(digits) // 3 * 2], 0)
        self._units.end(out)


def _ascii(octets):
    """UTF-7 has no octets beyond ASCII."""
    if not octets or max(octets) < 0x80:
        return octets
    out = bytearray()
    for octet in octets:
        utf8.put(out, octet if octet < 0x80 else _REPLACEMENT)
    return out
