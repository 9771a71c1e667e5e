"""Sequence sets (RFC 3501 9, sequence-set): sorted, merged ranges; a range is never expanded to its numbers."""

from array import array

from .errors import Bad

# Most ranges in one set. The command line's limit bounds the text.
MAX_RANGES = 512
MAX_NUMBER = 0xFFFFFFFF

# Gaps for sorting: no set here is long, and most come sorted.
_GAPS = (132, 57, 23, 10, 4, 1)


def _number(text, largest):
    if text == b"*":
        return largest
    if not text.isdigit() or len(text) > 10:
        raise Bad(b"Syntax error in a sequence set")
    value = int(text)
    if not 0 < value <= MAX_NUMBER:
        raise Bad(b"Syntax error in a sequence set")
    return value


def parse(parts, largest):
    """Returns the set as array('I') of pairs lowest, highest: sorted, disjoint, not touching.

    `parts` yields what stands between the commas. `*` stands for `largest`, the largest number in use (0 if there is
    none). Raises Bad.
    """
    pairs = array("I")
    for count, part in enumerate(parts):
        if count >= MAX_RANGES:
            raise Bad(b"Too many ranges in a sequence set")
        first, colon, last = part.partition(b":")
        low = _number(first, largest)
        high = _number(last, largest) if colon else low
        # The order of the two ends does not matter: 4:2 is 2:4 (RFC 3501 9, seq-range).
        _append(pairs, min(low, high), max(low, high))
    return merge(pairs)


def _append(pairs, low, high):
    """Adds a range; one that goes on where the last ends, as in the sorted sets of most clients, takes no room."""
    last = len(pairs) - 1
    if last > 0 and pairs[last - 1] <= low and (low <= pairs[last] or low == pairs[last] + 1):
        pairs[last] = max(pairs[last], high)
    else:
        pairs.append(low)
        pairs.append(high)


def merge(pairs):
    """Sorts pairs in place and returns them merged."""
    _sort(pairs)
    kept = 0
    for k in range(2, len(pairs), 2):
        if pairs[k] <= pairs[kept + 1] or pairs[k] == pairs[kept + 1] + 1:
            pairs[kept + 1] = max(pairs[kept + 1], pairs[k + 1])
        else:
            kept += 2
            pairs[kept] = pairs[k]
            pairs[kept + 1] = pairs[k + 1]
    return pairs[: kept + 2]


def _sort(pairs):
    # Shell's sort: in place, as the arrays of this machine cannot sort themselves.
    count = len(pairs) // 2
    for gap in _GAPS:
        for k in range(gap, count):
            low, high = pairs[2 * k], pairs[2 * k + 1]
            j = k
            while j >= gap and pairs[2 * (j - gap)] > low:
                pairs[2 * j] = pairs[2 * (j - gap)]
                pairs[2 * j + 1] = pairs[2 * (j - gap) + 1]
                j -= gap
            pairs[2 * j], pairs[2 * j + 1] = low, high


def everything():
    """Returns the set of all numbers."""
    return array("I", (1, MAX_NUMBER))


def contains(pairs, number):
    """True if `number` is in the set."""
    low, high = 0, len(pairs) // 2
    while low < high:
        middle = (low + high) // 2
        if pairs[2 * middle + 1] < number:
            low = middle + 1
        else:
            high = middle
    return 2 * low < len(pairs) and pairs[2 * low] <= number


def add(pairs, number):
    """Adds a number larger than all in the set, in place."""
    if pairs and pairs[len(pairs) - 1] == number - 1:
        pairs[len(pairs) - 1] = number
    else:
        pairs.append(number)
        pairs.append(number)


def text_of(pairs):
    """Returns the set as it is written: 1:3,7."""
    parts = []
    for k in range(0, len(pairs), 2):
        low, high = pairs[k], pairs[k + 1]
        parts.append(b"%d" % low if low == high else b"%d:%d" % (low, high))
    return b",".join(parts)
