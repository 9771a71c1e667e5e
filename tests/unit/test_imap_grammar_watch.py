"""The strict reader over a whole dialog: some that are right, and one for each rule that it breaks."""

from pathlib import Path

import pytest

from tests.support import imap_grammar
from tests.support.imap_grammar import GrammarError, Watch
from tests.unit.test_imap_grammar import reasons_in

LOGIN = ["S: * OK [CAPABILITY IMAP4rev1] ready", "C: a LOGIN u p", "S: a OK in"]
# What SELECT tells of a mailbox of four messages.
TOLD = [
    "S: * 4 EXISTS",
    "S: * 1 RECENT",
    "S: * FLAGS (\\Seen \\Deleted a)",
    "S: * OK [PERMANENTFLAGS (\\Seen \\*)] Kept",
    "S: * OK [UIDVALIDITY 7] Valid",
    "S: * OK [UIDNEXT 20] Next",
    "S: * OK [HIGHESTMODSEQ 5] Highest",
]
SELECT = [*LOGIN, "C: s SELECT INBOX", *TOLD, "S: s OK [READ-WRITE] Selected"]
QRESYNC = [*LOGIN, "C: e ENABLE QRESYNC", "S: * ENABLED QRESYNC", "S: e OK on", *SELECT[3:]]
REV2 = [*LOGIN, "C: e ENABLE IMAP4rev2", "S: * ENABLED IMAP4rev2", "S: e OK on"]
UIDS = [
    "C: u UID FETCH 1:* (UID)",
    *(f"S: * {number} FETCH (UID {uid})" for number, uid in ((1, 2), (2, 5), (3, 9), (4, 10))),
    "S: u OK done",
]

