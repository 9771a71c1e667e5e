"""The comparison itself: what it takes for equal, and that it fails where it should."""

import re

import pytest

from tests.differential import documentation, wire
from tests.differential.changes import items, padded_day
from tests.differential.difference import Comparison, Difference
from tests.differential.letter_differences import OF_LETTERS
from tests.differential.letters import LETTERS
from tests.differential.normalise import normalise
from tests.differential.pair import Answers
from tests.differential.topic_differences import OF_TOPICS
from tests.differential.topics import PREPARED, TOPICS
from tests.differential.wire import Answer


def answer(*lines: bytes, command: bytes = b"COMMAND") -> Answer:
    """What a server says: the untagged responses, and the tagged one without its tag."""
    untagged = [wire.read_untagged(line[2:]) for line in lines[:-1]]
    tagged = wire.read_untagged(lines[-1])
    return Answer(command, tagged.name, tagged.code, tagged.text, untagged)


def test_values_of_every_kind():
    text = b'a ("b\\"c" {3}\r\n\x00)( nil NIL 12 ()) ~{2}\r\n"" BODY[1.HEADER.FIELDS (a "b]")]<0> x'
    [atom, both, eight, section, last] = wire.values(text)
    assert (atom, section, last) == (b"a", b'BODY[1.HEADER.FIELDS (a "b]")]<0>', b"x")
    assert both == [b'b"c', b"\x00)(", b"nil", None, 12, []]
    assert [type(value) for value in both[:3]] == [wire.Quoted, wire.Literal, wire.Atom]
    assert (type(eight), eight) == (wire.Literal8, b'""')


@pytest.mark.parametrize("text", [b"(", b"a  b", b'"a', b'"a\r\nb"', b"()a", b"{5", b"(a))", b"a ", b"BODY[1 a"])
def test_no_values(text):
    with pytest.raises(wire.Malformed):
        wire.values(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((b"OK done",), (b"OK finished",)),
        ((b'* ESEARCH (TAG "t1") ALL 1', b"OK x"), (b"* ESEARCH (TAG {2}\r\nt9) ALL 1", b"OK x")),
        ((b"* OK [UIDVALIDITY 5] a", b"OK [APPENDUID 5 3] x"), (b"* OK [UIDVALIDITY 6] b", b"OK [APPENDUID 6 3] x")),
        ((b"* STATUS a (UIDVALIDITY 1 MESSAGES 2)", b"OK x"), (b'* STATUS "a" (MESSAGES 2 UIDVALIDITY 3)', b"OK x")),
        ((b"* 1 FETCH (MODSEQ (5) UID 1)", b"OK x"), (b"* 1 FETCH (UID 1 MODSEQ (7))", b"OK x")),
        ((b"* SEARCH 1 2 (MODSEQ 5)", b"OK x"), (b"* SEARCH 1 2 (MODSEQ 6)", b"OK x")),
        ((b"* 1 FETCH (FLAGS (\\Seen a))", b"OK x"), (b"* 1 FETCH (FLAGS (a \\Seen))", b"OK x")),
        ((b'* 1 FETCH (ENVELOPE ("a" NIL))', b"OK x"), (b"* 1 FETCH (ENVELOPE ({1}\r\na NIL))", b"OK x")),
        ((b"* 1 EXISTS", b"* 0 RECENT", b"OK x"), (b"* 0 RECENT", b"* 1 EXISTS", b"OK x")),
        # Numbers after EXPUNGE are those that the letters have then.
        ((b"* 2 EXPUNGE", b"* 2 EXPUNGE", b"OK x"), (b"* 3 EXPUNGE", b"* 2 EXPUNGE", b"OK x")),
        ((b"* 1 EXPUNGE", b"* 1 FETCH (UID 2)", b"OK x"), (b"* 2 FETCH (UID 2)", b"* 1 EXPUNGE", b"OK x")),
    ],
)
def test_equal_answers(one, other):
    assert normalise(answer(*one)) == normalise(answer(*other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((b"OK x",), (b"NO x",)),
        ((b"NO [NONEXISTENT] x",), (b"NO x",)),
        ((b"OK [APPENDUID 5 3] x",), (b"OK [APPENDUID 5 4] x",)),
        ((b"* SEARCH 1 2", b"OK x"), (b"* SEARCH 1", b"OK x")),
        ((b"* SEARCH 1 2", b"OK x"), (b"* SEARCH 2 1", b"OK x")),
        ((b"* 1 FETCH (BODY[] NIL)", b"OK x"), (b'* 1 FETCH (BODY[] "")', b"OK x")),
        ((b"* 1 FETCH (BODY[] NIL)", b"OK x"), (b'* 1 FETCH (BODY[] "NIL")', b"OK x")),
        ((b'* 1 FETCH (BODY[] "a")', b"OK x"), (b'* 1 FETCH (BODY[] "A")', b"OK x")),
        ((b"* 1 FETCH (MODSEQ (5) UID 1)", b"OK x"), (b"* 1 FETCH (UID 1)", b"OK x")),
        ((b"* 1 EXPUNGE", b"* 1 EXPUNGE", b"OK x"), (b"* 1 EXPUNGE", b"* 2 EXPUNGE", b"OK x")),
        ((b"* 1 EXPUNGE", b"* 1 FETCH (UID 2)", b"OK x"), (b"* 1 FETCH (UID 2)", b"* 1 EXPUNGE", b"OK x")),
    ],
)
def test_answers_that_are_not_equal(one, other):
    assert normalise(answer(*one)) != normalise(answer(*other))


