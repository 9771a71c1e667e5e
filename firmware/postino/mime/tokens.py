"""Tokens of structured header fields (RFC 5322 3.2): atoms, quoted strings, comments and special octets.

Unbalanced quotes and parentheses are skipped, so that the rest of the value can still be read.
"""

ATOM = -1
QUOTED = -2
COMMENT = -3

# A quoted string or comment longer than this is taken for one that does not end; a longer atom comes as several.
TOKEN_LIMIT = 1024

# A mark that opens something that does not end.
_NOTHING = -4

_BLANKS = b" \t\r\n"


def tokens(value, specials: bytes, stops: bytes):
    """Yields (kind, text); a special octet is yielded as (its number, b"").

    `value` is bytes or an iterable of pieces of bytes. An atom goes up to a blank or one of `stops`.
    """
    pieces = iter((value,) if isinstance(value, bytes) else value)
    stops = stops + _BLANKS
    # Without this a value of nothing but opening marks would be searched to its end for each.
    marks = b'"('
    data = b""
    at = 0
    complete = False
    while True:
        while at < len(data) and data[at] in _BLANKS:
            at += 1
        found = None
        if at < len(data):
            found = _token(data, at, complete or len(data) - at > TOKEN_LIMIT, specials, stops, marks)
        if found:
            at = found[2]
            if found[0] == _NOTHING:
                marks = marks.replace(data[at - 1 : at], b"")
            else:
                yield found[0], found[1]
        elif complete:
            return
        else:
            piece = next(pieces, None)
            complete = piece is None
            if piece:
                data = data[at:] + piece
                at = 0


def _token(data, at, whole, specials, stops, marks):
    """(kind, text, end) of the token that begins here; None if the next piece has to tell, which `whole` rules out."""
    octet = data[at]
    if octet in specials:
        return octet, b"", at + 1
    if octet == 0x22 or octet == 0x28:
        if octet in marks:
            text, end = (_quoted if octet == 0x22 else _comment)(data, at + 1)
            if text is not None:
                return (QUOTED if octet == 0x22 else COMMENT), text, end
            if not whole:
                return None
        return _NOTHING, b"", at + 1
    end = _atom_end(data, at, stops, whole)
    return (ATOM, data[at:end], end) if whole or end < len(data) else None


def _atom_end(value, at, stops, whole):
    """Where the atom ends; a domain literal in brackets is taken whole (RFC 5322 3.4.1)."""
    if value[at] == 0x5B:
        end = value.find(b"]", at)
        if end > 0:
            return end + 1
        if not whole:
            return len(value)
    end = at + 1
    while end < len(value) and value[end] not in stops:
        end += 1
    return end


def _quoted(value, at):
    """The content of the quoted string that begins here, and where it ends; None when it does not end."""
    end = at
    while True:
        quote = value.find(b'"', end)
        if quote < 0:
            return None, at
        escape = value.find(b"\\", end, quote)
        if escape < 0:
            return _unescape(value[at:quote]), quote + 1
        end = escape + 2


def _comment(value, at):
    """The content of the comment that begins here (they nest), and where it ends; None when it does not end."""
    depth = 1
    end = at
    while end < len(value):
        octet = value[end]
        if octet == 0x5C:
            end += 1
        elif octet == 0x28:
            depth += 1
        elif octet == 0x29:
            depth -= 1
            if not depth:
                return _unescape(value[at:end]).strip(_BLANKS), end + 1
        end += 1
    return None, at


def _unescape(text):
    """Removes the backslashes of quoted pairs (RFC 5322 3.2.1)."""
    if b"\\" not in text:
        return text
    out = bytearray()
    at = 0
    while True:
        escape = text.find(b"\\", at)
        if escape < 0:
            out.extend(text[at:])
            return bytes(out)
        out.extend(text[at:escape])
        out.extend(text[escape + 1 : escape + 2])
        at = escape + 2
