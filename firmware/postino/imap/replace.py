"""REPLACE and UID REPLACE: a message takes the place of another, in one transaction (RFC 8508)."""

from array import array

from ..store import LetterGone
from . import messages, sequence
from .errors import Bad, Goodbye, No


async def replace(session, command):
    if command.message is None:
        raise Bad(b"REPLACE needs a message literal")
    view = session.view
    uid = _read_target(view, command)
    info, _ = messages.read_mailbox(session, command.arguments)
    if view.read_only:
        raise No(b"The mailbox is open read-only")
    upload = messages.Upload(session, info, view.box.blocks(view.box.index_of(uid)))
    try:
        line = await upload.receive(command.arguments, command.message)
        if not messages.is_over(line):
            # RFC 8508 4.7: one message takes the place of one.
            raise Bad(b"Unexpected arguments after the message")
        answer = _commit(view, upload, uid)
    finally:
        upload.abort()
    # In an untagged OK, before the old message vanishes (RFC 8508 4.3).
    await session.conn.write(b"* OK [APPENDUID %d %d] Replaced\r\n" % answer)
    # As UID EXPUNGE does (RFC 8508 4.5).
    command.expunged = 1
    return b"OK %s completed" % command.verb


def _read_target(view, command):
    """Reads the number of the message that is replaced; returns its UID. Raises Bad or No if there is none."""
    arguments = command.arguments
    arguments.space()
    text = next(arguments.set_parts())
    if b":" in text:
        raise Bad(b"REPLACE takes one message")
    number = sequence.parse((text,), view.largest_uid() if command.uid else view.count())[0]
    if command.uid:
        if number >= view.uidnext or view.box.index_of(number) < 0:
            raise No(b"There is no message of that UID")
        return number
    if not 0 < number <= view.count():
        raise Bad(b"There is no message of that number")
    uid = view.uids_of_numbers(array("I", (number, number)))[0]
    if view.box.index_of(uid) < 0:
        raise LetterGone("letter gone")
    return uid


def _commit(view, upload, uid):
    """Returns UIDVALIDITY and the UID of the new message."""
    if view.lost:
        raise Goodbye(b"The selected mailbox is gone")
    view.working = True
    try:
        return upload.commit(
            lambda store, mailbox, items: store.replace(items[0][0], view.box, uid, mailbox, *items[0][1:])
        )
    finally:
        view.working = False
