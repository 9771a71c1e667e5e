"""Reads the mail store in a flash image, from its specification alone (docs/store.md): nothing here is the firmware's.

    store = open_image(path)        # or the octets: a whole chip, or a `mail` partition
    findings = check(store)         # what was noticed while reading, and by all checks
    content = describe(store)       # the mailboxes and entries, for JSON

partition.py finds the partition; littlefs_reader.py reads its files, littlefs_child.py does so in a process of its own,
and filesystem.py holds them. sectors.py, log.py, records.py, state.py, snapshot.py and letters.py read one structure
each; replay.py applies the log; store.py puts the store together; checks.py, letter_checks.py and file_checks.py look
for what is wrong.
"""

from postino_tools.mail_image.checks import check
from postino_tools.mail_image.content import describe, summary
from postino_tools.mail_image.findings import ERROR, NOTE, WARNING, Finding
from postino_tools.mail_image.partition import NotAStore
from postino_tools.mail_image.store import Store, open_image

__all__ = ["ERROR", "NOTE", "WARNING", "Finding", "NotAStore", "Store", "check", "describe", "open_image", "summary"]
