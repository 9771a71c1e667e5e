"""What the store can say no with. Protocols turn these into their own replies."""


class StoreError(Exception):
    """Base of all the others."""


class NoSuchMailbox(StoreError):
    """No mailbox of that name or id."""


class MailboxExists(StoreError):
    """The name is taken."""


class InvalidName(StoreError):
    """The name cannot be a mailbox name, or the operation is not for this mailbox."""


class HasChildren(InvalidName):
    """A mailbox with others below it is not deleted."""


class LimitReached(StoreError):
    """Too many mailboxes."""


class StoreFull(StoreError):
    """No room on flash: a temporary condition."""


class StoreUnavailable(StoreError):
    """Damaged, not open, or of an unknown format: a temporary condition for the protocols."""


class LetterGone(StoreError):
    """The letter has been removed."""
