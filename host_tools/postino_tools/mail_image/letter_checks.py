"""What must be true of letters and their slots: every entry names a whole letter, and the state counts them right."""

from postino_tools.mail_image import letters
from postino_tools.mail_image.filesystem import file_blocks
from postino_tools.mail_image.findings import Findings
from postino_tools.mail_image.records import Entry
from postino_tools.mail_image.replay import Mailbox
from postino_tools.mail_image.state import MANY
from postino_tools.mail_image.store import Store

# Where each letter is: slot -> mailbox and entry.
Named = dict[int, list[tuple[Mailbox, Entry]]]


def check_slots(store: Store, named: Named, findings: Findings) -> None:
    """What the state says of the slots, against the entries that name them."""
    _check_references(store, named, findings)
    _check_blocks(store, named, findings)


def check_letters(store: Store, named: Named, findings: Findings) -> None:
    """The letters that entries name; no two of them are the same."""
    for slot in sorted(named):
        _check_letter(store, slot, named[slot], findings)
    ids: dict[int, int] = {}
    for slot in sorted(named):
        trailer = store.letter(slot).trailer
        if trailer and ids.setdefault(trailer.letter_id, slot) != slot:
            findings.error("twice", f"slots {ids[trailer.letter_id]} and {slot} hold the letter {trailer.letter_id}")


def _check_references(store: Store, named: Named, findings: Findings) -> None:
    state = store.state
    for slot in sorted(named.keys() | state.references.keys() | state.pending):
        count, references = len(named.get(slot, ())), state.references.get(slot, 0)
        if slot in state.pending and (count or references):
            findings.error("pending", f"slot {slot} is to be removed, {count} entries name it")
        elif references < min(count, MANY):
            findings.error("references", f"slot {slot} has {references} references, {count} entries name it")
        elif references > count and references < MANY:
            findings.warning("leak", f"slot {slot} has {references} references, only {count} entries name it")
        elif references == MANY and not count:
            findings.warning("leak", f"slot {slot} has {MANY} references or more, no entry names it")


def _check_blocks(store: Store, named: Named, findings: Findings) -> None:
    blocks = sum(users[0][1].blocks for slot, users in named.items())
    damaged = any(mailbox.is_damaged for mailbox in store.mailboxes.values())
    leaks = any(finding.kind == "leak" for finding in findings)
    if store.state.blocks < blocks or (store.state.blocks > blocks and not damaged and not leaks):
        findings.error("blocks", f"the letters have {blocks} blocks, the state counts {store.state.blocks}")
    if store.state.blocks > blocks and leaks:
        findings.warning("blocks", f"the letters have {blocks} blocks, the state counts {store.state.blocks}")


def _check_letter(store: Store, slot: int, users: list[tuple[Mailbox, Entry]], findings: Findings) -> None:
    """The letter of a slot, and the entries that name it."""
    letter = store.letter(slot)
    owners = ", ".join(f"UID {entry.uid} of {mailbox.title()}" for mailbox, entry in users[:3])
    owners += f" and {len(users) - 3} more" if len(users) > 3 else ""
    where = f"{letters.path_of(slot)}, {owners}"
    for problem in letter.problems:
        findings.error("letter", f"{where}: {problem}")
    if letter.trailer is None:
        return
    trailer = letter.trailer
    blocks = file_blocks(letter.file_size)
    for _, entry in users:
        for what, own, expected in (
            # 0: copies leave it to the trailer.
            ("letter id", trailer.letter_id, entry.letter_id or trailer.letter_id),
            ("size", trailer.size, entry.size),
            ("INTERNALDATE", trailer.internaldate, entry.internaldate),
            ("number of blocks", blocks, entry.blocks),
        ):
            if own != expected:
                findings.error("letter", f"{where}: its {what} is {own}, the entry says {expected}")
    if store.copies and not 0 < trailer.letter_id < store.state.next_letter_id:
        text = f"letter id {trailer.letter_id} is given, the next is {store.state.next_letter_id}"
        findings.error("counter", f"{where}: {text}")
