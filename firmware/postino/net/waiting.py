"""Parks a task until a socket or stream is ready: the one place that touches the poller of asyncio's event loop.

asyncio's own streams wait in the same way (`extmod/asyncio/stream.py`), but have no limits and no deadlines.
"""

import asyncio.core as core  # type: ignore[import-not-found]
import gc

# Tries to find the few octets that put the poller in order again after a failed allocation.
_TRIES = 3


class _Yield:
    """Yields to the event loop once. All waits share one of it: between being readied and being used nothing runs."""

    def __init__(self):
        self.ready = False

    def __iter__(self):
        return self

    def __next__(self):
        if not self.ready:
            raise StopIteration
        self.ready = False


_yield = _Yield()


def until_ready(stream, writing=False):
    """To be awaited at once: yields to the event loop until `stream` can be read (or written). Raises MemoryError.

    A wait takes no memory for itself: there are as many of them as connections.
    """
    try:
        if writing:
            core._io_queue.queue_write(stream)
        else:
            core._io_queue.queue_read(stream)
    except MemoryError:
        _undo(stream)
        raise
    _yield.ready = True
    return _yield


def _undo(stream):
    """Takes a stream out of the poller that was only half put in.

    `poll.register` leaves an entry without value when its allocation fails, and the next poll would follow it (see
    poll_set_add_obj in extmod/modselect.c). Registering again completes the entry, so that it can be removed.
    """
    queue = core._io_queue
    for _ in range(_TRIES):
        try:
            queue.poller.register(stream, 0)
            break
        except MemoryError:
            gc.collect()
    queue.remove(core.cur_task)
    queue.poller.unregister(stream)


def is_parked(task):
    """True while `task` waits in the poller; False as soon as it is in the run queue."""
    return task.data is core._io_queue


def resume(task):
    """Takes a parked task out of the poller and lets it run."""
    core._io_queue.remove(task)
    core._task_queue.push(task)


def current_task():
    return core.cur_task
