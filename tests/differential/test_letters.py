"""Every FETCH item and section of every letter, and of all its parts."""

from collections.abc import Iterator

import pytest

from tests.differential import fetching
from tests.differential.difference import Comparison
from tests.differential.letter_differences import OF_LETTERS
from tests.differential.letters import LETTERS
from tests.differential.pair import ALL_LETTERS, Link, Pair


@pytest.fixture(scope="module")
def reader(pair: Pair) -> Iterator[Link]:
    """A connection that has the mailbox of all letters open, and changes nothing."""
    with pair.link("reader") as link:
        link.prepare([f"EXAMINE {ALL_LETTERS}".encode()])
        yield link


@pytest.mark.parametrize("letter", LETTERS, ids=[letter.name for letter in LETTERS])
def test_letter(reader, letter):
    [first] = reader.run([b"FETCH %d BODYSTRUCTURE" % letter.number])
    structure = first.dovecot.untagged[0].values[0][1]
    comparison = Comparison(letter.name, OF_LETTERS)
    comparison.add(reader.run(fetching.of_letter(letter, structure)))
    comparison.check()
