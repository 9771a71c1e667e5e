"""CONDSTORE (RFC 7162 3.1): what is told, and what is changed only if nobody else has."""

from tests.differential.topic import Topic

CONDSTORE = Topic(
    "condstore",
    r"""
    A: CREATE Conditional
    @load Conditional plain alternative related signed digest dots
    A: STATUS Conditional (HIGHESTMODSEQ)
    A: SELECT Conditional (CONDSTORE)
    A: FETCH 1:* (UID MODSEQ)
    A: FETCH 1:* (FLAGS MODSEQ)
    @keep start HIGHESTMODSEQ
    A: FETCH 1:* (FLAGS) (CHANGEDSINCE ${start})
    A: STORE 1 +FLAGS (\Flagged)
    @keep first HIGHESTMODSEQ
    A: FETCH 1:* (FLAGS) (CHANGEDSINCE ${start})
    A: UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${start})
    A: FETCH 1:* (UID) (CHANGEDSINCE ${first})
    A: STORE 2 +FLAGS.SILENT (\Flagged)
    A: FETCH 1:* (FLAGS) (CHANGEDSINCE ${first})
    A: STORE 1 (UNCHANGEDSINCE ${start}) +FLAGS (\Draft)
    A: STORE 3 (UNCHANGEDSINCE ${start}) +FLAGS (\Draft)
    A: STORE 1:4 (UNCHANGEDSINCE ${start}) +FLAGS.SILENT (\Answered)
    A: UID STORE 1,2,5 (UNCHANGEDSINCE ${first}) FLAGS (\Seen)
    A: STORE 6 (UNCHANGEDSINCE 0) FLAGS (\Seen)
    A: STORE 1:* (UNCHANGEDSINCE 4294967295) -FLAGS (\Draft)
    A: SEARCH MODSEQ 1
    A: SEARCH MODSEQ ${first}
    A: SEARCH MODSEQ ${first} SEEN
    A: SEARCH MODSEQ "/flags/\\Draft" all ${first}
    A: UID SEARCH MODSEQ ${first}
    A: SEARCH MODSEQ 4294967295
    A: SEARCH NOT MODSEQ 1
    A: STATUS Conditional (MESSAGES HIGHESTMODSEQ)
    A: STORE 6 +FLAGS.SILENT (\Deleted)
    A: EXPUNGE
    A: NOOP
    B: SELECT Conditional
    B: FETCH 1 FLAGS
    A: STORE 1 +FLAGS.SILENT (\Draft)
    B: NOOP
    B: FETCH 1 (MODSEQ)
    A: STORE 2 +FLAGS.SILENT (\Draft)
    B: NOOP
    A: FETCH 1 (FLAGS) (CHANGEDSINCE)
    A: FETCH 1 (FLAGS) (CHANGEDSINCE x)
    A: FETCH 1 (FLAGS) (NOTHING 1)
    A: STORE 1 (UNCHANGEDSINCE x) FLAGS (\Seen)
    A: STORE 1 (NOTHING 1) FLAGS (\Seen)
    A: SELECT Conditional (NOTHING)
    """,
    needs=("CONDSTORE",),
)

ENABLE = Topic(
    "enable condstore",
    r"""
    A: CREATE Enabled
    @load Enabled plain alternative
    A: ENABLE CONDSTORE
    A: ENABLE CONDSTORE
    A: ENABLE NOTHING
    A: ENABLE
    A: SELECT Enabled
    A: FETCH 1:* FLAGS
    A: STORE 1 +FLAGS (\Draft)
    A: STORE 1 +FLAGS.SILENT (\Flagged)
    B: EXAMINE Enabled (CONDSTORE)
    A: STORE 2 +FLAGS (\Draft)
    B: NOOP
    B: FETCH 1:* MODSEQ
    """,
    needs=("CONDSTORE", "ENABLE"),
)

TOPICS = (CONDSTORE, ENABLE)
