"""mbox, in the variant mboxrd: one file for each mailbox, line ends as Unix has them, `From ` in a line quoted."""

import re
import time
from typing import BinaryIO

# Any number of quotes before it: so that taking one away gives back the line.
FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)
RETURN_PATH = re.compile(rb"\AReturn-Path:[ \t]*<([!-;=?-~]+)>[ \t]*\r?\n", re.IGNORECASE)
NO_SENDER = b"MAILER-DAEMON"


def write_letter(file: BinaryIO, message: bytes, internaldate: int) -> None:
    """Appends one letter."""
    sender = RETURN_PATH.match(message)
    date = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(internaldate)).encode()
    text = FROM_LINE.sub(rb">\1", message.replace(b"\r\n", b"\n"))
    file.write(b"From %s %s\n" % (sender[1] if sender else NO_SENDER, date))
    file.write(text if text.endswith(b"\n") else text + b"\n")
    file.write(b"\n")
