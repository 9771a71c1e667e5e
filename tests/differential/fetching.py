"""The FETCH commands for every letter: all items, all sections of all its parts, and parts that it does not have."""

from tests.differential.letters import Letter
from tests.differential.parts import paths

ITEMS = (
    "FLAGS",
    "UID",
    "INTERNALDATE",
    "RFC822.SIZE",
    "ENVELOPE",
    "BODY",
    "BODYSTRUCTURE",
    "RFC822",
    "RFC822.HEADER",
    "RFC822.TEXT",
    "FAST",
    "ALL",
    "FULL",
    "(UID FLAGS INTERNALDATE RFC822.SIZE)",
    "(FLAGS BODY[HEADER.FIELDS (Date From)] UID)",
)
# Sections of the letter, and what follows the number of a part of it.
LETTER_SECTIONS = ("", "HEADER", "TEXT")
PART_SECTIONS = ("", "MIME", "HEADER", "TEXT")
# Behind a section's name, after a dot where a part number stands before it.
FIELDS = (
    "HEADER.FIELDS (Subject From)",
    "HEADER.FIELDS (to CC x-none)",
    "HEADER.FIELDS (Content-Type)",
    "HEADER.FIELDS (X-None)",
    "HEADER.FIELDS.NOT (Subject From Received)",
    "HEADER.FIELDS.NOT (X-None)",
)
PART_FIELDS = ("HEADER.FIELDS (Subject Content-Type)", "HEADER.FIELDS.NOT (Subject)")
# Pieces: the beginning, across the end of a header, nothing, beyond the end.
PIECES = ("<0.10>", "<37.100>", "<0.0>", "<0.4294967295>", "<1000000.10>")
PART_PIECES = ("<0.3>", "<2.4>", "<100000.1>")
# Dovecot 2.3.19 miscounts a letter with bare CRs, and closes the connection when a piece of it is asked for.
WITHOUT_PIECES = ("bare_carriage_returns",)


def of_letter(letter: Letter, structure: list) -> list[bytes]:
    """All the commands for a letter, whose BODYSTRUCTURE is given."""
    number = letter.number
    pieces, part_pieces = ((), ()) if letter.name in WITHOUT_PIECES else (PIECES, PART_PIECES)
    items = list(ITEMS)
    items += [f"BODY.PEEK[{section}]" for section in (*LETTER_SECTIONS, *FIELDS)]
    items += [f"BODY.PEEK[{section}]{piece}" for section in (*LETTER_SECTIONS, FIELDS[0]) for piece in pieces]
    items += ["BODY[]", "BODY[HEADER]", "BODY[TEXT]", "BODY[1]"]
    known = paths(structure)
    for path in known:
        items += [f"BODY.PEEK[{path}{section and '.' + section}]" for section in PART_SECTIONS]
        items += [f"BODY.PEEK[{path}.{section}]" for section in PART_FIELDS]
        items += [f"BODY.PEEK[{path}]{piece}" for piece in part_pieces]
    items += [f"BODY.PEEK[{path}]" for path in missing(known)]
    return [f"FETCH {number} {item}".encode() for item in items] + [f"UID FETCH {number} (FLAGS BODY)".encode()]


def missing(known: list[str]) -> list[str]:
    """Part numbers that the letter does not have: one too many in every place, and one level too deep."""
    out = []
    for path in known:
        head, _, last = path.rpartition(".")
        out += [f"{head}{head and '.'}{int(last) + 1}", f"{path}.1", f"{path}.2", f"{path}.1.1"]
    return sorted(set(out) - set(known))[:MOST_MISSING]


# Of a letter with many parts not all are asked for.
MOST_MISSING = 24
