"""The store's state machine inside the 32-bit MicroPython, on the simulator's chip (tests/crash/README.md)."""

from tests.support.store_backends import Vm
from tests.support.store_machine import StoreMachine, bounds

BLOCKS = 120


class Machine(StoreMachine):
    def new_backend(self) -> Vm:
        return Vm(BLOCKS)


TestStoreMachine = Machine.TestCase
TestStoreMachine.settings = bounds(15, 30)
