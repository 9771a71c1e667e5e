"""What LIST says of a mailbox: whether there are mailboxes below it, and its special uses (RFC 3348, RFC 6154 2)."""

from ..store import ARCHIVE, DRAFTS, INFO_ATTRIBUTES, INFO_NAME, JUNK, SENT, TRASH
from .capabilities import is_offered

SPECIAL_USE_NAMES = (
    (DRAFTS, b"\\Drafts"),
    (SENT, b"\\Sent"),
    (JUNK, b"\\Junk"),
    (TRASH, b"\\Trash"),
    (ARCHIVE, b"\\Archive"),
)


def below(mailboxes, k):
    """Yields the positions of the mailboxes below number k of a list in name order."""
    name = mailboxes[k][INFO_NAME]
    for position in range(k + 1, len(mailboxes)):
        other = mailboxes[position][INFO_NAME]
        if not other.startswith(name):
            return
        if other.startswith(name + "/"):
            yield position


def children(session, mailboxes, k):
    """Returns the attribute that tells whether there are mailboxes below number k: one of the two always, in a list."""
    if not is_offered(session, b"CHILDREN"):
        return []
    for _ in below(mailboxes, k):
        return [b"\\HasChildren"]
    return [b"\\HasNoChildren"]


def special_uses(session, info):
    """Returns a list of the attributes that tell what a mailbox is for."""
    if not is_offered(session, b"SPECIAL-USE"):
        return []
    return [name for bit, name in SPECIAL_USE_NAMES if info[INFO_ATTRIBUTES] & bit]
