"""The stored form of a password: the SCRAM-SHA-256 record of RFC 5803, from which the password cannot be read back.

`SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>`, the three values in base64. It is derived on the host, because
4,096 rounds take a board many seconds.
"""

import base64
import hashlib
import hmac
import os
import stringprep
import unicodedata

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096
SALT_LENGTH = 16
PASSWORD_MAX = 255

# RFC 4013 section 2.3 names these tables of RFC 3454: what a password must not contain.
PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class BadPassword(ValueError):
    """The password cannot be used; the message says why, without the password."""


def prepare(password: str) -> str:
    """SASLprep (RFC 4013), without its rules for right-to-left text.

    The board compares what PLAIN brings octet by octet, for it has no Unicode tables. So a password that SASLprep
    would change is refused: it would work with one mechanism and not with another.
    """
    if not password:
        raise BadPassword("the password is empty")
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c))
    prepared = unicodedata.normalize("NFKC", mapped)
    if any(prohibited(c) for c in prepared for prohibited in PROHIBITED):
        raise BadPassword("the password contains control or other unusable characters")
    if prepared != password:
        raise BadPassword("the password contains characters that mail programs may send in another form")
    if len(password.encode()) > PASSWORD_MAX:
        raise BadPassword(f"the password is longer than {PASSWORD_MAX} octets")
    return prepared


def derive_record(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """The record of a password (RFC 5802 section 3); BadPassword when the password cannot be used."""
    salt = os.urandom(SALT_LENGTH) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", prepare(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"{MECHANISM}${iterations}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
