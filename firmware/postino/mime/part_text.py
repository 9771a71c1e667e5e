"""The text of a part: transfer encoding and character set taken off while its body streams by."""

from postino.mime import charsets, parameters, transfer

# The fields of a part's header that this needs.
NAMES = (b"content-type", b"content-transfer-encoding")


class PartText:
    """A push parser over the body of a part.

    `content_type` and `encoding` are its fields' values, or None; `kind` and `subtype` are its type in lower case. A
    body in an encoding that is not known has no text.
    """

    def __init__(self, content_type, encoding):
        kind, subtype, given = parameters.content_type(content_type)
        self.kind = kind.lower()
        self.subtype = subtype.lower()
        charset = None
        # Nothing said means US-ASCII (RFC 2045 5.2); what is sent then is UTF-8 or windows-1252.
        for name, value in given:
            if name.lower() == b"charset":
                charset = value
                break
        self._decoder = transfer.decoder_for(encoding)
        self._converter = charsets.converter_for(charset)

    def feed(self, view) -> str:
        """The text of the next octets."""
        return "" if self._decoder is None else self._converter.feed(self._decoder.feed(view))

    def finish(self) -> str:
        """The text of what was held back."""
        if self._decoder is None:
            return ""
        text = self._converter.feed(self._decoder.finish())
        return text + self._converter.finish()
