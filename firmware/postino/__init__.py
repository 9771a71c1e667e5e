"""Postino: a mail drop on a microcontroller (SMTP in, POP3 and IMAP out, mail on the board's flash).

`docs/architecture.md` shows how a letter flows through the modules and which module may import which.
"""

VERSION = "0.1.0"
