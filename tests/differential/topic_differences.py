"""The differences in the topics that are allowed, each with the sentence of an RFC that allows what Postino does.

docs/clients.md lists them by these names. Whoever changes the firmware so that one does not occur any more takes it
from here and from there.
"""

from tests.differential import changes
from tests.differential.changes import items, of_dovecot, of_postino, whole_answer
from tests.differential.difference import Difference
from tests.differential.letter_differences import DEFAULT_TYPE, LIBERAL, PADDED_DAY
from tests.differential.topics import PREPARED, TOPICS

# Topics in which a mailbox is opened, and those of them in which the client has used CONDSTORE before.
OPENING = tuple(
    topic.name
    for topic in (*TOPICS, *PREPARED)
    if any(word in topic.script for word in ("A: SELECT ", "B: SELECT ", "EXAMINE", "@letters"))
)
WITH_CONDSTORE = ("condstore", "enable condstore", "qresync")

OF_TOPICS = (
    Difference(
        *PADDED_DAY,
        ("fetch: sets", "copy", "move", "append", "multiappend"),
        "INTERNALDATE|FAST",
        items(changes.padded_day),
    ),
    Difference(
        "syntax that Dovecot forgives",
        "Postino answers BAD to what the formal syntax does not have; Dovecot does what may have been meant.",
        "RFC 3501 7.1.3",
        "When tagged, it reports a protocol-level error in the client's command; the tag indicates the command that "
        "caused the error.",
        (
            "fetch: what is no FETCH",
            "search: what is no SEARCH",
            "select, examine, close, unselect",
            "expunge",
            "enable condstore",
            "list-extended",
            "binary",
        ),
        r"FETCH 1, |BODY\[0\]|<0>|32-Jan|Extra|NOW|^ENABLE$|LIST .. \(\)|BINARY\.SIZE\[1\]<"
        r"|BINARY\.PEEK\[(1\.MIME|HEADER)\]",
        whole_answer(b"BAD"),
    ),
    Difference(
        "response codes in refusals",
        "Postino says why by NONEXISTENT, CANNOT and the like, where Dovecot has no code.",
        "RFC 3501 7.1",
        "Client implementations SHOULD ignore response codes that they do not recognize.",
        (
            "lsub: subscriptions",
            "lsub: mailboxes that are deleted",
            "mailboxes: create, delete, rename",
            "status",
            "select, examine, close, unselect",
        ),
        r'Nowhere|Seven|INBOX|status|""|STATUS Gone',
        of_postino(changes.without_code(b"NONEXISTENT", b"CANNOT")),
    ),
    Difference(
        "character sets that are known",
        "With BADCHARSET Postino says which it knows, Dovecot does not.",
        "RFC 3501 7.1",
        "If the optional list of charsets is given, this lists the charsets that are supported by this implementation.",
        ("search: character sets", "esearch", "searchres", "sort"),
        "X-UNKNOWN",
        changes.each(changes.without_code(b"BADCHARSET")),
    ),
    Difference(
        "authors that Dovecot cannot read",
        "SEARCH FROM and TO find what the envelope says, also where Dovecot finds no address.",
        "RFC 3501 6.4.4",
        "Messages that contain the specified string in the envelope structure's FROM field.",
        ("search: header fields", "search: NOT, OR, parentheses", "search: character sets"),
        r"FROM (anna|ANNA@OFFICE\.LAN|@office)|TO .ben@office\.lan",
        changes.without_letters("comments_broken", "quoted_pieces", "unbalanced"),
    ),
    Difference(
        "text of a multipart without boundary",
        "To Postino it is a text, which BODY looks into.",
        *DEFAULT_TYPE,
        ("search: bodies and texts", "search: NOT, OR, parentheses"),
        "BODY text",
        changes.without_letters("empty_inner_multiparts"),
    ),
    Difference(
        "blanks before the colon of a field",
        "TEXT takes the name of a field, a colon and a blank for the beginning of a field, however it is written.",
        "RFC 5322 4.5",
        'Also, any amount of white space is allowed before the ":" at the end of the field name.',
        ("search: bodies and texts",),
        "TEXT .Subject:",
        changes.without_letters("blank_before_colon"),
    ),
    Difference(
        "header fields in Latin 1",
        "Octets that are no UTF-8 are read as windows-1252; Dovecot does not find them.",
        *LIBERAL,
        ("search: character sets",),
        "Pr|PR|J.*rg|m.*ller",
        changes.without_letters("raw_latin1_header"),
    ),
    Difference(
        "keywords that are asked for",
        "To search for a keyword that no letter has does not make it one of the mailbox; in Dovecot it does.",
        "RFC 3501 7.2.6",
        "The flag parenthesized list identifies the flags (at a minimum, the system-defined flags) that are applicable "
        "for this mailbox.",
        ("search: flags and sets",),
        "KEYWORD Nothing",
        of_dovecot(lambda responses: responses[2:]),
    ),
    Difference(
        "flags that STORE does not change",
        "Postino tells the flags that a letter has after STORE, Dovecot only where they were changed, or the client "
        "does not know them.",
        "RFC 3501 6.4.6",
        "The new value of the flags is returned as if a FETCH of those flags was done.",
        ("store: all forms", "select, examine, close, unselect", "condstore", "enable condstore"),
        "STORE",
        changes.unchanged_flags,
    ),
    Difference(
        "UID in what is told unasked",
        "With flags that another session has changed Postino tells the UID.",
        "RFC 3501 7",
        "The client MUST be prepared to accept any response at all times.",
        ("store: two sessions", "expunge: two sessions", "condstore", "enable condstore"),
        "NOOP|FETCH|STORE|EXPUNGE",
        changes.unasked_uids,
    ),
    Difference(
        "number of recent letters",
        "Postino tells RECENT with EXISTS, Dovecot when the number has changed, also behind EXPUNGE.",
        "RFC 3501 7.3.2",
        "This response occurs as a result of a SELECT or EXAMINE command, and if the size of the mailbox changes "
        "(e.g., new messages).",
        (
            "status",
            "move",
            "expunge",
            "expunge: two sessions",
            "append",
            "searchres",
            "condstore",
            "qresync",
            "status=size",
        ),
        "MOVE|EXPUNGE|NOOP",
        changes.unasked_recent,
    ),
    Difference(
        "STATUS of the mailbox that is open",
        "Dovecot calls it a mistake of the client, with CLIENTBUG, and counts as RECENT what is recent in the session.",
        "RFC 3501 6.3.10",
        "Because the STATUS command can cause the mailbox to be opened internally, and because this information is "
        "available by other means on the selected mailbox, the STATUS command SHOULD NOT be used on the currently "
        "selected mailbox.",
        ("status", "move", "expunge", "append", "condstore"),
        "STATUS",
        changes.each(lambda responses: changes.without_recent_in_status(changes.without_code(b"CLIENTBUG")(responses))),
    ),
    Difference(
        "changes in a mailbox that is open for reading",
        "STORE, EXPUNGE and MOVE are refused after EXAMINE. In Dovecot the first two do nothing, and MOVE moves.",
        "RFC 3501 6.3.2",
        "No changes to the permanent state of the mailbox, including per-user state, are permitted; in particular, "
        "EXAMINE MUST NOT cause messages to lose the \\Recent flag.",
        ("select, examine, close, unselect", "move"),
        r"STORE 1 \+FLAGS \(.Seen\)|^EXPUNGE|MOVE 1 Source",
        whole_answer(b"NO"),
    ),
    Difference(
        "CREATE INBOX",
        "It is refused; in Dovecot it is OK.",
        "RFC 3501 6.3.3",
        "It is an error to attempt to create INBOX or a mailbox with a name that refers to an extant mailbox.",
        ("mailboxes: create, delete, rename",),
        "CREATE INBOX",
        whole_answer(b"NO"),
    ),
    Difference(
        "CREATE with a delimiter at the end",
        "The mailbox can be selected; Dovecot makes one that cannot.",
        "RFC 3501 6.3.3",
        "Server implementations that do not require this declaration MUST ignore it.",
        ("mailboxes: create, delete, rename",),
        'LIST "" Two',
        of_dovecot(changes.without_attributes(b"\\Noselect")),
    ),
    Difference(
        "root of a reference",
        "It is the empty string; in Dovecot it is the first part of the reference.",
        "RFC 3501 6.3.8",
        "The value returned as the root MAY be the empty string if the reference is non-rooted or is an empty string.",
        ("list: patterns",),
        'LIST Projects(/Garden)? ""',
        changes.each(lambda responses: responses[1:]),
    ),
    Difference(
        "children in LSUB",
        "Postino tells in LSUB, too, whether a mailbox has children.",
        "RFC 3501 7.2.3",
        "The data is identical in format to the LIST response.",
        ("lsub: subscriptions", "lsub: mailboxes that are deleted"),
        "LSUB",
        of_postino(changes.without_attributes(b"\\HasChildren", b"\\HasNoChildren")),
    ),
    Difference(
        "subscriptions of new mailboxes",
        "CREATE subscribes to the mailbox: some clients show no other.",
        "RFC 3501 6.3.6",
        'The SUBSCRIBE command adds the specified mailbox name to the server\'s set of "active" or "subscribed" '
        "mailboxes as returned by the LSUB command.",
        ("lsub: subscriptions",),
        'LSUB "" Read$',
        of_postino(changes.without(b"LSUB")),
    ),
    Difference(
        "delimiter from LSUB",
        'LSUB "" "" tells the delimiter as LIST does.',
        "RFC 3501 6.3.9",
        "The arguments to LSUB are in the same form as those for LIST.",
        ("lsub: subscriptions",),
        'LSUB "" ""',
        of_postino(changes.without(b"LSUB")),
    ),
    Difference(
        "copy of nothing to a mailbox that is not there",
        "It is refused; Dovecot does not look for the mailbox when there is nothing to copy.",
        "RFC 3501 6.4.7",
        "If the destination mailbox does not exist, a server SHOULD return an error.",
        ("copy",),
        "UID COPY 50 Nowhere",
        whole_answer(b"NO"),
    ),
    Difference(
        "letters that are expunged and not told yet",
        "UID SEARCH does not find them any more; Dovecot still does.",
        "RFC 3501 6.4.8",
        "A non-existent unique identifier is ignored without any error message generated.",
        ("expunge: two sessions",),
        "UID SEARCH",
        changes.only_in(b"SEARCH"),
    ),
    Difference(
        "what SELECT tells of CONDSTORE",
        "Every SELECT tells HIGHESTMODSEQ, in Dovecot when the client has used CONDSTORE before.",
        "RFC 7162 3.1.2.1",
        "A server supporting the persistent storage of mod-sequences for the mailbox MUST send the OK untagged "
        "response including HIGHESTMODSEQ response code with every successful SELECT or EXAMINE command.",
        tuple(name for name in OPENING if name not in WITH_CONDSTORE),
        "^(SELECT|EXAMINE) ",
        changes.unasked_code(b"HIGHESTMODSEQ"),
        needs=("CONDSTORE",),
    ),
    Difference(
        "what SELECT tells of OBJECTID",
        "Every SELECT tells MAILBOXID. Dovecot has no OBJECTID.",
        "RFC 8474 4.2",
        "A server advertising the OBJECTID capability MUST return an untagged OK response with the MAILBOXID response "
        "code on all successful SELECT and EXAMINE commands.",
        OPENING,
        "^(SELECT|EXAMINE) ",
        changes.unasked_code(b"MAILBOXID"),
        needs=("OBJECTID",),
    ),
    Difference(
        "sizes of letters with bare LF",
        "Postino keeps a letter as it was appended, Dovecot gives it CRLF line ends.",
        "RFC 3501 6.3.11",
        "The APPEND command appends the literal argument as a new message to the end of the specified destination "
        "mailbox.",
        ("sort",),
        "SIZE",
        changes.without_letters("bare_line_feeds", "mixed_line_ends"),
    ),
    Difference(
        "sorting by addresses that Dovecot cannot read",
        "Postino sorts by the mailbox that the envelope has, Dovecot by MISSING_MAILBOX.",
        "RFC 5256 3",
        '[IMAP] addr-mailbox of the first "From" address.',
        ("sort",),
        "FROM|TO|CC",
        changes.without_letters(
            "address_twice",
            "bare_words",
            "broken_hosts",
            "null_addresses",
            "quoted_pieces",
            "routes_broken",
            "separated_by_semicolons",
            "unbalanced",
        ),
    ),
    Difference(
        "sorting by header fields in Latin 1",
        "Octets that are no UTF-8 are read as windows-1252; Dovecot sorts by the octets.",
        *LIBERAL,
        ("sort",),
        "SUBJECT|TO",
        changes.without_letters("raw_latin1_header"),
    ),
    Difference(
        "mailbox that is closed by a wrong SELECT",
        "A SELECT that cannot be read changes nothing; Dovecot closes the mailbox before it reads the parameters.",
        "RFC 3501 6.3.1",
        "BAD - command unknown or arguments invalid",
        ("condstore", "qresync"),
        r"^SELECT .*(NOTHING|QRESYNC( \(\d+\))?\))",
        whole_answer(b"BAD"),
    ),
    Difference(
        "marked mailboxes",
        "With STATUS, Dovecot tells which mailboxes are marked.",
        "RFC 3501 7.2.2",
        'If it is not feasible for the server to determine whether or not the mailbox is "interesting", or if the '
        "name is a \\Noselect name, the server SHOULD NOT send either \\Marked or \\Unmarked.",
        ("list-status",),
        "RETURN",
        of_dovecot(changes.without_attributes(b"\\Marked")),
    ),
    Difference(
        "parts that cannot be decoded",
        "Postino says nothing but NO; Dovecot tells the UID of the letter before.",
        "RFC 3516 4.3",
        'If the server does not know how to decode the section\'s CTE, it MUST fail the request and issue a "NO" '
        'response that contains the "UNKNOWN-CTE" extended response code.',
        ("binary",),
        r"FETCH 12 BINARY\.(PEEK|SIZE)\[[167]\]",
        of_dovecot(changes.without(b"FETCH")),
    ),
    Difference(
        "encodings with something behind them, decoded",
        "Postino takes `base64; x` for what it means, Dovecot cannot decode it.",
        *LIBERAL,
        ("binary",),
        r"FETCH 12 BINARY\.PEEK\[2\]",
        changes.each(lambda responses: []),
    ),
    Difference(
        "decoded parts that do not exist",
        "Postino says NIL, Dovecot an empty string.",
        "RFC 3501 4.5",
        'The special form "NIL" represents the non-existence of a particular data item that is represented as a string '
        'or parenthesized list, as distinct from the empty string "" or the empty parenthesized list ().',
        ("binary",),
        r"BINARY\.PEEK\[2\]",
        items(changes.nothing_for_text),
    ),
    Difference(
        "line ends of texts that are decoded",
        "In BINARY, the lines of a text end in CRLF; in Dovecot as they ended before they were encoded.",
        "RFC 3516 6",
        "When sending data using the Binary extension, servers MUST ensure that textual line-oriented sections are "
        "always transmitted using the IMAP4 CRLF line termination syntax, regardless of the underlying storage "
        "representation of the data on the server.",
        ("binary",),
        r"FETCH 1 BINARY\.(PEEK|SIZE)\[2\]",
        items(changes.line_ends),
    ),
    Difference(
        "tags within a word",
        "A preview joins what stands on both sides of an HTML tag within a word; Dovecot puts a blank there.",
        "RFC 8970 3.2",
        "The server returns a variable-length string that is the generated preview for that message.",
        ("preview",),
        "FETCH 3:",
        items(changes.without_blanks),
    ),
    Difference(
        "HIGHESTMODSEQ for what others have expunged",
        "Postino tells it by an untagged OK, Dovecot in the tagged one.",
        "RFC 3501 7.1",
        "OK, NO, and BAD can be tagged or untagged.",
        ("qresync",),
        "NOOP",
        changes.untagged_code(b"HIGHESTMODSEQ"),
    ),
    Difference(
        "what ENABLE enables",
        "ENABLED names what the command has enabled, also if that is nothing. Dovecot names what is enabled, and says "
        "nothing if that is nothing.",
        "RFC 5161 3.2",
        "The ENABLED response may contain no capabilities, which means that no extensions listed by the client were "
        "successfully enabled.",
        ("enable condstore",),
        "ENABLE",
        changes.each(changes.without(b"ENABLED")),
    ),
)
