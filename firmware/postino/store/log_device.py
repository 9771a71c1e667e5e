"""What the log lies on: raw blocks at the end of the partition, or files in a store that was upgraded from format 1.

Both have sectors of 4,096 octets that are erased as a whole and programmed piece by piece. What has not been
programmed since the erase reads as 0xFF.
"""

from postino.store import files

SECTOR = 4096

FEWEST_SECTORS = 8
MOST_SECTORS = 24
# Sectors of a log that lies in files.
FILE_SECTORS = 8
# One sector of log for so many blocks of the partition.
BLOCKS_A_SECTOR = 140

# Numbers of the block-device protocol and of the errors of a device.
_ERASE = 6
_EIO = 5

_END_OF_FILE = 2


def sectors_for(blocks: int) -> int:
    """Sectors of the log on a partition of so many blocks."""
    return min(MOST_SECTORS, max(FEWEST_SECTORS, blocks // BLOCKS_A_SECTOR))


def _check(result):
    # Some block devices raise, others return an error number.
    if result:
        raise OSError(_EIO)


class RawLog:
    """Sectors on the blocks of a device from `first_block` on; it speaks the protocol of esp32.Partition."""

    def __init__(self, device, first_block: int, sectors: int):
        self._device = device
        self._first = first_block
        self.sectors = sectors

    def read(self, sector: int, offset: int, view):
        """Fills the view."""
        _check(self._device.readblocks(self._first + sector, view, offset))

    def program(self, sector: int, offset: int, view):
        _check(self._device.writeblocks(self._first + sector, view, offset))

    def erase(self, sector: int):
        _check(self._device.ioctl(_ERASE, self._first + sector))


class FileLog:
    """Sectors in files, each as long as it is programmed; littlefs makes every program and erase atomic."""

    def __init__(self, root: str, sectors: int):
        self._folder = root + "/log"
        self.sectors = sectors

    def _path(self, sector: int) -> str:
        return "%s/%x" % (self._folder, sector)

    def read(self, sector: int, offset: int, view):
        """Fills the view; what the file does not have is blank."""
        done = 0
        try:
            file = files.open_file(self._path(sector), "rb")
        except OSError as error:
            if error.args[0] != files.ENOENT:
                raise
        else:
            try:
                file.seek(offset)
                done = file.readinto(view)
            finally:
                file.close()
        for index in range(done, len(view)):
            view[index] = 0xFF

    def program(self, sector: int, offset: int, view):
        file = files.open_file(self._path(sector), "ab")
        try:
            # A file of another length has been written to by something that failed.
            if file.seek(0, _END_OF_FILE) != offset:
                raise OSError(_EIO)
            file.write(view)
        finally:
            file.close()

    def erase(self, sector: int):
        try:
            self._empty(sector)
        except OSError as error:
            if error.args[0] != files.ENOENT:
                raise
            files.make_directory(self._folder)
            self._empty(sector)

    def _empty(self, sector: int):
        files.open_file(self._path(sector), "wb").close()
