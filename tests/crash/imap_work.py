"""What only IMAP's extensions do, on a store and on the model of it at once (work.py): MULTIAPPEND and REPLACE."""

from tests.crash.model import entry_of
from tests.crash.recording import Recording
from tests.crash.work import DATE, Work, mask_of, names_of

SEEN, DELETED, DRAFT = 1, 8, 16
DRAFTS = ("anna", "Drafts")


def append_all(work: Work, user: str, name: str, sizes, flags: int = 0, keywords=()) -> None:
    """Letters of these sizes get into a mailbox together. Every other one waits with its file closed."""
    letters = [work.next_letter(size) for size in sizes]

    def act():
        writers = []
        try:
            with work.opened(user, name) as box:
                for number, octets in enumerate(letters):
                    writers.append(work.write(octets))
                    if number % 2:
                        work.store.finish_letter(writers[-1], box.id, DATE)
                mask = mask_of(box, flags, keywords)
                work.store.append_all(box.id, [(writer, mask, DATE) for writer in writers])
        finally:
            for writer in writers:
                writer.abort()

    def follow(_):
        for octets in letters:
            work.model.add((user, name), entry_of(octets, (*names_of(flags), *keywords), DATE, work.model.now))

    work.do("append all", act, follow)


def replace(work: Work, user: str, name: str, uid: int, target: str, size: int, flags: int = 0, keywords=()) -> None:
    """A letter of this size gets into `target`, and the one with this UID leaves its mailbox."""
    octets = work.next_letter(size)

    def act():
        letter = work.write(octets)
        try:
            with work.opened(user, name) as box, work.opened(user, target) as there:
                work.store.replace(letter, box, uid, there.id, mask_of(there, flags, keywords), DATE)
        finally:
            letter.abort()

    def follow(_):
        new = entry_of(octets, (*names_of(flags), *keywords), DATE, work.model.now)
        work.model.add((user, target), new)
        work.model.expunge((user, name), [uid])

    work.do("replace", act, follow)


def imap(seed: int) -> Recording:
    """Letters come in together, a draft is saved again and again and sent, mailboxes are made for a special use."""
    work = Work("imap", 72, 2, seed)
    work.set_up()
    for size in (100, 3000, 500):
        work.deliver(size, 2)
    work.record()
    append_all(work, *DRAFTS, (300, 60, 4100, 20), DRAFT)
    for turn in range(4):
        replace(work, *DRAFTS, work.uids(*DRAFTS)[-1], "Drafts", 200 + 2000 * turn, DRAFT)
    work.create("anna", "Post/Gesendet", 4)
    replace(work, *DRAFTS, work.uids(*DRAFTS)[-1], "Post/Gesendet", 900, SEEN, ("$Forwarded",))
    # A letter that another user has, and one of which there are copies.
    replace(work, "anna", "INBOX", 2, "INBOX", 2500, 0, ("$Junk",))
    work.transfer("anna", "INBOX", [1, 3], "Trash", False)
    replace(work, "anna", "INBOX", 3, "Trash", 40, DELETED)
    append_all(work, "anna", "Trash", range(30, 70, 2), 0, ("$Junk", "work"))
    work.fold("anna", "Trash")
    replace(work, "anna", "Trash", 5, "Drafts", 60)
    work.write_state()
    work.create("ben", "Alt/Papierkorb", 16)
    append_all(work, "ben", "Alt/Papierkorb", (80, 5000, 700))
    work.idle()
    replace(work, "ben", "Alt/Papierkorb", 2, "INBOX", 5000, SEEN)
    work.restart()
    replace(work, "ben", "INBOX", work.uids("ben", "INBOX")[-1], "INBOX", 30)
    work.idle()
    return work.finish()
