"""SEARCH of all kinds (RFC 3501 6.4.4), on the mailbox of all letters."""

from tests.differential.topic import Topic

FLAGS_AND_SETS = Topic(
    "search: flags and sets",
    """
    @letters
    A: SEARCH ALL
    A: UID SEARCH ALL
    A: SEARCH ANSWERED
    A: SEARCH UNANSWERED
    A: SEARCH DELETED
    A: SEARCH UNDELETED
    A: SEARCH DRAFT
    A: SEARCH UNDRAFT
    A: SEARCH FLAGGED
    A: SEARCH UNFLAGGED
    A: SEARCH SEEN
    A: SEARCH UNSEEN
    A: SEARCH RECENT
    A: SEARCH NEW
    A: SEARCH OLD
    A: SEARCH KEYWORD $Forwarded
    A: SEARCH UNKEYWORD $Forwarded
    A: SEARCH KEYWORD Work
    A: SEARCH KEYWORD work
    A: SEARCH KEYWORD Nothing
    A: SEARCH UNKEYWORD Nothing
    A: SEARCH 1
    A: SEARCH 1:5
    A: SEARCH 5:1
    A: SEARCH *
    A: SEARCH 110:*
    A: SEARCH 1,3,5:7
    A: SEARCH 200
    A: SEARCH 110:300
    A: SEARCH UID 1:5
    A: SEARCH UID *
    A: SEARCH UID 500
    A: SEARCH UID 100:500
    A: SEARCH 1:10 UID 5:15
    A: SEARCH 1:20 SEEN
    A: SEARCH SEEN ANSWERED
    A: SEARCH SEEN UNANSWERED DRAFT
    A: UID SEARCH UNSEEN UNDELETED
    A: UID SEARCH UID 1:* NOT DELETED
    A: search unseen flagged
    """,
)

COMBINED = Topic(
    "search: NOT, OR, parentheses",
    """
    @letters
    A: SEARCH NOT SEEN
    A: SEARCH NOT NOT SEEN
    A: SEARCH NOT 1:100
    A: SEARCH NOT UID 1:100
    A: SEARCH OR SEEN FLAGGED
    A: SEARCH OR 1:3 5:7
    A: SEARCH OR NOT SEEN DRAFT
    A: SEARCH NOT OR SEEN FLAGGED
    A: SEARCH OR OR SEEN FLAGGED DRAFT
    A: SEARCH OR SEEN OR FLAGGED DRAFT
    A: SEARCH (SEEN FLAGGED)
    A: SEARCH (SEEN) (1:50)
    A: SEARCH NOT (SEEN ANSWERED)
    A: SEARCH OR (SEEN ANSWERED) (FLAGGED KEYWORD Work)
    A: SEARCH OR (1:10 SEEN) (100:* UNSEEN)
    A: SEARCH ((1:10) ((SEEN)))
    A: SEARCH OR FROM anna SUBJECT boundary
    A: SEARCH NOT FROM anna
    A: SEARCH NOT (OR FROM anna TO ben) LARGER 100
    A: SEARCH OR FROM "carter" OR SUBJECT "minutes" OR TO "clara" OR CC "dora" BODY "sonnenblume"
    A: UID SEARCH (OR FROM "ben" (OR SUBJECT "ben" (OR TO "ben" (OR CC "ben" BODY "ben")))) NOT DELETED
    A: SEARCH NOT BODY text
    A: SEARCH OR NOT TEXT a NOT TEXT e
    A: SEARCH SUBJECT parts NOT SUBJECT inner
    """,
)

