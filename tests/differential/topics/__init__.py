"""The topics, a module each or several in one.

TOPICS are those that the tests play. PREPARED are those of capabilities that Postino does not have yet: whoever makes
it fit for one moves it to the others.
"""

from tests.differential.topics import (
    appending,
    binary,
    condstore,
    esearch,
    fetch,
    flags,
    further,
    listing,
    mailboxes,
    moving,
    qresync,
    search,
    sort,
)

TOPICS = (
    *fetch.TOPICS,
    *search.TOPICS,
    *mailboxes.TOPICS,
    *flags.TOPICS,
    *moving.TOPICS,
    *appending.TOPICS,
    *esearch.TOPICS,
    *sort.TOPICS,
    *condstore.TOPICS,
    *qresync.TOPICS,
    *listing.TOPICS,
    *binary.TOPICS,
    *further.TOPICS,
)

PREPARED = ()
