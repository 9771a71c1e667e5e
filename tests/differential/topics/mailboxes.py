"""LIST, LSUB, STATUS, SELECT, and mailboxes that come and go (RFC 3501 6.3)."""

from tests.differential.topic import Topic

LIST = Topic(
    "list: patterns",
    """
    A: LIST "" *
    A: LIST "" %
    A: LIST "" ""
    A: LIST "" INBOX
    A: LIST "" inbox
    A: CREATE Projects
    A: CREATE Projects/Garden
    A: CREATE Projects/Garden/Shed
    A: CREATE Projects/House
    A: CREATE "With Blanks"
    A: CREATE Work
    A: CREATE Workshop
    A: CREATE Pr&APw-fung
    A: CREATE INBOX/Below
    A: LIST "" *
    A: LIST "" %
    A: LIST "" %/%
    A: LIST "" */*
    A: LIST "" Projects
    A: LIST "" Projects/
    A: LIST "" Projects/%
    A: LIST "" Projects/*
    A: LIST "" Projects*
    A: LIST "" Projects%
    A: LIST "" Pro%
    A: LIST "" Pro*
    A: LIST "" *Garden
    A: LIST "" %Garden
    A: LIST "" */Garden
    A: LIST "" *ar*
    A: LIST "" Work
    A: LIST "" Work*
    A: LIST "" W%
    A: LIST "" work
    A: LIST "" "With Blanks"
    A: LIST "" "With%"
    A: LIST "" Nothing
    A: LIST "" Pr&APw-*
    A: LIST "" *s
    A: LIST "" %s
    A: LIST "" I*
    A: LIST "" i*
    A: LIST "" INBOX/%
    A: LIST "" inbox*
    A: LIST Projects %
    A: LIST Projects/ %
    A: LIST Projects/ *
    A: LIST Projects ""
    A: LIST Projects/Garden ""
    A: LIST "Projects/" Garden
    A: LIST "" <<Projects/%>>
    A: LIST <<>> <<*>>
    A: list "" "*"
    """,
    user="lister",
)

SUBSCRIPTIONS = Topic(
    "lsub: subscriptions",
    """
    A: LSUB "" *
    A: CREATE Read
    A: LSUB "" Read
    A: CREATE Read/Later
    A: CREATE Read/Later/Again
    A: UNSUBSCRIBE Read
    A: UNSUBSCRIBE Read/Later
    A: UNSUBSCRIBE Read/Later/Again
    A: LSUB "" Read*
    A: SUBSCRIBE Read
    A: SUBSCRIBE Read
    A: LSUB "" Read*
    A: SUBSCRIBE Read/Later/Again
    A: LSUB "" Read*
    A: LSUB "" Read/%
    A: LSUB "" Read/%/%
    A: LSUB "" %
    A: LSUB "" *
    A: LSUB Read/ *
    A: UNSUBSCRIBE Read
    A: LSUB "" Read*
    A: LSUB "" Read%
    A: UNSUBSCRIBE Read
    A: UNSUBSCRIBE Nowhere
    A: SUBSCRIBE Nowhere
    A: LSUB "" INBOX
    A: LSUB "" inbox
    A: SUBSCRIBE inbox
    A: LSUB "" Nowhere
    A: LSUB "" ""
    """,
    user="taker",
)

# RFC 3501 6.3.9: a subscription stays when the mailbox goes, or gets another name.
DELETED = Topic(
    "lsub: mailboxes that are deleted",
    """
    A: CREATE Gone
    A: SUBSCRIBE Gone
    A: DELETE Gone
    A: LSUB "" Gone
    A: LIST "" Gone
    A: STATUS Gone (MESSAGES)
    A: DELETE Gone
    A: RENAME Gone Again
    A: CREATE Gone
    A: LSUB "" Gone
    A: DELETE Gone
    A: UNSUBSCRIBE Gone
    A: LSUB "" Gone
    A: UNSUBSCRIBE Gone
    A: CREATE Old
    A: CREATE Old/Inside
    A: SUBSCRIBE Old
    A: SUBSCRIBE Old/Inside
    A: RENAME Old New
    A: LSUB "" Old*
    A: LSUB "" Old%
    A: UNSUBSCRIBE Old
    A: LSUB "" Old*
    A: LSUB "" Old%
    A: RENAME New/Inside Old
    A: LSUB "" Old/*
    A: DELETE Old
    A: UNSUBSCRIBE Old
    A: UNSUBSCRIBE Old/Inside
    A: LSUB "" Old*
    """,
    user="taker",
)

