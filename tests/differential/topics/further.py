"""Extensions with little to say: MULTIAPPEND, SAVEDATE, PREVIEW (RFC 3502, 8514, 8970)."""

from tests.differential.topic import Topic

MULTIAPPEND = Topic(
    "multiappend",
    r"""
    A: CREATE Several
    A: APPEND Several <<Subject: one>> <<Subject: two>>
    A: APPEND Several (\Seen) <<Subject: three>> (\Flagged) " 5-Mar-2024 10:00:00 +0000" <<Subject: four>>
    A: APPEND Several "12-Mar-2024 10:00:00 +0000" <<Subject: five>> <<Subject: six>> (Work) <<Subject: seven>>
    A: SELECT Several
    A: FETCH 1:* (UID FLAGS RFC822.SIZE)
    A: FETCH 4:5 INTERNALDATE
    """,
    needs=("MULTIAPPEND",),
)

SAVEDATE = Topic(
    "savedate",
    """
    A: CREATE Saved
    @load Saved plain alternative
    A: SELECT Saved
    A: SEARCH SAVEDATESUPPORTED
    A: SEARCH SAVEDBEFORE 1-Jan-2020
    A: SEARCH SAVEDSINCE 1-Jan-2020
    A: SEARCH SAVEDON 1-Jan-2020
    A: SEARCH SAVEDSINCE 1-Jan-2020 SEEN
    A: SEARCH SAVEDON
    A: SEARCH SAVEDON x
    """,
    needs=("SAVEDATE",),
)

PREVIEW = Topic(
    "preview",
    """
    A: CREATE Previews
    @load Previews alternative base64_body dots html_body latin1_body letter_is_a_letter plain quoted_printable_body
    @load Previews signed utf8_body empty_body long_lines
    A: SELECT Previews
    A: FETCH 1 PREVIEW
    A: FETCH 2 (PREVIEW)
    A: FETCH 3:* PREVIEW
    A: FETCH 1 (UID PREVIEW FLAGS)
    A: FETCH 1 (PREVIEW (LAZY))
    A: UID FETCH 1:3 (PREVIEW (LAZY) UID)
    A: FETCH 1 PREVIEW (NOTHING)
    """,
    needs=("PREVIEW",),
)

TOPICS = (MULTIAPPEND, SAVEDATE, PREVIEW)
