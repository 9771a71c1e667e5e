"""BINARY (RFC 3516), the fetching side: decoded parts, their sizes and pieces."""

from tests.differential.topic import Topic

# Letters with every encoding, with broken ones, and with parts in parts.
_LETTERS = (
    "alternative base64_body dots latin1_body letter_is_a_letter mixed_attachments nested_letters plain "
    "quoted_printable_body related utf8_body wrong_encodings"
)

BINARY = Topic(
    "binary",
    f"""
    A: CREATE Binary
    @load Binary {_LETTERS}
    A: SELECT Binary
    A: FETCH 1 BINARY.PEEK[1]
    A: FETCH 1 BINARY.PEEK[2]
    A: FETCH 1 BINARY.SIZE[1]
    A: FETCH 1 BINARY.SIZE[2]
    A: FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] UID)
    A: FETCH 2 BINARY.PEEK[1]
    A: FETCH 2 BINARY.SIZE[1]
    A: FETCH 2 BINARY.PEEK[1]<0.10>
    A: FETCH 2 BINARY.PEEK[1]<5.20>
    A: FETCH 2 BINARY.PEEK[1]<1000.20>
    A: FETCH 3 BINARY.PEEK[1]
    A: FETCH 4 BINARY.PEEK[1]
    A: FETCH 4 BINARY.SIZE[1]
    A: FETCH 5 BINARY.PEEK[1.1]
    A: FETCH 6 BINARY.PEEK[2]
    A: FETCH 6 BINARY.SIZE[2]
    A: FETCH 6 BINARY.PEEK[2]<3.4>
    A: FETCH 6 BINARY.PEEK[3]
    A: FETCH 6 BINARY.SIZE[3]
    A: FETCH 7 BINARY.PEEK[2.1]
    A: FETCH 7 BINARY.PEEK[3]
    A: FETCH 7 BINARY.SIZE[3]
    A: FETCH 8 BINARY.PEEK[1]
    A: FETCH 8 BINARY.SIZE[1]
    A: FETCH 9 BINARY.PEEK[1]
    A: FETCH 9 BINARY.SIZE[1]
    A: FETCH 9 BINARY.PEEK[1]<0.7>
    A: FETCH 10 BINARY.PEEK[2]
    A: FETCH 11 BINARY.PEEK[1]
    A: FETCH 12 BINARY.PEEK[1]
    A: FETCH 12 BINARY.SIZE[1]
    A: FETCH 12 BINARY.PEEK[2]
    A: FETCH 12 BINARY.PEEK[6]
    A: FETCH 12 BINARY.PEEK[7]
    A: FETCH 8 BINARY.PEEK[]
    A: FETCH 8 BINARY.SIZE[]
    A: FETCH 8 BINARY.PEEK[2]
    A: FETCH 8 BINARY.SIZE[2]
    A: FETCH 1:3 FLAGS
    A: FETCH 1 BINARY[1]
    A: FETCH 1 FLAGS
    A: UID FETCH 9 (BINARY[1])
    A: FETCH 8 BINARY.PEEK[HEADER]
    A: FETCH 8 BINARY.PEEK[1.MIME]
    A: FETCH 8 BINARY.SIZE[1]<0.5>
    """,
    needs=("BINARY",),
)

TOPICS = (BINARY,)