DATES_AND_SIZES = Topic(
    "search: dates and sizes",
    """
    @letters
    A: SEARCH BEFORE 5-Feb-2024
    A: SEARCH ON 5-Feb-2024
    A: SEARCH SINCE 5-Feb-2024
    A: SEARCH BEFORE 1-Jan-2024
    A: SEARCH SINCE 1-Jan-2024
    A: SEARCH SINCE 1-Jan-2030
    A: SEARCH ON "14-Feb-2024"
    A: SEARCH ON 29-Feb-2024
    A: SEARCH ON  1-Mar-2024
    A: SEARCH ON 01-Mar-2024
    A: SEARCH ON 1-MAR-2024
    A: SEARCH SINCE 10-Feb-2024 BEFORE 20-Feb-2024
    A: SEARCH NOT ON 5-Feb-2024
    A: SEARCH SENTON 11-Mar-2024
    A: SEARCH SENTBEFORE 11-Mar-2024
    A: SEARCH SENTSINCE 11-Mar-2024
    A: SEARCH SENTON 1-Feb-2024
    A: SEARCH SENTON 2-Feb-2024
    A: SEARCH SENTBEFORE 1-Jan-2024
    A: SEARCH SENTON 31-Dec-2023
    A: SEARCH SENTON 21-Nov-1997
    A: SEARCH SENTSINCE 1-Jan-1990
    A: SEARCH SENTBEFORE 1-Jan-2030
    A: SEARCH NOT SENTSINCE 1-Jan-1990
    A: SEARCH LARGER 0
    A: SEARCH LARGER 200
    A: SEARCH LARGER 5000
    A: SEARCH LARGER 100000
    A: SEARCH SMALLER 100
    A: SEARCH SMALLER 0
    A: SEARCH SMALLER 1
    A: SEARCH LARGER 100 SMALLER 200
    A: SEARCH LARGER 451 SMALLER 453
    A: SEARCH LARGER 4294967295
    """,
)

HEADERS = Topic(
    "search: header fields",
    """
    @letters
    A: SEARCH FROM anna
    A: SEARCH FROM "Anna Bohr"
    A: SEARCH FROM ANNA@OFFICE.LAN
    A: SEARCH FROM @office
    A: SEARCH TO ben
    A: SEARCH TO "ben@office.lan"
    A: SEARCH CC dora
    A: SEARCH CC cc70@example.org
    A: SEARCH BCC hidden
    A: SEARCH BCC ""
    A: SEARCH SUBJECT minutes
    A: SEARCH SUBJECT "of the meeting"
    A: SEARCH SUBJECT "folded over"
    A: SEARCH SUBJECT "over two lines"
    A: SEARCH SUBJECT two
    A: SEARCH SUBJECT ""
    A: SEARCH SUBJECT nowhere-at-all
    A: SEARCH SUBJECT "first subject"
    A: SEARCH SUBJECT "second subject"
    A: SEARCH TO first.to
    A: SEARCH TO second.to
    A: SEARCH CC third.cc
    A: SEARCH TO "person150@office.lan"
    A: SEARCH TO "Person Number 149"
    A: SEARCH SUBJECT "part 059"
    A: SEARCH HEADER Message-ID minutes.1
    A: SEARCH HEADER message-id "<minutes.1@office.lan>"
    A: SEARCH HEADER In-Reply-To minutes.1
    A: SEARCH HEADER References everything
    A: SEARCH HEADER References minutes.0
    A: SEARCH HEADER X-Priority ""
    A: SEARCH HEADER X-Priority highest
    A: SEARCH HEADER X-Nowhere ""
    A: SEARCH HEADER Subject ""
    A: SEARCH HEADER Date ""
    A: SEARCH HEADER List-Id office
    A: SEARCH HEADER Received pc.office.lan
    A: SEARCH HEADER Received "postino.office.lan; Tue"
    A: SEARCH HEADER Content-Type multipart
    A: SEARCH HEADER Content-Type "boundary="
    A: SEARCH HEADER Content-Type ""
    A: SEARCH HEADER X-Long xxxx
    A: SEARCH HEADER X-Folded "folded 1499"
    A: SEARCH HEADER X-Field-299 "value 299"
    A: SEARCH HEADER X-Empty-Fold ""
    A: SEARCH HEADER MIME-Version 1.0
    A: SEARCH HEADER To team
    A: SEARCH FROM root
    A: SEARCH FROM quoted
    A: SEARCH SUBJECT "quoted"
    A: SEARCH SUBJECT <<minutes>>
    A: SEARCH FROM <<anna>> SUBJECT <<minutes of>>
    A: SEARCH SUBJECT a SUBJECT e
    """,
)

