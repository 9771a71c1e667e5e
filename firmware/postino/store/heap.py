"""How much heap is free: what can wait, or do with less, leaves the last of it to the sessions."""

import gc


def free(enough: int) -> int:
    """Octets of free heap. Garbage is collected, and counts as free, only where there is not `enough` without it.

    CPython has no such limit: there it is always enough.
    """
    free = getattr(gc, "mem_free", None)
    if free is None:
        return enough
    if free() < enough:
        gc.collect()
    return free()
