"""Turns whatever was fed into bytes objects of bounded size, since a memoryview has no find()."""

# The largest copy made of a memoryview or bytearray at a time.
BLOCK = 1024


def blocks(buf):
    """Yields the octets of `buf` as bytes: the object itself where it is bytes already."""
    if isinstance(buf, bytes):
        if buf:
            yield buf
        return
    view = memoryview(buf)
    for start in range(0, len(view), BLOCK):
        yield bytes(view[start : start + BLOCK])