RIGHT = {
    "pipeline": [
        *LOGIN,
        "C: b NOOP|c NOOP|d CAPABILITY",
        "S: b OK x",
        "S: c OK x",
        "S: * CAPABILITY IMAP4rev1",
        "S: d OK x",
    ],
    "literals": [*LOGIN, "C: b CREATE {3}", "S: + go on", "C: a b", "S: b OK x", "C: c CREATE {3+}|x y", "S: c OK x"],
    "a literal that was not wanted": [*LOGIN, "C: b APPEND x {3}", "S: b NO x", "C: c NOOP", "S: c OK x"],
    "an answer before the end": [*LOGIN, "C: b APPEND x {9+}", "S: b NO x", "C: 123456789|c NOOP", "S: c OK x"],
    "authenticate": [
        "S: * OK hi",
        "C: a AUTHENTICATE PLAIN",
        "S: + ",
        "C: AGEAYg==",
        "S: a OK in",
        "C: b NOOP",
        "S: b OK x",
    ],
    "a line without a tag": [*LOGIN, "C: |+ x|b NOOP", "S: * BAD x", "S: * BAD x", "S: b OK x"],
    "idle": [
        *SELECT,
        "C: i IDLE",
        "S: + idling",
        "S: * 3 EXPUNGE",
        "S: * OK here",
        "C: DONE|c NOOP",
        "S: i OK x",
        "S: c OK x",
    ],
    "expunge": [
        *SELECT,
        *UIDS,
        "C: b EXPUNGE",
        "S: * 2 EXPUNGE",
        "S: * 3 EXPUNGE",
        "S: * 3 EXISTS",
        "S: b OK x",
        "C: c UID FETCH 9 UID",
        "S: * 2 FETCH (UID 9)",
        "S: c OK x",
    ],
    "uid commands": [
        *SELECT,
        "C: b UID STORE 5 FLAGS (a)",
        "S: * 1 EXPUNGE",
        "S: * 1 FETCH (UID 5 FLAGS (A \\Recent))",
        "S: b OK x",
    ],
    "another mailbox": [
        *SELECT,
        "C: b SELECT x",
        "S: * 9 EXISTS",
        "S: * OK [CLOSED] Closed",
        *TOLD,
        "S: b OK [READ-ONLY] x",
    ],
    "close": [*SELECT, "C: b CLOSE", "S: b OK x", "C: s SELECT x", *TOLD, "S: s OK [READ-WRITE] x"],
    "deleted": [*SELECT, 'C: b DELETE "inbox"', "S: b OK x", "C: s SELECT x", *TOLD, "S: s OK [READ-WRITE] x"],
    "a select that fails": [
        *SELECT,
        "C: b SELECT x",
        "S: * OK [CLOSED] x",
        "S: b NO x",
        "C: s SELECT x",
        *TOLD,
        "S: s OK [READ-WRITE] x",
    ],
    "search": [
        *SELECT,
        "C: b SEARCH ALL",
        "S: * SEARCH 1 4",
        "S: b OK x",
        "C: c UID SEARCH ALL",
        "S: * SEARCH 900",
        "S: c OK x",
    ],
    "extended search": [
        *SELECT,
        "C: b SEARCH RETURN (MIN COUNT) ALL",
        'S: * ESEARCH (TAG "b") MIN 4 COUNT 1',
        "S: b OK x",
        "C: c UID SEARCH RETURN (COUNT MAX) ALL",
        'S: * ESEARCH (TAG "c") UID COUNT 0',
        "S: c OK x",
        "C: d SEARCH RETURN (SAVE) ALL",
        "S: d OK x",
        "C: e SEARCH RETURN () ALL",
        'S: * ESEARCH (TAG "e")',
        "S: e OK x",
    ],
    "condstore": [
        *SELECT,
        "C: b FETCH 1 MODSEQ",
        "S: * 1 FETCH (MODSEQ (4))",
        "S: b OK x",
        "C: c NOOP",
        "S: * 1 FETCH (FLAGS () MODSEQ (9))",
        "S: * OK [HIGHESTMODSEQ 9] x",
        "S: c OK x",
    ],
    "qresync": [
        *QRESYNC,
        *UIDS,
        "C: b UID EXPUNGE 5",
        "S: * VANISHED 5,10",
        "S: b OK [HIGHESTMODSEQ 9] x",
        "C: c UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)",
        "S: * VANISHED (EARLIER) 1,3:4",
        "S: c OK x",
    ],
    "rev2": [
        *REV2,
        "C: b SELECT x",
        *TOLD[:1],
        *TOLD[2:],
        'S: * LIST () "/" "é"',
        "S: b OK [READ-WRITE] é",
        "C: c SEARCH ALL",
        'S: * ESEARCH (TAG "c") ALL 1:4',
        "S: c OK x",
    ],
    "status": [*LOGIN, "C: b STATUS x (UIDNEXT MESSAGES)", "S: * STATUS x (MESSAGES 1 UIDNEXT 2)", "S: b OK x"],
    "goodbye": [*LOGIN, "C: b LOGOUT", "S: * BYE x", "S: b OK x"],
    "refused": ["S: * BYE too many"],
}

