"""STORE in all its forms, and how a second session learns of it (RFC 3501 6.4.6)."""

from tests.differential.topic import Topic

STORE = Topic(
    "store: all forms",
    r"""
    A: CREATE Flags
    @load Flags plain alternative related signed digest dots reply
    A: SELECT Flags
    A: STORE 1 FLAGS (\Seen)
    A: STORE 1 FLAGS (\Seen \Flagged)
    A: STORE 1 FLAGS ()
    A: STORE 1 +FLAGS (\Answered)
    A: STORE 1 +FLAGS (\Answered)
    A: STORE 1 +FLAGS (\Seen \Draft)
    A: STORE 1 -FLAGS (\Seen)
    A: STORE 1 -FLAGS (\Seen \Flagged)
    A: STORE 1 +FLAGS ()
    A: STORE 1 -FLAGS ()
    A: STORE 2 FLAGS.SILENT (\Seen)
    A: FETCH 2 FLAGS
    A: STORE 2 +FLAGS.SILENT (\Flagged)
    A: FETCH 2 FLAGS
    A: STORE 2 -FLAGS.SILENT (\Seen)
    A: FETCH 2 FLAGS
    A: STORE 3 FLAGS \Seen
    A: STORE 3 +FLAGS \Flagged \Draft
    A: STORE 3 +FLAGS (Keyword)
    A: STORE 3 +FLAGS ($MDNSent NonJunk)
    A: FETCH 3 FLAGS
    A: STORE 3 -FLAGS (keyword)
    A: STORE 3 FLAGS (\Seen)
    A: SEARCH KEYWORD NonJunk
    A: STORE 1:3 +FLAGS (\Flagged)
    A: STORE 4:* FLAGS (\Seen)
    A: STORE 7,5,6 +FLAGS (\Draft)
    A: STORE * -FLAGS (\Draft)
    A: UID STORE 1 +FLAGS (\Seen)
    A: UID STORE 1:3 FLAGS (\Flagged)
    A: UID STORE 2 +FLAGS.SILENT (\Deleted)
    A: UID STORE 50 +FLAGS (\Deleted)
    A: UID STORE 1,50,3 +FLAGS (\Answered)
    A: STORE 1 flags (\SEEN \flagged)
    A: FETCH 1:* (UID FLAGS)
    A: SELECT Flags
    A: FETCH 1:* (UID FLAGS)
    """,
)

ERRORS = Topic(
    "store: what is no STORE",
    r"""
    A: CREATE NoStore
    @load NoStore plain
    A: SELECT NoStore
    A: STORE
    A: STORE 1
    A: STORE 1 NOTHING (\Seen)
    A: STORE 1 FLAGS (\Seen
    A: STORE 1 FLAGS (\Nothing)
    A: STORE 1 FLAGS (\)
    A: STORE 1 FLAGS (a(b)
    A: STORE 1 FLAGS ("quoted")
    A: STORE 1 +FLAGS.LOUD (\Seen)
    A: STORE 0 FLAGS (\Seen)
    A: STORE 5 FLAGS (\Seen)
    A: STORE x FLAGS (\Seen)
    A: FETCH 1 FLAGS
    """,
)

TWO_SESSIONS = Topic(
    "store: two sessions",
    r"""
    A: CREATE Shared
    @load Shared plain alternative related signed
    A: SELECT Shared
    B: SELECT Shared
    A: STORE 1 FLAGS (\Seen)
    B: NOOP
    A: STORE 2 +FLAGS.SILENT (\Flagged)
    B: NOOP
    B: FETCH 2 FLAGS
    A: STORE 3 +FLAGS (Secret)
    B: NOOP
    B: STORE 3 -FLAGS (Secret)
    A: NOOP
    A: STORE 1 +FLAGS (\Draft)
    B: STORE 1 +FLAGS (\Answered)
    A: NOOP
    B: NOOP
    A: STORE 1:2 FLAGS (\Seen)
    A: STORE 1:2 FLAGS (\Seen \Draft)
    B: FETCH 4 FLAGS
    B: CHECK
    A: FETCH 4 BODY[TEXT]
    B: NOOP
    B: FETCH 1:* FLAGS
    """,
)

TOPICS = (STORE, ERRORS, TWO_SESSIONS)
