"""Message sets of commands: numbers, UIDs, or `$`, turned into ranges of UIDs (RFC 3501 9, RFC 5182 2.1)."""

from array import array

from . import sequence
from .capabilities import is_offered
from .errors import Bad


def read_set(session, arguments, by_uid):
    """Reads a message set; returns pairs lowest and highest UID. Raises Bad for a number that no message has."""
    view = session.view
    if arguments.peek() == 36 and is_offered(session, b"SEARCHRES"):
        arguments.expect(b"$")
        # The same set, whether the command counts in numbers or in UIDs (RFC 5182 2.1).
        return session.saved_result or array("I")
    if by_uid:
        return sequence.parse(arguments.set_parts(), view.largest_uid())
    count = view.count()
    pairs = sequence.parse(arguments.set_parts(), count)
    if not pairs[0] or pairs[len(pairs) - 1] > count:
        raise Bad(b"There is no message of that number")
    return view.uids_of_numbers(pairs)
