"""Any order of operations, those of IMAP's extensions among them, of cuts and of restarts, against the plain model."""

from tests.support.store_backends import InMemory
from tests.support.store_machine import bounds
from tests.support.store_machine_imap import ImapMachine

BLOCKS = 120


class Machine(ImapMachine):
    def new_backend(self) -> InMemory:
        return InMemory(BLOCKS)


TestStateMachine = Machine.TestCase
TestStateMachine.settings = bounds(60, 40)
