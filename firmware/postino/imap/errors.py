"""What can go wrong in a command, and the one place where it becomes a tagged reply.

Response codes are those of RFC 5530 where it has one. A storage failure is never told as "no such mailbox": clients
delete their copy of a mailbox that they believe gone.
"""

from ..store import errors as store_errors


class CommandError(Exception):
    """A command that fails; `reply` is what follows the tag: the condition, an optional code, and a text."""

    def __init__(self, reply):
        super().__init__(reply)
        self.reply = reply


class Bad(CommandError):
    """The client broke the protocol (RFC 3501 7.1.3)."""

    def __init__(self, text):
        super().__init__(b"BAD " + text)


class No(CommandError):
    """The command is understood and cannot be done (RFC 3501 7.1.2); `code` goes in brackets before the text."""

    def __init__(self, text, code=None):
        super().__init__(b"NO [%s] %s" % (code, text) if code else b"NO " + text)


class Goodbye(Exception):
    """The session ends with `* BYE` and this text (RFC 3501 7.1.5), after a tagged `reply` if there is one."""

    def __init__(self, text, reply=None):
        super().__init__(text)
        self.text = text
        self.reply = reply


# In this order: the first class that fits decides, the base class comes last.
_REPLIES = (
    ("NoSuchMailbox", b"NO [NONEXISTENT] There is no such mailbox"),
    ("MailboxExists", b"NO [ALREADYEXISTS] There is a mailbox of that name"),
    ("MailboxInUse", b"NO [INUSE] The mailbox is in use"),
    ("HasChildren", b"NO [HASCHILDREN] There are mailboxes below it"),
    ("InvalidName", b"NO [CANNOT] That mailbox name cannot be used so"),
    ("LimitReached", b"NO [LIMIT] A limit of this server is reached"),
    ("OverQuota", b"NO [OVERQUOTA] Your mailboxes are full"),
    ("StoreFull", b"NO [OVERQUOTA] The mail storage is full"),
    ("LetterGone", b"NO [EXPUNGEISSUED] The message was expunged by another session"),
    ("StoreError", b"NO [UNAVAILABLE] The mail storage is not available at the moment"),
)


def reply_for(error):
    """Returns the tagged reply (without the tag) for an exception that ended a command, or None for others."""
    if isinstance(error, CommandError):
        return error.reply
    for name, reply in _REPLIES:
        kind = getattr(store_errors, name, None)
        if kind is not None and isinstance(error, kind):
            return reply
    # The file system under the store failed: temporary as far as a client is concerned (RFC 5530 3).
    return b"NO [UNAVAILABLE] The mail storage failed" if isinstance(error, OSError) else None
