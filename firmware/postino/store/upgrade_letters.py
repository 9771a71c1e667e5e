"""The letters in the upgrade: each gets its trailer, then moves from `letters/<id >> 6>/<id>` to its slot.

Both are atomic. A letter that is found with its trailer, or in its slot, was done before power was lost.
"""

from array import array
from binascii import crc32

from postino.store import files, format1, trailer
from postino.store.slots import DIRECTORY_BITS
from postino.store.upgrade_sinks import Letters

_PIECE = 1024
# The header is looked at in pieces of this.
_HEADER_PIECE = 256

# A first line that is longer than this without being a header field is text.
_LONGEST_NAME = 128


class HeaderEnd:
    """feed() all pieces of the message; `length` is the length of the header, with the empty line that ends it."""

    def __init__(self):
        self.length = 0
        self.found = False
        self._first = True
        # The last octets of the piece before.
        self._last = b""

    def feed(self, piece):
        if self.found:
            return
        data = self._last + bytes(piece)
        start = self.length - len(self._last)
        if self._first:
            self._first = False
            if _is_text(data):
                self.found = True
                return
            # As if there were a line before: an empty first line ends the header.
            data = b"\n" + data
            start = -1
        for end in (b"\n\r\n", b"\n\n"):
            at = data.find(end)
            if at >= 0:
                self.found = True
                data = data[: at + len(end)]
        self.length = start + len(data)
        self._last = data[-2:]


def _is_text(data: bytes) -> bool:
    """The first line shows that there is no header."""
    line = data[: data.find(b"\n") + 1] or data[:_LONGEST_NAME]
    if line == b"\n" or line == b"\r\n" or line[:5] == b"From " or line[:6] == b">From ":
        return False
    colon = line.find(b":")
    name = line[: max(colon, 0)].rstrip(b" \t")
    return line[:1] in (b" ", b"\t") or not name or b" " in name or b"\t" in name


class Mover:
    def __init__(self, root: str, tell):
        self._root = root
        self._tell = tell
        self._piece = memoryview(bytearray(_PIECE))
        # The old directory that the letters come from at present.
        self._directory = -1

    def move(self, letters: Letters, index: int, slot: int):
        """One letter; they come in the order of their ids."""
        letter = letters.ids[index]
        if letter >> DIRECTORY_BITS != self._directory:
            self.clear_directory()
            self._directory = letter >> DIRECTORY_BITS
        old = format1.letter_path(self._root, letter)
        new = "%s/%x/%x" % (self._root, slot >> DIRECTORY_BITS, slot & ((1 << DIRECTORY_BITS) - 1))
        file = format1.open_if_there(old)
        if file is None:
            if not files.size_of(new):
                self._tell("letter %x is missing" % letter)
            return
        try:
            fields = self._read(file, letter, letters.sizes[index])
        finally:
            file.close()
        if fields is not None:
            _put_trailer(old, letters.mailboxes[index], letter, letters.dates[index], fields)
        self._rename(old, new, slot >> DIRECTORY_BITS)

    def _read(self, file, letter: int, size: int):
        """(size, length of the header, CRC) of a letter without trailer, None for one that has it."""
        octets = file.seek(0, 2)
        if octets != size:
            # A file of the size that its entries say is the message and nothing else, whatever its end looks like.
            fields = trailer.read(file)
            if fields is not None and fields[trailer.LETTER] == letter:
                return None
            self._tell("letter %x has another size than its mailbox says" % letter)
        file.seek(0)
        end = HeaderEnd()
        crc = 0
        count = file.readinto(self._piece)
        while count:
            crc = crc32(self._piece[:count], crc)
            for start in range(0, 0 if end.found else count, _HEADER_PIECE):
                end.feed(self._piece[start : min(start + _HEADER_PIECE, count)])
            count = file.readinto(self._piece)
        return octets, end.length, crc & 0xFFFFFFFF

    def _rename(self, old: str, new: str, directory: int):
        try:
            files.rename(old, new)
        except OSError as error:
            if error.args[0] != files.ENOENT:
                raise
            files.make_directory("%s/%x" % (self._root, directory))
            files.rename(old, new)

    def clear_directory(self):
        """All letters of the present old directory have moved: what is left in it is what nothing names."""
        if self._directory < 0:
            return
        path = "%s/letters/%x" % (self._root, self._directory)
        try:
            names = files.names_in(path)
        except OSError as error:
            if error.args[0] != files.ENOENT:
                raise
            return
        for name in names:
            files.remove("%s/%s" % (path, name))
        files.remove_directory(path)


class _Gathered:
    """Takes what is written to a file."""

    def __init__(self):
        self.octets = bytearray()

    def write(self, piece):
        self.octets.extend(bytes(piece))


def _put_trailer(path: str, mailbox: int, letter: int, date: int, fields):
    size, header, crc = fields
    whole = _Gathered()
    trailer.write(whole, b"", array("I", (mailbox,)), letter, size, header, date, crc)
    file = files.open_file(path, "ab")
    try:
        # In one piece: after a failure the file would be closed with what has been written by then.
        file.write(whole.octets)
    finally:
        file.close()
