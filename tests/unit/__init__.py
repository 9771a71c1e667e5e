"""Parts of the firmware and the host tools one by one, on CPython, with no simulator."""
