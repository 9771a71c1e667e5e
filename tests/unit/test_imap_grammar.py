"""The strict reader of IMAP responses: what the RFCs show is read, and every rule has a line that it refuses."""

import ast
import re
from pathlib import Path

import pytest

from tests.support import imap_grammar
from tests.support.imap_grammar import Code, GrammarError, parse
from tests.support.imap_grammar.stream import Stream

FOLDER = Path(imap_grammar.__file__).parent

# Mostly examples of the RFCs, in their order. A line end within is one of a literal; what is indented goes on.
GOOD = rb"""
* OK IMAP4rev1 Service Ready
* PREAUTH IMAP4rev1 server logged in as Smith
* BYE Autologout; idle for too long
* OK [ALERT] System shutdown in 10 minutes
A223 NO COPY failed: disk is full
* BAD Empty command line
+ Ready for additional command text
+ idling
+ YDMGCSqGSIb3EgECAgIBAAD/////6jcyG4GE3KkTzBeBiVHeceP2CWY0SR0fAQAgAAQEBAQ=
+ YGgGCSqGSIb3EgECAgIAb1kwV6ADAgEFoQMCAQ+iSzBJoAMC
* CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI LOGINDISABLED
abcd OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] CAPABILITY completed
* 172 EXISTS
* 0 RECENT
* OK [UNSEEN 12] Message 12 is first unseen
* OK [UIDVALIDITY 3857529045] UIDs valid
* OK [UIDNEXT 4392] Predicted next UID
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
* FLAGS ()
* OK [PERMANENTFLAGS (\Deleted \Seen \*)] Limited
* OK [PERMANENTFLAGS ()] No permanent flags permitted
A142 OK [READ-WRITE] SELECT completed
A932 OK [READ-ONLY] EXAMINE completed
* LIST (\Noselect) "/" ""
* LIST (\Noselect) "/" ~/Mail/foo
* LIST () "\\" "foo\"b\\ar"
* LIST () NIL {5}
INBOX
* LIST () "/" "Entw&APw-rfe"
* LIST () "/" "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
* LIST () "/" "R&-D"
* LSUB (\Subscribed \NonExistent) "." #news.comp.mail.misc
* LIST (\NonExistent) "/" "Foo" ("CHILDINFO" ("SUBSCRIBED"))
* LIST () "/" "INBOX" (OLDNAME ("inbox"))
* LIST (\Sent \HasNoChildren) "/" SentMail
* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)
* STATUS "a b" ()
* STATUS INBOX (MESSAGES 17 SIZE 9223372036854775807 HIGHESTMODSEQ 7011231777)
* STATUS foo (MAILBOXID (F2212ea87-6097-4256-9d51-71338625) APPENDLIMIT NIL DELETED-STORAGE 12 DELETED 4)
* SEARCH
* SEARCH 2 84 882
* SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)
* SORT 5 3 4 1 2 (MODSEQ 7)
* ESEARCH (TAG "A282") MIN 2 COUNT 3
* ESEARCH (TAG "A283") ALL 2,10:11
* ESEARCH (TAG "A285") UID MIN 7 MAX 3800 MODSEQ 1236
* ESEARCH (TAG {2}
a]) COUNT 0
* ESEARCH
* 44 EXPUNGE
* VANISHED 505,507,510,625
* VANISHED (EARLIER) 41,43:116,118,120:211,214:540
* ENABLED CONDSTORE X-GOOD-IDEA
* ENABLED
* ID ("name" "Cyrus" "version" "1.5" "support-url" NIL)
* ID NIL
* NAMESPACE (("" "/")) NIL NIL
* NAMESPACE (("INBOX." ".")) (("~" "/")("&U,BTFw-" NIL)) (("#shared/" "/" "X-PARAM" ("FLAG1" "FLAG2")))
* QUOTAROOT INBOX "" "#user"
* QUOTA "" (STORAGE 10 512)
* QUOTA "!partition/sda4" (STORAGE 104 10923847 MESSAGE 1 2)
A003 OK [APPENDUID 38505 3955:3957] APPEND completed
A004 OK [COPYUID 38505 304,319:320 3956:3958] Done
t8 OK [HIGHESTMODSEQ 9223372036854775807] Done
d105 OK [MODIFIED 7,9] Conditional STORE failed
* NO [UIDNOTSTICKY] Non-persistent UIDs
B282 NO [BADCHARSET (US-ASCII "UTF-8")] That charset is not known
B283 NO [BADCHARSET] That charset is not known
3 OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Completed
A003 NO [TRYCREATE] No such mailbox
b OK [EXPUNGEISSUED] Search completed
* 12 FETCH (FLAGS (\Seen \Recent $Label) RFC822.SIZE 44827 UID 4 INTERNALDATE " 1-Jul-1996 02:44:25 -0700")
* 12 FETCH (BODY[HEADER] {2}

 BODY[1.2.HEADER.FIELDS.NOT ("a b" {1}
x)]<4294967295> NIL BODY[] "" BODY[TEXT]<0> "x" BODY[3.MIME] "y")
* 1 FETCH (RFC822 {3}
a)( RFC822.HEADER NIL RFC822.TEXT "")
* 1 FETCH (BINARY[] "" BINARY.SIZE[1.2] 0 BINARY[1]<3> ~{0}
)
* 1 FETCH (MODSEQ (624140003))
* 1 FETCH (PREVIEW "Preview text!" SAVEDATE "29-Feb-2024 23:59:60 +0000" EMAILID (M6d99ac3275bb4e) THREADID NIL)
* 1 FETCH (THREADID (T64b478a75b7ea9) SAVEDATE NIL PREVIEW NIL)
* 1 FETCH (ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" (("Terry
    Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL
    "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes"
    "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL
    "<B27397-0100000@cac.washington.edu>"))
* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL "staff" NIL)(NIL "@a" "b" "")(NIL NIL NIL NIL)) NIL NIL NIL NIL))
* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92))
* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)("TEXT" "PLAIN"
    ("CHARSET" "US-ASCII" "NAME" "cc.diff") "<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64"
    4554 73) "MIXED"))
* 1 FETCH (BODYSTRUCTURE (("text" {4}
html NIL NIL NIL "8bit" 0 0 NIL ("inline" ("a" "b")) ("de" "en") "http://x")("image" "png" NIL NIL NIL "base64"
    7 NIL) "related" ("boundary" "x") NIL NIL NIL))
* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 7 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)
    ("application" "x" NIL NIL NIL "x" 1) 3 NIL NIL "en"))
* 1 FETCH (BODY (("message" "delivery-status" NIL NIL NIL "7bit" 7)("message" "global" NIL NIL NIL "7bit" 7)
    "report"))
"""

