"""The trace fields put before a letter, and the count of those already there (RFC 5321 sections 4.4 and 6.3). Pure."""

# A letter with more Received fields than this goes round in circles (RFC 5321 section 6.3 asks for 100 at the most;
# within an office even 50 is far from normal).
MOST_RECEIVED = 50
# Received fields stand at the top: they are not looked for further down than this.
_SCAN_LIMIT = 131072
# Octets of the client's own name that are repeated (RFC 5321 section 4.5.3.1.2).
_NAME_LIMIT = 255

_RECEIVED = b"received:"


def sanitise(name):
    """Returns what a client calls itself with everything but the octets of names and address literals made "?"."""
    clean = bytearray(name[:_NAME_LIMIT])
    for i, octet in enumerate(clean):
        # 0-9 : A-Z _ a-z - . [ ]
        if not (0x30 <= octet <= 0x3A or 0x41 <= octet <= 0x5A or 0x61 <= octet <= 0x7A or octet in b"_-.[]"):
            clean[i] = 0x3F
    return bytes(clean) or b"unknown"


def literal(address):
    """Returns a peer's address as an address literal (RFC 5321 section 4.1.3)."""
    address = address.encode()
    return b"[IPv6:%s]" % address if b":" in address else b"[%s]" % address


def fields(sender, helo, peer, hostname, protocol, recipient, date):
    """Returns the Return-Path and Received fields of one letter.

    `sender` and `recipient` come from `paths`, which lets no control character through; `recipient` is None unless
    there was exactly one, because the field is seen by all of them (RFC 5321 section 7.2). `protocol` is SMTP, ESMTP or
    ESMTPA (RFC 3848).
    """
    for_whom = b"\r\n\tfor <%s>" % recipient if recipient else b""
    return b"Return-Path: <%s>\r\nReceived: from %s (%s)\r\n\tby %s (Postino) with %s%s;\r\n\t%s\r\n" % (
        sender,
        sanitise(helo),
        literal(peer),
        hostname,
        protocol,
        for_whom,
        date,
    )


class ReceivedCounter:
    """Counts the Received fields of a letter that streams by. `done` is set when the header is over."""

    def __init__(self):
        self.count = 0
        self.done = False
        self._head = b""
        self._seen = 0

    def feed(self, buffer, start, end):
        """Takes buffer[start:end]. `buffer` needs find()."""
        self._seen += end - start
        while start < end and not self.done:
            line_feed = buffer.find(b"\n", start, end)
            stop = end if line_feed < 0 else line_feed
            missing = len(_RECEIVED) - len(self._head)
            if missing > 0:
                self._head += bytes(buffer[start : min(stop, start + missing)])
            if line_feed >= 0:
                self._end_line()
            start = stop + 1
        if self._seen > _SCAN_LIMIT:
            self.done = True

    def _end_line(self):
        if self._head == b"\r" or not self._head:
            self.done = True
        elif self._head.lower() == _RECEIVED:
            self.count += 1
        self._head = b""
