"""Runs a candidate inside MicroPython on the mail partition of the simulated chip.

`candidate_driver.py cells`, or `ring [octets]` with what records are padded to.
"""

import sys

import vfs
from serve import open_chip, serve

ROOT = "/candidate"
GEOMETRY = {"readsize": 32, "progsize": 32, "lookahead": 512}


class Driver:
    def start(self, offset, blocks):
        """A fresh candidate on a littlefs that leaves room for a log of its own at the end."""
        partition = open_chip(offset, blocks)
        system = partition if sys.argv[1] == "cells" else Window(partition, blocks - min(24, max(8, blocks // 140)))
        vfs.VfsLfs2.mkfs(system, **GEOMETRY)
        vfs.mount(vfs.VfsLfs2(system, mtime=False, **GEOMETRY), ROOT)
        module = __import__(sys.argv[1])
        if len(sys.argv) > 2:
            module.ALIGN = int(sys.argv[2])
        self.candidate = module.Candidate(partition, ROOT, blocks)

    def deliver(self, count, size, recipients):
        for _ in range(count):
            self.candidate.deliver(size, recipients)
            self.candidate.settle()

    def flags(self, uids):
        """Each letter of the list gets flags and keywords that depend on its place in it."""
        for number, uid in enumerate(uids):
            self.candidate.change_flags(uid, number & 31, number)
            self.candidate.settle()

    def expunge(self, uids):
        for uid in uids:
            self.candidate.expunge(uid)
            self.candidate.settle()

    def select(self):
        return self.candidate.select()


class Window:
    """The first blocks of a partition. C calls it: nothing in it raises."""

    def __init__(self, partition, blocks):
        self.partition = partition
        self.blocks = blocks
        self.readblocks = partition.readblocks
        self.writeblocks = partition.writeblocks

    def ioctl(self, operation, argument):
        return self.blocks if operation == 4 else self.partition.ioctl(operation, argument)


driver = Driver()
serve({name: getattr(driver, name) for name in ("start", "deliver", "flags", "expunge", "select")})
