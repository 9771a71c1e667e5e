"""Letters in directories of different shapes, inside MicroPython on the simulated chip."""

import os

import vfs
from serve import open_chip, serve

ROOT = "/letters"
GEOMETRY = {"readsize": 32, "progsize": 32, "lookahead": 512}
MOST_COMMITS = 64


class Counting:
    """The partition, counting its erases. C calls it: nothing in it raises."""

    def __init__(self, partition):
        self.partition = partition
        self.readblocks = partition.readblocks
        self.writeblocks = partition.writeblocks
        self.erases = 0

    def ioctl(self, operation, argument):
        if operation == 6:
            self.erases += 1
        return self.partition.ioctl(operation, argument)


class Driver:
    def start(self, offset, blocks, fresh, parent, per_directory):
        self.device = Counting(open_chip(offset, blocks))
        if fresh:
            vfs.VfsLfs2.mkfs(self.device, **GEOMETRY)
        vfs.mount(vfs.VfsLfs2(self.device, mtime=False, **GEOMETRY), ROOT)
        self.parent = ROOT + parent
        if fresh and parent:
            os.mkdir(self.parent)
        self.per_directory = per_directory

    def path(self, slot):
        return "%s/%x/%x" % (self.parent, slot // self.per_directory, slot % self.per_directory)

    def fill(self, count, size, sealing):
        """`sealing`: none, each full directory, or the directory above it too."""
        for slot in range(count):
            self.create(slot, size)
            if slot % self.per_directory == self.per_directory - 1:
                if sealing != "none":
                    self.seal("%s/%x" % (self.parent, slot // self.per_directory))
                if sealing == "above too":
                    self.seal(self.parent)

    def create(self, slot, size):
        if slot % self.per_directory == 0:
            os.mkdir("%s/%x" % (self.parent, slot // self.per_directory))
        with open(self.path(slot), "wb") as file:
            for _ in range(size // 1024):
                file.write(bytes(1024))

    def seal(self, directory):
        """Commits that say nothing fill the directory's block until littlefs writes it anew, compacted."""
        before = self.device.erases
        name = directory + "/~"
        for _ in range(MOST_COMMITS):
            with open(name, "wb"):
                pass
            os.remove(name)
            if self.device.erases != before:
                break

    def read(self, slots):
        """Opens each letter, reads 1 KB, closes it."""
        buffer = bytearray(1024)
        for slot in slots:
            with open(self.path(slot), "rb") as file:
                file.readinto(buffer)

    def used(self):
        facts = os.statvfs(ROOT)
        return facts[2] - facts[3]


driver = Driver()
serve({name: getattr(driver, name) for name in ("start", "fill", "create", "read", "used")})
