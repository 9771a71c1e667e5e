"""What a mail store holds, in plain dictionaries and lists: for JSON, and for tests that compare."""

from collections.abc import Iterator
from typing import Any

from postino_tools.mail_image.records import Entry
from postino_tools.mail_image.replay import Mailbox
from postino_tools.mail_image.store import Store

FLAGS = {1: r"\Seen", 2: r"\Answered", 4: r"\Flagged", 8: r"\Deleted", 16: r"\Draft"}


def mailboxes_of_users(store: Store) -> dict[str, dict[str, Mailbox]]:
    """User -> name -> mailbox, sorted; those that are being deleted have no name and are not here."""
    users: dict[str, dict[str, Mailbox]] = {}
    for mailbox in sorted(store.mailboxes.values(), key=lambda each: (each.state.user, each.state.name)):
        if not mailbox.state.is_dying:
            mailboxes = users.setdefault(mailbox.state.user, {})
            name = mailbox.state.name
            # Only in a damaged store: neither must hide the other.
            mailboxes[f"{name} ({mailbox.id})" if name in mailboxes else name] = mailbox
    return users


def names_without_mailbox(store: Store, user: str) -> list[str]:
    """Names that the user is subscribed to though no mailbox has them, the oldest first."""
    return [name for owner, name in store.state.nonexistent if owner == user]


def flag_names(entry: Entry) -> list[str]:
    return [name for bit, name in FLAGS.items() if entry.flags & bit]


def summary(store: Store) -> dict[str, int]:
    """Mailboxes, letters (each once, however often it is named), their octets, and the sequence number."""
    letters = {entry.slot: entry.size for _, entry in _entries(store)}
    count = sum(len(mailboxes) for mailboxes in mailboxes_of_users(store).values())
    return {
        "mailboxes": count,
        "letters": len(letters),
        "octets": sum(letters.values()),
        "sequence": store.sequence,
    }


def describe(store: Store) -> dict[str, Any]:
    """The logical content of the store."""
    users = {
        user: {name: _describe_mailbox(store, mailbox) for name, mailbox in mailboxes.items()}
        for user, mailboxes in mailboxes_of_users(store).items()
    }
    dying = [mailbox.id for mailbox in store.mailboxes.values() if mailbox.state.is_dying]
    nonexistent = {user: names_without_mailbox(store, user) for user, _ in store.state.nonexistent}
    return {**summary(store), "users": users, "dying": dying, "nonexistent": nonexistent}


def _entries(store: Store) -> Iterator[tuple[Mailbox, Entry]]:
    for mailboxes in mailboxes_of_users(store).values():
        for mailbox in mailboxes.values():
            for entry in mailbox.entries.values():
                yield mailbox, entry


def _describe_mailbox(store: Store, mailbox: Mailbox) -> dict[str, Any]:
    state = mailbox.state
    return {
        "id": mailbox.id,
        "uidvalidity": state.uidvalidity,
        "uidnext": mailbox.next_uid(),
        "highestmodseq": mailbox.highest(),
        "subscribed": state.is_subscribed,
        "special_use": state.special_use(),
        "retention_days": state.retention_days,
        "retention_letters": state.retention_letters,
        "keywords": [name for _, name in sorted(mailbox.keywords.items())],
        "entries": [_describe_entry(store, mailbox, entry) for entry in mailbox.entries.values()],
    }


def _describe_entry(store: Store, mailbox: Mailbox, entry: Entry) -> dict[str, Any]:
    return {
        "uid": entry.uid,
        "letter_id": entry.letter_id,
        "slot": entry.slot,
        "size": entry.size,
        "internaldate": entry.internaldate,
        "save_date": entry.save_date,
        "flags": flag_names(entry),
        "keywords": mailbox.keyword_names(entry.keywords),
        "modseq": entry.modseq,
        "sha256": store.letter(entry.slot).sha256 or None,
    }
