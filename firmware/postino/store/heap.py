"""How much heap is free: what can wait, or do with less, leaves the last of it to the sessions."""

import gc


def has(least: int) -> bool:
    """There are so many octets of free heap; garbage does not count. CPython has no such limit."""
    free = getattr(gc, "mem_free", None)
    if free is None or free() >= least:
        return True
    gc.collect()
    return free() >= least
