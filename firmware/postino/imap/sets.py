"""Message sets of commands: numbers, UIDs, or `$`, turned into ranges of UIDs (RFC 3501 9, RFC 5182 2.1)."""

from array import array

from . import sequence
from .capabilities import is_offered
from .errors import Bad

_DOLLAR = 0x24


def read_saved(session, arguments):
    """Reads `$` if it comes next. Returns the saved result, pairs lowest and highest UID, or None if it is another set.

    It is the same set whether the command counts in numbers or in UIDs, and an empty one is no error (RFC 5182 2.1).
    """
    if arguments.peek() != _DOLLAR or not is_offered(session, b"SEARCHRES"):
        return None
    arguments.expect(b"$")
    return session.saved_result or array("I")


def read_set(session, arguments, by_uid):
    """Reads a message set; returns pairs lowest and highest UID. Raises Bad for a number that no message has."""
    view = session.view
    saved = read_saved(session, arguments)
    if saved is not None:
        return saved
    if by_uid:
        return sequence.parse(arguments.set_parts(), view.largest_uid())
    count = view.count()
    pairs = sequence.parse(arguments.set_parts(), count)
    if not pairs[0] or pairs[len(pairs) - 1] > count:
        raise Bad(b"There is no message of that number")
    return view.uids_of_numbers(pairs)
