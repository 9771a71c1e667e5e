"""How a verb fails: each exception carries the one line that the user sees, and the exit status."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class CommandError(Exception):
    """Something in the surroundings prevents the work (a port in use, a locked state): exit status 1."""

    status = 1


class UsageError(CommandError):
    """A wrong option or value: exit status 2."""

    status = 2


class OutputError(CommandError):
    """What a verb prints cannot be written: exit status 1."""


@contextmanager
def printing() -> Iterator[None]:
    """Whatever is printed inside gets out, or OutputError comes, or BrokenPipeError if nobody listens any more."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror}") from None


def one_line(text: str) -> str:
    """A message may quote what the user typed: line ends and control characters in it must not split it."""
    return "".join(c if c.isprintable() else " " for c in text)
