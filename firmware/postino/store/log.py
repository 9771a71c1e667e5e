"""The log: the store's commit point, a ring of sectors on raw flash. docs/store.md has the format.

A transaction is one record or several, programmed one behind the other. The last one carries COMMIT; without it none of
them counts.

    with log:
        log.record(EXPUNGE, mailbox, need=8)
        log.put_struct("<IHH", uid, slot, blocks)

Leaving the block commits; an exception rolls back. Nothing is ever programmed where a program may have been begun
before: after a failure the log goes on in a new sector, whose header says where the good part of the one before ends.
"""

import struct
from array import array
from binascii import crc32

from postino.store import files
from postino.store.errors import StoreError, StoreFull, StoreUnavailable
from postino.store.log_device import SECTOR
from postino.store.log_reader import Reader, Window
from postino.store.records import (
    ALIGN,
    BEGIN,
    COMMIT,
    CRC_SIZE,
    HEADER_SIZE,
    MAX_RECORD,
    RECORD,
    RECORD_HEAD,
    pack_header,
    padded,
    record_mask,
)
from postino.store.transient import Transient

# A record is begun where the longest payload that cannot be split still fits, if its writer does not know better.
LONGEST_UNSPLIT = 320
# So much of a sector may be left over because the next record does not fit.
_LEFT_OVER = padded(RECORD_HEAD + LONGEST_UNSPLIT + CRC_SIZE)

_MARKS_AT = 3