BODIES = Topic(
    "search: bodies and texts",
    """
    @letters
    A: SEARCH BODY invoice
    A: SEARCH BODY "quarterly INVOICE"
    A: SEARCH BODY text
    A: SEARCH BODY "Dear Ben"
    A: SEARCH BODY needle
    A: SEARCH BODY nowhere-at-all
    A: SEARCH BODY Sonnenblume
    A: SEARCH BODY "langes Wort"
    A: SEARCH BODY "goes on here"
    A: SEARCH BODY "am Ende = so"
    A: SEARCH BODY "=3D"
    A: SEARCH BODY "Third level, plain"
    A: SEARCH BODY "innermost"
    A: SEARCH BODY "second text"
    A: SEARCH BODY "fourth text"
    A: SEARCH BODY "table of contents"
    A: SEARCH BODY "preamble"
    A: SEARCH BODY "epilogue"
    A: SEARCH BODY "iVBORw0KGgo"
    A: SEARCH BODY "wsB5BAABCAAjFiEE"
    A: SEARCH BODY "part 90"
    A: SEARCH BODY "Moscow"
    A: SEARCH BODY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    A: SEARCH BODY "Status: 5.1.1"
    A: SEARCH BODY "not a subject"
    A: SEARCH TEXT minutes
    A: SEARCH TEXT "anna@office.lan"
    A: SEARCH TEXT "Subject:"
    A: SEARCH TEXT "X-Priority"
    A: SEARCH TEXT sonnenblume
    A: SEARCH TEXT invoice
    A: SEARCH TEXT "table of contents"
    A: SEARCH TEXT "Second topic"
    A: SEARCH TEXT "Content-Type"
    A: SEARCH TEXT ""
    A: SEARCH BODY ""
    A: SEARCH TEXT "nowhere-at-all"
    """,
)

CHARSETS = Topic(
    "search: character sets",
    """
    @letters
    A: SEARCH CHARSET US-ASCII SUBJECT minutes
    A: SEARCH CHARSET UTF-8 SUBJECT minutes
    A: SEARCH CHARSET utf-8 FROM anna BODY text
    A: SEARCH CHARSET UTF-8 SUBJECT <<Prüfung>>
    A: SEARCH CHARSET UTF-8 SUBJECT <<PRÜFUNG DER LÜFTUNG>>
    A: SEARCH CHARSET UTF-8 SUBJECT <<確認>>
    A: SEARCH CHARSET UTF-8 FROM <<Jörg>>
    A: SEARCH CHARSET UTF-8 FROM <<müller>>
    A: SEARCH CHARSET UTF-8 TO <<Zoë>>
    A: SEARCH CHARSET UTF-8 TO <<André>>
    A: SEARCH CHARSET UTF-8 SUBJECT <<für 5 €>>
    A: SEARCH CHARSET UTF-8 SUBJECT <<Привет>>
    A: SEARCH CHARSET UTF-8 SUBJECT <<привет>>
    A: SEARCH CHARSET UTF-8 HEADER Comments <<€uro>>
    A: SEARCH CHARSET UTF-8 BODY <<Grüße>>
    A: SEARCH CHARSET UTF-8 BODY <<GRÜßE>>
    A: SEARCH CHARSET UTF-8 BODY <<Büro>>
    A: SEARCH CHARSET UTF-8 BODY <<Straße>>
    A: SEARCH CHARSET UTF-8 BODY <<確認>>
    A: SEARCH CHARSET UTF-8 BODY <<Привет>>
    A: SEARCH CHARSET UTF-8 BODY <<aus dem Büro, ein langes>>
    A: SEARCH CHARSET UTF-8 BODY <<— Ben>>
    A: SEARCH CHARSET UTF-8 TEXT <<Grüße>>
    A: SEARCH CHARSET UTF-8 TEXT <<Prüfung>>
    A: SEARCH CHARSET UTF-8 SUBJECT <<>>
    A: SEARCH CHARSET X-UNKNOWN SUBJECT minutes
    A: UID SEARCH CHARSET UTF-8 SUBJECT <<Prüfung>>
    """,
)

ERRORS = Topic(
    "search: what is no SEARCH",
    """
    @letters
    A: SEARCH
    A: SEARCH NOTHING
    A: SEARCH NOT
    A: SEARCH OR SEEN
    A: SEARCH (SEEN
    A: SEARCH SEEN)
    A: SEARCH ()
    A: SEARCH SUBJECT
    A: SEARCH HEADER Subject
    A: SEARCH LARGER
    A: SEARCH LARGER x
    A: SEARCH ON yesterday
    A: SEARCH ON 32-Jan-2024
    A: SEARCH ON 1-Foo-2024
    A: SEARCH UID
    A: SEARCH UID x
    A: SEARCH 0
    A: SEARCH CHARSET
    A: SEARCH CHARSET UTF-8
    A: SEARCH ALL
    """,
)

TOPICS = (FLAGS_AND_SETS, COMBINED, DATES_AND_SIZES, HEADERS, BODIES, CHARSETS, ERRORS)
