"""The store's state machine inside the 32-bit MicroPython, on the simulator's chip (tests/crash/README.md)."""

from tests.support.store_backends import Vm
from tests.support.store_machine import bounds
from tests.support.store_machine_imap import ImapMachine

BLOCKS = 120


class Machine(ImapMachine):
    def new_backend(self) -> Vm:
        return Vm(BLOCKS)


TestStoreMachine = Machine.TestCase
TestStoreMachine.settings = bounds(15, 30)
