"""APPEND, with flags and dates, as its own session and another one see it (RFC 3501 6.3.11, 4315 3)."""

from tests.differential.topic import Topic

APPEND = Topic(
    "append",
    r"""
    A: CREATE Appended
    A: APPEND Appended <<Subject: one>>
    A: APPEND Appended () <<Subject: two>>
    A: APPEND Appended (\Seen) <<Subject: three>>
    A: APPEND Appended (\Seen \Flagged \Draft \Answered \Deleted) <<Subject: four>>
    A: APPEND Appended ($Forwarded Keyword) <<Subject: five>>
    A: APPEND Appended (\Seen) "05-Mar-2024 10:00:00 +0100" <<Subject: six>>
    A: APPEND Appended " 5-Mar-2024 23:59:59 -1200" <<Subject: seven>>
    A: APPEND Appended "29-Feb-2024 00:00:00 +0000" <<Subject: eight>>
    A: APPEND "Appended" (\seen) "31-Dec-1999 23:59:59 +0000" <<Subject: nine>>
    A: SELECT Appended
    A: FETCH 1:5 (UID FLAGS RFC822.SIZE)
    A: FETCH 6:* (UID FLAGS INTERNALDATE RFC822.SIZE)
    B: SELECT Appended
    A: APPEND Appended (\Seen) <<Subject: ten>>
    A: NOOP
    B: NOOP
    A: STATUS Appended (MESSAGES UIDNEXT)
    # With literals that are announced and not sent, since they are refused.
    A: APPEND Nowhere (\Seen) {10}
    A: APPEND Appended (\Nothing) {10}
    A: APPEND Appended "no date" {10}
    A: APPEND Appended
    A: STATUS Appended (MESSAGES UIDNEXT)
    """,
)

TOPICS = (APPEND,)
