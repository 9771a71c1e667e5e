"""The store's state machine in this process, over littlefs on a chip in memory; see README.md."""

from tests.support.store_backends import InMemory
from tests.support.store_machine import StoreMachine, bounds

BLOCKS = 120


class Machine(StoreMachine):
    def new_backend(self) -> InMemory:
        return InMemory(BLOCKS)


TestStateMachine = Machine.TestCase
TestStateMachine.settings = bounds(60, 40)