BAD = rb"""
* OK
* OK [ALERT]
* OK[ALERT] x
* OK  x
* OK x{blank}
* OK [ALERT]  x
* OK [PURPLE] x
* OK [UIDNEXT] x
* OK [UIDNEXT 0] x
* OK [UIDNEXT 4294967296] x
* OK [UIDNEXT 01] x
* OK [TRYCREATE] x
* OK [PERMANENTFLAGS (\Recent)] x
* OK [HIGHESTMODSEQ 9223372036854775808] x
* OK [MAILBOXID F1] x
* OK [MAILBOXID (F.1)] x
* OK caf\xc3\xa9
* OK nul\x00
a OK [COPYUID 1 1:2 3] x
a OK [COPYUID 1 1:* 3] x
a OK [APPENDUID 1 3,] x
a OK [APPENDUID 1 4294967296] x
a NO [BADCHARSET ()] x
a NO [UIDVALIDITY 5] x
a YES x
a+b OK x
a  OK x
 * OK x
+
+Ready for more
* FLAGS (\Seen )
* FLAGS ( \Seen)
* FLAGS (\Seen  a)
* FLAGS(\Seen)
* FLAGS (\Recent)
* FLAGS (\*)
* FLAGS (\Own)
* FLAGS (a A)
* FLAGS (a
* FLAGS (\Seen){blank}
* FLAGS \Seen
* 03 EXISTS
* 3  EXISTS
* 3 EXISTS x
* 4294967296 EXISTS
* 0 EXPUNGE
* 3 PURPLE
* PURPLE
* CAPABILITY
* CAPABILITY IDLE
* CAPABILITY IMAP4rev1 IDLE idle
* ENABLED A a
* LIST () "/" a b
* LIST () "//" a
* LIST () "" a
* LIST () / a
* LIST (\Marked \Noselect) "/" a
* LIST (\HasChildren \HasNoChildren) "/" a
* LIST (\HasChildren \HasChildren) "/" a
* LIST (\Purple) "/" a
* LIST (Sent) "/" a
* LIST () "/" "caf\xc3\xa9"
* LIST () "/" {5}|caf\xc3\xa9
* LIST () "/" a&
* LIST () "/" "&AOk"
* LIST () "/" "&AOl-"
* LIST () "/" "&AGE-"
* LIST () "/" "&A-"
* LIST () "/" "&2AA-"
* LIST () "/" "&AOk-&AOk-"
* LIST () "/" "a\x07"
* LIST () "/" a ()
* LIST () "/" a ("CHILDINFO" ())
* LIST () "/" a ("CHILDINFO" (SUBSCRIBED))
* LIST () "/" a ("CHILDINFO" ("REMOTE"))
* LIST () "/" a ("OLDNAME" ("b" "c"))
* LIST () "/" a ("PURPLE" (b))
* STATUS a b (MESSAGES 1)
* STATUS a (MESSAGES)
* STATUS a (PURPLE 1)
* STATUS a (MESSAGES 1 MESSAGES 1)
* STATUS a (MESSAGES 1 )
* STATUS a (UIDNEXT 0)
* SEARCH{blank}
* SEARCH 0
* SEARCH 1 1
* SEARCH (MODSEQ 5)
* SEARCH 1 (MODSEQ 0)
* SEARCH 1 (PURPLE 5)
* SEARCH 1 (MODSEQ 5) 2
* ESEARCH (TAG a1) ALL 1
* ESEARCH (TAC "a1") ALL 1
* ESEARCH (TAG "a1") ALL
* ESEARCH (TAG "a1") ALL 1:*
* ESEARCH (TAG "a1") MIN 0
* ESEARCH (TAG "a1") MIN 1 MIN 1
* ESEARCH (TAG "a1") PARTIAL 1
* VANISHED
* VANISHED 1:*
* VANISHED 0
* VANISHED (earlier 1
* VANISHED (LATER) 1
* ID ("a")
* ID (a "b")
* ID ("a" "b" "A" "c")
* ID ({many})
* NAMESPACE (("" "/")) NIL
* NAMESPACE () NIL NIL
* NAMESPACE (("" "/") ("a" "/")) NIL NIL
* NAMESPACE (("" "/" "X" ())) NIL NIL
* QUOTA "" ()
* QUOTA "" (STORAGE 10)
* QUOTA "" (PURPLE 10 512)
* QUOTAROOT
* 1 FETCH
* 1 FETCH ()
* 1 FETCH (UID)
* 1 FETCH (UID 0)
* 1 FETCH (UID 1 UID 1)
* 1 FETCH (UID 1 )
* 1 FETCH (UID 1  FLAGS ())
* 1 FETCH (PURPLE 1)
* 1 FETCH (RFC822.SIZE -1)
* 1 FETCH (RFC822.SIZE 4294967296)
* 1 FETCH (FLAGS (\Recent \recent))
* 1 FETCH (FLAGS NIL)
* 1 FETCH (MODSEQ 5)
* 1 FETCH (MODSEQ (0))
* 1 FETCH (INTERNALDATE "1-Jul-1996 02:44:25 -0700")
* 1 FETCH (INTERNALDATE "Mon, 1 Jul 1996 02:44:25 -0700")
* 1 FETCH (INTERNALDATE " 0-Jul-1996 02:44:25 -0700")
* 1 FETCH (INTERNALDATE "32-Jul-1996 02:44:25 -0700")
* 1 FETCH (INTERNALDATE " 1-Jul-1996 24:44:25 -0700")
* 1 FETCH (INTERNALDATE NIL)
* 1 FETCH (EMAILID NIL)
* 1 FETCH (PREVIEW {1}|\xff)
* 1 FETCH (PREVIEW "{long}")
* 1 FETCH (BODY[] x)
* 1 FETCH (BODY[] {3}|ab)
* 1 FETCH (BODY[] {3+}|abc)
* 1 FETCH (BODY[] {3}|a\x00c)
* 1 FETCH (BODY[] {99}|abc)
* 1 FETCH (BODY[] {4294967296}|abc)
* 1 FETCH (BODY[] ~{3}|abc)
* 1 FETCH (BODY[] "caf\xc3\xa9")
* 1 FETCH (BODY[] "a\b")
* 1 FETCH (BODY[]<0.5> "a")
* 1 FETCH (BODY[PURPLE] "a")
* 1 FETCH (BODY[MIME] "a")
* 1 FETCH (BODY[1.] "a")
* 1 FETCH (BODY[4294967296] "a")
* 1 FETCH (BODY[HEADER.FIELDS ()] "a")
* 1 FETCH (BODY[HEADER.FIELDS (a  b)] "a")
* 1 FETCH (BINARY[TEXT] "a")
* 1 FETCH (BINARY[0] "a")
* 1 FETCH (BINARY.SIZE[1] "a")
* 1 FETCH (RFC822[1] "a")
* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (NIL NIL () NIL NIL NIL NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL "a" "b")) NIL ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL "a" "b") (NIL NIL "a" "b")) NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL "a")) NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL NIL "b")) NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL "g" NIL)) NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL (("n" NIL "g" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL))
* 1 FETCH (ENVELOPE (date NIL NIL NIL NIL NIL NIL NIL NIL NIL))
* 1 FETCH (BODY ("text" "plain" NIL NIL NIL "7bit" 1))
* 1 FETCH (BODY ("text" "plain" NIL NIL NIL "7bit" 1 1 NIL))
* 1 FETCH (BODY ("text" "plain" NIL NIL NIL NIL 1 1))
* 1 FETCH (BODY ("text" "plain" NIL NIL NIL "" 1 1))
* 1 FETCH (BODY ("text" "plain" () NIL NIL "7bit" 1 1))
* 1 FETCH (BODY ("text" "plain" ("a") NIL NIL "7bit" 1 1))
* 1 FETCH (BODY ("text" "plain" ("a" "b" "c") NIL NIL "7bit" 1 1))
* 1 FETCH (BODY ("text" "plain" NIL NIL NIL "7bit" -1 1))
* 1 FETCH (BODY ({4}|text "plain" NIL NIL NIL "7bit" 1 1))
* 1 FETCH (BODY (NIL "plain" NIL NIL NIL "7bit" 1 1))
* 1 FETCH (BODY ("multipart" "mixed" NIL NIL NIL "7bit" 1))
* 1 FETCH (BODY ("message" "rfc822" NIL NIL NIL "7bit" 1))
* 1 FETCH (BODY ("message" "rfc822" NIL NIL NIL "7bit" 1 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) NIL 3))
* 1 FETCH (BODY (("image" "x" NIL NIL NIL "7bit" 1) ("image" "x" NIL NIL NIL "7bit" 1) "mixed"))
* 1 FETCH (BODY (("image" "x" NIL NIL NIL "7bit" 1)))
* 1 FETCH (BODY (("image" "x" NIL NIL NIL "7bit" 1) "mixed" NIL))
* 1 FETCH (BODYSTRUCTURE ("image" "x" NIL NIL NIL "7bit" 1 NIL ("inline")))
* 1 FETCH (BODYSTRUCTURE ("image" "x" NIL NIL NIL "7bit" 1 NIL NIL ()))
* 1 FETCH (BODYSTRUCTURE ("image" "x" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL 5))
* 1 FETCH (BODYSTRUCTURE ("image" "x" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL ))
"""

