"""Overlays: modules that are imported when something needs them, and forgotten when nothing has for a while.

The code is frozen, but what an import makes of it takes heap: functions, classes, tables of names. A small board has
not the heap for all that it can do at once. What must not fail for want of memory, and what keeps state, is imported in
the ordinary way and stays.

CPython keeps every module: tests look into them.
"""

import gc
import sys

PACKAGE = "postino"

# Rounds of tidying, once a second, that a module outlives its last use: a client that fetches letter by letter finds
# it at hand.
KEEP_ROUNDS = 10
# Octets of free heap below which nothing is kept that is not in use.
LOW_HEAP = 24 * 1024

# Module that came by use(): how often it is in use now, in steps of _USE, and below that the rounds of tidying since.
# One number, which takes no heap.
_loaded = {}
_USE = 1 << 8


def use(names):
    """`with use(("mime.fields", "imap.fetch")) as fetch:` the last of these modules, for as long as the block.

    They are imported in this order, leaves first: imports that nest take much of a small stack. Names are relative to
    the package. Raises MemoryError.
    """
    return _Use(names)


def keep(names):
    """Imports modules in the same order, for good. Raises MemoryError."""
    for name in names:
        _loaded.pop(name, None)
        _import(name)


def tidy():
    """Forgets what nobody has used for long. Called about once a second."""
    for name, times in _loaded.items():
        if times < KEEP_ROUNDS:
            _loaded[name] = times + 1
    _forget_unused(0 if _is_low() else KEEP_ROUNDS)


def forget_idle():
    """Forgets all that nobody uses at this moment: the heap is wanted for something else."""
    _forget_unused(0)


def _is_low():
    """True if there is little free heap; garbage does not count."""
    if sys.implementation.name != "micropython" or gc.mem_free() >= LOW_HEAP:
        return False
    gc.collect()
    return gc.mem_free() < LOW_HEAP


def _make_room(names):
    """Before modules are imported: where the heap is low, those go that nobody uses now."""
    for name in names:
        if not _is_there(name):
            if _is_low():
                _forget_unused(0)
            return


def _forget_unused(rounds):
    for name in [name for name, times in _loaded.items() if rounds <= times < _USE]:
        # That may want memory itself: one that stays goes the next time.
        forget(name)
        del _loaded[name]


def forget(name):
    """Forgets a module that was imported for a moment, if it is there."""
    if sys.implementation.name != "micropython":
        return
    parent, _, last = name.rpartition(".")
    sys.modules.pop(PACKAGE + "." + name, None)
    package = sys.modules.get(PACKAGE + "." + parent if parent else PACKAGE)
    if package is not None and hasattr(package, last):
        delattr(package, last)


def _import(name):
    """Returns a module. What cannot be imported whole does not stay."""
    full = PACKAGE + "." + name
    if full not in sys.modules:
        try:
            __import__(full)
        except (ImportError, MemoryError):
            forget(name)
            raise
    return sys.modules[full]


def _is_there(name):
    """True if a module has been imported. One that did not come by use() stays, and is not counted."""
    return PACKAGE + "." + name in sys.modules


def _load(names):
    module = None
    for name in names:
        if name not in _loaded and not _is_there(name):
            _loaded[name] = 0
        module = _import(name)
    for name in names:
        if name in _loaded:
            _loaded[name] += _USE
    return module


class _Use:
    def __init__(self, names):
        self._names = names

    def __enter__(self):
        _make_room(self._names)
        try:
            return _load(self._names)
        except MemoryError:
            forget_idle()
            gc.collect()
            return _load(self._names)

    def __exit__(self, kind, error, trace):
        # No memory is needed here.
        for name in self._names:
            if name in _loaded:
                # Its rounds begin again.
                _loaded[name] = (_loaded[name] // _USE - 1) * _USE
        return False
