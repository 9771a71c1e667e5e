"""COPY, MOVE and EXPUNGE, with their UIDs (RFC 3501, 4315, 6851), also as a second session sees them."""

from tests.differential.topic import Topic

COPY = Topic(
    "copy",
    r"""
    A: CREATE From
    A: CREATE To
    @load From plain alternative related signed digest dots reply
    A: SELECT From
    A: COPY 1 To
    A: COPY 2:3 To
    A: COPY 7,5,6 To
    A: COPY * To
    A: COPY 1:* To
    A: UID COPY 1 To
    A: UID COPY 2:3,7 To
    A: UID COPY 50 To
    A: UID COPY 1,50 To
    A: COPY 1 Nowhere
    A: UID COPY 1 Nowhere
    A: UID COPY 50 Nowhere
    A: COPY 1 From
    A: NOOP
    A: COPY 99 To
    A: COPY 0 To
    A: COPY 1
    A: COPY
    A: COPY 1 <<To>>
    A: copy 1 "To"
    A: STATUS To (MESSAGES UIDNEXT UNSEEN)
    B: SELECT To
    B: FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
    B: FETCH 1:3 ENVELOPE
    A: COPY 2 To
    B: NOOP
    B: FETCH * (UID FLAGS)
    """,
)

MOVE = Topic(
    "move",
    r"""
    A: CREATE Source
    A: CREATE Target
    @load Source plain alternative related signed digest dots reply calendar
    A: SELECT Source
    A: MOVE 1 Target
    A: NOOP
    A: MOVE 2:3 Target
    A: UID MOVE 5 Target
    A: UID MOVE 50 Target
    A: UID MOVE 6,50 Target
    A: MOVE 1 Nowhere
    A: MOVE 99 Target
    A: MOVE 1
    A: FETCH 1:* (UID FLAGS)
    A: STATUS Target (MESSAGES UIDNEXT)
    B: SELECT Source
    A: MOVE 1:* Target
    B: NOOP
    A: STATUS Source (MESSAGES UIDNEXT)
    A: SELECT Target
    A: FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
    A: EXAMINE Target
    A: MOVE 1 Source
    """,
    needs=("MOVE",),
)

EXPUNGE = Topic(
    "expunge",
    r"""
    A: CREATE Shrinking
    @load Shrinking plain alternative related signed digest dots reply calendar koi8_body latin1_body
    A: SELECT Shrinking
    A: EXPUNGE
    A: STORE 2,4,6 +FLAGS.SILENT (\Deleted)
    A: EXPUNGE
    A: FETCH 1:* UID
    A: STORE 1:2 +FLAGS.SILENT (\Deleted)
    A: UID EXPUNGE 3
    A: UID EXPUNGE 2
    A: UID EXPUNGE 1:*
    A: UID EXPUNGE 50
    A: UID EXPUNGE
    A: FETCH 1:* (UID FLAGS)
    A: STORE * +FLAGS.SILENT (\Deleted)
    A: SEARCH DELETED
    A: EXPUNGE
    A: NOOP
    A: STATUS Shrinking (MESSAGES UIDNEXT)
    @load Shrinking plain
    A: NOOP
    A: FETCH * UID
    A: EXPUNGE NOW
    """,
)

TWO_SESSIONS = Topic(
    "expunge: two sessions",
    r"""
    A: CREATE Both
    @load Both plain alternative related signed digest dots
    A: SELECT Both
    B: SELECT Both
    A: STORE 2 +FLAGS.SILENT (\Deleted)
    A: EXPUNGE
    B: NOOP
    B: FETCH 1:* UID
    A: STORE 1 +FLAGS (\Deleted)
    A: EXPUNGE
    B: UID SEARCH ALL
    B: FETCH 1 UID
    A: STORE 1:2 +FLAGS (\Deleted)
    B: UID EXPUNGE 3
    A: NOOP
    B: STORE 1 -FLAGS (\Deleted)
    A: CLOSE
    B: NOOP
    @load Both plain
    B: NOOP
    B: FETCH * (UID FLAGS)
    """,
)

TOPICS = (COPY, MOVE, EXPUNGE, TWO_SESSIONS)
