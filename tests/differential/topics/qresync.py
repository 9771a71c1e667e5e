"""QRESYNC (RFC 7162 3.2): VANISHED, and SELECT with what the client knows."""

from tests.differential.topic import Topic

QRESYNC = Topic(
    "qresync",
    r"""
    A: CREATE Quick
    @load Quick plain alternative related signed digest dots reply calendar
    A: SELECT Quick (QRESYNC (1 1))
    A: ENABLE QRESYNC
    A: SELECT Quick
    @keep v UIDVALIDITY
    @keep start HIGHESTMODSEQ
    A: FETCH 1:* (UID MODSEQ)
    @keep loaded HIGHESTMODSEQ
    A: STORE 1 +FLAGS.SILENT (\Flagged)
    A: STORE 2,4 +FLAGS.SILENT (\Deleted)
    A: EXPUNGE
    A: NOOP
    @keep later HIGHESTMODSEQ
    A: UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${loaded})
    A: UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${loaded} VANISHED)
    A: UID FETCH 3:5 (FLAGS) (CHANGEDSINCE ${loaded} VANISHED)
    A: UID FETCH 1:* (FLAGS) (VANISHED)
    A: FETCH 1:* (FLAGS) (CHANGEDSINCE ${loaded} VANISHED)
    A: CLOSE
    A: SELECT Quick (QRESYNC (${v} ${loaded}))
    A: SELECT Quick (QRESYNC (${v} ${loaded} 1:8))
    A: SELECT Quick (QRESYNC (${v} ${loaded} 3:6))
    A: SELECT Quick (QRESYNC (${v} ${later}))
    A: SELECT Quick (QRESYNC (${v} ${loaded} 1:8 (1,3,5 1,3,5)))
    A: SELECT Quick (QRESYNC (1 ${loaded}))
    A: EXAMINE Quick (QRESYNC (${v} ${loaded}))
    A: SELECT Quick
    B: ENABLE QRESYNC
    B: SELECT Quick
    A: STORE 1 +FLAGS.SILENT (\Draft)
    A: STORE 3,4 +FLAGS.SILENT (\Deleted)
    B: NOOP
    A: UID EXPUNGE 6
    B: NOOP
    A: EXPUNGE
    B: NOOP
    A: MOVE 1 Sent
    B: NOOP
    B: STORE 2 +FLAGS.SILENT (\Answered)
    B: SEARCH MODSEQ ${later}
    A: NOOP
    A: SELECT Quick (QRESYNC (${v}))
    A: SELECT Quick (QRESYNC)
    """,
    needs=("QRESYNC", "ENABLE"),
)

TOPICS = (QRESYNC,)