# The dialog, and what the last response in it is refused for.
WRONG = [
    (["S: a OK x"], "a greeting expected"),
    (["S: * 1 EXISTS"], "a greeting expected"),
    ([*LOGIN, "S: a OK x"], "a reply to"),
    ([*LOGIN, "C: b NOOP|c NOOP", "S: c OK x"], "a reply to"),
    ([*LOGIN, "C: b CREATE {3+}|b NOOP", "S: * BAD x"], None),
    ([*LOGIN, "S: + go on"], "a continuation that nothing waits for"),
    ([*LOGIN, "C: b NOOP", "S: + go on"], "a continuation that nothing waits for"),
    ([*LOGIN, "C: b CREATE {3+}|x y", "S: + go on"], "a continuation that nothing waits for"),
    ([*LOGIN, "C: b LOGOUT", "S: * BYE x", "S: * OK x"], "something behind BYE"),
    ([*LOGIN, "C: b NOOP", "S: * CAPABILITY IMAP4rev1"], "CAPABILITY in NOOP"),
    ([*LOGIN, "S: * SEARCH"], "SEARCH in None"),
    ([*LOGIN, "C: b LSUB x y", 'S: * LIST () "/" a'], "LIST in LSUB"),
    ([*LOGIN, "C: b CAPABILITY", "S: b OK x"], "0 answers to CAPABILITY"),
    ([*LOGIN, "C: b STATUS x (UIDNEXT)", "S: * STATUS x (MESSAGES 1)", "S: b OK x"], "STATUS of other items"),
    ([*LOGIN, "C: b NOOP", "S: * 1 EXISTS"], "EXISTS, and no mailbox is selected"),
    ([*LOGIN, "C: b NOOP", "S: * OK [UIDNEXT 1] x"], "UIDNEXT, and no mailbox is selected"),
    ([*SELECT, "C: b UNSELECT", "S: b OK x", "S: * 5 EXISTS"], "EXISTS, and no mailbox is selected"),
    ([*LOGIN, "C: s SELECT x", "S: s OK [READ-WRITE] x"], "SELECT that tells nothing"),
    ([*SELECT, "C: s SELECT x", *TOLD, "S: s OK [READ-WRITE] x"], "SELECT that tells nothing, or did not close"),
    ([*LOGIN, "C: s SELECT x", *TOLD, "S: s OK x"], "SELECT without READ-WRITE or READ-ONLY"),
    ([*LOGIN, "C: s SELECT x", TOLD[1]], "1 recent messages of 0"),
    ([*LOGIN, "C: s SELECT x", *TOLD[:5], "S: s OK [READ-WRITE] x"], "SELECT without UIDNEXT"),
    ([*LOGIN, "C: s SELECT x (CONDSTORE)", *TOLD[:6], "S: s OK [READ-WRITE] x"], None),
    ([*QRESYNC[:6], "C: s SELECT x", *TOLD[:6], "S: s OK [READ-WRITE] x"], "SELECT without HIGHESTMODSEQ"),
    ([*REV2, "C: s SELECT x", *TOLD[:1], *TOLD[2:], "S: s OK [READ-WRITE] x"], "SELECT without LIST"),
    ([*REV2, "C: s SELECT x", *TOLD[:2]], "RECENT, which IMAP4rev2 has not"),
    ([*REV2, "C: s SELECT x", *TOLD[:1], "S: * OK [UNSEEN 1] x"], "UNSEEN, which IMAP4rev2 has not"),
    ([*LOGIN, "C: s SELECT x", *TOLD, "S: * OK [UNSEEN 5] x"], "message 5 of 4"),
    ([*LOGIN, "C: s SELECT x", "S: * OK [CLOSED] x"], "CLOSED, and nothing was closed"),
    ([*SELECT, "C: b NOOP", "S: * OK [CLOSED] x"], "CLOSED, and nothing was closed"),
    ([*SELECT, "S: * 3 EXISTS"], "EXISTS falls from 4 to 3"),
    ([*SELECT, "S: * OK [UIDVALIDITY 8] x"], "UIDVALIDITY was 7 and is 8"),
    ([*SELECT, "S: * OK [UIDNEXT 19] x"], "UIDNEXT falls from 20 to 19"),
    ([*SELECT, "C: b FETCH 4 UID", "S: * 4 FETCH (UID 30)", "S: * OK [UIDNEXT 30] x"], "UIDNEXT 30 is not above"),
    ([*SELECT, "S: * OK [HIGHESTMODSEQ 4] x"], "HIGHESTMODSEQ falls from 5 to 4"),
    ([*SELECT, "C: b NOOP", "S: b OK [HIGHESTMODSEQ 4] x"], "HIGHESTMODSEQ falls from 5 to 4"),
    ([*SELECT, "S: * 1 EXPUNGE"], "EXPUNGE without a command in progress"),
    ([*SELECT, "C: b FETCH 1 UID", "S: * 1 EXPUNGE"], "EXPUNGE in FETCH"),
    ([*SELECT, "C: b STORE 1 FLAGS a", "S: * 1 EXPUNGE"], "EXPUNGE in STORE"),
    ([*SELECT, "C: b SEARCH ALL", "S: * 1 EXPUNGE"], "EXPUNGE in SEARCH"),
    ([*SELECT, "C: b NOOP", "S: * 5 EXPUNGE"], "message 5 of 4"),
    ([*SELECT, "C: b FETCH 1:* UID", "S: * 5 FETCH (UID 15)"], "message 5 of 4"),
    ([*SELECT, "C: b SEARCH ALL", "S: * SEARCH 5"], "message 5 of 4"),
    ([*SELECT, "C: b SEARCH RETURN () ALL", 'S: * ESEARCH (TAG "b") ALL 1:5'], "message 5 of 4"),
    ([*SELECT, *UIDS, "C: b FETCH 1 UID", "S: * 1 FETCH (UID 3)"], "the UID of message 1 was 2 and is 3"),
    ([*SELECT, *UIDS[:3], "C: |b FETCH 3 UID", "S: * 3 FETCH (UID 5)"], "UID 5 of message 3 is not above 5 of 2"),
    ([*SELECT, *UIDS[:1], UIDS[4], "S: * 2 FETCH (UID 11)"], "UID 11 of message 2 is not below 10 of 4"),
    ([*SELECT, "C: b UID FETCH 1 FLAGS", "S: * 1 FETCH (FLAGS ())"], "FETCH without UID"),
    ([*QRESYNC, "C: b NOOP", "S: * 1 FETCH (FLAGS () MODSEQ (3))"], "FETCH without UID"),
    ([*SELECT, "C: b FETCH 1 FLAGS", "S: * 1 FETCH (FLAGS (b))"], "the flag b was not announced by FLAGS"),
    ([*SELECT, "C: b FETCH 1 FLAGS", "S: * 1 FETCH (MODSEQ (5))"], "MODSEQ for a client that has not asked"),
    ([*QRESYNC, "C: b STORE 1 FLAGS a", "S: * 1 FETCH (UID 2 FLAGS (a))"], "flags without MODSEQ"),
    (
        [*QRESYNC, *UIDS, "C: b NOOP", "S: * 1 FETCH (UID 2 MODSEQ (9))", "S: * 1 FETCH (UID 2 MODSEQ (8))"],
        "MODSEQ of UID 2",
    ),
    ([*SELECT, "C: b NOOP", "S: * VANISHED 1"], "VANISHED without ENABLE QRESYNC"),
    ([*QRESYNC, "C: b NOOP", "S: * 1 EXPUNGE"], "EXPUNGE after ENABLE QRESYNC"),
    ([*QRESYNC, "S: * VANISHED 1"], "VANISHED without a command in progress"),
    ([*QRESYNC, "C: b FETCH 1 FLAGS", "S: * VANISHED 1"], "VANISHED in FETCH"),
    ([*QRESYNC, "C: b UID SEARCH UID 5 (NOT 1:2)", "S: * VANISHED 1"], "VANISHED in a UID SEARCH"),
    ([*QRESYNC, "C: b UID SEARCH UID 5 LARGER 3", "S: * VANISHED 1"], None),
    ([*QRESYNC, "C: b NOOP", "S: * VANISHED 1:5"], "VANISHED of 5 UIDs, of 4 messages"),
    ([*QRESYNC, *UIDS, "C: b NOOP", "S: * VANISHED 3"], "VANISHED of UIDs that are not there"),
    ([*QRESYNC, "C: b NOOP", "S: * VANISHED (EARLIER) 3"], "VANISHED (EARLIER) that nobody asked for"),
    ([*QRESYNC, *UIDS, "C: b UID FETCH 1 UID (VANISHED", "S: * VANISHED (EARLIER) 9"], "of UID 9, which is there"),
    ([*QRESYNC[:6], "C: s SELECT x (QRESYNC", *TOLD, "S: * VANISHED (EARLIER) 20"], "of UIDs that were never given"),
    ([*SELECT, "C: b SEARCH RETURN (ALL) ALL", "S: * SEARCH 1"], "SEARCH where ESEARCH belongs"),
    ([*SELECT, "C: b SEARCH ALL", 'S: * ESEARCH (TAG "b") ALL 1'], "ESEARCH where SEARCH belongs"),
    ([*SELECT, "C: b SEARCH RETURN () ALL", 'S: * ESEARCH (TAG "c") ALL 1'], "ESEARCH for b'c'"),
    ([*SELECT, "C: b SEARCH RETURN () ALL", "S: * ESEARCH ALL 1"], "ESEARCH for None"),
    ([*SELECT, "C: b SEARCH RETURN () ALL", 'S: * ESEARCH (TAG "b") UID ALL 1'], "ESEARCH by number and by UID"),
    ([*SELECT, "C: b SEARCH RETURN (MIN) ALL", 'S: * ESEARCH (TAG "b") MAX 1'], "ESEARCH of what was not asked for"),
    ([*SELECT, "C: b SEARCH RETURN (COUNT MIN) ALL", 'S: * ESEARCH (TAG "b") MIN 1'], "ESEARCH of what was not asked"),
    ([*SELECT, "C: b SEARCH ALL", "S: b OK x"], "0 answers to SEARCH"),
    ([*SELECT, "C: b SEARCH ALL", "S: * SEARCH", "S: * SEARCH", "S: b OK x"], "2 answers to SEARCH"),
    ([*SELECT, "C: b SEARCH RETURN (SAVE) ALL", 'S: * ESEARCH (TAG "b")', "S: b OK x"], "1 answers to SEARCH"),
]