class Log:
    def __init__(self, device, report=None):
        self.device = device
        self._report = report
        self._buffer = bytearray(MAX_RECORD)
        self._view = memoryview(self._buffer)
        self._header = bytearray(HEADER_SIZE)
        # Nothing is read during a transaction: one buffer serves both.
        self.window = Window(device, self._buffer)
        # Of each place of the ring: the mailboxes named there (record_mask), and where the good part ends.
        self._masks = array("I", [0] * device.sectors)
        self._ends = array("H", [0] * device.sectors)
        # Octets of the buffer in use; where the open record starts (-1: none).
        self._fill = 0
        self._record = -1
        # Marks for the next record. Where the first program of the transaction went (sector 0: there was none yet).
        self._marks = BEGIN
        self._first_sector = 0
        self._first_position = 0
        # Set from when the next sector's header may be on flash: nothing may be added to the newest any more.
        self._closed = False
        self.ready = False
        self.start(0, 0)

    def start(self, sector: int, tail: int):
        """Sets all that load() finds out as if the log were empty."""
        # Numbers of the newest sector, of the oldest that is needed, and of the one that the newest header calls that.
        self.sector = sector
        self.tail = tail
        self._published = tail
        # Where the next record goes.
        self.position = HEADER_SIZE
        # Sequence number of the last transaction.
        self.sequence = 0
        # Sequence numbers of transactions that do not count though records of them lie in the log, and in which sector.
        self.aborted = []
        self._aborted_in = []
        self.damaged = False
        # A transaction failed, and its octets might still be taken for one that counts: so many numbers are used up.
        self.dirty = False
        self._used_up = 1
        self._closed = False
        self.window.forget()
        for place in range(self.device.sectors):
            self._masks[place] = self._ends[place] = 0

    # Opening.

    def format(self, sequence: int = 0):
        """Starts an empty log, whatever is there."""
        with files.guard:
            for place in range(self.device.sectors):
                # Sector 1 is erased when it is opened.
                if place != 1 and not self.window.is_blank(place, 0):
                    self.device.erase(place)
            self.start(0, 1)
            self.sequence = sequence
            self._open_sector(0)
        self.ready = True

    def load(self, since: int = 0) -> int:
        """Reads the log; raises StoreUnavailable unless it is one of ours. Writes nothing.

        Returns the last sector before which there are transactions up to `since` only, or numbers that are used up.
        """
        self.ready = False
        with files.guard, Transient("log_scan") as scan:
            sector = scan.Scan(self).run(since)
        self.ready = True
        return sector

    # What the scan reports.

    def set_end(self, number: int, end: int):
        """The good part of this sector ends here; 0 if it is lost."""
        self._ends[number % self.device.sectors] = end
        if number == self.sector:
            self.position = end

    def abort(self, sequence: int, sector: int):
        """This transaction does not count; there is none of its records after this sector."""
        if sequence in self.aborted:
            self._aborted_in[self.aborted.index(sequence)] = sector
        else:
            self.aborted.append(sequence)
            self._aborted_in.append(sector)

    def distrust(self, numbers: int):
        """What follows the good part may have been more than one transaction: so many numbers are used up."""
        self._used_up = numbers

    def damage(self, number: int, offset: int):
        self.damaged = True
        if self._report is not None:
            self._report("log damaged: sector %d, octet %d" % (number, offset))

    # Reading.

    def reader(self, mailbox: int = 0, first: int = 0) -> Reader:
        """Reads the records from sector `first` on (0: all), or those of them that name one mailbox."""
        return Reader(self, mailbox, first)

    def end_of(self, number: int) -> int:
        """Where the good part of a sector ends."""
        return self.position if number == self.sector else self._ends[number % self.device.sectors]

    def mask(self, number: int) -> int:
        return self._masks[number % self.device.sectors]

    def mark_bits(self, number: int, bits: int):
        self._masks[number % self.device.sectors] |= bits

    # The ring.

    def sectors_free(self) -> int:
        """Sectors that are free. The last one is kept: only a new header can tell flash that others are not needed."""
        if self.sector - self._published + 1 >= self.device.sectors:
            return 0
        return self.device.sectors - (self.sector - self.tail + 1)

    def release(self, tail: int):
        """Sectors before this one are not needed any more. The header of the next sector will say so."""
        self.tail = max(self.tail, min(tail, self.sector))
        while self._aborted_in and self._aborted_in[0] < self.tail:
            self._aborted_in.pop(0)
            self.aborted.pop(0)

    def publish(self):
        """Opens a new sector if flash does not know yet what was released."""
        if self.tail > self._published:
            with files.guard:
                self._next_sector()

    def renew(self):
        """Gives up all sectors, damaged ones among them: nobody needs what is in them any more."""
        with files.guard:
            self._next_sector()
        self.release(self.sector)
        self.publish()
        self.damaged = False

    def settle(self):
        """Makes sure that a transaction that failed can never count. Does nothing if none did."""
        if self.dirty:
            with files.guard:
                self._next_sector()

    def _next_sector(self):
        if self.sectors_free() < 2:
            raise StoreFull("log full")
        self._open_sector(self.position)

    def _open_sector(self, end: int):
        """Opens the next sector; the good part of the present one ends at `end`."""
        number = self.sector + 1
        place = number % self.device.sectors
        # The number of a transaction that failed is used up, but not before flash knows that.
        sequence = self.sequence + (self._used_up if self.dirty else 0)
        self.window.forget()
        self.device.erase(place)
        self._closed = True
        pack_header(self._header, end, number, self.tail, sequence)
        self.device.program(place, 0, self._header)
        self._ends[self.sector % self.device.sectors] = end
        self._masks[place] = 0
        self.sector = number
        self.position = HEADER_SIZE
        self.sequence = sequence
        self._published = self.tail
        self._closed = self.dirty = False
        self._used_up = 1

    # A transaction.

    def __enter__(self):
        if not self.ready or self.window.taken:
            raise StoreUnavailable("store not open")
        self._record = -1
        self._fill = 0
        self._marks = BEGIN
        self._first_sector = 0
        self.settle()
        self.window.forget()
        self.window.taken = True
        return self

    def __exit__(self, kind, error, trace):
        self.window.taken = False
        if error is None:
            try:
                self._commit()
                return False
            except BaseException as failure:
                error = failure
        self._roll_back()
        raise files.translated(error)

    def record(self, kind: int, mailbox: int, need: int = LONGEST_UNSPLIT):
        """Begins a record with room for `need` octets of payload at least; the one before it is finished."""
        self._end_record(0)
        size = RECORD_HEAD + need + CRC_SIZE
        if self._closed or self.position + self._fill + size > SECTOR:
            self._program()
            self._next_sector()
        elif self._fill + size > MAX_RECORD:
            self._program()
        struct.pack_into(RECORD, self._buffer, self._fill, 0, kind, self._marks, mailbox, self.sequence + 1)
        self._marks = 0
        self._record = self._fill
        self._fill += RECORD_HEAD

    def room(self) -> int:
        """Octets of payload that still fit into the open record; 0 if none is open."""
        if self._record < 0:
            return 0
        return min(MAX_RECORD, SECTOR - self.position) - CRC_SIZE - self._fill

    def put(self, data):
        size = len(data)
        if size > self.room():
            raise ValueError("record full")
        self._view[self._fill : self._fill + size] = data
        self._fill += size

    def put_struct(self, form: str, *values):
        """Puts values, packed as struct does."""
        size = struct.calcsize(form)
        if size > self.room():
            raise ValueError("record full")
        struct.pack_into(form, self._buffer, self._fill, *values)
        self._fill += size

    def _end_record(self, marks: int):
        start = self._record
        if start < 0:
            return
        self._record = -1
        struct.pack_into("<H", self._buffer, start, self._fill + CRC_SIZE - start)
        self._buffer[start + _MARKS_AT] |= marks
        self.mark_bits(self.sector, record_mask(self._buffer, start))
        crc = crc32(self._view[start : self._fill]) & 0xFFFFFFFF
        struct.pack_into("<I", self._buffer, self._fill, crc)
        self._fill += CRC_SIZE
        while self._fill % ALIGN:
            self._buffer[self._fill] = 0xFF
            self._fill += 1

    def _program(self):
        """Programs what is in the buffer."""
        if not self._fill:
            return
        if not self._first_sector:
            self._first_sector = self.sector
            self._first_position = self.position
        self.device.program(self.sector % self.device.sectors, self.position, self._view[: self._fill])
        self.position += self._fill
        self._fill = 0

    def _commit(self):
        if self._record < 0:
            # A writer that went on after record() had failed must not get half a transaction.
            if self._fill or self._first_sector:
                raise StoreFull("log full")
            return
        self._end_record(COMMIT)
        # The commit point.
        self._program()
        self.sequence += 1

    def _roll_back(self):
        """Nothing of the transaction may count; what cannot be done now is done before the next one."""
        self._record = -1
        self._fill = 0
        if not self._first_sector:
            return
        if self._first_sector == self.sector:
            self.position = self._first_position
        else:
            self.abort(self.sequence + 1, self.sector)
            self.position = HEADER_SIZE
        self.dirty = True
        try:
            self.settle()
        except (StoreError, MemoryError):
            pass
