"""Names that users are subscribed to though no mailbox has them any more.

"The server MUST NOT unilaterally remove an existing mailbox name from the subscription list even if a mailbox by that
name no longer exists" (RFC 3501 section 6.3.9). So a name stays when its mailbox is deleted or renamed, until it is
unsubscribed, or a mailbox has it again. The catalogue has the user, 0 and the name of each as octets, the oldest
first; the list is never changed in place, for somebody may be going through it.
"""

from postino.store import records
from postino.store.catalogue import INFO_ATTRIBUTES, INFO_NAME, INFO_USER, SUBSCRIBED

# Octets of heap that the names of one user may take, and those of all users; beyond that the oldest are forgotten.
MAX_USER_OCTETS = 2048
MAX_OCTETS = 4096
# What a name takes beside its own octets.
_OBJECT_OCTETS = 24

# Mark of a MAILBOX record: the user stays subscribed to the name that the mailbox had before.
LEFT = 2


def octets_of(user: str, name: str) -> bytes:
    """A name as the catalogue has it; that of all names of a user, if `name` is empty."""
    return user.encode() + b"\0" + name.encode()


def _of_mailbox(info) -> bytes:
    return octets_of(info[INFO_USER], info[INFO_NAME])


def without(names: list, gone: bytes) -> list:
    """The names after an UNSUBSCRIBED record, whose payload is `gone`: a name, or all of a user."""
    if gone.endswith(b"\0"):
        return [name for name in names if not name.startswith(gone)]
    return [name for name in names if name != gone] if gone in names else names


def replayed(names: list, before, info, marks: int) -> list:
    """The names after a MAILBOX record with these marks: it made `info` of what the mailbox was `before`, or None."""
    if marks & LEFT and before is not None:
        left = _of_mailbox(before)
        names = without(names, left) + [left]
    return without(names, _of_mailbox(info))


def drop(log, gone: bytes):
    """Logs what without() does."""
    log.record(records.UNSUBSCRIBED, 0, len(gone))
    log.put(gone)


class Removal:
    """The user goes, and all names with him."""

    def __init__(self, names: list, user: str):
        self._owner = octets_of(user, "")
        self.names = without(names, self._owner)
        self._is_needed = len(self.names) < len(names)

    def marks(self, info) -> int:
        return 0

    def put(self, log):
        if self._is_needed:
            drop(log, self._owner)


class Change:
    """What a transaction for mailboxes of one user makes of the names."""

    def __init__(self, names: list, user: str, left, taken):
        """`left` are the mailboxes that go, or get other names, as they were; `taken` have their names from now on."""
        self._before = names
        self._forgotten = []
        # The names after the commit.
        self.names = list(names)
        for info in left:
            if info[INFO_ATTRIBUTES] & SUBSCRIBED:
                self.names.append(_of_mailbox(info))
        for info in taken:
            self.names = without(self.names, _of_mailbox(info))
        self._fit(octets_of(user, ""))

    def _fit(self, owner: bytes):
        """Forgets the oldest if there are too many."""
        own = total = 0
        kept = []
        for name in reversed(self.names):
            size = _OBJECT_OCTETS + len(name)
            is_own = name.startswith(owner)
            own += size if is_own else 0
            if is_own and own > MAX_USER_OCTETS:
                self._forgotten.append(name)
                continue
            total += size
            (kept if total <= MAX_OCTETS else self._forgotten).append(name)
        kept.reverse()
        self.names = kept

    def marks(self, info) -> int:
        """The marks of the record that makes another one of this mailbox."""
        return LEFT if _of_mailbox(info) in self.names else 0

    def put(self, log):
        """Logs what has been forgotten, behind the records of the mailboxes."""
        for name in self._forgotten:
            if name in self._before:
                drop(log, name)
