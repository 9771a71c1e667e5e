"""All tests. `unit` runs on CPython; the other folders drive the simulator or the 32-bit MicroPython."""
