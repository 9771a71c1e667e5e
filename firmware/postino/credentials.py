"""Passwords against stored records: RFC 5803 SCRAM-SHA-256, checked in slices so that the event loop goes on.

The record is derived on the host (4,096 iterations); the board never stores a password.
"""

import asyncio
import binascii
import hashlib

# Iterations between two turns of the event loop while a key is derived.
SLICE = 50
# Most iterations accepted in a record: more would hold up every other login.
MAX_ITERATIONS = 20000
# Octets of a SHA-256 block and digest.
_BLOCK = 64
_DIGEST = 32

_SCHEME = "SCRAM-SHA-256"


def _pads(key):
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    inner = bytearray(b"\x36" * _BLOCK)
    outer = bytearray(b"\x5c" * _BLOCK)
    for index, octet in enumerate(key):
        inner[index] ^= octet
        outer[index] ^= octet
    return inner, outer


def _keyed(pads, message):
    inner = hashlib.sha256(pads[0])
    inner.update(message)
    outer = hashlib.sha256(pads[1])
    outer.update(inner.digest())
    return outer.digest()


def hmac_sha256(key, message):
    """HMAC-SHA-256 (RFC 2104) of `message`, 32 octets."""
    return _keyed(_pads(key), message)


def equal(one, other):
    """True if two octet strings are equal; takes the same time wherever they differ."""
    if len(one) != len(other):
        return False
    difference = 0
    for index in range(len(one)):
        difference |= one[index] ^ other[index]
    return difference == 0


async def pbkdf2(password, salt, iterations):
    """PBKDF2-HMAC-SHA-256 (RFC 8018 5.2), one block of 32 octets; yields every SLICE iterations."""
    pads = _pads(password)
    block = _keyed(pads, salt + b"\0\0\0\x01")
    result = int.from_bytes(block, "big")
    for count in range(1, iterations):
        block = _keyed(pads, block)
        result ^= int.from_bytes(block, "big")
        if count % SLICE == 0:
            await asyncio.sleep_ms(0)
    return result.to_bytes(_DIGEST, "big")


def parse_record(record):
    """Returns (iterations, salt, stored key) of an RFC 5803 record; raises ValueError if it is not one."""
    scheme, parameters, keys = record.split("$")
    iterations, salt = parameters.split(":")
    stored_key = binascii.a2b_base64(keys.split(":")[0])
    count = int(iterations)
    if scheme != _SCHEME or not 1 <= count <= MAX_ITERATIONS or len(stored_key) != _DIGEST:
        raise ValueError("not a %s record" % _SCHEME)
    return count, binascii.a2b_base64(salt), stored_key


async def matches(record, password):
    """True if `password` (bytes) is the one that `record` was derived from (RFC 5802 3)."""
    iterations, salt, stored_key = parse_record(record)
    salted = await pbkdf2(password, salt, iterations)
    client_key = hmac_sha256(salted, b"Client Key")
    return equal(hashlib.sha256(client_key).digest(), stored_key)
