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
    """Too many mailboxes, or too many combinations of keywords in one."""


class OverQuota(StoreError):
    """The user's mailboxes hold as much as they may."""


class StoreFull(StoreError):
    """No room on flash: a temporary condition."""


class StoreUnavailable(StoreError):
    """Damaged, not open, or of an unknown format: a temporary condition for the protocols."""


class NotAStore(StoreUnavailable):
    """There is no state: not a store, or one of format 1, or a first format that was cut."""


class SlotTaken(StoreUnavailable):
    """There is a letter where none should be: something that the log said of it is lost."""


class LetterGone(StoreError):
    """The letter has been removed."""