NAMES = Topic(
    "mailboxes: create, delete, rename",
    """
    A: CREATE One
    A: CREATE One
    A: CREATE INBOX
    A: CREATE inbox
    A: CREATE ""
    A: CREATE Two/
    A: LIST "" Two
    A: DELETE One
    A: DELETE One
    A: DELETE Nowhere
    A: DELETE INBOX
    A: DELETE Two
    A: CREATE Three
    A: CREATE Three/Inside
    A: RENAME Three Four
    A: LIST "" Three*
    A: LIST "" Four*
    A: RENAME Four Four
    A: RENAME Nowhere Five
    A: CREATE Five
    A: RENAME Five Four
    A: RENAME Five Six
    A: DELETE Six
    A: DELETE Four/Inside
    A: DELETE Four
    A: LIST "" Four*
    A: SELECT Nowhere
    A: EXAMINE Nowhere
    A: STATUS Nowhere (MESSAGES)
    A: APPEND Nowhere <<Subject: x>>
    A: SUBSCRIBE ""
    A: CREATE Seven
    @load Seven plain alternative
    A: RENAME Seven Eight
    A: STATUS Eight (MESSAGES UIDNEXT UNSEEN)
    A: STATUS Seven (MESSAGES)
    A: SELECT Eight
    A: FETCH 1:* (UID FLAGS RFC822.SIZE)
    A: CLOSE
    A: DELETE Eight
    A: CREATE Eight
    A: STATUS Eight (MESSAGES UIDNEXT)
    A: DELETE Eight
    """,
)

STATUS = Topic(
    "status",
    r"""
    A: CREATE Status
    A: STATUS Status (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)
    @load Status plain alternative related signed digest
    A: STATUS Status (MESSAGES)
    A: STATUS Status (RECENT)
    A: STATUS Status (UIDNEXT)
    A: STATUS Status (UIDVALIDITY)
    A: STATUS Status (UNSEEN)
    A: STATUS Status (UNSEEN MESSAGES)
    A: STATUS Status (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)
    A: status status (messages)
    A: STATUS "Status" (messages unseen)
    A: STATUS Status ()
    A: STATUS Status MESSAGES
    A: STATUS Status
    A: STATUS Status (NOTHING)
    A: STATUS INBOX (MESSAGES UNSEEN)
    A: STATUS Sent (MESSAGES RECENT UIDNEXT UNSEEN)
    A: SELECT Status
    A: STATUS Status (MESSAGES RECENT UIDNEXT UNSEEN)
    A: STORE 1 +FLAGS (\Seen \Deleted)
    A: STATUS Status (MESSAGES UNSEEN)
    B: STATUS Status (MESSAGES UNSEEN UIDNEXT RECENT)
    A: EXPUNGE
    B: STATUS Status (MESSAGES UNSEEN UIDNEXT)
    A: CLOSE
    A: STATUS Status (MESSAGES UNSEEN UIDNEXT RECENT)
    """,
)

SELECT = Topic(
    "select, examine, close, unselect",
    r"""
    A: CREATE Opened
    A: SELECT Opened
    A: SEARCH ALL
    A: UID FETCH 1:* FLAGS
    A: UID SEARCH ALL
    A: CLOSE
    @load Opened plain alternative related
    A: SELECT Opened
    A: FETCH 1:* FLAGS
    A: SELECT Opened
    A: EXAMINE Opened
    A: STORE 1 +FLAGS (\Seen)
    A: EXPUNGE
    A: FETCH 1 (FLAGS BODY[TEXT])
    A: CLOSE
    A: FETCH 1 FLAGS
    A: CHECK
    A: SELECT Opened
    A: STORE 1 +FLAGS (\Deleted)
    A: UNSELECT
    A: SELECT Opened
    A: STORE 2 +FLAGS (\Seen)
    A: CLOSE
    A: SELECT Opened
    A: FETCH 1:* (UID FLAGS)
    A: STORE 1 +FLAGS (\Deleted)
    A: SELECT INBOX
    A: EXAMINE Opened
    A: FETCH 1:* (UID FLAGS)
    A: CLOSE
    A: STATUS Opened (MESSAGES)
    A: SELECT Nowhere
    A: FETCH 1 FLAGS
    A: NOOP
    A: CHECK
    A: UNSELECT
    A: NAMESPACE
    A: SELECT
    A: SELECT Opened Extra
    A: NONSENSE
    """,
)

TOPICS = (LIST, SUBSCRIPTIONS, DELETED, NAMES, STATUS, SELECT)
