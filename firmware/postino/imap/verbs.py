"""The table of IMAP commands: in which states each is allowed, the modules that serve it."""

# What is done at the start and at the end of a command, as letters: allowed before login (n), after it (a), only with
# a selected mailbox (s). EXPUNGE is told at its end unless it counts in sequence numbers (e) (RFC 3501 7.4.1).
# A tuple of constants: frozen, it takes no heap. Verb, letters, module, function, the capability that it belongs to.
VERBS = (
    (b"CAPABILITY", "nae", "basics", "capability", None),
    (b"NOOP", "nae", "basics", "noop", None),
    (b"LOGOUT", "na", "basics", "logout", None),
    (b"ID", "nae", "identity", "identify", b"ID"),
    (b"LOGIN", "n", "auth", "login", None),
    (b"AUTHENTICATE", "n", "auth", "authenticate", None),
    (b"ENABLE", "ae", "enabling", "enable", b"ENABLE"),
    (b"SELECT", "a", "select", "select", None),
    (b"EXAMINE", "a", "select", "examine", None),
    (b"LIST", "ae", "listing", "list_mailboxes", None),
    (b"LSUB", "ae", "listing", "list_subscribed", None),
    (b"NAMESPACE", "ae", "listing", "namespace", b"NAMESPACE"),
    (b"CREATE", "ae", "mailboxes", "create", None),
    (b"DELETE", "ae", "mailboxes", "delete", None),
    (b"RENAME", "ae", "mailboxes", "rename", None),
    (b"SUBSCRIBE", "ae", "mailboxes", "subscribe", None),
    (b"UNSUBSCRIBE", "ae", "mailboxes", "unsubscribe", None),
    (b"STATUS", "ae", "status", "status", None),
    (b"GETQUOTA", "ae", "quota", "get_quota", b"QUOTA"),
    (b"GETQUOTAROOT", "ae", "quota", "get_quota_root", b"QUOTA"),
    (b"APPEND", "ae", "append", "append", None),
    (b"IDLE", "ae", "idle", "idle", b"IDLE"),
    (b"CHECK", "se", "select", "check", None),
    (b"CLOSE", "s", "select", "close", None),
    (b"UNSELECT", "s", "select", "unselect", b"UNSELECT"),
    (b"EXPUNGE", "se", "expunge", "expunge", None),
    (b"FETCH", "s", "fetch", "fetch", None),
    (b"STORE", "s", "storing", "store", None),
    (b"SEARCH", "s", "search", "search", None),
    (b"SORT", "s", "sort", "sort", b"SORT"),
    (b"COPY", "se", "copying", "copy", None),
    (b"MOVE", "se", "copying", "move", b"MOVE"),
    (b"REPLACE", "se", "replace", "replace", b"REPLACE"),
    (b"UID FETCH", "se", "fetch", "fetch", None),
    (b"UID STORE", "se", "storing", "store", None),
    (b"UID SEARCH", "se", "search", "search", None),
    (b"UID SORT", "se", "sort", "sort", b"SORT"),
    (b"UID COPY", "se", "copying", "copy", None),
    (b"UID MOVE", "se", "copying", "move", b"MOVE"),
    (b"UID REPLACE", "se", "replace", "replace", b"REPLACE"),
    (b"UID EXPUNGE", "se", "expunge", "uid_expunge", b"UIDPLUS"),
)

# What has to be imported before a module that serves commands, beside what is there from the start (service.py); the
# modules that are not named here need nothing else. Written out: a sum of tuples would take heap.
_NEEDS = (
    ("imap.auth", ("sasl",)),
    ("imap.append", ("mime.structure", "mime.incoming", "mime.eight_bit", "date_parser", "imap.messages")),
    ("imap.replace", ("mime.structure", "mime.incoming", "mime.eight_bit", "date_parser", "imap.messages")),
    ("imap.listing", ("imap.patterns", "imap.attributes")),
    ("imap.search", ("imap.search_match", "imap.search_walk", "imap.search_result")),
    (
        "imap.sort",
        (
            "imap.search_match",
            "imap.search_walk",
            "imap.search_result",
            "date_parser",
            "imap.sort_keys",
            "imap.sort_order",
        ),
    ),
)


def find(verb):
    """Returns the entry of a command, or None."""
    for entry in VERBS:
        if entry[0] == verb:
            return entry
    return None


def modules(entry):
    """Returns the names of the modules that serve a command, as overlay.use() takes them."""
    name = "imap." + entry[2]
    for needs in _NEEDS:
        if needs[0] == name:
            return needs[1] + (name,)
    return (name,)
