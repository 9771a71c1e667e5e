"""Modules that are needed for a moment only. On a board they give their heap back, as much as two sessions need
(`make size`); reading one again from the frozen code takes about a millisecond.

CPython keeps them: tests look into them.
"""

import sys

_PACKAGE = "postino.store"
_MODULES = (
    "appending",
    "counting",
    "fold",
    "folders",
    "format1",
    "format1_mailbox",
    "log_scan",
    "nonexistent",
    "recovery",
    "repair",
    "retention",
    "state",
    "transfer",
    "upgrade",
    "upgrade_letters",
    "upgrade_sinks",
)


class Transient:
    """`with Transient("fold") as fold:` the module, for as long as the block; also where it is left by an exception."""

    # Blocks inside each other.
    _open = [0]

    def __init__(self, name: str):
        self._name = name

    def __enter__(self):
        self._open[0] += 1
        try:
            return load(self._name)
        except Exception:
            self.__exit__(None, None, None)
            raise

    def __exit__(self, kind, error, trace):
        self._open[0] -= 1
        if not self._open[0]:
            try:
                # What they import themselves goes with them.
                unload(*_MODULES)
            except MemoryError:
                # What was done is done: the next one takes them along.
                pass
        return False


def load(name: str):
    """The module of the store of this name."""
    full = _PACKAGE + "." + name
    try:
        __import__(full)
        return sys.modules[full]
    except (ImportError, MemoryError):
        # Half a module must not stay.
        unload(name)
        raise


def unload(*names):
    """Forgets modules of the store: the next import reads them from the frozen code again."""
    if sys.implementation.name != "micropython":
        return
    package = sys.modules[_PACKAGE]
    for name in names:
        sys.modules.pop(_PACKAGE + "." + name, None)
        if hasattr(package, name):
            delattr(package, name)
