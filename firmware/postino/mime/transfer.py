"""Content-Transfer-Encodings taken off while a part streams by (RFC 2045 6).

A decoder takes the octets of a part in any pieces: feed() returns what they come to, finish() what was held back. What
is broken is read as well as it can be, for searching and previews; `damaged` then says that the octets may not be
those that the sender had, for who must not hand out a guess (RFC 3516 4.3).
"""

import binascii

from postino.mime import parameters

# Blanks at the end of a block that may turn out to stand before a line end; more than these are taken as they are.
BLANKS_LIMIT = 256

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BLANK_ENDS = (b" \r\n", b"\t\r\n", b" \n", b"\t\n")
_PADDING = b"=="


def decoder_for(encoding):
    """A decoder for what a Content-Transfer-Encoding field says, or None if nobody here knows that encoding.

    No field, or an empty one, means 7bit (RFC 2045 6.1).
    """
    name = parameters.parse(encoding)[0].lower() if encoding else b""
    if name in (b"", b"7bit", b"8bit", b"binary"):
        return Identity()
    if name == b"quoted-printable":
        return QuotedPrintable()
    return Base64() if name == b"base64" else None


class Identity:
    """7bit, 8bit and binary: the octets are what they are."""

    damaged = False

    def feed(self, view) -> bytes:
        return bytes(view)

    def finish(self) -> bytes:
        return b""


class QuotedPrintable:
    """Quoted-printable (RFC 2045 6.7).

    Line ends stay as they are, blanks before them go. Where "=" is followed neither by two hexadecimal digits nor by a
    line end, it stays. One at the very end is a soft line break whose line end went to the delimiter of a multipart.
    """

    def __init__(self):
        self.damaged = False
        # The end of the last block, which cannot be understood without the next one.
        self._carry = b""

    def feed(self, view) -> bytes:
        data = self._carry + bytes(view)
        end = _decided(data)
        self._carry = data[end:]
        return self._decode(data[:end])

    def finish(self) -> bytes:
        data = self._carry.rstrip(b" \t")
        self._carry = b""
        return b"" if data == b"=" else self._decode(data)

    def _decode(self, data):
        for ending in _BLANK_ENDS:
            if data.find(ending) >= 0:
                data = _strip_lines(data)
                break
        mark = data.find(b"=")
        if mark < 0:
            return data
        # It never gets longer, so it is decoded in place.
        out = bytearray(data)
        size = mark
        while mark >= 0:
            at = mark + 3
            pair = data[mark + 1 : at]
            if pair[:1] == b"\n":
                at = mark + 2
            elif pair != b"\r\n":
                octet = _hexadecimal(pair)
                if octet < 0:
                    self.damaged = True
                    octet = 0x3D
                    at = mark + 1
                out[size] = octet
                size += 1
            mark = data.find(b"=", at)
            end = mark if mark >= 0 else len(data)
            if end > at:
                out[size : size + end - at] = data[at:end]
                size += end - at
        return bytes(memoryview(out)[:size])


def _decided(data):
    """How many octets can be understood without knowing what comes next."""
    end = len(data.rstrip(b" \t\r"))
    if data[end - 1 : end] == b"=":
        end -= 1
    elif end == len(data) and data[end - 2 : end - 1] == b"=":
        end -= 2
    return end if len(data) - end <= BLANKS_LIMIT else len(data)


def _strip_lines(data):
    """Removes the blanks before line ends; mail systems may have added them (RFC 2045 6.7, rule 3)."""
    lines = data.split(b"\n")
    for number in range(len(lines) - 1):
        line = lines[number]
        if line.endswith(b"\r"):
            lines[number] = line[:-1].rstrip(b" \t") + b"\r"
        else:
            lines[number] = line.rstrip(b" \t")
    return b"\n".join(lines)


def _hexadecimal(pair):
    """The octet that two digits mean, or -1."""
    try:
        octets = binascii.unhexlify(pair)
    except ValueError:
        return -1
    # MicroPython skips blanks.
    return octets[0] if len(octets) == 1 else -1


class Base64:
    """Base64 (RFC 2045 6.8).

    Octets that are not in its alphabet are skipped, missing padding is made up, and padding ends the part: some mailing
    lists put their footers behind it.
    """

    def __init__(self):
        self.damaged = False
        # Digits that do not make a group of four yet.
        self._carry = b""
        # Padding that must still come, or None before any did.
        self._due = None

    def feed(self, view) -> bytes:
        data = bytes(view).replace(b"\r", b"").replace(b"\n", b"")
        if self._due is not None:
            self._pad(data)
            return b""
        if self._carry:
            data = self._carry + data
        pad = data.find(b"=")
        if pad < 0:
            return self._groups(data)
        out = self._groups(data[:pad])
        digits = self._digits(self._carry)
        # Two or three digits before it make one or two octets; no or one digit is no place for padding.
        self._due = _PADDING[: 4 - len(digits)] if len(digits) >= 2 else b""
        self._pad(data[pad:])
        return out + self._last(digits)

    def finish(self) -> bytes:
        if self._due is not None:
            self.damaged = self.damaged or bool(self._due)
            return b""
        digits = self._digits(self._carry)
        self._carry = b""
        if digits:
            self.damaged = True
        return self._last(digits)

    def _groups(self, digits):
        """Decodes whole groups of four; the rest waits."""
        size = len(digits) & ~3
        out = _decode_groups(digits[:size])
        if out is None:
            digits = self._digits(digits)
            size = len(digits) & ~3
            out = _decode_groups(digits[:size]) or b""
        self._carry = digits[size:]
        return out

    def _digits(self, data):
        """Only the octets that are in the alphabet."""
        if not data.strip(_BASE64):
            return data
        out = bytearray()
        for octet in data:
            if octet in _BASE64:
                out.append(octet)
            elif octet != 0x20 and octet != 0x09:
                self.damaged = True
        return bytes(out)

    def _last(self, digits):
        """The octets of an unfinished group."""
        if len(digits) < 2:
            self.damaged = self.damaged or bool(digits)
            return b""
        return binascii.a2b_base64(digits + _PADDING[: 4 - len(digits)])

    def _pad(self, data):
        """These octets come where only padding may come."""
        data = data.strip(b" \t")
        due = self._due
        if data == due[: len(data)]:
            self._due = due[len(data) :]
        else:
            self.damaged = True


def _decode_groups(digits):
    """The octets of whole groups, or None if something else is between the digits."""
    try:
        out = binascii.a2b_base64(digits)
    except ValueError:
        return None
    # Both Pythons skip what is no digit, so that less comes out.
    return out if len(out) == len(digits) // 4 * 3 else None
