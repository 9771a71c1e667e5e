"""The two servers, once for all tests of this folder, with the letters in both."""

from collections.abc import Iterator

import pytest

from tests.differential.dovecot import Dovecot
from tests.differential.pair import PASSWORDS, Pair
from tests.support.simulator import Simulator

# What is answered is compared here, not what it takes: its 90 mailboxes leave too little of 112k for SORT.
HEAP = "128k"


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with (
        Simulator(tmp_path_factory.mktemp("differential"), "--heap", HEAP, users=PASSWORDS) as simulator,
        Dovecot(PASSWORDS) as dovecot,
    ):
        servers = Pair(simulator, dovecot)
        servers.load()
        yield servers
