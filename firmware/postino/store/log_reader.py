"""Reads the log: records one after the other, through one buffer that all readers share."""

import struct
from binascii import crc32

from postino.store import files
from postino.store.errors import StoreUnavailable
from postino.store.log_device import SECTOR
from postino.store.records import (
    ADD,
    ADD_HEAD,
    ADD_TARGET,
    ALIGN,
    CRC_SIZE,
    HEADER_SIZE,
    MAX_RECORD,
    RECORD,
    RECORD_HEAD,
    mask_of,
    padded,
)

_BLANK = b"\xff" * 64


class Window:
    """The part of a sector that was read last, in the buffer that transactions are put together in."""

    def __init__(self, device, buffer):
        self._device = device
        self.buffer = buffer
        self._view = memoryview(self.buffer)
        self._blank = memoryview(_BLANK)
        self._number = self._base = self._length = 0
        # A transaction has the buffer.
        self.taken = False

    def forget(self):
        """What was read may have changed on flash."""
        self._length = 0

    def find(self, number: int, offset: int, end: int) -> int:
        """Where in the buffer the record is that stands at this offset of sector `number`; -1 if none does."""
        at = self._fetch(number, offset, RECORD_HEAD, end)
        if at < 0:
            return -1
        length = self.buffer[at] | self.buffer[at + 1] << 8
        if length < RECORD_HEAD + CRC_SIZE or length > MAX_RECORD:
            return -1
        at = self._fetch(number, offset, length, end)
        if at < 0:
            return -1
        crc_at = at + length - CRC_SIZE
        if crc32(self._view[at:crc_at]) & 0xFFFFFFFF != struct.unpack_from("<I", self.buffer, crc_at)[0]:
            return -1
        return at

    def is_blank(self, number: int, offset: int) -> bool:
        """True if there are only ones from this offset to the end of the sector."""
        while offset < SECTOR:
            size = min(len(_BLANK), SECTOR - offset)
            at = self._fetch(number, offset, size, SECTOR)
            if self._view[at : at + size] != self._blank[:size]:
                return False
            offset += size
        return True

    def _fetch(self, number: int, offset: int, octets: int, end: int) -> int:
        """Where in the buffer these octets of the sector are; -1 if they go beyond `end`."""
        if offset + octets > end:
            return -1
        at = offset - self._base
        if number != self._number or at < 0 or at + octets > self._length:
            if self.taken:
                raise StoreUnavailable("log read in a transaction")
            self._length = 0
            length = min(MAX_RECORD, end - offset)
            with files.guard:
                self._device.read(number % self._device.sectors, offset, self._view[:length])
            self._number = number
            self._base = offset
            self._length = length
            at = 0
        return at


class Reader:
    """Goes through the committed records from sector `first` on, or through those that name one mailbox.

    What it says of a record holds until the next call of any reader's next(), or a transaction. It needs no closing.
    """

    def __init__(self, log, mailbox: int, first: int):
        self._log = log
        self._window = log.window
        self._wanted = mailbox
        self._mask = mask_of(mailbox)
        # Where the next record is, and where in the buffer the present one begins.
        self._offset = HEADER_SIZE
        self._at = 0
        # Of the present record.
        self.sector = min(max(first, log.tail), log.sector)
        self.kind = self.mailbox = self.sequence = self.length = 0

    def next(self) -> bool:
        """Moves to the next record; False at the end."""
        log = self._log
        while True:
            if self.sector < log.tail:
                self.sector = log.tail
                self._offset = HEADER_SIZE
            end = log.end_of(self.sector)
            if self._wanted and not log.mask(self.sector) & self._mask:
                end = 0
            if self._offset >= end:
                if self.sector >= log.sector:
                    return False
                self.sector += 1
                self._offset = HEADER_SIZE
                continue
            at = self._window.find(self.sector, self._offset, end)
            if at < 0:
                # Damage, which load() has reported: on to the next record that is whole.
                self._offset += ALIGN
            elif self._take(at):
                return True

    def _take(self, at: int) -> bool:
        """Takes the record here in the buffer; False if it does not count or does not name the mailbox."""
        length, self.kind, _, self.mailbox, self.sequence = struct.unpack_from(RECORD, self._window.buffer, at)
        self._at = at + RECORD_HEAD
        self.length = length - RECORD_HEAD - CRC_SIZE
        self._offset += padded(length)
        if self.sequence in self._log.aborted:
            return False
        if not self._wanted:
            return True
        if self.kind == ADD:
            return self.target(self._wanted) >= 0
        return self.mailbox == self._wanted

    def word(self, position: int) -> int:
        """The 32-bit word at this position of the payload."""
        return struct.unpack_from("<I", self._window.buffer, self._at + position)[0]

    def half(self, position: int) -> int:
        """The 16-bit word at this position of the payload."""
        return struct.unpack_from("<H", self._window.buffer, self._at + position)[0]

    def octet(self, position: int) -> int:
        return self._window.buffer[self._at + position]

    def payload(self, start: int = 0) -> bytes:
        return bytes(memoryview(self._window.buffer)[self._at + start : self._at + self.length])

    def target(self, mailbox: int) -> int:
        """Where in the payload of an ADD the entry of this mailbox is; -1 if it has none."""
        for position in range(ADD_HEAD, self.length, ADD_TARGET):
            if self.word(position) == mailbox:
                return position
        return -1
