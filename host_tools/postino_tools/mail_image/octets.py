"""Takes numbers and texts out of octets, one after the other, never beyond their end."""

import struct
import zlib


class Damaged(ValueError):
    """The octets are not what the specification says; the message tells in what."""


class Octets:
    """A reading position in some octets. All numbers are unsigned and little-endian."""

    def __init__(self, content: bytes, position: int = 0) -> None:
        self.content = content
        self.position = position

    def left(self) -> int:
        return len(self.content) - self.position

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise Damaged("too short")
        self.position += count
        return self.content[self.position - count : self.position]

    def rest(self) -> bytes:
        return self.take(self.left())

    def unpack(self, layout: struct.Struct) -> tuple:
        """The fields of one structure."""
        return layout.unpack(self.take(layout.size))

    def unpack_rest(self, layout: struct.Struct) -> list[tuple]:
        """The structures that fill the rest exactly."""
        if self.left() % layout.size:
            raise Damaged("a part of an entry at the end")
        return list(layout.iter_unpack(self.rest()))

    def text(self, count: int) -> str:
        """UTF-8. What is not comes back as surrogates: a name that is wrong must not hide the mailbox."""
        return self.take(count).decode("utf-8", "surrogateescape")


def without_crc(content: bytes, what: str) -> bytes:
    """The octets before the CRC that ends them; Damaged if it does not hold."""
    if len(content) < 4 or zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        raise Damaged(f"the CRC of {what} does not hold")
    return content[:-4]
