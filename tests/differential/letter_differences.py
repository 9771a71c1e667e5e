"""The differences in what is fetched of letters that are allowed, each with the sentence of an RFC that allows ours.

docs/clients.md lists them by these names. Whoever changes the firmware so that one does not occur any more takes it
from here and from there.
"""

from tests.differential import changes, structures
from tests.differential.changes import envelopes, items, parts, strings
from tests.differential.difference import Difference
from tests.differential.letters import LETTERS
from tests.differential.postino_says import ADDRESSES

EVERY_LETTER = tuple(letter.name for letter in LETTERS)

# Commands whose answers hold an envelope, a structure, or a section.
ENVELOPE = "ENVELOPE|ALL|FULL"
STRUCTURE = r"BODYSTRUCTURE|FULL| BODY\b(?!\.|\[)"
SECTION = r"BODY(\.PEEK)?\["

DEFAULT_TYPE = (
    "RFC 2045 5.2",
    "It is also recommend that this default be assumed when a syntactically invalid Content-Type header field is "
    "encountered.",
)
DELIMITER = (
    "RFC 2046 5.1.1",
    "The boundary delimiter MUST occur at the beginning of a line, i.e., following a CRLF, and the initial CRLF is "
    "considered to be attached to the boundary delimiter line rather than part of the preceding part.",
)
LIBERAL = ("RFC 1122 1.2.2", "Be liberal in what you accept, and conservative in what you send.")
MUST_BE_QUOTED = ("RFC 2045 5.1", "Must be in quoted-string, to use within parameter values.")

PADDED_DAY = (
    "days before the tenth",
    "INTERNALDATE begins with a blank in Postino, with a zero in Dovecot.",
    "RFC 3501 9",
    "date-day-fixed = (SP DIGIT) / 2DIGIT",
)

OF_ANY_LETTER = (
    Difference(
        "field names in the name of a section",
        "Postino repeats the names of HEADER.FIELDS as the client wrote them, Dovecot in upper case.",
        "RFC 3501 9",
        "Except as noted otherwise, all alphabetic characters are case-insensitive.",
        EVERY_LETTER,
        r"HEADER\.FIELDS",
        changes.of_postino(changes.labels_in_upper_case),
    ),
    Difference(
        "parts that do not exist",
        "Postino says NIL, Dovecot an empty string; Dovecot takes n.1 for n where n has no parts.",
        "RFC 3501 4.5",
        'The special form "NIL" represents the non-existence of a particular data item that is represented as a string '
        'or parenthesized list, as distinct from the empty string "" or the empty parenthesized list ().',
        EVERY_LETTER,
        SECTION,
        items(changes.nothing_for_text),
    ),
    Difference(
        *PADDED_DAY,
        tuple(letter.name for letter in LETTERS if letter.utc_day < 10),
        "INTERNALDATE|FAST|ALL|FULL",
        items(changes.padded_day),
    ),
)

