"""Parses the arguments of MAIL and RCPT: a path and its parameters (RFC 5321 section 4.1.2). Pure.

Lenient where devices and clients are sloppy and it does no harm: a space after the colon (Outlook), no angle brackets,
no domain, dots anywhere in the local part. Strict where an address could mean something else to somebody else.
"""

# RFC 5321 section 4.5.3.1: octets of a local part and of a domain.
LOCAL_PART_LIMIT = 64
DOMAIN_LIMIT = 255

# What may not stand unquoted in a local part: RFC 5322 section 3.2.3, specials without the dot.
_SPECIALS = b'()<>[]:;@\\,"'


class MalformedCommand(Exception):
    """There is no `FROM:` or `TO:`, or a parameter is not formed as one."""


class MalformedAddress(Exception):
    """What stands for the address is not one."""


class NotAscii(Exception):
    """The address has octets above 127, and SMTPUTF8 is not offered."""


def parse(argument, keyword):
    """Parses what follows MAIL or RCPT; `keyword` is b"FROM" or b"TO".

    Returns (address, parameters). The address is without angle brackets and source route, b"" for the null path; the
    parameters are a list of (NAME, value) with value None where there was no "=".
    """
    colon = argument.find(b":")
    if colon < 0 or argument[:colon].strip().upper() != keyword:
        raise MalformedCommand
    rest = argument[colon + 1 :].strip()
    end = _end_of_path(rest)
    path = rest[:end]
    if path[:1] == b"<":
        path = path[1:-1]
    elif not path:
        raise MalformedAddress
    return _address(path), _parameters(rest[end:])


def _end_of_path(text):
    """Returns where the path ends: after its ">", or before a space; neither counts within quotes."""
    bracketed = text[:1] == b"<"
    quoted = False
    position = 0
    while position < len(text):
        octet = text[position]
        if octet == 0x5C and quoted:
            position += 1
        elif octet == 0x22:
            quoted = not quoted
        elif not quoted:
            if bracketed and octet == 0x3E:
                return position + 1
            if not bracketed and octet == 0x20:
                return position
        position += 1
    if bracketed or quoted:
        raise MalformedAddress
    return position


def _parameters(text):
    # RFC 5321 section 4.1.2: esmtp-keyword ["=" esmtp-value], separated by spaces.
    if text and text[:1] != b" ":
        raise MalformedAddress
    result = []
    for item in text.split():
        name, equals, value = item.partition(b"=")
        if not name or not all(_is_keyword_octet(octet) for octet in name):
            raise MalformedCommand
        if equals and not (value and all(0x21 <= octet <= 0x7E and octet != 0x3D for octet in value)):
            raise MalformedCommand
        result.append((name.upper(), value if equals else None))
    return result


def _is_keyword_octet(octet):
    return _is_letter_or_digit(octet) or octet == 0x2D


def _is_letter_or_digit(octet):
    return 0x30 <= octet <= 0x39 or 0x41 <= octet <= 0x5A or 0x61 <= octet <= 0x7A


def _address(path):
    """Checks a path without its brackets and returns the address in it."""
    if path[:1] == b"@":
        # RFC 5321 appendix C: a source route is taken, and ignored.
        colon = path.find(b":")
        if colon < 0:
            raise MalformedAddress
        path = path[colon + 1 :]
        if not path:
            raise MalformedAddress
    if not path:
        return b""
    for octet in path:
        if octet > 0x7E:
            raise NotAscii
        if octet < 0x20:
            raise MalformedAddress
    local, at, domain = split(path)
    local = _local_part(local)
    return local + at + _domain(domain) if at else local


def split(address):
    """Splits an address at its last "@": (local part, "@", domain), the last two empty if there is none."""
    at = address.rfind(b"@")
    if at < 0 or address[-1:] == b'"':
        return address, b"", b""
    return address[:at], b"@", address[at + 1 :]


def _local_part(local):
    if not 0 < len(local) <= LOCAL_PART_LIMIT:
        raise MalformedAddress
    if local[:1] == b'"':
        return _quoted(local)
    if any(octet <= 0x20 or octet in _SPECIALS for octet in local):
        raise MalformedAddress
    return local


def _quoted(local):
    """Checks a quoted local part; where quotes and backslashes change nothing they go (RFC 5321 section 4.1.2)."""
    content = bytearray()
    position = 1
    while position < len(local) - 1:
        octet = local[position]
        if octet == 0x22:
            raise MalformedAddress
        if octet == 0x5C:
            position += 1
            if position == len(local) - 1:
                raise MalformedAddress
            octet = local[position]
        content.append(octet)
        position += 1
    if len(local) < 2 or local[-1:] != b'"':
        raise MalformedAddress
    if not content or any(octet <= 0x20 or octet in _SPECIALS for octet in content):
        return local
    return bytes(content)


def _domain(domain):
    if domain[-1:] == b"." and len(domain) > 1:
        # A fully qualified name as the DNS writes it: not a different domain.
        domain = domain[:-1]
    if not 0 < len(domain) <= DOMAIN_LIMIT:
        raise MalformedAddress
    name = domain
    allowed = b".-_"
    if domain[:1] == b"[":
        # RFC 5321 section 4.1.3: address literal.
        if domain[-1:] != b"]" or len(domain) < 3:
            raise MalformedAddress
        name = domain[1:-1]
        allowed = b".:-"
    elif domain[:1] == b"." or b".." in domain:
        raise MalformedAddress
    if not all(_is_letter_or_digit(octet) or octet in allowed for octet in name):
        raise MalformedAddress
    return domain
