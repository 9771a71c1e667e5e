"""APPEND of one message or of several, all or none (RFC 3501 6.3.11, RFC 3502, RFC 4315 3)."""

from array import array

from .. import overlay
from ..store import INFO_NAME
from . import capabilities, messages, sequence, wire
from .errors import Bad


async def append(session, command):
    if command.message is None:
        raise Bad(b"APPEND needs a message literal")
    info, text = messages.read_mailbox(session, command.arguments)
    upload = messages.Upload(session, info)
    try:
        line = await upload.receive(command.arguments, command.message)
        while not messages.is_over(line):
            literal = session.reader.unread
            if literal is None or not capabilities.is_offered(session, b"MULTIAPPEND"):
                raise Bad(b"Unexpected arguments after the message")
            line = await upload.receive(wire.Parser([line]), literal)
        uidvalidity, uids = upload.commit(_append)
    finally:
        upload.abort()
    if session.enabled & capabilities.IMAP4REV2 and text.decode() != info[INFO_NAME]:
        # RFC 9051 6.3.12.
        with overlay.use(("imap.attributes", "imap.told_name")) as told_name:
            await told_name.tell(session, info[INFO_NAME], text)
    return b"OK [APPENDUID %d %s] APPEND completed" % (uidvalidity, uids)


def _append(store, mailbox, items):
    """Returns UIDVALIDITY and the UIDs as a set, in the order of the messages (RFC 3502, RFC 4315 3)."""
    if len(items) == 1:
        uidvalidity, uid = store.append(items[0][0], mailbox, items[0][1], items[0][2])
        return uidvalidity, b"%d" % uid
    uidvalidity, uids = store.append_all(mailbox, items)
    pairs = array("I")
    for uid in uids:
        sequence.add(pairs, uid)
    return uidvalidity, sequence.text_of(pairs)
