"""The texts that a search looks for, as they are compared: decoded and without case (RFC 3501 6.4.4)."""

from ..mime import charsets, utf8
from ..mime.casefold import fold
from .errors import Bad


def folded(octets, charset):
    """Returns a text as it is compared. Raises Bad if it is not in its character set."""
    text = utf8.text(octets) if charset == b"UTF-8" else charsets.to_text(octets, charset)
    if text is None:
        raise Bad(b"The search text is not UTF-8")
    return fold(text)