@pytest.fixture(autouse=True)
def nothing_is_left():
    """What is found here is meant to be found."""
    yield
    imap_grammar.failures.clear()


def play(steps: list[str], size: int = 10000) -> None:
    """`|` is a line end within. The server's octets come in pieces of this size."""
    watch = Watch()
    for step in steps:
        octets = step[3:].replace("|", "\r\n").encode() + b"\r\n"
        if step.startswith("C"):
            watch.said(octets)
            continue
        for start in range(0, len(octets), size):
            watch.heard(octets[start : start + size])
    watch.ended()


@pytest.mark.parametrize("size", [1, 10000])
@pytest.mark.parametrize("name", RIGHT)
def test_dialogs_that_are_right(name, size):
    play(RIGHT[name], size)
    assert not imap_grammar.failures


def refused_for(steps: list[str]) -> str:
    play(steps[:-1])
    imap_grammar.failures.clear()
    with pytest.raises(GrammarError) as caught:
        play(steps)
    # Whoever catches it does not get rid of it.
    assert imap_grammar.failures == [caught.value]
    return caught.value.reason


@pytest.mark.parametrize(("steps", "reason"), WRONG, ids=[" ".join(steps[-2:])[:70] for steps, _ in WRONG])
def test_dialogs_that_break_a_rule(steps, reason):
    if reason is None:
        # Right after all.
        play(steps[:-1])
    else:
        assert reason in refused_for(steps)


def test_every_rule_has_a_dialog_that_breaks_it():
    seen = {refused_for(steps) for steps, reason in WRONG if reason} | {"a response that does not end"}
    rules = {rule for rule in reasons_in("watch", "mailbox") if len(rule) > 3}
    assert len(rules) >= 30
    assert not {rule for rule in rules if not any(rule in reason for reason in seen)}


def test_the_server_hangs_up_in_the_middle():
    watch = Watch()
    watch.heard(b"* OK hi\r\n* BY")
    with pytest.raises(GrammarError, match="a response that does not end"):
        watch.ended()


def test_the_syntax_alone():
    watch = Watch(follow=False)
    watch.heard(b"* OK hi\r\nz OK x\r\n* 5 EXPUNGE\r\n+ x\r\n")
    with pytest.raises(GrammarError, match="two blanks"):
        watch.heard(b"* OK  hi\r\n")


def test_nothing_of_the_firmware_is_used():
    for path in Path(imap_grammar.__file__).parent.glob("*.py"):
        assert "postino" not in path.read_text().lower().replace("that postino offers", "")
