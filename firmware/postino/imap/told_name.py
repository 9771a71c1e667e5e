"""The LIST response that tells a mailbox unasked, where IMAP4rev2 is enabled (RFC 9051 6.3.2, 6.3.9.7).

SELECT tells what it opens. CREATE, RENAME, DELETE and APPEND tell a mailbox whose name is not what the client has
written: INBOX is the same in any case, also above other mailboxes.
"""

from ..store import INFO_ATTRIBUTES, INFO_NAME, SUBSCRIBED
from . import attributes, names


async def tell(session, name, text):
    """Tells the mailbox called `name`, which need not exist any more; the client has written `text`, in UTF-8."""
    written = text.decode()
    old = b"" if written == name else b' ("OLDNAME" (%s))' % names.quoted(session, written)
    words = b" ".join(_attributes(session, name))
    await session.conn.write(b'* LIST (%s) "/" %s%s\r\n' % (words, names.quoted(session, name), old))


def _attributes(session, name):
    mailboxes = session.server.store.mailboxes(session.conn.user)
    for k, info in enumerate(mailboxes):
        if info[INFO_NAME] == name:
            words = attributes.children(session, mailboxes, k) + attributes.special_uses(session, info)
            if info[INFO_ATTRIBUTES] & SUBSCRIBED:
                words.append(b"\\Subscribed")
            return words
    return [b"\\NonExistent"]
