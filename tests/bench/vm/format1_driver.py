"""The driver for the store of format 1, to compare with; it runs on a checkout of the version that had it."""

import os

from serve import open_chip
from store_driver import HEADER, PIECE, ROOT, Driver, clock, serve_with


class Format1(Driver):
    def start(self, offset, blocks):
        from postino.board import storage
        from postino.store import Store

        storage.mount(open_chip(offset, blocks), ROOT)
        self.prepare(Store(ROOT, clock))

    def open_store(self):
        if self.store.is_blank_or_cut_format():
            self.store.format()
        self.store.open()

    def settle(self):
        """The close does it."""

    def _trailer(self, mailboxes):
        return 0

    def _write(self, letter, size):
        letter.write(HEADER)
        size -= len(HEADER)
        while size > 0:
            letter.write(memoryview(self.buffer)[: min(PIECE, size)])
            size -= PIECE

    def stored_size(self, user, index):
        return self._box(user).size(index)

    def _open_letter(self, box, index):
        return self.store.open_letter(box.letter(index))

    def least_to_read(self):
        return os.stat(ROOT + "/journal")[6]

    def fetch_flags(self, user):
        box = self.boxes[user]
        for index in range(len(box)):
            box.uid(index), box.flags(index)
        return len(box)

    # It has nothing but its table, and no modification sequences.
    fetch_cold = fetch_flags

    def changed_since(self, user):
        return 0


serve_with(Format1())
