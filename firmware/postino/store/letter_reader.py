"""Reading a letter: the octets of the message, in blocks, and what its trailer says of it.

The trailer is read only when something of it is wanted: a letter whose size is known is read without it.
"""

from binascii import crc32

from postino.store import files, trailer
from postino.store.errors import StoreError, StoreUnavailable


class LetterReader:
    """One reader of a letter; close() is a must."""

    def __init__(self, letters, slot: int, file, size: int):
        self._letters = letters
        self._slot = slot
        self._file = file
        self._at = 0
        # The checksum of the octets up to here, as long as they were read in order.
        self._summed = 0
        self._crc = 0
        self._trailer = None
        self._told = False
        self.size = size
        if size < 0:
            if self._fields() is None:
                raise StoreUnavailable("letter damaged")
            self.size = self._fields()[trailer.SIZE]

    def readinto(self, buffer) -> int:
        """Stops at the end of the message."""
        left = self.size - self._at
        if left <= 0:
            return 0
        if len(buffer) > left:
            buffer = memoryview(buffer)[:left]
        with files.guard:
            count = self._file.readinto(buffer)
        self._at += count
        if self._summed == self._at - count and count:
            self._crc = crc32(memoryview(buffer)[:count], self._crc)
            self._summed += count
            if self._summed == self.size:
                self._check()
        return count

    def seek(self, position: int):
        if position == 0 and self._summed < self.size:
            self._summed = self._crc = 0
        self._move(position)
        self._at = position

    def _move(self, position: int):
        with files.guard:
            self._file.seek(position)

    def _check(self):
        """The letter has been read whole. It is handed out in any case; damage is reported."""
        try:
            fields = self._fields()
        except (MemoryError, StoreError):
            return
        if fields is not None and fields[trailer.CRC] != self._crc & 0xFFFFFFFF:
            self._tell()

    def _tell(self):
        if not self._told:
            self._told = True
            self._letters.tell("letter %x damaged" % self._slot)

    def _fields(self):
        """The trailer, None if it is damaged; read when it is asked for first."""
        if self._trailer is None and not self._told:
            with files.guard:
                self._trailer = trailer.read(self._file)
            if self._trailer is None:
                self._tell()
            self._move(self._at)
        return self._trailer

    def _field(self, which: int) -> int:
        fields = self._fields()
        return 0 if fields is None else fields[which]

    @property
    def letter_id(self) -> int:
        """0 if the trailer is damaged; so are the others."""
        return self._field(trailer.LETTER)

    @property
    def checksum(self) -> int:
        """CRC-32 of the message."""
        return self._field(trailer.CRC)

    @property
    def header_length(self) -> int:
        return self._field(trailer.HEADER)

    def structure(self) -> bytes:
        """The structure as it was told to describe(); empty if it is not known."""
        if not self._field(trailer.STRUCTURE):
            return b""
        with files.guard:
            found = trailer.structure_of(self._file, self._fields())
        self._move(self._at)
        return found

    def close(self):
        file = self._file
        self._file = None
        if file is None:
            return
        try:
            file.close()
        except (MemoryError, OSError):
            pass
        self._letters.release(self._slot)
