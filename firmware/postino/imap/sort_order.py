"""Putting messages in order by keys that do not fit into memory.

Of each message an entry is held: a segment of its key, a few octets, and its number. Those whose segments are equal are
told apart by the next segments of their keys, which are read again. If there are more messages than entries, the first
of them are told, and another pass over all the keys takes up the next ones.

No key may be the beginning of another one, unless they are equal: then octets made up behind a key's end do no harm.
"""

# Octets of all entries, and of one piece of memory.
MOST_OCTETS = 4096
CHUNK_OCTETS = 128
# So many pieces more must be there, and are left to others.
SPARE_CHUNKS = 16
# Octets of a segment: as many as the number of messages leaves room for.
SHORTEST = 6
LONGEST = 30
# A message number: 16 bits.
_NUMBER = 2
_LAST_NUMBER = b"\xff\xff"


class Entries:
    """Entries of equal size in order, as many as are wanted or as there is memory for. Raises MemoryError."""

    def __init__(self, size, wanted):
        self._size = size
        self._per_chunk = CHUNK_OCTETS // size
        self._chunks = _take_chunks((wanted + self._per_chunk - 1) // self._per_chunk)
        self._most = len(self._chunks) * self._per_chunk
        self.count = 0
        # The smallest of the entries that had no room, if there were any.
        self.cut = None

    def get(self, index):
        chunk = self._chunks[index // self._per_chunk]
        start = index % self._per_chunk * self._size
        return bytes(memoryview(chunk)[start : start + self._size])

    def clear(self):
        self.count = 0
        self.cut = None

    def add(self, entry):
        """Puts an entry in its place; if there is no room, the largest goes."""
        if self.count < self._most:
            self.count += 1
            self.place(0, self.count - 1, entry)
            return
        last = self.get(self.count - 1)
        if entry < last:
            self.place(0, self.count - 1, entry)
            entry = last
        if self.cut is None or entry < self.cut:
            self.cut = entry

    def lower_bound(self, entry, low, high):
        """Returns the index of the first entry from `low` to `high` that is not smaller."""
        while low < high:
            middle = (low + high) // 2
            if self.get(middle) < entry:
                low = middle + 1
            else:
                high = middle
        return low

    def place(self, low, high, entry):
        """Puts an entry in order among those from `low` to `high`; what stood at `high` is overwritten."""
        at = self.lower_bound(entry, low, high)
        size = self._size
        first, last = at // self._per_chunk, high // self._per_chunk
        for number in range(last, first - 1, -1):
            chunk = memoryview(self._chunks[number])
            start = at % self._per_chunk * size if number == first else 0
            end = high % self._per_chunk * size if number == last else (self._per_chunk - 1) * size
            if number < last:
                # The last entry of this piece goes to the beginning of the next one.
                self._chunks[number + 1][:size] = chunk[end : end + size]
            # A memoryview may be copied onto itself.
            chunk[start + size : end + size] = chunk[start:end]
        start = at % self._per_chunk * size
        self._chunks[first][start : start + size] = entry


def _take_chunks(wanted):
    """Returns pieces of memory: at least one, and fewer than wanted where memory is short, so that others find some."""
    chunks = [bytearray(CHUNK_OCTETS)]
    try:
        while len(chunks) < wanted + SPARE_CHUNKS:
            chunks.append(bytearray(CHUNK_OCTETS))
    except MemoryError:
        pass
    spare = min(SPARE_CHUNKS, len(chunks) - 1)
    while spare:
        chunks.pop()
        spare -= 1
    return chunks


class _Common:
    """What the keys of a group have in common at their beginning."""

    def __init__(self):
        self.octets = None
        # They are all equal: no key is the beginning of another one.
        self.equal = True

    def take(self, key):
        if self.octets is None:
            self.octets = key
        elif not key.startswith(self.octets):
            self.equal = False
            low, high = 0, len(self.octets)
            while high - low > 1:
                middle = (low + high) // 2
                if key.startswith(self.octets[:middle]):
                    low = middle
                else:
                    high = middle
            self.octets = self.octets[:low]


class Sorter:
    """Tells messages in the order of their keys, those with equal keys by their numbers.

    `count` messages, more or less, have the numbers that numbers() yields in ascending order, each below 65,535.
    `key_of(number)` is awaited for the key of one, None if it is gone; emit(number) is awaited for each in turn.
    """

    def __init__(self, count, numbers, key_of, emit, most_octets=MOST_OCTETS):
        self._numbers = numbers
        self._key_of = key_of
        self._emit = emit
        self._segment = min(max(most_octets // max(count, 1) - _NUMBER, SHORTEST), LONGEST)
        size = self._segment + _NUMBER
        self._entries = Entries(size, min(count, most_octets // size))
        # Of the last pass: its smallest segment, what the keys with it have in common, and whether there are others.
        self._least = b""
        self._common = _Common()
        self._others = False

    async def run(self):
        # The beginning that the keys of this pass have, and the first entry that is not told yet.
        path = b""
        low = b""
        # For each part of the path: where it begins, and whether keys come behind those that have it.
        parts = []
        while True:
            await self._collect(path, low)
            entries = self._entries
            if entries.cut is None:
                await self._tell(entries.count, -1 if self._common.equal and not self._others else len(path))
                # All that begins so has been told; so has what surrounds it, if nothing else does.
                others = False
                while parts and not others:
                    start, others = parts.pop()
                    low = path[start : start + self._segment] + _LAST_NUMBER
                    path = path[:start]
                if not others:
                    return
                continue
            # Of those whose segment is that of the cut, some may be missing.
            segment = entries.cut[:-_NUMBER]
            end = entries.lower_bound(segment, 0, entries.count)
            if end:
                await self._tell(end, len(path))
                low = segment
            elif self._common.equal:
                # These have the lowest numbers.
                await self._tell(entries.count, -1)
                low = entries.cut
            else:
                parts.append((len(path), self._others))
                path = self._common.octets
                low = b""

    async def _collect(self, path, low):
        """Reads all keys; takes the first entries from `low` of those that begin with `path`."""
        self._entries.clear()
        self._least = b""
        self._common = _Common()
        self._others = False
        for number in self._numbers():
            key = await self._key_of(number)
            if key is None or not key.startswith(path):
                continue
            entry = self._entry(key, len(path), number)
            if entry >= low:
                self._note(entry[:-_NUMBER], key)
                self._entries.add(entry)

    def _note(self, segment, key):
        if not self._least or segment < self._least:
            self._others = bool(self._least)
            self._least = segment
            self._common = _Common()
        if segment == self._least:
            self._common.take(key)
        else:
            self._others = True

    def _entry(self, key, start, number):
        segment = key[start : start + self._segment]
        return segment + bytes(self._segment - len(segment)) + number.to_bytes(_NUMBER, "big")

    async def _tell(self, end, start):
        """Tells the first entries, those up to `end`, in order. Their segments begin at `start`; -1: they are equal."""
        entries = self._entries
        # Ends of the ranges whose segments begin later in their keys, and where.
        ranges = [(end, start)]
        at = 0
        while at < end:
            while at >= ranges[-1][0]:
                ranges.pop()
            high, start = ranges[-1]
            group = entries.lower_bound(entries.get(at)[:-_NUMBER] + _LAST_NUMBER, at, high)
            if group - at > 1 and start >= 0:
                start = await self._refine(at, group, start + self._segment)
                if group == high:
                    ranges.pop()
                ranges.append((group, start))
                continue
            while at < group:
                await self._emit(_number(entries.get(at)))
                at += 1

    async def _refine(self, low, high, start):
        """Puts entries in order by segments that begin at `start`, or where their keys differ first.

        Returns where the segments begin now; -1 if the keys are equal.
        """
        if await self._is_end(low, high, start):
            return -1
        while True:
            common = _Common()
            for at in range(low, high):
                number = _number(self._entries.get(at))
                key = await self._key_of(number)
                # One that is gone meanwhile stays among them, and will not be told.
                self._entries.place(low, at, self._entry(key or b"", start, number))
                if key is not None:
                    common.take(key)
            if common.equal:
                return -1
            if len(common.octets) < start + self._segment:
                return start
            start = len(common.octets)

    async def _is_end(self, low, high, start):
        """True if the keys of these entries have nothing from `start` on: they are equal up to there."""
        for at in range(low, high):
            key = await self._key_of(_number(self._entries.get(at)))
            if key is not None:
                return len(key) <= start
        return True


def _number(entry):
    return int.from_bytes(entry[-_NUMBER:], "big")
