"""What this server says it can do, and what may be switched off for a user (RFC 3501 6.1.1, RFC 9051 6.1.1).

The setting `imap_capabilities_off` names capabilities that a client stumbles over, for everybody or for one user: they
are not told, and their commands are unknown.
"""

# Extensions that a session has enabled, as bits of `session.enabled` (RFC 5161).
CONDSTORE = 1
QRESYNC = 2
UTF8_ACCEPT = 4
IMAP4REV2 = 8
# Either of the two makes mailbox names UTF-8.
UTF8_NAMES = UTF8_ACCEPT | IMAP4REV2

# Exactly what works, in the order in which it is told. LOGINDISABLED is told in place of AUTH=PLAIN where passwords
# are not taken.
CAPABILITIES = (
    b"IMAP4rev1",
    b"IMAP4rev2",
    b"LITERAL-",
    b"SASL-IR",
    b"AUTH=PLAIN",
    b"ID",
    b"ENABLE",
    b"IDLE",
    b"NAMESPACE",
    b"UIDPLUS",
    b"MOVE",
    b"UNSELECT",
    b"CHILDREN",
    b"LIST-EXTENDED",
    b"LIST-STATUS",
    b"SPECIAL-USE",
    b"CREATE-SPECIAL-USE",
    b"STATUS=SIZE",
    b"APPENDLIMIT",
    b"MULTIAPPEND",
    b"REPLACE",
    b"QUOTA",
    b"QUOTA=RES-STORAGE",
    b"ESEARCH",
    b"SEARCHRES",
    b"WITHIN",
    b"SORT",
    b"CONDSTORE",
    b"QRESYNC",
    b"BINARY",
    b"PREVIEW",
    b"SAVEDATE",
    b"OBJECTID",
    b"UTF8=ACCEPT",
)

# Those that are nothing without another.
_NEEDS = (
    (b"QRESYNC", b"CONDSTORE"),
    (b"LIST-STATUS", b"LIST-EXTENDED"),
    (b"CREATE-SPECIAL-USE", b"SPECIAL-USE"),
    (b"QUOTA=RES-STORAGE", b"QUOTA"),
    (b"SEARCHRES", b"ESEARCH"),
)

# What every client builds on cannot be switched off.
_ALWAYS = (b"IMAP4rev1", b"AUTH=PLAIN")

# What IMAP4rev2 consists of (RFC 9051 appendix E): where one of them is switched off, the whole is not offered.
_PARTS_OF_REV2 = (
    b"BINARY",
    b"CHILDREN",
    b"ENABLE",
    b"ESEARCH",
    b"IDLE",
    b"LIST-EXTENDED",
    b"LIST-STATUS",
    b"LITERAL-",
    b"MOVE",
    b"NAMESPACE",
    b"SASL-IR",
    b"SEARCHRES",
    b"SPECIAL-USE",
    b"STATUS=SIZE",
    b"UIDPLUS",
    b"UNSELECT",
)


def switched_off(setting, user):
    """Returns the capabilities that the setting switches off for a user (None before login), in upper case.

    The setting is a list of words: `condstore` for everybody, `anna:qresync` for one.
    """
    names = []
    for word in setting.split():
        who, colon, name = word.partition(":")
        if not colon:
            names.append(who.upper().encode())
        elif who == user:
            names.append(name.upper().encode())
    return tuple(names)


def is_offered(session, name):
    """True if a capability is offered in this session."""
    off = session.off
    if not off:
        return True
    name = name.upper()
    if name in off or (name == b"IMAP4REV2" and any(part in off for part in _PARTS_OF_REV2)):
        return False
    return not any(name == dependent and needed in off for dependent, needed in _NEEDS)


def text(session):
    """Returns the capabilities of this connection, as they are told."""
    allowed = session.conn.user is not None or session.server.cleartext_allowed(session.conn)
    words = []
    for name in CAPABILITIES:
        if name == b"AUTH=PLAIN" and not allowed:
            words.append(b"LOGINDISABLED")
        elif name in _ALWAYS or is_offered(session, name):
            if name == b"APPENDLIMIT":
                # The same for all mailboxes (RFC 7889 2).
                name = b"APPENDLIMIT=%d" % session.server.settings.get("max_message_size")
            words.append(name)
    return b" ".join(words)
