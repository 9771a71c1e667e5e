"""SASL responses as SMTP, POP3 and IMAP clients send them (RFC 4648 base64, RFC 4616 PLAIN)."""

import binascii


class BadResponse(ValueError):
    """A response that is not base64, or not what the mechanism asks for."""


def decode_base64(text):
    """Returns the octets that base64 `text` stands for; "=" stands for none (RFC 4954 4). Raises BadResponse."""
    if text == b"=":
        return b""
    if len(text) % 4:
        raise BadResponse
    try:
        octets = binascii.a2b_base64(text)
    except ValueError:
        raise BadResponse
    # The decoder skips what is not base64; a response with such octets is refused.
    if binascii.b2a_base64(octets).strip() != text:
        raise BadResponse
    return octets


def decode_plain(text):
    """Returns (login, password) from a base64 PLAIN response (RFC 4616 2). Raises BadResponse.

    An authorization identity is accepted only if it names the same user: nobody acts for anybody else.
    """
    octets = decode_base64(text)
    # Counted first: a thousand parts would be a thousand objects.
    if octets.count(b"\0") != 2:
        raise BadResponse
    parts = octets.split(b"\0")
    if not parts[1] or not parts[2]:
        raise BadResponse
    if parts[0] and parts[0] != parts[1]:
        raise BadResponse
    return parts[1], parts[2]
