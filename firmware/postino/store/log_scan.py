"""Finds out what of the log counts, from what is on flash alone: when the store is opened, after whatever happened.

A transaction counts if its records stand one behind the other, from BEGIN to COMMIT, with nothing broken between them.
So a program that was cut does not count, whichever of its octets got on flash.
"""

import struct

from postino.store.errors import StoreUnavailable
from postino.store.log_device import SECTOR
from postino.store.records import (
    ALIGN,
    BEGIN,
    COMMIT,
    HEADER_SIZE,
    RECORD,
    padded,
    record_mask,
    unpack_header,
)

# Of an unpacked sector header.
_END = 0
_NUMBER = 1
_TAIL = 2
_SEQUENCE = 3


class Scan:
    """One pass over the log, whose fields it sets. It writes nothing."""

    def __init__(self, log):
        self._log = log
        self._device = log.device
        self._window = log.window
        self._buffer = bytearray(HEADER_SIZE)
        self._newest = 0
        self._since = 0
        self._complete = 0
        # Sequence number of the transaction whose records are being passed, 0 between two.
        self._open = 0
        # The greatest sequence number that any record has, counted or not.
        self._top = 0
        # Where the records of a sector break off, until that is reported; and whether none has followed yet.
        self._broken = 0
        self._in_gap = False

    def run(self, since: int) -> int:
        """Returns the last sector whose header names no transaction above `since`."""
        log = self._log
        self._since = since
        newest = self._find_newest()
        self._newest = newest[_NUMBER]
        log.start(newest[_NUMBER], newest[_TAIL])
        for number in range(log.tail, log.sector + 1):
            self._sector(number)
        unfinished = self._open
        self._abort_open(log.sector)
        log.dirty = bool(unfinished) or not self._window.is_blank(log.sector, log.position)
        if log.damaged:
            log.sequence = max(log.sequence, self._top)
        self._look_behind_the_end()
        self._window.forget()
        return self._complete

    def _header(self, number: int):
        """The header in the place of this sector, or None if it is not valid there."""
        place = number % self._device.sectors
        self._device.read(place, 0, self._buffer)
        header = unpack_header(self._buffer)
        if header is None or header[_NUMBER] % self._device.sectors != place:
            return None
        return header

    def _header_of(self, number: int):
        """The header of this very sector, or None."""
        header = self._header(number)
        return header if header is not None and header[_NUMBER] == number else None

    def _find_newest(self):
        newest = None
        for place in range(self._device.sectors):
            header = self._header(place)
            if header is not None and (newest is None or header[_NUMBER] > newest[_NUMBER]):
                newest = header
        if newest is None:
            raise StoreUnavailable("no log")
        if newest[_TAIL] > newest[_NUMBER] or newest[_NUMBER] - newest[_TAIL] >= self._device.sectors:
            raise StoreUnavailable("log damaged")
        return newest

    def _sector(self, number: int):
        """Passes one sector, from its header to the end of its good part."""
        log = self._log
        header = self._header_of(number)
        if header is None:
            self._abort_open(number)
            log.damage(number, 0)
            log.set_end(number, 0)
            return
        # The header of a sector that was opened after a failure says that the failed transaction's number is used up.
        if header[_SEQUENCE] >= self._open:
            self._abort_open(number)
        log.sequence = max(log.sequence, header[_SEQUENCE])
        if header[_SEQUENCE] <= self._since:
            self._complete = number
        behind = self._header_of(number + 1) if number < self._newest else None
        if behind is None:
            log.set_end(number, self._records(number, SECTOR, False))
        else:
            self._records(number, behind[_END], True)
            log.set_end(number, behind[_END])

    def _records(self, number: int, end: int, known: bool) -> int:
        """Passes the records; returns where the last transaction that counts ends. `known`: all up to `end` is good."""
        offset = good = HEADER_SIZE
        self._broken = 0
        self._in_gap = False
        while offset < end:
            at = self._window.find(number, offset, end)
            if at < 0:
                if not known and not self._in_gap and self._window.is_blank(number, offset):
                    break
                self._gap(number, offset)
                offset += ALIGN
                continue
            self._in_gap = False
            length, _, marks, _, sequence = struct.unpack_from(RECORD, self._window.buffer, at)
            self._log.mark_bits(number, record_mask(self._window.buffer, at))
            # In the newest sector it may be the last program that broke off, unless later transactions follow.
            if known or sequence > self._log.sequence + 1:
                self._report_gap(number)
            counts = self._pass(number, offset, marks, sequence)
            offset += padded(length)
            if counts:
                good = offset
        if known:
            self._report_gap(number)
        return good

    def _gap(self, number: int, offset: int):
        """There is no record here, though this is not the end."""
        self._in_gap = True
        self._broken = self._broken or offset
        self._abort_open(number)

    def _report_gap(self, number: int):
        if self._broken:
            self._log.damage(number, self._broken)
            self._broken = 0

    def _pass(self, number: int, offset: int, marks: int, sequence: int) -> bool:
        """Passes one record; True if a transaction that counts ends with it."""
        self._top = max(self._top, sequence)
        if marks & BEGIN:
            self._abort_open(number)
            self._open = sequence
        elif number == self._log.tail and offset == HEADER_SIZE:
            # Its first records were in a sector that nobody needs any more.
            self._open = sequence
        elif sequence != self._open:
            self._abort_open(number)
            self._log.abort(sequence, number)
            return False
        if not marks & COMMIT:
            return False
        self._open = 0
        self._log.sequence = max(self._log.sequence, sequence)
        return True

    def _abort_open(self, number: int):
        """The transaction whose records were being passed does not go on: it does not count."""
        if self._open:
            self._log.abort(self._open, number)
            self._open = 0

    def _look_behind_the_end(self):
        """Records where the next sector will be: the header of the newest sector got damaged.

        What they say is lost, but their sequence numbers must not be given again.
        """
        log = self._log
        number = log.sector + 1
        if self._header(number) is not None:
            return
        for offset in range(HEADER_SIZE, SECTOR, ALIGN):
            at = self._window.find(number, offset, SECTOR)
            if at < 0:
                continue
            sequence = struct.unpack_from(RECORD, self._window.buffer, at)[4]
            if sequence > log.sequence:
                if not log.damaged:
                    log.damage(number, 0)
                log.sequence = sequence
                log.dirty = True
