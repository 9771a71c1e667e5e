"""Content-Type and Content-Disposition: a value and its parameters (RFC 2045 5.1, RFC 2183).

Parameters that come in pieces (RFC 2231 3) are joined, as its section 6 wants of an IMAP server; what is encoded stays
so: decoding is the client's work.
"""

from postino.mime.tokens import COMMENT, tokens

# Parameters kept of one field, pieces of RFC 2231 counted singly.
PARAMETER_LIMIT = 32
# Octets kept of a name or value.
TEXT_LIMIT = 1024

_SEMICOLON = 0x3B
_EQUALS = 0x3D


def parse(value: bytes):
    """The value before the first semicolon, and a list of (name, value) pairs."""
    main = None
    parameters = []
    pieces = False
    for name, text in _sections(value):
        if main is None:
            # `text/plain charset=x` without the semicolon is left as a value nobody knows.
            main = name if text is None else name + b"=" + text
        elif name and text is not None:
            parameters.append((name, text))
            pieces = pieces or b"*" in name
            if len(parameters) == PARAMETER_LIMIT:
                break
    return main or b"", _joined(parameters) if pieces else parameters


def content_type(value):
    """(type, subtype, parameters) of a Content-Type field; what cannot be read is text/plain (RFC 2045 5.2)."""
    if value:
        main, parameters = parse(value)
        slash = main.find(b"/")
        if slash > 0:
            kind = main[:slash].strip()
            subtype = main[slash + 1 :].strip()
            if kind and subtype and b" " not in kind + subtype and b"/" not in subtype:
                return kind, subtype, parameters
    return b"text", b"plain", [(b"charset", b"us-ascii")]


def get(parameters, name: bytes):
    """The value of the first parameter of that name (in lower case), or None."""
    for key, value in parameters:
        if key.lower() == name:
            return value
    return None


def _joined(parameters):
    """Puts the pieces `name*0`, `name*1*` ... together, behind the parameters that come in one."""
    whole = []
    found = []
    for name, text in parameters:
        star = name.find(b"*")
        number = name[star + 1 :].rstrip(b"*")
        if star > 0 and number.isdigit():
            found.append((name[:star], int(number), name.endswith(b"*"), text))
        else:
            whole.append((name, text))
    for base, number, _, _ in found:
        if not number:
            whole.append(_join(base, found))
    return whole


def _join(base, found):
    """One parameter from its pieces, up to the first number that is missing."""
    text = b""
    encoded = False
    number = 0
    while True:
        piece = [each for each in found if each[0].lower() == base.lower() and each[1] == number]
        if not piece:
            return (base + b"*" if encoded else base, text)
        encoded = encoded or piece[0][2]
        text += piece[0][3]
        number += 1


def _sections(value):
    """Yields (name, value or None) for each section between semicolons."""
    name = bytearray()
    text = None
    word = False
    for kind, octets in tokens(value, b";=", b";="):
        if kind == COMMENT:
            continue
        if kind == _SEMICOLON:
            yield bytes(name), _frozen(text)
            name = bytearray()
            text = None
            word = False
            continue
        if kind == _EQUALS:
            # Later equals signs belong to a value that ought to have been quoted, as boundary=--=_part often is.
            if text is None:
                text = bytearray()
            elif len(text) < TEXT_LIMIT:
                text.extend(b"=")
            word = False
            continue
        out = name if text is None else text
        # Values with blanks ought to be quoted, too; many file names are not.
        if word and len(out) < TEXT_LIMIT:
            out.extend(b" ")
        out.extend(octets[: TEXT_LIMIT - len(out)])
        word = True
    yield bytes(name), _frozen(text)


def _frozen(text):
    return None if text is None else bytes(text)
