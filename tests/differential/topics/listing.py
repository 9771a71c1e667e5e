"""LIST-EXTENDED, SPECIAL-USE, LIST-STATUS and STATUS=SIZE (RFC 5258, 6154, 5819, 8438)."""

from tests.differential.topic import Topic

EXTENDED = Topic(
    "list-extended",
    """
    A: CREATE Ext
    A: CREATE Ext/One
    A: CREATE Ext/One/Two
    A: CREATE Ext/Three
    A: CREATE Extra
    A: UNSUBSCRIBE Ext
    A: UNSUBSCRIBE Ext/One
    A: UNSUBSCRIBE Ext/One/Two
    A: UNSUBSCRIBE Ext/Three
    A: UNSUBSCRIBE Extra
    A: SUBSCRIBE Ext/One/Two
    A: SUBSCRIBE Extra
    A: LIST () "" Ext*
    A: LIST () "" Ext* RETURN ()
    A: LIST "" Ext* RETURN (CHILDREN)
    A: LIST "" Ext* RETURN (SUBSCRIBED)
    A: LIST "" Ext* RETURN (SUBSCRIBED CHILDREN)
    A: LIST (SUBSCRIBED) "" Ext*
    A: LIST (SUBSCRIBED) "" *
    A: LIST (SUBSCRIBED) "" Ext%
    A: LIST (SUBSCRIBED) "" Ext* RETURN (CHILDREN)
    A: LIST (SUBSCRIBED) "" Ext* RETURN (SUBSCRIBED)
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Ext%
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Ext/%
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (CHILDREN)
    A: LIST (RECURSIVEMATCH) "" Ext%
    A: LIST (REMOTE) "" Ext*
    A: LIST (SUBSCRIBED REMOTE) "" Ext*
    A: LIST "" (Ext Extra)
    A: LIST "" (Ext% INBOX)
    A: LIST "" (Ext Ext*)
    A: LIST "" (Ext/% Extra) RETURN (SUBSCRIBED)
    A: LIST (SUBSCRIBED) "" (Ext/* Extra)
    A: LIST Ext/ (% One/%)
    A: LIST "" () RETURN (CHILDREN)
    A: LIST (NOTHING) "" *
    A: LIST "" Ext RETURN (NOTHING)
    A: LIST "" Ext RETURN
    A: LIST (SUBSCRIBED "" Ext
    """,
    user="mapper",
    needs=("LIST-EXTENDED",),
)

# Subscribed and deleted.
NONEXISTENT = Topic(
    "list-extended: mailboxes that are deleted",
    """
    A: CREATE Left
    A: CREATE Left/Inside
    A: SUBSCRIBE Left
    A: SUBSCRIBE Left/Inside
    A: DELETE Left/Inside
    A: LIST (SUBSCRIBED) "" Left*
    A: LIST (SUBSCRIBED) "" Left* RETURN (CHILDREN)
    A: LIST (SUBSCRIBED) "" Left% RETURN (CHILDREN)
    A: LIST "" Left* RETURN (SUBSCRIBED CHILDREN)
    A: LIST () "" Left*
    A: LIST (SUBSCRIBED) "" Left* RETURN (STATUS (MESSAGES))
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Left%
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Left*
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Left/% RETURN (CHILDREN)
    A: UNSUBSCRIBE Left
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Left%
    A: DELETE Left
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Left%
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Left% RETURN (CHILDREN)
    A: LIST (SUBSCRIBED RECURSIVEMATCH) "" Left*
    A: LIST (SUBSCRIBED) "" (Left% Left/%)
    A: LIST "" Left* RETURN (SUBSCRIBED)
    A: CREATE Left
    A: CREATE Left/Inside
    A: SUBSCRIBE Left/Inside
    A: LIST (SUBSCRIBED) "" Left/*
    """,
    user="mapper",
    needs=("LIST-EXTENDED",),
)

SPECIAL_USE = Topic(
    "list: special uses",
    """
    A: LIST (SPECIAL-USE) "" *
    A: LIST (SPECIAL-USE) "" %
    A: LIST (SPECIAL-USE) "" S*
    A: LIST "" % RETURN (SPECIAL-USE)
    A: LIST "" Sent RETURN (SPECIAL-USE)
    A: LIST "" (Sent Drafts) RETURN (SPECIAL-USE SUBSCRIBED)
    A: LIST (SPECIAL-USE SUBSCRIBED) "" *
    """,
    user="mapper",
    needs=("LIST-EXTENDED", "SPECIAL-USE"),
)

STATUS = Topic(
    "list-status",
    """
    A: CREATE Counted
    A: CREATE Counted/Inside
    A: SUBSCRIBE Counted
    A: SUBSCRIBE Counted/Inside
    @load Counted plain alternative related
    @load Counted/Inside signed
    A: LIST "" Counted* RETURN (STATUS (MESSAGES UNSEEN))
    A: LIST "" Counted RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT))
    A: LIST "" (Counted INBOX) RETURN (STATUS (MESSAGES))
    A: LIST "" Counted% RETURN (CHILDREN STATUS (MESSAGES))
    A: LIST "" Counted% RETURN (SUBSCRIBED STATUS (UNSEEN) CHILDREN)
    A: LIST (SUBSCRIBED) "" Counted* RETURN (STATUS (MESSAGES))
    A: LIST "" Nothing RETURN (STATUS (MESSAGES))
    A: LIST "" Counted RETURN (STATUS ())
    A: LIST "" Counted RETURN (STATUS)
    A: LIST "" Counted RETURN (STATUS (NOTHING))
    """,
    needs=("LIST-EXTENDED", "LIST-STATUS"),
)

SIZE = Topic(
    "status=size",
    r"""
    A: CREATE Sized
    A: STATUS Sized (SIZE)
    @load Sized plain alternative related
    A: STATUS Sized (SIZE)
    A: STATUS Sized (MESSAGES SIZE UNSEEN)
    A: SELECT Sized
    A: STORE 1 +FLAGS.SILENT (\Deleted)
    A: EXPUNGE
    A: CLOSE
    A: STATUS Sized (SIZE)
    A: LIST "" Sized RETURN (STATUS (SIZE))
    """,
    needs=("STATUS=SIZE", "LIST-STATUS"),
)

TOPICS = (EXTENDED, NONEXISTENT, SPECIAL_USE, STATUS, SIZE)
