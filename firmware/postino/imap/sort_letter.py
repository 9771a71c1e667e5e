"""What SORT reads of a letter: header fields, and the keys of their texts (RFC 5256 2.1, 3)."""

from ..mime import base_subject
from ..mime.fields import FieldCollector
from . import letter_header

# Octets that are looked at of a field.
FIELD_OCTETS = 1024
# Octets of the key that a text makes; texts that differ only later are sorted as equal.
TEXT_OCTETS = 256


async def read(session, box, row, names):
    """Returns the FieldCollector of a letter's fields of these names. Raises LetterGone, StoreUnavailable.

    Of several dates or subjects, which RFC 5322 does not allow, the first counts here, as it does in Dovecot.
    """
    collector = FieldCollector(names, FIELD_OCTETS)
    collector.last_counts = ()
    await letter_header.feed(session, box, row, collector.feed)
    collector.finish()
    return collector


def text_key(name, value):
    """Returns the key of a field's value, or of None if there is no such field: no NUL but at its end."""
    if name == b"SUBJECT":
        key = base_subject.subject_key(value, TEXT_OCTETS)
    else:
        key = base_subject.mailbox_key(value, TEXT_OCTETS)
    return key.replace(b"\0", b"") + b"\0"