# What only some may say: the line, and for whom it is right (utf8, rev2).
MODES = [
    ('* LIST () "/" "café"', {(True, False), (False, True), (True, True)}),
    ('* LIST () "/" "caf&AOk-"', {(False, False), (True, False), (False, True), (True, True)}),
    ('* LIST () "/" "&AOk"', {(True, False), (False, True), (True, True)}),
    ('* LIST () "/" "a\x85"', set()),
    ("* OK café", {(False, True), (True, True)}),
    ("* 1 FETCH (FLAGS (\\Recent))", {(False, False), (True, False)}),
    ("* 1 FETCH (RFC822.SIZE 4294967296)", {(False, True), (True, True)}),
    ('* 1 FETCH (BODY ("message" "global" NIL NIL NIL "7bit" 7))', {(False, False), (True, False)}),
]


def lines(block: bytes) -> list[bytes]:
    """The responses of a table, each with its CRLF; a line that is one of a literal belongs to the line before."""
    block = block.strip(b"\n").replace(b"\n    ", b" ")
    return list(Stream().feed(block.replace(b"\n", b"\r\n") + b"\r\n"))


def bad_lines() -> list[bytes]:
    """`|` is a line end within, \\x.. an octet."""
    out = []
    for line in BAD.strip(b"\n").split(b"\n"):
        line = line.replace(b"{blank}", b" ").replace(b"{long}", b"x" * 257)
        line = line.replace(b"{many}", b" ".join(b'"f%d" NIL' % k for k in range(31)))
        line = re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), line)
        out.append(line.replace(b"|", b"\r\n") + b"\r\n")
    # What no line can show.
    return [*out, b"* OK x\n", b"* OK x\r\r\n", b"* OK x\r\n* OK x\r\n", b"* 3 EXISTS\n", b""]


