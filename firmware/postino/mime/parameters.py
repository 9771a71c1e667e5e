"""Content-Type and Content-Disposition: a value and its parameters (RFC 2045 5.1, RFC 2183).

Parameters of RFC 2231 (`filename*0*=...`) are passed on as they are: decoding them is the client's work.
"""

from postino.mime.tokens import COMMENT, tokens

# Parameters kept of one field.
PARAMETER_LIMIT = 16
# Octets kept of a name or value.
TEXT_LIMIT = 1024

_SEMICOLON = 0x3B
_EQUALS = 0x3D


def parse(value: bytes):
    """The value before the first semicolon, and a list of (name, value) pairs."""
    main = None
    parameters = []
    for name, text in _sections(value):
        if main is None:
            # `text/plain charset=x` without the semicolon is left as a value nobody knows.
            main = name if text is None else name + b"=" + text
        elif name and text is not None:
            parameters.append((name, text))
            if len(parameters) == PARAMETER_LIMIT:
                break
    return main or b"", parameters


def content_type(value):
    """(type, subtype, parameters) of a Content-Type field; what cannot be read is text/plain (RFC 2045 5.2)."""
    if value:
        main, parameters = parse(value)
        slash = main.find(b"/")
        if slash > 0:
            kind = main[:slash].strip()
            subtype = main[slash + 1 :].strip()
            if kind and subtype and b" " not in kind + subtype:
                return kind, subtype, parameters
    return b"text", b"plain", [(b"charset", b"us-ascii")]


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
