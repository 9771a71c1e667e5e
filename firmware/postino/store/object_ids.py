"""Object identifiers of mailboxes and letters (RFC 8474): they stay for ever, and are never given twice.

RFC 8474 section 5.1 wants letters, digits, "-" and "_"; a letter at the beginning tells what the object is.
"""

from postino.store.catalogue import INFO_ID, INFO_UIDVALIDITY


def mailbox_object_id(info) -> bytes:
    """MAILBOXID of a mailbox tuple, up to 18 octets: also after RENAME the same.

    Mailbox ids count up for ever, but from 1 in each store: UIDVALIDITY, whose start is random, tells stores apart.
    """
    return b"F%x-%x" % (info[INFO_ID], info[INFO_UIDVALIDITY])


def letter_object_id(reader) -> bytes:
    """EMAILID of an open letter, up to 18 octets; empty if its trailer is damaged. All copies of a letter have one.

    Letter ids count up from 1 in each store, too: the checksum tells letters of an older store apart.
    """
    letter = reader.letter_id
    return b"M%x-%x" % (letter, reader.checksum) if letter else b""