def reason_of(line: bytes, utf8: bool = False, rev2: bool = False) -> str:
    with pytest.raises(GrammarError) as caught:
        parse(line, utf8, rev2)
    assert 0 <= caught.value.position <= len(line)
    return caught.value.reason


@pytest.mark.parametrize("line", lines(GOOD), ids=lambda line: line[:50].decode("latin-1"))
def test_what_the_rfcs_show_is_read(line):
    parse(line)
    parse(line, utf8=True)


@pytest.mark.parametrize("line", bad_lines(), ids=lambda line: line[:50].decode("latin-1"))
def test_what_breaks_a_rule_is_refused(line):
    assert reason_of(line)


def test_refusals_say_where():
    with pytest.raises(GrammarError, match=r"two blanks, at octet 17: .*UID 1 ' HERE b' FLAGS"):
        parse(b"* 1 FETCH (UID 1  FLAGS ())\r\n")


@pytest.mark.parametrize(("line", "right"), MODES)
def test_what_depends_on_what_is_enabled(line, right):
    octets = line.encode() + b"\r\n"
    for utf8 in (False, True):
        for rev2 in (False, True):
            if (utf8, rev2) in right:
                parse(octets, utf8, rev2)
            else:
                reason_of(octets, utf8, rev2)


def test_what_is_read():
    response = parse(b"a1 OK [COPYUID 7 3:1,9 4:7] Done\r\n")
    assert (response.tag, response.name, response.text) == (b"a1", b"OK", b"Done")
    assert response.code == Code(b"COPYUID", (7, [(1, 3), (9, 9)], [(4, 7)]))
    items = parse(b"* 2 FETCH (UID 5 FLAGS (\\Seen a) BODY[1]<3> {2}\r\nxy MODSEQ (9) BODY[2] NIL)\r\n").value
    assert items == {b"UID": 5, b"FLAGS": (b"\\Seen", b"a"), b"BODY[1]<3>": 2, b"MODSEQ": 9, b"BODY[2]": None}
    assert parse(b'* LIST (\\Sent) "/" "a\\"b"\r\n').value == ([b"\\SENT"], b'a"b')
    assert parse(b"* VANISHED (EARLIER) 1:2\r\n").value == (True, [(1, 2)])


