"""The mail store: letters, mailboxes and flags on the board's flash, and their recovery after a power cut.

docs/store.md is its specification. Nothing in here knows a protocol; what is below it is a mounted littlefs
(any folder under CPython), used through plain `open` and `os` calls only (files.py).
"""

from postino.store.catalogue import (
    ARCHIVE,
    DRAFTS,
    INFO_ATTRIBUTES,
    INFO_ID,
    INFO_NAME,
    INFO_UIDVALIDITY,
    INFO_USER,
    JUNK,
    SENT,
    SUBSCRIBED,
    TRASH,
)
from postino.store.errors import (
    InvalidName,
    LetterGone,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
    OverQuota,
    StoreError,
    StoreFull,
    StoreUnavailable,
)
from postino.store.mailbox import Nobody
from postino.store.object_ids import letter_object_id, mailbox_object_id
from postino.store.store import Store

__all__ = (
    "ARCHIVE",
    "DRAFTS",
    "INFO_ATTRIBUTES",
    "INFO_ID",
    "INFO_NAME",
    "INFO_UIDVALIDITY",
    "INFO_USER",
    "JUNK",
    "SENT",
    "SUBSCRIBED",
    "TRASH",
    "InvalidName",
    "LetterGone",
    "LimitReached",
    "MailboxExists",
    "NoSuchMailbox",
    "Nobody",
    "OverQuota",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreUnavailable",
    "letter_object_id",
    "mailbox_object_id",
)