OF_SOME_LETTERS = (
    Difference(
        "letters with bare LF",
        "Postino keeps a letter as it was appended, Dovecot gives it CRLF line ends.",
        "RFC 3501 6.3.11",
        "The APPEND command appends the literal argument as a new message to the end of the specified destination "
        "mailbox.",
        ("bare_line_feeds", "mixed_line_ends"),
        "",
        items(changes.crlf_line_ends),
    ),
    Difference(
        "sizes of parts with bare LF",
        "As a consequence, the sizes of parts differ; they are those of the sections.",
        "RFC 3501 7.4.2",
        "A number giving the size of the body in octets.",
        ("bare_line_feeds",),
        STRUCTURE,
        parts(structures.without(6)),
    ),
    Difference(
        "line end before a delimiter",
        "What stands before a delimiter ends without the line end that is the delimiter's. Dovecot leaves it to a "
        "multipart that ends with its own last delimiter, and to an attached letter without body.",
        *DELIMITER,
        (
            "boundary_long",
            "boundary_prefixes",
            "digest",
            "eight_deep",
            "empty_inner_multiparts",
            "empty_letter_inside",
            "encoded_letter_inside",
            "same_boundary_twice",
        ),
        SECTION,
        strings(changes.more_line_ends),
    ),
    Difference(
        "size of an attached letter without body",
        "As a consequence, its size and its lines differ.",
        *DELIMITER,
        ("empty_letter_inside", "encoded_letter_inside"),
        STRUCTURE,
        parts(lambda part: structures.without(6, 9)(part) if structures.is_letter(part) else part),
    ),
    Difference(
        "header of an attached letter without body",
        "HEADER.FIELDS ends where the attached letter does; Dovecot reads on in the next part.",
        "RFC 3501 6.4.5",
        "The HEADER, HEADER.FIELDS, and HEADER.FIELDS.NOT part specifiers refer to the [RFC-2822] header of the "
        "message or of an encapsulated [MIME-IMT] MESSAGE/RFC822 message.",
        ("empty_letter_inside", "encoded_letter_inside"),
        r"\[\d\.HEADER\.FIELDS",
        items(changes.any_value),
    ),
    Difference(
        "letters without a blank line",
        "HEADER.FIELDS has no blank line where the letter has none; Dovecot makes one up, but not for "
        "HEADER.FIELDS.NOT.",
        "RFC 3501 6.4.5",
        "Subsetting does not exclude the [RFC-2822] delimiting blank line between the header and the body; the blank "
        "line is included in all header fetches, except in the case of a message which has no body and no blank line.",
        ("no_body", "no_body_no_line_end", "no_header", "no_parts_no_blank_line"),
        r"HEADER\.FIELDS",
        strings(changes.more_line_ends),
    ),
    Difference(
        "multiparts without boundary",
        "To Postino such a multipart is a text. To Dovecot it is a multipart with an empty part; with an empty "
        "boundary, its delimiters are the lines that begin with two hyphens.",
        *DEFAULT_TYPE,
        ("boundary_empty", "boundary_missing", "empty_inner_multiparts"),
        STRUCTURE + r"|\[[14](\]|\.MIME|\.1)",
        items(changes.any_value),
    ),
    Difference(
        "boundary that ends in a blank",
        "Postino takes no account of the blank, Dovecot looks for it in the delimiters.",
        "RFC 2046 5.1.1",
        "If a boundary delimiter line appears to end with white space, the white space must be presumed to have been "
        "added by a gateway, and must be deleted.",
        ("boundary_ends_in_blank",),
        STRUCTURE + r"|\[[12]\]",
        items(changes.any_value),
    ),
    Difference(
        "types that cannot be read",
        "They are text/plain in Postino, two empty strings in Dovecot.",
        *DEFAULT_TYPE,
        ("wrong_types", "wrong_parameters"),
        STRUCTURE,
        parts(structures.without_type),
    ),
    Difference(
        "parameters that ought to be quoted",
        "Postino takes values with blanks and special characters whole, and goes on after an error. Dovecot takes the "
        "first word, and stops at some errors.",
        *MUST_BE_QUOTED,
        ("quoted_parameters",),
        STRUCTURE,
        parts(structures.without(2)),
    ),
    Difference(
        "parameters of a disposition that ought to be quoted",
        "The same in Content-Disposition.",
        *MUST_BE_QUOTED,
        ("dispositions",),
        STRUCTURE,
        parts(structures.without_disposition_parameters),
    ),
    Difference(
        "boundary that ought to be quoted",
        "The same for a boundary.",
        *MUST_BE_QUOTED,
        ("boundary_unquoted_specials",),
        STRUCTURE + r"|\[2",
        items(changes.any_value),
    ),
    Difference(
        "encodings with something behind them",
        "Postino takes `base64; x` and a quoted word for what they mean, Dovecot for no encoding.",
        *LIBERAL,
        ("wrong_encodings",),
        STRUCTURE,
        parts(structures.without(5)),
    ),
    Difference(
        "upper case in types",
        "Postino tells types and encodings as they were sent, Dovecot tells plain US-ASCII text in lower case.",
        "RFC 2045 5.1",
        "The type, subtype, and parameter names are not case sensitive.",
        ("names_in_any_case",),
        STRUCTURE,
        parts(structures.lower_case),
    ),
    Difference(
        "fields that are folded at once",
        "The value of Content-Location begins with its first character, in Dovecot with the blank of the folding.",
        "RFC 5322 2.2.3",
        "Each header field should be treated in its unfolded form for further syntactic and semantic evaluation.",
        ("related",),
        STRUCTURE,
        parts(structures.without_blank_before_location),
    ),
    Difference(
        "addresses without mailbox or host",
        "What is missing is an empty string. Dovecot invents MISSING_MAILBOX, MISSING_DOMAIN and SYNTAX_ERROR.",
        "RFC 3501 9",
        "addr-host = nstring ; NIL indicates [RFC-2822] group syntax. Otherwise, holds [RFC-2822] domain name",
        ("bare_words", "broken_hosts", "comments_in_addresses", "routes_broken"),
        ENVELOPE,
        envelopes(changes.without_invented),
    ),
    Difference(
        "commas with nothing between them",
        "They are no addresses. To Dovecot they are addresses without mailbox and host.",
        "RFC 5322 4.4",
        'obs-addr-list = *([CFWS] ",") address *("," [address / CFWS])',
        ("null_addresses", "groups_odd", "comments_broken"),
        ENVELOPE,
        envelopes(changes.without_nobody),
    ),
    Difference(
        "local parts in pieces",
        "Postino joins quoted and plain words with dots between them, Dovecot takes them for a name.",
        "RFC 5322 4.4",
        'obs-local-part = word *("." word)',
        ("quoted_pieces",),
        ENVELOPE,
        changes.as_postino_says("quoted_pieces"),
    ),
)

BROKEN_ADDRESSES = tuple(
    Difference(
        "broken addresses",
        "Postino takes what can be understood, and reads on at the next comma; Dovecot leaves the rest of the list "
        "out. What Postino says is in tests/differential/postino_says.py.",
        *LIBERAL,
        (letter,),
        ENVELOPE,
        changes.as_postino_says(letter),
    )
    for letter in ADDRESSES
    if letter != "quoted_pieces"
)

OF_LETTERS = (*OF_ANY_LETTER, *OF_SOME_LETTERS, *BROKEN_ADDRESSES)