def test_responses_are_found_in_what_arrives():
    octets = b"* 1 FETCH (BODY[] {7}\r\n* OK {9 BODY[1] {0}\r\n)\r\n* OK a\r\n+ \r\n* OK {b"
    whole = [b"* 1 FETCH (BODY[] {7}\r\n* OK {9 BODY[1] {0}\r\n)\r\n", b"* OK a\r\n", b"+ \r\n"]
    for size in (1, 2, 3, 7, 100):
        stream = Stream()
        pieces = [octets[k : k + size] for k in range(0, len(octets), size)]
        assert [response for piece in pieces for response in stream.feed(piece)] == whole
        assert stream.rest() == b"* OK {b"


def reasons_in(*names: str) -> set[str]:
    """The texts that refusals of these modules begin with, or have in them."""
    found = set()
    for name in names:
        for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in ("fail", "GrammarError"):
                continue
            text = node.args[0]
            if isinstance(text, ast.JoinedStr):
                parts = [part.value for part in text.values if isinstance(part, ast.Constant)]
                found.add(max(map(str, parts), key=len))
            elif isinstance(text, ast.Constant):
                found.add(str(text.value))
    return found


def test_every_rule_has_a_line_that_it_refuses():
    seen = {reason_of(line) for line in bad_lines()}
    seen |= {
        reason_of('* LIST () "/" "a\x85"\r\n'.encode(), utf8=True),
        reason_of(b'* LIST () "/" "\xff"\r\n', utf8=True),
    }
    rules = reasons_in("reader", "conditions", "structure", "messages", "mailboxes", "responses")
    assert len(rules) >= 60
    assert not {rule for rule in rules if not any(rule in reason for reason in seen)}
