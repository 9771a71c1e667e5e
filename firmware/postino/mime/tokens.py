"""Tokens of structured header fields (RFC 5322 3.2): atoms, quoted strings, comments and special octets.

Unbalanced quotes and parentheses are skipped, so that the rest of the value can still be read.
"""

ATOM = -1
QUOTED = -2
COMMENT = -3

_BLANKS = b" \t\r\n"


def tokens(value: bytes, specials: bytes, stops: bytes):
    """Yields (kind, text); a special octet is yielded as (its number, b"").

    An atom goes up to a blank or one of `stops`.
    """
    at = 0
    quotes = comments = True
    stops = stops + _BLANKS
    while at < len(value):
        octet = value[at]
        if octet in _BLANKS:
            at += 1
        elif octet in specials:
            at += 1
            yield octet, b""
        elif octet == 0x22 or octet == 0x28:
            text, end = None, at
            if octet == 0x22 and quotes:
                text, end = _quoted(value, at + 1)
                # Without this a value of nothing but opening marks would be searched to its end for each.
                quotes = text is not None
            elif octet == 0x28 and comments:
                text, end = _comment(value, at + 1)
                comments = text is not None
            if text is None:
                at += 1
            else:
                yield (QUOTED if octet == 0x22 else COMMENT), text
                at = end
        else:
            end = _atom_end(value, at, stops)
            yield ATOM, value[at:end]
            at = end


def _atom_end(value, at, stops):
    """Where the atom ends; a domain literal in brackets is taken whole (RFC 5322 3.4.1)."""
    if value[at] == 0x5B:
        end = value.find(b"]", at)
        if end > 0:
            return end + 1
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