def compared(differences, ours: bytes, theirs: bytes, command: bytes = b"FETCH 1 INTERNALDATE") -> Comparison:
    comparison = Comparison("here", differences)
    comparison.add([Answers(answer(ours, b"OK x", command=command), answer(theirs, b"OK x", command=command))])
    return comparison


LISTED = Difference("days", "what", "RFC", "sentence", ("here",), "INTERNALDATE", items(padded_day))
OURS = b'* 1 FETCH (INTERNALDATE " 1-Feb-2024")'
THEIRS = b'* 1 FETCH (INTERNALDATE "01-Feb-2024")'


def test_a_listed_difference_is_allowed_and_no_other():
    compared((LISTED,), OURS, THEIRS).check()
    with pytest.raises(AssertionError, match=r"Postino: .* 1-Feb"):
        compared((), OURS, THEIRS).check()
    with pytest.raises(AssertionError, match=r"Dovecot: .*2-Feb"):
        compared((LISTED,), OURS, b'* 1 FETCH (INTERNALDATE "02-Feb-2024")').check()
    with pytest.raises(AssertionError, match="FETCH 1 UID"):
        compared((LISTED,), OURS, THEIRS, b"FETCH 1 UID").check()


def test_a_listed_difference_that_does_not_occur_fails():
    with pytest.raises(AssertionError, match="it does not occur: days"):
        compared((LISTED,), OURS, OURS).check()
    # One that another makes superfluous does not occur either.
    anything = Difference("all", "what", "RFC", "sentence", ("here",), "", lambda *_: ([], []))
    with pytest.raises(AssertionError, match="it does not occur: days"):
        compared((LISTED, anything), OURS, THEIRS).check()


def test_differences_name_letters_and_topics_that_exist():
    letters = {letter.name for letter in LETTERS}
    topics = {topic.name for topic in (*TOPICS, *PREPARED)}
    for each in OF_LETTERS:
        assert set(each.where) <= letters, each.name
    for each in OF_TOPICS:
        assert set(each.where) <= topics, each.name
    for each in (*OF_LETTERS, *OF_TOPICS):
        assert re.match(r"RFC \d+ \d", each.rfc) and each.sentence.strip(), each.name


def test_as_much_as_was_promised():
    assert len(LETTERS) >= 60
    assert sum(line.strip().startswith(("A: ", "B: ")) for topic in TOPICS for line in topic.script.splitlines()) >= 400


def test_the_documentation_lists_every_normalisation_and_every_difference():
    text = documentation.PAGE.read_text()
    assert documentation.with_section(text) == text, "write it by: python -m tests.differential.documentation"
