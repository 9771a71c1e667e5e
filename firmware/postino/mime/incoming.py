"""What a letter that comes in is made of, found while its octets pass, so that nobody has to read it for that again.

A letter is never refused for want of this: without memory, or where the structure is out of the common, it stays
unknown, and is found when somebody asks for it.
"""

from postino.mime.structure import StructureScanner

# Entities of a structure that is kept.
MOST_ENTITIES = 48
# Octets of a Content-Type; many letters may come in at once.
FIELD_LIMIT = 1024


class Incoming:
    def __init__(self):
        self._header_length = 0
        self._scanner = None
        try:
            self._scanner = StructureScanner(FIELD_LIMIT)
        except MemoryError:
            pass

    def feed(self, buffer, start, end, lines=-1):
        """The next octets are buffer[start:end] (bytes or bytearray), with so many line ends if that is known."""
        scanner = self._scanner
        if scanner is None:
            return
        try:
            scanner.feed_run(buffer, start, end, lines)
            if scanner.count <= MOST_ENTITIES and not scanner.clipped:
                return
        except MemoryError:
            pass
        self.drop()

    def drop(self):
        """The structure stays unknown."""
        if self._scanner is not None:
            self._header_length = self._scanner.header_length
            self._scanner = None

    def describe(self, writer):
        """Tells the writer of the letter, which is complete."""
        structure = b""
        scanner = self._scanner
        if scanner is not None:
            try:
                table = scanner.finish()
                if table.count <= MOST_ENTITIES and not scanner.clipped:
                    structure = bytes(table.numbers)
            except MemoryError:
                pass
            self.drop()
        writer.describe(self._header_length, structure)
